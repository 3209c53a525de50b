package authority

import (
	"context"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

var (
	noon  = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	admin = account("root")
)

func account(id string) holdfast.Actor {
	return holdfast.Actor{Kind: holdfast.Account, ID: id, Name: id}
}

// world is the built-in plan with people who have accounts of their own names.
type world struct {
	*Service
	t     *testing.T
	now   time.Time
	plans *plan.Service
	staff *roster.Service
}

func newWorld(t *testing.T, change func(text string) string) *world {
	t.Helper()
	store := journal.NewMemory("test")
	n := Nouns{Book: NewBook(), Plans: plan.NewBook(), Roster: roster.NewBook(), Incidents: incident.NewBook()}
	state := journal.NewState(store, store.Genesis(), n.Book, n.Plans, n.Roster, n.Incidents)
	w := &world{t: t, now: noon}
	store.Now = func() time.Time { return w.now }
	desk := &journal.Desk{Journal: store, State: state, Now: store.Now}
	w.Service = &Service{Desk: desk, Nouns: n, Log: slog.New(slog.DiscardHandler)}
	w.plans, w.staff = &plan.Service{Desk: desk, Book: n.Plans}, roster.New(desk, n.Roster)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = state.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	text := string(plan.Builtin())
	if change != nil {
		text = change(text)
	}
	_, err := w.plans.Publish(t.Context(), admin, []byte(text), "")
	w.must(err)
	for id, roles := range map[string][]string{
		"duty": {"duty-officer"}, "commander": {"commander"}, "chief": {"superior"}, "other": {"superior"}, "lead": {"operations-lead"}, "clerk": {"recorder"}, "stranger": nil,
	} {
		w.must(w.staff.Record(t.Context(), admin, roster.Person{ID: id, Name: id, Account: id, Roles: roles}))
	}
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

// may says what an account may: "alone", "second" or "".
func (w *world) may(account string, wish Wish) string {
	list := w.Nouns.May(account, wish, w.now)
	if _, alone := Alone(list); alone {
		return "alone"
	}
	if len(list) > 0 {
		return "second"
	}
	return ""
}

func TestMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s string) string {
		return strings.Replace(s, "- { directives: [limit], level: 2 }", "- { directives: [limit], level: 2, scope: 'channel == \"qr\"' }", 1)
	})
	for _, tt := range []struct {
		account, kind, scope string
		level                holdfast.Level
		want                 string
	}{
		{"duty", Stop, "all", 1, "alone"},
		{"duty", Stop, "all", 2, ""},
		{"duty", Stop, "all", holdfast.Unknown, "alone"}, // a stop never waits for a level to be judged
		{"duty", Limit, "all", 1, ""},
		{"duty", Lift, "all", 1, ""},
		{"commander", Stop, `channel == "qr"`, 3, "alone"},
		{"commander", Lift, "all", 3, "second"},
		{"chief", Lift, "all", 3, "second"},
		{"lead", Limit, `channel == "qr"`, 2, "second"},
		{"lead", Limit, `channel == "qr" and amount > 100`, 2, "second"},
		{"lead", Limit, `channel == "app"`, 2, ""},
		{"lead", Limit, "all", 2, ""},
		{"lead", Limit, `channel == "qr"`, 3, ""},
		{"clerk", Stop, "all", 1, ""},
		{"stranger", Stop, "all", 1, ""},
		{"", Stop, "all", 1, ""},
		{"nobody", Stop, "all", 1, ""},
	} {
		if got := w.may(tt.account, Wish{Kind: tt.kind, Scope: tt.scope, Level: tt.level}); got != tt.want {
			t.Errorf("%s, %s of %s at level %s: %q, not %q", tt.account, tt.kind, tt.scope, tt.level, got, tt.want)
		}
	}
	if w.Nouns.Named("mask", "", w.now) || !w.Nouns.Named(Lift, "", w.now) {
		t.Error("who is named")
	}
	var names []string
	for _, p := range w.Nouns.Deciders(Wish{Kind: Lift, Scope: "all", Level: 3, ProposedBy: "commander"}, w.now) {
		names = append(names, p.ID)
	}
	if slices.Sort(names); !reflect.DeepEqual(names, []string{"chief", "other"}) {
		t.Errorf("may consent to the commander's lift: %v", names)
	}
}

