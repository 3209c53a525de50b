package decider_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/gate/decider"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// tell has a gate heard by the control plane, every two seconds.
func (r *rig) tell(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(2 * time.Second):
			r.Summary(time.Now())
		}
	}
}

// A gate that is lost for good leaves nobody's shards: another tells of them, sends what
// waits there and carries out what people decided. Gates that live leave each other's
// alone.
func TestAGateIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 4)
		east, west := start(t, "east", source, true), start(t, "west", source, true)
		ctx, stop := context.WithCancel(t.Context())
		lost, loss := context.WithCancel(ctx)
		go east.tell(lost)
		go west.tell(ctx)
		east.Install(set(5, directive("d1", source)))
		synctest.Wait()
		west.Install(set(5, directive("d1", source)))
		for i, payer := range []string{"anna", "bea", "carl", "dora", "emil", "fritz", "gina", "hans"} {
			east.wants(pay(string(rune('a'+i)), payer, 1000), "d1", standin.Approved, standin.None)
		}
		time.Sleep(time.Second)
		before := revisions(t, source)
		time.Sleep(10 * decider.AliveFor)
		if after := revisions(t, source); after != before {
			t.Errorf("gates that live write to idle shards: %v, then %v", before, after)
		}
		if n := len(west.Summary(time.Now()).Of); n != 0 {
			t.Errorf("west tells of %d shards that east decides for", n)
		}

		east.end()
		loss()
		time.Sleep(decider.AliveFor + 10*time.Second)
		var approved int64
		sum := west.Summary(time.Now())
		for _, of := range sum.Of {
			for _, b := range of.Balances {
				approved += b.Approved.Count
			}
		}
		if len(sum.Of) != 4 || approved != 8 {
			t.Errorf("west tells of %d shards and %d approvals", len(sum.Of), approved)
		}
		west.Install(set(6))
		synctest.Wait()
		if work, err := west.Next(t.Context(), 32, all); err != nil || len(work) != 8 {
			t.Errorf("%d advices go on, %v", len(work), err)
		}
		stop()
		west.end()
	})
}

// A gate that the control plane does not hear is as good as lost: what people decide
// does not reach it.
func TestAGateIsCutOffFromControl(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 1)
		east, west := start(t, "east", source, true), start(t, "west", source, true)
		ctx, stop := context.WithCancel(t.Context())
		go west.tell(ctx)
		east.Install(set(5, directive("d1", source)))
		west.Install(set(5, directive("d1", source)))
		east.wants(pay("k1", "anna", 1000), "d1", standin.Approved, standin.None)
		time.Sleep(decider.AliveFor + 10*time.Second)
		if n := len(west.Summary(time.Now()).Of); n != 1 {
			t.Errorf("west tells of %d shards", n)
		}
		east.wants(pay("k2", "anna", 1000), "d1", standin.Approved, standin.None) // it still decides
		stop()
		east.end()
		west.end()
	})
}

// A process that starts leaves the advices of shards to the gate that may be at work on
// them, and comes to them later.
func TestAStartLeavesAdvicesToOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 1)
		east := start(t, "east", source, true)
		east.Install(set(5, directive("d1", source)))
		east.wants(pay("k1", "anna", 1000), "d1", standin.Approved, standin.None)
		east.Install(set(6))
		synctest.Wait()
		west := start(t, "west", source, true)
		west.Install(set(6))
		synctest.Wait()
		if work, err := west.Next(t.Context(), 1, all); err != nil || len(work) != 0 {
			t.Errorf("it sends %d advices of a shard that is at work elsewhere, %v", len(work), err)
		}
		time.Sleep(11 * time.Second)
		if work, err := west.Next(t.Context(), 1, all); err != nil || len(work) != 1 {
			t.Errorf("%d advices go on, %v", len(work), err)
		}
		east.end()
		west.end()
	})
}

