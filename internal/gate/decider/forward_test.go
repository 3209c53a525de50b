package decider_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/gate/decider"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// What is claimed at once, and what is settled at once, stands in few packs, and what a
// few shards have not is claimed of the others.
func TestAdvicesGoTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const shards, advices = 8, 400
		source := advice.NewMemory("s1", shards)
		g := start(t, "east", source, false, func(o *decider.Options) { o.Payers = everybody{} })
		g.Install(set(5, directive("d1", source)))
		for n := range advices {
			g.wants(pay(fmt.Sprint("k", n), fmt.Sprint("payer", n), 100), "d1", standin.Approved, standin.None)
		}
		g.Install(set(6))
		synctest.Wait()
		packs := func() (n uint64) {
			for shard := range shards {
				revision, _, err := source.Head(t.Context(), shard)
				if err != nil {
					t.Fatal(err)
				}
				n += revision
			}
			return n
		}
		claim := func(most, least int, mostPacks uint64) []standin.Work {
			t.Helper()
			before := packs()
			work, err := g.Next(t.Context(), most, all)
			if err != nil || len(work) < least || len(work) > most || packs()-before > mostPacks {
				t.Errorf("of %d were claimed %d in %d packs, %v", most, len(work), packs()-before, err)
			}
			return work
		}
		settle := func(work []standin.Work, mostPacks uint64) {
			t.Helper()
			before := packs()
			var came []standin.Came
			for _, w := range work {
				came = append(came, standin.Came{Identity: w.Item.Identity, Of: standin.Did})
			}
			if err := g.Settle(t.Context(), came...); err != nil || packs()-before > mostPacks {
				t.Errorf("settled in %d packs, %v", packs()-before, err)
			}
		}
		settle(claim(20, 20, 1), 1)
		settle(claim(advices, 300, shards), shards)
		settle(claim(advices, 1, shards), shards)
		if work := claim(1, 0, 0); len(work) > 0 {
			t.Errorf("%s is left over", work[0].Item.Identity)
		}
		if err := g.Settle(t.Context(), standin.Came{Identity: "nobody", Of: standin.Did}); err == nil {
			t.Error("what is not known is settled")
		}
		g.end()
	})
}

// What the primary said without settling anything is durable, and takes no shard from
// another gate; what settles a payment does.
func TestNoAnswerTakesNothingOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 1)
		east, west := start(t, "east", source, true), start(t, "west", source, true)
		for _, g := range []*rig{east, west} {
			g.Install(set(5, directive("d1", source)))
		}
		east.wants(pay("k1", "p1", 900), "d1", standin.Approved, standin.None)
		for _, g := range []*rig{east, west} {
			g.Install(set(6))
		}
		time.Sleep(15 * time.Second) // either may have ended it: what was written is left alone for 10 s
		head := func() uint64 {
			revision, _, err := source.Head(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			return revision
		}
		settle := func(g *rig, of standin.Result, said standin.Said, status uint16, packs bool) {
			t.Helper()
			before := head()
			err := g.Settle(t.Context(), standin.Came{Identity: "k1", Of: of, Reply: standin.Reply{Said: said, Status: status}})
			if err != nil || (head() > before) != packs {
				t.Errorf("%v: %d packs, %v", said, head()-before, err)
			}
		}
		if work, err := east.Next(t.Context(), 1, all); err != nil || len(work) != 1 {
			t.Fatalf("%v, %v", work, err)
		}
		settle(east, standin.NoAnswer, standin.Silent, 0, true)
		west.wants(pay("k2", "p1", 900), "", standin.Approved, standin.None) // behind k1
		settle(east, standin.NoAnswer, standin.SaidUnclear, 503, false)
		settle(east, standin.Refuses, standin.SaidNotDone, 402, true)
		if of := east.Summary(time.Now()).Of; len(of) != 1 || len(of[0].Open) != 1 || *of[0].Open[0].Reply != (standin.Reply{Said: standin.SaidNotDone, Status: 402}) {
			t.Errorf("it tells %+v", of)
		}
		east.end()
		west.end()
	})
}
