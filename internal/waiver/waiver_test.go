package waiver

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/draft"
	"holdfast/internal/journal"
	"holdfast/internal/journal/journaltest"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

var (
	now      = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	superior = holdfast.Actor{Kind: holdfast.Account, ID: "su", Name: "蘇"}
	author   = holdfast.Actor{Kind: holdfast.Account, ID: "ann", Name: "Ann"}
)

// world is the service with a plan, a roster of one, and a draft that Ann wrote.
type world struct {
	*Service
	desk   *journal.Desk
	drafts *draft.Service
	draft  string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	store := journal.NewMemory("test")
	n := Nouns{Waivers: NewBook(), Plans: plan.NewBook(), Drafts: draft.NewBook(), Roster: roster.NewBook()}
	state := journal.NewState(store, store.Genesis(), n.Waivers, n.Plans, n.Drafts, n.Roster)
	journaltest.Follow(t, state)
	w := &world{desk: &journal.Desk{Journal: store, State: state, Now: func() time.Time { return now }}}
	w.Service = &Service{Desk: w.desk, Nouns: n}
	w.drafts = &draft.Service{Desk: w.desk, Nouns: draft.Nouns{Drafts: n.Drafts, Plans: n.Plans, Roster: n.Roster}, Files: store}
	src, err := os.ReadFile("../plan/testdata/small.yaml")
	if err == nil {
		_, err = (&plan.Service{Desk: w.desk, Book: n.Plans}).Publish(t.Context(), superior, src, "")
	}
	if err == nil {
		err = roster.New(w.desk, n.Roster).Record(t.Context(), superior, roster.Person{ID: "lin", Name: "林", Department: "technology"})
	}
	if err == nil {
		w.draft, err = w.drafts.Begin(t.Context(), author, "yearly", src)
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func good() Form {
	return Form{Rule: "L101", Path: "team", Owner: "lin", Reason: "The third department joins in December.", Expires: now.AddDate(0, 1, 0)}
}

func field(err error) string {
	var e *holdfast.Error
	if errors.As(err, &e) {
		return e.Field
	}
	return ""
}

func TestGrant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, test := range map[string]struct {
		change func(*Form)
		code   holdfast.Code
		path   string
	}{
		"no such plan":       {func(f *Form) { f.Plan = "other" }, holdfast.NotFound, "plan"},
		"no such rule":       {func(f *Form) { f.Rule = "L999" }, holdfast.Invalid, "rule"},
		"a rule of waivers":  {func(f *Form) { f.Rule = "L520" }, holdfast.Invalid, "rule"},
		"two lines of path":  {func(f *Form) { f.Path = "a\nb" }, holdfast.Invalid, "path"},
		"nobody":             {func(f *Form) { f.Owner = "" }, holdfast.Invalid, "owner"},
		"a stranger":         {func(f *Form) { f.Owner = "zoe" }, holdfast.Invalid, "owner"},
		"no reason":          {func(f *Form) { f.Reason = "  because   " }, holdfast.Invalid, "reason"},
		"too long a reason":  {func(f *Form) { f.Reason = strings.Repeat("字", maxReason+1) }, holdfast.Invalid, "reason"},
		"no end":             {func(f *Form) { f.Expires = time.Time{} }, holdfast.Invalid, "expires"},
		"an end now":         {func(f *Form) { f.Expires = now }, holdfast.Invalid, "expires"},
		"more than a year":   {func(f *Form) { f.Expires = now.Add(Longest + time.Second) }, holdfast.Invalid, "expires"},
		"exactly that year":  {func(f *Form) { f.Path, f.Expires = "a", now.Add(Longest) }, "", ""},
		"a month":            {func(*Form) {}, "", ""},
		"everywhere as well": {func(f *Form) { f.Path = "" }, "", ""},
	} {
		f := good()
		test.change(&f)
		_, err := w.Grant(t.Context(), superior, f)
		if got := holdfast.CodeOf(err); err != nil && (got != test.code || field(err) != test.path) || err == nil && test.code != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.Grant(t.Context(), superior, good()); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("the same again: %v", err)
	}
	if _, err := w.Grant(t.Context(), author, Form{Rule: "L102", Path: "x", Owner: "lin", Reason: "My own text is fine.", Expires: now.AddDate(0, 1, 0)}); holdfast.CodeOf(err) != holdfast.Forbidden {
		t.Errorf("an author waives what is wrong in his draft: %v", err)
	}
}

// What an author granted before he wrote counts for other texts, not for his.
func TestForLeavesOutItsAuthors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.drafts.Withdraw(t.Context(), author, w.draft, "begin anew"); err != nil {
		t.Fatal(err)
	}
	id, err := w.Grant(t.Context(), author, good())
	if err != nil {
		t.Fatal(err)
	}
	isAuthor := func(by holdfast.Actor) bool { return by.SameParty(author) }
	look := func() (all, others, elsewhere int) {
		w.desk.State.View(func() {
			b := w.Nouns.Waivers
			all, others, elsewhere = len(b.For(b.waivers[id].Plan, nil)), len(b.For(b.waivers[id].Plan, isAuthor)), len(b.For("other", nil))
		})
		return all, others, elsewhere
	}
	if all, others, elsewhere := look(); all != 1 || others != 0 || elsewhere != 0 {
		t.Errorf("%d for the plan, %d for the author's draft, %d for another plan", all, others, elsewhere)
	}
	if err := w.Revoke(t.Context(), superior, id, "short"); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("revoked without a reason: %v", err)
	}
	if err := w.Revoke(t.Context(), superior, id, "They have joined."); err != nil {
		t.Fatal(err)
	}
	if err := w.Revoke(t.Context(), superior, id, "They have joined."); err != nil {
		t.Errorf("told again: %v", err)
	}
	if all, _, _ := look(); all != 0 {
		t.Error("a revoked waiver still counts")
	}
	if err := w.Revoke(t.Context(), superior, "w9", "There is none."); holdfast.CodeOf(err) != holdfast.NotFound {
		t.Errorf("one that is not there: %v", err)
	}
	w.desk.State.View(func() {
		got := w.Nouns.Waivers.All()
		if len(got) != 1 || got[0].State(now) != Revoked || got[0].Revoked.By != superior {
			t.Errorf("%+v", got)
		}
	})
	if _, err := w.Grant(t.Context(), superior, good()); err != nil {
		t.Errorf("after it was revoked: %v", err)
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	w := &Waiver{Form: good()}
	for at, want := range map[time.Time]State{now: Active, w.Expires.Add(-1): Active, w.Expires: Expired} {
		if got := w.State(at); got != want {
			t.Errorf("at %s: %s, not %s", at, got, want)
		}
	}
}
