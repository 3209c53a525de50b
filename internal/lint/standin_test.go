package lint

import (
	"testing"

	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

func TestStopsBefore(t *testing.T) {
	t.Parallel()
	limit := func(over, currency string, amount, count int, hours procedure.Duration) plan.Limit {
		return plan.Limit{Over: over, Currency: currency, Amount: amount, Count: count, Window: hours * procedure.Duration(60*60*1e9)}
	}
	for name, c := range map[string]struct {
		strict, l plan.Limit
		want      bool
	}{
		"the whole is less than one payer":             {limit("all", "CNY", 500, 0, 0), limit("payer", "CNY", 500, 0, 0), true},
		"the whole is more than one payer":             {limit("all", "CNY", 501, 0, 0), limit("payer", "CNY", 500, 0, 0), false},
		"one payer is less than the whole":             {limit("payer", "CNY", 400, 0, 0), limit("all", "CNY", 500, 0, 0), false},
		"a day is as strict as an hour":                {limit("payer", "CNY", 500, 0, 24), limit("payer", "CNY", 500, 0, 1), true},
		"an hour is as strict as a day":                {limit("payer", "CNY", 500, 0, 1), limit("payer", "CNY", 500, 0, 24), false},
		"five hours do not hold whole periods of two":  {limit("payer", "CNY", 500, 0, 5), limit("payer", "CNY", 500, 0, 2), false},
		"what is outstanding and what is approved":     {limit("payer", "CNY", 500, 0, 0), limit("payer", "CNY", 500, 0, 24), false},
		"a payment above what a payer has in a day":    {limit("payer", "CNY", 500, 0, 24), limit("payment", "CNY", 600, 0, 0), true},
		"another currency":                             {limit("all", "USD", 1, 0, 0), limit("payer", "CNY", 500, 0, 0), false},
		"a count over all currencies":                  {limit("all", "", 0, 3, 0), limit("payer", "CNY", 0, 3, 0), true},
		"a count does not bound an amount":             {limit("all", "", 0, 3, 0), limit("payer", "CNY", 500, 3, 0), false},
		"payees and channels":                          {limit("channel", "CNY", 1, 0, 24), limit("payee", "CNY", 500, 0, 24), false},
		"a channel's day against one of its payments":  {limit("channel", "CNY", 100, 0, 24), limit("payment", "CNY", 100, 0, 0), true},
		"both amount and count have to be as strict":   {limit("all", "CNY", 500, 3, 0), limit("payer", "CNY", 500, 2, 0), false},
		"an amount says nothing without its currency":  {limit("all", "", 0, 9, 0), limit("payer", "", 0, 9, 0), true},
		"the whole in a longer time that holds theirs": {limit("all", "CNY", 500, 0, 24), limit("payee", "CNY", 500, 0, 12), true},
	} {
		if got := stopsBefore(c.strict, c.l); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// What scope or eligibility surely keeps out meets no limit; what only may be kept out
// does.
func TestLimitOfNoPayment(t *testing.T) {
	t.Parallel()
	for eligible, idle := range map[string]int{
		`payer_class == "a"`:                                          0,
		`payer_class == "a" and amount <= 20000`:                      0,
		`payer_class == "a" and amount < 20000`:                       1, // the limit of each payment
		`payer_class == "a" and currency == "EUR"`:                    3,
		`payer_class == "a" and (currency == "EUR" or seen_days < 3)`: 0,
	} {
		p, faults := plan.Decode("", plan.Builtin())
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		terms := &plan.Terms{Eligible: eligible, Limits: []plan.Limit{
			{Over: "payment", Currency: "CNY", Amount: 20000}, {Over: "payer", Currency: "CNY", Amount: 50000}, {Over: "all", Currency: "CNY", Amount: 900000},
		}}
		p.Temporary[0].Profile.Planned, p.Temporary[0].Profile.Unplanned = nil, terms
		found := 0
		for _, f := range Check(Input{Plan: p}) {
			if f.Rule == "L417" {
				found++
			}
		}
		if found != idle {
			t.Errorf("%s: %d limits are said never to be reached, want %d", eligible, found, idle)
		}
	}
}
