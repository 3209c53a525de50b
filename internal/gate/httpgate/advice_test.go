package httpgate

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"holdfast/internal/gate/forwarder"
	"holdfast/internal/gate/seal"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
)

// advised is a rig with advices, and the work that stands for one of the route pay.
func advised(t *testing.T, script script) (*rig, *Advices, standin.Work) {
	t.Helper()
	r := newRig(t, script)
	keys, err := seal.NewKeys(bytes.Repeat([]byte{1}, seal.MinSecret))
	if err != nil {
		t.Fatal(err)
	}
	a := NewAdvices(r.primary, r.gate, keys, []string{"Authorization"})
	return r, a, workOf(r, a, "k1", "/v1/payments", goodPayment)
}

func workOf(r *rig, a *Advices, key, target, body string) standin.Work {
	var req fasthttp.Request
	req.Header.SetMethod("POST")
	req.SetRequestURI(target)
	req.Header.Set("Idempotency-Key", key)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer of-the-shop")
	req.Header.Set("Cookie", "session=1")
	var route *route
	for _, r := range r.primary.routes {
		if r.match("POST", target) {
			route = r
			break
		}
	}
	i := &standin.Item{Decision: standin.Decision{
		Identity: key, Kind: standin.Payment, Amount: 1299, Currency: "CNY", Channel: "app", Route: route.Name,
		At: standin.At(time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)), Sealed: a.seal(route, key, &req, []byte(body)),
	}}
	if body != goodPayment {
		i.Amount, i.Currency = 0, ""
	}
	return standin.Work{Item: i, Attempt: &standin.Attempt{Identity: key, N: 1}, Timeout: 5 * time.Second}
}

// What the primary gets is what the customer sent, marked, without what it does not
// need; a repeat says so.
func TestAdviceOnTheWire(t *testing.T) {
	t.Parallel()
	r, a, w := advised(t, created)
	if got, err := a.Deliver(t.Context(), w); got.Of != standin.Did || err != nil {
		t.Fatalf("%v, %v", got, err)
	}
	w.Repeat, w.Attempt.N = true, 2
	if got, err := a.Deliver(t.Context(), w); got.Of != standin.Did || err != nil {
		t.Fatalf("%v, %v", got, err)
	}
	all := r.back.requests()
	first, again := all[0], all[1]
	want := map[string]string{
		"Idempotency-Key": "k1", "Content-Type": "application/json", "Authorization": "Bearer of-the-shop", "Cookie": "",
		"Holdfast-Advice": "2026-03-01T02:00:00Z", "Holdfast-Repeat": "", "Holdfast-Posture": "0",
	}
	for name, value := range want {
		if got := first.Header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	if first.Method != "POST" || first.URL.Path != "/v1/payments" || first.body != goodPayment || first.Host != r.back.addr || first.Header.Get("Holdfast-Deadline") == "" {
		t.Errorf("sent %s %s %s to %s", first.Method, first.URL, first.body, first.Host)
	}
	if again.Header.Get("Holdfast-Repeat") != "2" || again.body != goodPayment {
		t.Errorf("the repeat: %v %s", again.Header, again.body)
	}
	if dials, _ := r.back.counts(); dials != 1 || r.gate.Status().InFlight != 0 || r.gate.Status().Unresolved != 0 {
		t.Errorf("%d connections, %+v", dials, r.gate.Status())
	}
}

func TestAdviceOutcomes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		script     script
		want       standin.Result
		reply      standin.Reply
		why        string // in the error
		unresolved int
	}{
		{"done", created, standin.Did, standin.Reply{Said: standin.SaidDone, Status: 201}, "", 0},
		{"done before", say(false, answerWith(200, "{}")), standin.Did, standin.Reply{Said: standin.SaidDone, Status: 200}, "", 0},
		{"refused", say(false, answerWith(402, "{}")), standin.Refuses, standin.Reply{Said: standin.SaidNotDone, Status: 402}, "", 0},
		{"the primary is ill", say(false, answerWith(503, "{}")), standin.NoAnswer, standin.Reply{Said: standin.SaidUnclear, Status: 503}, "status 503", 1},
		{"still under way", say(false, answerWith(409, "{}")), standin.NoAnswer, standin.Reply{Said: standin.SaidUnclear, Status: 409}, "status 409", 1},
		{"the answer is lost", say(true), standin.NoAnswer, standin.Reply{Said: standin.Silent}, "EOF", 1},
		{"done, and the rest is lost", say(true, "HTTP/1.1 201 X\r\nContent-Length: 9\r\n\r\n{"), standin.Did, standin.Reply{Said: standin.SaidDone, Status: 201}, "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, a, w := advised(t, test.script)
			got, err := a.Deliver(t.Context(), w)
			if got != (standin.Came{Identity: "k1", Of: test.want, Reply: test.reply}) || (err != nil) != (test.why != "") || err != nil && !strings.Contains(err.Error(), test.why) {
				t.Errorf("%v, %v; want %v, %v and %q", got, err, test.want, test.reply, test.why)
			}
			if n := len(r.gate.Unresolved()); n != test.unresolved || r.gate.Status().InFlight != 0 {
				t.Errorf("%d unresolved, %+v", n, r.gate.Status())
			}
		})
	}
}

// A repeat that is done settles the attempt before it in the gate's account, too.
func TestAdviceDoneAtLast(t *testing.T) {
	t.Parallel()
	r, a, w := advised(t, func(c net.Conn, n int, req *seen) {
		if n > 1 {
			created(c, n, req)
			return
		}
		c.Close()
	})
	if got, _ := a.Deliver(t.Context(), w); got.Of != standin.NoAnswer || len(r.gate.Unresolved()) != 1 {
		t.Fatalf("%v, %d unresolved", got, len(r.gate.Unresolved()))
	}
	w.Repeat = true
	if got, err := a.Deliver(t.Context(), w); got.Of != standin.Did || len(r.gate.Unresolved()) != 0 {
		t.Errorf("%v, %v, %d unresolved", got, err, len(r.gate.Unresolved()))
	}
}

