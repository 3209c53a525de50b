package traffic

import (
	"slices"
	"strings"

	"holdfast"
	"holdfast/internal/payment"
)

const (
	// Settle is how many seconds a second is given to arrive before Rate counts
	// it as complete.
	Settle = 2
	// MaxPoints is the most points of one chart.
	MaxPoints = 2000
)

// Query asks for the payments counted in [From, To), in seconds since 1970. To
// should not lie in the future: a second that is not over is missing.
//
// What is more than an hour older than the newest count is kept by the minute:
// there, minutes that the query touches count whole.
type Query struct {
	From, To int64
	// Where picks keys; nil takes all.
	Where func(Key) bool
}

func (q Query) check() error {
	if q.From < 0 || q.To <= q.From || q.To-q.From > (keptMinutes+60)*60 {
		return holdfast.Errorf(holdfast.Invalid, "ask for a time span of 1 s to 49 h, not from %d to %d", q.From, q.To)
	}
	return nil
}

// Coverage says how much of a time span an answer rests on, in seconds times
// gates. What a gate did not send is missing, not zero.
type Coverage struct {
	// Heard counts the seconds for which gates sent what they counted, Expected
	// those for which they were to.
	Heard, Expected int64
}

// Gap reports whether nothing at all is known of the time span.
func (c Coverage) Gap() bool { return c.Heard == 0 }

// Complete reports whether nothing is missing.
func (c Coverage) Complete() bool { return c.Heard > 0 && c.Heard >= c.Expected }

// Sum is the total of cells whose currencies may differ.
type Sum struct {
	Count int64
	// Amounts has one sum for each currency, by its code. Amounts whose currency
	// could not be read stand under "".
	Amounts []holdfast.Money
	Latency Latency
}

func (s *Sum) add(currency string, c *Cell) {
	s.Count = plus(s.Count, c.Count)
	s.Latency.add(&c.Latency)
	if c.Amount == 0 {
		return
	}
	i, found := slices.BinarySearchFunc(s.Amounts, currency, func(m holdfast.Money, c string) int { return strings.Compare(m.Currency, c) })
	if !found {
		s.Amounts = slices.Insert(s.Amounts, i, holdfast.Money{Currency: currency})
	}
	s.Amounts[i].Minor = plus(s.Amounts[i].Minor, c.Amount)
}

// Dimension names the group a key belongs to.
type Dimension func(Key) string

func ByRoute(k Key) string    { return k.Route }
func ByChannel(k Key) string  { return k.Channel }
func ByMethod(k Key) string   { return k.Method }
func ByKind(k Key) string     { return k.Kind.String() }
func ByVerdict(k Key) string  { return k.Verdict }
func ByReason(k Key) string   { return k.Reason }
func ByOutcome(k Key) string  { return k.Outcome.String() }
func ByCurrency(k Key) string { return k.Currency }

// Group is a total of the keys with one name in the dimension asked for.
type Group struct {
	Name string
	Sum
}

// Totals is the answer to a query.
type Totals struct {
	// From and To are the span that was counted: the one asked for, or the whole
	// minutes around it.
	From, To int64
	Coverage
	// Groups are in the order of their names; one without payments is not there.
	Groups []Group
}

