package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/sandbox/customers"
	"holdfast/internal/sandbox/fault"
	"holdfast/internal/sandbox/primary"
	"holdfast/internal/sandbox/truth"
	"holdfast/internal/sandbox/world"
)

// tireless customers come back soon and never lose patience: what ends a test is
// that they were told, however slow the machine is.
var tireless = customers.Patience{
	Timeout: time.Hour, First: 10 * time.Millisecond, Longest: 100 * time.Millisecond, Budget: 24 * time.Hour, Retries: math.MaxInt32,
}

func run(t *testing.T, o Options) *Sandbox {
	t.Helper()
	o.Seed = 1
	o.Traffic.Patience = tireless
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Faults.Settle = time.Hour
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

// offer lets at least n customers arrive.
func offer(t *testing.T, s *Sandbox, n int64) {
	t.Helper()
	target := s.Traffic.Totals().Offered + n
	if err := s.Traffic.SetRate(400); err != nil {
		t.Fatal(err)
	}
	for s.Traffic.Totals().Offered < target {
		<-time.After(5 * time.Millisecond)
	}
	if err := s.Traffic.SetRate(0); err != nil {
		t.Fatal(err)
	}
}

func settle(t *testing.T, s *Sandbox) {
	t.Helper()
	if err := s.Traffic.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAHealthyWorldIsClean(t *testing.T) {
	inBubble(t, Options{Traffic: customers.Options{Mix: customers.Mix{Refunds: 0.1, Inquiries: 0.1}}}, func(t *testing.T, s *Sandbox) {
		offer(t, s, 300)
		settle(t, s)
		r, n := s.Check(), s.Traffic.Totals()
		if !r.Clean() || r.Unknown.Count+r.Waiting+r.Unclaimed+r.NotJudged != 0 || r.Resolved.Count != 0 {
			t.Errorf("%+v", r)
		}
		if n.Sent != n.Offered || n.Completed != n.Sent || r.ToldDone == 0 || r.ToldDeclined == 0 || int64(r.ToldDone+r.ToldDeclined) != n.Done+n.Declined {
			t.Errorf("traffic %+v, report %+v", n, r)
		}
		counts := s.Primary.Counts()
		if int(counts.Payments+counts.Refunds) != r.Effects || counts.Refunds == 0 || counts.Inquiries == 0 {
			t.Errorf("primary %+v, %d effects", counts, r.Effects)
		}
	})
}

// Lost answers leave customers unknown, never lost or doubled, and all are told
// once the fault has ended.
func TestLostAnswersAreResolved(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, s *Sandbox) {
		for _, f := range []fault.Fault{
			{Kind: fault.AnswerLost, Share: 0.3, Seconds: 60, Scope: fault.Scope{Operation: "all"}},
			{Kind: fault.RequestLost, Share: 0.3, Seconds: 60, Scope: fault.Scope{Operation: "all"}, Salt: 1},
			{Kind: fault.Error, Share: 0.3, Seconds: 60, Salt: 2},
		} {
			if _, err := s.StartFault(f); err != nil {
				t.Fatal(err)
			}
		}
		offer(t, s, 300)
		during := s.Check()
		if !during.Clean() || during.Unknown.Count == 0 {
			t.Errorf("during the faults: %+v", during)
		}
		if ended, notEnded := s.EndFaults(); len(ended) != 3 || len(notEnded) != 0 {
			t.Errorf("ended %v, not ended %v", ended, notEnded)
		}
		settle(t, s)
		r := s.Check()
		if !r.Clean() || r.Unknown.Count != 0 || r.Resolved.Count < during.Unknown.Count || r.LongestDoubt == 0 {
			t.Errorf("after the faults: %d unknown, %d resolved, clean %t", r.Unknown.Count, r.Resolved.Count, r.Clean())
		}
	})
}

