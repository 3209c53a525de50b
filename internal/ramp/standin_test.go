package ramp

import (
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/posture"
	"holdfast/internal/procedure"
	"holdfast/internal/reconciliation"
	"holdfast/internal/standin"
)

// standIn has gates stand in for the incident, for four hours from now.
func (w *world) standIn() string {
	w.t.Helper()
	id := w.restrict(directive.Proposal{Kind: posture.StandIn, Scope: "all", StandIn: &directive.StandIn{
		Temporary: "small", Role: "commander", Longest: 4 * time.Hour, Profile: standin.Profile{
			ID: "small", SnapshotAge: time.Hour,
			Unplanned: &standin.Terms{Eligible: `kind == "payment"`, Limits: []standin.Limit{
				{Over: standin.EachPayment, Currency: "CNY", Amount: 20000}, {Over: standin.Whole, Currency: "CNY", Amount: 1000000},
			}},
			Forwarding: standin.Forwarding{Timeout: time.Second, Pause: time.Second, LongestPause: time.Minute, Attempts: 5, Expiry: 24 * time.Hour, Retention: time.Hour},
		},
	}})
	w.open(id, directive.Opening{Source: "s", Ends: now.Add(4 * time.Hour)})
	return id
}

func (w *world) open(id string, o directive.Opening) {
	d := w.directives.Directive(id)
	w.do(now, []journal.Draft{journal.NewDraft(holdfast.NewSubject("directive", id), d.Revision, directive.KindOpened, o)}, nil)
}

var backToStandIn = []procedure.Step{
	{Percent: 1, Hold: procedure.Duration(time.Minute), Sample: 50, Fall: procedure.FallStandIn},
	{Percent: 100, Sample: 50, Fall: procedure.FallStandIn},
}

// A step that fails falls back to the stand-in that the ramp took the place of: as
// approved, for what is left of its time, and closed until forwarding of it has stopped.
func TestFallsToStandIn(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, asks(backToStandIn...))
	first := w.standIn()
	w.do(now, []journal.Draft{journal.NewDraft(holdfast.NewSubject("directive", first), w.directives.Directive(first).Revision, directive.KindWithout, directive.Without{Gates: []string{"west"}, Reason: "its machine burnt"})}, nil)
	task, _ := w.in.OpenTask("reopen")
	fail := func(at time.Time) string {
		e := evidence(counted(0, 40, 0, 40))
		e.StandIn = standsInAgain(w.directives, w.in.RampOf("reopen"), at) != nil
		e.Overridden = !same(idsOf(w.directives.InForce(w.in.ID)), w.in.RampOf("reopen").Directives)
		j := Judge(w.in, task, e, at)
		drafts, err := Follow(w.hands(), w.in, task, j, at)
		w.do(at, drafts, err)
		return said(j)
	}
	w.to(1, now)
	if r := w.in.RampOf("reopen"); r.StandIn != first || r.StandsIn() || w.force() != "limit all 0.01" {
		t.Fatalf("the first step: %+v, in force %s", r, w.force())
	}
	later := now.Add(time.Hour)
	if got := fail(later); got != "step-back stand-in bad:success" {
		t.Fatalf("judged %s", got)
	}
	r := w.in.RampOf("reopen")
	again := w.directives.Directive(r.StandIn)
	if !r.StandsIn() || r.Step != 0 || again.ID == first || again.Waits() == false || again.StandIn.Longest != 3*time.Hour || again.StandIn.Profile.ID != "small" || w.force() != "stand-in all 0" {
		t.Fatalf("it fell to %+v, by %+v, in force %s", r, again, w.force())
	}
	if !slices.Equal(again.Without, []string{"west"}) {
		t.Errorf("it goes without %q", again.Without)
	}
	if told := w.directives.Set().Directives; told[0].Open || told[0].Incident != w.in.ID {
		t.Errorf("gates are told %+v", told[0])
	}
	// The way on is the same as before, and back as well, also from one that was never
	// opened.
	w.to(1, later)
	if got := fail(later.Add(time.Minute)); got != "step-back stand-in bad:success" || w.directives.Directive(w.in.RampOf("reopen").StandIn).StandIn.Longest != 3*time.Hour {
		t.Errorf("the second time: %s", got)
	}
	w.open(w.in.RampOf("reopen").StandIn, directive.Opening{Source: "s", Ends: later.Add(3 * time.Hour)})
	w.to(1, later)
	// S18: a stop of somebody else's is stronger, and stays.
	w.restrict(directive.Proposal{Kind: posture.Stop, Scope: "all"})
	if got := fail(later.Add(2 * time.Minute)); got != "stop stopped bad:success" || w.force() != "stop all" {
		t.Errorf("with a stop beside it: %s, in force %s", got, w.force())
	}
}

