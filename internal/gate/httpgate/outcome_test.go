package httpgate

import (
	"bufio"
	"cmp"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// What the primary does, what the client is told, and what the gate's books say.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	head := "HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\n"
	tests := []struct {
		name            string
		path            string
		script          script
		status          int
		reason, outcome string // in the gate's own answer
		booked          string
		why             string
	}{
		{"done", "/v1/payments", created, 201, "", "", "done", ""},
		{"refused", "/v1/payments", say(false, answerWith(402, "{}")), 402, "", "", "not-done", ""},
		{"a conflict says nothing", "/v1/payments", say(false, answerWith(409, "{}")), 409, "", "", "unknown", "status 409"},
		{"a fault of the primary", "/v1/payments", say(false, answerWith(500, "{}")), 500, "", "", "unknown", "status 500"},
		{"a gateway's time-out", "/v1/payments", say(false, answerWith(504, "{}")), 504, "", "", "unknown", "status 504"},
		{"accepted, not done yet", "/v1/payments", say(false, answerWith(202, "{}")), 202, "", "", "unknown", "status 202"},
		{"cut before the answer", "/v1/payments", say(true), 504, "unknown", "unknown", "unknown", "broke before an answer"},
		{"cut inside the head", "/v1/payments", say(true, "HTTP/1.1 201 Cre"), 504, "unknown", "unknown", "unknown", "broke before an answer"},
		{"not HTTP", "/v1/payments", say(true, "+OK\r\n\r\n"), 504, "unknown", "unknown", "unknown", "broke before an answer"},
		{"cut inside the body: the status stands", "/v1/payments", say(true, head+"12345"), 504, "unknown", "unknown", "done", ""},
		{"in pieces", "/v1/payments", say(false, "HTTP/1.1 20", "1 Created\r\nConte", "nt-Length: 2\r\n", "\r\n{", "}"), 201, "", "", "done", ""},
		{"interim answers first", "/v1/payments", say(false, "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"+head+"1234567890"), 201, "", "", "done", ""},
		{"interim answers without end", "/v1/payments", say(false, strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 20)), 504, "unknown", "unknown", "unknown", ""},
		{"protocols switched", "/v1/payments", say(false, "HTTP/1.1 101 Switching Protocols\r\n\r\n"), 504, "unknown", "unknown", "unknown", ""},
		{"two lengths in the answer", "/v1/payments", say(true, "HTTP/1.1 201 C\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), 504, "unknown", "unknown", "unknown", ""},
		{"no answer in time", "/v1/quick", say(false), 504, "unknown", "unknown", "unknown", "no answer within 100ms"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, test.script)
			a := r.post(test.path, "k1", goodPayment)
			r.want(a, test.status, test.reason, test.outcome)
			if n := r.count("forward", test.booked); n != 1 {
				t.Errorf("%d payments are counted as %s", n, test.booked)
			}
			if n := len(r.back.requests()); n != 1 {
				t.Errorf("the primary got %d requests", n)
			}
			s := r.gate.Status()
			wantUnknown := 0
			if test.booked == "unknown" {
				wantUnknown = 1
			}
			if s.InFlight != 0 || s.Unresolved != wantUnknown {
				t.Errorf("%d in flight, %d unresolved", s.InFlight, s.Unresolved)
			}
			if got := r.gate.Unresolved(); wantUnknown == 1 && (len(got) != 1 || got[0].Identity != "k1") {
				t.Errorf("unresolved: %+v", got)
			}
			if test.why != "" && !strings.Contains(accountText(t, r), test.why) {
				t.Errorf("the account does not say %q:\n%s", test.why, accountText(t, r))
			}
		})
	}
}

func accountText(t *testing.T, r *rig) string {
	t.Helper()
	return readFile(t, r.dir+"/outcomes")
}

