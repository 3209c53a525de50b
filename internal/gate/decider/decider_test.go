package decider_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/gate/decider"
	"holdfast/internal/payment"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// An outage: what is approved is the same after a restart, is forwarded after the
// lift, and its payer waits until it is.
func TestOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 4)
		g := start(t, "east", source, false)
		g.Install(set(5, directive("d1", source)))
		g.wants(pay("k1", "anna", 1000), "d1", standin.Approved, standin.None)
		g.wants(pay("k1", "anna", 1000), "d1", standin.Approved, standin.None)
		g.wants(pay("k1", "anna", 1001), "d1", standin.Mismatch, standin.None)
		g.wants(pay("k1", "berta", 1000), "d1", standin.Mismatch, standin.None)
		g.wants(pay("k2", "anna", 6000), "d1", standin.Refused, standin.OverPayment)
		g.wants(pay("k3", "anna", 5000), "d1", standin.Approved, standin.None)
		g.wants(pay("k4", "anna", 5000), "d1", standin.Refused, standin.OverPayer)
		g.end()

		g = start(t, "east", source, false)
		g.Install(set(5, directive("d1", source)))
		g.wants(pay("k1", "anna", 1000), "d1", standin.Approved, standin.None)
		g.wants(pay("k5", "anna", 5000), "d1", standin.Refused, standin.OverPayer)

		g.Install(set(6))
		synctest.Wait()
		for identity, concerned := range map[string]bool{"k1": true, "fresh": true} {
			p := pay(identity, "anna", 1000)
			if g.Concerns(&p) != concerned {
				t.Errorf("%s of a payer with advices: %v", identity, !concerned)
			}
		}
		other := pay("k9", "zoe", 1000)
		if g.Concerns(&other) {
			t.Error("a payment of another payer is held up")
		}
		g.wants(other, "", standin.Forward, standin.None)
		g.wants(pay("k1", "anna", 1000), "", standin.Approved, standin.None)
		g.wants(pay("k6", "anna", 1000), "", standin.Approved, standin.None)

		var order []string
		for range 20 {
			work, err := g.Next(t.Context(), 10, all)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range work {
				order = append(order, w.Item.Identity)
				if err := g.Settle(t.Context(), standin.Came{Identity: w.Item.Identity, Of: standin.Did}); err != nil {
					t.Error(err)
				}
			}
		}
		if !slices.Equal(order, []string{"k1", "k3", "k6"}) {
			t.Errorf("forwarded %v", order)
		}
		fresh := pay("k7", "anna", 1000)
		if g.Concerns(&fresh) {
			t.Error("a payer without advices is held up")
		}
		g.wants(pay("k1", "anna", 1000), "", standin.Approved, standin.None)
		if i, there, err := g.Knows(t.Context(), &payment.Payment{Identity: "k1"}); err != nil || !there || i.Class != standin.Sent {
			t.Errorf("%v %v %v", i.Class, there, err)
		}
		if _, there, err := g.Knows(t.Context(), &payment.Payment{Identity: "k7"}); err != nil || there {
			t.Errorf("a fresh one is known: %v", err)
		}
		g.end()
	})
}

// Hazard 8: a gate with another source than the directive names does not stand in.
func TestHazard8_OneSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 4)
		g := start(t, "east", source, false)
		d := directive("d1", source)
		d.Source = "another"
		g.Install(set(5, d))
		if a, err := g.ask(pay("k1", "anna", 1000), "d1"); holdfast.CodeOf(err) != holdfast.Unavailable {
			t.Errorf("%v %v", a, err)
		}
		g.end()
	})
}

