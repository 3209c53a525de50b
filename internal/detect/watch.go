package detect

import (
	"cmp"
	"math"
	"slices"

	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/traffic"
)

// degrees are how much of the payments that were well must be ill for each test
// of a share, the slightest first.
var degrees = map[Kind][]float64{
	Failures: {0.02, 0.05, 0.15, 0.5, 0.9},
	Unknowns: {0.02, 0.1, 0.5, 0.9},
	Slow:     {0.3, 0.8},
	Amounts:  {0.02, 0.1, 0.5, 0.9},
	Codes:    {0.02, 0.1, 0.5, 0.9},
}

// factors are the parts of what is expected that a test of a volume or of a mean
// amount asks for.
var factors = map[Kind][]float64{
	Drop:  {0.5, 0.05},
	Surge: {20},
	Value: {0.7, 0.4, 1.6},
}

// seasonal is the part of the usual volume of an hour below which a drop is
// found however slowly it came, and seasonalSpread what is added to the spread:
// no day is quite like the same day of another week.
const (
	seasonal       = 0.3
	seasonalSpread = 20
)

// kinds are in the order in which they are judged: what failures explain is no
// finding of codes.
var kinds = []Kind{Failures, Unknowns, Slow, Amounts, Value, Drop, Surge, Codes}

const (
	// leastRate is the fewest payments per second whose absence tells anything.
	leastRate = 0.2
	// slightest is the part of the slightest degree that must have been seen.
	slightest = 0.6
	// manifold is how many times the usual share of failures tells at the slightest
	// degree; below it, where many fail on any day, it takes the next.
	manifold = 1.5
	// leastIll is how many ill payments a finding rests on at least, leastSpan how
	// many seconds one that is not critical: a connection that breaks takes some
	// payments with it at once.
	leastIll, leastSpan = 5, 2
	// leastCoded and leastCodedSpan are these for codes: one customer who tries again
	// and again is none.
	leastCoded, leastCodedSpan = 10, 5
	// leastSurge is how many times as many answers as usual have a code that is found.
	leastSurge = 3
	// leastRecent is how many payments of the last minutes tell a share.
	leastRecent = 300
	// batch is how many amounts are judged together: amounts have long tails, and
	// only the sum of many is spread as the test takes it to be.
	batch = 100
)

// paid is what was done in one currency.
type paid struct{ sum, n float64 }

// counts is what was counted of a scope in one second.
type counts struct {
	decided, bad, unknown float64 // whose fate is decided: done, not done, unknown
	coded                 float64 // with the code that the scope is of
	named, other          float64 // whose answer named an amount, and another one
	all                   float64
	latency               [len(traffic.Latencies) + 1]float64
	paid                  map[string]paid
}

// own are the reasons for which a gate declines without being told to.
var own = map[string]bool{
	posture.NoLease.String(): true, posture.NoPosture.String(): true, posture.Full.String(): true, posture.Unreadable.String(): true,
}

// add counts a row in.
func (c *counts) add(r *traffic.Row) {
	n := float64(r.Count)
	c.all += n
	c.named, c.other = c.named+float64(r.Named), c.other+float64(r.Differ)
	if r.Verdict != posture.Forward.String() {
		if own[r.Reason] {
			c.decided, c.bad = c.decided+n, c.bad+n
		}
		return
	}
	switch r.Outcome {
	case payment.Done:
		c.decided += n
		if r.Currency != traffic.Other && r.Amount > 0 {
			if c.paid == nil {
				c.paid = map[string]paid{}
			}
			p := c.paid[r.Currency]
			c.paid[r.Currency] = paid{p.sum + float64(r.Amount), p.n + n}
		}
	case payment.NotDone:
		c.decided, c.bad = c.decided+n, c.bad+n
	case payment.Unknown:
		c.decided, c.unknown = c.decided+n, c.unknown+n
	}
	for i, n := range r.Latency {
		c.latency[i] += float64(n)
	}
}

// mostPaid is the currency of most payments.
func (c *counts) mostPaid() (currency string) {
	var most float64
	for name, p := range c.paid {
		if p.n > most || p.n == most && name < currency {
			currency, most = name, p.n
		}
	}
	return currency
}

// of returns the ill payments and all of those that a share is of.
func (c *counts) of(k Kind, slowest int) (bad, n float64) {
	switch k {
	case Unknowns:
		return c.unknown, c.decided
	case Amounts:
		return c.other, c.named
	case Codes:
		return c.coded, c.decided
	case Slow:
		for i, x := range c.latency {
			if n += x; i > slowest {
				bad += x
			}
		}
		return bad, n
	}
	return c.bad, c.decided
}

// test is one watched thing of one scope.
type test struct {
	sums []sum
	// enough is the sum that makes a finding.
	enough float64
	open   *Finding
	back   back
	over   bool
	// amounts wait, for so many seconds, until there are enough.
	amounts paid
	waited  float64
	// lately is what was seen in the last minutes of an open finding.
	lately mean
	// recent is the share of the last minutes: what grows slowly is more than it was on
	// average since it began.
	recent mean
	// course is the volume that those beside the scope let expect.
	course float64
}