// What the primary does wrong, the checker finds: exactly the payments that were
// hit, in the class they belong to.
func TestTheCheckerFindsWhatThePrimaryDoesWrong(t *testing.T) {
	t.Parallel()
	for _, kind := range []fault.Kind{fault.EffectTwice, fault.WrongAnswer, fault.WrongEffect} {
		t.Run(string(kind), func(t *testing.T) {
			inBubble(t, Options{}, func(t *testing.T, s *Sandbox) {
				lease, err := s.StartFault(fault.Fault{Kind: kind, Share: 0.1, Seconds: 60})
				if err != nil {
					t.Fatal(err)
				}
				offer(t, s, 200)
				settle(t, s)
				r := s.Check()
				found, clean := r.Wrong, r.Doubled
				if kind == fault.EffectTwice {
					found, clean = r.Doubled, r.Wrong
				}
				hit := 0
				for _, i := range found.Items {
					if world.Share(world.Hash(1, i.Identity)) < lease.Share {
						hit++
					}
				}
				if hit == 0 || hit != found.Count || clean.Count+r.Lost.Count+r.Denied.Count != 0 {
					t.Errorf("%d found, %d of them hit; %d in the other class, lost %d, denied %d", found.Count, hit, clean.Count, r.Lost.Count, r.Denied.Count)
				}
				entries, _ := s.Customers.Entries()
				for e := range entries {
					if e.State == "done" && world.Share(world.Hash(1, e.Intention.Identity)) < lease.Share {
						hit--
					}
				}
				if hit != 0 {
					t.Errorf("%d payments that were hit were not found", -hit)
				}
			})
		})
	}
}

func TestAnOutageIsSurvived(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, s *Sandbox) {
		offer(t, s, 50)
		if _, err := s.StartFault(fault.Fault{Kind: fault.Outage, Seconds: 1}); err != nil {
			t.Fatal(err)
		}
		offer(t, s, 100)
		settle(t, s)
		r, n := s.Check(), s.Traffic.Totals()
		if !r.Clean() || r.Unknown.Count != 0 || n.Failed == 0 || r.Resolved.Count == 0 {
			t.Errorf("%+v, traffic %+v", r, n)
		}
		if l := s.Faults.Leases()[0]; l.EndedBy != "expiry" {
			t.Errorf("the outage ended by %s", l.EndedBy)
		}
		// The control API was there all the time: see TestControl.
	})
}

