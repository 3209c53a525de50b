package gate

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

func TestEnforceListsWhatIsInFlight(t *testing.T) {
	t.Parallel()
	g, c := openGate(t)
	done, open := admit(t, g, "done"), admit(t, g, "open")
	done.Finish(payment.Done, "")
	c.move(time.Second)
	admit(t, g, "later")
	ack := enforce(t, g, set(11, stopOf("d1", "all")))
	if !ack.Listed || identities(ack.InFlight) != "open later" || ack.Drain != 10*time.Second || !ack.At.Equal(g.opt.Clock.Now()) {
		t.Errorf("%+v", ack)
	}
	if r := ack.InFlight[0]; r != (payment.Record{Identity: "open", Route: "pay", Kind: "payment", Amount: 1299, Currency: "CNY", Posture: 10, At: wall}) {
		t.Errorf("listed as %+v", r)
	}
	open.Finish(payment.Done, "")
	// The same again, a lift and a limit bring no stop: there is nothing to list.
	for _, s := range []posture.Set{
		set(11, stopOf("d1", "all")),
		set(12, stopOf("d1", "all"), posture.Directive{ID: "d2", Kind: posture.Limit, Scope: "all", Share: 1}),
		set(13),
	} {
		if ack := enforce(t, g, s); ack.Listed || ack.InFlight != nil {
			t.Errorf("position %d: %+v", s.Head.Position, ack)
		}
	}
	// A stop that names no time drains for the usual time; of two the longer counts.
	quick := stopOf("d3", "all")
	quick.Drain = 0
	if ack := enforce(t, g, set(14, quick)); ack.Drain != defaultDrain || identities(ack.InFlight) != "later" {
		t.Errorf("%+v", ack)
	}
	long := stopOf("d5", "all")
	long.Drain = time.Minute
	if ack := enforce(t, g, set(15, quick, stopOf("d4", "all"), long)); ack.Drain != time.Minute {
		t.Errorf("%+v", ack)
	}
}

// Messages come late and twice: an older posture changes nothing and is not
// acknowledged.
func TestAnOlderPostureIsNotTaken(t *testing.T) {
	t.Parallel()
	g, _ := openGate(t)
	enforce(t, g, set(12, stopOf("d", "all")))
	if ack, err := g.Enforce(set(11)); ack != nil || err != nil {
		t.Errorf("%+v, %v", ack, err)
	}
	if g.Status().Posture.Position != 12 || reasonOf(g, Static) != posture.Stopped {
		t.Errorf("%+v", g.Status())
	}
}

// What this gate cannot compile it does not acknowledge; it declines, holds no
// lease, says so, and does the same after a restart, until a posture comes that
// it knows.
func TestHazardR_WhatCannotBeCompiledIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := start(t, options(dir))
	enforce(t, g, set(10))
	beat(t, g, 10, time.Hour)
	odd := set(11, posture.Directive{ID: "d9", Kind: "mask", Scope: `channel == "none"`})
	if ack, err := g.Enforce(odd); ack != nil || err == nil || !strings.Contains(err.Error(), "d9") {
		t.Errorf("%+v, %v", ack, err)
	}
	check := func(when string, g *Gate) {
		t.Helper()
		s := g.Status()
		if !s.Closed || s.LeaseLeft != 0 || !strings.Contains(s.Alarm, "mask") || s.Posture.Position != 11 {
			t.Errorf("%s: %+v", when, s)
		}
		if reasonOf(g, Static) != posture.NoPosture || reasonOf(g, Strict) != posture.NoPosture {
			t.Errorf("%s: payments pass", when)
		}
	}
	check("at once", g)
	beat(t, g, 11, time.Hour)
	check("after a beat", g)
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	g = start(t, options(dir))
	check("after a restart", g)
	enforce(t, g, set(12))
	if s := g.Status(); s.Closed || s.Alarm != "" || reasonOf(g, Static) != posture.None {
		t.Errorf("after one it knows: %+v", s)
	}
}

