package postgres_test

import (
	"errors"
	"fmt"
	"testing"

	"holdfast"
	"holdfast/internal/sqljournal/postgres"
	"holdfast/internal/standin/advice"
)

// adviceLoad is two gates that write packs, each to its own shards.
type adviceLoad struct {
	*load
	gates [2]*postgres.Advices
	packs [8][]advice.Pack // acknowledged, by shard
	doubt int              // packs that were repeated
	// mended is closed when the database is whole again. What was refused waits for it.
	mended chan struct{}
}

func startAdvices(t *testing.T, source string) *adviceLoad {
	l, ctx := newLoad(t)
	a := &adviceLoad{load: l, mended: make(chan struct{})}
	for g := range a.gates {
		gate, err := postgres.OpenAdvices(t.Context(), postgres.AdviceOptions{Source: source, Shards: len(a.packs) + 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { gate.Close() })
		a.gates[g] = gate
	}
	for shard := range a.packs {
		gate, last := a.gates[shard%2], -1
		l.run(ctx, t, func(n int) (func(), error) {
			p := advice.Pack{Shard: shard, Expect: uint64(n), ID: fmt.Sprint(shard, "-", n), Body: fmt.Append(nil, n), Names: []uint64{uint64(shard)<<32 | uint64(n)}}
			again := n == last
			last = n
			results, err := gate.Append(ctx, []advice.Pack{p})
			if err == nil {
				err = results[0] // of one decider, never Moved: that it wrote it itself is found
			}
			if holdfast.CodeOf(err) == holdfast.Unavailable {
				select {
				case <-a.mended:
				case <-ctx.Done():
				}
			}
			return func() {
				a.packs[shard] = append(a.packs[shard], p)
				if again {
					a.doubt++
				}
			}, err
		})
	}
	return a
}

// check ends the load and holds the source to what was acknowledged: the chain is
// whole, every pack stands once and where it was, and answers a repetition as it did.
func (a *adviceLoad) check(t *testing.T) {
	t.Helper()
	a.stop()
	a.wg.Wait()
	total := 0
	for shard, packs := range a.packs {
		gate := a.gates[(shard+1)%2]
		found, err := gate.Read(t.Context(), shard, 0, len(packs)+10)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) < len(packs) || len(found) > len(packs)+1 { // one may have been on its way
			t.Fatalf("shard %d has %d packs; %d were acknowledged", shard, len(found), len(packs))
		}
		for i, p := range packs {
			if found[i].ID != p.ID || string(found[i].Body) != string(p.Body) {
				t.Errorf("pack %s of shard %d is not at %d", p.ID, shard, p.Revision())
			}
		}
		for _, p := range []advice.Pack{packs[0], packs[len(packs)-1]} {
			other := p
			other.ID += "-other"
			for _, p := range []advice.Pack{p, other} {
				results, err := gate.Append(t.Context(), []advice.Pack{p})
				if err != nil {
					t.Fatal(err)
				}
				var moved *advice.Moved
				if errors.As(results[0], &moved) != (p.ID == other.ID) {
					t.Errorf("pack %s again: %v", p.ID, results[0])
				}
			}
		}
		total += len(packs)
	}
	t.Logf("%d packs were acknowledged, %d of them repeated", total, a.doubt)
}
