package plandoc

import (
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// Pack is what an emergency pack is made of.
type Pack struct {
	Plan *plan.Plan
	// People are those of the roster, whatever their roles.
	People []roster.Person
	// Gates are the names of the gates in service, for the cards that say how to
	// stop payments at the machine itself.
	Gates []string
	// Foot stands at the foot of each page: the revision and its hash.
	Foot string
	// Made is when the pack was made.
	Made time.Time
	Zone *time.Location
}

// EmergencyPack gives what people need on the day Holdfast itself is down, to be
// printed at each publication: a summary of the plan, the call list, and for each
// role that may stop payments a card that says when and how it does so by hand.
func EmergencyPack(in Pack, words *locale.Printer) docx.Document {
	e := exporter{plan: in.Plan, words: words}
	e.add(docx.Block{Kind: docx.Title, Text: words.T("pack.title")},
		docx.P(e.x(in.Plan.Title)), docx.P(words.T("pack.made", "time", words.Time(in.Made, in.Zone))), docx.P(words.T("pack.intro")))
	e.summary()
	e.callList(in.People)
	e.cards(in)
	return docx.Document{Title: words.T("pack.title"), Lang: string(words.Lang()), Foot: in.Foot, Blocks: e.blocks}
}

// summary is the plan on two pages: how to tell the level, and what is done at
// each, by whom, within what time.
func (e *exporter) summary() {
	e.add(docx.Block{Kind: docx.PageBreak}, docx.H(1, e.words.T("pack.summary")))
	for _, l := range e.plan.Levels {
		e.add(docx.P(e.words.T("plan.labelled", "label", e.x(l.Title), "text", e.x(l.Criteria))))
	}
	procedures := slices.Clone(e.plan.Procedures)
	if e.plan.Leak != nil {
		procedures = append(procedures, *e.plan.Leak)
	}
	for _, pr := range procedures {
		t := docx.T([]string{e.label("procedure.stages"), e.label("role"), e.label("limit"), e.label("stage.tasks")}).Wide(4, 3, 2, 8)
		for _, s := range pr.Stages {
			var tasks []string
			for _, task := range s.Tasks {
				tasks = append(tasks, "□ "+e.x(task.Title))
			}
			t.Rows = append(t.Rows, []string{e.x(s.Title), e.role(s.Role), e.span(s.Limit), strings.Join(tasks, "\n")})
		}
		e.add(docx.H(2, e.x(pr.Title)), t)
	}
}

// callList is who holds each role and how each is reached, with room for the
// caller's record.
func (e *exporter) callList(people []roster.Person) {
	e.add(docx.Block{Kind: docx.PageBreak}, docx.H(1, e.words.T("pack.call-list")), docx.P(e.words.T("pack.call-hint")))
	t := docx.T([]string{e.label("role"), e.words.T("people.name"), e.words.T("people.contacts"), e.words.T("pack.reached")}).Wide(3, 3, 5, 3)
	for _, r := range e.plan.Roles {
		held := false
		for _, p := range people {
			if !slices.Contains(p.Roles, r.ID) {
				continue
			}
			held = true
			var contacts []string
			for _, c := range p.Contacts {
				if c.Channel != roster.Webhook {
					contacts = append(contacts, c.Address)
				}
			}
			t.Rows = append(t.Rows, []string{e.x(r.Name), p.Name, strings.Join(contacts, "\n"), ""})
		}
		if !held {
			t.Rows = append(t.Rows, []string{e.x(r.Name), e.words.T("pack.vacant"), "", ""})
		}
	}
	e.add(t)
}

// cards are one page for each role that may stop payments.
func (e *exporter) cards(in Pack) {
	for _, r := range e.plan.Roles {
		level, alone, may := stopAuthority(r)
		if !may {
			continue
		}
		e.add(docx.Block{Kind: docx.PageBreak}, docx.H(1, e.words.T("pack.card", "role", e.x(r.Name))))
		authority := e.words.T("plan.up-to-level", "n", level)
		if alone {
			authority += " · " + e.words.T("plan.alone")
		} else {
			authority += " · " + e.words.T("directive.needs-second")
		}
		e.say(e.label("role.authority"), authority)
		e.add(docx.H(2, e.words.T("pack.when")))
		for _, l := range e.plan.Levels {
			if l.Level <= level {
				e.add(docx.L(e.x(l.Title) + " " + e.x(l.Criteria)))
			}
		}
		e.add(docx.H(2, e.words.T("pack.how")), docx.L(e.words.T("pack.step-gate", "gates", strings.Join(in.Gates, ", "))),
			docx.L("holdfast gate stop --scope all --data DIR"), docx.L(e.words.T("pack.step-check")), docx.L(e.words.T("pack.step-lift")))
		e.add(docx.T([]string{e.words.T("pack.ordered-at"), e.words.T("pack.reason"), e.words.T("pack.signature"), e.words.T("pack.second")},
			[]string{"\n\n", "", "", ""}))
	}
}

// stopAuthority says up to which level a role may stop payments, and whether it
// may alone.
func stopAuthority(r plan.Role) (level holdfast.Level, alone, may bool) {
	for _, a := range r.Authority {
		if slices.Contains(a.Directives, procedure.DirectiveStop) {
			level, alone, may = max(level, a.Level), alone || a.Alone, true
		}
	}
	return level, alone, may
}
