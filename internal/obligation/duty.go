package obligation

import (
	"maps"
	"slices"
	"strings"
	"time"

	"holdfast/internal/expression"
	"holdfast/internal/incident"
	"holdfast/internal/plan"
)

// State is how far a report is.
type State string

// The states of a report.
const (
	// Waiting: its clock has not started.
	Waiting State = "waiting"
	Open    State = "open"
	Drafted State = "drafted"
	// Approved: it may go out.
	Approved  State = "approved"
	Submitted State = "submitted"
	// Received: the recipient's receipt is recorded.
	Received State = "received"
)

// Done reports whether the report went out.
func (s State) Done() bool { return s == Submitted || s == Received }

// Duty is one report that an incident owes, or may owe, or has owed.
type Duty struct {
	// Clock is pack.rule.stage.
	Clock string `json:"clock"`
	Pack  *Pack  `json:"-"`
	Rule  Rule   `json:"-"`
	Stage Stage  `json:"-"`
	// Applies says whether the rule does; Why names the condition and what it read.
	Applies expression.Truth `json:"-"`
	Why     string           `json:"why,omitempty"`
	// Start is when the clock started, Due when the report must be out. Both are zero
	// while the moment has not come; Due is, too, where the rule names no figure.
	Start time.Time `json:"start,omitzero"`
	Due   time.Time `json:"due,omitzero"`
	// RiskAt is from when on the limit counts as near: three quarters of the time, or
	// a day before, whichever is later.
	RiskAt time.Time `json:"risk_at,omitzero"`
	// Provisional says that the moment may still come and move Due; Guessed that the
	// calendar has no data for some of the days.
	Provisional bool `json:"provisional,omitempty"`
	Guessed     bool `json:"guessed,omitempty"`
	// Limit is that which counts, of the pack or of who verified the clock.
	Limit Limit `json:"limit,omitzero"`
	// Verified is missing while nobody has verified this clock in this version.
	Verified *Verified `json:"verified,omitempty"`
	State    State     `json:"state"`
	Work
}

// Role of the plan reports it, as the plan says; "" where it says nothing.
func (d Duty) Role(p *plan.Plan) string {
	if d.Rule.Role != "" || p == nil {
		return d.Rule.Role
	}
	return p.Reporting.Role
}

// Open reports whether the report is, or may be, owed and has not gone out.
func (d Duty) Open() bool { return d.Applies != expression.No && !d.State.Done() }

// AtRisk reports whether the limit is near.
func (d Duty) AtRisk(now time.Time) bool {
	return d.Open() && !d.Due.IsZero() && !now.Before(d.RiskAt) && !now.After(d.Due)
}

// Late reports whether the limit has passed without the report, or the report went
// out after it.
func (d Duty) Late(now time.Time) bool {
	if d.State.Done() {
		return d.Submissions[0].Late()
	}
	return d.Open() && !d.Due.IsZero() && now.After(d.Due)
}

// Sheet is all that is known of an incident's obligations at an instant.
type Sheet struct {
	Incident *incident.Incident
	Record   *Record
	// Plan is the revision that it runs, or while it is suspected the one in force.
	Plan    *plan.Plan
	Packs   []*Pack
	Moments []Moment
	Figures Figures
	// Duties are ordered: those that went out last, the others by due time.
	Duties []Duty
	// Unknown lists packs that the plan names and that this Holdfast does not have.
	Unknown []string
}

// Duty returns the report of a clock.
func (s Sheet) Duty(clock string) (Duty, bool) {
	i := slices.IndexFunc(s.Duties, func(d Duty) bool { return d.Clock == clock })
	if i < 0 {
		return Duty{}, false
	}
	return s.Duties[i], true
}

// Sheet works out what an incident owes.
func (n Nouns) Sheet(in *incident.Incident, now time.Time) Sheet {
	s := Sheet{Incident: in, Record: n.Book.Record(in.ID)}
	s.Packs, s.Unknown = n.packs(in, now)
	s.Plan = n.planOf(in, now)
	s.Moments = n.moments(in, s.Record)
	s.Figures = n.figures(in, s.Record, now)
	for _, p := range s.Packs {
		for _, r := range p.Rules {
			j := p.judge(r, s.Figures)
			// What was merged is reported with what it was merged into.
			if in.State == incident.Dismissed || in.State == incident.Merged {
				j = Judgement{expression.No, string(in.State)}
			}
			s.Duties = append(s.Duties, n.stages(&s, p, r, j)...)
		}
	}
	slices.SortStableFunc(s.Duties, inOrder)
	return s
}

// planOf is the revision that an incident runs, or the one in force.
func (n Nouns) planOf(in *incident.Incident, now time.Time) *plan.Plan {
	if in != nil && in.Plan.ID != "" {
		if r, found := n.Plans.Revision(in.Plan.ID, in.Plan.Revision); found {
			return r.Plan()
		}
	}
	if r, found := n.Plans.Current("", now); found {
		return r.Plan()
	}
	return nil
}

