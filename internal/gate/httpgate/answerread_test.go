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

// Banks and groups of merchants come from the request, codes from the answer; none
// of them declines a payment or is kept as it must not be.
func TestPartsAreCounted(t *testing.T) {
	t.Parallel()
	const done, refused = "HTTP/1.1 201 C\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 402 P\r\nContent-Length: 13\r\n\r\n{\"code\":\"51\"}"
	for name, c := range map[string]struct {
		answer, code, headers, body string
		want                        string
	}{
		"done":           {answer: done, headers: "Payer-Bank: icbc", want: "bank icbc done, merchant travel done"},
		"refused":        {answer: refused, headers: "Payer-Bank: icbc", want: "bank icbc not-done, merchant travel not-done, code 51 not-done"},
		"unknown":        {answer: "HTTP/1.1 500 E\r\nContent-Length: 0\r\n\r\n", headers: "X: y", want: "merchant travel unknown, code http-500 unknown"},
		"twice":          {answer: done, headers: "Payer-Bank: icbc|Payer-Bank: abc", want: "merchant travel done"},
		"a card number":  {answer: done, headers: "Payer-Bank: 6222021234567890", want: "bank other done, merchant travel done"},
		"code in header": {answer: "HTTP/1.1 402 P\r\nError-Code: 05\r\nContent-Length: 0\r\n\r\n", code: "header:Error-Code", headers: "X: y", want: "merchant travel not-done, code 05 not-done"},
		"a card as code": {answer: "HTTP/1.1 402 P\r\nContent-Length: 27\r\n\r\n{\"code\":\"6222021234567890\"}", headers: "X: y", want: "merchant travel not-done, code other not-done"},
		"no code":        {answer: "HTTP/1.1 402 P\r\nContent-Length: 13\r\n\r\n{\"code\":null}", headers: "X: y", want: "merchant travel not-done, code http-402 not-done"},
		"no group":       {answer: done, headers: "X: y", body: goodPayment, want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			counted := make(chan traffic.Snapshot, 100)
			r := &rig{t: t, back: newBackend(t, say(false, c.answer)), log: &lockedBuffer{}}
			r.counts = func(s traffic.Snapshot) { counted <- s }
			conf := gateSettings(t, r.back.addr)
			conf.Routes[0].Counted = config.Counted{Bank: config.Source{From: "header", Name: "Payer-Bank"}, Merchant: config.Source{From: "json", Name: "/group"}}
			conf.Routes[0].AnswerCode = config.Source{From: "json", Name: "/code"}
			if name, ok := strings.CutPrefix(c.code, "header:"); ok {
				conf.Routes[0].AnswerCode = config.Source{From: "header", Name: name}
			}
			r.start(conf, time.Now)
			running, stop := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				r.gate.Run(running, nil)
				close(ended)
			}()
			body := c.body
			if body == "" {
				body = strings.Replace(goodPayment, `"payer"`, `"group":"travel","payer"`, 1)
			}
			r.post("/v1/payments", "k1", body, strings.Split(c.headers, "|")...)
			var payments int64
			var got []string
			for payments == 0 || len(got) < strings.Count(c.want, ",")+min(1, len(c.want)) {
				s := <-counted
				for _, row := range s.Rows {
					payments += row.Count
				}
				for _, p := range s.Parts {
					got = append(got, p.Trait.String()+" "+p.Name+" "+p.Outcome.String())
				}
			}
			stop()
			<-ended
			if text := strings.Join(got, ", "); text != c.want {
				t.Errorf("counted %q, want %q", text, c.want)
			}
		})
	}
}