// Nothing that was not reached, or was not sealed here, is sent.
func TestAdviceNotSent(t *testing.T) {
	t.Parallel()
	r, a, w := advised(t, created)
	other := workOf(r, a, "k2", "/v1/payments", goodPayment)
	other.Item.Identity = "k1"
	changed := workOf(r, a, "k1", "/v1/payments", goodPayment)
	changed.Item.Amount = 1300
	gone := workOf(r, a, "k1", "/v1/payments", goodPayment)
	gone.Item.Route = "gone"
	lost := workOf(r, a, "k1", "/v1/payments", goodPayment)
	lost.Item.Sealed.Key = "another"
	for name, w := range map[string]standin.Work{"of another": other, "another amount": changed, "no route": gone, "no key": lost} {
		if got, err := a.Deliver(t.Context(), w); got.Of != standin.Unsendable || err == nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	r.back.close()
	if got, err := a.Deliver(t.Context(), w); got.Of != standin.NoAnswer || got.Reply.Said != standin.Unreached || err == nil || len(r.gate.Unresolved()) != 0 {
		t.Errorf("nobody listens: %v, %v", got, err)
	}
	if _, n := r.back.counts(); n != 0 {
		t.Errorf("%d bytes were sent", n)
	}
}

// Hazard t: an advice passes the check of a payment, before it is claimed and before
// its first byte. Limits are not for it.
func TestAdviceUnderAPosture(t *testing.T) {
	t.Parallel()
	r, a, w := advised(t, created)
	strict := workOf(r, a, "k2", "/v1/strict", "{}")
	none := posture.Directive{ID: "l", Kind: posture.Limit, Scope: "all", Share: 0}
	for _, test := range []struct {
		name      string
		directive []posture.Directive
		w         standin.Work
		sent      bool
	}{
		{"nothing in force", nil, w, true},
		{"a stop", []posture.Directive{stopAll}, w, false},
		{"a stop of another channel", []posture.Directive{{ID: "s", Kind: posture.Stop, Scope: `channel == "qr"`}}, w, true},
		{"a limit", []posture.Directive{none}, w, true},
		{"strict without a lease", nil, strict, false},
	} {
		r.enforce(7, posture.Set{}, test.directive...)
		before := len(r.back.requests())
		if got := a.May(test.w.Item); got != test.sent {
			t.Errorf("%s: claimed: %v", test.name, got)
		}
		got, err := a.Deliver(t.Context(), test.w)
		sent := len(r.back.requests()) > before
		if sent != test.sent || errors.Is(err, forwarder.ErrHeld) == sent {
			t.Errorf("%s: %v, %v; sent: %v", test.name, got, err, sent)
		}
	}
	// A scope over what stands blinded in the item holds it until it can be read.
	r.enforce(8, posture.Set{}, posture.Directive{ID: "s", Kind: posture.Stop, Scope: `method == "card"`})
	if a.May(w.Item) {
		t.Error("what cannot be told is claimed")
	}
}

func TestAdviceAskedAbout(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		answer string
		age    time.Duration
		want   standin.Result
		said   standin.Said
	}{
		{"done", answerWith(200, `{"status":"succeeded"}`), time.Hour, standin.Did, standin.SaidDone},
		{"refused", answerWith(200, `{"status":"declined"}`), time.Hour, standin.Refuses, standin.SaidNotDone},
		{"never came", answerWith(404, "{}"), time.Hour, standin.DoesNotKnow, standin.SaidAbsent},
		{"may be on its way", answerWith(404, "{}"), 10 * time.Second, standin.NoAnswer, standin.SaidUnclear},
		{"under way", answerWith(200, `{"status":"processing"}`), time.Hour, standin.NoAnswer, standin.SaidUnclear},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, a, w := advised(t, say(false, test.answer))
			w.Attempt.Inquiry, w.Before = true, standin.At(time.Now().Add(-test.age))
			got, err := a.Deliver(t.Context(), w)
			if all := r.back.requests(); got.Of != test.want || got.Reply.Said != test.said || got.Reply.Status == 0 || err != nil || len(all) != 1 || all[0].URL.Query().Get("key") != "k1" {
				t.Errorf("%v, %v, asked %d times", got, err, len(all))
			}
		})
	}
}

// An inquiry that nobody got is told apart from one that nobody answered.
func TestAdviceAskedAboutInVain(t *testing.T) {
	t.Parallel()
	r, a, w := advised(t, say(true))
	w.Attempt.Inquiry = true
	for _, test := range []struct {
		name string
		said standin.Said
	}{{"the answer is lost", standin.Silent}, {"nobody listens", standin.Unreached}} {
		if got, err := a.Deliver(t.Context(), w); got.Of != standin.NoAnswer || got.Reply != (standin.Reply{Said: test.said}) || err == nil {
			t.Errorf("%s: %+v, %v; want %v", test.name, got, err, test.said)
		}
		r.back.close()
	}
}

// An advice under way when the gate's grace is over is given up; it is listed as unknown.
func TestAdviceAtTheEnd(t *testing.T) {
	t.Parallel()
	got := make(chan struct{})
	r, a, w := advised(t, func(net.Conn, int, *seen) { close(got) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-got
		cancel()
	}()
	if result, err := a.Deliver(ctx, w); result.Of != standin.NoAnswer || err == nil || len(r.gate.Unresolved()) != 1 {
		t.Errorf("%v, %v, %d unresolved", result, err, len(r.gate.Unresolved()))
	}
}
