package detect

import (
	"maps"
	"slices"
	"strings"
	"time"

	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/traffic"
)

const (
	// MaxScopes is how many scopes are watched, and MaxParts how many of them are
	// banks, groups of merchants and codes, at most half of them of one sort. One more
	// takes the place of one without payments for ten minutes, if there is any.
	MaxScopes = 256
	MaxParts  = 160
	// idleAfter is how many seconds without a payment let a scope give its place.
	idleAfter = 600
	// forgetAfter is how many seconds without a payment end a scope: a week, for
	// what is used only on some days.
	forgetAfter = week
)

// Detector judges seconds in their order. It is not safe for concurrent use.
type Detector struct {
	zone    *time.Location
	watches map[Scope]*watch
	// order has the scopes in a fixed order.
	order  []Scope
	silent silence
	at     int64
}

// New makes a detector that knows nothing yet; zone is the operator's, in which
// weeks have their hours.
func New(zone *time.Location) *Detector {
	return &Detector{zone: zone, watches: map[Scope]*watch{}, silent: silence{open: map[string]*Finding{}}}
}

func unix(second int64) time.Time { return time.Unix(second, 0).UTC() }

// held are the reasons for which a gate declines because it was told to; a gate
// may also have been told at itself.
var held = map[string]bool{posture.Stopped.String(): true, posture.OutOfShare.String(): true, posture.OverRate.String(): true}

// moment is a second with what follows from it.
type moment struct {
	*Second
	hour hour
	// open has the scopes with a finding, by kind, and what is expected of them as
	// volumes.
	open map[Kind][]explained
	// whole says that every gate that is not silent was heard.
	whole bool
	// courses are how the others beside a scope go; see Course.
	courses map[Scope]float64
}

// explained is a scope whose payments a finding explains.
type explained struct {
	Scope
	rate float64
}

// explained returns the volume expected of those scopes in a scope that have a
// finding of a volume; ok is false if all or an unknown part of it is explained.
func (s *moment) explained(k Kind, scope Scope) (rate float64, ok bool) {
	for _, e := range s.open[k] {
		switch {
		case e.Scope == scope:
		case within(e.Scope, scope):
			rate += e.rate
		case touches(e.Scope, scope):
			return 0, false
		}
	}
	return rate, true
}

// unclear reports whether findings keep a scope from being judged.
func (s *moment) unclear(k Kind, scope Scope) bool {
	if slices.ContainsFunc(s.open[k], func(e explained) bool { return apart(e.Scope, scope) }) {
		return true
	}
	return k == Codes && (slices.ContainsFunc(s.open[Failures], func(e explained) bool { return touches(e.Scope, scope) }) ||
		slices.ContainsFunc(s.open[Unknowns], func(e explained) bool { return touches(e.Scope, scope) }))
}

// Second judges one second and returns what changed by it.
func (d *Detector) Second(second Second) (changes []Change) {
	d.at = second.At
	s := &moment{Second: &second, hour: hourOf(second.At, d.zone), open: map[Kind][]explained{}}
	silent, joined := d.silent.judge(&second)
	s.whole = d.silent.whole(&second)
	second.Held = second.Held || slices.ContainsFunc(second.Rows, func(r traffic.Row) bool { return held[r.Reason] })
	if joined {
		// A gate less or more: what the others count says little of what it did.
		for _, w := range d.watches {
			w.unsteady()
		}
	}
	t := d.tally(s)
	s.courses = d.courses(t)
	for _, scope := range d.order {
		w := d.watches[scope]
		for _, k := range kinds {
			switch {
			case (k == Codes) != (scope.Code != ""):
			case s.unclear(k, scope):
				clear(w.tests[k].sums)
			case k == Codes:
				w.step(k, s, t.codes(scope, s.open[k]))
			default:
				w.step(k, s, t.of(scope, k))
			}
		}
	}
	for _, k := range kinds {
		changes = append(changes, d.judge(k, s)...)
	}
	d.learn(s, t)
	d.forget()
	return append(changes, silent...)
}

// Open returns the findings that are open, in a fixed order.
func (d *Detector) Open() (open []Finding) {
	for _, scope := range d.order {
		for _, k := range kinds {
			if f := d.watches[scope].tests[k].open; f != nil {
				open = append(open, *f)
			}
		}
	}
	return append(open, d.silent.all()...)
}

// Resume opens a finding that was made before, by another process: it ends when
// it is over.
func (d *Detector) Resume(f Finding) {
	if f.Kind == Silent {
		d.silent.open[f.Gate] = &f
		return
	}
	if d.known(f.Scope) {
		d.watches[f.Scope].tests[f.Kind].begin(&f)
	}
}