func TestDelegation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	lift := Wish{Kind: Lift, Scope: "all", Level: 1}
	day := Given{To: "clerk", Until: noon.Add(24 * time.Hour), Reason: "on leave"}
	give := func(by string, g Given, others bool) (string, error) {
		return w.Delegate(w.t.Context(), account(by), g, others)
	}
	for name, tt := range map[string]struct {
		by     string
		change func(*Given)
		code   holdfast.Code
	}{
		"another's":     {"clerk", func(g *Given) { g.From = "commander"; g.To = "clerk" }, holdfast.Forbidden},
		"to oneself":    {"commander", func(g *Given) { g.To = "commander" }, holdfast.Invalid},
		"to nobody":     {"commander", func(g *Given) { g.To = "nobody" }, holdfast.Invalid},
		"a role unheld": {"commander", func(g *Given) { g.Roles = []string{"superior"} }, holdfast.Invalid},
		"no roles":      {"stranger", func(*Given) {}, holdfast.Invalid},
		"no reason":     {"commander", func(g *Given) { g.Reason = " " }, holdfast.Invalid},
		"over already":  {"commander", func(g *Given) { g.Until = noon }, holdfast.Invalid},
		"too long":      {"commander", func(g *Given) { g.Until = noon.Add(MaxDelegation + time.Second) }, holdfast.Invalid},
	} {
		g := day
		tt.change(&g)
		_, err := give(tt.by, g, false)
		w.code(name, err, tt.code)
	}
	if w.may("clerk", lift) != "" {
		t.Fatal("the clerk may lift before anything was delegated")
	}
	id, err := give("commander", day, false)
	w.must(err)
	grounds := w.Nouns.May("clerk", lift, w.now)
	if len(grounds) != 1 || grounds[0].For != "commander" || grounds[0].Alone {
		t.Errorf("the clerk may lift by %+v", grounds)
	}
	// Nobody gives himself a second pair of eyes.
	own := lift
	own.ProposedBy = "commander"
	if w.may("clerk", own) != "" {
		t.Error("the clerk consents for the commander to what the commander proposes")
	}
	// It is not delegated on.
	_, err = give("clerk", Given{To: "stranger", Until: noon.Add(time.Hour), Reason: "on leave too"}, false)
	w.must(err)
	if w.may("stranger", lift) != "" {
		t.Error("a delegation was delegated on")
	}
	w.code("ended by a stranger", w.EndDelegation(t.Context(), account("lead"), id, "why not", false), holdfast.Forbidden)
	w.must(w.EndDelegation(t.Context(), account("commander"), id, "back again", false))
	w.must(w.EndDelegation(t.Context(), account("commander"), id, "back again", false)) // again
	if w.may("clerk", lift) != "" {
		t.Error("an ended delegation counts")
	}
	later := day
	later.Since, later.From = noon.Add(time.Hour), "commander"
	_, err = give("root", later, true)
	w.must(err)
	for at, want := range map[time.Duration]string{0: "", time.Hour: "second", 24*time.Hour - 1: "second", 24 * time.Hour: ""} {
		w.now = noon.Add(at)
		if got := w.may("clerk", lift); got != want {
			t.Errorf("%v on: %q, not %q", at, got, want)
		}
	}
	w.now = noon.Add(2 * time.Hour)
	w.must(w.staff.Leave(t.Context(), admin, "commander", "retired"))
	if w.may("clerk", lift) != "" {
		t.Error("who has left delegates still")
	}
}