// Hazards 1 and 10 of the runtime: a pack in doubt is written again until it is known, and
// its answer waits; where nothing was written, nothing is answered.
func TestHazard1_DoubtIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 2)
		g := start(t, "east", source, false)
		g.Install(set(5, directive("d1", source)))
		g.wants(pay("k0", "anna", 100), "d1", standin.Approved, standin.None)
		source.Doubt(true)
		source.Doubt(false)
		began := time.Now()
		g.wants(pay("k1", "anna", 1000), "d1", standin.Approved, standin.None)
		if time.Since(began) == 0 {
			t.Error("it was answered at once")
		}
		source.Doubt(true)
		source.Refuse(holdfast.Errorf(holdfast.Unavailable, "the database went away")) // after it was written
		g.wants(pay("k1b", "bea", 1000), "d1", standin.Approved, standin.None)
		source.Refuse(holdfast.Errorf(holdfast.Unavailable, "no room"))
		if _, err := g.ask(pay("k2", "anna", 1000), "d1"); holdfast.CodeOf(err) != holdfast.Unavailable {
			t.Error(err)
		}
		g.wants(pay("k2", "anna", 1000), "d1", standin.Approved, standin.None)
		g.end()
		other := start(t, "east", source, false)
		other.Install(set(5, directive("d1", source)))
		for i, amount := range []int64{100, 1000, 1000} {
			other.wants(pay(fmt.Sprint("k", i), "anna", amount), "d1", standin.Approved, standin.None)
		}
		other.end()
	})
}

// Hazard 5: what was in flight when stand-in opened is neither approved nor declined, at
// whatever gate and shard, until the primary has said what became of it.
func TestHazard5_InFlightIsNotApproved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 4)
		g := start(t, "east", source, false)
		d := directive("d1", source)
		for i := range 4500 { // more than one pack excludes
			d.Excluded = append(d.Excluded, fmt.Sprint("flying-", i))
		}
		g.Install(set(5, d))
		for _, i := range []int{0, 2100, 4499} {
			g.wants(pay(fmt.Sprint("flying-", i), "anna", 1000), "d1", standin.Inquire, standin.InFlight)
		}
		g.Learn("flying-0", true)
		g.Learn("flying-2100", false)
		synctest.Wait()
		g.wants(pay("flying-0", "anna", 1000), "d1", standin.Done, standin.None)
		g.wants(pay("flying-2100", "anna", 1000), "d1", standin.Approved, standin.None)
		g.end()
	})
}

// Hazards 2 and 9: of two gates that use one source, each goes on where the other
// stopped; nobody answers from what it read before.
func TestHazard2_TwoGatesOfOneSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 4)
		east, west := start(t, "east", source, true), start(t, "west", source, true)
		for _, g := range []*rig{east, west} {
			g.Install(set(5, directive("d1", source)))
		}
		for i := range 40 {
			p := pay(fmt.Sprint("k", i), fmt.Sprint("payer-", i%5), 900)
			want, why := standin.Approved, standin.None
			if i/5 == 8 {
				want, why = standin.Refused, standin.OverPayer
			}
			one, two := east, west
			if i%3 == 0 {
				one, two = west, east
			}
			one.wants(p, "d1", want, why)
			two.wants(p, "d1", want, why)
		}
		// Both at once: one of the two is decided first, and the other gets its answer.
		answers := make(chan standin.Verdict, 80)
		for i := range 40 {
			p := pay(fmt.Sprint("race-", i), fmt.Sprint("payer-", i%5), 300)
			for _, g := range []*rig{east, west} {
				go func() {
					a, err := g.ask(p, "d1")
					if err != nil {
						t.Error(err)
					}
					answers <- a.Verdict
				}()
			}
		}
		approved := 0
		for range 80 {
			if <-answers == standin.Approved {
				approved++
			}
		}
		if approved != 2*5*2 { // 8000 less eight of 900 leaves two of 300, told by both gates
			t.Errorf("approved %d", approved)
		}
		// After the lift both know all of it.
		east.Install(set(6))
		west.Install(set(6))
		synctest.Wait()
		for _, g := range []*rig{east, west} {
			g.wants(pay("k0", "payer-0", 900), "", standin.Approved, standin.None)
			p := pay("fresh", "payer-0", 900)
			if !g.Concerns(&p) {
				t.Error("a payer with advices passes by")
			}
			g.end()
		}
	})
}