// Accept takes what a finding saw as usual from now on, and ends it.
func (d *Detector) Accept(f Finding) {
	w := d.watches[f.Scope]
	if w == nil || f.Kind == Silent {
		return
	}
	t := w.tests[f.Kind]
	if t.open == nil || !t.open.Since.Equal(f.Since) {
		return
	}
	seen := *t.open
	seen.Seen = t.lately.value(seen.Seen, 20)
	more := seen.Seen - w.base.usually(f.Kind)
	mine := w.base.weight(f.Kind)
	all := d.watches[Scope{}].base.weight(f.Kind)
	for _, scope := range d.order {
		// As much of a scope as lies in the one that was found is as that one now.
		o := d.watches[scope]
		switch part := o.base.weight(f.Kind); {
		case scope == f.Scope || !touches(scope, f.Scope) || f.Kind == Codes && scope.Code == "":
			continue
		case scope.Code != "" && f.Kind != Codes:
			// The codes of what failed are as they should be, too; they are learned anew.
			o.base.Shares[Codes], o.base.Seconds = mean{}, 0
			clear(o.tests[Codes].sums)
			continue
		case within(scope, f.Scope):
			o.base.shift(f.Kind, more*part)
		case within(f.Scope, scope):
			o.base.shift(f.Kind, more*mine)
		default:
			o.base.shift(f.Kind, more*mine*part/max(all, 1))
		}
		clear(o.tests[f.Kind].sums)
	}
	w.base.accept(&seen)
	t.begin(nil)
}

// learn takes the second into what is usual, but for scopes that a finding has
// payments of.
func (d *Detector) learn(s *moment, t *tallies) {
	var open []Scope
	for _, scope := range d.order {
		for _, test := range d.watches[scope].tests {
			if test.open != nil {
				open = append(open, scope)
				break
			}
		}
	}
	for _, scope := range d.order {
		covered := slices.ContainsFunc(open, func(o Scope) bool { return touches(scope, o) })
		may := s.Quiet && !s.Held && !covered
		if scope.Code != "" {
			d.watches[scope].learnCode(t.coded(scope), may)
			continue
		}
		d.watches[scope].learn(s, t.of(scope, ""), may)
	}
}

// known returns whether the scope is watched, and begins to if there is room.
func (d *Detector) known(s Scope) bool {
	w := d.watches[s]
	if w == nil {
		if !d.hasRoom(s) && !d.makeRoom(s) {
			return false
		}
		w = newWatch(s, newBaseline(s))
		d.insert(w)
	}
	w.idle = 0
	return true
}

func (d *Detector) insert(w *watch) {
	d.watches[w.scope] = w
	at, _ := slices.BinarySearchFunc(d.order, w.scope, Scope.compare)
	d.order = slices.Insert(d.order, at, w.scope)
}

// hasRoom reports whether one more scope of that sort can be watched.
func (d *Detector) hasRoom(s Scope) bool {
	if !s.part() {
		return len(d.order) < MaxScopes
	}
	parts, alike := 0, 0
	for _, other := range d.order {
		if other.part() {
			parts++
		}
		if alikeIn(s, other) {
			alike++
		}
	}
	return len(d.order) < MaxScopes && parts < MaxParts && alike < MaxParts/2
}

// alikeIn reports whether both are parts of one sort.
func alikeIn(a, b Scope) bool {
	return a.part() && (a.Bank != "") == (b.Bank != "") && (a.Merchant != "") == (b.Merchant != "") && (a.Code != "") == (b.Code != "")
}

// makeRoom forgets the scope that was idle longest, for a part one of its sort.
func (d *Detector) makeRoom(of Scope) bool {
	var longest *watch
	for _, s := range d.order {
		if of.part() && !alikeIn(of, s) {
			continue
		}
		if w := d.watches[s]; w.idle >= idleAfter && !w.ill() && (longest == nil || w.idle > longest.idle) {
			longest = w
		}
	}
	if longest == nil {
		return false
	}
	d.remove(longest.scope)
	return true
}

func (d *Detector) remove(s Scope) {
	delete(d.watches, s)
	at, _ := slices.BinarySearchFunc(d.order, s, Scope.compare)
	d.order = slices.Delete(d.order, at, at+1)
}

// forget ends the scopes that have had no payments for long.
func (d *Detector) forget() {
	for _, s := range slices.Clone(d.order) {
		if w := d.watches[s]; w.idle > forgetAfter && !w.ill() {
			d.remove(s)
		}
	}
}

