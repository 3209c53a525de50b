package detect

import "math"

// sum is one CUSUM: evidence for "as bad as this", and what it rests on.
type sum struct {
	S     float64
	Since int64
	// bad of n since then: ill payments of payments; payments of seconds for
	// volumes; minor units of payments for values.
	bad, n float64
	// span is how many seconds spoke for it.
	span int
}

// add takes in the evidence of one second.
func (c *sum) add(at int64, evidence, bad, n float64) {
	if c.S += evidence; c.S <= 0 {
		*c = sum{}
		return
	}
	if c.Since == 0 {
		c.Since = at
	}
	c.bad, c.n = c.bad+bad, c.n+n
	if evidence > 0 {
		c.span++
	}
}

// seen is bad per n since the evidence began.
func (c *sum) seen() float64 {
	if c.n == 0 {
		return 0
	}
	return c.bad / c.n
}

// shareEvidence is the log-likelihood ratio of bad of n under share p1 against p0.
func shareEvidence(bad, n, p0, p1 float64) float64 {
	return bad*math.Log(p1/p0) + (n-bad)*math.Log((1-p1)/(1-p0))
}

// rateEvidence is the log-likelihood ratio of x payments in a second under the
// rate r1 against r0.
func rateEvidence(x, r0, r1 float64) float64 { return x*math.Log(r1/r0) + r0 - r1 }

// valueEvidence is the log-likelihood ratio of a sum of n amounts under the mean
// m1 against m0, where one amount has the variance v. What lies far beyond
// either counts as less: amounts have long tails.
func valueEvidence(amount, n, m0, m1, v float64) float64 {
	if n == 0 || v <= 0 {
		return 0
	}
	deviation := math.Sqrt(n * v)
	most := max(4*deviation, n*math.Abs(m1-m0)/2+deviation)
	off := min(most, max(-most, amount-n*m0))
	return (m1 - m0) / v * (off - n*(m1-m0)/2)
}

// mean is a mean that forgets.
type mean struct {
	Sum    float64 `json:"s"`
	Weight float64 `json:"w"`
}

func (m *mean) add(x, weight, keep float64) {
	m.Sum, m.Weight = m.Sum*keep+x, m.Weight*keep+weight
}

func (m mean) value(prior, priorWeight float64) float64 {
	return (m.Sum + prior*priorWeight) / (m.Weight + priorWeight)
}

// keep is what is kept per second with a half-life in seconds.
func keep(halfLife float64) float64 { return math.Exp2(-1 / halfLife) }

var (
	perHour       = keep(3600)
	perTen        = keep(600)
	perTwoMinutes = keep(120)
)

// spread is how much counts vary beyond chance: 1 is chance alone.
type spread struct {
	Mean mean `json:"m"`
}

// learn takes in one second: x counted where mu with variance v was expected.
func (s *spread) learn(x, mu, v float64) {
	if v > 0 {
		s.Mean.add(min(20, (x-mu)*(x-mu)/v), 1, perHour)
	}
}

func (s *spread) value() float64 { return max(1, s.Mean.value(1, 60)) }

// back is the evidence that a finding is over, since it was made.
type back struct{ s, seconds float64 }

// enoughBack is the evidence that ends a finding, leastBack the seconds it takes.
const (
	enoughBack = 8
	leastBack  = 30
)

// add takes in the evidence of some seconds and reports whether it is over.
func (b *back) add(evidence, seconds float64) bool {
	if b.s += evidence; b.s <= 0 {
		*b = back{}
		return false
	}
	b.seconds += seconds
	return b.s >= enoughBack && b.seconds >= leastBack
}

func bounded(share float64) float64 { return min(0.999, max(0.0001, share)) }
