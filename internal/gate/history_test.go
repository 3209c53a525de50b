package gate

import (
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// foreign is the set of a journal that is not the one the gate follows.
func foreign(at holdfast.Position, directives ...posture.Directive) posture.Set {
	s := set(at, directives...)
	s.Head.Journal = "other"
	return s
}

func TestHazardD_HeadsOfAnotherHistoryAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*holdfast.Head)
		ok     bool
	}{
		"the same":                        {func(*holdfast.Head) {}, true},
		"newer":                           {func(h *holdfast.Head) { *h = headAt(31, 31) }, true},
		"another journal":                 {func(h *holdfast.Head) { h.Journal = "other" }, false},
		"an older epoch":                  {func(h *holdfast.Head) { h.Epoch = 0 }, false},
		"a newer epoch":                   {func(h *holdfast.Head) { h.Epoch = 2 }, false},
		"another hash there":              {func(h *holdfast.Head) { h.Hash = holdfast.Hash{9} }, false},
		"newer in another journal":        {func(h *holdfast.Head) { *h = headAt(31, 31); h.Journal = "other" }, false},
		"where the last beat knew none":   {func(h *holdfast.Head) { *h = headAt(15, 15) }, false},
		"at the journal's last known end": {func(h *holdfast.Head) { *h = headAt(30, 9) }, false},
	} {
		g, _ := openGate(t)
		// At 30 the journal's newest posture was the one at 10.
		if err := g.takeBeat(g.opt.Clock.Boot(), g.witness, Beat{Journal: headAt(30, 30), Posture: headAt(10, 10), Lease: time.Minute}); err != nil {
			t.Fatal(err)
		}
		s := set(10)
		test.change(&s.Head)
		s.Directives = []posture.Directive{stopOf("theirs", "all")}
		if s.Head == headAt(10, 10) {
			s.Directives = nil
		}
		ack, err := g.Enforce(s)
		st := g.Status()
		if test.ok {
			if err != nil || ack == nil || st.Alarm != "" {
				t.Errorf("%s: %+v, %v, alarm %q", name, ack, err, st.Alarm)
			}
			continue
		}
		if ack != nil || holdfast.CodeOf(err) != holdfast.Conflict || st.Alarm == "" || st.LeaseLeft != 0 {
			t.Errorf("%s: %+v, %v, alarm %q, lease %v", name, ack, err, st.Alarm, st.LeaseLeft)
		}
		if reasonOf(g, Static) != posture.Stopped {
			t.Errorf("%s: the other history's stop is not in force", name)
		}
	}
}

func TestHazardD_BeatsOfAnotherHistoryGiveNoLease(t *testing.T) {
	t.Parallel()
	good := Beat{Journal: headAt(30, 30), Posture: headAt(20, 20), Lease: time.Minute}
	for name, test := range map[string]struct {
		change func(*Beat)
		ok     bool
	}{
		"good":                          {func(*Beat) {}, true},
		"no fact since":                 {func(b *Beat) { b.Journal = headAt(20, 20) }, true},
		"another journal":               {func(b *Beat) { b.Journal.Journal = "other" }, false},
		"another epoch":                 {func(b *Beat) { b.Journal.Epoch++ }, false},
		"a cut tail":                    {func(b *Beat) { b.Journal = headAt(19, 19); b.Posture = headAt(10, 10) }, false},
		"another fact at the witness":   {func(b *Beat) { b.Journal = headAt(20, 9) }, false},
		"no posture where there is one": {func(b *Beat) { b.Posture = headAt(10, 10) }, false},
		"another posture at its place":  {func(b *Beat) { b.Posture.Hash = holdfast.Hash{9} }, false},
	} {
		g, _ := openGate(t)
		enforce(t, g, set(20))
		beat(t, g, 20, time.Hour)
		b := good
		test.change(&b)
		err := g.takeBeat(g.opt.Clock.Boot(), g.witness, b)
		st := g.Status()
		if test.ok && (err != nil || st.LeaseLeft != time.Hour || st.Alarm != "") {
			t.Errorf("%s: %v, %+v", name, err, st)
		}
		if !test.ok && (holdfast.CodeOf(err) != holdfast.Conflict || st.LeaseLeft != 0 || st.Alarm == "") {
			t.Errorf("%s: %v, lease %v, alarm %q", name, err, st.LeaseLeft, st.Alarm)
		}
	}
}

