package view

import (
	"cmp"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/obligation"
)

// Obligation is one report that an incident owes, may owe or has owed.
type Obligation struct {
	obligation.Duty
	Incident string `json:"incident"`
	// Title is the incident's.
	Title string `json:"incident_title"`
	// Titles are the title in each language, if Holdfast says it.
	Titles holdfast.Text `json:"incident_titles,omitzero"`
	Drill  bool          `json:"drill,omitempty"`
	// Applies is yes, no or unknown.
	Applies   string        `json:"applies"`
	Pack      string        `json:"pack"`
	PackTitle holdfast.Text `json:"pack_title"`
	Rule      holdfast.Text `json:"rule_title"`
	Stage     holdfast.Text `json:"stage_title"`
	Recipient holdfast.Text `json:"recipient"`
	// Zone is the recipient's time zone, Lang its language.
	Zone string        `json:"zone"`
	Lang holdfast.Lang `json:"lang"`
	From string        `json:"from"`
	// Mark says how the figure of the limit is known; Source is where it stands, in
	// that Version of the rules.
	Mark    obligation.Mark `json:"mark"`
	Source  string          `json:"source"`
	Version string          `json:"version"`
	Note    holdfast.Text   `json:"note,omitzero"`
	Fields  []string        `json:"fields"`
	Role    Named           `json:"role"`
	AtRisk  bool            `json:"at_risk,omitempty"`
	Late    bool            `json:"late,omitempty"`
}

// Sure reports whether the clock needs no person to verify it: one did, or it is
// the plan's own, which its approval verifies.
func (o Obligation) Sure() bool { return o.Verified != nil || o.Mark == obligation.Planned }

// Owed reports whether it is shown among what is owed: it may be, or it went out.
func (o Obligation) Owed() bool { return o.Applies != "no" || o.State.Done() }

// Obligations is all that is known of what an incident owes.
type Obligations struct {
	Incident string              `json:"incident"`
	Title    string              `json:"title"`
	Titles   holdfast.Text       `json:"titles,omitzero"`
	Drill    bool                `json:"drill,omitempty"`
	Moments  []obligation.Moment `json:"moments"`
	// Numbers are the figures that conditions read, measured or stated; those that
	// are missing are not known.
	Numbers     map[string]int64      `json:"numbers"`
	Assessments []obligation.Assessed `json:"assessments"`
	Classes     []PackClass           `json:"classes"`
	Turns       []obligation.Turn     `json:"turns"`
	Reports     []Obligation          `json:"reports"`
	// UnknownPacks are rules that the plan names and this version does not have.
	UnknownPacks []string `json:"unknown_packs,omitempty"`
}

// PackClass is the class of an incident in a jurisdiction.
type PackClass struct {
	Pack  string        `json:"pack"`
	Title holdfast.Text `json:"title"`
	// Class is the id of the one chosen, else of the gravest that fits; Chosen says
	// that a person did. Met are the criteria that hold.
	Class   string   `json:"class,omitempty"`
	Chosen  bool     `json:"chosen,omitempty"`
	Met     []string `json:"met,omitempty"`
	Classes []Named  `json:"classes"`
}

// Pack is the rules of one jurisdiction.
type Pack struct {
	obligation.Pack
	// Binds says that the plan in force names it.
	Binds bool `json:"binds"`
	// Uncharted says that it counts working days, and that the roster has no calendar
	// of this year for it: every day counts as worked.
	Uncharted bool `json:"uncharted,omitempty"`
	// Verified is by clock, of this version.
	Verified map[string]obligation.Verified `json:"verified,omitempty"`
}

func (s *Source) obligation(sheet obligation.Sheet, d obligation.Duty, now time.Time) Obligation {
	return Obligation{
		Duty: d, Incident: sheet.Incident.ID, Title: sheet.Incident.Title, Titles: sheet.Incident.Titles, Drill: sheet.Incident.Drill, Applies: d.Applies.String(),
		Pack: d.Pack.ID, PackTitle: d.Pack.Title, Rule: d.Rule.Title, Stage: d.Stage.Title, Recipient: d.Rule.Recipient,
		Zone: d.Pack.Location().String(), Lang: d.Pack.Lang, From: d.Stage.From, Mark: d.Stage.Mark, Source: d.Stage.Source, Version: d.Pack.Version,
		Note: d.Stage.Note, Fields: d.Stage.Fields, Role: role(sheet.Plan, d.Role(sheet.Plan)), AtRisk: d.AtRisk(now), Late: d.Late(now),
	}
}

func (s *Source) sheet(id string, now time.Time) (obligation.Sheet, error) {
	in := s.Incidents.Incident(id)
	if in == nil {
		return obligation.Sheet{}, holdfast.Errorf(holdfast.NotFound, "there is no incident %q", id)
	}
	return s.Obligations.Sheet(in, now), nil
}

