package gate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

func TestLocalStops(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := start(t, options(dir))
	enforce(t, g, set(10))
	admit(t, g, "in flight")
	all, ack, err := g.StopLocally("all", time.Minute)
	if err != nil || !ack.Listed || identities(ack.InFlight) != "in flight" || ack.Drain != time.Minute {
		t.Fatalf("%s, %+v, %v", all, ack, err)
	}
	qr, _, err := g.StopLocally(`channel == "qr"`, -1)
	if err != nil || qr == all {
		t.Fatalf("%s, %v", qr, err)
	}
	if v := g.Decide(pay("p"), Static); v.Directive != all || v.Reason != posture.Stopped {
		t.Errorf("%+v", v)
	}
	if local := g.heartbeat(1).Local; len(local) != 2 || local[1].Drain != defaultDrain {
		t.Errorf("the heartbeat shows %+v", local)
	}
	// Neither a posture nor a restart lifts them.
	enforce(t, g, set(11))
	if reasonOf(g, Static) != posture.Stopped {
		t.Error("a posture lifted a local stop")
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	g = start(t, options(dir))
	if reasonOf(g, Static) != posture.Stopped || len(g.Status().Local) != 2 {
		t.Errorf("after a restart: %+v", g.Status())
	}
	// Lifting one leaves the other, lifting none is an error, and a directive is
	// not lifted at all.
	enforce(t, g, set(12, stopOf("d7", `amount > 5000`)))
	if err := g.LiftLocally(all); err != nil {
		t.Fatal(err)
	}
	one := pay("p")
	one.Channel = "qr"
	if reasonOf(g, Static) != posture.None || g.Decide(one, Static).Directive != qr {
		t.Errorf("%+v", g.Status())
	}
	for _, id := range []string{all, "d7", "local-"} {
		if err := g.LiftLocally(id); holdfast.CodeOf(err) != holdfast.NotFound || !strings.Contains(err.Error(), id) {
			t.Errorf("lifting %q: %v", id, err)
		}
	}
	if err := g.LiftLocally(""); err != nil {
		t.Fatal(err)
	}
	if err := g.LiftLocally(""); holdfast.CodeOf(err) != holdfast.NotFound {
		t.Errorf("lifting nothing: %v", err)
	}
	large := pay("p")
	large.Amount = 6000
	if g.Decide(large, Static).Directive != "d7" {
		t.Error("lifting the local stops lifted a directive")
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if g = start(t, options(dir)); len(g.Status().Local) != 0 {
		t.Errorf("lifted stops came back: %+v", g.Status().Local)
	}
}

func TestHazardQ_ALocalStopWorksInEveryState(t *testing.T) {
	t.Parallel()
	g := start(t, options(t.TempDir())) // no posture
	id, _, err := g.StopLocally("all", 0)
	if err != nil {
		t.Fatal(err)
	}
	if reasonOf(g, Static) != posture.NoPosture {
		t.Errorf("%v", reasonOf(g, Static))
	}
	enforce(t, g, set(10))
	if reasonOf(g, Static) != posture.Stopped {
		t.Error("the first posture opened a gate that was stopped by hand")
	}
	if _, err := g.Enforce(set(11, posture.Directive{ID: "d", Kind: "mask", Scope: "all"})); err == nil {
		t.Fatal("compiled")
	}
	if _, _, err := g.StopLocally(`channel == "qr"`, 0); err != nil {
		t.Errorf("under a posture that cannot be compiled: %v", err)
	}
	enforce(t, g, set(12))
	if err := g.LiftLocally(id); err != nil || len(g.Status().Local) != 1 {
		t.Errorf("%v, %+v", err, g.Status().Local)
	}
	if reasonOf(g, Static) != posture.None {
		t.Errorf("%v", reasonOf(g, Static))
	}
	if _, _, err := g.StopLocally("amount >", 0); err == nil || len(g.Status().Local) != 1 {
		t.Errorf("a scope that is none: %v, %+v", err, g.Status().Local)
	}
}

// What was stopped by hand must not come back by a bad disk.
func TestADamagedLocalFileStopsEverything(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"empty":       "",
		"no JSON":     "{",
		"no hash":     `{"stops":[]}`,
		"changed":     "", // filled in below
		"of another":  `{"sum":"` + strings.Repeat("0", 64) + `","stops":null}`,
		"a directory": "",
	} {
		dir := t.TempDir()
		g := start(t, options(dir))
		enforce(t, g, set(10))
		if _, _, err := g.StopLocally(`channel == "qr"`, 0); err != nil {
			t.Fatal(err)
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "local")
		switch name {
		case "changed":
			change(t, path, func(b []byte) { copy(b[strings.Index(string(b), "qr"):], "zz") })
		case "a directory":
			remove(t, path)
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		default:
			write(t, path, []byte(content))
		}
		g = start(t, options(dir))
		s := g.Status()
		if v := g.Decide(pay("p"), Static); v.Reason != posture.Stopped || v.Directive != everything.ID || s.Alarm == "" {
			t.Errorf("%s: %+v, alarm %q", name, v, s.Alarm)
		}
		enforce(t, g, set(11))
		if s := g.Status(); s.Alarm == "" {
			t.Errorf("%s: a posture ended the alarm about the local stops", name)
		}
		if name == "a directory" {
			if err := g.LiftLocally(""); err == nil || reasonOf(g, Static) != posture.Stopped {
				t.Errorf("lifted in memory, not on disk: %v", err)
			}
			continue
		}
		if err := g.LiftLocally(everything.ID); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if s := g.Status(); s.Alarm != "" || reasonOf(g, Static) != posture.None {
			t.Errorf("%s: after the lift %+v", name, s)
		}
	}
}

// A local stop that cannot be written is in force all the same, and said not to
// be on disk.
func TestALocalStopThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := start(t, options(dir))
	enforce(t, g, set(10))
	if err := os.MkdirAll(filepath.Join(dir, "local", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	id, _, err := g.StopLocally("all", 0)
	if id == "" || err == nil || !strings.Contains(err.Error(), "not on disk") {
		t.Errorf("%q, %v", id, err)
	}
	if reasonOf(g, Static) != posture.Stopped {
		t.Error("it is not in force")
	}
}

func TestHazardU_Pending(t *testing.T) {
	t.Parallel()
	g, c := openGate(t)
	check := func(when, identity string, want bool) {
		t.Helper()
		if got := g.Pending(identity); got != want {
			t.Errorf("%s: %s pending %v, want %v", when, identity, got, want)
		}
	}
	check("never seen", "k", false)
	first := admit(t, g, "k")
	check("in flight", "k", true)
	check("another", "k2", false)
	enforce(t, g, set(11, stopOf("d", "all")))
	if _, v := g.Admit(pay("k"), Static); v.Reason != posture.Stopped {
		t.Fatalf("%+v", v)
	}
	check("its retry was declined by a stop", "k", true)
	first.Finish(payment.Unknown, "no answer")
	check("unknown", "k", true)

	enforce(t, g, set(12))
	c.move(time.Second)
	again := admit(t, g, "k")
	again.Finish(payment.NotDone, "a repeat is refused")
	check("not done says nothing about the attempt before", "k", true)
	c.move(time.Second)
	third, fourth := admit(t, g, "k"), admit(t, g, "k")
	third.Finish(payment.Done, "")
	check("one is done, another in flight", "k", true)
	fourth.Finish(payment.NotDone, "")
	check("done", "k", false)
	if n := g.outcomes.count(); n != 0 {
		t.Errorf("%d are open", n)
	}
	for i := range g.open.parts {
		if len(g.open.parts[i].m) != 0 {
			t.Errorf("still kept: %v", g.open.parts[i].m)
		}
	}
}
