package httpgate

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/gate/decider"
	"holdfast/internal/gate/forwarder"
	"holdfast/internal/gate/seal"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

func sealKeys(t testing.TB) *seal.Keys {
	t.Helper()
	keys, err := seal.NewKeys(bytes.Repeat([]byte{1}, seal.MinSecret))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// good is a snapshot in which every payer is good.
type good struct{}

func (good) At() time.Time { return time.Now() }
func (good) Find(standin.Digest) standin.Payer {
	return standin.Payer{At: time.Now(), Class: "good"}
}

// standingIn is a rig with stand-in at work.
func standingIn(t *testing.T, script script, changes ...func(*rig)) *rig {
	t.Helper()
	return standingInBy(t, script, settings, changes...)
}

// standingInBy is standingIn by other settings.
func standingInBy(t *testing.T, script script, settings string, changes ...func(*rig)) *rig {
	t.Helper()
	r := &rig{t: t, back: newBackend(t, script), log: &lockedBuffer{}}
	conf := r.decidingBy(settings, "")
	for _, change := range changes {
		change(r)
	}
	r.start(conf, time.Now)
	return r
}

// deciding gives a rig a decider, and returns the settings of its gate; primary, if any,
// stands in place of what they say of the primary.
func (r *rig) deciding(primary string) config.Gate {
	r.t.Helper()
	return r.decidingBy(settings, primary)
}

// decidingBy is deciding by other settings.
func (r *rig) decidingBy(settings, primary string) config.Gate {
	t := r.t
	t.Helper()
	d, err := decider.New(t.Context(), decider.Options{
		Gate: "gate-1", Boot: "b", Source: advice.NewMemory("s1", 4), Key: bytes.Repeat([]byte{2}, 32), Payers: good{}, Clock: realClock{time.Now()},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx); close(ended) }()
	r.decides, r.halt = d, func() { stop(); <-ended }
	text := strings.Replace(settings, "    inquiry:\n", `    stand_in:
      body: '{"id":"{identity}","status":"succeeded","amount":{amount},"currency":"{currency}"}'
      deduplicates: true
    inquiry:
`, 1)
	if primary != "" {
		text = strings.Replace(text, "primary: {url: \"http://$PRIMARY\"}\n", primary, 1)
	}
	conf, err := config.LoadGate(config.Options{Content: []byte(strings.ReplaceAll(text, "$PRIMARY", r.back.addr))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.halt)
	return conf
}

// payOf is a payment as the route reads it.
func payOf(identity, payer string) payment.Payment {
	p := payment.Payment{Route: "pay", Kind: payment.Pay, Identity: identity, Amount: 1299, Currency: "CNY", Payer: payment.Sensitive(payer), Channel: "app"}
	for _, f := range []payment.Field{payment.Identity, payment.Amount, payment.Currency, payment.Payer, payment.Channel} {
		p.Read = p.Read.With(f)
	}
	return p
}

func smallProfile() standin.Profile {
	return standin.Profile{
		ID: "small", SnapshotAge: time.Hour, KeepDeclines: true,
		Unplanned: &standin.Terms{Eligible: `payer_class == "good"`, Limits: []standin.Limit{
			{Over: standin.EachPayment, Currency: "CNY", Amount: 5000}, {Over: standin.Whole, Currency: "CNY", Amount: 1_000_000},
		}},
		Forwarding: standin.Forwarding{
			Timeout: time.Second, Pause: time.Second, LongestPause: 8 * time.Second, Attempts: 3, Expiry: time.Hour, Retention: 10 * time.Minute,
		},
	}
}

func openStandIn() posture.Directive {
	body, err := json.Marshal(smallProfile())
	if err != nil {
		panic(err)
	}
	return posture.Directive{ID: "i1", Kind: posture.StandIn, Scope: "all", Open: true, Source: "s1", Profile: body, Excluded: []string{"flying"}}
}

// stood checks an answer of stand-in.
func (r *rig) stood(a reply, status int, verdict, body string) {
	r.t.Helper()
	if a.status != status || a.header.Get("Holdfast-Stand-In") != verdict || body != "" && a.body != body {
		r.t.Errorf("answered %d %q %s; want %d %q %s", a.status, a.header.Get("Holdfast-Stand-In"), a.body, status, verdict, body)
	}
}

const approvedBody = `{"id":"k1","status":"succeeded","amount":1299,"currency":"CNY"}`

func TestStandInOnTheWire(t *testing.T) {
	t.Parallel()
	r := standingIn(t, created)
	held := openStandIn()
	held.Open = false
	r.enforce(2, posture.Set{}, held)
	r.want(r.post("/v1/payments", "k1", goodPayment), 503, "held", "not-forwarded")

	r.enforce(3, posture.Set{}, openStandIn())
	r.stood(r.post("/v1/payments", "k1", goodPayment), 201, "approved", approvedBody)
	r.stood(r.post("/v1/payments", "k1", goodPayment), 201, "approved", approvedBody)
	r.stood(r.post("/v1/payments", "k1", strings.Replace(goodPayment, "1299", "1300", 1)), 422, "mismatch", "")
	big := strings.Replace(goodPayment, "1299", "9999", 1)
	r.stood(r.post("/v1/payments", "k2", big), 402, "declined", "")
	r.stood(r.post("/v1/payments", "flying", goodPayment), 409, "inquire", "")
	r.want(r.post("/v1/quick", "k3", "{}"), 429, "held", "not-forwarded") // no answer of stand-in is known for the route
	r.want(r.post("/v1/strict", "k4", "{}"), 503, "no-lease", "not-forwarded")
	r.stood(r.raw("GET /v1/payments?key=k1 HTTP/1.1\r\nHost: pay.example\r\n\r\n"), 200, "approved", approvedBody)
	r.stood(r.raw("GET /v1/payments?key=k2 HTTP/1.1\r\nHost: pay.example\r\n\r\n"), 402, "declined", "")
	if n := len(r.back.requests()); n != 0 {
		t.Fatalf("%d requests reached the primary", n)
	}
	// A stop is stronger, and takes no answer back.
	r.enforce(4, posture.Set{}, openStandIn(), stopAll)
	r.stood(r.post("/v1/payments", "k1", goodPayment), 201, "approved", approvedBody)
	r.want(r.post("/v1/payments", "k5", goodPayment), 503, "stopped", "not-forwarded")

	// After the lift what was answered stays, its payer waits, all others pass.
	r.enforce(5, posture.Set{})
	r.stood(r.post("/v1/payments", "k1", goodPayment), 201, "approved", approvedBody)
	r.stood(r.post("/v1/payments", "k6", goodPayment), 201, "approved", "")
	if n := len(r.back.requests()); n != 0 {
		t.Fatalf("%d requests overtook an advice", n)
	}
	other := strings.Replace(goodPayment, "000123", "000777", 1)
	if a := r.post("/v1/payments", "k7", other); a.status != 201 || a.header.Get("Holdfast-Stand-In") != "" || len(r.back.requests()) != 1 {
		t.Errorf("another payer: %d %s", a.status, a.body)
	}
	r.stood(r.post("/v1/payments", "k1", other), 422, "mismatch", "")
	r.delivered(2)
	if a := r.post("/v1/payments", "k8", goodPayment); a.status != 201 || a.header.Get("Holdfast-Stand-In") != "" {
		t.Errorf("after delivery: %d %s", a.status, a.body)
	}
	r.stood(r.post("/v1/payments", "k1", goodPayment), 201, "approved", approvedBody)
	if r.gate.Status().InFlight != 0 {
		t.Errorf("%d in flight", r.gate.Status().InFlight)
	}
}

// S18: a stop beats stand-in, from the gate's own machine as well: with the primary away and
// no control plane. What it does not undo are answers that were given.
func TestStopBeatsStandIn(t *testing.T) {
	t.Parallel()
	r := standingIn(t, created)
	r.enforce(2, posture.Set{}, openStandIn())
	r.back.close()
	r.stood(r.post("/v1/payments", "k1", goodPayment), 201, "approved", approvedBody)
	id, _, err := r.gate.StopLocally("all", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	r.want(r.post("/v1/payments", "k2", goodPayment), 503, "stopped", "not-forwarded")
	r.stood(r.post("/v1/payments", "k1", goodPayment), 201, "approved", approvedBody)
	if err := r.gate.LiftLocally(id); err != nil {
		t.Fatal(err)
	}
	r.stood(r.post("/v1/payments", "k2", goodPayment), 201, "approved", "")
}

// delivered has so many advices forwarded.
func (r *rig) delivered(n int) {
	r.t.Helper()
	f, err := forwarder.New(forwarder.Options{
		Queue: r.decides, Primary: NewAdvices(r.primary, r.gate, sealKeys(r.t), nil), Rate: 1000, Lanes: 4, Grace: time.Second, Clock: realClock{time.Now()},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(r.t.Context())
	defer stop()
	ended := make(chan error, 1)
	before := len(r.back.requests())
	go func() { ended <- f.Run(ctx) }()
	for len(r.back.requests()) < before+n || r.pending() > 0 {
		select {
		case <-time.After(time.Millisecond):
		case <-r.t.Context().Done():
			return
		}
	}
	stop()
	<-ended
	if got := len(r.back.requests()) - before; got != n {
		r.t.Errorf("%d advices were sent, want %d", got, n)
	}
}

func (r *rig) pending() (n int64) {
	for _, s := range r.decides.Summary(time.Now()).Of {
		for _, b := range s.Balances {
			n += b.Pending.Count + b.Queue.Waiting.Count
		}
	}
	return n
}
