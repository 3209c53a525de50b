//go:build !race

package httpgate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/config"
	"holdfast/internal/gate/fence"
	"holdfast/internal/posture"
	"holdfast/internal/sandbox"
	"holdfast/internal/sandbox/customers"
	"holdfast/internal/sandbox/fault"
	"holdfast/internal/sandbox/primary"
	"holdfast/internal/standin/advice"
)

// worldSettings are those of a gate before the sandbox's two primaries; $PRIMARY and $SECOND.
const worldSettings = `
name: gate-1
primary: {url: "$PRIMARY"}
second: {url: "$SECOND"}
fence: {data: not-used}
routes:
  - name: pay
    methods: [POST]
    path: /v1/payments
    kind: payment
    body: json
    fields: {identity: "header:Idempotency-Key", amount: "json:/amount", currency: "json:/currency", payer: "json:/payer", payee: "json:/payee"}
    second:
      path: /v2/transfers
      body: '{"reference":"{identity}","value":"{amount:decimal}","ccy":"{currency}","debtor":"{payer}","creditor":"{payee}"}'
      outcome: {done: [201, 409], not_done: [422]}
      answers: [{when: {status: [201, 409]}, status: 201, body: '{"id":"{identity}","status":"succeeded","amount":{amount},"currency":"{currency}"}'}]
  - name: refund
    methods: [POST]
    path: /v1/refunds
    kind: refund
    body: json
    fields: {identity: "header:Idempotency-Key"}
    second:
      path: /v2/returns
      original: json:/payment
      body: '{"reference":"{identity}","transfer":{json:/payment},"minor":{json:/amount}}'
      outcome: {done: [201, 409], not_done: [422]}
      answers: [{when: {status: [201, 409]}, status: 201, body: '{"id":"{identity}","status":"succeeded"}'}]
  - name: payment-by-key
    methods: [GET]
    path: /v1/payments
    kind: inquiry
    fields: {identity: "query:key"}
    second: {path: "/v2/transfers/{identity}", answers: [{when: {status: [200]}, status: 200, body: '{"status":{json:/state}}'}]}
  - name: refund-by-key
    methods: [GET]
    path: /v1/refunds
    kind: inquiry
    fields: {identity: "query:key"}
    second: {path: "/v2/returns/{identity}", answers: [{when: {status: [200]}, status: 200, body: '{"status":{json:/state}}'}]}
`

// rerouted is the sandbox with two primaries behind two gates that share a fence.
type rerouted struct {
	*sandbox.Sandbox
	t      *testing.T
	source *advice.Memory
	gates  []*rerouting

	mu     sync.Mutex
	random *rand.Rand
	last   holdfast.Position
}

// RoundTrip sends each request to either gate, so that a customer who asks again may meet the
// other. Half of what moves money is sent twice, as by a network that repeats what it has
// heard no answer to: the first answer is lost, and so is what the second says that is not
// about the payment but about one of two attempts.
func (w *rerouted) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	at, twice := w.random.IntN(len(w.gates)), r.Method == http.MethodPost && w.random.IntN(2) == 0
	w.mu.Unlock()
	if !twice {
		return w.send(r, r.Body, at)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if lost, err := w.send(r, io.NopCloser(bytes.NewReader(body)), at); err == nil {
		lost.Body.Close()
	}
	answer, err := w.send(r, io.NopCloser(bytes.NewReader(body)), 1-at)
	if err == nil && answer.StatusCode != http.StatusCreated {
		answer.Body.Close()
		return nil, errors.New("the answer was lost")
	}
	return answer, err
}

func (w *rerouted) send(r *http.Request, body io.ReadCloser, gate int) (*http.Response, error) {
	out := r.Clone(r.Context())
	out.URL.Host, out.Body, out.GetBody = w.gates[gate].addr, body, nil
	return http.DefaultTransport.RoundTrip(out)
}

