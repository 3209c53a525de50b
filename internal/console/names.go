package console

import (
	"cmp"
	"strings"
	"sync"

	"holdfast"
	"holdfast/internal/console/form"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
	"holdfast/internal/view"
)

// names give people's words for ids that stand in the roster and in differences. An
// id that nothing names stays as it is.
type names struct {
	of *view.Source
	// fixed stands for what of would tell, where there is no journal.
	fixed *plan.Plan

	mu   sync.Mutex
	at   holdfast.Position
	last *plan.Plan
}

// plan is what names parts, worked out once for each position of the journal.
func (n *names) plan() *plan.Plan {
	if n.of == nil {
		return cmp.Or(n.fixed, &plan.Plan{})
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if at := n.of.State.Head().Position; n.last == nil || at != n.at {
		n.at, n.last = at, n.of.Organisation()
	}
	return n.last
}

// role names a role.
func (n *names) role(words *locale.Printer, id string) string {
	if r, ok := n.plan().Role(id); ok {
		return r.Name.In(words.Lang())
	}
	return id
}

// person names a person.
func (n *names) person(words *locale.Printer, id string) string {
	if n.of == nil {
		return id
	}
	return cmp.Or(n.of.PersonNamed(id).NameIn(words.Lang()), id)
}

// value puts names for the ids that a key of a kind of entry holds, one or several
// with commas between; the value of any other key stays.
func (n *names) value(words *locale.Printer, owner, key, value string) string {
	return named(words, form.Choices(n.plan(), owner, key), strings.Split(value, ", "), value)
}

// named joins the names of what was chosen; a value that is free stays.
func named(words *locale.Printer, choices []form.Option, list []string, value string) string {
	if len(choices) == 0 {
		return value
	}
	for i, id := range list {
		for _, o := range choices {
			if o.Value == id {
				list[i] = choiceName(words, o)
			}
		}
	}
	return strings.Join(list, words.T("letter.comma"))
}

// field does the same for what is different in a person's entry.
func (n *names) field(words *locale.Printer, d roster.Difference, value string) string {
	switch d.Field {
	case "roles":
		return named(words, form.Choices(n.plan(), "plan", "team"), strings.Fields(value), value)
	case "department":
		return n.value(words, "role", "department", value)
	}
	return value
}
