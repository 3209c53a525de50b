package decider_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// Of more payments than a gate tells, it tells those that expire next, and the last that
// did, whatever shards they are in.
func TestTellsWhatComesNextOverAllShards(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const all = standin.MaxQueued + 100
		p := profile()
		p.Unplanned.Queue = &standin.Queue{Deferrable: "true", Expires: time.Hour, Owner: "duty", Limits: []standin.Limit{{Over: standin.Whole, Count: 8 * all}}} // by slices
		source := advice.NewMemory("s1", 4)
		by := directive("d1", source)
		by.Profile = mustJSON(p)
		g := start(t, "east", source, false)
		g.Install(set(5, by))
		var identities []string
		for n := range all {
			id := fmt.Sprintf("k%03d", n)
			g.wants(pay(id, "payer of "+id, 6000), "d1", standin.Queued, standin.OverPayment)
			identities = append(identities, id)
			time.Sleep(time.Second)
		}
		tells := func(what string, list func(standin.ShardSummary) []standin.QueuedPayment, want []string) {
			t.Helper()
			sum := g.Summary(time.Now())
			if err := sum.Check(); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, of := range sum.Of {
				for _, q := range list(of) {
					got = append(got, q.Identity)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s: told of %d, %v; want %d, from %s to %s", what, len(got), got, len(want), want[0], want[len(want)-1])
			}
		}
		tells("waiting", func(of standin.ShardSummary) []standin.QueuedPayment { return of.Queued }, identities[:standin.MaxQueued])
		time.Sleep(time.Hour)
		g.Install(set(6))
		for range 4 {
			if work, err := g.Next(t.Context(), 8, nobody); err != nil || len(work) > 0 {
				t.Fatal(work, err)
			}
		}
		tells("expired", func(of standin.ShardSummary) []standin.QueuedPayment { return of.Expired }, identities[all-standin.MaxQueued:])
		g.end()
	})
}

func nobody(*standin.Item) bool { return false }

// peeked does something while a pack is on its way.
type peeked struct {
	advice.Source
	before func()
}

func (p *peeked) Append(ctx context.Context, packs []advice.Pack) ([]error, error) {
	p.before()
	return p.Source.Append(ctx, packs)
}

// Figures are durable only where nothing of them is still to be written: what a kill takes
// back must not look like something that was lost.
func TestTellsWhatIsDurable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &peeked{advice.NewMemory("s1", 1), func() {}}
		g := start(t, "east", source, false)
		g.Install(set(5, directive("d1", source)))
		approved := func() (n int64, durable bool) {
			of := g.Summary(time.Now()).Of[0]
			for _, b := range of.Balances {
				n += b.Approved.Count
			}
			return n, of.Durable
		}
		onItsWay := 0
		source.before = func() {
			if n, durable := approved(); n > 0 {
				if onItsWay++; durable {
					t.Error("what is on its way is called durable")
				}
			}
		}
		g.wants(pay("k1", "payer", 900), "d1", standin.Approved, standin.None)
		source.before = func() {}
		synctest.Wait()
		if n, durable := approved(); n != 1 || !durable || onItsWay == 0 {
			t.Errorf("told are %d, durable %v, after %d looks at what was on its way", n, durable, onItsWay)
		}
		g.end()
	})
}