// Where there is no stand-in to fall to, payments are stopped.
func TestNoStandInToFallTo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		begin func(w *world)
		after time.Duration
		want  bool
	}{
		"approved, with time left":       {func(w *world) { w.standIn() }, time.Hour, true},
		"nobody ever stood in":           {func(w *world) { w.restrict(directive.Proposal{Kind: posture.Stop, Scope: "all"}) }, 0, false},
		"its time is over":               {func(w *world) { w.standIn() }, 4 * time.Hour, false},
		"it ended before the ramp began": {func(w *world) { w.end(w.standIn()) }, time.Minute, false},
		"it was lifted before that": {func(w *world) {
			id := w.standIn()
			w.restrict(directive.Proposal{Kind: posture.Stop, Scope: "all"})
			w.lift(id)
		}, 0, false},
		"another stands in by now":         {func(w *world) { w.standIn() }, -1, false},
		"a stop beside it does not matter": {func(w *world) { w.standIn(); w.restrict(directive.Proposal{Kind: posture.Stop, Scope: "all"}) }, time.Hour, true},
	} {
		w := newWorldOf(t, asks(backToStandIn...))
		tt.begin(w)
		w.to(1, now)
		if tt.after < 0 {
			w.standIn()
		}
		if got := standsInAgain(w.directives, w.in.RampOf("reopen"), now.Add(tt.after)) != nil; got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func (w *world) end(id string) {
	d := w.directives.Directive(id)
	w.do(now, directive.End(d, d.Opening.Ends), nil)
}

func (w *world) lift(id string) {
	drafts, err := directive.Lift(w.directives.Directive(id), 0, "it is over")
	w.do(now, drafts, err)
}

// told is what gates told of a directive: so much approved, and delivered of it.
func told(directive string, approved, delivered int64, heard int) reconciliation.Source {
	tally := func(n int64) standin.Tally { return standin.Tally{Count: n, Amount: 100 * n} }
	b := standin.Balance{Directive: directive, Currency: "CNY", Approved: tally(approved), Delivered: tally(delivered)}
	return reconciliation.Source{ID: "s", Shards: 4, Heard: heard, Accounts: []reconciliation.Account{{
		Directive: directive, Lines: []reconciliation.Line{{Balance: b, Holds: b.Holds()}},
	}}}
}

// givenUp is a source that two people said is gone for good.
func givenUp(s reconciliation.Source) reconciliation.Source {
	for i := range s.Accounts {
		s.Accounts[i].Lost = true
	}
	return s
}

// goneBack is a source that tells less than it told.
func goneBack(s reconciliation.Source) reconciliation.Source {
	s.Accounts[0].GoneBack = true
	return s
}

// The money outranks all: figures of stand-in that do not add up stop payments, whatever
// else is known and whichever directive they are of; those that are not complete let
// nobody judge.
func TestMoneyOutranksAll(t *testing.T) {
	t.Parallel()
	good := counted(990, 8, 2, 998)
	for _, tt := range []struct {
		name    string
		sources []reconciliation.Source
		want    string
	}{
		{"nobody stands in", nil, "advance"},
		{"it adds up", []reconciliation.Source{told("d1", 5, 5, 4)}, "advance"},
		{"it does not", []reconciliation.Source{told("d1", 5, 4, 4)}, "stop stopped unbalanced:d1"},
		{"it does not, and not all is told", []reconciliation.Source{told("d1", 5, 4, 3)}, "stop stopped unbalanced:d1"},
		{"one of another incident does not", []reconciliation.Source{told("d9", 5, 4, 4)}, "stop stopped unbalanced:d9"},
		{"not all is told", []reconciliation.Source{told("d1", 5, 5, 3)}, "no-verdict unaccounted:s"},
		{"not all is told, and the source was given up", []reconciliation.Source{givenUp(told("d1", 5, 5, 3))}, "advance"},
		{"its source has gone back", []reconciliation.Source{goneBack(told("d1", 5, 5, 4))}, "no-verdict unaccounted:s"},
		{"another's source has gone back", []reconciliation.Source{goneBack(told("d9", 5, 5, 4))}, "advance"},
		{"not all is told of another's", []reconciliation.Source{told("d9", 5, 5, 3)}, "advance"},
	} {
		w, task := climbed(t, asks(judged...), 2)
		e := evidence(good)
		b := audit(tt.sources, func(id string) bool { return id == "d1" })
		e.Unbalanced, e.Unaccounted = b.unbalanced, b.unaccounted
		if got := said(Judge(w.in, task, e, now.Add(time.Hour))); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	w, task := climbed(t, asks(judged...), 2)
	e := evidence(counted(0, 40, 0, 40))
	e.Unbalanced, e.Overridden = []string{"d1"}, true
	if got := said(Judge(w.in, task, e, now)); got != "stop stopped unbalanced:d1" {
		t.Errorf("with all else wrong: %s", got)
	}
}

// A step may ask for other shares than the ramp, and for tests besides; those have to
// pass before it.
func TestStepAsks(t *testing.T) {
	t.Parallel()
	steps := slices.Clone(judged)
	steps[1].Success, steps[1].Probes = 70, []string{"refund"}
	r := asks(steps...)
	r.Probes = []string{"health"}
	w := newWorldOf(t, r)
	w.restrict(directive.Proposal{Kind: posture.Stop, Scope: "all"})
	ran := func(probe string, passed bool, at time.Time) {
		t.Helper()
		drafts, err := incident.RampProbed(w.in, "reopen", incident.ProbeRan{Probe: probe, Passed: passed, Detail: "d"})
		w.do(at, drafts, err)
	}
	ran("health", true, now)
	w.to(1, now)
	later := now.Add(time.Minute)
	if err := w.refused(2, later); err == nil || !strings.Contains(err.Error(), "probe refund") {
		t.Errorf("step 2 without its test: %v", err)
	}
	ran("refund", true, later)
	w.to(2, later)
	task, _ := w.in.OpenTask("reopen")
	e := evidence(counted(800, 198, 2, 998))
	e.Times = func(string) int { return 1 }
	ran("health", true, later.Add(time.Minute))
	if got := said(Judge(w.in, task, e, later.Add(time.Minute))); got != "advance" {
		t.Errorf("80 %% where 70 are asked: %s", got)
	}
	ran("refund", false, later.Add(time.Minute))
	if got := said(Judge(w.in, task, e, later.Add(time.Minute))); got != "step-back previous probe:refund" {
		t.Errorf("its test fails: %s", got)
	}
	w.to(1, later.Add(2*time.Minute))
	if got := said(Judge(w.in, task, e, later.Add(3*time.Minute))); got != "stop stopped bad:success" {
		t.Errorf("80 %% on step 1, where 95 are asked: %s", got)
	}
}

// S20: a ramp is not closed out before the figures of the incident's stand-ins are signed.
func TestCloseOutAfterStandIn(t *testing.T) {
	t.Parallel()
	r := asks(backToStandIn...)
	r.Success, r.Unknown, r.Quick, r.Within = 0, 0, 0, 0
	w := newWorldOf(t, r)
	id := w.standIn()
	w.to(1, now)
	w.to(2, now.Add(time.Minute))
	for _, unsigned := range [][]string{{id}, nil} {
		h := w.hands()
		h.Unsigned = func(in string) []string {
			if in != w.in.ID {
				t.Errorf("asked about %s", in)
			}
			return unsigned
		}
		_, err := CloseOut(h, w.in, "reopen", "", 0, by, now.Add(time.Hour))
		if (err != nil) != (unsigned != nil) || err != nil && (holdfast.CodeOf(err) != holdfast.Conflict || !strings.Contains(err.Error(), id)) {
			t.Errorf("without a signature under %v: %v", unsigned, err)
		}
	}
}
