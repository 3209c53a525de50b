package decider_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// What people decided at the control plane is carried out once and told until it is
// heard.
func TestOrders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 1)
		g := start(t, "east", source, false)
		g.Install(set(5, directive("d1", source)))
		g.wants(pay("k1", "anna", 1000), "d1", standin.Approved, standin.None)
		g.Install(set(6))
		synctest.Wait()
		work, err := g.Next(t.Context(), 1, all)
		if err != nil || len(work) != 1 {
			t.Fatal(work, err)
		}
		if err := g.Settle(context.Background(), standin.Came{Identity: "k1", Of: standin.Refuses}); err != nil {
			t.Fatal(err)
		}
		orders := []standin.Order{
			{ID: "o1", Directive: "d1", Identity: "k1", How: standin.Accept, By: "carla", Note: "paid by cash"},
			{ID: "o2", Directive: "d1", By: "carla"},
			{ID: "o3", Directive: "d1", Identity: "k7", How: standin.Accept, By: "carla", Note: "what"},
		}
		g.Carry(orders)
		g.Carry(orders)
		synctest.Wait()
		sum := g.Summary(time.Now())
		if len(sum.Carried) != 3 || sum.Carried[0].Refused != "" || sum.Carried[1].Refused != "" || sum.Carried[2].Refused == "" {
			t.Errorf("%+v", sum.Carried)
		}
		if s := sum.Of[0].Standing; len(s) != 1 || s[0].By != "carla" || s[0].Closed.IsZero() {
			t.Errorf("%+v", s)
		}
		g.Carry(nil)
		if sum := g.Summary(time.Now()); len(sum.Carried) != 0 {
			t.Errorf("still told: %+v", sum.Carried)
		}
		g.end()
	})
}

// People decide on what an earlier directive left, also at a process that has only seen
// the present one.
func TestOrdersOfAnEarlierDirective(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 1)
		g := start(t, "east", source, false)
		g.Install(set(5, directive("d1", source)))
		g.wants(pay("k1", "anna", 1000), "d1", standin.Approved, standin.None)
		g.Install(set(6))
		synctest.Wait()
		if work, err := g.Next(t.Context(), 1, all); err != nil || len(work) != 1 {
			t.Fatal(work, err)
		}
		if err := g.Settle(context.Background(), standin.Came{Identity: "k1", Of: standin.Refuses}); err != nil {
			t.Fatal(err)
		}
		g.Install(set(7, directive("d2", source)))
		g.wants(pay("k2", "bea", 1000), "d2", standin.Approved, standin.None)
		g.end()

		again := start(t, "east", source, false)
		again.Install(set(7, directive("d2", source)))
		again.wants(pay("k3", "carl", 1000), "d2", standin.Approved, standin.None)
		again.Carry([]standin.Order{{ID: "o1", Directive: "d1", Identity: "k1", How: standin.Accept, By: "carla", Note: "paid by cash"}})
		synctest.Wait()
		if sum := again.Summary(time.Now()); len(sum.Carried) != 1 || sum.Carried[0].Refused != "" {
			t.Errorf("%+v", sum.Carried)
		}
		again.end()
	})
}

// What a person did about a payment that expired in the queue is recorded once, whether the
// directive's profile is known or not.
func TestLookedAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 1)
		by := directive("d1", source)
		p := profile()
		p.Unplanned.Queue = &standin.Queue{Deferrable: "true", Expires: time.Hour, Owner: "duty", Limits: []standin.Limit{{Over: standin.Whole, Count: 9}}}
		by.Profile = mustJSON(p)
		g := start(t, "east", source, false)
		g.Install(set(5, by))
		g.wants(pay("k1", "anna", 6000), "d1", standin.Queued, standin.OverPayment)
		g.Install(set(6))
		time.Sleep(time.Hour)
		if work, err := g.Next(t.Context(), 1, all); err != nil || len(work) > 0 {
			t.Fatal(work, err)
		}
		if sum := g.Summary(time.Now()); len(sum.Of[0].Expired) != 1 {
			t.Fatalf("%+v", sum.Of[0])
		}
		g.end()

		again := start(t, "east", source, false)
		again.Install(set(7, directive("d2", source)))
		again.wants(pay("k2", "carl", 1000), "d2", standin.Approved, standin.None)
		again.Carry([]standin.Order{
			{ID: "o1", Directive: "d1", Identity: "k1", Care: standin.ToldCustomer, By: "carla", Note: "by phone"},
			{ID: "o2", Directive: "d1", Identity: "k1", Care: standin.ToldCustomer, By: "dora", Note: "by phone"},
			{ID: "o3", Directive: "gone", Identity: "k9", Care: standin.ToldCustomer, By: "carla", Note: "by phone"},
		})
		synctest.Wait()
		sum := again.Summary(time.Now())
		if len(sum.Carried) != 3 || sum.Carried[0].Refused != "" || sum.Carried[1].Refused == "" || sum.Carried[2].Refused == "" {
			t.Errorf("%+v", sum.Carried)
		}
		if of := sum.Of[0]; len(of.Expired) != 0 || of.Balances[0].Queue.LookedAfter.Count != 1 {
			t.Errorf("%+v", of)
		}
		again.end()
	})
}
