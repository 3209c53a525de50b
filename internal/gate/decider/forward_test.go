package decider_test

import (
	"fmt"
	"testing"
	"testing/synctest"

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