// begin opens a finding, or none, and lets the evidence begin anew.
func (t *test) begin(f *Finding) {
	t.open, t.back, t.over, t.amounts, t.waited, t.lately = f, back{}, false, paid{}, 0, mean{}
	clear(t.sums)
}

// watch watches one scope.
type watch struct {
	scope Scope
	base  *Baseline
	tests map[Kind]*test
	// idle counts seconds without payments: a scope of nothing is forgotten.
	idle int
	// still counts seconds in which no volume was learned, slight those in which
	// nothing else was though nothing was found.
	still, slight int
}

func newWatch(s Scope, b *Baseline) *watch {
	w := &watch{scope: s, base: b, tests: map[Kind]*test{}}
	for _, k := range kinds {
		n := max(len(degrees[k]), len(factors[k]))
		if k == Drop {
			n += 2 // against the hour of the week, and against those beside it
		}
		w.tests[k] = &test{sums: make([]sum, n), enough: Threshold}
		if k == Codes {
			// Failures with a code that others had before are found as such first.
			w.tests[k].enough = 2 * Threshold
		}
	}
	return w
}

// step takes one second of a kind in; what is watched of payments is c.
func (w *watch) step(k Kind, s *moment, c *counts) {
	t := w.tests[k]
	switch k {
	case Drop, Surge:
		w.stepRate(k, t, s, c)
	case Value:
		w.stepValue(t, s, c)
	default:
		w.stepShare(k, t, s, c)
	}
}

func (w *watch) stepShare(k Kind, t *test, s *moment, c *counts) {
	bad, n := c.of(k, w.base.slowest())
	if n == 0 {
		return
	}
	t.recent.add(bad, n, perTwoMinutes)
	if t.open != nil {
		t.lately.add(bad, n, perTwoMinutes)
		expected, seen := bounded(t.open.Expected), bounded(t.open.Seen)
		t.over = t.back.add(shareEvidence(bad, n, seen, expected)/w.base.Spreads[k].value(), 1)
	}
	p0, beyond := w.base.atMost(k), w.base.Spreads[k].value()
	for i, degree := range degrees[k] {
		from := p0
		if !w.base.ready() {
			if degree < 0.9 {
				continue
			}
			from = max(p0, badDay)
		}
		if p1 := min(0.99, from+(1-from)*degree); p1 > from {
			t.sums[i].add(s.At, shareEvidence(bad, n, from, p1)/beyond, bad, n)
		}
	}
}

// stepRate takes in the payments of c, which are without those of scopes that
// have a finding of the kind: what was expected of them is in explained.
func (w *watch) stepRate(k Kind, t *test, s *moment, c *counts) {
	explained, apart := s.explained(k, w.scope)
	if !s.whole || s.Held {
		return
	}
	if !apart {
		clear(t.sums)
		return
	}
	beyond := w.base.Spreads[Drop].value()
	if t.open != nil {
		seen := min(max(t.open.Seen, t.open.Expected/20), t.open.Expected*20)
		t.over = t.back.add(rateEvidence(c.all, seen, t.open.Expected)/beyond, 1)
	}
	r0 := w.base.rate(k, s.hour) - explained
	if !w.base.steady() || r0 < leastRate {
		return
	}
	for i, f := range factors[k] {
		t.sums[i].add(s.At, rateEvidence(c.all, r0, r0*f)/beyond, c.all, 1)
	}
	if k != Drop || explained != 0 {
		return
	}
	if season, known := w.base.Season.slowly(s.hour); known {
		t.sums[len(factors[k])].add(s.At, rateEvidence(c.all, season, season*seasonal)/(beyond+seasonalSpread), c.all, 1)
	}
	if rate, known := w.expected(s); known && rate >= leastRate {
		t.sums[len(factors[k])+1].add(s.At, rateEvidence(c.all, rate, rate*againstCourse)/beyond, c.all, 1)
		t.course = rate
	}
}

func (w *watch) stepValue(t *test, s *moment, c *counts) {
	p := &t.amounts
	p.sum, p.n = p.sum+c.paid[w.base.Currency].sum, p.n+c.paid[w.base.Currency].n
	t.waited++
	m, v := w.base.value()
	if p.n < batch {
		return
	}
	defer func() { *p, t.waited = paid{}, 0 }()
	if m <= 0 || v <= 0 || w.base.Variance.Weight < enoughPayments {
		return
	}
	if t.open != nil {
		t.lately.add(p.sum, p.n, perTwoMinutes)
		t.over = t.back.add(valueEvidence(p.sum, p.n, t.open.Seen, t.open.Expected, v), t.waited)
	}
	for i, f := range factors[Value] {
		t.sums[i].add(s.At, valueEvidence(p.sum, p.n, m, m*f, v), p.sum, p.n)
	}
}

