package status

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
)

func all(s State) map[string]State {
	return map[string]State{"app": s, "card": s, "qr": s, "transfer": s}
}

func with(base map[string]State, id string, s State) map[string]State {
	base = maps.Clone(base)
	base[id] = s
	return base
}

// What Holdfast itself does not know is never shown as well.
func TestDoubts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		happens func(*world)
		want    map[string]State
		doubt   Doubt
	}{
		"nothing":                     {func(*world) {}, all(Operational), ""},
		"a suspected outage":          {func(w *world) { w.suspect(holdfast.Level1, false) }, all(Unknown), Untold},
		"suspected, level not known":  {func(w *world) { w.suspect(holdfast.Unknown, false) }, all(Unknown), Untold},
		"suspected, users untouched":  {func(w *world) { w.suspect(holdfast.Level3, false) }, all(Operational), ""},
		"confirmed as partial":        {func(w *world) { w.confirm(w.suspect(holdfast.Level3, false), holdfast.Level2) }, all(Unknown), Untold},
		"confirmed, users untouched":  {func(w *world) { w.confirm(w.suspect(holdfast.Level1, false), holdfast.Level3) }, all(Operational), ""},
		"a drill":                     {func(w *world) { w.confirm(w.suspect(holdfast.Level1, true), holdfast.Level1) }, all(Operational), ""},
		"a drill's stop":              {func(w *world) { w.direct(posture.Stop, "all", w.suspect(holdfast.Level1, true)) }, all(Operational), ""},
		"everything stopped":          {func(w *world) { w.direct(posture.Stop, "all", "") }, all(Unknown), Directed},
		"one channel stopped":         {func(w *world) { w.direct(posture.Stop, `channel == "card"`, "") }, with(all(Operational), "card", Unknown), Directed},
		"part of a channel limited":   {func(w *world) { w.direct(posture.Limit, `channel == "qr" && amount > 500`, "") }, with(all(Operational), "qr", Unknown), Directed},
		"a method, whatever channel":  {func(w *world) { w.direct(posture.Stop, `method == "wallet"`, "") }, all(Unknown), Directed},
		"a stop that was lifted":      {func(w *world) { w.must(w.dirs.Lift(w.t.Context(), mei, w.direct(posture.Stop, "all", ""), 0, "over")) }, all(Operational), ""},
		"a gate is silent":            {func(w *world) { w.silence(noon, true) }, all(Unknown), Silent},
		"a gate was silent":           {func(w *world) { w.silence(noon, true); w.clock.Set(noon.Add(time.Minute)); w.silence(noon, false) }, all(Operational), ""},
		"a journal that was restored": {func(w *world) { w.Nouns.Unsettled = func() bool { return true } }, all(Unknown), Restored},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			test.happens(w)
			if got := w.shown(); !maps.Equal(got, test.want) {
				t.Errorf("shown %v, want %v", got, test.want)
			}
			w.Desk.State.View(func() {
				doubts := map[Doubt]bool{}
				for _, c := range w.Nouns.Components(noon) {
					if d := w.Nouns.Doubt(c); d != "" {
						doubts[d] = true
					}
				}
				if (test.doubt != "") != doubts[test.doubt] || len(doubts) > 1 {
					t.Errorf("doubts %v, want %q", doubts, test.doubt)
				}
			})
		})
	}
}

func TestWithoutGateOrPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must((&enrolment.Service{Desk: w.Desk, Book: w.Nouns.Gates}).Retire(t.Context(), mei, "east-secret", "the machine is gone"))
	if got := w.shown(); !maps.Equal(got, all(Unknown)) {
		t.Errorf("without a gate: %v", got)
	}
	empty := Nouns{Book: NewBook(), Plans: newWorld(t).Nouns.Plans}
	if p := empty.Page("Bank", rhythm, noon.AddDate(-1, 0, 0)); p.State != Unknown || len(p.Components) != 0 {
		t.Errorf("before there was a plan: %+v", p)
	}
}