func TestGlass(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ctx := t.Context()
	limit := Wish{Kind: Limit, Scope: "all", Level: 3}
	_, err := w.BreakGlass(ctx, account("stranger"), "it burns", "")
	w.code("not on duty", err, holdfast.Forbidden)
	_, err = w.BreakGlass(ctx, account("duty"), "x", "")
	w.code("without a reason", err, holdfast.Invalid)
	_, err = w.BreakGlass(ctx, account("duty"), "the commander does not answer", "2026-9")
	w.code("for an incident that there is not", err, holdfast.Invalid)
	in := w.incident(holdfast.Level3)
	id, err := w.BreakGlass(ctx, account("duty"), "the commander does not answer", in)
	w.must(err)
	_, err = w.BreakGlass(ctx, account("duty"), "and again", "")
	w.code("twice", err, holdfast.Conflict)
	if w.may("duty", limit) != "alone" || w.may("duty", Wish{Kind: Lift, Scope: "all", Level: 3}) != "" || w.may("lead", limit) != "" {
		t.Error("the glass gives what it must not, or not what it must")
	}
	approving := limit
	approving.ProposedBy = "commander"
	if w.may("duty", approving) != "" {
		t.Error("the glass makes a second pair of eyes")
	}
	g := w.Nouns.Book.Glass(id)
	if !g.Until.Equal(noon.Add(30*time.Minute)) || !g.AnswerBy.Equal(noon.Add(24*time.Hour)) || g.Superior != "superior" || g.Incident != in || g.Revision != 1 {
		t.Errorf("its terms are %+v", g.Broken)
	}
	w.now = noon.Add(30 * time.Minute)
	if w.may("duty", limit) != "" {
		t.Error("it outlives its time")
	}

	w.code("judged by himself", w.Judge(ctx, account("duty"), id, true, "I was right"), holdfast.Forbidden)
	w.code("judged by the commander", w.Judge(ctx, account("commander"), id, true, "he was right"), holdfast.Forbidden)
	w.now = noon.Add(24*time.Hour + time.Second)
	for range 2 {
		_, err = w.Desk.Do(ctx, admin, func(now time.Time) ([]journal.Draft, error) { return w.Nouns.overdue(now), nil })
		w.must(err)
	}
	if !w.Nouns.Book.Glass(id).Overdue || len(w.Nouns.overdue(w.now)) != 0 {
		t.Error("what is overdue is not stated once")
	}
	w.must(w.Judge(ctx, account("chief"), id, false, "the deputy would have answered"))
	w.code("judged twice", w.Judge(ctx, account("other"), id, true, "it was right"), holdfast.Conflict)
	if j := w.Nouns.Book.Glass(id).Judged; j == nil || j.Right || !j.Late || j.By.ID != "chief" {
		t.Errorf("the judgement is %+v", j)
	}

	id, err = w.BreakGlass(ctx, account("duty"), "once more", "")
	w.must(err)
	w.code("ended by another", w.EndGlass(ctx, account("lead"), id, "enough of it"), holdfast.Forbidden)
	w.must(w.EndGlass(ctx, account("chief"), id, "enough of it"))
	if w.may("duty", limit) != "" {
		t.Error("it outlives its end")
	}
	// Who is judged gives nobody the role to judge him by.
	w.must(w.staff.Record(ctx, admin, roster.Person{ID: "duty", Name: "duty", Account: "duty", Roles: []string{"duty-officer", "superior"}}))
	_, err = w.Delegate(ctx, account("duty"), Given{To: "clerk", Until: w.now.Add(time.Hour), Reason: "judge me"}, false)
	w.must(err)
	w.code("judged through his own delegation", w.Judge(ctx, account("clerk"), id, true, "he was right"), holdfast.Forbidden)
}

