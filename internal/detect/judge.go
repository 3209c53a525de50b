package detect

import "math"

// judge makes findings of one kind, the surest first, and ends those that are
// over. What the surest explains begins anew.
func (d *Detector) judge(k Kind, s *moment) (changes []Change) {
	for _, scope := range d.order {
		if t := d.watches[scope].tests[k]; t.open != nil && t.over {
			changes = append(changes, Change{*t.open, unix(s.At)})
			t.begin(nil)
		}
	}
	for {
		f := d.surest(k, s.hour)
		if f == nil {
			return changes
		}
		f.At = unix(s.At)
		changes = append(changes, d.open(f)...)
	}
}

// surest returns the finding of a kind with the most evidence, nil if there is
// none. One that is certain but too slight to tell stands for all within it that
// are not much worse.
func (d *Detector) surest(k Kind, at hour) (best *Finding) {
	var slight []Finding
	for _, scope := range d.order {
		if !d.watches[scope].tests[k].passed() {
			continue
		}
		f, certain, tells := d.watches[scope].finding(k, at)
		if certain && !tells {
			slight = append(slight, f)
		}
		if tells && (best == nil || f.Sure > best.Sure) {
			best = &f
		}
	}
	if best == nil {
		return nil
	}
	for _, f := range slight {
		if within(best.Scope, f.Scope) && f.Sure > best.Sure && math.Abs(best.Seen-best.Expected) < 2*math.Abs(f.Seen-f.Expected) {
			return nil
		}
	}
	return d.narrowed(best, at)
}

// passed reports whether any sum is enough for a finding.
func (t *test) passed() bool {
	for i := range t.sums {
		if t.sums[i].S >= t.enough {
			return true
		}
	}
	return false
}

// narrowed returns the finding of the smallest scope within that of f that has
// nearly all of its ill payments, and f if there is none.
func (d *Detector) narrowed(f *Finding, at hour) *Finding {
	best := f
	for _, scope := range d.order {
		if scope == f.Scope || !within(scope, f.Scope) {
			continue
		}
		g, _, _ := d.watches[scope].finding(f.Kind, at)
		if g.ill() >= 0.8*f.ill() && g.size() <= 0.6*f.size() && g.size() < best.size() {
			g.Sure = max(g.Sure, f.Sure)
			best = &g
		}
	}
	return best
}

// ill is how much is ill in the scope of a finding, size how much there is of it.
func (f *Finding) ill() float64 {
	switch f.Kind {
	case Drop, Surge:
		return math.Abs(f.Seen - f.Expected)
	case Value:
		return math.Abs(f.Seen-f.Expected) * float64(f.Payments)
	}
	return f.Seen * float64(f.Payments)
}

func (f *Finding) size() float64 {
	if f.Kind == Drop || f.Kind == Surge {
		return f.Expected
	}
	return float64(f.Payments)
}

// open opens a finding and lets all that it touches begin anew. It ends what was
// open in its scope: the lighter, and the narrower.
func (d *Detector) open(f *Finding) (changes []Change) {
	for _, scope := range d.order {
		t := d.watches[scope].tests[f.Kind]
		switch {
		case within(scope, f.Scope):
			if t.open != nil {
				changes = append(changes, Change{*t.open, f.At})
			}
			t.begin(nil)
		case touches(scope, f.Scope):
			clear(t.sums)
		}
		if c := d.watches[scope].tests[Codes]; (f.Kind == Failures || f.Kind == Unknowns) && scope.Code != "" && touches(scope, f.Scope) {
			// The code says why payments fail, and so does the finding.
			if c.open != nil {
				changes = append(changes, Change{*c.open, f.At})
			}
			c.begin(nil)
		}
	}
	d.watches[f.Scope].tests[f.Kind].begin(f)
	return append(changes, Change{Finding: *f})
}
