package app

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/posture"
	"holdfast/internal/sandbox"
	"holdfast/internal/sandbox/customers"
	"holdfast/internal/sandbox/fault"
)

// The primary goes down and comes back again and again, and loses answers meanwhile. One by
// one, what it fails for is stood in for and delivered as soon as it is back: whatever
// customers were told, each payment is done once, without anybody doing anything.
func TestStoodInOneByOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	world, err := sandbox.New(sandbox.Options{Seed: 7, Traffic: customers.Options{Patience: customers.Patience{First: 200 * time.Millisecond, Longest: time.Second}}})
	if err != nil {
		t.Fatal(err)
	}
	writePayers(t, dir, world)
	conf, err := config.LoadGate(config.Options{Content: fmt.Appendf(nil, standInSettings, dir, world.URL()), Flags: map[string]string{"primary.eject_time": "200ms"}})
	if err != nil {
		t.Fatal(err)
	}
	control := &told{}
	control.say()
	g, err := OpenGate(GateOptions{Config: conf, Control: control, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { world.Run(ctx) })
	all.Go(func() {
		if err := g.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer all.Wait()
	defer stop()
	if err := g.Enforcing(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, "the gate names its source", func() bool { control.mu.Lock(); defer control.mu.Unlock(); return control.source != "" })
	control.say(posture.Directive{ID: "d-1", Kind: posture.OneByOne, Scope: "all", Open: true, Source: control.source, Profile: generous(t)})
	set(t, world, g.URL(), 80)
	for round := range 3 {
		start(t, world, fault.Fault{Kind: fault.AnswerLost, Seconds: 60, Share: 0.05, Scope: fault.Scope{Operation: fault.Payment}})
		done := world.Check().ToldDone
		await(t, "payments pass", func() bool { return world.Check().ToldDone >= done+20 })
		start(t, world, fault.Fault{Kind: fault.Outage, Seconds: 60})
		stood := world.Check().StoodIn
		await(t, fmt.Sprintf("stand-in approves in outage %d", round+1), func() bool { return world.Check().StoodIn >= stood+20 })
		world.EndFaults()
	}
	await(t, "all advices are done", func() bool { return world.Check().Owed.Count == 0 })
	set(t, world, g.URL(), 0)
	if err := world.Traffic.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, "the books are closed", func() bool { b := control.books(); return b.Approved.Count > 0 && b.Approved == b.Delivered })
	report := world.Check()
	if !report.Clean() || report.Unknown.Count > 0 || report.Owed.Count > 0 {
		t.Errorf("%s", report)
	}
	if b := control.books(); int64(report.StoodIn) != b.Approved.Count {
		t.Errorf("customers were told of %d approvals, the books have %+v", report.StoodIn, b)
	}
}
