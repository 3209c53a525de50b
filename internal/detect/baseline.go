package detect

import (
	"math"

	"holdfast/internal/traffic"
)

const (
	// enoughPayments and enoughSeconds are what a scope must have behind it before
	// slight changes are judged, and volumes after each pause.
	enoughPayments = 300
	enoughSeconds  = 60
	// enoughCoded and enoughCodedSeconds are these for codes: any first one is new.
	enoughCoded        = 1000
	enoughCodedSeconds = 300
	// badDay is the share of failures that is bad for anybody; it is what the
	// first payments of all are judged against.
	badDay = 0.4
	// pause is how many seconds without learning make the volumes unknown again:
	// they follow the hours, and would be those of another.
	pause = 600
	// lastingly is how many seconds of a slight change make it usual.
	lastingly = 3600
	// tenMinutes are the seconds of one of Tens, and maxTens of them are kept: four
	// hours, longer than the burst of a pay day.
	tenMinutes, maxTens = 600, 24
)

// usual are shares before anything was seen, with the payments they weigh.
var usual = map[Kind]struct{ share, weight float64 }{
	Failures: {0.03, 50}, Unknowns: {0.001, 200}, Slow: {0.02, 100}, Amounts: {0.001, 200}, Codes: {0.01, 50},
}

// shares are the kinds that are judged by a share of payments.
var shares = []Kind{Failures, Unknowns, Slow, Amounts}

// sharesIn are the shares that are watched in a scope.
func sharesIn(s Scope) []Kind {
	if s.Code != "" {
		return []Kind{Codes}
	}
	return shares
}

// Baseline is what is usual in a scope. It forgets.
type Baseline struct {
	// Shares by kind, of the payments that each kind looks at.
	Shares map[Kind]mean `json:"shares"`
	// Buckets are payments by latency.
	Buckets [len(traffic.Latencies) + 1]float64 `json:"buckets"`
	// Seconds is how many were learned from; Steady how many of them since the
	// last pause, which Short and Long rest on.
	Seconds float64 `json:"seconds"`
	Steady  float64 `json:"steady"`
	// Short and Long are payments per second over minutes and over an hour.
	Short mean `json:"short"`
	Long  mean `json:"long"`
	// Tens are payments per second of the last spans of ten minutes, the newest
	// first; Ten is the one that is being learned.
	Tens []float32 `json:"tens,omitempty"`
	Ten  mean      `json:"ten"`
	// Spreads by kind; that of volumes stands under Drop.
	Spreads map[Kind]*spread `json:"spreads"`
	// Currency is the one whose amounts are watched: that of most payments when
	// the scope was first seen. Amount is minor units of it per payment done, and
	// Variance that of one.
	Currency string `json:"currency,omitempty"`
	Amount   mean   `json:"amount"`
	Variance mean   `json:"variance"`
	// Course is how the volume goes along with those beside it.
	Course Course `json:"course,omitzero"`
	// Season is the volume by the hours of a week; nil for a scope of a method.
	Season *Season `json:"season,omitempty"`
}

func newBaseline(scope Scope) *Baseline {
	b := &Baseline{Shares: map[Kind]mean{}, Spreads: map[Kind]*spread{}}
	for _, k := range append([]Kind{Drop}, sharesIn(scope)...) {
		b.Spreads[k] = &spread{}
	}
	if seasonal := !scope.part() && scope.Method == ""; seasonal {
		b.Season = &Season{}
	}
	return b
}

// share is the usual share of a kind.
func (b *Baseline) share(k Kind) float64 { return b.Shares[k].value(usual[k].share, usual[k].weight) }

// atMost is the usual share of a kind as it may well be: what was seen of few
// payments may be low by chance.
func (b *Baseline) atMost(k Kind) float64 {
	p := b.share(k)
	return min(0.99, p+2*math.Sqrt(p*(1-p)/(b.Shares[k].Weight+usual[k].weight)))
}

// slowest returns the place of the latency bound that 95 of 100 payments keep.
func (b *Baseline) slowest() int {
	var all, sum float64
	for _, n := range b.Buckets {
		all += n
	}
	if all < enoughPayments {
		return len(traffic.Latencies) - 1
	}
	for i, n := range b.Buckets {
		if sum += n; sum >= 0.95*all {
			return min(i, len(traffic.Latencies)-1)
		}
	}
	return len(traffic.Latencies) - 1
}

// rate is how many payments per second are expected: at least, for a drop, and at
// most, for a surge, of what the last minutes, the last hour and each ten minutes
// of the last hours had. So the end of a burst is no drop. Where the volume of
// this hour of the week is known, that counts in place of the last hours.
func (b *Baseline) rate(k Kind, at hour) float64 {
	short, long := b.Short.value(0, 0.001), b.Long.value(0, 0.001)
	least, most := min(short, long), max(short, long)
	if season, known := b.Season.rate(at); known {
		least, most = min(least, season), max(most, season)
	} else {
		for _, ten := range b.Tens {
			least, most = min(least, float64(ten)), max(most, float64(ten))
		}
	}
	if k == Surge {
		return most
	}
	return least
}

