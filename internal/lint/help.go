package lint

import (
	"fmt"
	"strings"

	"holdfast"
	"holdfast/internal/locale"
)

const helpHead = `# Plan lint

Package plan reads a text and refuses what it cannot mean ([plan.md](plan.md), rules P001 to P032). Lint judges what it says, by the numbered
rules of this page: whether someone is there for each role, whether the time adds up, whether the gates know the channels that a stop names.

It runs at each save, with ` + "`holdfast plan lint FILE`" + `, with ` + "`POST /api/v1/plan/lint`" + `, and, for the revision in force against the roster and
the gates as they are, with ` + "`GET /api/v1/plan/lint`" + `. ` + "`holdfast plan rules`" + ` lists the rules.

| severity | means |
|---|---|
| error | the plan must not be approved so |
| warning | it will hurt in an emergency |
| note | look at it |

A rule marked *by age* can be broken by the calendar alone. Such a finding is never an error, and where it is a warning it blocks approval all
the same. What is not known is not judged: without roster and gates, as for a file, the rules of people and gates are left out.

A waiver accepts the findings of one rule at one place, with an owner, a reason and an end. A place is a path, ` + "`roles[3]`" + `, or better the anchor
that each finding has, ` + "`roles/duty-officer`" + `, which stays when entries move. A waived finding is listed and blocks nothing.

Each rule has an example that fails and one that passes: parts that are laid over
[a small plan](../../internal/lint/examples/base.yaml) that has no findings. Under ` + "`world`" + ` stands what roster, gates and calendar say.
This page is made from the catalogue of rules; the examples are its test.
`

// Help returns docs/formats/lint.md.
func Help() string {
	var b strings.Builder
	b.WriteString(helpHead)
	words := locale.For(holdfast.En)
	group := ""
	for _, r := range rules {
		if r.Group() != group {
			group = r.Group()
			fmt.Fprintf(&b, "\n## %s\n", words.T("lint.group."+group))
		}
		e := Explain(r, words)
		fmt.Fprintf(&b, "\n### %s %s\n\n*%s", e.Rule, e.Title, e.Severity)
		if e.Age {
			b.WriteString(", by age")
		}
		fmt.Fprintf(&b, ".* %s\n\nTo mend it: %s\n\nFails:\n\n```yaml\n%s```\n\nPasses:\n\n```yaml\n%s```\n", e.Why, e.Mend, e.Fails, e.Passes)
	}
	return b.String()
}
