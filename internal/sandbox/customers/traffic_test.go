package customers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/sandbox/told"
	"holdfast/internal/sandbox/world"
)

// server is a primary made of a function: it gets the number of requests with
// this key so far, the first being 1.
type server struct {
	answer func(r *http.Request, try int) (status int, body string, err error)

	mu    sync.Mutex
	tries map[string]int
	sent  map[string]string // body by key
	wrong []string
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	key := r.URL.Query().Get("key")
	if r.Method == http.MethodPost {
		key = r.Header.Get("Idempotency-Key")
		body, _ = io.ReadAll(r.Body)
	}
	s.mu.Lock()
	if s.tries == nil {
		s.tries, s.sent = map[string]int{}, map[string]string{}
	}
	s.tries[key]++
	try := s.tries[key]
	if old, again := s.sent[key]; again && r.Method == http.MethodPost && old != string(body) {
		s.wrong = append(s.wrong, fmt.Sprintf("%s was sent as %s and as %s", key, old, body))
	}
	if r.Method == http.MethodPost {
		s.sent[key] = string(body)
		if r.GetBody != nil {
			s.wrong = append(s.wrong, "the client may repeat "+key+" by itself")
		}
	}
	s.mu.Unlock()
	status, text, err := s.answer(r, try)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader([]byte(text))), Request: r}, nil
}

// fine answers every request as done.
func fine(r *http.Request, _ int) (int, string, error) {
	return 201, `{"id":"pay_1","status":"succeeded"}`, nil
}

// hang is a server that never answers.
func hang(r *http.Request, _ int) (int, string, error) {
	<-r.Context().Done()
	return 0, "", r.Context().Err()
}

func start(t *testing.T, s *server, o Options) *Traffic {
	t.Helper()
	w, err := world.New(world.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if o.Log == nil {
		if o.Log, err = told.Open(told.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	o.World, o.Transport, o.Target = w, s, "http://gate"
	traffic, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- traffic.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for _, w := range s.wrong {
			t.Error(w)
		}
	})
	return traffic
}

// pass lets the bubble's clock run.
func pass(d time.Duration) { <-time.After(d) }

func settle(t *testing.T, traffic *Traffic) {
	t.Helper()
	if err := traffic.SetRate(0); err != nil {
		t.Fatal(err)
	}
	if err := traffic.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func near(n int64, mean float64) bool { return math.Abs(float64(n)-mean) <= 4*math.Sqrt(mean)+1 }

func TestTheOfferedRateIsTheOneThatIsSet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		traffic := start(t, &server{answer: fine}, Options{Seed: 1, Rate: 100})
		pass(8 * time.Second)
		synctest.Wait()
		first := traffic.Totals()
		if !near(first.Offered, 800) || first.Sent != first.Offered || first.Completed != first.Offered || first.Dropped != 0 {
			t.Errorf("at 100 per second: %+v", first.Counts)
		}
		if err := traffic.SetRate(300); err != nil {
			t.Fatal(err)
		}
		pass(8 * time.Second)
		synctest.Wait()
		if n := traffic.Totals().Offered - first.Offered; !near(n, 2400) || traffic.Rate() != 300 {
			t.Errorf("at 300 per second: %d in 8 s", n)
		}
		settle(t, traffic)
		before := traffic.Totals().Offered
		pass(8 * time.Second)
		if n := traffic.Totals().Offered - before; n != 0 {
			t.Errorf("at rate 0: %d arrivals", n)
		}
		if l := traffic.Totals().Latency; l.Max > 1 {
			t.Errorf("latency of a server that answers at once: %+v", l)
		}
	})
}

