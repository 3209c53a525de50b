package standin_test

import (
	"testing"
	"time"

	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

var start = time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC)

// aProfile lets through up to 100.00 for a payment, 150.00 for a payer, three
// payments a payee and day, and 1000.00 for all.
func aProfile() standin.Profile {
	return standin.Profile{
		ID: "cards", SnapshotAge: time.Hour,
		Unplanned: &standin.Terms{
			Eligible: `kind == "payment" and payer_class in ["a", "b"] or kind == "refund"`,
			Limits: []standin.Limit{
				{Over: standin.EachPayment, Currency: "CNY", Amount: 10000},
				{Over: standin.EachPayer, Currency: "CNY", Amount: 15000},
				{Over: standin.EachPayee, Count: 3, Window: 24 * time.Hour},
				{Over: standin.Whole, Currency: "CNY", Amount: 100000},
			},
		},
		Forwarding: standin.Forwarding{
			Timeout: 10 * time.Second, Pause: time.Second, LongestPause: time.Minute, Attempts: 5,
			Expiry: 48 * time.Hour, Retention: 24 * time.Hour, Inquiries: 3,
		},
	}
}

// shard is one shard with a ledger, decided on as a gate does it, but for the
// disk.
type shard struct {
	t       *testing.T
	s       *standin.State
	c       *standin.Compiled
	now     time.Time
	ledgers map[string][]byte
	number  int
	of      int
	log     []standin.Record
}

// newShard opens a shard under the directive d1.
func newShard(t *testing.T, p standin.Profile) *shard {
	t.Helper()
	c, err := p.Compile(false)
	if err != nil {
		t.Fatal(err)
	}
	h := &shard{t: t, s: standin.NewState(), c: c, now: start, ledgers: map[string][]byte{}, of: 1}
	h.open("d1")
	return h
}

func (h *shard) open(directive string, inFlight ...string) {
	h.t.Helper()
	records, err := standin.Open(h.s, h.c, directive, inFlight, h.now)
	if err != nil {
		h.t.Fatal(err)
	}
	h.apply(records...)
	h.draw(h.s.Registrations(directive))
}

func (h *shard) apply(records ...standin.Record) {
	h.t.Helper()
	if err := h.s.Apply(records...); err != nil {
		h.t.Fatal(err)
	}
	h.log = append(h.log, records...)
}

func (h *shard) draw(needs []standin.Need) {
	h.t.Helper()
	for _, n := range needs {
		next, record, err := n.Draw(h.ledgers[n.Key], h.number, h.of)
		if err != nil {
			h.t.Fatal(err)
		}
		if next != nil {
			h.ledgers[n.Key] = next
		}
		if record != nil {
			h.apply(record)
		}
	}
}

func (h *shard) decide(r *standin.Request) standin.Answer {
	h.t.Helper()
	answer, records, needs := standin.Decide(h.s, h.c, r, h.now)
	if len(needs) > 0 {
		h.draw(needs)
		again := *r
		again.Drawn = true
		answer, records, _ = standin.Decide(h.s, h.c, &again, h.now)
	}
	h.apply(records...)
	return answer
}

// want decides and checks the answer.
func (h *shard) want(r *standin.Request, verdict standin.Verdict, reason standin.Reason) {
	h.t.Helper()
	if got := h.decide(r); got.Verdict != verdict || got.Reason != reason {
		h.t.Fatalf("%s: %v %v, want %v %v", r.Payment.Identity, got.Verdict, got.Reason, verdict, reason)
	}
	h.holds()
}

// holds checks that every approval is accounted for.
func (h *shard) holds() {
	h.t.Helper()
	for _, b := range h.s.Balances() {
		if !b.Holds() {
			h.t.Fatalf("not every approval is accounted for: %+v", b)
		}
	}
}

// class checks where a payment stands.
func (h *shard) class(identity string, want standin.Class) {
	h.t.Helper()
	i := h.s.Item(identity)
	if i == nil || i.Class != want {
		h.t.Fatalf("%s: %+v, want it %v", identity, i, want)
	}
	h.holds()
}

// send forwards what is next, with one result for all, and returns the attempts.
func (h *shard) send(r standin.Result) []standin.Work {
	h.t.Helper()
	work, park := standin.Next(h.s, h.c.Profile.Forwarding, h.now, 100, anything)
	h.apply(park...)
	for _, w := range work {
		h.apply(w.Attempt)
		h.apply(standin.Settle(h.s, standin.Came{Identity: w.Item.Identity, Of: r}, h.now)...)
	}
	h.holds()
	return work
}

var blind = []byte("a key of the tests")

// pay is a payment of a payer that the snapshot knows well.
func pay(identity, payer string, amount int64) *standin.Request {
	return &standin.Request{
		Payment: payment.Payment{
			Route: "pay", Kind: payment.Pay, Identity: identity, Amount: amount, Currency: "CNY",
			Payer: payment.Sensitive(payer), Payee: "m-" + payment.Sensitive(payer), Channel: "app", Read: ^payment.Set(0),
		},
		Kind: standin.Payment, Payer: standin.Blind(blind, payment.Sensitive(payer)), Payee: standin.Blind(blind, "m-"+payment.Sensitive(payer)),
		Directive: "d1", Cause: standin.Directed, Snapshot: standin.Payer{At: start, Class: "a", Seen: start.AddDate(0, 0, -3)},
		Sealed: standin.Sealed{Key: "k1", Data: []byte("sealed " + identity)},
	}
}

// back is a refund or reversal of a payment.
func back(kind standin.Kind, identity, original, payer string, amount int64) *standin.Request {
	r := pay(identity, payer, amount)
	r.Kind, r.Original, r.Payment.Kind = kind, original, payment.Refund
	return r
}

// anything may be sent.
func anything(*standin.Item, bool) bool { return true }