// A level-1 outage from the first text to the last, in the words that write
// themselves.
func TestOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	on := w.suspect(holdfast.Level1, false)
	w.confirm(on, holdfast.Level1)
	stop := w.direct(posture.Stop, "all", on)

	first := w.fill(on, "")
	if first.Stage != Investigating || len(first.States) != 4 || first.States[0].State != Stopped || first.Title.En != "Payments are suspended" {
		t.Fatalf("the first text is %+v", first)
	}
	id, err := w.Begin(t.Context(), mei, Interruption, on, first)
	w.must(err)
	if got := w.page(); len(got.Open) != 0 || len(got.History) != 0 || got.State != Unknown {
		t.Errorf("a text that waits changes the page: %+v", got)
	}
	w.code("his own", w.Publish(t.Context(), mei, id, 1), holdfast.Forbidden)
	w.code("another text", w.Publish(t.Context(), bo, id, 2), holdfast.Conflict)
	_, err = w.Begin(t.Context(), bo, Interruption, on, first)
	w.code("a second bulletin on it", err, holdfast.Conflict)
	w.must(w.Publish(t.Context(), bo, id, 1))
	if got := w.shown(); !maps.Equal(got, all(Stopped)) {
		t.Errorf("published: %v", got)
	}
	w.code("nothing waits", w.Publish(t.Context(), bo, id, 1), holdfast.Conflict)

	w.clock.Set(noon.Add(time.Hour))
	w.code("well under a stop", w.Write(t.Context(), mei, id, w.next(id, Resolved)), holdfast.Conflict)
	w.must(w.dirs.Lift(t.Context(), mei, stop, 0, "repaired"))
	w.announce(id, text(Monitoring, Limited, "app"))
	if got := w.shown(); !maps.Equal(got, with(all(Operational), "app", Limited)) {
		t.Errorf("coming back: %v", got)
	}
	w.clock.Set(noon.Add(2 * time.Hour))
	last := w.next(id, Resolved)
	if len(last.States) != 4 || last.Title.En != "Words" || slices.ContainsFunc(last.States, func(s Said) bool { return s.State != Operational }) {
		t.Errorf("the last text is %+v", last)
	}
	w.announce(id, last)
	p := w.page()
	if p.State != Operational || len(p.Open) != 0 || len(p.Recent) != 1 || len(p.Recent[0].Entries) != 3 || p.Recent[0].Entries[0].Stage != Resolved {
		t.Errorf("over: %+v", p)
	}
	w.code("after its end", w.Write(t.Context(), mei, id, text(Monitoring, Limited, "app")), holdfast.Conflict)
	wrong := text(Resolved, Operational, "app")
	wrong.Corrects = 3
	w.announce(id, wrong)
	entries := w.page().Recent[0].Entries
	if entries[0].Corrects != 3 || !entries[1].Corrected || entries[2].Corrected {
		t.Errorf("corrected: %+v", entries)
	}
	w.clock.Set(noon.AddDate(0, 0, 9))
	if p := w.page(); len(p.Recent) != 0 || len(p.History) != 1 {
		t.Errorf("nine days later %d recent, %d in the history", len(p.Recent), len(p.History))
	}
}

// What was published of an incident says nothing of it once it is opened again.
func TestReopened(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	on := w.suspect(holdfast.Level1, false)
	id, err := w.Begin(t.Context(), mei, Interruption, on, w.fill(on, Investigating))
	w.must(err)
	w.publish(id)
	w.announce(id, w.next(id, Resolved))
	if got := w.shown(); !maps.Equal(got, all(Operational)) {
		t.Errorf("resolved: %v", got)
	}
	w.write(func() ([]journal.Draft, error) { return incident.Dismiss(w.Nouns.Incidents.Incident(on), "over") })
	w.write(func() ([]journal.Draft, error) {
		return incident.Reopen(w.Nouns.Incidents.Incident(on), "", "it is back")
	})
	if got := w.shown(); !maps.Equal(got, all(Unknown)) {
		t.Errorf("opened again: %v", got)
	}
	if _, err = w.Begin(t.Context(), mei, Interruption, on, w.fill(on, Investigating)); err != nil {
		t.Errorf("another bulletin: %v", err)
	}
}

// A stop after a text was written keeps it from being published as good news; one
// after it was published turns it into a doubt.
func TestGoodNewsGrowsOld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, err := w.Begin(t.Context(), mei, Interruption, "", text(Monitoring, Operational, "app"))
	w.must(err)
	stop := w.direct(posture.Stop, "all", "")
	w.code("after the stop", w.Publish(t.Context(), bo, id, 1), holdfast.Conflict)
	w.must(w.dirs.Lift(t.Context(), mei, stop, 0, "over"))
	w.publish(id)
	if got := w.shown()["app"]; got != Operational {
		t.Errorf("published: %s", got)
	}
	w.direct(posture.Stop, "all", "")
	if got := w.shown()["app"]; got != Unknown {
		t.Errorf("under a later stop: %s", got)
	}
}

