package response

import (
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/incident"
)

// askedRules tell the superior of what is critical.
const askedRules = `  - id: critical
    match: labels["severity"] == "critical"
    level: 1
    tell: [superior]
    why: { zh-Hant: 原因, zh-Hans: 原因, en: a reason }
  - id: all
    match: labels["severity"] != "?"
    level: 2
    why: { zh-Hant: 原因, zh-Hans: 原因, en: a reason }
  - id: unclear
    match: "true"
    level: 0
    why: { zh-Hant: 原因, zh-Hans: 原因, en: a reason }
`

// asking is a level-2 incident of one channel that a graver alert of it has joined.
func (w *world) asking(severity string) string {
	w.Helper()
	w.publishRules(askedRules)
	w.raise("A", "channel=app")
	var id string
	w.Desk.State.View(func() { id = w.Incidents.All()[0].ID })
	w.must(w.Service.Confirm(w.Context(), mei, id, holdfast.Level2, ""))
	w.raise("B", "channel=app severity="+severity)
	w.sleep(time.Second)
	return id
}

// look copies what an incident is now.
func (w *world) look(id string) (in incident.Incident) {
	w.Desk.State.View(func() { in = *w.Incidents.Incident(id) })
	return in
}

// levelTold lists whom notices about the level that is asked for have told.
func (w *world) levelTold() (people []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, sent := range w.sent {
		if person, task, _ := strings.Cut(sent, " "); strings.HasPrefix(task, "level-") {
			people = append(people, person)
		}
	}
	return people
}

// The commander and those whom the rule tells are told once; raising needs no further
// reason, and ends the question.
func TestGraverAlertAsksForALevel(t *testing.T) {
	t.Parallel()
	run(t, 2, func(w *world) {
		id := w.asking("critical")
		in := w.look(id)
		if in.Level != holdfast.Level2 || in.Ask == nil || in.Ask.Level != holdfast.Level1 || in.Ask.Rule != "critical" {
			t.Fatalf("level %s, asked %+v", in.Level, in.Ask)
		}
		w.raise("C", "channel=app severity=critical")
		w.sleep(time.Hour)
		if told := strings.Join(w.levelTold(), " "); told != "mei lin" && told != "lin mei" {
			t.Errorf("told are %q", told)
		}
		w.must(w.ChangeLevel(w.Context(), mei, id, holdfast.Level1, ""))
		if in := w.look(id); in.Level != holdfast.Level1 || in.Ask != nil {
			t.Errorf("level %s, asked %+v", in.Level, in.Ask)
		}
	})
}

// A person may keep the level with a reason; the like is not asked again, what is graver
// is.
func TestLevelIsKept(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		id := w.asking("?")
		in := w.look(id)
		if in.Ask == nil || in.Ask.Level != holdfast.Unknown {
			t.Fatalf("asked %+v", in.Ask)
		}
		w.wantCode(w.KeepLevel(w.Context(), mei, id, " "), holdfast.Invalid)
		w.must(w.KeepLevel(w.Context(), mei, id, "it is the same failure"))
		w.wantCode(w.KeepLevel(w.Context(), mei, id, "once more"), holdfast.Conflict)
		w.raise("C", "channel=app severity=?")
		if in := w.look(id); in.Ask != nil {
			t.Errorf("asked again: %+v", in.Ask)
		}
		w.raise("D", "channel=app severity=critical")
		if in := w.look(id); in.Ask == nil || in.Ask.Level != holdfast.Level1 {
			t.Errorf("a graver one does not ask: %+v", in.Ask)
		}
		// It is still open after a change to a level that is lesser than what is asked for.
		w.must(w.ChangeLevel(w.Context(), mei, id, holdfast.Level3, "calmer"))
		w.must(w.AnswerFall(w.Context(), lin, id, true, ""))
		if in := w.look(id); in.Level != holdfast.Level3 || in.Ask == nil {
			t.Errorf("level %s, asked %+v", in.Level, in.Ask)
		}
	})
}
