package improvement

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/journal/journaltest"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

var (
	begun = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	mei   = holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "梅"}
	lin   = holdfast.Actor{Kind: holdfast.Account, ID: "lin", Name: "林"}
	bo    = holdfast.Actor{Kind: holdfast.Account, ID: "bo", Name: "Bo"}
	east  = time.FixedZone("UTC+8", 8*3600)
)

// world has a plan in force, an incident, and a roster of three; mei and bo run
// incidents.
type world struct {
	*Service
	incident string
	clock    journaltest.Clock
}

func newWorld(t *testing.T) *world {
	t.Helper()
	store := journal.NewMemory("test")
	w := &world{}
	w.clock.Set(begun)
	n := Nouns{
		Book: NewBook(), Incidents: incident.NewBook(), Plans: plan.NewBook(), Roster: roster.NewBook(), Zone: east,
		Runs: func(by holdfast.Actor) bool { return by == mei || by == bo },
	}
	state := journal.NewState(store, store.Genesis(), n.Book, n.Incidents, n.Plans, n.Roster)
	desk := &journal.Desk{Journal: store, State: state, Now: w.clock.Now}
	w.Service = &Service{Desk: desk, Nouns: n, Files: store, Log: slog.New(slog.DiscardHandler), Decided: func(time.Time) []Decided { return nil }}
	journaltest.Follow(t, state)
	src, err := os.ReadFile("../plan/testdata/small.yaml")
	if err == nil {
		_, err = (&plan.Service{Desk: desk, Book: n.Plans}).Publish(t.Context(), mei, src, "")
	}
	if err == nil {
		err = roster.New(desk, n.Roster).Record(t.Context(), mei, roster.Person{ID: "lin", Name: "林", Account: "lin"}, roster.Person{ID: "boss", Name: "Bo", Account: "bo"}, roster.Person{ID: "zoe", Name: "Zoe"})
	}
	if err == nil {
		_, err = desk.Do(t.Context(), mei, func(now time.Time) (drafts []journal.Draft, err error) {
			w.incident, drafts, err = incident.Suspect(n.Incidents, incident.SuspectedFact{Title: "payments fail"}, now)
			return drafts, err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) good() Form {
	return Form{Incident: w.incident, Text: "Alert on the database's disk.", Person: "lin", Due: "2026-12-31"}
}

func (w *world) recorded(t *testing.T, f Form) string {
	t.Helper()
	id, err := w.Record(t.Context(), mei, f)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (w *world) get(id string) (im *Improvement) {
	w.Desk.State.View(func() { im, _ = w.Nouns.Book.Improvement(id) })
	return im
}

func wantError(t *testing.T, what string, err error, code holdfast.Code, field string) {
	t.Helper()
	var e *holdfast.Error
	if !errors.As(err, &e) || e.Code != code || e.Field != field {
		t.Errorf("%s: %v, want %s at %q", what, err, code, field)
	}
}

func TestRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, test := range map[string]struct {
		change func(*Form)
		code   holdfast.Code
		field  string
	}{
		"no such incident":   {func(f *Form) { f.Incident = "2020-9" }, holdfast.NotFound, "incident"},
		"nothing to change":  {func(f *Form) { f.Text = " " }, holdfast.Invalid, "text"},
		"too much":           {func(f *Form) { f.Text = strings.Repeat("字", maxText+1) }, holdfast.TooLarge, "text"},
		"nobody":             {func(f *Form) { f.Person = "" }, holdfast.Invalid, "role"},
		"two owners":         {func(f *Form) { f.Role = "officer" }, holdfast.Invalid, "role"},
		"a stranger":         {func(f *Form) { f.Person = "yan" }, holdfast.Invalid, "person"},
		"no such role":       {func(f *Form) { f.Person, f.Role = "", "nobody" }, holdfast.Invalid, "role"},
		"no day":             {func(f *Form) { f.Due = "soon" }, holdfast.Invalid, "due"},
		"yesterday":          {func(f *Form) { f.Due = "2026-11-23" }, holdfast.Invalid, "due"},
		"in six years":       {func(f *Form) { f.Due = "2032-11-23" }, holdfast.Invalid, "due"},
		"no such chapter":    {func(f *Form) { f.Chapter = "x" }, holdfast.Invalid, "chapter"},
		"a revision of none": {func(f *Form) { f.Revise = true }, holdfast.Invalid, "chapter"},
		"no such risk":       {func(f *Form) { f.Risk = "x" }, holdfast.Invalid, "risk"},
	} {
		f := w.good()
		test.change(&f)
		_, err := w.Record(t.Context(), mei, f)
		wantError(t, name, err, test.code, test.field)
	}
	id := w.recorded(t, w.good())
	again := w.good()
	again.Due = "2027-01-31"
	if got := w.recorded(t, again); got != id || w.get(id).Due != "2026-12-31" {
		t.Errorf("the same text told again is %s, due %s", got, w.get(id).Due)
	}
	card := w.good()
	card.Text = "Card 4111111111111111 was in the log"
	if text := w.get(w.recorded(t, card)).Text; strings.Contains(text, "4111111111111111") {
		t.Errorf("a card number is kept: %s", text)
	}
}

// The due day is over where the operator is, not in UTC.
func TestDueDay(t *testing.T) {
	t.Parallel()
	im := &Improvement{Form: Form{Due: "2026-12-31"}}
	end := time.Date(2026, 12, 31, 16, 0, 0, 0, time.UTC) // midnight in UTC+8
	for at, want := range map[time.Time]State{begun: Open, end.Add(-1): Open, end: Overdue, end.AddDate(1, 0, 0): Overdue} {
		if got := im.State(at, east); got != want {
			t.Errorf("at %s it is %s", at, got)
		}
	}
}

func TestLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, ctx := w.recorded(t, w.good()), t.Context()
	zoe := holdfast.Actor{Kind: holdfast.Account, ID: "zoe"}
	wantError(t, "a stranger ends it", w.Done(ctx, zoe, id, "done"), holdfast.Forbidden, "")
	wantError(t, "done without evidence", w.Done(ctx, lin, id, " "), holdfast.Invalid, "evidence")
	wantError(t, "extended without a reason", w.Extend(ctx, lin, id, "2027-01-15", ""), holdfast.Invalid, "reason")
	wantError(t, "extended to an earlier day", w.Extend(ctx, lin, id, "2026-12-30", "less work"), holdfast.Invalid, "due")
	if err := w.Extend(ctx, lin, id, "2027-01-15", "The vendor is late."); err != nil {
		t.Fatal(err)
	}
	if err := w.Done(ctx, lin, id, "CHG-7 is in production."); err != nil {
		t.Fatal(err)
	}
	im := w.get(id)
	if im.End.State != Done || len(im.History) != 2 || im.History[0].Was != "2026-12-31" || im.History[0].Due != "2027-01-15" || im.History[0].Text != "The vendor is late." {
		t.Errorf("%+v", im)
	}
	wantError(t, "done twice", w.Done(ctx, lin, id, "again"), holdfast.Conflict, "")
	if err := w.Reopen(ctx, mei, id, "The alert never fired."); err != nil {
		t.Fatal(err)
	}
	wantError(t, "open already", w.Reopen(ctx, mei, id, "again"), holdfast.Conflict, "")
	if err := w.Assign(ctx, lin, id, "", "zoe", "She keeps the alerts."); err != nil {
		t.Fatal(err)
	}
	wantError(t, "the former owner", w.Done(ctx, lin, id, "done"), holdfast.Forbidden, "")
	if w.get(id).Person != "zoe" {
		t.Errorf("%+v", w.get(id))
	}
}

// Nobody drops an improvement alone.
func TestDrop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, ctx := w.recorded(t, w.good()), t.Context()
	wantError(t, "nobody has asked", w.AnswerDrop(ctx, bo, id, true, ""), holdfast.Conflict, "")
	wantError(t, "without a reason", w.AskDrop(ctx, lin, id, ""), holdfast.Invalid, "reason")
	if err := w.AskDrop(ctx, lin, id, "The system is switched off."); err != nil {
		t.Fatal(err)
	}
	wantError(t, "who asked consents", w.AnswerDrop(ctx, lin, id, true, ""), holdfast.Forbidden, "")
	wantError(t, "asked twice", w.AskDrop(ctx, mei, id, "again"), holdfast.Conflict, "")
	wantError(t, "refused without a reason", w.AnswerDrop(ctx, bo, id, false, ""), holdfast.Invalid, "reason")
	if err := w.AnswerDrop(ctx, bo, id, false, "Not before May."); err != nil {
		t.Fatal(err)
	}
	if im := w.get(id); im.Drop != nil || im.End != nil {
		t.Errorf("after the refusal: %+v", im)
	}
	if err := w.AskDrop(ctx, lin, id, "It is off now."); err != nil {
		t.Fatal(err)
	}
	if err := w.AnswerDrop(ctx, bo, id, true, ""); err != nil {
		t.Fatal(err)
	}
	if im := w.get(id); im.End.State != Dropped || im.End.Reason != "It is off now." || im.End.By != bo || im.State(begun.AddDate(5, 0, 0), east) != Dropped {
		t.Errorf("%+v", im.End)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, ctx := w.recorded(t, w.good()), t.Context()
	if _, err := w.Keep(ctx, lin, id, "x.exe", []byte("\x7fELF\x00\xff")); err == nil {
		t.Error("a program is kept as evidence")
	}
	if _, err := w.Keep(ctx, holdfast.Actor{Kind: holdfast.Account, ID: "zoe"}, id, "test.pdf", []byte("%PDF-1.7\n1")); holdfast.CodeOf(err) != holdfast.Forbidden {
		t.Errorf("a stranger's file: %v", err)
	}
	file, err := w.Keep(ctx, lin, id, "test.pdf", []byte("%PDF-1.7\n1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Keep(ctx, lin, id, "again.pdf", []byte("%PDF-1.7\n1")); err != nil || len(w.get(id).Files) != 1 {
		t.Errorf("the same file again: %v, %d files", err, len(w.get(id).Files))
	}
	if got, err := w.File(id, file.Hash); err != nil || got.Name != "test.pdf" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := w.File("i9", file.Hash); holdfast.CodeOf(err) != holdfast.NotFound {
		t.Errorf("of another: %v", err)
	}
}

// told is a letter in short.
type told struct {
	tells Tells
	to    string
	round int
}

func (w *world) letters(at time.Time) (list []told, next time.Time) {
	w.Desk.State.View(func() {
		due, upcoming := w.Nouns.Letters(at)
		for _, l := range due {
			list = append(list, told{l.Tells, l.To.ID, l.Round})
		}
		next = upcoming
	})
	return list, next
}

func TestLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.command("bo"); err != nil {
		t.Fatal(err)
	}
	id := w.recorded(t, w.good())
	end := time.Date(2026, 12, 31, 16, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	for _, step := range []struct {
		at   time.Time
		want []told
		next time.Time
	}{
		{begun, []told{{Begun, "lin", 0}}, end.Add(-7 * day)},
		{end.Add(-7 * day), []told{{Near, "lin", 0}}, end},
		{end, []told{{Late, "lin", 0}}, end.Add(3 * day)},
		{end.Add(3 * day), []told{{Late, "lin", 0}, {Unheeded, "boss", 0}}, end.Add(7 * day)},
		{end.Add(10 * day), []told{{Late, "lin", 1}, {Unheeded, "boss", 1}}, end.Add(14 * day)},
	} {
		if got, next := w.letters(step.at); !slices.Equal(got, step.want) || !next.Equal(step.next) {
			t.Errorf("at %s: %v and next %s, want %v and %s", step.at, got, next, step.want, step.next)
		}
	}
	w.clock.Set(end.Add(4 * day))
	if err := w.Extend(t.Context(), lin, id, "2027-02-28", "The vendor is late."); err != nil {
		t.Fatal(err)
	}
	if got, _ := w.letters(end.Add(4 * day)); !slices.Equal(got, []told{{Begun, "lin", 0}}) {
		t.Errorf("once extended: %v", got)
	}
	if err := w.Assign(t.Context(), lin, id, "engineer", "", "It is the engineer's."); err != nil {
		t.Fatal(err)
	}
	if got, _ := w.letters(end.Add(4 * day)); !slices.Equal(got, []told{{Begun, "boss", 0}}) {
		t.Errorf("of a role that nobody holds: %v, want who commanded", got)
	}
	if err := w.Done(t.Context(), mei, id, "CHG-7"); err != nil {
		t.Fatal(err)
	}
	if got, next := w.letters(end.AddDate(1, 0, 0)); len(got) != 0 || !next.IsZero() {
		t.Errorf("once done: %v, %s", got, next)
	}
}

// command confirms the incident and puts an account in command.
func (w *world) command(account string) error {
	_, err := w.Desk.Do(context.Background(), mei, func(now time.Time) ([]journal.Draft, error) {
		rev, _ := w.Nouns.Plans.Current("", now)
		p, _ := rev.Plan().Procedure(holdfast.Level2)
		return incident.Confirm(w.Nouns.Incidents.Incident(w.incident), holdfast.Level2, incident.PlanRef{ID: rev.ID, Revision: rev.Number}, p, "")
	})
	if err == nil {
		_, err = w.Desk.Do(context.Background(), mei, func(time.Time) ([]journal.Draft, error) {
			return incident.Fill(w.Nouns.Incidents.Incident(w.incident), incident.Commander, incident.Holder{Account: account}, "on duty")
		})
	}
	return err
}

// What debriefs decide is recorded once, with the owner as people wrote him.
func TestDecided(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := []Decided{
		{Incident: w.incident, ID: "i1", Text: "one", Who: "林", Due: "2026-12-01"},
		{Incident: w.incident, ID: "i2", Text: "two", Owner: "zoe", Due: "2026-11-01", Chapter: "procedure-1"},
		{Incident: w.incident, ID: "i3", Text: "three", Who: "the vendor", Due: "2026-12-01", Chapter: "unknown", Risk: "unknown"},
		{Incident: "2020-1", ID: "i1", Text: "of no incident", Who: "林", Due: "2026-12-01"},
	}
	w.Decided = func(time.Time) []Decided { return list }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	watch, end := w.Desk.State.Watch()
	defer end()
	go func() { done <- w.Run(ctx) }()
	for count := 0; count < 3; {
		<-watch
		w.Desk.State.View(func() { count = len(w.Nouns.Book.All()) })
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if im := w.get("i1"); im.Person != "lin" || im.Revise {
		t.Errorf("%+v", im)
	}
	if im := w.get("i2"); im.Person != "zoe" || !im.Revise || im.State(begun, east) != Overdue {
		t.Errorf("%+v", im)
	}
	if im := w.get("i3"); im.Role == "" || im.Text != "three (the vendor)" || im.Chapter != "" || im.Risk != "" {
		t.Errorf("%+v", im)
	}
	var drafts []journal.Draft
	w.Desk.State.View(func() { drafts = w.Nouns.recordDecided(list, begun) })
	if len(drafts) != 0 {
		t.Errorf("recorded again: %+v", drafts)
	}
}

// Where the plan names nobody to own it, the team's role that somebody is on duty for
// does, else one that somebody holds; only then the first.
func TestOwnerByDuty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people := roster.New(w.Desk, w.Nouns.Roster)
	owner := func() (role string) {
		w.Desk.State.View(func() { role = w.Nouns.debriefing(w.Nouns.plan(begun), w.incident, begun) })
		return role
	}
	if got := owner(); got != "officer" {
		t.Errorf("with nobody on the roster: %q", got)
	}
	person := roster.Person{ID: "ada", Name: "Ada", Roles: []string{"engineer"}}
	if err := people.Record(t.Context(), mei, person); err != nil {
		t.Fatal(err)
	}
	if got := owner(); got != "engineer" {
		t.Errorf("one role is held: %q", got)
	}
	for _, p := range []roster.Person{{ID: "ben", Name: "Ben", Roles: []string{"officer"}}, person} {
		if err := people.Record(t.Context(), mei, p); err != nil {
			t.Fatal(err)
		}
	}
	if got := owner(); got != "officer" {
		t.Errorf("both roles are held: %q", got)
	}
	duty := roster.Schedule{Role: "engineer", Zone: "UTC", Start: "2020-01-06 00:00", Rotations: []roster.Rotation{{Shift: "1w", People: []string{"ada"}}}}
	if err := people.Schedule(t.Context(), mei, duty); err != nil {
		t.Fatal(err)
	}
	if got := owner(); got != "engineer" {
		t.Errorf("one is on duty: %q", got)
	}
}