func TestMaintenance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := text(Scheduled, Maintenance, "card", "qr")
	c.From, c.Until = noon.Add(time.Hour), noon.Add(3*time.Hour)
	id, err := w.Begin(t.Context(), mei, Planned, "", c)
	w.must(err)
	w.publish(id)
	under := with(with(all(Operational), "card", Maintenance), "qr", Maintenance)
	for after, want := range map[time.Duration]map[string]State{
		0: all(Operational), 64 * time.Minute: under, 179 * time.Minute: under, 4 * time.Hour: with(with(all(Operational), "card", Unknown), "qr", Unknown),
	} {
		w.clock.Set(noon.Add(after))
		if got := w.shown(); !maps.Equal(got, want) {
			t.Errorf("after %s: %v, want %v", after, got, want)
		}
		if p := w.page(); (len(p.Ahead) == 1) != (after == 0) || (len(p.Open) == 1) != (after > 0) {
			t.Errorf("after %s: %d ahead, %d open", after, len(p.Ahead), len(p.Open))
		}
	}
	w.announce(id, w.next(id, Completed))
	if got := w.shown(); !maps.Equal(got, all(Operational)) {
		t.Errorf("completed: %v", got)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	drill, on := w.suspect(holdfast.Level1, true), w.suspect(holdfast.Level1, false)
	gone := w.suspect(holdfast.Level2, false)
	w.write(func() ([]journal.Draft, error) {
		return incident.Dismiss(w.Nouns.Incidents.Incident(gone), "nothing")
	})
	planned := text(Scheduled, Maintenance, "app")
	past := planned
	past.From, past.Until = noon.Add(-2*time.Hour), noon.Add(-time.Hour)
	far := planned
	far.From, far.Until = noon, noon.AddDate(2, 0, 0)
	change := func(do func(*Content)) Content {
		c := text(Investigating, Limited, "app")
		do(&c)
		return c
	}
	for name, test := range map[string]struct {
		kind Kind
		on   string
		c    Content
		want holdfast.Code
	}{
		"no kind":            {"rumour", "", text(Investigating, Limited, "app"), holdfast.Invalid},
		"no incident":        {Interruption, "2026-99", text(Investigating, Limited, "app"), holdfast.NotFound},
		"a drill":            {Interruption, drill, text(Investigating, Limited, "app"), holdfast.Conflict},
		"dismissed":          {Interruption, gone, text(Investigating, Limited, "app"), holdfast.Conflict},
		"a stage of others":  {Interruption, on, text(Scheduled, Limited, "app"), holdfast.Invalid},
		"no component":       {Interruption, on, text(Investigating, Limited), holdfast.Invalid},
		"unknown component":  {Interruption, on, text(Investigating, Limited, "atm"), holdfast.Invalid},
		"a component twice":  {Interruption, on, text(Investigating, Limited, "app", "app"), holdfast.Invalid},
		"no state":           {Interruption, on, text(Investigating, "fine", "app"), holdfast.Invalid},
		"over and limited":   {Interruption, on, text(Resolved, Limited, "app"), holdfast.Invalid},
		"corrects nothing":   {Interruption, on, change(func(c *Content) { c.Corrects = 1 }), holdfast.Invalid},
		"a language missing": {Interruption, on, change(func(c *Content) { c.Text.ZhHans = " " }), holdfast.Invalid},
		"a long title":       {Interruption, on, change(func(c *Content) { c.Title.En = strings.Repeat("a", 121) }), holdfast.TooLarge},
		"a title of lines":   {Interruption, on, change(func(c *Content) { c.Title.En = "a\nb" }), holdfast.Invalid},
		"a control":          {Interruption, on, change(func(c *Content) { c.Text.En = "a\x00b" }), holdfast.Invalid},
		"its incident":       {Interruption, on, change(func(c *Content) { c.Text.En = "see " + on }), holdfast.Invalid},
		"no time":            {Planned, "", planned, holdfast.Invalid},
		"in the past":        {Planned, "", past, holdfast.Invalid},
		"in two years":       {Planned, "", far, holdfast.Invalid},
	} {
		_, err := w.Begin(t.Context(), mei, test.kind, test.on, test.c)
		w.code(name, err, test.want)
	}
	w.code("no bulletin", w.Write(t.Context(), mei, "1", text(Investigating, Limited, "app")), holdfast.NotFound)
	id, err := w.Begin(t.Context(), mei, Interruption, on, change(func(c *Content) { c.Text.En = "on 2026-11-26, card 4111 1111 1111 1111" }))
	w.must(err)
	w.Desk.State.View(func() {
		if got := w.Nouns.Book.Bulletin(id).Draft.Text.En; strings.Contains(got, "1111 1111") {
			t.Errorf("a card number is kept: %q", got)
		}
	})
	w.code("no reason", w.Drop(t.Context(), mei, id, 1, " "), holdfast.Invalid)
	w.must(w.Drop(t.Context(), mei, id, 1, "not yet"))
	w.code("dropped", w.Publish(t.Context(), bo, id, 1), holdfast.Conflict)
	if _, err := w.Begin(t.Context(), mei, Interruption, on, text(Investigating, Limited, "app")); err != nil {
		t.Errorf("after the first was dropped: %v", err)
	}
}

