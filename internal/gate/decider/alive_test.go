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
