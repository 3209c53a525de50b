package advices

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"holdfast"
	"holdfast/internal/sqljournal/power"
)

func TestMain(m *testing.M) { power.Main(m, writeUntilKilled) }

// writeUntilKilled prints a line for each acknowledgement.
func writeUntilKilled(dir string) error {
	s, err := Open(context.Background(), Options{Dir: dir, Shards: powerShards, checkpointEvery: 100_000 + 100*packPages})
	if err != nil {
		return err
	}
	var printing sync.Mutex
	return work(context.Background(), s, func(news promises) {
		printing.Lock()
		defer printing.Unlock()
		for at, id := range news.packs {
			fmt.Println("pack", at.shard, at.revision, id)
		}
		if news.ledger > 0 {
			fmt.Println("ledger", news.ledger)
		}
	}, holdfast.NewID(), math.MaxInt)
}

// TestKill kills a writing process at random moments, again and again on one
// directory: whatever it acknowledged is there, and the chain is whole.
// HOLDFAST_SOAK=1 does so 300 times.
func TestKill(t *testing.T) {
	t.Parallel()
	dir, times := t.TempDir(), 2
	if os.Getenv("HOLDFAST_SOAK") != "" {
		times = 300
	}
	random, known, acknowledged := rand.New(rand.NewPCG(7, 8)), promises{}.Clone(), 0
	for range times {
		for _, line := range power.StartChild(t, dir).Kill(t, 1+random.IntN(300)) {
			var at place
			var id string
			if _, err := fmt.Sscanf(line, "pack %d %d %s", &at.shard, &at.revision, &id); err == nil {
				known.packs[at] = id
				acknowledged++
			} else {
				fmt.Sscanf(line, "ledger %d", &known.ledger)
			}
		}
		s, err := Open(t.Context(), Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if known, err = known.keeps(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d packs were acknowledged", acknowledged)
}