func TestProbesAreUnclaimed(t *testing.T) {
	t.Parallel()
	s := run(t, Options{})
	r, _ := http.NewRequest("POST", s.URL()+"/v1/payments", strings.NewReader(`{"amount":100,"currency":"CNY","payer":"acct_test_01","payee":"m_test_01"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", "probe-1")
	w, err := http.DefaultClient.Do(r)
	if err != nil || w.StatusCode != 201 {
		t.Fatal(w, err)
	}
	w.Body.Close()
	if report := s.Check(); report.Unclaimed != 1 || !report.Clean() || s.Primary.Inquire(truth.Payment, "probe-1").Status != "succeeded" {
		t.Errorf("%+v", report)
	}
}

// call makes a request to the control API.
func call(t *testing.T, s *Sandbox, method, path, token, accept, body string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequest(method, s.ControlURL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.Header.Set("Accept", accept)
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	b, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.StatusCode, string(b)
}

func TestControl(t *testing.T) {
	t.Parallel()
	s := run(t, Options{})
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string // part of the answer
	}{
		{"GET", "/sandbox/faults", "", 200, `{"active":[],"ended":[]}`},
		{"POST", "/sandbox/faults", `{"kind":"latency","seconds":60,"delay_ms":20,"share":0.5,"scope":{"channel":"qr"}}`, 201, `"id":"fault_1","kind":"latency"`},
		{"POST", "/sandbox/faults", `{"kind":"outage","seconds":60}`, 201, `"id":"fault_2"`},
		{"POST", "/sandbox/faults", `{"kind":"outage"}`, 422, `"field":"seconds"`},
		{"POST", "/sandbox/faults", `{"kind":"outage","second":60}`, 422, `unknown field \"second\"`},
		{"POST", "/sandbox/faults", `{"kind":"outage","seconds":60}{}`, 422, `something after`},
		{"POST", "/sandbox/faults", `{"note":"` + strings.Repeat("x", maxControlBody) + `"}`, 413, `"code":"too-large"`},
		{"GET", "/sandbox/faults", "", 200, `"active":[{"id":"fault_1"`},
		{"GET", "/sandbox/stats?seconds=5", "", 200, `"faults":[{"id":"fault_1"`},
		{"GET", "/sandbox/stats?seconds=-1", "", 422, `"field":"seconds"`},
		{"DELETE", "/sandbox/faults/fault_1", "", 200, `"ended_by":"hand"`},
		{"DELETE", "/sandbox/faults/fault_9", "", 404, `"code":"not-found"`},
		{"DELETE", "/sandbox/faults", "", 200, `"not_ended":[]`},
		{"PUT", "/sandbox/traffic", `{"rate":30,"target":"` + s.URL() + `"}`, 200, `"rate":30`},
		{"PUT", "/sandbox/traffic", `{"rate":-1}`, 422, `"field":"rate"`},
		{"PUT", "/sandbox/traffic", `{"target":"nowhere"}`, 422, `"field":"target"`},
		{"PUT", "/sandbox/traffic", `[]`, 422, `"code":"invalid"`},
		{"GET", "/sandbox/check", "", 200, `"lost":{"count":0}`},
	} {
		status, answer := call(t, s, c.method, c.path, s.Token(), "", c.body)
		if status != c.status || !strings.Contains(answer, c.want) {
			t.Errorf("%s %s %.80s: %d %s", c.method, c.path, c.body, status, answer)
		}
		for _, token := range []string{"", "wrong", s.Token() + "x"} {
			if status, answer := call(t, s, c.method, c.path, token, "", c.body); status != 401 || !strings.Contains(answer, "unauthenticated") {
				t.Errorf("%s %s with token %q: %d %s", c.method, c.path, token, status, answer)
			}
		}
	}
	if s.Traffic.Rate() != 30 {
		t.Errorf("rate %v", s.Traffic.Rate())
	}
	if status, text := call(t, s, "GET", "/sandbox/check", s.Token(), "text/plain", ""); status != 200 || !strings.HasPrefix(text, "Checked ") {
		t.Errorf("%d %s", status, text)
	}
	if status, _ := call(t, s, "GET", "/v1/payments", s.Token(), "", ""); status != 404 {
		t.Errorf("the control port serves payments: %d", status)
	}
}

func TestStats(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, s *Sandbox) {
		offer(t, s, 400)
		settle(t, s)
		stats := s.Stats(1)
		if len(stats.Seconds) > 1 || stats.Effects == 0 || stats.Traffic.Offered < 400 || stats.Primary.Requests < 400 || len(stats.Faults) != 0 {
			t.Errorf("%+v", stats)
		}
		if b, err := json.Marshal(stats); err != nil || !bytes.Contains(b, []byte(`"faults":[]`)) {
			t.Errorf("%s %v", b, err)
		}
	})
}

func TestOptions(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	for name, o := range map[string]Options{
		"token": {Token: "short"}, "world": {World: world.Options{Accounts: -1}}, "keep": {Keep: 3}, "traffic": {Traffic: customers.Options{Rate: -1}},
		"control address": {ControlAddress: address}, "primary address": {Primary: primary.Options{Address: address}},
		"directory": {Dir: filepath.Join("/dev/null", "x")},
	} {
		if s, err := New(o); err == nil {
			t.Errorf("%s is accepted", name)
			s.Close()
		}
	}
	s, err := New(Options{Token: "0123456789abcdef"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Token() != "0123456789abcdef" || !strings.HasPrefix(s.ControlURL(), "http://127.0.0.1:") || s.URL() == s.ControlURL() {
		t.Errorf("token %q, at %s and %s", s.Token(), s.URL(), s.ControlURL())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func FuzzControlFault(f *testing.F) {
	f.Add([]byte(`{"kind":"latency","seconds":60,"delay_ms":20}`))
	f.Add([]byte(`{"kind":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var asked fault.Fault
		if err := decode(bytes.NewReader(b), &asked); err != nil && holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%q: %v", b, err)
		} else if err == nil && !json.Valid(b) {
			t.Errorf("%q was read as %s", b, fmt.Sprint(asked))
		}
	})
}