// Refunds of one original, which is the primary's, by several payers: the limit of a payer
// holds once, and not once in each shard that such a refund led to.
func TestOneLimitForAPayer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 64)
		g := start(t, "east", source, false)
		g.Install(set(5, directive("d1", source)))
		ask := func(identity, payer, original string) standin.Answer {
			p := pay(identity, payer, 4000)
			a, err := g.Decide(t.Context(), decider.Ask{Payment: p, Kind: standin.Refund, Original: original, Cause: standin.Directed, Directive: "d1", Seal: sealed})
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		for i := range 20 {
			original := fmt.Sprint("original-", i)
			if a := ask(fmt.Sprint("first-", i), fmt.Sprint("payer-", i), original); a.Verdict != standin.Approved {
				t.Fatalf("%v %v", a.Verdict, a.Reason)
			}
		}
		approved := 0
		for i := range 20 {
			if ask(fmt.Sprint("second-", i), "anna", fmt.Sprint("original-", i)).Verdict == standin.Approved {
				approved++
			}
		}
		if approved > 2 { // 8000 of 4000 each
			t.Errorf("%d refunds of one payer were approved", approved)
		}
		g.end()
	})
}

// counted counts how often a source is asked.
type counted struct {
	advice.Source
	reads, owners atomic.Int64
}

func (c *counted) Head(ctx context.Context, shard int) (uint64, holdfast.Hash, error) {
	c.reads.Add(1)
	return c.Source.Head(ctx, shard)
}

func (c *counted) Owner(ctx context.Context, name uint64) (int, bool, error) {
	c.owners.Add(1)
	return c.Source.Owner(ctx, name)
}

// An inquiry that names an identity alone costs a shared source one look-up, however many
// shards it has; what another gate decided is found.
func TestInquiriesFindTheirShard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		memory := advice.NewMemory("s1", 64)
		source := &counted{Source: memory}
		east, west := start(t, "east", memory, true), start(t, "west", source, true)
		east.Install(set(5, directive("d1", source)))
		west.Install(set(5, directive("d1", source)))
		time.Sleep(5500 * time.Millisecond) // between two looks
		east.wants(pay("k1", "anna", 1000), "d1", standin.Approved, standin.None)
		reads, owners := source.reads.Load(), source.owners.Load()
		for i := range 100 {
			if _, there, err := west.Knows(t.Context(), &payment.Payment{Identity: fmt.Sprint("nobody-", i)}); err != nil || there {
				t.Errorf("what nobody decided on is known: %v", err)
			}
		}
		if r, o := source.reads.Load()-reads, source.owners.Load()-owners; r != 0 || o != 100 {
			t.Errorf("100 inquiries looked into shards %d times and asked for owners %d times", r, o)
		}
		i, there, err := west.Knows(t.Context(), &payment.Payment{Identity: "k1"})
		if err != nil || !there || i.Verdict != standin.Approved {
			t.Errorf("what east decided is not known: %v %v", there, err)
		}
		east.end()
		west.end()
	})
}

// A gate that never stood in lets payments pass by.
func TestQuiet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := start(t, "east", advice.NewMemory("s1", 2), false)
		p := pay("k1", "anna", 1000)
		if !g.Concerns(&p) {
			t.Error("nothing was read, and a payment passes")
		}
		g.Install(set(4))
		synctest.Wait()
		if g.Concerns(&p) {
			t.Error("nothing was stood in for, and a payment is held up")
		}
		g.end()
		if _, err := g.ask(p, ""); holdfast.CodeOf(err) != holdfast.Unavailable {
			t.Errorf("after its end: %v", err)
		}
	})
}