// ill reports whether a finding is open.
func (w *watch) ill() bool {
	for _, t := range w.tests {
		if t.open != nil {
			return true
		}
	}
	return false
}

// tallies are the counts of a second by scope: whole, and for each kind with an
// open finding elsewhere without the payments that one explains.
type tallies struct {
	whole map[Scope]*counts
	less  map[Kind]map[Scope]*counts
}

var nothing = &counts{}

func (t *tallies) of(s Scope, k Kind) *counts {
	by := t.whole
	if t.less[k] != nil {
		by = t.less[k]
	}
	if c := by[s]; c != nil {
		return c
	}
	return nothing
}

// scopesOf lists the scopes that payments counted under k are in.
func scopesOf(k *traffic.Key) []Scope {
	list := make([]Scope, 1, 4)
	if k.Route == "" || k.Route == traffic.Other {
		return list
	}
	list = append(list, Scope{Route: k.Route})
	if k.Channel != "" && k.Channel != traffic.Other {
		list = append(list, Scope{Route: k.Route, Channel: k.Channel})
	}
	if k.Method != "" && k.Method != traffic.Other {
		list = append(list, Scope{Route: k.Route, Method: k.Method})
	}
	return list
}

func (d *Detector) tally(s *moment) *tallies {
	t := &tallies{whole: map[Scope]*counts{}, less: map[Kind]map[Scope]*counts{}}
	for _, scope := range d.order {
		w := d.watches[scope]
		w.idle++
		for k, test := range w.tests {
			if test.open != nil {
				s.open[k] = append(s.open[k], explained{scope, test.open.Expected})
				t.less[k] = map[Scope]*counts{}
			}
		}
	}
	for i := range s.Rows {
		r := &s.Rows[i]
		if r.Kind != payment.Pay || r.Verdict == "probe" || r.Verdict == "advice" {
			continue
		}
		for _, scope := range scopesOf(&r.Key) {
			if !d.known(scope) {
				continue
			}
			addTo(t.whole, scope, r)
			for k, open := range s.open {
				if !slices.ContainsFunc(open, func(e explained) bool { return e.Scope != scope && e.holds(&r.Key) }) {
					addTo(t.less[k], scope, r)
				}
			}
		}
	}
	d.tallyParts(s, t)
	return t
}

func addTo(by map[Scope]*counts, s Scope, r *traffic.Row) {
	c := by[s]
	if c == nil {
		c = &counts{}
		by[s] = c
	}
	c.add(r)
}

// silence finds gates that send nothing any more.
type silence struct {
	open map[string]*Finding
	// heard are the gates that were not silent in the second before.
	heard []string
}

// silentAfter is how many seconds without counts make a gate silent: what a gate
// needs to find another control node is less.
const silentAfter = 15

// judge returns the findings that a second makes or ends, and whether another set
// of gates sends now.
func (q *silence) judge(s *Second) (changes []Change, joined bool) {
	var heard []string
	for _, g := range s.Gates {
		// One that was silent has to be heard again.
		if g.Heard || q.open[g.Name] == nil && s.At-g.Last < silentAfter {
			heard = append(heard, g.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(q.open)) {
		inService := slices.ContainsFunc(s.Gates, func(g Gate) bool { return g.Name == name })
		if !inService || slices.Contains(heard, name) {
			changes = append(changes, Change{*q.open[name], unix(s.At)})
			delete(q.open, name)
		}
	}
	for _, g := range s.Gates {
		if q.open[g.Name] != nil || slices.Contains(heard, g.Name) {
			continue
		}
		f := &Finding{Kind: Silent, Severity: Minor, Gate: g.Name, Since: unix(g.Last + 1), At: unix(s.At), Seen: float64(s.At - g.Last)}
		if len(heard) == 0 {
			f.Severity = Major
		}
		q.open[g.Name] = f
		changes = append(changes, Change{Finding: *f})
	}
	slices.Sort(heard)
	joined = q.heard != nil && !slices.Equal(heard, q.heard)
	q.heard = heard
	return changes, joined
}

// whole reports whether every gate that is not silent was heard.
func (q *silence) whole(s *Second) bool {
	for _, g := range s.Gates {
		if !g.Heard && slices.Contains(q.heard, g.Name) {
			return false
		}
	}
	return len(q.heard) > 0
}

func (q *silence) all() (open []Finding) {
	for _, f := range q.open {
		open = append(open, *f)
	}
	slices.SortFunc(open, func(a, b Finding) int { return strings.Compare(a.Gate, b.Gate) })
	return open
}