// Totals sums the payments of a query by a dimension; nil makes one group.
func (s *Series) Totals(q Query, by Dimension) (Totals, error) {
	if err := q.check(); err != nil {
		return Totals{}, err
	}
	if by == nil {
		by = func(Key) string { return "" }
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	groups := map[string]*Sum{}
	t := s.sum(q, func(k Key, c *Cell) {
		if c.Count == 0 {
			return // only answers, to payments of the second before
		}
		name := by(k)
		if groups[name] == nil {
			groups[name] = &Sum{}
		}
		groups[name].add(k.Currency, c)
	})
	for name, sum := range groups {
		t.Groups = append(t.Groups, Group{name, *sum})
	}
	slices.SortFunc(t.Groups, func(a, b Group) int { return strings.Compare(a.Name, b.Name) })
	return t, nil
}

// bySecond is the first second that is kept as such.
func (s *Series) bySecond() int64 { return s.newest - keptSeconds + 1 }

// wholeMinute rounds a time up.
func wholeMinute(t int64) int64 { return t + 59 - (t+59)%60 }

// sum calls each for the cells of a query and returns totals without groups.
func (s *Series) sum(q Query, each func(Key, *Cell)) Totals {
	t := Totals{From: q.From, To: q.To}
	at := q.From
	if at < s.bySecond() {
		border := wholeMinute(s.bySecond())
		t.From -= t.From % 60
		if t.To <= border {
			t.To = wholeMinute(t.To)
		}
		for at = t.From; at < min(border, t.To); at += 60 {
			t.visit(s.minutes, at, 60, q.Where, each)
		}
	}
	for ; at < t.To; at++ {
		t.visit(s.seconds, at, 1, q.Where, each)
	}
	t.expect(s.gates, t.From, t.To)
	return t
}

// visit calls each for the cells of one point and returns whether any gate was
// heard.
func (c *Coverage) visit(ring []point, at, length int64, where func(Key) bool, each func(Key, *Cell)) bool {
	p := &ring[at/length%int64(len(ring))]
	if p.at != at {
		return false
	}
	for _, n := range p.heard {
		c.Heard += int64(n)
	}
	for i := range p.rows {
		r := &p.rows[i]
		if k := r.key.Value(); where == nil || where(k) {
			each(k, &r.Cell)
		}
	}
	return true
}

// expect sets for how many seconds of [from, to) the gates were to send.
func (c *Coverage) expect(gates map[string]*gate, from, to int64) {
	for _, g := range gates {
		for _, s := range g.spans {
			c.Expected += max(0, min(to-1, s.until)-max(from, s.since)+1)
		}
	}
	c.Expected = max(c.Expected, c.Heard) // a gate may be forgotten meanwhile
}

// Point is one point of a chart: the payments of [At, At+step).
type Point struct {
	At int64
	Coverage
	Sum
}

// Points returns the query's span in steps of the given seconds, beginning at a
// multiple of the step. A point for which [Coverage.Gap] holds is a gap, one
// that is not complete may be short of payments, and a complete one with no
// count is zero. The step must be whole minutes where counts are kept so.
func (s *Series) Points(q Query, step int64) ([]Point, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	if step < 1 || (q.To-q.From)/step >= MaxPoints {
		return nil, holdfast.Errorf(holdfast.Invalid, "a step of %d s makes too many points; %d is the limit", step, MaxPoints)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	first := q.From - q.From%step
	if first < s.bySecond() && step%60 != 0 {
		return nil, holdfast.Errorf(holdfast.Invalid, "counts older than an hour are kept by the minute: take a step of 60, 120, … s, not %d", step)
	}
	var points []Point
	for at := first; at < q.To; at += step {
		p := Point{At: at}
		p.Coverage = s.sum(Query{at, at + step, q.Where}, func(k Key, c *Cell) { p.Sum.add(k.Currency, c) }).Coverage
		points = append(points, p)
	}
	return points, nil
}

// Rate is how many payments there were in some seconds.
type Rate struct {
	Count int64
	// Seconds counts those of which anything is known; per second there were
	// Count/Seconds payments, or more if the coverage is not complete. If it is 0
	// the rate is not known.
	Seconds int64
	Coverage
}

// Rate returns the rate of the last n complete seconds: those that ended
// [Settle] seconds before now, so that what the gates sent has arrived. n is at
// most 600.
func (s *Series) Rate(now, n int64, where func(Key) bool) (Rate, error) {
	if n < 1 || n > 600 {
		return Rate{}, holdfast.Errorf(holdfast.Invalid, "ask for the rate of 1 to 600 seconds, not %d", n)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var r Rate
	from, to := now-Settle-n, now-Settle
	for at := max(from, 0); at < to; at++ {
		if r.visit(s.seconds, at, 1, where, func(_ Key, c *Cell) { r.Count = plus(r.Count, c.Count) }) {
			r.Seconds++
		}
	}
	r.expect(s.gates, from, to)
	return r, nil
}

// Success is how many payments went well, of those that should have.
type Success struct {
	// Done are the payments of which the primary says that money moved; Of are
	// these, those not done, and those of unknown outcome. Payments in flight are
	// in neither. The ratio is Done/Of; if Of is 0 it is not known.
	Done, Of int64
	Coverage
}

// Success counts outcomes. A decline at the gate is a payment not done, so to
// judge the primary let the query pick what was forwarded.
func (s *Series) Success(q Query) (Success, error) {
	t, err := s.Totals(q, ByOutcome)
	if err != nil {
		return Success{}, err
	}
	r := Success{Coverage: t.Coverage}
	for _, g := range t.Groups {
		switch g.Name {
		case payment.Done.String():
			r.Done = g.Count
			r.Of = plus(r.Of, g.Count)
		case payment.NotDone.String(), payment.Unknown.String():
			r.Of = plus(r.Of, g.Count)
		}
	}
	return r, nil
}

// Second is what the gates counted in one second, all together.
type Second struct {
	At   int64
	Rows []Row
	// Parts are kept for two minutes only.
	Parts []PartRow
	// Heard names the gates that sent what they counted in it, in order. What the
	// others counted is missing.
	Heard []string
}

// Second returns one second of the last hour. It changes as long as snapshots of
// it arrive; see [Late].
func (s *Series) Second(at int64) Second {
	s.mu.RLock()
	defer s.mu.RUnlock()
	second := Second{At: at}
	if at < 0 {
		return second
	}
	p := &s.seconds[at%int64(len(s.seconds))]
	if p.at != at {
		return second
	}
	second.Rows = make([]Row, len(p.rows))
	for i := range p.rows {
		second.Rows[i] = Row{Key: p.rows[i].key.Value(), Cell: p.rows[i].Cell}
	}
	if p := &s.parts[at%keptParts]; p.at == at {
		for i := range p.rows {
			second.Parts = append(second.Parts, p.rows[i].rows...)
		}
	}
	for called, g := range s.gates {
		if p.heard[g.slot] > 0 {
			second.Heard = append(second.Heard, called)
		}
	}
	slices.Sort(second.Heard)
	return second
}
