package primary

import "sync/atomic"

// Counts are what the primary did since it started.
type Counts struct {
	// Requests is all requests; InFlight those at work now.
	Requests int64 `json:"requests"`
	InFlight int64 `json:"in_flight"`
	// Payments and Refunds are those that moved money, Advices those of them that a
	// gate had stood in for, which are not among the two; Declines those that were
	// refused for a reason of business; Replays the answers given once more under
	// the same key.
	Payments  int64 `json:"payments"`
	Refunds   int64 `json:"refunds"`
	Advices   int64 `json:"advices"`
	Declines  int64 `json:"declines"`
	Replays   int64 `json:"replays"`
	Inquiries int64 `json:"inquiries"`
}

type counters struct {
	requests, payments, refunds, advices, declines, replays, inquiries atomic.Int64
}

// Counts returns the counts as they are now.
func (p *Primary) Counts() Counts {
	return Counts{
		Requests: p.counts.requests.Load(), InFlight: p.inFlight.Load(), Payments: p.counts.payments.Load(),
		Refunds: p.counts.refunds.Load(), Advices: p.counts.advices.Load(), Declines: p.counts.declines.Load(), Replays: p.counts.replays.Load(),
		Inquiries: p.counts.inquiries.Load(),
	}
}
