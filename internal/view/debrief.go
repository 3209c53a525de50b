package view

import (
	"encoding/json"
	"time"

	"holdfast"
	"holdfast/internal/debrief"
	"holdfast/internal/docx"
	"holdfast/internal/incident"
	"holdfast/internal/plan"
)

// Debrief is the summary after an incident, with what the record shows.
type Debrief struct {
	Incident string         `json:"incident"`
	Title    string         `json:"title"`
	Drill    bool           `json:"drill,omitempty"`
	Level    holdfast.Level `json:"level,omitempty"`
	// Over is false while the emergency itself goes on.
	Over   bool          `json:"over"`
	Closed bool          `json:"closed,omitempty"`
	State  debrief.State `json:"state"`
	// Wanting lists what is missing before it can be presented: summary, cause,
	// improvement.
	Wanting []string  `json:"wanting,omitempty"`
	Due     time.Time `json:"due,omitzero"`
	AtRisk  bool      `json:"at_risk,omitempty"`
	Late    bool      `json:"late,omitempty"`

	Texts map[debrief.Section]debrief.Text `json:"texts"`
	// Causes are the tree of whys, each before those that answer it.
	Causes       []debrief.Branch `json:"causes"`
	Improvements []Improvement    `json:"improvements"`
	// Withdrawn are causes and improvements that no longer count.
	WithdrawnCauses       []debrief.Cause       `json:"withdrawn_causes,omitempty"`
	WithdrawnImprovements []debrief.Improvement `json:"withdrawn_improvements,omitempty"`

	// Figures are those that were frozen when the debrief was presented, else those of
	// now. Same says of frozen ones whether the facts still give the same record.
	Figures debrief.Figures `json:"figures"`
	Frozen  bool            `json:"frozen,omitempty"`
	Same    bool            `json:"same,omitempty"`
	// Unresolved is how many payments have an outcome that is not known now, at all gates;
	// 0 once the debrief is accepted.
	Unresolved int `json:"unresolved,omitempty"`
	// Sign lists the roles that sign, by the plan.
	Sign []Signer `json:"sign"`
	// Rounds are the presentations, newest first, without their figures.
	Rounds []debrief.Round `json:"rounds"`

	document debrief.Report
}

// Improvement is one that was agreed, with its owner's name.
type Improvement struct {
	debrief.Improvement
	OwnerName string        `json:"owner_name"`
	RiskTitle holdfast.Text `json:"risk_title,omitzero"`
}

// Signer is a role that signs, with its signature in the round that stands.
type Signer struct {
	Role Named `json:"role"`
	// Holders are the names of those who can sign for it.
	Holders []string `json:"holders"`
	// Accounts are theirs.
	Accounts  []string           `json:"-"`
	Signature *debrief.Signature `json:"signature,omitempty"`
}

// Debrief assembles that of an incident that was confirmed.
func (s *Source) Debrief(id string) (v Debrief, err error) {
	s.State.View(func() {
		in := s.Incidents.Incident(id)
		switch {
		case in == nil:
			err = holdfast.Errorf(holdfast.NotFound, "there is no incident %q", id)
		case in.Confirmed.IsZero():
			err = holdfast.Errorf(holdfast.NotFound, "incident %s was never confirmed, so there is nothing to debrief", id)
		default:
			v, err = s.debrief(in)
		}
	})
	return v, err
}

func (s *Source) debrief(in *incident.Incident) (v Debrief, err error) {
	n, now := s.Debriefs, s.Now()
	d := n.Book.Debrief(in.ID)
	v = Debrief{
		Incident: in.ID, Title: in.Title, Drill: in.Drill, Level: in.Level, Over: !in.Ongoing(), Closed: in.State == incident.Closed,
		State: d.State(), Wanting: d.Wanting(), Texts: map[debrief.Section]debrief.Text{}, Causes: []debrief.Branch{}, Improvements: []Improvement{}, Sign: []Signer{}, Rounds: []debrief.Round{},
	}
	var risk time.Time
	if v.Due, risk = debrief.Due(in); !v.Due.IsZero() && v.State != debrief.Accepted {
		v.Late = now.After(v.Due)
		v.AtRisk = !v.Late && now.After(risk)
	}
	if v.State != debrief.Accepted {
		v.Unresolved = s.Gates.UnresolvedCount()
	}
	if d != nil {
		for section, text := range d.Texts {
			v.Texts[section] = text
		}
		v.Causes = append(v.Causes, d.Tree()...)
		for _, c := range d.Causes {
			if c.Withdrawn != nil {
				v.WithdrawnCauses = append(v.WithdrawnCauses, c)
			}
		}
		for i := len(d.Rounds) - 1; i >= 0; i-- {
			r := d.Rounds[i]
			r.Figures = debrief.Figures{}
			v.Rounds = append(v.Rounds, r)
		}
	}
	v.document = s.debriefNames(in, d)
	if err := s.debriefFigures(in, d, &v, now); err != nil {
		return v, err
	}
	s.debriefPeople(in, d, &v)
	return v, nil
}

