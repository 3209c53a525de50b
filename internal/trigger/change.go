package trigger

import (
	"cmp"
	"fmt"
	"net/url"
	"time"

	"holdfast"
	"holdfast/internal/draft"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

// The chapters whose entries change outside the plan.
const (
	Risks     = "risks"
	Materials = "materials"
)

// DefaultDue is until when a change of an entry must be disposed of, if nobody
// says.
const DefaultDue = 30 * 24 * time.Hour

// About is the entry of the plan that has changed, and what it should say: of a
// risk its likelihood and impact, of a material what is not empty.
type About struct {
	// Chapter is risks or materials, Entry the id there.
	Chapter    string    `json:"chapter"`
	Entry      string    `json:"entry"`
	Likelihood int       `json:"likelihood,omitempty"`
	Impact     int       `json:"impact,omitempty"`
	Version    string    `json:"version,omitempty"`
	Date       plan.Date `json:"date,omitempty"`
	Link       string    `json:"link,omitempty"`
}

// In reports whether a plan says it already, or has no such entry any more.
func (a About) In(p *plan.Plan) bool {
	same := func(want, is string) bool { return want == "" || want == is }
	if a.Chapter == Risks {
		r, found := p.Risk(a.Entry)
		return !found || r.Likelihood == a.Likelihood && r.Impact == a.Impact
	}
	m, found := p.Material(a.Entry)
	return !found || same(a.Version, m.Version) && same(string(a.Date), string(m.Date)) && same(a.Link, m.Link)
}

// Telling is who tells of a change of an entry, and who answers for it. Source is
// the teller if it is empty; the owner that of the risk, or of the plan; Due
// [DefaultDue] from now.
type Telling struct {
	Reason    string    `json:"reason"`
	Source    string    `json:"source,omitempty"`
	Reference string    `json:"reference,omitempty"`
	Role      string    `json:"role,omitempty"`
	Person    string    `json:"person,omitempty"`
	Due       time.Time `json:"due,omitzero"`
}

// RiskChange is a risk that was assessed anew.
type RiskChange struct {
	Likelihood int `json:"likelihood"`
	Impact     int `json:"impact"`
	Telling
}

// MaterialChange is a material that has a new version. What is empty stays as it
// is.
type MaterialChange struct {
	Version string    `json:"version,omitempty"`
	Date    plan.Date `json:"date,omitempty"`
	Link    string    `json:"link,omitempty"`
	Telling
}

// assess decides on a risk that was assessed anew.
func (n Nouns) assess(by holdfast.Actor, id string, in RiskChange, now time.Time) (string, []journal.Draft, error) {
	p, err := n.inForce(now)
	if err != nil {
		return "", nil, err
	}
	r, found := p.Risk(id)
	if !found {
		return "", nil, holdfast.Errorf(holdfast.NotFound, "the plan in force has no risk %q", id)
	}
	for _, f := range []struct {
		name   string
		figure int
	}{{"likelihood", in.Likelihood}, {"impact", in.Impact}} {
		if f.figure < 1 || f.figure > 5 {
			return "", nil, holdfast.Errorf(holdfast.Invalid, "%s goes from 1 to 5", f.name).At(f.name)
		}
	}
	about := About{Chapter: Risks, Entry: id, Likelihood: in.Likelihood, Impact: in.Impact}
	what := fmt.Sprintf("%d × %d → %d × %d", r.Likelihood, r.Impact, in.Likelihood, in.Impact)
	return n.change(by, p, Risk, r.Title, what, about, in.Telling, r.Owner, now)
}

// renew decides on a material that has a new version.
func (n Nouns) renew(by holdfast.Actor, id string, in MaterialChange, now time.Time) (string, []journal.Draft, error) {
	p, err := n.inForce(now)
	if err != nil {
		return "", nil, err
	}
	m, found := p.Material(id)
	if !found {
		return "", nil, holdfast.Errorf(holdfast.NotFound, "the plan in force has no material %q", id)
	}
	if err := in.check(); err != nil {
		return "", nil, err
	}
	kind := System
	if m.Kind == plan.Regulation || m.Kind == plan.Policy {
		kind = Law
	}
	about := About{Chapter: Materials, Entry: id, Version: in.Version, Date: in.Date, Link: in.Link}
	what := cmp.Or(m.Version, string(m.Date), "–") + " → " + cmp.Or(in.Version, string(in.Date), in.Link)
	return n.change(by, p, kind, m.Title, what, about, in.Telling, "", now)
}

func (in MaterialChange) check() error {
	if in.Version == "" && in.Date == "" && in.Link == "" {
		return holdfast.Errorf(holdfast.Invalid, "say what the material has now: a version, a date or a link").At("version")
	}
	if err := sized("version", in.Version, 0, maxSource); err != nil {
		return err
	}
	if in.Date != "" {
		if err := new(plan.Date).UnmarshalText([]byte(in.Date)); err != nil {
			return err
		}
	}
	if err := sized("link", in.Link, 0, maxTitle); err != nil || in.Link == "" {
		return err
	}
	if u, err := url.Parse(in.Link); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return holdfast.Errorf(holdfast.Invalid, "the link of a material begins with https:// or http://").At("link")
	}
	return nil
}

func (n Nouns) inForce(now time.Time) (*plan.Plan, error) {
	r, found := n.Plans.Current("", now)
	if !found {
		return nil, holdfast.Errorf(holdfast.NotFound, "no plan is in force yet: there is nothing to update")
	}
	return r.Plan(), nil
}

// change opens the trigger of an entry that has changed.
func (n Nouns) change(by holdfast.Actor, p *plan.Plan, kind Kind, title holdfast.Text, what string, about About, t Telling, owner string, now time.Time) (string, []journal.Draft, error) {
	if about.In(p) {
		return "", nil, holdfast.Errorf(holdfast.Conflict, "the plan in force says that of %q already: there is nothing to change", about.Entry)
	}
	if err := sized("reason", t.Reason, 1, maxText); err != nil {
		return "", nil, err
	}
	r := Report{
		Kind: kind, Title: shortened(title.In(p.Language), maxTitle/2) + ": " + shortened(what, maxTitle/2-2), Text: t.Reason, Reference: t.Reference,
		Source: shortened(cmp.Or(t.Source, by.Name, by.ID), maxSource), Role: t.Role, Person: t.Person, Due: t.Due,
	}
	if r.Role == "" && r.Person == "" {
		r.Role = cmp.Or(owner, p.Governance.Owner, n.Roster.Answering(p.Team, now))
	}
	if r.Due.IsZero() {
		r.Due = now.Add(DefaultDue)
	}
	return n.open(opened{Report: r, About: &about}, now)
}

func shortened(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// ToWorkIn lists the triggers that a draft of their plan has to work in, the newest
// first: those that nobody has disposed of, and those that it answers.
func (n Nouns) ToWorkIn(d *draft.Draft, now time.Time) (list []*Trigger) {
	if !d.State.Open() {
		return nil
	}
	for _, t := range n.Unsettled(d.Plan, now) {
		if n.State(t, now) == Open || t.Disposed != nil && t.Disposed.Draft == d.ID {
			list = append(list, t)
		}
	}
	return list
}