func TestHazardO_WhatIsOnDiskAtTheStart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		harm   func(t *testing.T, path string)
		alone  bool
		reason posture.Reason
		alarm  string
	}{
		"whole":            {func(*testing.T, string) {}, false, posture.Stopped, ""},
		"whole, alone":     {func(*testing.T, string) {}, true, posture.Stopped, ""},
		"missing":          {remove, false, posture.NoPosture, ""},
		"missing, alone":   {remove, true, posture.NoPosture, ""},
		"empty":            {func(t *testing.T, p string) { write(t, p, nil) }, false, posture.NoPosture, "damaged"},
		"garbage, alone":   {func(t *testing.T, p string) { write(t, p, []byte("holdfast-posture/1 \n{}")) }, true, posture.NoPosture, "damaged"},
		"one bit flipped":  {func(t *testing.T, p string) { change(t, p, func(b []byte) { b[150] ^= 1 }) }, false, posture.NoPosture, "damaged"},
		"an old one":       {func(t *testing.T, p string) { save(t, p, set(10)) }, false, posture.NoPosture, "position 11"},
		"an old one, kept": {func(t *testing.T, p string) { save(t, p, set(10, stopOf("old", "all"))) }, true, posture.NoPosture, "position 11"},
		"a newer one":      {func(t *testing.T, p string) { save(t, p, set(12)) }, false, posture.None, ""},
	} {
		t.Run(name, func(t *testing.T) {
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
			test.harm(t, filepath.Join(dir, "posture"))
			o := options(dir)
			o.Alone = test.alone
			g = start(t, o)
			if got := reasonOf(g, Static); got != test.reason || !strings.Contains(g.Status().Alarm, test.alarm) || (test.alarm == "") != (g.Status().Alarm == "") {
				t.Errorf("%q, alarm %q", got, g.Status().Alarm)
			}
			// What is older than what was enforced does not open it either.
			if test.reason == posture.NoPosture {
				if ack, err := g.Enforce(set(9)); ack != nil || err != nil || reasonOf(g, Static) != posture.NoPosture {
					t.Errorf("an older posture: %+v, %v", ack, err)
				}
				enforce(t, g, set(12))
				if s := g.Status(); s.Alarm != "" || reasonOf(g, Static) != posture.None {
					t.Errorf("after the control plane sent it anew: %+v", s)
				}
			}
		})
	}
}

func remove(t *testing.T, path string) {
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func change(t *testing.T, path string, f func([]byte)) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f(content)
	write(t, path, content)
}

func save(t *testing.T, path string, s posture.Set) {
	t.Helper()
	if err := posture.Save(path, s); err != nil {
		t.Fatal(err)
	}
}

func TestAFirstStart(t *testing.T) {
	t.Parallel()
	if g := start(t, options(t.TempDir())); reasonOf(g, Static) != posture.NoPosture || !g.Status().Closed {
		t.Error("a gate that never had a posture lets payments pass")
	}
	o := options(filepath.Join(t.TempDir(), "made", "for it"))
	o.Alone = true
	g := start(t, o)
	if reasonOf(g, Static) != posture.None || g.Status().Closed {
		t.Error("a gate without a control plane does not start open")
	}
	if reasonOf(g, Strict) != posture.NoLease {
		t.Error("a strict route passes without a lease")
	}
}

