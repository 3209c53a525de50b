package standin_test

import (
	"fmt"
	"testing"
	"time"

	"holdfast/internal/standin"
)

// currencyOf names one of many.
func currencyOf(n int) string {
	return string([]byte{'A' + byte(n/676%26), 'A' + byte(n/26%26), 'A' + byte(n%26)})
}

// Customers who pay in every currency there could be keep nobody from being told what
// was approved.
func TestFiguresOfManyCurrencies(t *testing.T) {
	t.Parallel()
	p := aProfile()
	p.KeepDeclines = true
	h := newShard(t, p)
	h.want(pay("k1", "p1", 1000), standin.Approved, standin.None)
	for n := range 1700 { // CNY comes after
		r := pay(fmt.Sprint("odd-", n), "p2", 500)
		r.Payment.Currency = currencyOf(n)
		h.want(r, standin.Declined, standin.NoLimit)
	}
	of := told(t, standin.Summarize(h.s, 3, standin.Room{Open: 10}, h.now)).Of[0]
	if len(of.Balances) != 2 {
		t.Fatalf("%d balances are told", len(of.Balances))
	}
	for _, b := range of.Balances {
		if !b.Holds() || b.Currency == "CNY" && b.Approved.Amount != 1000 || b.Currency == "" && b.Declined.Count != 1700 {
			t.Errorf("told %+v", b)
		}
	}
}

// What was closed first is told no more where there is too much; what is not closed is told
// whole, or not at all.
func TestFiguresOfManyDirectives(t *testing.T) {
	t.Parallel()
	for _, closed := range []bool{true, false} {
		p := aProfile()
		p.Unplanned.Limits = nil
		for n := range 30 {
			p.Unplanned.Limits = append(p.Unplanned.Limits, standin.Limit{Over: standin.EachPayment, Currency: currencyOf(n), Amount: 1000},
				standin.Limit{Over: standin.Whole, Currency: currencyOf(n), Amount: 1 << 30})
		}
		h := newShard(t, p)
		for outage := range 35 { // of 30 balances each
			directive := fmt.Sprint("d", outage+1)
			if outage > 0 {
				h.open(directive)
			}
			for n := range 30 {
				r := pay(fmt.Sprint(directive, "-", n), "p1", 500)
				r.Payment.Currency, r.Directive, r.Snapshot.At = currencyOf(n), directive, h.now
				h.want(r, standin.Approved, standin.None)
				h.apply(standin.Settle(h.s, standin.Came{Identity: r.Payment.Identity, Of: standin.Did}, h.now)...)
			}
			h.now = h.now.Add(time.Hour)
			h.apply(standin.End(h.s, directive, h.now)...)
			if !closed {
				continue
			}
			records, err := standin.CloseOut(h.s, directive, "ann", h.now)
			if err != nil {
				t.Fatal(err)
			}
			h.apply(records...)
		}
		of := told(t, standin.Summarize(h.s, 3, standin.Room{Open: 10}, h.now)).Of[0]
		seen := map[string]int{}
		for _, b := range of.Balances {
			seen[b.Directive]++
		}
		switch {
		case closed && (len(seen) != 34 || seen["d1"] != 0 || seen["d2"] != 30 || seen["d35"] != 30):
			t.Errorf("told %v", seen)
		case !closed && len(seen) != 0:
			t.Errorf("a part is told, which would be believed: %v", seen)
		}
	}
}