// An advice that a gate cannot open, or whose route it does not know, is left to one that
// can, with an alarm; it is an exception only once no gate that lives can send it.
func TestLeftToAGateThatCan(t *testing.T) {
	t.Parallel()
	for name, lacks := range map[string]func(*decider.Options){
		"a key":   func(o *decider.Options) { o.Keys, o.Routes = []string{"another"}, []string{"pay"} },
		"a route": func(o *decider.Options) { o.Keys, o.Routes = []string{"k"}, []string{"other"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				source := advice.NewMemory("s1", 1)
				whole := func(o *decider.Options) { o.Keys, o.Routes = []string{"k", "another"}, []string{"pay", "other"} }
				east, west := start(t, "east", source, true, whole), start(t, "west", source, true, lacks)
				ctx, stop := context.WithCancel(t.Context())
				go west.tell(ctx)
				east.Install(set(5, directive("d1", source)))
				west.Install(set(5, directive("d1", source)))
				east.wants(pay("k1", "anna", 1000), "d1", standin.Approved, standin.None)
				east.Install(set(6))
				west.Install(set(6))
				time.Sleep(20 * time.Second)
				before := revisions(t, source)
				for range 5 {
					if work, err := west.Next(t.Context(), 1, all); err != nil || len(work) != 0 {
						t.Errorf("it sends %d advices that it cannot open, %v", len(work), err)
					}
				}
				if after := revisions(t, source); after != before {
					t.Error("a shard is taken over for an advice that cannot be sent")
				}
				if sum := west.Summary(time.Now()); len(sum.Alarms) != 1 || sum.Alarms[0].Code != standin.AlarmLeft || sum.Alarms[0].Params["route"] != "pay" || sum.Check() != nil {
					t.Errorf("alarms %+v", sum.Alarms)
				}
				if work, err := east.Next(t.Context(), 1, all); err != nil || len(work) != 1 {
					t.Fatalf("%d advices go on, %v", len(work), err)
				}
				east.end()
				time.Sleep(decider.AliveFor + 10*time.Second)
				for range 2 {
					if work, err := west.Next(t.Context(), 1, all); err != nil || len(work) != 0 {
						t.Errorf("it sends %d advices that it cannot open, %v", len(work), err)
					}
				}
				sum := west.Summary(time.Now())
				if len(sum.Of) != 1 || len(sum.Of[0].Open) != 1 || sum.Of[0].Open[0].Why != standin.NotSendable {
					t.Errorf("nobody is told: %+v", sum.Of)
				}
				time.Sleep(decider.AliveFor + 10*time.Second)
				if sum := west.Summary(time.Now()); len(sum.Alarms) != 0 {
					t.Errorf("the alarm stays: %+v", sum.Alarms)
				}
				stop()
				west.end()
			})
		})
	}
}

// revisions is how many packs all shards have.
func revisions(t *testing.T, source advice.Source) (n uint64) {
	t.Helper()
	info, err := source.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for shard := range info.Shards {
		revision, _, err := source.Head(t.Context(), shard)
		if err != nil {
			t.Fatal(err)
		}
		n += revision
	}
	return n
}

// The alarm that a directive cannot be opened goes with the directive: here a gate
// hears of it only after another gate has ended it in the shards.
func TestNotOpenedUntilLifted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 1)
		east, west := start(t, "east", source, true), start(t, "west", source, true)
		east.Install(set(5, directive("d1", source)))
		east.wants(pay("k1", "anna", 1000), "d1", standin.Approved, standin.None)
		east.Install(set(6))
		synctest.Wait()
		west.Install(set(5, directive("d1", source)))
		time.Sleep(2 * time.Second)
		if sum := west.Summary(time.Now()); len(sum.Alarms) != 2 || sum.Alarms[0].Code != "open" {
			t.Errorf("alarms %+v, want that it cannot be opened", sum.Alarms)
		}
		west.Install(set(6))
		time.Sleep(2 * time.Second)
		if sum := west.Summary(time.Now()); len(sum.Alarms) != 0 {
			t.Errorf("alarms %+v, want none once it is lifted", sum.Alarms)
		}
		east.end()
		west.end()
	})
}
