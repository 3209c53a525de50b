package decider_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/gate/decider"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

var key = []byte("a key of a test, 32 bytes long..")

// clock is the bubble's.
type clock struct{ start time.Time }

func (c clock) Boot() time.Duration { return time.Hour + time.Since(c.start) }
func (clock) Now() time.Time        { return time.Now() }

// everybody is a snapshot in which each payer is good, since a minute.
type everybody struct{}

func (everybody) At() time.Time { return time.Now().Add(-time.Minute) }
func (e everybody) Find(standin.Digest) standin.Payer {
	return standin.Payer{At: e.At(), Class: "good"}
}

func profile() standin.Profile {
	return standin.Profile{
		ID: "small", SnapshotAge: time.Hour, SecondAbove: 10_000,
		Unplanned: &standin.Terms{Eligible: `payer_class == "good"`, Limits: []standin.Limit{
			{Over: standin.EachPayment, Currency: "CNY", Amount: 5000},
			{Over: standin.EachPayer, Currency: "CNY", Amount: 8000},
			{Over: standin.Whole, Currency: "CNY", Amount: 100_000_000},
		}},
		Forwarding: standin.Forwarding{
			Timeout: 2 * time.Second, Pause: 2 * time.Second, LongestPause: 8 * time.Second, Attempts: 3, Expiry: time.Hour, Retention: 10 * time.Minute, Inquiries: 2,
		},
	}
}

func directive(id string, source advice.Source) posture.Directive {
	body, err := json.Marshal(profile())
	if err != nil {
		panic(err)
	}
	info, err := source.Info(context.Background())
	if err != nil {
		panic(err)
	}
	return posture.Directive{ID: id, Kind: posture.StandIn, Scope: "all", Open: true, Profile: body, Source: info.ID}
}

func set(at holdfast.Position, directives ...posture.Directive) posture.Set {
	return posture.Set{Head: holdfast.Head{Journal: "j", Position: at}, Directives: directives}
}

// rig is a decider at work.
type rig struct {
	*decider.Decider
	t    testing.TB
	stop context.CancelFunc
	done chan error
}

func start(t testing.TB, gate string, source advice.Source, shared bool, change ...func(*decider.Options)) *rig {
	t.Helper()
	o := decider.Options{
		Gate: gate, Boot: holdfast.NewID(), Source: source, Shared: shared, Key: key, Payers: everybody{}, Clock: clock{time.Now()},
	}
	for _, f := range change {
		f(&o)
	}
	d, err := decider.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &rig{d, t, cancel, make(chan error, 1)}
	go func() { r.done <- d.Run(ctx) }()
	return r
}

func (r *rig) end() {
	r.t.Helper()
	r.stop()
	if err := <-r.done; !errors.Is(err, context.Canceled) {
		r.t.Errorf("ended with %v", err)
	}
}

func fields(list ...payment.Field) (s payment.Set) {
	for _, f := range list {
		s = s.With(f)
	}
	return s
}

func pay(identity, payer string, amount int64) payment.Payment {
	return payment.Payment{
		Route: "pay", Kind: payment.Pay, Read: fields(payment.Fields()...), Identity: identity, Amount: amount,
		Currency: "CNY", Payer: payment.Sensitive(payer), Payee: "m_1", Channel: "app", Method: "card",
	}
}

func sealed() standin.Sealed { return standin.Sealed{Key: "k", Data: []byte("the request")} }

func (r *rig) ask(p payment.Payment, directive string) (standin.Answer, error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Second)
	defer cancel()
	return r.Decide(ctx, decider.Ask{Payment: p, Kind: standin.Payment, Cause: standin.Directed, Directive: directive, Seal: sealed})
}

// wants fails the test if the answer is another one.
func (r *rig) wants(p payment.Payment, directive string, want standin.Verdict, why standin.Reason) {
	r.t.Helper()
	a, err := r.ask(p, directive)
	if err != nil || a.Verdict != want || a.Reason != why {
		r.t.Errorf("%s: %v %v, %v; want %v %v", p.Identity, a.Verdict, a.Reason, err, want, why)
	}
}

func all(*standin.Item) bool { return true }

func mustJSON(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return body
}
