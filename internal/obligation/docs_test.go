package obligation

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/plan"
)

// The plan offers exactly the packs that there are.
func TestPlanNamesThePacks(t *testing.T) {
	t.Parallel()
	if got := slices.Sorted(maps.Keys(Packs())); !slices.Equal(got, plan.Packs[:]) {
		t.Errorf("the packs are %v, the plan offers %v", got, plan.Packs)
	}
}

// docs/formats/obligation.md has a row for each clock, as it is.
func TestDocument(t *testing.T) {
	t.Parallel()
	const name = "../../docs/formats/obligation.md"
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "./internal/obligation -->\n", "\n## Facts"
	before, rest, found := strings.Cut(string(b), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatal("the document has no place for the table")
	}
	want := before + begin + "\n" + table() + end + after
	if want == string(b) {
		return
	}
	if os.Getenv("HOLDFAST_WRITE_DOCS") != "" {
		err = os.WriteFile(name, []byte(want), 0o644)
	}
	t.Errorf("the table of clocks is not that of now: run HOLDFAST_WRITE_DOCS=1 go test -run TestDocument ./internal/obligation (%v)", err)
}

func table() string {
	var b strings.Builder
	b.WriteString("Compared with the text in force by nobody yet: all are unverified.\n\n| clock | applies | from | limit | mark | source |\n|---|---|---|---|---|---|\n")
	for _, id := range slices.Sorted(maps.Keys(Packs())) {
		p := Packs()[id]
		for _, r := range p.Rules {
			var applies []string
			if len(r.Classes) > 0 {
				applies = append(applies, "class "+strings.Join(r.Classes, ", "))
			}
			if r.When != "" {
				applies = append(applies, "`"+r.When+"`")
			}
			for _, s := range r.Stages {
				limit := words(s.Limit)
				if l := s.Latest; l != nil {
					limit += fmt.Sprintf("; at the latest %s from `%s`", words(l.Limit), l.From)
				}
				fmt.Fprintf(&b, "| `%s.%s.%s` | %s | `%s` | %s | %s | %s |\n", p.ID, r.ID, s.ID, strings.Join(applies, " and "), s.From, limit, s.Mark, s.Source)
			}
		}
	}
	b.WriteString("\n| counter | counts | months | threshold | mark | source |\n|---|---|---|---|---|---|\n")
	for _, id := range slices.Sorted(maps.Keys(Packs())) {
		for _, c := range Packs()[id].Counters {
			fmt.Fprintf(&b, "| `%s.%s` | %s | %d | %d | %s | %s |\n", id, c.ID, c.Kind, c.Months, c.Limit, c.Mark, c.Source)
		}
	}
	return b.String()
}

func words(l Limit) string {
	switch {
	case l.Within != 0:
		if d := l.Within.D(); d%time.Hour != 0 {
			return fmt.Sprint(int(d.Minutes()), " min")
		}
		return fmt.Sprint(int(l.Within.D().Hours()), " h")
	case l.Days != 0:
		return fmt.Sprint(l.Days, " days")
	case l.BusinessDays != 0:
		return fmt.Sprint(l.BusinessDays, " business days")
	case l.Months != 0:
		return fmt.Sprint(l.Months, " months")
	}
	return "no figure"
}
