package probes

import (
	"crypto/ed25519"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/internal/plan"
	"holdfast/internal/posture"
	"holdfast/internal/procedure"
)

// newRunner makes a runner whose gate and primary are served by one handler.
func newRunner(t *testing.T, h http.HandlerFunc) (*Runner, ed25519.PublicKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return &Runner{
		Places: map[string]string{"gate": s.URL + "/", "primary": s.URL, "console": ""}, Key: private, HTTP: s.Client(), Now: time.Now,
	}, public
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func probe(kind, url, body, expect string) plan.Probe {
	return plan.Probe{ID: "p", Kind: kind, URL: url, Body: body, Expect: expect}
}

// An answer is judged by the plan's expression, and whatever cannot be had or
// judged is a failure that says why.
func TestJudge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, url, expect string
		answer            http.HandlerFunc
		passes            bool
		detail            string
	}{
		{"as expected", "{primary}/healthz", `status == 200 and body contains "ok"`, answer(200, "all ok"), true, "status 200 in "},
		{"quick enough", "{primary}/healthz", `millis < 60000`, answer(200, ""), true, ""},
		{"another status", "{primary}/healthz", `status == 200`, answer(503, "closed"), false, "status 503 in "},
		{"what was expected is told", "{primary}/healthz", `status == 200`, answer(503, "closed"), false, "expected status == 200; answer: closed"},
		{"redirected", "{primary}/healthz", `status == 200`, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/healthz" {
				http.Redirect(w, r, "/login", http.StatusFound)
			}
		}, false, "status 302"},
		{"too long to judge", "{primary}/healthz", `not (body contains "error")`, answer(200, strings.Repeat("x", maxAnswer)+"error"), false, "cannot be judged"},
		{"as long as can be", "{primary}/healthz", `body contains "end"`, answer(200, strings.Repeat("x", maxAnswer-3)+"end"), true, ""},
		{"cut", "{primary}/healthz", `status == 200`, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "1")
		}, false, "broke off"},
		{"an expression that is none", "{primary}/healthz", `status ==`, answer(200, ""), false, "cannot be used"},
		{"an expression of another type", "{primary}/healthz", `status + 1`, answer(200, ""), false, "cannot be used"},
		{"an unknown field", "{primary}/healthz", `state == "up"`, answer(200, ""), false, "cannot be used"},
		{"a place nobody configured", "{bank}/healthz", `true`, answer(200, ""), false, "does not have"},
		{"a place without an address", "{console}/healthz", `true`, answer(200, ""), false, "does not have"},
		{"nobody there", "http://127.0.0.1:1/", `true`, answer(200, ""), false, "no answer"},
		{"a card number in the answer", "{primary}/healthz", `false`, answer(200, strings.Repeat(".", 190)+"4111111111111111"), false, "411111****"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, _ := newRunner(t, test.answer)
			got := r.Probe(t.Context(), probe(plan.ProbeHTTP, test.url, "", test.expect), "2026-1")
			if got.Passed != test.passes || !strings.Contains(got.Detail, test.detail) || got.Probe != "p" || got.Millis < 0 {
				t.Errorf("%+v; want %v with %q", got, test.passes, test.detail)
			}
			if strings.Contains(got.Detail, "41111111") {
				t.Errorf("a card number is told: %s", got.Detail)
			}
		})
	}
}

