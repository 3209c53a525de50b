package httpgate

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"holdfast/internal/posture"
	"holdfast/internal/standin"
)

// deferring is a stand-in under which large payments wait.
func deferring(expires time.Duration) posture.Directive {
	d := openStandIn()
	var p standin.Profile
	if err := json.Unmarshal(d.Profile, &p); err != nil {
		panic(err)
	}
	p.Unplanned.Queue = &standin.Queue{
		Deferrable: `channel == "app"`, Expires: expires, Owner: "duty", Limits: []standin.Limit{{Over: standin.Whole, Count: 100}},
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	d.Profile = body
	return d
}

// told checks what a client is told of a queued payment, and returns the link.
func (r *rig) told(a reply, status int, word string) string {
	r.t.Helper()
	var b queuedBody
	if err := json.Unmarshal([]byte(a.body), &b); err != nil || a.status != status || b.Status != word || a.header.Get("Holdfast-Stand-In") != word {
		r.t.Fatalf("answered %d %q %s, want %d %q", a.status, a.header.Get("Holdfast-Stand-In"), a.body, status, word)
	}
	return b.Link
}

func (r *rig) follow(link string) reply {
	r.t.Helper()
	return r.raw("GET " + link + " HTTP/1.1\r\nHost: pay.example\r\n\r\n")
}

// A deferrable payment that stand-in does not approve is answered 202 with a link; it goes
// to the primary after the lift, unmarked, in its payer's order, and the link says what
// became of it.
func TestQueueOnTheWire(t *testing.T) {
	t.Parallel()
	r := standingIn(t, created)
	r.enforce(2, posture.Set{}, deferring(time.Hour))
	big := strings.Replace(goodPayment, "1299", "9999", 1)
	first := r.post("/v1/payments", "k1", big)
	link := r.told(first, 202, "queued")
	if link != "/v1/payments?key=k1" || first.header.Get("Location") != link || first.header.Get("Retry-After") == "" {
		t.Errorf("the link is %q, Location %q", link, first.header.Get("Location"))
	}
	if again := r.post("/v1/payments", "k1", big); again.body != first.body || again.status != 202 {
		t.Errorf("again: %d %s", again.status, again.body)
	}
	r.told(r.follow(link), 200, "queued")
	r.stood(r.post("/v1/payments", "k1", goodPayment), 422, "mismatch", "")
	r.stood(r.post("/v1/payments", "k2", goodPayment), 201, "approved", "")
	r.stood(r.post("/v1/payments", "k3", strings.Replace(big, `"app"`, `"web"`, 1)), 402, "declined", "")
	if n := len(r.back.requests()); n != 0 {
		t.Fatalf("%d requests reached the primary", n)
	}
	r.enforce(3, posture.Set{})
	r.told(r.post("/v1/payments", "k1", big), 202, "queued")
	r.delivered(2)
	sent := r.back.requests()
	if h := sent[0].Header; h.Get("Idempotency-Key") != "k1" || h.Get(adviceHeader) != "" || h.Get(repeatHeader) != "" {
		t.Errorf("the queued one was sent as %v", h)
	}
	if sent[1].Header.Get(adviceHeader) == "" {
		t.Errorf("the approved one was sent as %v", sent[1].Header)
	}
	r.stood(r.follow(link), 200, "done", strings.Replace(approvedBody, "1299", "9999", 1))
	r.stood(r.post("/v1/payments", "k1", big), 201, "done", strings.Replace(approvedBody, "1299", "9999", 1))
}

// Where clients have no inquiry the gate answers for itself, to whoever has the link. What
// the primary does not do is declined, what waited too long has expired.
func TestQueueStatusOfTheGate(t *testing.T) {
	t.Parallel()
	r := standingInBy(t, say(false, answerWith(422, `{"code":"no-funds"}`)), strings.ReplaceAll(settings, "kind: inquiry", "kind: other"))
	r.enforce(2, posture.Set{}, deferring(time.Hour))
	big := strings.Replace(goodPayment, "1299", "9999", 1)
	link := r.told(r.post("/v1/payments", "k1", big), 202, "queued")
	if !strings.HasPrefix(link, queuedPath) || strings.Contains(link, "k1") {
		t.Errorf("the link is %q", link)
	}
	r.told(r.follow(link), 200, "queued")
	for _, bad := range []string{link + "A", link[:len(link)-1], queuedPath, queuedPath + r.server.advices.keys.Token("k9")} {
		if a := r.follow(bad); a.status != 404 {
			t.Errorf("%s: %d %s", bad, a.status, a.body)
		}
	}
	if a := r.raw("POST " + link + " HTTP/1.1\r\nHost: pay.example\r\nContent-Length: 0\r\n\r\n"); a.status != 404 {
		t.Errorf("a POST: %d", a.status)
	}
	r.enforce(3, posture.Set{})
	r.delivered(1)
	r.told(r.follow(link), 200, "declined")
	r.stood(r.post("/v1/payments", "k1", big), 402, "declined", "")
}

// A status link says so where stand-in does not: the gate has no route to answer by.
func TestQueueStatusWithoutStandIn(t *testing.T) {
	t.Parallel()
	r := standingInBy(t, created, strings.ReplaceAll(settings, "kind: inquiry", "kind: other"))
	r.enforce(2, posture.Set{}, deferring(time.Hour))
	link := r.told(r.post("/v1/payments", "k1", strings.Replace(goodPayment, "1299", "9999", 1)), 202, "queued")
	r.halt()
	if a := r.follow(link); a.status != 409 || strings.Contains(r.log.String(), "fault") {
		t.Errorf("%d %s; the log: %s", a.status, a.body, r.log.String())
	}
}

func TestQueueExpiresOnTheWire(t *testing.T) {
	t.Parallel()
	r := standingIn(t, created)
	r.enforce(2, posture.Set{}, deferring(time.Second))
	big := strings.Replace(goodPayment, "1299", "9999", 1)
	link := r.told(r.post("/v1/payments", "k1", big), 202, "queued")
	r.delivered(0)
	r.stood(r.follow(link), 402, "expired", "")
	r.stood(r.post("/v1/payments", "k1", big), 402, "expired", "")
}