// Until a posture is on disk it is in force but not acknowledged, and gives no
// lease; then what was in flight when it came is what is listed.
func TestHazardO_NotAcknowledgedBeforeItIsOnDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := start(t, options(dir))
	enforce(t, g, set(10))
	beat(t, g, 10, time.Hour)
	finish := admit(t, g, "in flight")
	path := filepath.Join(dir, "posture")
	remove(t, path)
	if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if ack, err := g.Enforce(set(11, stopOf("d", "all"))); ack != nil || err == nil || !strings.Contains(err.Error(), "not on disk") {
		t.Errorf("%+v, %v", ack, err)
	}
	if reasonOf(g, Static) != posture.Stopped || g.Status().Alarm == "" {
		t.Errorf("the stop is not in force: %+v", g.Status())
	}
	beat(t, g, 11, time.Hour)
	if s := g.Status(); s.LeaseLeft != 0 || len(g.outbox.acks) != 0 {
		t.Errorf("lease %v, acknowledgements %+v", s.LeaseLeft, g.outbox.acks)
	}
	if err := g.saveAgain(); err == nil {
		t.Error("saved over a directory")
	}
	finish.Finish(payment.Done, "")
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if err := g.saveAgain(); err != nil {
		t.Fatal(err)
	}
	if acks := g.outbox.acks; len(acks) != 1 || acks[0].Posture.Position != 11 || identities(acks[0].InFlight) != "in flight" {
		t.Errorf("acknowledged %+v", acks)
	}
	if d := g.drained(); len(d) != 1 || d[0].Done != 1 {
		t.Errorf("drained %+v", d)
	}
	if s := g.Status(); s.Alarm != "" {
		t.Errorf("the alarm stays: %s", s.Alarm)
	}
	beat(t, g, 11, time.Hour)
	if s := g.Status(); s.LeaseLeft != time.Hour {
		t.Errorf("lease %v", s.LeaseLeft)
	}
	if got, err := posture.Load(path); err != nil || got.Head.Position != 11 {
		t.Errorf("on disk %+v, %v", got, err)
	}
}

// A gate that was killed under a stop, or before it came, tells with its first
// acknowledgement what its former process had in flight.
func TestARestartedGateListsWhatWasLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := start(t, options(dir))
	enforce(t, g, set(10))
	admit(t, g, "left")
	settled := admit(t, g, "settled")
	if err := g.Close(); err != nil { // as a kill: the two are still in flight
		t.Fatal(err)
	}
	_ = settled

	g = start(t, options(dir))
	if _, err := g.outcomes.settle(g.left[1], payment.Done, "inquiry", wall); err != nil {
		t.Fatal(err)
	}
	ack := enforce(t, g, set(11, stopOf("d", "all")))
	if !ack.Listed || identities(ack.InFlight) != "left" {
		t.Errorf("%+v", ack)
	}
	if d := g.drained(); len(d) != 1 || identities(d[0].Unknown) != "left" || d[0].Done+d[0].NotDone != 0 {
		t.Errorf("%+v", d)
	}
	if ack := enforce(t, g, set(12, stopOf("d2", "all"))); !ack.Listed || len(ack.InFlight) != 0 {
		t.Errorf("listed again: %+v", ack)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}

	// After a restart under the stop the list is made again, and it is empty.
	g = start(t, options(dir))
	if ack := enforce(t, g, set(12, stopOf("d2", "all"))); !ack.Listed || len(ack.InFlight) != 0 {
		t.Errorf("after a restart under the stop: %+v", ack)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	held := t.TempDir()
	start(t, options(held))
	damaged := t.TempDir()
	write(t, filepath.Join(damaged, "identity"), []byte("{"))
	unreadable := t.TempDir()
	others := t.TempDir()
	if err := errors.Join(posture.SaveSlots(filepath.Join(unreadable, "identity"), identityMagic, []byte("{")),
		posture.SaveSlots(filepath.Join(others, "identity"), identityMagic, []byte(`{"name":"west"}`))); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(*Options)
		want   holdfast.Code
	}{
		"no name":           {func(o *Options) { o.Name = "" }, holdfast.Invalid},
		"a bad name":        {func(o *Options) { o.Name = "East 1" }, holdfast.Invalid},
		"a long route":      {func(o *Options) { o.Routes = []Route{{Name: strings.Repeat("r", 49)}} }, holdfast.Invalid},
		"a directory held":  {func(o *Options) { o.Dir = held }, holdfast.Conflict},
		"another's":         {func(o *Options) { o.Dir = others }, holdfast.Invalid},
		"a damaged name":    {func(o *Options) { o.Dir = damaged }, holdfast.Damaged},
		"another content":   {func(o *Options) { o.Dir = unreadable }, holdfast.Damaged},
		"a file in the way": {func(o *Options) { o.Dir = filepath.Join(damaged, "identity") }, holdfast.Internal},
	} {
		o := options(t.TempDir())
		test.change(&o)
		g, err := New(o)
		if holdfast.CodeOf(err) != test.want {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
		if g != nil {
			t.Errorf("%s: opened", name)
			g.Close()
		}
	}
	// What a refused start had opened is released.
	remove(t, filepath.Join(damaged, "identity"))
	start(t, options(damaged))
}