// finding returns what the evidence of a kind says now. It is certain if the
// evidence is enough, and tells if what was seen is enough as well.
func (w *watch) finding(k Kind, at hour) (f Finding, certain, tells bool) {
	t := w.tests[k]
	best := slices.MaxFunc(t.sums, func(a, b sum) int { return cmp.Compare(a.S, b.S) })
	f = Finding{Kind: k, Scope: w.scope, Seen: best.seen(), Payments: int64(best.n), Sure: best.S, Since: unix(best.Since)}
	switch k {
	case Drop, Surge:
		f.Expected, f.Payments = w.base.rate(k, at), int64(best.bad)
		if season, known := w.base.Season.slowly(at); known && k == Drop && best == t.sums[len(factors[k])] {
			f.Expected = season
		}
		if k == Drop && best.S > 0 && best == t.sums[len(factors[k])+1] {
			f.Expected = t.course
		}
	case Value:
		f.Expected, _ = w.base.value()
		f.Currency = w.base.Currency
	case Slow:
		f.Expected, f.SlowerThan = w.base.share(k), traffic.Latencies[w.base.slowest()]
	default:
		f.Expected = w.base.share(k)
	}
	if degrees[k] != nil && t.recent.Weight >= leastRecent {
		f.Seen = max(f.Seen, t.recent.value(0, 0.001))
	}
	f.Severity = w.severity(f)
	certain = best.S >= t.enough && (t.open == nil || f.Severity.graver(t.open.Severity))
	ill, span := float64(leastIll), leastSpan
	if k == Codes {
		ill, span = leastCoded, leastCodedSpan
	}
	return f, certain, certain && f.counts() && (f.Severity == Critical || best.span >= span) && (degrees[k] == nil || best.bad >= ill)
}

// counts reports whether the difference is one that people would act on.
func (f *Finding) counts() bool {
	switch f.Kind {
	case Drop:
		return f.Seen <= 0.7*f.Expected
	case Surge:
		return f.Seen >= 6*f.Expected
	case Value:
		return math.Abs(f.Seen-f.Expected) >= 0.2*f.Expected
	case Codes:
		if f.Seen < leastSurge*f.Expected {
			return false
		}
	}
	least := degrees[f.Kind][0]
	if f.Kind == Failures && f.Seen < manifold*f.Expected {
		least = degrees[Failures][1]
	}
	return f.Seen-f.Expected >= slightest*least*(1-f.Expected)
}

// severity says how grave a finding is: most payments of a route are critical, a
// tenth of the payments of any scope is major.
func (w *watch) severity(f Finding) Severity {
	most := !w.scope.narrow()
	switch {
	case f.Kind == Surge:
		return Minor
	case f.Kind == Drop && most && f.Seen < 0.1*f.Expected, (f.Kind == Failures || f.Kind == Unknowns) && most && f.Seen >= 0.5:
		return Critical
	case f.Kind == Drop, f.Kind == Value && math.Abs(f.Seen-f.Expected) >= 0.4*f.Expected, f.Kind == Amounts:
		return Major
	case f.Kind != Value && f.Seen-f.Expected >= 0.08:
		return Major
	}
	return Minor
}

// suspicious reports whether a test of a volume, or one of the others, says that a
// second of this scope must not be learned from.
func (w *watch) suspicious(volume bool) bool {
	for k, t := range w.tests {
		if volume == (k == Drop || k == Surge) && slices.ContainsFunc(t.sums, func(s sum) bool { return s.S > Threshold/4 }) {
			return true
		}
	}
	return false
}

// learn takes a second into what is usual, unless it must not.
func (w *watch) learn(s *moment, c *counts, may bool) {
	may = may && !w.ill()
	if may && s.whole && !w.suspicious(true) {
		w.still = 0
		w.base.learnVolume(c, s.hour)
		w.learnCourse(s)
	} else if w.still++; w.still%pause == 0 {
		w.unsteady()
	}
	switch {
	case !may:
	case !w.suspicious(false):
		w.slight = 0
		w.base.learn(c)
	default:
		if w.slight++; w.slight%lastingly == 0 {
			w.acceptSlight(s.hour)
		}
	}
}

// learnCode takes a second into what is usual of a code.
func (w *watch) learnCode(c *counts, may bool) {
	switch {
	case !may || w.ill():
	case !w.suspicious(false):
		w.slight = 0
		w.base.learnShare(Codes, c.coded, c.decided)
		w.base.Seconds++
	default:
		if w.slight++; w.slight%lastingly == 0 {
			w.acceptSlight(hour{})
		}
	}
}

// acceptSlight takes as usual what has been certain for an hour and too slight for
// a finding.
func (w *watch) acceptSlight(at hour) {
	for k, t := range w.tests {
		if k == Drop || k == Surge {
			continue
		}
		if t.passed() {
			f, _, _ := w.finding(k, at)
			w.base.accept(&f)
		}
		clear(t.sums)
	}
}

// unsteady forgets what was seen of volumes lately.
func (w *watch) unsteady() {
	w.base.unsteady()
	clear(w.tests[Drop].sums)
	clear(w.tests[Surge].sums)
}