// A refused connection is the one failure that is certain.
func TestRefusedConnectionIsNotDone(t *testing.T) {
	t.Parallel()
	r := newRig(t, created)
	r.back.close()
	r.want(r.post("/v1/payments", "k1", goodPayment), 502, "unreachable", "not-forwarded")
	if s := r.gate.Status(); s.Unresolved != 0 || s.InFlight != 0 || r.count("forward", "not-done") != 1 {
		t.Errorf("status %+v, %d counted as not done", s, r.count("forward", "not-done"))
	}
}

// Hazard l: a kept connection that the primary has closed is not written to, and
// one that breaks under a payment does not make the gate send it again.
func TestNothingIsSentTwice(t *testing.T) {
	t.Parallel()
	t.Run("closed while idle", func(t *testing.T) {
		t.Parallel()
		closed := make(chan struct{})
		r := newRig(t, func(c net.Conn, n int, req *seen) {
			created(c, n, req)
			if n == 1 {
				c.Close() // after an answer that promised to go on
				close(closed)
			}
		})
		r.want(r.post("/v1/payments", "k1", goodPayment), 201, "", "")
		<-closed
		r.want(r.post("/v1/payments", "k2", goodPayment), 201, "", "")
		if n := len(r.back.requests()); n != 2 {
			t.Errorf("the primary got %d requests", n)
		}
	})
	t.Run("breaks under the payment", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, func(c net.Conn, n int, req *seen) {
			if n == 1 {
				created(c, n, req)
				return
			}
			c.Close()
		})
		r.want(r.post("/v1/payments", "k1", goodPayment), 201, "", "")
		r.want(r.post("/v1/payments", "k2", goodPayment), 504, "unknown", "unknown")
		dials, _ := r.back.counts()
		if n := len(r.back.requests()); n != 2 || dials != 1 {
			t.Errorf("the primary got %d requests on %d connections", n, dials)
		}
	})
	t.Run("an answer too many", func(t *testing.T) {
		t.Parallel()
		answer := answerWith(201, "{}")
		r := newRig(t, say(false, answer+answerWith(402, "for another")))
		r.want(r.post("/v1/payments", "k1", goodPayment), 201, "", "")
		if a := r.post("/v1/payments", "k2", goodPayment); a.status != 201 {
			t.Errorf("the second payment got the answer %d that nobody asked for", a.status)
		}
	})
}

// Hazard u: whoever asks again about a payment that may be done is not told a
// final no, whatever the cause of the no.
func TestRetryOfAnUnresolvedPayment(t *testing.T) {
	t.Parallel()
	r := newRig(t, say(true))
	r.want(r.post("/v1/payments", "k1", goodPayment), 504, "unknown", "unknown")
	pending := func(a reply) {
		t.Helper()
		r.want(a, 409, "pending", "unknown")
		if a.header.Get("Retry-After") == "" || !strings.Contains(a.problem.Detail, "Inquire") {
			t.Errorf("the answer does not say what to do: %+v", a)
		}
	}
	r.enforce(5, posture.Set{}, stopAll)
	pending(r.post("/v1/payments", "k1", goodPayment))
	r.want(r.post("/v1/payments", "k2", goodPayment), 503, "stopped", "not-forwarded")
	pending(r.post("/v1/payments", "k1", "{")) // unreadable
	pending(r.post("/v1/payments", "k1", strings.Repeat("x", MaxPayment+1)))
	r.enforce(6, posture.Set{})
	r.back.close()
	pending(r.post("/v1/payments", "k1", goodPayment)) // the primary is gone
	r.want(r.post("/v1/payments", "k2", goodPayment), 502, "unreachable", "not-forwarded")
}