// A posture that is pushed while a beat is under way makes the beat's head older
// than what the gate has seen by then. That is no loss of facts.
func TestABeatOvertakenByAPostureIsNoAlarm(t *testing.T) {
	t.Parallel()
	g, c := openGate(t)
	sent, t0 := g.heartbeat(1).Witness, c.Boot()
	enforce(t, g, set(12, stopOf("d", `channel == "qr"`)))
	if err := g.takeBeat(t0, sent, Beat{Journal: headAt(11, 11), Posture: headAt(10, 10), Lease: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if s := g.Status(); s.Alarm != "" || s.LeaseLeft != time.Minute {
		t.Errorf("%+v", s)
	}
	if w := g.heartbeat(2).Witness; w.Position != 12 {
		t.Errorf("the witness went back to %v", w)
	}
}

// The restrictions of two histories stay in force, over restarts and over new
// postures of the first, until a person has decided.
func TestHazardD_BothHistoriesHoldUntilAPersonDecides(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := start(t, options(dir))
	enforce(t, g, set(10, stopOf("d1", `channel == "qr"`)))
	flying := admit(t, g, "in flight")
	defer flying.Finish(payment.Done, "")
	if _, err := g.Enforce(foreign(5, stopOf("d1", `channel == "app"`))); err == nil {
		t.Fatal("taken")
	}
	qr := pay("q")
	qr.Channel = "qr"
	both := func(when string, g *Gate) {
		t.Helper()
		if g.Decide(pay("p"), Static).Reason != posture.Stopped {
			t.Errorf("%s: the other history's stop is gone", when)
		}
		if s := g.Status(); s.Alarm == "" || len(s.Directives) < 1 {
			t.Errorf("%s: %+v", when, s)
		}
	}
	both("at once", g)
	if g.Decide(qr, Static).Reason != posture.Stopped {
		t.Error("its own stop is gone")
	}
	enforce(t, g, set(11))
	both("after a new posture", g)
	beat(t, g, 11, time.Minute)
	both("after a beat", g)
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	g = start(t, options(dir))
	both("after a restart", g)
	enforce(t, g, set(12))
	both("after the first posture of a run", g)
	if g.Decide(qr, Static).Reason != posture.None {
		t.Error("what its own history lifted is still stopped")
	}

	if err := g.Accept(); err != nil {
		t.Fatal(err)
	}
	if g.Decide(pay("p"), Static).Reason != posture.Stopped || g.Status().Alarm != "" {
		t.Errorf("accepting lifts what is in force, or the alarm stays: %+v", g.Status())
	}
	ack := enforce(t, g, foreign(6, stopOf("d1", `channel == "app"`)))
	if !ack.Listed {
		t.Error("the accepted history has no list")
	}
	enforce(t, g, foreign(7))
	if g.Decide(pay("p"), Static).Reason != posture.None {
		t.Error("the accepted history cannot lift")
	}
	if _, err := g.Enforce(set(13)); err == nil {
		t.Error("the former history is followed on")
	}
}

// An accepted history lists what was in flight before the stop came, not what
// was admitted beside it since.
func TestAnAcceptedHistoryListsFromWhenItsStopCame(t *testing.T) {
	t.Parallel()
	g, _ := openGate(t)
	admit(t, g, "before")
	if _, err := g.Enforce(foreign(5, stopOf("d1", `channel == "qr"`))); err == nil {
		t.Fatal("taken")
	}
	admit(t, g, "beside")
	if err := g.Accept(); err != nil {
		t.Fatal(err)
	}
	if ack := enforce(t, g, foreign(5, stopOf("d1", `channel == "qr"`))); identities(ack.InFlight) != "before" {
		t.Errorf("listed %q", identities(ack.InFlight))
	}
}

// A person who accepts a gate that was given an old file does not open it by
// that file.
func TestAcceptPutsADamagedFileAside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := start(t, options(dir))
	enforce(t, g, set(11, stopOf("d", "all")))
	if err := g.saveWitness(); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	save(t, g.path("posture"), set(10))
	g = start(t, options(dir))
	if err := g.Accept(); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	g = start(t, options(dir))
	if reasonOf(g, Static) != posture.NoPosture {
		t.Error("the old file opened the gate")
	}
	if old, err := posture.Load(g.path("posture.refused")); err != nil || old.Head.Position != 10 {
		t.Errorf("the file is not kept: %+v, %v", old, err)
	}
	enforce(t, g, foreign(3))
}