// The wide limit is exact over shards and side by side.
func TestWholeLimitOverShards(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 8)
		g := start(t, "east", source, false)
		d := directive("d1", source)
		p := profile()
		p.Unplanned.Limits[2].Amount = 50_000
		d.Profile = mustJSON(p)
		g.Install(set(5, d))
		answers := make(chan standin.Answer, 300)
		for i := range 300 {
			go func() {
				a, err := g.ask(pay(fmt.Sprint("k", i), fmt.Sprint("payer-", i), 500), "d1")
				if err != nil {
					t.Error(err)
				}
				answers <- a
			}()
		}
		approved := 0
		for range 300 {
			switch a := <-answers; {
			case a.Verdict == standin.Approved:
				approved++
			case a.Reason != standin.OverAll:
				t.Errorf("%v %v", a.Verdict, a.Reason)
			}
		}
		if approved > 100 || approved < 85 {
			t.Errorf("approved %d of 100 that there is room for", approved)
		}
		sum := g.Summary(time.Now())
		var of standin.Tally
		for _, s := range sum.Of {
			for _, b := range s.Balances {
				if !b.Holds() {
					t.Errorf("%+v", b)
				}
				of.Count += b.Approved.Count
				of.Amount += b.Approved.Amount
			}
		}
		if of.Count != int64(approved) || of.Amount != 500*int64(approved) || len(sum.Declines) != 1 || sum.Declines[0].Count != int64(300-approved) {
			t.Errorf("told %+v and %+v of %d", of, sum.Declines, approved)
		}
		g.end()
	})
}

// What the posture forwards beside a directive that stands in is the primary's: it is
// out of the directive's scope, or a probe. After the lift it goes to the shards until
// the directive has ended in them.
func TestForwardedBesideStandIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 4)
		g := start(t, "east", source, false)
		d := directive("d1", source)
		g.Install(set(5, d))
		g.wants(pay("k1", "anna", 1000), "d1", standin.Approved, standin.None)
		synctest.Wait()
		beside := pay("k2", "bea", 90_000)
		if g.Concerns(&beside) {
			t.Error("a payment of somebody with nothing on the way is taken from the primary")
		}
		g.wants(beside, "", standin.Forward, standin.None)
		overtaking := pay("k3", "anna", 90_000)
		if !g.Concerns(&overtaking) {
			t.Error("a payment may overtake an advice of its payer")
		}
		unread := pay("k4", "", 90_000)
		unread.Read = 0
		if g.Concerns(&unread) {
			t.Error("a payment whose payer cannot be read is taken from the primary")
		}
		g.end()
	})
}

// What the primary says between the stop and the opening is not forgotten.
func TestLearnedBeforeItOpens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 4)
		g := start(t, "east", source, false)
		d := directive("d1", source)
		d.Open = false
		g.Install(set(5, d))
		g.Learn("flying", true)
		synctest.Wait()
		d.Open, d.Excluded = true, []string{"flying", "lost"}
		g.Install(set(6, d))
		g.wants(pay("lost", "anna", 1000), "d1", standin.Inquire, standin.InFlight)
		time.Sleep(3 * time.Second) // of the bubble
		g.wants(pay("flying", "anna", 1000), "d1", standin.Done, standin.None)
		g.end()
	})
}

// A process that is started again tells of the shards of the one before, at once.
func TestToldAfterARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 4)
		g := start(t, "east", source, false)
		g.Install(set(5, directive("d1", source)))
		g.wants(pay("k1", "anna", 1000), "d1", standin.Approved, standin.None)
		g.end()
		again := start(t, "east", source, false)
		again.Install(set(5, directive("d1", source)))
		time.Sleep(2 * time.Second)
		var approved int64
		sum := again.Summary(time.Now())
		for _, of := range sum.Of {
			for _, b := range of.Balances {
				approved += b.Approved.Count
			}
		}
		if len(sum.Of) != 4 || approved != 1 {
			t.Errorf("it tells of %d shards and %d approvals", len(sum.Of), approved)
		}
		again.end()
	})
}