// incident opens one and confirms it under the plan in force.
func (w *world) incident(level holdfast.Level) (id string) {
	w.t.Helper()
	for _, step := range []func() ([]journal.Draft, error){
		func() (drafts []journal.Draft, err error) {
			id, drafts, err = incident.Suspect(w.Nouns.Incidents, incident.SuspectedFact{Title: "slow"}, w.now)
			return drafts, err
		},
		func() ([]journal.Draft, error) {
			rev, _ := w.Nouns.Plans.Current("", w.now)
			flow, _ := rev.Plan().Procedure(level)
			return incident.Confirm(w.Nouns.Incidents.Incident(id), level, incident.PlanRef{ID: rev.ID, Revision: rev.Number, Hash: rev.Hash}, flow, "")
		},
	} {
		_, err := w.Desk.Do(w.t.Context(), admin, func(time.Time) ([]journal.Draft, error) { return step() })
		w.must(err)
	}
	return id
}

// A plan published in mid-incident changes nothing of who decides on that incident,
// nor the terms of breaking the glass for it; outside it, it rules at once.
func TestAnIncidentIsRuledByTheRevisionItRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	id := w.incident(holdfast.Level2)
	duty := "- { directives: [limit], level: 2 }"
	text := string(plan.Builtin())
	if !strings.Contains(text, duty) || !strings.Contains(text, "lasts: 30m") {
		t.Fatal("the built-in plan reads another way")
	}
	text = strings.Replace(text, duty, "- { directives: [lift], level: 3, alone: true }", 1)
	text = strings.Replace(text, "lasts: 30m", "lasts: 45m", 1)
	_, err := w.Desk.Do(t.Context(), admin, func(now time.Time) ([]journal.Draft, error) {
		_, drafts, err := plan.PublishApproved(w.Nouns.Plans, w.Nouns.Plans.Plans()[0], []byte(text), "", plan.Approved{}, now)
		return drafts, err
	})
	w.must(err)
	later := w.incident(holdfast.Level2)
	for _, tt := range []struct{ kind, incident, want string }{
		{Limit, id, "second"}, {Limit, "", ""}, {Limit, later, ""},
		{Lift, id, ""}, {Lift, "", "alone"}, {Lift, later, "alone"},
	} {
		if got := w.may("lead", w.Nouns.Wish(tt.kind, "all", tt.incident, "")); got != tt.want {
			t.Errorf("%s for incident %q: %q, not %q", tt.kind, tt.incident, got, tt.want)
		}
	}
	for in, lasts := range map[string]time.Duration{id: 30 * time.Minute, later: 45 * time.Minute} {
		glass, err := w.BreakGlass(t.Context(), account("duty"), "nobody answers", in)
		w.must(err)
		if g := w.Nouns.Book.Glass(glass); g.Until.Sub(g.At) != lasts {
			t.Errorf("the glass for %s lasts %s", in, g.Until.Sub(g.At))
		}
		w.must(w.EndGlass(t.Context(), account("duty"), glass, "that was all"))
	}
}

// Deputies answer what nobody answered for as long as the plan says, and nobody else
// does: not the proposer's own, not for a wish of one's own, not in another role.
func TestDeputiesAnswerWhenNobodyDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s string) string {
		return strings.Replace(s, "governance:\n", "governance:\n  deputies_after: 5m\n", 1)
	})
	for id, deputies := range map[string][]roster.Deputy{
		"chief":     {{Person: "clerk", Role: "superior"}},
		"commander": {{Person: "stranger"}},
		"other":     {{Person: "lead", Role: "recorder"}}, // not of the role that has the authority
	} {
		p, _ := w.Nouns.Roster.Person(id)
		if id == "other" {
			p.Roles = append(p.Roles, "recorder")
		}
		p.Deputies = deputies
		w.must(w.staff.Record(t.Context(), admin, p))
	}
	wish := Wish{Kind: Lift, Scope: "all", Level: 2, ProposedBy: "commander", Since: noon}
	fresh := Wish{Kind: Lift, Scope: "all", Level: 2}
	for after, want := range map[time.Duration]string{0: "", 5*time.Minute - 1: "", 5 * time.Minute: "second"} {
		w.now = noon.Add(after)
		if got := w.may("clerk", wish); got != want {
			t.Errorf("the deputy after %s: %q, not %q", after, got, want)
		}
		for _, account := range []string{"stranger", "lead", "duty"} {
			if got := w.may(account, wish); got != "" {
				t.Errorf("%s may answer after %s: %q", account, after, got)
			}
		}
		if w.may("chief", wish) != "second" || w.may("clerk", fresh) != "" {
			t.Error("a deputy takes authority away, or has it for what he proposes")
		}
	}
	w.now = noon.Add(5 * time.Minute)
	if g := w.Nouns.May("clerk", wish, w.now); len(g) != 1 || !g[0].Deputy || g[0].For != "chief" {
		t.Errorf("the deputy may by %+v", g)
	}
}

