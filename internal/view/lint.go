package view

import (
	"context"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/draft"
	"holdfast/internal/lint"
	"holdfast/internal/plan"
)

// Lint is what the rules find in the revision in force, with the roster and the
// gates as they are.
type Lint struct {
	Plan     string            `json:"plan"`
	Revision int               `json:"revision"`
	Hash     holdfast.Hash     `json:"hash"`
	At       time.Time         `json:"at"`
	Position holdfast.Position `json:"position"`
	lint.Count
	Findings []lint.Finding `json:"findings"`
}

// lintFor is how long findings hold while nothing is written: some rules ask for
// the day.
const lintFor = time.Minute

// lintCache keeps the last findings, and the places of the last text. Its zero
// value is empty.
type lintCache struct {
	mu     sync.Mutex
	last   Lint
	places plan.Places
	of     holdfast.Hash
	// lost says that files of the plan were not kept then: they may be by now, which
	// no fact tells.
	lost bool
}

// filesFor is how long one look for the files of a plan may take.
const filesFor = 5 * time.Second

// lost lists the hashes of files that a plan names and that are not kept. What
// cannot be looked up now is not said to be lost.
func (s *Source) lost(p *plan.Plan) (hashes []string) {
	if s.Files == nil || p == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), filesFor)
	defer cancel()
	for _, a := range p.Attachments {
		if f, ok := a.File(); ok {
			if kept, err := s.Files.HasBlob(ctx, f.Hash); err == nil && !kept {
				hashes = append(hashes, a.Hash)
			}
		}
	}
	return hashes
}

// Lint judges the revision in force. The findings are kept until the journal
// moves on or a minute has passed, so any page may ask.
func (s *Source) Lint() (Lint, error) {
	c := &s.lint
	c.mu.Lock()
	defer c.mu.Unlock()
	now, position := s.Now().UTC(), s.State.Head().Position
	if c.last.Findings != nil && !c.lost && c.last.Position == position && now.Sub(c.last.At) < lintFor {
		return c.last, nil
	}
	var current *plan.Revision
	var in lint.Input
	s.State.View(func() {
		current, _ = s.Plans.Current("", now)
		in = lint.Input{Now: now, People: lint.PeopleOf(s.Roster), Gates: lint.GatesOf(s.Gates), Endpoints: s.endpoints()}
		if current != nil {
			in.Governance.Triggers = s.undisposed(current.ID, now)
			in.Waivers = s.Waivers.For(current.ID, nil)
		}
	})
	if current == nil {
		return Lint{}, errNoPlan()
	}
	if c.of != current.Hash {
		_, c.places, _ = plan.Read("", []byte(current.Text))
		c.of = current.Hash
	}
	in.Plan, in.Places = current.Plan(), c.places
	in.Lost = s.lost(in.Plan)
	c.lost = len(in.Lost) > 0
	if len(in.Waivers) > 0 {
		in.Elsewhere = s.draftFindings(in)
	}
	found := lint.Check(in)
	if found == nil {
		found = []lint.Finding{}
	}
	c.last = Lint{
		Plan: current.ID, Revision: current.Number, Hash: current.Hash, At: now, Position: position,
		Count: lint.Counts(found), Findings: found,
	}
	return c.last, nil
}

// LintText judges a text that is not published, with the roster, the gates and the
// waivers as they are.
func (s *Source) LintText(p *plan.Plan, places plan.Places) []lint.Finding {
	return s.lintText(p, places, s.lost(p), nil)
}

// LintDraft judges the text of a draft: waivers that one of its authors granted do
// not count, nor do files that nobody handed in to it.
func (s *Source) LintDraft(d *draft.Draft, p *plan.Plan, places plan.Places) []lint.Finding {
	return s.lintText(p, places, s.LostIn(d, p), d.Author)
}

// draftFindings is what lint finds in the open draft of the plan that is judged: a
// waiver may be there for the draft alone.
func (s *Source) draftFindings(in lint.Input) []lint.Finding {
	if s.Triggers.Drafts == nil {
		return nil
	}
	var d *draft.Draft
	s.State.View(func() { d, _ = s.Triggers.Drafts.OpenOf(in.Plan.ID) })
	if d == nil {
		return nil
	}
	p, _ := plan.Decode("", d.Text())
	in.Plan, in.Places, in.Lost, in.Waivers = p, nil, s.LostIn(d, p), nil
	return lint.Check(in)
}

func (s *Source) lintText(p *plan.Plan, places plan.Places, lost []string, author func(holdfast.Actor) bool) []lint.Finding {
	in := lint.Input{Plan: p, Places: places, Now: s.Now().UTC(), Lost: lost}
	if inForce, err := s.Lint(); err == nil && inForce.Plan == p.ID {
		in.Elsewhere = inForce.Findings
	}
	s.State.View(func() {
		in.People, in.Gates, in.Endpoints = lint.PeopleOf(s.Roster), lint.GatesOf(s.Gates), s.endpoints()
		in.Waivers = s.Waivers.For(p.ID, author)
	})
	return lint.Check(in)
}

func errNoPlan() error {
	return holdfast.Errorf(holdfast.NotFound, "no plan is published yet; publish one with: holdfast plan publish FILE")
}