// Hazard l: the posture that counts is the one at the first byte, after the
// connection was had.
func TestAdmissionHoldsTheConnection(t *testing.T) {
	t.Parallel()
	r := newRig(t, created)
	dialled := 0
	r.primary.up.addrs[0].dial.Control = controlHook(func() {
		if dialled++; dialled == 1 {
			r.enforce(5, posture.Set{}, stopAll) // while the payment waits for its connection
		}
	})
	r.want(r.post("/v1/payments", "k1", goodPayment), 503, "stopped", "not-forwarded")
	if _, n := r.back.counts(); n != 0 {
		t.Errorf("%d bytes reached the primary under a stop", n)
	}
	r.enforce(6, posture.Set{})
	r.want(r.post("/v1/payments", "k2", goodPayment), 201, "", "")
	if got := r.back.requests(); len(got) != 1 || got[0].Header.Get("Holdfast-Posture") != "6" || dialled != 1 {
		t.Errorf("the connection that was not used is not kept: %d dials, %d requests", dialled, len(got))
	}
}

// A stop lists what is in flight; its answer, when it comes, settles it.
func TestInFlightAtAStop(t *testing.T) {
	t.Parallel()
	got, release := make(chan struct{}), make(chan struct{})
	r := newRig(t, func(c net.Conn, n int, req *seen) {
		close(got)
		<-release
		created(c, n, req)
	})
	answered := make(chan reply, 1)
	go func() { answered <- r.post("/v1/payments", "k1", goodPayment) }()
	<-got
	set := posture.Set{Directives: []posture.Directive{stopAll}}
	set.Head.Journal, set.Head.Position = "j", 5
	ack, err := r.gate.Enforce(set)
	if err != nil || !ack.Listed || len(ack.InFlight) != 1 || ack.InFlight[0].Identity != "k1" {
		t.Fatalf("acknowledged %+v, %v", ack, err)
	}
	r.want(r.post("/v1/payments", "k1", goodPayment), 409, "pending", "unknown")
	close(release)
	r.want(<-answered, 201, "", "")
	r.want(r.post("/v1/payments", "k1", goodPayment), 503, "stopped", "not-forwarded")
	if s := r.gate.Status(); s.Unresolved != 0 || s.InFlight != 0 {
		t.Errorf("status %+v", s)
	}
}

func TestInquire(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	tests := []struct {
		name   string
		answer string
		age    time.Duration
		want   payment.Outcome
		fails  bool
	}{
		{"done", answerWith(200, `{"status":"succeeded"}`), time.Second, payment.Done, false},
		{"declined", answerWith(200, `{"status":"declined"}`), time.Second, payment.NotDone, false},
		{"not yet", answerWith(200, `{"status":"pending"}`), time.Hour, payment.Unknown, false},
		{"said twice", answerWith(200, `{"status":"succeeded","status":"declined"}`), time.Hour, payment.Unknown, false},
		{"absent, too early", answerWith(404, "{}"), 29 * time.Second, payment.Unknown, false},
		{"absent", answerWith(404, "{}"), 30 * time.Second, payment.NotDone, false},
		{"the primary is ill", answerWith(500, "{}"), time.Hour, payment.Unknown, false},
		{"not allowed to ask", answerWith(401, "{}"), time.Hour, payment.Unknown, false},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n16\r\n{\"status\":\"succeeded\"}\r\n0\r\n\r\n", time.Second, payment.Done, false},
		{"too large", "HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n", time.Second, payment.Unknown, true},
		{"no answer", "", time.Hour, payment.Unknown, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t, say(test.answer == "", test.answer))
			p, err := NewPrimary(gateSettings(t, b.addr), func() time.Time { return now })
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			rec := payment.Record{Identity: "a b&c", Route: "pay", At: now.Add(-test.age)}
			got, why, err := p.Inquire(t.Context(), rec)
			if got != test.want || (err != nil) != test.fails || (why != "") == test.fails {
				t.Errorf("outcome %s (%q), error %v; want %s", got, why, err, test.want)
			}
			if asked := b.requests(); len(asked) != 1 || asked[0].URL.Query().Get("key") != "a b&c" || asked[0].Host != b.addr {
				t.Errorf("asked %+v", asked)
			}
		})
	}
}

