package status

import (
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/detect"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/journal/journaltest"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
	"holdfast/internal/procedure"
)

var (
	mei    = holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "梅值班"}
	bo     = holdfast.Actor{Kind: holdfast.Account, ID: "bo", Name: "Bo Secretary"}
	noon   = time.Date(2026, 11, 26, 12, 2, 30, 0, time.UTC)
	rhythm = Rhythm{Every: 5 * time.Minute, Stale: 15 * time.Minute}
)

// world is a journal in memory with the built-in plan, one gate, and a clock that
// the test sets.
type world struct {
	*Service
	t     *testing.T
	clock journaltest.Clock
	dirs  *directive.Service
}

func newWorld(t *testing.T) *world {
	t.Helper()
	store := journal.NewMemory("test")
	w := &world{t: t}
	w.clock.Set(noon)
	n := Nouns{
		Book: NewBook(), Plans: plan.NewBook(), Incidents: incident.NewBook(), Directives: directive.NewBook(store.Genesis()), Gates: enrolment.NewBook(), Alerts: alert.NewBook(),
	}
	state := journal.NewState(store, store.Genesis(), n.Book, n.Plans, n.Incidents, n.Directives, n.Gates, n.Alerts)
	desk := &journal.Desk{Journal: store, State: state, Now: w.clock.Now}
	w.Service = &Service{Desk: desk, Nouns: n}
	w.dirs = &directive.Service{Desk: desk, Book: n.Directives, Gates: n.Gates}
	journaltest.Follow(t, state)
	_, err := (&plan.Service{Desk: desk, Book: n.Plans}).Publish(t.Context(), mei, plan.Builtin(), "")
	w.must(err)
	w.must(w.dirs.Prepare(t.Context(), 30*time.Second, make([]byte, 32)))
	w.write(func() ([]journal.Draft, error) {
		return enrolment.Enrol(nil, "east-secret", enrolment.Enrolled{Boot: "one"})
	})
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) code(what string, err error, want holdfast.Code) {
	w.t.Helper()
	if got := holdfast.CodeOf(err); got != want {
		w.t.Errorf("%s: %v has code %q, not %q", what, err, got, want)
	}
}

func (w *world) write(decide func() ([]journal.Draft, error)) {
	w.t.Helper()
	_, err := w.Desk.Do(w.t.Context(), mei, func(time.Time) ([]journal.Draft, error) { return decide() })
	w.must(err)
}

// suspect opens an incident with a title that must not get out.
func (w *world) suspect(level holdfast.Level, drill bool) (id string) {
	w.t.Helper()
	w.write(func() (drafts []journal.Draft, err error) {
		id, drafts, err = incident.Suspect(w.Nouns.Incidents, incident.SuspectedFact{Title: "core database gone, vendor ACME", Level: level, Drill: drill}, w.clock.Now())
		return drafts, err
	})
	return id
}

func (w *world) confirm(id string, level holdfast.Level) {
	w.t.Helper()
	proc := procedure.Procedure{Level: level, Title: holdfast.Text{En: "flow"}, Stages: []procedure.Stage{{Kind: procedure.Recover}}}
	w.write(func() ([]journal.Draft, error) {
		return incident.Confirm(w.Nouns.Incidents.Incident(id), level, incident.PlanRef{ID: "p", Revision: 1}, proc, "")
	})
}

func (w *world) direct(kind posture.Kind, scope, incident string) string {
	w.t.Helper()
	p := directive.Proposal{Kind: kind, Scope: scope, Reason: "wrong amounts at vendor ACME", Incident: incident}
	if kind == posture.Limit {
		p.Share = 0.5
	}
	id, err := w.dirs.Propose(w.t.Context(), mei, p, true)
	w.must(err)
	return id
}

// silence is a gate that sends no counts, until it is heard again.
func (w *world) silence(since time.Time, firing bool) {
	w.t.Helper()
	f := detect.Finding{Kind: detect.Silent, Since: since, Gate: "east-secret", Severity: detect.Critical}
	in := f.Alarm(locale.For(holdfast.En))
	if !firing {
		in.Resolved, in.EndsAt = true, w.clock.Now()
	}
	w.must((&alert.Service{Desk: w.Desk, Book: w.Nouns.Alerts}).Deliver(w.t.Context(), mei, alert.Delivery{Members: []alert.Incoming{in}}))
}

// shown is how each component is shown now.
func (w *world) shown() map[string]State {
	w.t.Helper()
	all := map[string]State{}
	for _, c := range w.page().Components {
		all[c.ID] = c.State
	}
	return all
}

func (w *world) page() (p Page) {
	w.Desk.State.View(func() { p = w.Nouns.Page("Bank", rhythm, w.clock.Now()) })
	return p
}

func (w *world) fill(id string, stage Stage) (c Content) {
	w.t.Helper()
	var err error
	w.Desk.State.View(func() { c, err = w.Nouns.Fill(id, stage, w.clock.Now()) })
	w.must(err)
	return c
}

func (w *world) next(id string, stage Stage) (c Content) {
	w.t.Helper()
	var err error
	w.Desk.State.View(func() { c, err = w.Nouns.Next(w.Nouns.Book.Bulletin(id), stage, w.clock.Now()) })
	w.must(err)
	return c
}

// announce writes and publishes a text by two people.
func (w *world) announce(id string, c Content) {
	w.t.Helper()
	w.must(w.Write(w.t.Context(), mei, id, c))
	w.publish(id)
}

func (w *world) publish(id string) {
	w.t.Helper()
	var number int
	w.Desk.State.View(func() { number = w.Nouns.Book.Bulletin(id).Draft.Number })
	w.must(w.Publish(w.t.Context(), bo, id, number))
}

// text is a content that says one thing of some components.
func text(stage Stage, s State, components ...string) Content {
	say := holdfast.Text{ZhHant: "公告", ZhHans: "公告", En: "Words"}
	c := Content{Stage: stage, Title: say, Text: say}
	for _, id := range components {
		c.States = append(c.States, Said{Component: id, State: s})
	}
	return c
}
