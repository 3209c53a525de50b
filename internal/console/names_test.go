package console

import (
	"testing"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

// Where the plan has a name, no id stands in its place; what has none stays.
func TestNames(t *testing.T) {
	t.Parallel()
	words := locale.For(holdfast.ZhHant)
	choices := &plan.Plan{
		Roles:       []plan.Role{{ID: "duty-officer", Name: holdfast.Text{ZhHant: "值班負責人"}}, {ID: "engineer", Name: holdfast.Text{ZhHant: "工程師"}}},
		Departments: []plan.Department{{ID: "technology", Name: holdfast.Text{ZhHant: "技術部"}}},
	}
	n := &names{fixed: choices}
	for got, want := range map[string]string{
		n.role(words, "engineer"): "工程師", n.role(words, "gone"): "gone", n.person(words, "mei"): "mei",
		n.value(words, "task", "role", "duty-officer"):                             "值班負責人",
		n.value(words, "plan", "team", "duty-officer, gone, engineer"):             "值班負責人、gone、工程師",
		n.value(words, "directive", "kind", "stop"):                                "停止支付",
		n.value(words, "task", "limit", "5m0s"):                                    "5m0s",
		n.value(words, "notice", "to", ""):                                         "",
		n.field(words, roster.Difference{Field: "roles"}, "engineer duty-officer"): "工程師、值班負責人",
		n.field(words, roster.Difference{Field: "department"}, "technology"):       "技術部",
		n.field(words, roster.Difference{Field: "account"}, "engineer"):            "engineer",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