func TestChangedTellsOfEachChange(t *testing.T) {
	t.Parallel()
	g, _ := openGate(t)
	told := func(what string, act func()) {
		t.Helper()
		changed := g.Changed()
		act()
		select {
		case <-changed:
		default:
			t.Errorf("%s is not told", what)
		}
	}
	var id string
	told("a posture", func() { enforce(t, g, set(11)) })
	told("a local stop", func() { id, _, _ = g.StopLocally("all", 0) })
	told("a lift", func() { _ = g.LiftLocally(id) })
	told("an alarm", func() { _, _ = g.Enforce(set(12, posture.Directive{ID: "d", Kind: "mask", Scope: "all"})) })
	told("another history", func() { s := set(13); s.Head.Journal = "other"; _, _ = g.Enforce(s) })
	told("an accepted history", func() { _ = g.Accept() })
	changed := g.Changed()
	beat(t, g, 11, time.Minute)
	select {
	case <-changed:
		t.Error("a beat is told as a change")
	default:
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	g, c := openGate(t)
	beat(t, g, 10, 30*time.Second)
	c.move(10 * time.Second)
	admit(t, g, "a")
	admit(t, g, "b").Finish(payment.Unknown, "no answer")
	id, _, err := g.StopLocally(`channel == "qr"`, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := Status{
		Gate: "east", Boot: g.Boot(), Posture: headAt(10, 10), Directives: []posture.Directive{},
		Local:     []posture.Directive{{ID: id, Kind: posture.Stop, Scope: `channel == "qr"`, Drain: defaultDrain}},
		LeaseLeft: 20 * time.Second, InFlight: 1, Unresolved: 1, Routes: allRoutes(),
	}
	got := g.Status()
	if len(got.Directives) == 0 {
		got.Directives = want.Directives
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant\n%+v", got, want)
	}
	if g.Name() != "east" || len(g.Boot()) < 16 {
		t.Errorf("%s, %s", g.Name(), g.Boot())
	}
}

// A gate that was stopped under an earlier version starts under the same stop,
// and tells the control plane which run it follows; the files of the first form
// are gone then. A crash in between leaves both, and the newer counts.
func TestFilesOfTheFirstForm(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := set(11, stopOf("d1", "all"))
	body, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "posture"), append([]byte("holdfast-posture/1 "+holdfast.Hash(sha256.Sum256(body)).String()+"\n"), body...))
	former := []byte(`{"name":"east","boot":"b0"}`)
	write(t, filepath.Join(dir, firstIdentity), former)
	o := options(dir)
	o.Name = "east"
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if got := g.Status().Posture; got != s.Head {
		t.Errorf("it enforces %+v, not %+v", got, s.Head)
	}
	if !slices.Contains(g.before, "b0") {
		t.Errorf("the former run is not among %v", g.before)
	}
	if _, err := os.Stat(filepath.Join(dir, firstIdentity)); !os.IsNotExist(err) {
		t.Errorf("the former file: %v", err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, firstIdentity), []byte(`{"name":"east","boot":"never"}`))
	if again := start(t, o); slices.Contains(again.before, "never") || !slices.Contains(again.before, "b0") {
		t.Errorf("a former file counts beside a newer one: %v", again.before)
	}
}