// The page is one of its facts and the beat alone, and holds nothing that is inside.
func TestPageIsSealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	on := w.suspect(holdfast.Level1, false)
	w.confirm(on, holdfast.Level1)
	stop := w.direct(posture.Stop, `payer == "acct_secret"`, on)
	w.silence(noon, true)
	id, err := w.Begin(t.Context(), mei, Interruption, on, w.fill(on, Identified))
	w.must(err)
	w.publish(id)
	w.clock.Set(noon.Add(61 * time.Second))
	if p := w.page(); !p.Written.Equal(noon) {
		t.Errorf("written %s, with an entry of %s", p.Written, noon)
	}
	one, err := json.Marshal(w.page())
	w.must(err)
	w.clock.Set(noon.Add(2 * time.Minute))
	other, err := json.Marshal(w.page())
	w.must(err)
	if string(one) != string(other) {
		t.Errorf("within one beat:\n%s\n%s", one, other)
	}
	w.clock.Set(noon.Add(5 * time.Minute))
	if p := w.page(); p.Written != noon.Truncate(5*time.Minute).Add(5*time.Minute) || p.Stale.Sub(p.Written) != rhythm.Stale {
		t.Errorf("written %s, stale %s", p.Written, p.Stale)
	}
	if names(string(one), on) {
		t.Errorf("the page names the incident: %s", one)
	}
	for _, inside := range []string{`"` + stop + `"`, "ACME", "database", "梅", "mei", "Bo Sec", "secret", "east", "wrong amounts", "level", "acct"} {
		if strings.Contains(string(one), inside) {
			t.Errorf("the page says %q: %s", inside, one)
		}
	}
}

// Every text that writes itself is complete in three languages and can be published
// as it is.
func TestEveryTextWritesItself(t *testing.T) {
	t.Parallel()
	for _, level := range []holdfast.Level{holdfast.Level1, holdfast.Level2, holdfast.Level3} {
		w := newWorld(t)
		on := w.suspect(holdfast.Unknown, false)
		w.confirm(on, level)
		id, err := w.Begin(t.Context(), mei, Interruption, on, w.fill(on, Investigating))
		w.must(err)
		w.publish(id)
		for _, stage := range Interruption.Stages()[1:] {
			w.announce(id, w.next(id, stage))
		}
		if p := w.page(); len(p.Recent) != 1 || len(p.Recent[0].Entries) != 4 || p.State != Operational {
			t.Errorf("level %s: %+v", level, p)
		}
	}
	w := newWorld(t)
	c := text(Scheduled, Maintenance, "app")
	c.From, c.Until = noon.Add(time.Hour), noon.Add(2*time.Hour)
	id, err := w.Begin(t.Context(), mei, Planned, "", c)
	w.must(err)
	w.publish(id)
	for _, stage := range []Stage{InProgress, Cancelled} {
		w.announce(id, w.next(id, stage))
	}
}

// A stand-in stops payments until it is open, and limits them from then on.
func TestStandInIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	profile := standin.Profile{
		ID: "small", SnapshotAge: time.Hour, Unplanned: &standin.Terms{Eligible: "true"},
		Forwarding: standin.Forwarding{Timeout: time.Second, Pause: time.Second, LongestPause: time.Second, Attempts: 1, Expiry: time.Hour, Retention: time.Hour},
	}
	id, err := w.dirs.Propose(t.Context(), mei, directive.Proposal{Kind: posture.StandIn, Scope: "all", Reason: "down", StandIn: &directive.StandIn{Profile: profile}}, true)
	w.must(err)
	effect := func() (s State) {
		w.Desk.State.View(func() { s = w.Nouns.effect(plan.Component{Scope: "all"}) })
		return s
	}
	if got := effect(); got != Stopped {
		t.Errorf("not open it is %s", got)
	}
	w.write(func() ([]journal.Draft, error) {
		return enrolment.Acknowledge(w.Nouns.Gates.Gate("east-secret"), enrolment.Acknowledged{Boot: "one", Posture: w.Nouns.Directives.Head(), Listed: true, At: noon}, w.Nouns.Directives.Had)
	})
	w.must(w.dirs.Confirm(t.Context(), mei, id, false))
	w.must(w.dirs.Open(t.Context(), mei, id, map[string]string{"one": "source"}))
	if got := effect(); got != Limited {
		t.Errorf("open it is %s", got)
	}
}