// The time limit covers the whole answer, not only its head.
func TestTimeLimit(t *testing.T) {
	t.Parallel()
	for name, part := range map[string]string{"no head": "", "no end of the body": "1"} {
		r, _ := newRunner(t, func(w http.ResponseWriter, r *http.Request) {
			if part != "" {
				w.Header().Set("Content-Length", "10")
				io.WriteString(w, part)
				w.(http.Flusher).Flush()
			}
			<-r.Context().Done()
		})
		p := probe(plan.ProbeHTTP, "{primary}/", "", "true")
		p.Timeout = procedure.Duration(50 * time.Millisecond)
		got := r.Probe(t.Context(), p, "2026-1")
		if got.Passed || !strings.Contains(got.Detail, "deadline exceeded") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

const testBody = `{"amount":1,"currency":"CNY","payer":"acct_test_01"}`

// A test payment carries a mark that the gate's own check takes: for the
// incident, the payer of the body and a short time, and a key of its own.
func TestPaymentMark(t *testing.T) {
	t.Parallel()
	type seen struct {
		method, path, mark, key, kind, body string
	}
	got := make(chan seen, 2)
	r, public := newRunner(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- seen{r.Method, r.URL.Path, r.Header.Get(posture.MarkHeader), r.Header.Get("Idempotency-Key"), r.Header.Get("Content-Type"), string(body)}
		w.WriteHeader(http.StatusCreated)
	})
	p := probe(plan.ProbePayment, "{gate}/v1/payments", testBody, "status == 201")
	for range 2 {
		if ran := r.Probe(t.Context(), p, "2026-1"); !ran.Passed {
			t.Fatalf("%+v", ran)
		}
	}
	first, second := <-got, <-got
	if first.method != "POST" || first.path != "/v1/payments" || first.body != testBody || first.kind != "application/json" {
		t.Errorf("%+v", first)
	}
	if !strings.HasPrefix(first.key, "probe-") || first.key == second.key {
		t.Errorf("keys %q and %q", first.key, second.key)
	}
	now, keys := time.Now(), []ed25519.PublicKey{public}
	m, err := posture.ReadMark(first.mark, keys, "acct_test_01", now)
	if err != nil || m.Incident != "2026-1" || m.Expires.After(now.Add(posture.MarkLife)) {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := posture.ReadMark(first.mark, keys, "acct_000123", now); err == nil {
		t.Error("the mark is good for another payer")
	}
	if _, err := posture.ReadMark(first.mark, keys, "acct_test_01", now.Add(posture.MarkLife)); err == nil {
		t.Error("the mark is good for ever")
	}
}

// A payment probe is sent to a gate and nowhere else, and never without a mark:
// a gate refuses the mark of a payer that is not one of its test accounts.
func TestPaymentIsNotSent(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	r, _ := newRunner(t, func(http.ResponseWriter, *http.Request) { calls.Add(1) })
	for name, p := range map[string]plan.Probe{
		"past the gate":        probe(plan.ProbePayment, "{primary}/v1/payments", testBody, "true"),
		"to an address":        probe(plan.ProbePayment, r.Places["primary"]+"/v1/payments", testBody, "true"),
		"to a look-alike":      probe(plan.ProbePayment, "{gate}.example/v1", testBody, "true"),
		"without a payer":      probe(plan.ProbePayment, "{gate}/v1/payments", `{"amount":1}`, "true"),
		"a payer that is none": probe(plan.ProbePayment, "{gate}/v1/payments", `{"payer":7}`, "true"),
		"not JSON":             probe(plan.ProbePayment, "{gate}/v1/payments", "payer=a", "true"),
		"of an unknown kind":   probe("ping", "{gate}/", "", "true"),
	} {
		if ran := r.Probe(t.Context(), p, "2026-1"); ran.Passed || ran.Detail == "" {
			t.Errorf("%s: %+v", name, ran)
		}
	}
	good := probe(plan.ProbePayment, "{gate}/v1/payments", testBody, "true")
	if ran := r.Probe(t.Context(), good, ""); ran.Passed {
		t.Errorf("without an incident: %+v", ran)
	}
	r.Key = nil
	if ran := r.Probe(t.Context(), good, "2026-1"); ran.Passed {
		t.Errorf("without a key: %+v", ran)
	}
	if n := calls.Load(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// Hazard l: a payment whose connection breaks is not repeated by net/http, and
// its redirection is not followed.
func TestPaymentIsSentOnce(t *testing.T) {
	t.Parallel()
	var payments atomic.Int32
	r, _ := newRunner(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			return
		}
		if payments.Add(1) > 1 {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
			return
		}
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	})
	// The connection is a used one: only then would net/http try again.
	if ran := r.Probe(t.Context(), probe(plan.ProbeHTTP, "{gate}/", "", "true"), ""); !ran.Passed {
		t.Fatal(ran.Detail)
	}
	p := probe(plan.ProbePayment, "{gate}/v1/payments", testBody, "status < 300")
	for i := range 2 {
		if ran := r.Probe(t.Context(), p, "2026-1"); ran.Passed {
			t.Errorf("%+v", ran)
		}
		if n := payments.Load(); int(n) != i+1 {
			t.Errorf("%d payments were sent for %d probes", n, i+1)
		}
	}
}