// The generator's self-test against coordinated omission: while the server
// stalls as many arrivals are offered as before, and each counts the time since
// it was due.
func TestAStalledServerCannotHide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		stallFrom, stallTo := began.Add(20*time.Second), began.Add(30*time.Second)
		s := &server{answer: func(r *http.Request, _ int) (int, string, error) {
			if now := time.Now(); now.After(stallFrom) && now.Before(stallTo) {
				<-time.After(stallTo.Sub(now))
			}
			return fine(r, 1)
		}}
		traffic := start(t, s, Options{Seed: 1, Rate: 40, Workers: 5000, Patience: Patience{Timeout: time.Minute}})
		pass(50 * time.Second)
		settle(t, traffic)
		totals := traffic.Totals()
		if !near(totals.Offered, 2000) || totals.Dropped != 0 || totals.Completed != totals.Offered {
			t.Errorf("offered changed with the stall: %+v", totals.Counts)
		}
		// 400 of 2000 arrivals fell in the stall and waited 5 s in the mean.
		if l := totals.Latency; l.P50 > 1 || l.P99 < 9000 || l.Max < 9900 || l.Max > 10_100 {
			t.Errorf("latency %+v", l)
		}
		for _, s := range traffic.Seconds() {
			if at := s.Time.Sub(began); at > time.Second && at < 50*time.Second && !near(s.Offered, 40) {
				t.Errorf("second %v: offered %d", at, s.Offered)
			}
		}
	})
}

func TestWithoutAFreeWorkerAnArrivalIsDroppedAndCounted(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{"workers": {Workers: 10}, "open": {MaxOpen: 10}} {
		synctest.Test(t, func(t *testing.T) {
			o.Seed, o.Rate, o.Patience = 1, 100, Patience{Timeout: 10 * time.Minute}
			traffic := start(t, &server{answer: hang}, o)
			pass(60 * time.Second)
			synctest.Wait()
			n := traffic.Totals()
			if n.Sent != 10 || n.Offered != n.Sent+n.Dropped || !near(n.Offered, 6000) || n.Open != 10 {
				t.Errorf("%s: %+v", name, n)
			}
		})
	}
}

func TestCustomersWhoseAnswerWasLostInquireAndAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: func(r *http.Request, try int) (int, string, error) {
			switch try % 3 {
			case 1:
				return 0, "", errors.New("connection reset")
			case 2:
				return 503, `{}`, nil
			}
			return 200, `{"id":"pay_1","status":"succeeded"}`, nil
		}}
		log, _ := told.Open(told.Options{})
		traffic := start(t, s, Options{Seed: 1, Rate: 10, Log: log})
		pass(30 * time.Second)
		settle(t, traffic)
		n := traffic.Totals()
		if n.Failed != n.Sent || n.Doubted != n.Sent || n.Resolved != n.Sent || n.Done != n.Sent || n.FollowUps != 2*n.Sent || n.Open != 0 || n.GaveUp != 0 {
			t.Errorf("%+v", n)
		}
		entries, _ := log.Entries()
		for e := range entries {
			if e.State != told.Done || e.DoubtSince.IsZero() || e.Answer.ID != "pay_1" {
				t.Fatalf("%+v", e)
			}
			// First wait 1 s, second 2 s, each with jitter of a fifth.
			if d := e.At.Sub(e.DoubtSince); d < 2400*time.Millisecond || d > 3600*time.Millisecond {
				t.Fatalf("told after %v", d)
			}
		}
	})
}

func TestNeverSeenIsSentAgainWithTheSameKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		posts := map[string]int{}
		var mu sync.Mutex
		s := &server{answer: func(r *http.Request, _ int) (int, string, error) {
			if r.Method == http.MethodGet {
				return 404, `{}`, nil
			}
			mu.Lock()
			defer mu.Unlock()
			key := r.Header.Get("Idempotency-Key")
			if posts[key]++; posts[key] < 3 {
				return 0, "", errors.New("connection reset")
			}
			return 201, `{"id":"pay_1","status":"succeeded"}`, nil
		}}
		traffic := start(t, s, Options{Seed: 1, Rate: 10})
		pass(10 * time.Second)
		settle(t, traffic)
		if n := traffic.Totals(); n.Done != n.Sent || n.Sent == 0 {
			t.Errorf("%+v", n)
		}
		for key, n := range posts {
			if n != 3 {
				t.Errorf("%s was sent %d times", key, n)
			}
		}
	})
}

func TestACustomerGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, _ := told.Open(told.Options{})
		traffic := start(t, &server{answer: hang}, Options{Seed: 1, Rate: 5, Log: log, Workers: 5000})
		pass(10 * time.Second)
		settle(t, traffic)
		n := traffic.Totals()
		if n.GaveUp != n.Sent || n.Sent == 0 || n.Failed != n.Sent || n.Max < 4999 || n.Max > 5010 {
			t.Errorf("%+v", n)
		}
		entries, _ := log.Entries()
		for e := range entries {
			if e.State != told.GaveUp || e.At.Sub(e.DoubtSince) > 2*time.Minute+5*time.Second { // the budget and one last time-out
				t.Errorf("%+v", e)
			}
		}
	})
}

func TestClearDeclinesEndIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: func(*http.Request, int) (int, string, error) { return 402, `{"code":"insufficient-funds"}`, nil }}
		traffic := start(t, s, Options{Seed: 1, Rate: 10})
		pass(10 * time.Second)
		settle(t, traffic)
		if n := traffic.Totals(); n.Declined != n.Sent || n.FollowUps != 0 || n.Sent == 0 {
			t.Errorf("%+v", n)
		}
		for key, tries := range s.tries {
			if tries != 1 {
				t.Errorf("%s: %d requests", key, tries)
			}
		}
	})
}

func TestRefundsAndInquiriesAreAboutDonePayments(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		count, refunded := map[string]int{}, map[string]int64{}
		s := &server{answer: func(r *http.Request, _ int) (int, string, error) {
			mu.Lock()
			defer mu.Unlock()
			count[r.Method+r.URL.Path]++
			if r.URL.Path == "/v1/refunds" {
				return 201, `{"id":"ref_1","status":"succeeded"}`, nil
			}
			return 201, fmt.Sprintf(`{"id":"pay_%s","status":"succeeded"}`, r.Header.Get("Idempotency-Key")), nil
		}}
		log, _ := told.Open(told.Options{})
		traffic := start(t, s, Options{Seed: 1, Rate: 100, Log: log, Mix: Mix{Refunds: 0.2, Inquiries: 0.2}})
		pass(20 * time.Second)
		settle(t, traffic)
		n := traffic.Totals()
		if posts, gets := count["POST/v1/payments"], count["GET/v1/payments"]; !near(int64(gets), 0.2*float64(n.Sent)) || !near(int64(posts), 0.6*float64(n.Sent)) {
			t.Errorf("%v of %d", count, n.Sent)
		}
		if !near(int64(count["POST/v1/refunds"]), 0.2*float64(n.Sent)) || n.Done != n.Sent-int64(count["GET/v1/payments"]) {
			t.Errorf("%v, %+v", count, n)
		}
		paid := map[string]told.Intention{}
		entries, _ := log.Entries()
		for e := range entries {
			if e.Intention.Kind == "payment" {
				paid["pay_"+e.Intention.Identity] = e.Intention
				continue
			}
			p := paid[e.Intention.Payment]
			refunded[e.Intention.Payment] += e.Intention.Amount
			if refunded[e.Intention.Payment] > p.Amount || e.Intention.Payer != p.Payer || e.Intention.Payee != p.Payee || e.Intention.Currency != p.Currency {
				t.Errorf("refund %+v of %+v", e.Intention, p)
			}
		}
	})
}

func TestTheBodyOnTheWire(t *testing.T) {
	t.Parallel()
	i := told.Intention{Identity: "c1-1", Kind: "payment", Amount: 1299, Currency: "CNY", Payer: "acct_000001", Payee: "m_001", Channel: "app", Method: "card"}
	r, err := compose(t.Context(), "http://gate/base", customer{Intention: i, next: send})
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	want := `{"amount":1299,"currency":"CNY","payer":"acct_000001","payee":"m_001","channel":"app","method":"card","reference":"c1-1"}`
	if string(body) != want || r.URL.String() != "http://gate/base/v1/payments" || r.Header.Get("Idempotency-Key") != "c1-1" || r.ContentLength != int64(len(want)) {
		t.Errorf("%s %s %v", r.URL, body, r.Header)
	}
	i.Kind, i.Payment = "refund", "pay_7"
	r, _ = compose(t.Context(), "http://gate", customer{Intention: i, next: send})
	body, _ = io.ReadAll(r.Body)
	if string(body) != `{"payment":"pay_7","amount":1299,"reference":"c1-1"}` || r.URL.Path != "/v1/refunds" {
		t.Errorf("%s %s", r.URL, body)
	}
	r, _ = compose(t.Context(), "http://gate", customer{Intention: i, next: inquire})
	if r.Method != "GET" || r.URL.String() != "http://gate/v1/refunds?key=c1-1" {
		t.Errorf("%s %s", r.Method, r.URL)
	}
}

