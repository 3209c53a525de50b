package httpgate

import (
	"context"
	"strings"
	"testing"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/traffic"
)

// Answers that name an amount are counted, and those that name another one; what
// the client gets is the answer.
func TestAnswersAreCompared(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer        string
		named, differ int64
	}{
		"as asked":     {answerWith(201, `{"id":"p1","amount":1299}`), 1, 0},
		"as text":      {answerWith(201, `{"amount":"1299"}`), 1, 0},
		"another":      {answerWith(201, `{"amount":999}`), 1, 1},
		"none":         {answerWith(201, `{"id":"p1"}`), 0, 0},
		"no number":    {answerWith(201, `{"amount":12.99}`), 0, 0},
		"not JSON":     {answerWith(201, `amount=999`), 0, 0},
		"twice":        {answerWith(201, `{"amount":1299,"amount":999}`), 0, 0},
		"not done":     {answerWith(402, `{"amount":999}`), 0, 0},
		"compressed":   {"HTTP/1.1 201 C\r\nContent-Encoding: br\r\nContent-Length: 14\r\n\r\n" + `{"amount":999}`, 0, 0},
		"as a stream":  {"HTTP/1.1 201 C\r\nTransfer-Encoding: chunked\r\n\r\ne\r\n" + `{"amount":999}` + "\r\n0\r\n\r\n", 0, 0},
		"in an object": {answerWith(201, `{"payment":{"amount":999}}`), 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			counted := make(chan traffic.Snapshot, 100)
			r := &rig{t: t, back: newBackend(t, say(false, c.answer)), log: &lockedBuffer{}}
			r.counts = func(s traffic.Snapshot) { counted <- s }
			conf := gateSettings(t, r.back.addr)
			conf.Routes[0].AnswerAmount = config.Source{From: "json", Name: "/amount"}
			r.start(conf, time.Now)
			running, stop := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				r.gate.Run(running, nil)
				close(ended)
			}()
			a := r.post("/v1/payments", "k1", goodPayment)
			if a.status/100 != 2 && a.status != 402 || !strings.Contains(c.answer, a.body) {
				t.Errorf("the client got %d %s", a.status, a.body)
			}
			var named, differ, payments int64
			for payments == 0 || named < c.named {
				for _, row := range (<-counted).Rows {
					payments, named, differ = payments+row.Count, named+row.Named, differ+row.Differ
				}
			}
			stop()
			<-ended
			if payments != 1 || named != c.named || differ != c.differ {
				t.Errorf("%d payments, %d answers with an amount, %d with another", payments, named, differ)
			}
		})
	}
}