// packs returns those that bind the operator, by the plan an incident runs or the
// one in force, and the names of those that are not here.
func (n Nouns) packs(in *incident.Incident, now time.Time) (list []*Pack, unknown []string) {
	p := n.planOf(in, now)
	if p == nil {
		return nil, nil
	}
	revision := 0
	if in != nil && in.Plan.ID != "" {
		revision = in.Plan.Revision
	} else if r, found := n.Plans.Current("", now); found {
		revision = r.Number
	}
	if len(p.Obligations) > 0 {
		list = append(list, ownPack(p, n.Zone, revision))
	}
	for _, id := range p.Reporting.Packs {
		if pack := Packs()[id]; pack != nil {
			list = append(list, pack)
		} else {
			unknown = append(unknown, id)
		}
	}
	return list, unknown
}

// stages works out the reports of one rule.
func (n Nouns) stages(s *Sheet, p *Pack, r Rule, j Judgement) (list []Duty) {
	for _, stage := range r.Stages {
		d := Duty{Clock: p.ID + "." + r.ID + "." + stage.ID, Pack: p, Rule: r, Stage: stage, Applies: j.Holds, Why: j.Why, Limit: stage.Limit}
		d.Work = s.Record.work(d.Clock)
		if v := n.Book.Verified(d.Clock); v != nil && v.Version == p.Version {
			d.Verified = v
			if v.Limit != nil {
				d.Limit = *v.Limit
			}
		}
		n.time(&d, s.Moments, list)
		d.State = d.state()
		list = append(list, d)
	}
	return list
}

// time works out when a clock started and ends; before are the earlier stages of
// its rule.
func (n Nouns) time(d *Duty, moments []Moment, before []Duty) {
	zone := d.Pack.Location()
	worked := n.worked(d.Pack.Calendar)
	if earlier, after := strings.CutPrefix(d.Stage.From, "stage:"); after {
		i := slices.IndexFunc(before, func(o Duty) bool { return o.Stage.ID == earlier })
		d.Start = before[i].Due
		if o := before[i]; len(o.Submissions) > 0 {
			d.Start = o.Submissions[0].At
		} else {
			d.Provisional = true
		}
	} else {
		d.Start = momentOf(moments, d.Stage.From)
	}
	if !d.Start.IsZero() && !d.Limit.IsZero() {
		d.Due, d.Guessed = d.Limit.End(d.Start, zone, worked)
	}
	if l := d.Stage.Latest; l != nil {
		if from := momentOf(moments, l.From); !from.IsZero() {
			end, guessed := l.Limit.End(from, zone, worked)
			switch {
			case d.Start.IsZero():
				d.Start, d.Due, d.Guessed, d.Provisional = from, end, guessed, true
			case !d.Start.After(end) && end.Before(d.Due):
				d.Due, d.Guessed = end, guessed
			}
		}
	}
	if !d.Due.IsZero() {
		d.RiskAt = d.Due.Add(-min(d.Due.Sub(d.Start)/4, 24*time.Hour))
	}
}

// worked says of days whether they are worked, by a calendar of the roster. A day of
// which it has no data counts as worked, a Sunday too, since some are made up for: a
// due time that rests on it may be early, never late.
func (n Nouns) worked(calendar string) Workday {
	return func(date time.Time) (bool, bool) {
		day := n.Roster.Day(calendar, date)
		return !day.Holiday || !day.Known, day.Known
	}
}

// Uncharted reports whether a pack counts working days by a calendar that has no data
// of a year.
func (n Nouns) Uncharted(p *Pack, year int) bool {
	if n.Roster.Day(p.Calendar, time.Date(year, time.December, 31, 0, 0, 0, 0, time.UTC)).Known {
		return false
	}
	for _, r := range p.Rules {
		for _, s := range r.Stages {
			limit := s.Limit
			if v := n.Book.Verified(p.ID + "." + r.ID + "." + s.ID); v != nil && v.Version == p.Version && v.Limit != nil {
				limit = *v.Limit
			}
			if limit.BusinessDays > 0 || s.Latest != nil && s.Latest.Limit.BusinessDays > 0 {
				return true
			}
		}
	}
	return false
}

func (d Duty) state() State {
	last, some := d.Last()
	switch {
	case len(d.Receipts) > 0:
		return Received
	case len(d.Submissions) > 0:
		return Submitted
	case some && last.Approved != nil:
		return Approved
	case some:
		return Drafted
	case d.Start.IsZero():
		return Waiting
	}
	return Open
}

// inOrder puts what is still open first, by due time; without one it comes after
// those with one.
func inOrder(a, b Duty) int {
	rank := func(d Duty) int {
		switch {
		case d.Applies == expression.No && !d.State.Done():
			return 3
		case d.State.Done():
			return 2
		case d.Due.IsZero():
			return 1
		}
		return 0
	}
	if x, y := rank(a), rank(b); x != y {
		return x - y
	}
	return a.Due.Compare(b.Due)
}

// Plan is the revision in force, or nil.
func (n Nouns) Plan(now time.Time) *plan.Plan { return n.planOf(nil, now) }

// Current lists all packs, those that bind the operator now first.
func (n Nouns) Current(now time.Time) []*Pack {
	list, _ := n.packs(nil, now)
	for _, id := range slices.Sorted(maps.Keys(Packs())) {
		if !slices.ContainsFunc(list, func(p *Pack) bool { return p.ID == id }) {
			list = append(list, Packs()[id])
		}
	}
	return list
}