// An identity cannot turn the question into another one.
func TestInquiryTarget(t *testing.T) {
	t.Parallel()
	tests := []struct{ pattern, identity, want string }{
		{"/p?key={identity}", "a b&c=d", "/p?key=a+b%26c%3Dd"},
		{"/p/{identity}", "a b?c", "/p/a%20b%3Fc"},
		{"/p/{identity}/state?v=2", "k", "/p/k/state?v=2"},
		{"/p/{identity}", "..", ""},
		{"/p/{identity}", "a/../b", ""},
	}
	for _, test := range tests {
		got, ok := inquiryTarget(test.pattern, test.identity)
		if ok != (test.want != "") || ok && got != test.want {
			t.Errorf("%s with %q gives %q, %v; want %q", test.pattern, test.identity, got, ok, test.want)
		}
	}
}

// A fault of the program costs one request, and its payment is not forgotten.
func TestFaultOfTheGate(t *testing.T) {
	t.Parallel()
	r := newRig(t, created)
	broken, err := r.primary.up.get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	broken.w = nil // writing to it panics, once the payment is admitted
	broken.up.put(broken)
	r.want(r.post("/v1/payments", "4111111111111111", goodPayment), 504, "unknown", "unknown")
	if got := r.gate.Unresolved(); len(got) != 1 || r.gate.Status().InFlight != 0 {
		t.Errorf("unresolved %+v, %d in flight", got, r.gate.Status().InFlight)
	}
	if log := r.log.String(); !strings.Contains(log, "fault of the gate") || strings.Contains(log, "4111111111111111") {
		t.Errorf("log:\n%s", log)
	}
	r.want(r.post("/v1/payments", "k2", goodPayment), 201, "", "")
}

// stuck is a connection that takes some bytes and then no more.
type stuck struct {
	net.Conn
	takes int
}

func (s *stuck) Write(b []byte) (int, error) {
	n := min(s.takes, len(b))
	s.takes -= n
	return n, syscall.EPIPE
}

// Not one byte was taken: not done. One was: unknown.
func TestBrokenWrite(t *testing.T) {
	t.Parallel()
	for takes, want := range []reply{
		{status: 502, problem: problem{Reason: "unreachable", word: notForwarded}},
		{status: 504, problem: problem{Reason: "unknown", word: notKnown}},
	} {
		r := newRig(t, created)
		c, err := r.primary.up.get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c.Conn = &stuck{c.Conn, takes}
		c.up.put(c)
		r.want(r.post("/v1/payments", "k1", goodPayment), want.status, want.problem.Reason, cmp.Or(want.problem.Outcome, want.problem.Attempt))
		if got := len(r.gate.Unresolved()); got != takes {
			t.Errorf("%d bytes taken: %d unresolved", takes, got)
		}
		if n := len(r.back.requests()); n != 0 {
			t.Errorf("the payment was sent again: %d requests", n)
		}
	}
}

func TestServeEnds(t *testing.T) {
	t.Parallel()
	got, release := make(chan struct{}), make(chan struct{})
	r := newRig(t, func(c net.Conn, n int, req *seen) {
		close(got)
		<-release
		created(c, n, req)
	})
	idle, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	fromIdle := bufio.NewReader(idle)
	if _, err := io.WriteString(idle, "GET /a/../b HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	r.want(r.answer(fromIdle, "GET"), 400, "", "not-forwarded")
	answered, ended := make(chan reply, 1), make(chan error, 1)
	go func() { answered <- r.post("/v1/payments", "k1", goodPayment) }()
	<-got
	go func() { ended <- r.stop() }()
	// Once the listener is gone the end has begun.
	for {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			break
		}
		c.Close()
	}
	close(release)
	r.want(<-answered, 201, "", "")
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	if _, err := io.ReadAll(fromIdle); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the idle client: %v", err)
	}
}