// debriefFigures are the frozen ones of the round that stands, else those of now.
func (s *Source) debriefFigures(in *incident.Incident, d *debrief.Debrief, v *Debrief, now time.Time) error {
	if r, some := d.Round(); some && r.Stands() {
		v.Figures, v.Frozen, v.Same = r.Figures, true, s.Debriefs.Stands(r, in.ID)
		v.document.Figures, v.document.Round = r.Figures, &r
		return nil
	}
	f, err := s.Debriefs.Figures(in, now)
	v.Figures, v.document.Figures = f, f
	return err
}

// debriefPeople are who signs, and who sees to what.
func (s *Source) debriefPeople(in *incident.Incident, d *debrief.Debrief, v *Debrief) {
	var p *plan.Plan
	if rev, ok := s.Plans.Revision(in.Plan.ID, in.Plan.Revision); ok {
		p = rev.Plan()
	}
	r, some := d.Round()
	sign := in.Procedure.Signers()
	if some && r.Stands() {
		sign = r.Sign
	}
	for _, id := range sign {
		signer := Signer{Role: role(p, id), Holders: []string{}}
		for _, h := range s.Roster.Holders(id) {
			signer.Holders = append(signer.Holders, h.Name)
			if h.Account != "" {
				signer.Accounts = append(signer.Accounts, h.Account)
			}
		}
		if sig, signed := r.Signed(id); signed && r.Stands() {
			signer.Signature = &sig
		}
		v.Sign = append(v.Sign, signer)
	}
	for _, m := range d.Agreed() {
		v.Improvements = append(v.Improvements, Improvement{Improvement: m, OwnerName: v.document.Owner(m), RiskTitle: v.document.Risks[m.Risk]})
	}
	if d != nil {
		for _, m := range d.Improvements {
			if m.Withdrawn != nil {
				v.WithdrawnImprovements = append(v.WithdrawnImprovements, m)
			}
		}
	}
}

// DebriefRisks are those that an improvement of an incident's debrief can treat.
func (s *Source) DebriefRisks(id string) (list []Named) {
	s.State.View(func() {
		if in := s.Incidents.Incident(id); in != nil {
			for _, r := range s.Debriefs.Risks(in, s.Now()) {
				list = append(list, Named{r.ID, r.Title})
			}
		}
	})
	return list
}

// debriefNames is the report without its figures.
func (s *Source) debriefNames(in *incident.Incident, d *debrief.Debrief) debrief.Report {
	r := debrief.Report{Incident: in.ID, Title: in.Title, Debrief: d}
	if d == nil {
		r.Debrief = &debrief.Debrief{Incident: in.ID}
	}
	roles, risks, people := map[string]holdfast.Text{}, map[string]holdfast.Text{}, map[string]string{}
	plans := []*plan.Plan{}
	if rev, ok := s.Plans.Revision(in.Plan.ID, in.Plan.Revision); ok {
		plans = append(plans, rev.Plan())
	}
	if rev, ok := s.Plans.Current("", s.Now()); ok {
		plans = append(plans, rev.Plan())
	}
	for _, p := range plans {
		for _, e := range p.Roles {
			roles[e.ID] = e.Name
		}
		for _, e := range p.Risks {
			risks[e.ID] = e.Title
		}
	}
	for _, p := range s.Roster.People() {
		people[p.ID] = p.Name
	}
	r.Names = debrief.Names{Roles: roles, Risks: risks, People: people}
	return r
}

// Report is the debrief as a document in an edition.
func (v Debrief) Report(e debrief.Edition) docx.Document { return v.document.Document(e) }

// FigureBlocks are the figures alone.
func (v Debrief) FigureBlocks(e debrief.Edition) []docx.Block { return v.Figures.Blocks(e, 3) }

// bodyOf is what a fact says, on a timeline. The figures of a debrief are left out:
// they are long, and the debrief has them.
func bodyOf(f holdfast.Fact) json.RawMessage {
	var p struct {
		Round   int            `json:"round"`
		Hash    *holdfast.Hash `json:"hash,omitempty"`
		Sign    []string       `json:"sign,omitempty"`
		Figures *struct {
			Position holdfast.Position `json:"position"`
		} `json:"figures,omitempty"`
	}
	if f.Kind != debrief.PresentedKind && f.Kind != debrief.PartKind || f.Decode(&p) != nil {
		return f.Body
	}
	short, err := json.Marshal(p)
	if err != nil {
		return f.Body
	}
	return short
}