// IncidentObligations assembles what an incident owes.
func (s *Source) IncidentObligations(id string) (v Obligations, err error) {
	s.State.View(func() {
		now := s.Now()
		var sheet obligation.Sheet
		if sheet, err = s.sheet(id, now); err != nil {
			return
		}
		v = Obligations{
			Incident: id, Title: sheet.Incident.Title, Titles: sheet.Incident.Titles, Drill: sheet.Incident.Drill, Moments: sheet.Moments, Numbers: sheet.Figures.Numbers, UnknownPacks: sheet.Unknown,
			Assessments: []obligation.Assessed{}, Classes: []PackClass{}, Turns: []obligation.Turn{}, Reports: []Obligation{},
		}
		if r := sheet.Record; r != nil {
			v.Assessments = append(v.Assessments, r.Assessments...)
			v.Turns = append(v.Turns, r.Turns...)
		}
		slices.Reverse(v.Assessments)
		slices.Reverse(v.Turns)
		for _, p := range sheet.Packs {
			if len(p.Classes) == 0 {
				continue
			}
			c := PackClass{Pack: p.ID, Title: p.Title, Chosen: sheet.Figures.Classes[p.ID] != ""}
			c.Class, c.Met = p.Class(sheet.Figures)
			for _, k := range p.Classes {
				c.Classes = append(c.Classes, Named{k.ID, k.Title})
			}
			v.Classes = append(v.Classes, c)
		}
		for _, d := range sheet.Duties {
			v.Reports = append(v.Reports, s.obligation(sheet, d, now))
		}
	})
	return v, err
}

// Obligation assembles one report.
func (s *Source) Obligation(id, clock string) (v Obligation, err error) {
	s.State.View(func() {
		now := s.Now()
		var sheet obligation.Sheet
		if sheet, err = s.sheet(id, now); err != nil {
			return
		}
		d, found := sheet.Duty(clock)
		if !found {
			err = holdfast.Errorf(holdfast.NotFound, "incident %s has no report %q: the rules of its plan do not know it", id, clock)
			return
		}
		v = s.obligation(sheet, d, now)
	})
	return v, err
}

// ReportText writes a report from the incident's figures; without a language, in
// the recipient's.
func (s *Source) ReportText(id, clock string, lang holdfast.Lang) (text string, err error) {
	s.State.View(func() {
		var sheet obligation.Sheet
		if sheet, err = s.sheet(id, s.Now()); err != nil {
			return
		}
		d, found := sheet.Duty(clock)
		if !found {
			err = holdfast.Errorf(holdfast.NotFound, "incident %s has no report %q: the rules of its plan do not know it", id, clock)
			return
		}
		text = s.Obligations.Fill(sheet, d, cmp.Or(lang, d.Pack.Lang), s.Operator, s.Now())
	})
	return text, err
}

// AllObligations assembles a page of reports over all incidents, by due time; open
// leaves out those that went out. What does not apply is left out.
func (s *Source) AllObligations(open bool, offset, size int) (p Page[Obligation]) {
	s.State.View(func() { p = paginate(s.obligations(open), offset, size, func(o Obligation) Obligation { return o }) })
	return p
}

func (s *Source) obligations(open bool) []Obligation {
	now := s.Now()
	list := []Obligation{}
	for _, in := range s.Incidents.All() {
		if in.State == incident.Suspected || !s.Obligations.Live(in, now) {
			continue
		}
		sheet := s.Obligations.Sheet(in, now)
		for _, d := range sheet.Duties {
			if o := s.obligation(sheet, d, now); o.Owed() && (!open || d.Open()) {
				list = append(list, o)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Obligation) int {
		if x, y := a.State.Done(), b.State.Done(); x != y {
			return map[bool]int{true: 1, false: -1}[x]
		}
		if x, y := a.Due.IsZero(), b.Due.IsZero(); x != y {
			return map[bool]int{true: 1, false: -1}[x]
		}
		return a.Due.Compare(b.Due)
	})
	return list
}

// pressing lists the reports whose limit is near or has passed; drills not.
func (s *Source) pressing() []Obligation {
	return slices.DeleteFunc(s.obligations(true), func(o Obligation) bool { return o.Drill || !o.Late && !o.AtRisk })
}

// Packs lists the rules that there are, those that bind first.
func (s *Source) Packs() (list []Pack) {
	s.State.View(func() {
		p := s.Obligations.Plan(s.Now())
		for _, pack := range s.Obligations.Current(s.Now()) {
			v := Pack{Pack: *pack, Uncharted: s.Obligations.Uncharted(pack, s.Now().In(pack.Location()).Year()), Verified: map[string]obligation.Verified{}}
			v.Binds = pack.ID == obligation.Own || p != nil && slices.Contains(p.Reporting.Packs, pack.ID)
			for _, r := range pack.Rules {
				for _, stage := range r.Stages {
					clock := pack.ID + "." + r.ID + "." + stage.ID
					if held := s.Obligations.Book.Verified(clock); held != nil && held.Version == pack.Version {
						v.Verified[clock] = *held
					}
				}
			}
			list = append(list, v)
		}
	})
	return list
}

// Counters lists the rolling counters of the rules that bind.
func (s *Source) Counters() (list []obligation.Count) {
	s.State.View(func() { list = s.Obligations.Counts(s.Now()) })
	return list
}
