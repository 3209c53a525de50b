package response

import (
	"slices"
	"testing"
)

// The roles that a rule names are told once of the suspicion it opens, and those of
// another rule that joins later too; one that names none tells nobody.
func TestTellsOfSuspicion(t *testing.T) {
	t.Parallel()
	run(t, 2, func(w *world) {
		w.publishRules(`  - id: first
    match: labels["who"] == "ops"
    level: 2
    tell: [operations-head]
    why: { zh-Hant: 原因, zh-Hans: 原因, en: a reason }
  - id: second
    match: labels["who"] == "tech"
    level: 3
    tell: [technology-head]
    why: { zh-Hant: 原因, zh-Hans: 原因, en: a reason }
  - id: none
    match: "true"
    level: 3
    why: { zh-Hant: 原因, zh-Hans: 原因, en: a reason }
`)
		told := func() (who []string) {
			for _, n := range w.Notices.ByTask(w.Incidents.All()[0].ID, "suspected") {
				who = append(who, n.ID)
			}
			slices.Sort(who)
			return who
		}
		w.raise("quiet", "who=nobody channel=card")
		if got := told(); got != nil {
			t.Errorf("told: %s", got)
		}
		w.raise("A", "who=ops channel=app")
		w.raise("B", "who=ops channel=app")
		if got := told(); !slices.Equal(got, []string{"lin"}) {
			t.Errorf("told: %s", got)
		}
		w.raise("C", "who=tech channel=app")
		if got := told(); !slices.Equal(got, []string{"ana", "lin"}) {
			t.Errorf("told: %s", got)
		}
		if len(w.sent) != 2 {
			t.Errorf("sent: %q", w.sent)
		}
	})
}
