package trial

import (
	"cmp"
	"slices"

	"holdfast/internal/standin"
	"holdfast/internal/traffic"
)

// Counts are how stand-in and the primary agreed.
type Counts struct {
	// Approved: both would. Declined: neither would.
	Approved standin.Tally `json:"approved"`
	Declined standin.Tally `json:"declined"`
	// FalseApprovals are what stand-in would have approved and the primary declined;
	// FalseDeclines what it would have declined and the primary did.
	FalseApprovals standin.Tally `json:"false_approvals"`
	FalseDeclines  standin.Tally `json:"false_declines"`
	// Unknown: the primary did not say, so there is nothing to compare.
	Unknown standin.Tally `json:"unknown"`
}

// Compared is how many payments both have said yes or no to.
func (c Counts) Compared() int64 {
	return c.Approved.Count + c.Declined.Count + c.FalseApprovals.Count + c.FalseDeclines.Count
}

func (c *Counts) add(l standin.TrialLine) {
	approved, declined := &c.Approved, &c.FalseApprovals
	if l.Reason != "" {
		approved, declined = &c.FalseDeclines, &c.Declined
	}
	*approved, *declined, c.Unknown = approved.Plus(l.Done), declined.Plus(l.NotDone), c.Unknown.Plus(l.Unknown)
}

// Rate is a share of payments, with its 95 % confidence interval (Wilson's). Of
// nothing, nothing is known: the interval is all from 0 to 1.
type Rate struct {
	Count int64   `json:"count"`
	Of    int64   `json:"of"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// sure is how many standard deviations wide an interval is to each side.
const sure = 1.96

func rate(count, of int64) Rate {
	r := Rate{Count: count, Of: of}
	r.Low, r.High = traffic.Wilson(count, of, sure)
	return r
}

// Share is the rate itself; 0 of nothing.
func (r Rate) Share() float64 {
	if r.Of == 0 {
		return 0
	}
	return float64(r.Count) / float64(r.Of)
}

// Rates are how wrong stand-in would have been.
type Rates struct {
	// FalseApproval is the share, of what it would have approved, that the primary
	// declined; FalseDecline, of what the primary did, what it would have declined.
	FalseApproval Rate `json:"false_approval_rate"`
	FalseDecline  Rate `json:"false_decline_rate"`
}

func ratesOf(c Counts) Rates {
	return Rates{
		FalseApproval: rate(c.FalseApprovals.Count, c.FalseApprovals.Count+c.Approved.Count),
		FalseDecline:  rate(c.FalseDeclines.Count, c.FalseDeclines.Count+c.Approved.Count),
	}
}

// Part is what is found in one currency, of one band of amounts, or by one rule. Of a
// currency that the profile has no limit in, only payments are counted.
type Part struct {
	Currency string `json:"currency,omitempty"`
	// From and To bound the amounts of a band, in minor units, both in it; 0 of a part
	// that is no band.
	From int64 `json:"from,omitempty"`
	To   int64 `json:"to,omitempty"`
	// Rule is why stand-in would have declined; "" of a part that is of no rule.
	Rule string `json:"rule,omitempty"`
	Counts
	Rates
}

// Report is what a trial comes to.
type Report struct {
	Found
	// Payments is how many were tried, Compared how many of them the primary answered.
	Payments int64 `json:"payments"`
	Compared int64 `json:"compared"`
	// Currencies, Rules and Bands each have all of it. Rules has the declines alone: the
	// rule that declines most of what the primary did comes first.
	Currencies []Part `json:"currencies"`
	Rules      []Part `json:"rules"`
	Bands      []Part `json:"bands"`
}

// Judge says what a trial comes to.
func Judge(f Found) Report {
	if f.Gates == nil {
		f.Gates = []string{}
	}
	if f.Lines == nil {
		f.Lines = []standin.TrialLine{}
	}
	r := Report{Found: f}
	r.Currencies = parts(f.Lines, func(l standin.TrialLine) (Part, bool) { return Part{Currency: l.Currency}, true })
	r.Rules = parts(f.Lines, func(l standin.TrialLine) (Part, bool) {
		return Part{Currency: l.Currency, Rule: l.Reason}, l.Reason != ""
	})
	r.Bands = parts(f.Lines, func(l standin.TrialLine) (Part, bool) {
		from, to := bounds(l.Band)
		return Part{Currency: l.Currency, From: from, To: to}, l.Currency != ""
	})
	slices.SortStableFunc(r.Rules, func(a, b Part) int {
		return cmp.Or(cmp.Compare(b.FalseDeclines.Count, a.FalseDeclines.Count), cmp.Compare(b.Declined.Count, a.Declined.Count))
	})
	for _, p := range r.Currencies {
		r.Compared += p.Compared()
		r.Payments += p.Compared() + p.Unknown.Count
	}
	return r
}

// parts adds lines up by what of gives for each.
func parts(lines []standin.TrialLine, of func(standin.TrialLine) (Part, bool)) []Part {
	list := []Part{}
	for _, l := range lines {
		key, some := of(l)
		if !some {
			continue
		}
		i := slices.IndexFunc(list, func(p Part) bool {
			return p.Currency == key.Currency && p.From == key.From && p.To == key.To && p.Rule == key.Rule
		})
		if i < 0 {
			i = len(list)
			list = append(list, key)
		}
		list[i].add(l)
	}
	for i := range list {
		list[i].Rates = ratesOf(list[i].Counts)
	}
	slices.SortStableFunc(list, func(a, b Part) int {
		return cmp.Or(cmp.Compare(b.Currency, a.Currency), cmp.Compare(a.From, b.From), cmp.Compare(a.Rule, b.Rule))
	})
	return list
}

// bounds are the smallest and the largest amount of a band; see [standin.BandOf].
func bounds(band int) (from, to int64) {
	to = 9
	for range band - 1 {
		from, to = max(10*from, 10), 10*to+9
	}
	return from, to
}