func TestNoTermsNoGlass(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s string) string {
		i, j := strings.Index(s, "  break_glass:"), strings.Index(s, "\ndepartments:")
		return s[:i] + s[j:]
	})
	_, err := w.BreakGlass(t.Context(), account("duty"), "it burns", "")
	w.code("without terms", err, holdfast.Forbidden)
}

// Whoever is on duty by a schedule may break the glass, and nobody else then.
func TestGlassByDuty(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.must(w.staff.Schedule(t.Context(), admin, roster.Schedule{Role: "commander", Zone: "UTC", Start: "2026-01-01 00:00", Rotations: []roster.Rotation{{People: []string{"commander"}, Shift: "24h"}}}))
	_, err := w.BreakGlass(t.Context(), account("duty"), "it burns", "")
	w.code("off duty", err, holdfast.Forbidden)
	_, err = w.BreakGlass(t.Context(), account("commander"), "it burns", "")
	w.must(err)
}

// Whatever is delegated and ended, in whatever order: a person may lift only while
// he holds a role with that authority, or somebody who does has delegated it to him.
func TestDelegationsGiveNoMore(t *testing.T) {
	t.Parallel()
	people := []string{"duty", "commander", "chief", "clerk", "stranger"}
	holds := map[string]bool{"commander": true, "chief": true}
	w := newWorld(t, nil)
	rapid.Check(t, func(r *rapid.T) {
		n, now := w.Nouns, noon
		n.Book = NewBook()
		fold := func(drafts []journal.Draft) {
			for _, d := range drafts {
				w.must(n.Book.Apply(holdfast.Fact{Subject: d.Subject, Revision: d.Expect + 1, Kind: d.Kind, Body: d.Body, Time: now}))
			}
		}
		type given struct {
			id, from, to string
			until        time.Time
		}
		var open []given
		for range rapid.IntRange(1, 20).Draw(r, "steps") {
			switch rapid.IntRange(0, 2).Draw(r, "step") {
			case 0:
				g := given{from: rapid.SampledFrom(people).Draw(r, "from"), to: rapid.SampledFrom(people).Draw(r, "to")}
				g.until = now.Add(time.Duration(rapid.IntRange(1, 5).Draw(r, "hours")) * time.Hour)
				id, drafts, err := n.delegate(account(g.from), Given{To: g.to, Until: g.until, Reason: "at random"}, false, now)
				if fold(drafts); err == nil {
					g.id = id
					open = append(open, g)
				}
			case 1:
				now = now.Add(time.Hour)
			case 2:
				if len(open) > 0 {
					i := rapid.IntRange(0, len(open)-1).Draw(r, "which")
					drafts, err := n.endDelegation(account(open[i].to), open[i].id, "at random", false, now)
					w.must(err)
					fold(drafts)
					open = slices.Delete(open, i, i+1)
				}
			}
			for _, p := range people {
				want := holds[p] || slices.ContainsFunc(open, func(g given) bool { return g.to == p && holds[g.from] && now.Before(g.until) })
				if got := len(n.May(p, Wish{Kind: Lift, Scope: "all", Level: 3}, now)) > 0; got != want {
					r.Fatalf("%s may lift: %t, not %t, with %+v", p, got, want, open)
				}
			}
		}
	})
}