func openRerouted(t *testing.T, seed uint64, mix customers.Mix) *rerouted {
	t.Helper()
	w := &rerouted{t: t, source: advice.NewMemory("fence-1", fence.Shards), random: rand.New(rand.NewPCG(seed, 0)), last: 1}
	var err error
	w.Sandbox, err = sandbox.New(sandbox.Options{Seed: seed, Second: &primary.Options{}, Traffic: customers.Options{
		Transport: w, Mix: mix,
		Patience: customers.Patience{Timeout: time.Hour, First: 10 * time.Millisecond, Longest: 100 * time.Millisecond, Budget: 24 * time.Hour, Retries: math.MaxInt32},
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.Faults.Settle, w.SecondFaults.Settle = time.Hour, time.Hour
	conf, err := config.LoadGate(config.Options{Content: []byte(strings.NewReplacer("$PRIMARY", w.URL(), "$SECOND", w.Second.URL()).Replace(worldSettings))})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"east", "west"} {
		g := &rerouting{rig: &rig{t: t, back: newBackend(t, created), log: &lockedBuffer{}}}
		g.fence = fenceAt(t, w.source, name, time.Now)
		g.start(conf, time.Now)
		w.gates = append(w.gates, g)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return w
}

// offer lets n customers arrive, or a few more.
func (w *rerouted) offer(n int64) {
	w.t.Helper()
	target := w.Traffic.Totals().Offered + n
	w.rate(300)
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for w.Traffic.Totals().Offered < target {
		select {
		case <-look.C:
		case <-w.t.Context().Done():
			w.t.Fatal("no customers arrive")
		}
	}
	w.rate(0)
}

func (w *rerouted) rate(perSecond float64) {
	w.t.Helper()
	if err := w.Traffic.SetRate(perSecond); err != nil {
		w.t.Fatal(err)
	}
}

// tell tells a gate of directives; the other does not hear of it.
func (w *rerouted) tell(g *rerouting, d ...posture.Directive) {
	w.last++
	g.enforce(w.last, posture.Set{}, d...)
}

// troubles are what goes wrong at either primary.
var troubles = []fault.Fault{
	{Kind: fault.AnswerLost, Share: 0.3, Scope: fault.Scope{Operation: "all"}},
	{Kind: fault.RequestLost, Share: 0.3, Salt: 1, Scope: fault.Scope{Operation: "all"}},
	{Kind: fault.Error, Share: 0.3, Salt: 2},
	{Kind: fault.Refusal, Share: 0.5},
	{Kind: fault.Outage},
	{Kind: fault.LateAnswer, DelayMS: 30, JitterMS: 100, Share: 0.5},
	{Kind: fault.Latency, DelayMS: 30, JitterMS: 100, Share: 0.5},
	{Kind: fault.AnswerTwice, Share: 0.3},
}

// step changes something: what a gate knows of the reroute, what a primary does, whether the
// fence makes a claim.
func (w *rerouted) step(draw *rand.Rand) {
	w.t.Helper()
	g := w.gates[draw.IntN(len(w.gates))]
	switch draw.IntN(6) {
	case 0, 1:
		w.tell(g, away)
	case 2:
		w.tell(g)
	case 3:
		w.tell(g, away, stopAll)
	case 4:
		w.source.Refuse(holdfast.Errorf(holdfast.Unavailable, "the fence is away"))
	}
	faults := []*fault.Injector{w.Faults, w.SecondFaults}[draw.IntN(2)]
	if draw.IntN(3) == 0 {
		faults.EndAll()
		return
	}
	f := troubles[draw.IntN(len(troubles))]
	f.Seconds = fault.MaxSeconds
	if _, err := faults.Start(f); err != nil {
		w.t.Fatal(err)
	}
}

// Payments are rerouted and come back, at two gates that hear of it at different moments,
// while both primaries fail in every way. It is played without the race detector, under which
// customers who never tire come faster than they are answered: customers ask again at either gate, and give back
// what they paid. In the end each was told what happened, and no identity was done at both.
func TestRandomReroutes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := openRerouted(t, seed, customers.Mix{Refunds: 0.2, Inquiries: 0.05})
			draw := rand.New(rand.NewPCG(seed, 1))
			for range 12 {
				w.step(draw)
				w.offer(15)
			}
			w.EndFaults()
			w.SecondFaults.EndAll()
			for _, g := range w.gates { // one of them still reroutes
				w.tell(g, away)
			}
			w.offer(30)
			w.tell(w.gates[0])
			w.offer(30)
			w.tell(w.gates[1])
			w.offer(30)
			if err := w.Traffic.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			r := w.Check()
			if !r.Clean() || r.Unknown.Count+r.Waiting+r.Unclaimed != 0 {
				t.Errorf("%s", r)
			}
			first, second := w.Primary.Counts(), w.Second.Counts()
			if first.Payments == 0 || second.Payments == 0 || second.Refunds == 0 || r.Resolved.Count == 0 {
				t.Errorf("the first did %+v, the second %+v, %d came into doubt: this shows nothing", first, second, r.Resolved.Count)
			}
			w.apart()
		})
	}
}

// What was claimed for the first primary, and never got there or was done without a word, is
// told to its customers while payments are still rerouted: nobody waits for the lift.
func TestToldUnderAReroute(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := openRerouted(t, seed, customers.Mix{})
			draw := rand.New(rand.NewPCG(seed, 2))
			for range 6 {
				w.step(draw)
				w.offer(15)
			}
			w.EndFaults()
			w.SecondFaults.EndAll()
			for _, g := range w.gates {
				w.tell(g, away)
			}
			if err := w.Traffic.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if r := w.Check(); !r.Clean() || r.Unknown.Count+r.Waiting+r.Unclaimed != 0 || r.Resolved.Count == 0 {
				t.Errorf("%s", r)
			}
			w.apart()
		})
	}
}

// apart compares what the two ledgers hold, without the checker.
func (w *rerouted) apart() {
	w.t.Helper()
	first, _ := w.Primary.Ledger().Effects()
	at := map[string]bool{}
	for e := range first {
		at[string(e.Kind)+" "+e.Key] = true
	}
	second, _ := w.Second.Ledger().Effects()
	for e := range second {
		if at[string(e.Kind)+" "+e.Key] {
			w.t.Errorf("%s %s was done at both", e.Kind, e.Key)
		}
	}
}
