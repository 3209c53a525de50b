package standin_test

import (
	"fmt"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

// S5: a payer's limit bounds what is outstanding; delivery makes room again.
func TestOutstandingOfAPayer(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(pay("p1", "ann", 10000), standin.Approved, standin.None)
	h.want(pay("p2", "ann", 5001), standin.Refused, standin.OverPayer)
	h.want(pay("p3", "ann", 5000), standin.Approved, standin.None)
	h.want(pay("p4", "bob", 10000), standin.Approved, standin.None)
	if got := h.s.Outstanding("CNY"); got != (standin.Tally{Count: 3, Amount: 25000}) {
		t.Fatalf("outstanding: %+v", got)
	}
	h.send(standin.Did) // the first of each payer
	h.want(pay("p5", "ann", 10000), standin.Approved, standin.None)
	h.want(pay("p6", "ann", 1), standin.Refused, standin.OverPayer)
}

// S5: nothing gives back what was counted in a period, and a clock that is set
// back does not bring an older one.
func TestPeriods(t *testing.T) {
	t.Parallel()
	p := aProfile()
	p.Zone = 8 * time.Hour // days begin at 16:00 UTC
	h := newShard(t, p)
	h.now = time.Date(2026, 11, 26, 15, 59, 0, 0, time.UTC)
	known := func(identity string) *standin.Request {
		r := pay(identity, "ann", 1)
		r.Snapshot.At = h.now
		return r
	}
	for i := range 3 {
		h.want(known(fmt.Sprint("p", i)), standin.Approved, standin.None)
		h.send(standin.Did)
	}
	h.want(known("p3"), standin.Refused, standin.OverPayee)
	h.now = h.now.Add(time.Minute)
	h.want(known("p3"), standin.Approved, standin.None)
	h.now = h.now.Add(-time.Minute)
	for i := range 2 {
		h.want(known(fmt.Sprint("q", i)), standin.Approved, standin.None)
	}
	h.want(known("q2"), standin.Refused, standin.OverPayee)
	if h.s.Item("q0").At < h.s.Item("p3").At {
		t.Fatal("a later decision has an earlier time")
	}
}

// shards are several of one source: they share its ledgers.
func shards(t *testing.T, p standin.Profile, of int) []*shard {
	t.Helper()
	c, err := p.Compile(false)
	if err != nil {
		t.Fatal(err)
	}
	ledgers := map[string][]byte{}
	list := make([]*shard, of)
	for i := range list {
		list[i] = &shard{t: t, s: standin.NewState(), c: c, now: start, ledgers: ledgers, number: i, of: of}
	}
	return list
}

// Hazard 7: slices of a limit that is wider than a shard never come to more than
// the limit, whoever asks in what order.
func TestSlicesNeverExceedTheWhole(t *testing.T) {
	t.Parallel()
	list := shards(t, aProfile(), 4)
	for _, h := range list {
		h.open("d1")
	}
	var all, declined int64
	for i := range 200 {
		h := list[i%len(list)]
		r := pay(fmt.Sprint("p", i), fmt.Sprint("payer-", i), 1700)
		switch answer := h.decide(r); {
		case answer.Verdict == standin.Approved:
			all += r.Payment.Amount
		case answer.Reason == standin.OverAll:
			declined++
		}
	}
	if all > 100000 || all < 90000 || declined == 0 {
		t.Fatalf("approved %d of 100000, declined %d payments", all, declined)
	}
	// What is delivered makes room in its own shard.
	h := list[0]
	h.send(standin.Did)
	h.want(pay("again", "zoe", 1700), standin.Approved, standin.None)
}

// Hazard 7: a limit of a payee holds over shards.
func TestPayeeOverShards(t *testing.T) {
	t.Parallel()
	list := shards(t, aProfile(), 3)
	for _, h := range list {
		h.open("d1")
	}
	approved := 0
	for i := range 30 {
		r := pay(fmt.Sprint("p", i), fmt.Sprint("payer-", i), 1)
		r.Payee = standin.Blind(blind, "one payee")
		if list[i%3].decide(r).Verdict == standin.Approved {
			approved++
		}
	}
	if approved != 3 {
		t.Fatalf("%d payments of one payee were approved, 3 are allowed", approved)
	}
}

// What is outstanding from an earlier stand-in counts in the next: nobody draws
// more than he has spent before all shards have said what that is.
func TestNobodyDrawsBeforeAllRegistered(t *testing.T) {
	t.Parallel()
	p := aProfile()
	p.Unplanned.Limits[3].Amount = 20000
	list := shards(t, p, 2)
	for _, h := range list {
		h.open("d1")
	}
	list[0].want(pay("p1", "ann", 10000), standin.Approved, standin.None)
	list[1].want(pay("p2", "bob", 5000), standin.Approved, standin.None)
	for _, h := range list {
		h.apply(standin.End(h.s, "d1", h.now)...)
	}
	next := func(identity, payer string, amount int64) *standin.Request {
		r := pay(identity, payer, amount)
		r.Directive = "d2"
		return r
	}
	list[1].open("d2")
	list[1].want(next("p3", "cat", 5000), standin.Refused, standin.OverAll)
	list[0].open("d2")
	list[1].want(next("p3", "cat", 5001), standin.Refused, standin.OverAll)
	list[1].want(next("p3", "cat", 5000), standin.Approved, standin.None)
	list[0].want(next("p4", "dan", 1), standin.Refused, standin.OverAll)
}

// Hazard 7: what a decider drew and did not record before it died is spent by
// nobody else, and found by its successor.
func TestDrawnAndNotRecorded(t *testing.T) {
	t.Parallel()
	need := standin.Need{Key: "all/CNY/0/d1", Limit: standin.Slice{Amount: 1000}, Want: standin.Slice{Amount: 600}, Directive: "d1"}
	first, _, err := need.Draw(nil, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	next, record, err := need.Draw(first, 0, 1)
	if err != nil || next != nil || record == nil || record.UpTo.Amount != 600 {
		t.Fatalf("the successor draws %+v, %v, %v", record, next, err)
	}
	need.Until = 1 // of a period: no shard has to register
	first, _, err = need.Draw(nil, 0, 2)
	if err != nil {
		t.Fatal(err)
	}
	if next, record, err = need.Draw(first, 1, 2); next != nil || record != nil || err != nil {
		t.Fatalf("another shard draws %+v, %v, %v", record, next, err)
	}
}

// A profile that does not bound what it lets through is refused.
func TestProfileCheck(t *testing.T) {
	t.Parallel()
	p := aProfile()
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*standin.Profile){
		"no id":            func(p *standin.Profile) { p.ID = "Cards" },
		"no terms":         func(p *standin.Profile) { p.Unplanned = nil },
		"no age":           func(p *standin.Profile) { p.SnapshotAge = 0 },
		"a zone of a day":  func(p *standin.Profile) { p.Zone = 24 * time.Hour },
		"an expression":    func(p *standin.Profile) { p.Unplanned.Eligible = "amount <" },
		"another field":    func(p *standin.Profile) { p.Unplanned.Eligible = `payer == "x"` },
		"no whole":         func(p *standin.Profile) { p.Unplanned.Limits = p.Unplanned.Limits[:3] },
		"no single":        func(p *standin.Profile) { p.Unplanned.Limits = p.Unplanned.Limits[1:] },
		"over nothing":     func(p *standin.Profile) { p.Unplanned.Limits[0].Over = "bank" },
		"no bound":         func(p *standin.Profile) { p.Unplanned.Limits[1].Amount = 0 },
		"a negative one":   func(p *standin.Profile) { p.Unplanned.Limits[1].Amount = -1 },
		"too large":        func(p *standin.Profile) { p.Unplanned.Limits[1].Amount = payment.MaxAmount + 1 },
		"a currency":       func(p *standin.Profile) { p.Unplanned.Limits[1].Currency = "cny" },
		"no currency":      func(p *standin.Profile) { p.Unplanned.Limits[1].Currency = "" },
		"half a second":    func(p *standin.Profile) { p.Unplanned.Limits[2].Window = time.Second / 2 },
		"a payment's day":  func(p *standin.Profile) { p.Unplanned.Limits[0].Window = time.Hour },
		"a payee for ever": func(p *standin.Profile) { p.Unplanned.Limits[2].Window = 0 },
		"the same twice": func(p *standin.Profile) {
			p.Unplanned.Limits = append(p.Unplanned.Limits, standin.Limit{Over: standin.EachPayer, Currency: "CNY", Count: 1})
		},
		"too many":                           func(p *standin.Profile) { p.Unplanned.Limits = make([]standin.Limit, 65) },
		"no retention":                       func(p *standin.Profile) { p.Forwarding.Retention = p.Forwarding.Timeout },
		"no attempts":                        func(p *standin.Profile) { p.Forwarding.Attempts = 0 },
		"no timeout":                         func(p *standin.Profile) { p.Forwarding.Timeout = 0 },
		"asked less than never":              func(p *standin.Profile) { p.Forwarding.Inquiries = -1 },
		"a longest pause below the first":    func(p *standin.Profile) { p.Forwarding.LongestPause = p.Forwarding.Pause - 1 },
		"two people above less than nothing": func(p *standin.Profile) { p.SecondAbove = -1 },
	} {
		p := aProfile()
		change(&p)
		if err := p.Check(); err == nil {
			t.Errorf("%s: the profile is taken", name)
		}
	}
	if _, err := p.Compile(true); holdfast.CodeOf(err) != holdfast.NotFound {
		t.Errorf("planned terms that are not there: %v", err)
	}
	// S17: what decides otherwise has another version.
	a, _ := aProfile().Compile(false)
	p.Unplanned.Limits[0].Amount++
	b, _ := p.Compile(false)
	p.Planned = p.Unplanned
	d, _ := p.Compile(false)
	e, _ := p.Compile(true)
	if a.Version == b.Version || d.Version == e.Version {
		t.Error("two terms have one version")
	}
}
