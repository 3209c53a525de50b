package decider_test

import (
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

func TestFileInTheShards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 4)
		g := start(t, "east", source, false)
		defer g.end()
		g.Install(set(10, directive("d1", source)))
		time.Sleep(time.Second)
		g.wants(pay("k1", "p1", 900), "d1", standin.Approved, 0)
		g.wants(pay("k2", "p2", 900), "d1", standin.Approved, 0)
		page := &standin.FilePage{File: "f1", Pages: 1, From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour), Rows: []standin.Row{
			{N: 1, Line: 2, Identity: "k1", Amount: 900, Currency: "CNY", Done: true}, {N: 2, Line: 3, Identity: "k2", Amount: 901, Currency: "CNY", Done: true}, {N: 3, Line: 4, Identity: "k3", Amount: 1, Currency: "CNY", Done: true},
		}}
		w, err := g.CompareFile(t.Context(), page)
		if err != nil || w.Known != 2 || w.Changed != 2 || w.Two != 0 || len(w.Shards) != 4 {
			t.Fatalf("%+v, %v", w, err)
		}
		carry := *page
		carry.Carry, carry.By, carry.Note = true, "wang", "the day"
		for n, want := range []int{2, 0} {
			if w, err = g.CompareFile(t.Context(), &carry); err != nil || w.Changed != want {
				t.Fatalf("%d: %+v, %v", n, w, err)
			}
		}
		carry.Page, carry.Pages = 1, 2
		if w, err = g.CompareFile(t.Context(), &carry); err != nil || !w.Again {
			t.Fatalf("%+v, %v", w, err)
		}
	})
}
