package detect

import (
	"cmp"
	"math"
	"slices"
)

// Before a week is known nobody can say what a morning should bring. But what is
// beside a scope can: as the other channels rise, so does this one, if it did so
// before. Course is how far it has fallen behind them on days when nothing was wrong,
// as the logarithm of what they let expect against what came.
type Course struct {
	// Today is the most of this day, Before that of the days before; without one it is
	// taken to be strange.
	Today  float64 `json:"today"`
	Before float64 `json:"before"`
	// Day counts days since 1970 in the operator's zone. Begun says that this one was
	// seen from its beginning, Known that one was seen whole.
	Day   int64 `json:"day"`
	Begun bool  `json:"begun,omitempty"`
	Known bool  `json:"known,omitempty"`
}

const (
	// strange is what a scope may fall behind before a day of it is known, more what it
	// may fall behind beyond the most that it did; both as logarithms.
	strange = 1.0
	more    = 0.2
	// fades is what a day takes from the most of the days before.
	fades = 0.8
	// beside is how many others it takes to say what is to be expected.
	beside = 2
	// againstCourse is the part of what is expected then that the test asks for.
	againstCourse = 0.5
)

// learn takes in how far the scope is behind now.
func (c *Course) learn(day int64, behind float64) {
	if c.Day == 0 {
		c.Day = day
	}
	if day != c.Day {
		// The first day is no whole one: it began anywhere.
		c.Known, c.Begun = c.Known || c.Begun, true
		c.Before, c.Today, c.Day = max(fades*c.Before, c.Today), 0, day
	}
	c.Today = max(c.Today, behind)
}

// may is how far the scope may be behind.
func (c *Course) may() float64 {
	most := max(c.Today, c.Before)
	if !c.Known {
		most = max(most, strange)
	}
	return most + more
}

// family is what stands beside each other: the channels of a route, its methods,
// its banks, its groups of merchants.
type family struct {
	route string
	of    int
}

// kin returns the family of a scope; ok is false if it has none.
func (s Scope) kin() (f family, ok bool) {
	names := s.names()
	for i := 1; i < 5; i++ {
		if names[i] != "" {
			return family{s.Route, i}, s.Code == ""
		}
	}
	return family{}, false
}

// member is a scope with its volume of this second and of the last hour, and how that
// of the last minutes is to the latter.
type member struct {
	scope            Scope
	now, long, ratio float64
}

// courses returns how the others beside each scope go now against their last hour: in
// the last minutes by the weighted median, so that one of them in trouble or in a
// burst says nothing, and no better than in this very second, in which a burst of all
// may have ended.
func (d *Detector) courses(t *tallies) map[Scope]float64 {
	families := map[family][]member{}
	for _, scope := range d.order {
		f, ok := scope.kin()
		w := d.watches[scope]
		if long := w.base.Long.value(0, 0.001); ok && w.base.steady() && long >= leastRate && w.tests[Drop].open == nil {
			families[f] = append(families[f], member{scope, t.of(scope, "").all, long, w.base.Short.value(0, 0.001) / long})
		}
	}
	courses := map[Scope]float64{}
	for _, all := range families {
		if len(all) <= beside {
			continue
		}
		slices.SortFunc(all, func(a, b member) int { return cmp.Or(cmp.Compare(a.ratio, b.ratio), a.scope.compare(b.scope)) })
		var now, long float64
		for _, m := range all {
			now, long = now+m.now, long+m.long
		}
		for _, own := range all {
			courses[own.scope] = min(median(all, own, long-own.long), (now-own.now)/(long-own.long))
		}
	}
	return courses
}

// median is the ratio below which half of the volume beside own is.
func median(all []member, own member, whole float64) float64 {
	var sum float64
	for _, m := range all {
		if m.scope == own.scope {
			continue
		}
		if sum += m.long; sum >= whole/2 {
			return m.ratio
		}
	}
	return own.ratio
}

// expected is the least volume that the others beside the scope let expect; ok is
// false if they say nothing.
func (w *watch) expected(s *moment) (rate float64, ok bool) {
	course, ok := s.courses[w.scope]
	return w.base.Long.value(0, 0.001) * course * math.Exp(-w.base.Course.may()), ok
}

// learnCourse takes in how far the scope is behind the others.
func (w *watch) learnCourse(s *moment) {
	course, ok := s.courses[w.scope]
	short, long := w.base.Short.value(0, 0.001), w.base.Long.value(0, 0.001)
	if ok && short > 0 && course > 0 && w.base.Seconds >= 3600 {
		w.base.Course.learn(s.hour.day, max(0, math.Log(long*course/short)))
	}
}
