package plandoc

import (
	"slices"
	"strconv"
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
	// People and Parties are those of the roster, whatever their roles. Their numbers
	// stand in the pack unmasked: it is for the day when nothing else has them.
	People  []roster.Person
	Parties []roster.Party
	// Gates are the names of the gates in service, for the cards that say how to
	// stop payments at the machine itself.
	Gates []string
	// Revision and Hash say which text it was made of.
	Revision int
	Hash     holdfast.Hash
	// Made is when the pack was made.
	Made time.Time
	Zone *time.Location
}

// EmergencyPack gives what people need on the day Holdfast itself is down, to be
// printed at each publication: a summary of the plan, the call list, and for each
// role that may stop payments a card that says when and how it does so by hand.
func EmergencyPack(in Pack, words *locale.Printer) docx.Document {
	e := newExporter(in.Plan, words)
	title := words.T("pack.title")
	e.add(docx.Block{Kind: docx.Title, Text: title},
		docx.Block{Kind: docx.Cover, Text: e.x(in.Plan.Title) + "\n" + words.T("plan.revision", "n", in.Revision), Strong: true},
		docx.Block{Kind: docx.Cover, Text: words.T("pack.made", "time", words.Time(in.Made, in.Zone))}, docx.Block{Kind: docx.Cover, Text: words.T("pack.intro")},
		docx.Block{Kind: docx.Contents, Text: words.T("plan.contents")})
	e.summary()
	e.callList(in)
	e.cards(in)
	return docx.Document{
		Title: title, Lang: string(words.Lang()), Head: title + "  " + e.x(in.Plan.Title) + "  " + words.T("plan.revision", "n", in.Revision),
		Foot: in.Hash.String(), Cover: true, Blocks: e.blocks,
	}
}

// page begins a page with a heading of its own.
func (e *exporter) page(title string) { e.add(docx.Block{Kind: docx.PageBreak}, docx.H(1, title)) }

// summary is the plan on few pages: how to tell the level, and what is done at
// each, by whom, within what time.
func (e *exporter) summary() {
	e.page(e.words.T("pack.summary"))
	for _, l := range e.plan.Levels {
		e.add(docx.P(e.labelled(e.x(l.Title), e.x(l.Criteria))))
	}
	procedures := slices.Clone(e.plan.Procedures)
	if e.plan.Leak != nil {
		procedures = append(procedures, *e.plan.Leak)
	}
	for _, pr := range procedures {
		t := docx.T([]string{e.label("procedure", "stages"), e.label("stage", "role"), e.label("stage", "limit"), e.label("stage", "tasks")}).Wide(4, 3, 2, 8)
		for i, s := range pr.Stages {
			var tasks []string
			for _, task := range s.Tasks {
				tasks = append(tasks, "□ "+e.x(task.Title))
			}
			t.Rows = append(t.Rows, []string{strconv.Itoa(i+1) + ". " + e.x(s.Title), e.role(s.Role), e.span(s.Limit.D()), strings.Join(tasks, "\n")})
		}
		e.add(docx.H(2, e.x(pr.Title)), t)
	}
}

// callList is who holds each role and how each is reached, with room for the
// caller's record; then the third parties.
func (e *exporter) callList(in Pack) {
	e.page(e.words.T("pack.call-list"))
	e.add(docx.P(e.words.T("pack.call-hint")))
	t := docx.T([]string{e.label("task", "role"), e.words.T("people.name"), e.words.T("people.contacts"), e.words.T("pack.reached")}).Wide(3, 3, 5, 3)
	for _, r := range e.plan.Roles {
		held := false
		for _, p := range in.People {
			if slices.Contains(p.Roles, r.ID) {
				held = true
				t.Rows = append(t.Rows, []string{e.x(r.Name), p.Name, addresses(p.Contacts), ""})
			}
		}
		if !held {
			t.Rows = append(t.Rows, []string{e.x(r.Name), e.words.T("pack.vacant"), "", ""})
		}
	}
	e.add(t)
	if len(e.plan.Contacts) == 0 {
		return
	}
	e.add(docx.H(2, e.label("plan", "contacts")))
	t = docx.T([]string{e.words.T("people.name"), e.label("contact", "purpose"), e.words.T("people.contacts"), e.words.T("pack.reached")}).Wide(3, 4, 5, 3)
	for _, c := range e.plan.Contacts {
		name, reached := c.Party, e.words.T("pack.no-number")
		if i := slices.IndexFunc(in.Parties, func(p roster.Party) bool { return p.ID == c.Party }); i >= 0 {
			name = in.Parties[i].Name
			if all := addresses(in.Parties[i].Contacts); all != "" {
				reached = all
			}
		}
		t.Rows = append(t.Rows, []string{name, e.x(c.Purpose), reached, ""})
	}
	e.add(t)
}

// addresses lists what a person can dial or write to, numbers first. A webhook is
// for machines, and its address may hold a secret.
func addresses(contacts []roster.Contact) string {
	var numbers, others []string
	for _, c := range contacts {
		address := c.Address
		if c.Label != "" {
			address += " (" + c.Label + ")"
		}
		switch c.Channel {
		case roster.Phone:
			numbers = append(numbers, address)
		case roster.SMTP:
			others = append(others, address)
		}
	}
	return strings.Join(append(numbers, others...), "\n")
}

// cards are one page for each role that may stop payments.
func (e *exporter) cards(in Pack) {
	for _, r := range e.plan.Roles {
		level, alone, may := stopAuthority(r)
		if !may {
			continue
		}
		e.page(e.words.T("pack.card", "role", e.x(r.Name)))
		authority := e.words.T("pack.up-to-level", "level", e.level(level))
		if alone {
			authority += " · " + e.words.T("plan.alone")
		} else {
			authority += " · " + e.words.T("directive.needs-second")
		}
		e.add(docx.Block{Text: e.labelled(e.label("role", "authority"), authority), Strong: true}, docx.H(3, e.words.T("pack.when")))
		for _, l := range e.plan.Levels {
			if l.Level <= level {
				e.add(docx.L(e.labelled(e.x(l.Title), e.x(l.Criteria))))
			}
		}
		e.add(docx.H(3, e.words.T("pack.how")), docx.P("1. "+e.words.T("pack.step-gate", "gates", strings.Join(in.Gates, ", "))), order("stop --scope all"),
			docx.P("2. "+e.words.T("pack.step-check")), order("status"), docx.P("3. "+e.words.T("pack.step-call")),
			docx.P("4. "+e.words.T("pack.step-lift")), order("lift --all"), docx.P(e.words.T("pack.dir")))
		e.add(docx.T([]string{e.words.T("pack.ordered-at"), e.words.T("pack.reason"), e.words.T("pack.signature"), e.words.T("pack.second")},
			[]string{"\u00a0\n\u00a0\n\u00a0", "", "", ""}))
	}
}

// order is a command to type at a gate's machine.
func order(act string) docx.Block {
	return docx.Block{Kind: docx.Paragraph, Text: "holdfast gate " + act + " --data DIR", Strong: true}
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