// A customer's program that is killed goes on where it was: no identity is used
// twice, and who was left without an answer inquires.
func TestGoingOnAfterAKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "customers")
	var used uint64
	synctest.Test(t, func(t *testing.T) {
		log, err := told.Open(told.Options{File: path})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { log.Close() })
		traffic := start(t, &server{answer: hang}, Options{Seed: 1, Rate: 10, Log: log})
		pass(2 * time.Second)
		synctest.Wait()
		used = traffic.number
		if n := len(log.Open()); n == 0 || int64(n) != traffic.Totals().Sent {
			t.Errorf("%d open", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		log, err := told.Open(told.Options{File: path})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { log.Close() })
		left := len(log.Open())
		s := &server{answer: fine}
		traffic := start(t, s, Options{Seed: 1, Log: log})
		if traffic.number != used {
			t.Errorf("goes on at number %d, not %d", traffic.number, used)
		}
		synctest.Wait()
		settle(t, traffic)
		if n := traffic.Totals(); n.Done != int64(left) || n.Sent != 0 || len(log.Open()) != 0 || len(s.sent) != 0 {
			t.Errorf("of %d left open, %d are; %+v", left, len(log.Open()), n)
		}
	})
}

func TestALogThatFailsEndsTheTraffic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, err := told.Open(told.Options{File: filepath.Join(t.TempDir(), "customers")})
		if err != nil {
			t.Fatal(err)
		}
		log.Close()
		w, _ := world.New(world.Options{})
		s := &server{answer: fine}
		traffic, err := New(Options{World: w, Log: log, Transport: s, Target: "http://gate", Rate: 10})
		if err != nil {
			t.Fatal(err)
		}
		if err := traffic.Run(t.Context()); err == nil || len(s.sent) != 0 {
			t.Errorf("%v, sent %v: nothing may be sent that is not written down", err, s.sent)
		}
	})
}

func TestOptions(t *testing.T) {
	t.Parallel()
	w, _ := world.New(world.Options{})
	log, _ := told.Open(told.Options{})
	for name, o := range map[string]Options{
		"no world": {Log: log}, "no log": {World: w}, "run": {World: w, Log: log, Run: "c/1"}, "rate": {World: w, Log: log, Rate: -1},
		"rate too high": {World: w, Log: log, Rate: MaxRate + 1}, "no number": {World: w, Log: log, Rate: math.NaN()},
		"target": {World: w, Log: log, Target: "gate:80"}, "mix": {World: w, Log: log, Mix: Mix{Refunds: 0.6, Inquiries: 0.6}},
		"workers": {World: w, Log: log, Workers: -1}, "patience": {World: w, Log: log, Patience: Patience{First: time.Hour}},
	} {
		if _, err := New(o); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	traffic, err := New(Options{World: w, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"", "ftp://x", "http://", "http://x?y=1", "://"} {
		if err := traffic.SetTarget(target); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("target %q: %v", target, err)
		}
	}
}

func TestSeriesAndTotalsAgree(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		traffic := start(t, &server{answer: fine}, Options{Seed: 1, Rate: 50})
		if len(traffic.Seconds()) != 0 {
			t.Error("seconds before anything happened")
		}
		pass(20 * time.Second)
		settle(t, traffic)
		pass(3 * time.Second)
		sum, zero := Counts{}, 0
		for i, s := range traffic.Seconds() {
			sum.plus(s.Counts)
			if s.Offered == 0 {
				zero++
			}
			if i > 0 && s.Time.Sub(traffic.Seconds()[i-1].Time) != time.Second {
				t.Errorf("a gap before %v", s.Time)
			}
		}
		if total := traffic.Totals(); sum != total.Counts || zero < 2 {
			t.Errorf("series %+v, totals %+v, %d empty seconds", sum, total.Counts, zero)
		}
		pass(24 * time.Hour)
		if n := len(traffic.Seconds()); n != 0 {
			t.Errorf("a day later there are %d seconds", n)
		}
		b, err := json.Marshal(traffic.Totals())
		if err != nil || !strings.Contains(string(b), `"offered":`) || !strings.Contains(string(b), `"p99_ms":`) {
			t.Errorf("%s %v", b, err)
		}
	})
}
