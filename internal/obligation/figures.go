package obligation

import (
	"maps"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/incident"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// Nouns is what obligations ask. Use them under the state's lock.
type Nouns struct {
	Book      *Book
	Incidents *incident.Book
	Alerts    *alert.Book
	Plans     *plan.Book
	Roster    *roster.Book
	// Measured gives the measured figures of an incident.
	Measured func(*incident.Incident) incident.Figures
	// Reading gives a measure of the incident's plan.
	Reading func(*incident.Incident, plan.Measure, time.Time) incident.Reading
	// Zone is the operator's.
	Zone *time.Location
}

// Moment is one starting moment of an incident.
type Moment struct {
	Name string `json:"name"`
	// At is zero while it has not come, or is not known.
	At time.Time `json:"at,omitzero"`
	// Measured is what the incident says by itself; History what people said.
	Measured time.Time    `json:"measured,omitzero"`
	History  []Correction `json:"history,omitempty"`
}

// Corrected reports whether a person's word counts.
func (m Moment) Corrected() bool {
	return len(m.History) > 0 && !m.History[len(m.History)-1].At.IsZero()
}

// Moments returns the six of an incident.
func (n Nouns) Moments(in *incident.Incident) []Moment { return n.moments(in, n.Book.Record(in.ID)) }

// moments returns the six of an incident, in the order of [plan.Moments].
func (n Nouns) moments(in *incident.Incident, r *Record) []Moment {
	var list []Moment
	for _, name := range plan.Moments {
		m := Moment{Name: name, Measured: n.measured(name, in, r)}
		m.At = m.Measured
		if r != nil {
			m.History = r.Moments[name]
		}
		if m.Corrected() {
			m.At = m.History[len(m.History)-1].At
		}
		list = append(list, m)
	}
	return list
}

func (n Nouns) measured(name string, in *incident.Incident, r *Record) time.Time {
	switch name {
	case "occurred":
		first := in.Opened
		for _, id := range in.Alerts {
			if a := n.Alerts.Alert(id); a != nil && !a.StartsAt.IsZero() && a.StartsAt.Before(first) {
				first = a.StartsAt
			}
		}
		return first
	case "detected":
		return in.Opened
	case "aware":
		if in.OpenedBy.Kind == holdfast.Account {
			return in.Opened
		}
		return in.Confirmed
	case "classified":
		if r != nil {
			for _, a := range r.Assessments {
				if len(a.Classes) > 0 {
					return a.At
				}
			}
		}
		return in.Confirmed
	case "recovered":
		return recovered(in)
	}
	return in.Confirmed
}

// recovered is when the recovery ended, or, of a procedure without one, the
// incident; zero while it has not.
func recovered(in *incident.Incident) time.Time {
	for i, s := range in.Procedure.Stages {
		if s.Kind == procedure.Recover && i < len(in.Stages) {
			return in.Stages[i].Ended
		}
	}
	if in.State == incident.Closed {
		return in.Ended
	}
	return time.Time{}
}

func momentOf(list []Moment, name string) time.Time {
	i := slices.IndexFunc(list, func(m Moment) bool { return m.Name == name })
	if i < 0 {
		return time.Time{}
	}
	return list[i].At
}

// figures are what conditions read of an incident at an instant.
func (n Nouns) figures(in *incident.Incident, r *Record, now time.Time) Figures {
	a := r.assessment()
	f := Figures{
		Level: in.Level, Currency: a.Currency, Classes: a.Classes,
		Numbers: map[string]int64{"duration": n.minutes(in, r, now)},
	}
	if in.State == incident.Suspected {
		f.Level = in.Suggested
	}
	if minutes, known := n.downtime(in, r, now); known {
		f.Numbers["downtime"] = minutes
	}
	if in.State == incident.Active || in.State == incident.Closed {
		if m := n.Measured(in); !m.DeclinedAtLeast {
			f.Numbers["declined"] = m.Declined
		}
	}
	f.Yes = map[string]bool{}
	n.addMeasures(&f, in, now)
	maps.Copy(f.Numbers, a.Numbers)
	maps.Copy(f.Yes, a.Yes)
	return f
}

// addMeasures adds the measures that the plan says are figures here. A number that is
// no more than a lower bound is left out: conditions must not take it for the number.
func (n Nouns) addMeasures(f *Figures, in *incident.Incident, now time.Time) {
	p := n.planOf(in, now)
	if p == nil {
		return
	}
	for _, m := range p.Measures {
		if m.Figure == "" {
			continue
		}
		r := n.Reading(in, m, now)
		switch v := r.Value.(type) {
		case bool:
			f.Yes[m.Figure] = v
		case float64:
			if !r.AtLeast {
				f.Numbers[m.Figure] = int64(v)
			}
		}
	}
}

// minutes is how long an incident has lasted, from when it occurred until it was
// over.
func (n Nouns) minutes(in *incident.Incident, r *Record, now time.Time) int64 {
	moments := n.moments(in, r)
	from, until := momentOf(moments, "occurred"), now
	if end := momentOf(moments, "recovered"); !end.IsZero() {
		until = end
	} else if in.Over() {
		until = in.Ended
	}
	return max(0, int64(until.Sub(from)/time.Minute))
}

// downtime is how many minutes functions were interrupted: what a person said,
// else all the time of an incident of level 1 or 2, and none at level 3, where
// users are not affected. Of an unknown level it is not known.
func (n Nouns) downtime(in *incident.Incident, r *Record, now time.Time) (minutes int64, known bool) {
	if said, told := r.assessment().Numbers["downtime"]; told {
		return said, true
	}
	switch {
	case in.State == incident.Dismissed, in.Level == holdfast.Level3:
		return 0, true
	case in.Level == holdfast.Unknown:
		return 0, false
	}
	return n.minutes(in, r, now), true
}

// cause is what incidents of one cause have in common, or "".
func cause(in *incident.Incident, r *Record) string {
	if a := r.assessment(); a.Cause != "" {
		return a.Cause
	}
	return in.Rule
}

// Count is where a rolling counter stands.
type Count struct {
	Pack    string    `json:"pack"`
	Counter Counter   `json:"counter"`
	Since   time.Time `json:"since"`
	// Cause is that of repeats: the one that came most often.
	Cause string `json:"cause,omitempty"`
	Value int64  `json:"value"`
	// Open counts incidents whose figure is not known and is not in Value.
	Open int `json:"open,omitempty"`
	// Over says that the threshold is reached by repeats, or exceeded by downtime.
	Over      bool     `json:"over"`
	Incidents []string `json:"incidents,omitempty"`
}

// Counts returns the rolling counters of the packs that bind the operator. Drills
// and dismissed incidents do not count.
func (n Nouns) Counts(now time.Time) []Count {
	list := []Count{}
	packs, _ := n.packs(nil, now)
	for _, p := range packs {
		for _, c := range p.Counters {
			list = append(list, n.count(p, c, now))
		}
	}
	return list
}

func (n Nouns) count(p *Pack, c Counter, now time.Time) Count {
	v := Count{Pack: p.ID, Counter: c, Since: monthsBefore(now, c.Months, p.Location())}
	byCause := map[string][]string{}
	for _, in := range n.Incidents.All() {
		r := n.Book.Record(in.ID)
		occurred := momentOf(n.moments(in, r), "occurred")
		if in.Drill || in.State == incident.Dismissed || in.State == incident.Merged || in.State == incident.Suspected || occurred.Before(v.Since) || occurred.After(now) {
			continue
		}
		if c.Kind == Repeats {
			if why := cause(in, r); why != "" {
				byCause[why] = append(byCause[why], in.ID)
			} else {
				v.Open++
			}
			continue
		}
		minutes, known := n.downtime(in, r, now)
		if !known {
			v.Open++
		} else if minutes > 0 {
			v.Value += minutes
			v.Incidents = append(v.Incidents, in.ID)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(byCause)) {
		if got := byCause[why]; int64(len(got)) > v.Value {
			v.Cause, v.Value, v.Incidents = why, int64(len(got)), got
		}
	}
	v.Over = v.Value > int64(c.Limit) || c.Kind == Repeats && v.Value == int64(c.Limit)
	return v
}

// monthsBefore is the same day and hour some months earlier; a month without that
// day has its last.
func monthsBefore(t time.Time, months int, zone *time.Location) time.Time {
	l := t.In(zone)
	year, month, day := l.Date()
	month -= time.Month(months)
	day = min(day, time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day())
	return wall(year, month, day, l.Hour(), l.Minute(), l.Second(), l.Nanosecond(), zone)
}
