package decider_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// watched counts what a source is asked, and which packs it refuses.
type watched struct {
	advice.Source
	heads, loads, moved atomic.Int64
}

func (c *watched) Head(ctx context.Context, shard int) (uint64, holdfast.Hash, error) {
	c.heads.Add(1)
	return c.Source.Head(ctx, shard)
}

func (c *watched) Snapshots(ctx context.Context, shard int) ([]advice.Snapshot, error) {
	c.loads.Add(1)
	return c.Source.Snapshots(ctx, shard)
}

func (c *watched) Append(ctx context.Context, packs []advice.Pack) ([]error, error) {
	results, err := c.Source.Append(ctx, packs)
	for _, r := range results {
		var moved *advice.Moved
		if errors.As(r, &moved) {
			c.moved.Add(1)
		}
	}
	return results, err
}

// A gate does not ask where a shard stands that it has to itself. Where two write to one in
// turns, each reads the packs of the other first: packs are refused, and the shard is read
// whole, while they find out, and not for each request.
func TestTurnsAtOneShard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		east, west := &watched{Source: advice.NewMemory("s1", 1)}, &watched{}
		west.Source = east.Source
		gates := []*rig{start(t, "east", east, true), start(t, "west", west, true)}
		for _, g := range gates {
			g.Install(set(5, directive("d1", east)))
		}
		asks := func(g *rig, n int) {
			g.wants(pay(fmt.Sprint("k", n), fmt.Sprint("payer-", n), 900), "d1", standin.Approved, standin.None)
		}
		const few = 10 // now and then a gate looks by itself, or finds out
		asks(gates[0], 0)
		time.Sleep(11 * time.Second) // virtual: what has just been read may still be another's
		synctest.Wait()
		before := east.heads.Load()
		for n := range 100 {
			asks(gates[0], 1+n)
		}
		if n := east.heads.Load() - before; n > few {
			t.Errorf("alone, a gate asked %d times where its shard stands", n)
		}
		loads := east.loads.Load() + west.loads.Load()
		for n := range 200 {
			asks(gates[n%2], 1000+n)
		}
		if n := east.moved.Load() + west.moved.Load(); n > few {
			t.Errorf("in turns, %d packs were refused", n)
		}
		if n := east.loads.Load() + west.loads.Load() - loads; n > few {
			t.Errorf("in turns, the shard was read whole %d times", n)
		}
		for _, g := range gates {
			g.end()
		}
	})
}