// value is the usual mean amount and the variance of one payment's.
func (b *Baseline) value() (amount, variance float64) {
	return b.Amount.value(0, 0.001), b.Variance.value(0, 0.001)
}

// ready reports whether shares are known well enough to judge slight changes,
// steady the same of volumes.
func (b *Baseline) ready() bool {
	if b.Spreads[Codes] != nil {
		return b.Shares[Codes].Weight >= enoughCoded && b.Seconds >= enoughCodedSeconds
	}
	return b.Shares[Failures].Weight >= enoughPayments && b.Seconds >= enoughSeconds
}

func (b *Baseline) steady() bool { return b.ready() && b.Steady >= enoughSeconds }

// unsteady forgets the volumes of minutes and of an hour.
func (b *Baseline) unsteady() {
	b.Steady, b.Short, b.Long, b.Ten, b.Tens = 0, mean{}, mean{}, mean{}, nil
}

// learn takes a second into what is usual of shares, latencies and amounts.
func (b *Baseline) learn(c *counts) {
	slowest := b.slowest()
	for _, k := range shares {
		bad, n := c.of(k, slowest)
		b.learnShare(k, bad, n)
	}
	for i, n := range c.latency {
		b.Buckets[i] = b.Buckets[i]*perHour + n
	}
	b.learnValue(c)
	b.Seconds++
}

func (b *Baseline) learnShare(k Kind, bad, n float64) {
	p := b.share(k)
	b.Spreads[k].learn(bad, n*p, n*p*(1-p))
	m := b.Shares[k]
	m.add(bad, n, perHour)
	b.Shares[k] = m
}

func (b *Baseline) learnVolume(c *counts, at hour) {
	if b.Steady >= enoughSeconds {
		rate := b.Short.value(0, 0.001)
		b.Spreads[Drop].learn(c.all, rate, rate)
	}
	b.Short.add(c.all, 1, perTwoMinutes)
	b.Long.add(c.all, 1, perHour)
	b.Steady++
	if b.Ten.add(c.all, 1, 1); b.Ten.Weight >= tenMinutes {
		b.Tens = append([]float32{float32(b.Ten.Sum / b.Ten.Weight)}, b.Tens...)
		b.Tens, b.Ten = b.Tens[:min(len(b.Tens), maxTens)], mean{}
	}
	b.Season.learn(at, c.all)
}

func (b *Baseline) learnValue(c *counts) {
	if b.Currency == "" {
		b.Currency = c.mostPaid()
	}
	paid := c.paid[b.Currency]
	if paid.n == 0 {
		return
	}
	m, v := b.value()
	if b.Amount.Weight >= enoughPayments/2 {
		off := paid.sum - paid.n*m
		square := off * off
		if b.Variance.Weight >= enoughPayments/2 {
			square = min(square, 25*paid.n*v)
		}
		b.Variance.add(square, paid.n, perHour)
	}
	b.Amount.add(paid.sum, paid.n, perTen)
}

// accept takes what was seen as usual from now on.
func (b *Baseline) accept(f *Finding) {
	switch f.Kind {
	case Drop, Surge, Slow:
		b.shift(f.Kind, 0)
	case Value:
		b.Amount = mean{f.Seen * enoughPayments, enoughPayments}
	default:
		b.Shares[f.Kind] = mean{f.Seen * enoughPayments, enoughPayments}
	}
}

// usually is what the baseline has of a kind, weight how many payments it has it
// of.
func (b *Baseline) usually(k Kind) float64 {
	if k == Value {
		amount, _ := b.value()
		return amount
	}
	return b.share(k)
}

func (b *Baseline) weight(k Kind) float64 {
	if k == Value {
		return b.Amount.Weight
	}
	return b.Shares[k].Weight
}

// shift adds to what is usual, in ill payments or minor units. Volumes and
// latencies are learned anew.
func (b *Baseline) shift(k Kind, more float64) {
	switch k {
	case Drop, Surge:
		b.unsteady()
		if b.Season != nil {
			b.Season = &Season{}
		}
	case Slow:
		b.Buckets, b.Shares[Slow] = [len(traffic.Latencies) + 1]float64{}, mean{}
	case Value:
		b.Amount.Sum = max(0, b.Amount.Sum+more)
	default:
		m := b.Shares[k]
		m.Sum = min(m.Weight, max(0, m.Sum+more))
		b.Shares[k] = m
	}
}
