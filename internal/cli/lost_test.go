package cli

import (
	"slices"
	"testing"
	"time"

	"holdfast/internal/reconciliation"
	"holdfast/internal/standin"
	"holdfast/internal/view"
)

// Of a stand-in that nobody tells of it is said what is known, and what can be done.
func TestUntoldSaid(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
	lost := func(state reconciliation.State) *reconciliation.Decision {
		return &reconciliation.Decision{ID: "d1.x1", State: state, Note: "it burnt", Gate: "east", Contradicted: at, Lost: &reconciliation.Lost{Evidence: "report 7"}}
	}
	u := view.UntoldStandIn{Directive: "d1", Source: "s1", Lifted: at, Told: at, Shards: 4, Heard: 3, Untraced: []reconciliation.Untraced{{Kind: standin.Payment, Currency: "CNY", Tally: standin.Tally{Count: 2, Amount: 300}, Queued: standin.Tally{Count: 1, Amount: 5}}}}
	head := "directive d1, lifted at " + clock(at) + ", source s1: it was last told of at " + clock(at) + ", by 3 of 4 shards"
	money := "payment 2 / CNY\u00a03.00; queued 1 / CNY\u00a00.05"
	never := view.UntoldStandIn{Directive: "d1", Source: "s1", Lifted: at, Gates: []string{"east"}}
	asked, agreed, against, back := u, u, u, u
	back.GoneBack = true
	asked.Decision = lost(reconciliation.Asked)
	agreed.Decision, against.Decision = lost(reconciliation.Done), lost(reconciliation.Contradicted)
	for name, test := range map[string]struct {
		of   view.UntoldStandIn
		want []string
	}{
		"nobody has asked": {u, []string{head, "if the source is gone for good: holdfast stand-in lost --directive d1", "would be lost track of, at least: " + money}},
		"never told":       {never, []string{"directive d1, lifted at " + clock(at) + ", source s1: nobody ever told of it", "gate east is in service and names that source", "if the source is gone for good: holdfast stand-in lost --directive d1"}},
		"asked for":        {asked, []string{head, "said to be gone for good in d1.x1, which waits for a second person: it burnt; evidence: report 7", "would be lost track of, at least: " + money}},
		"given up":         {agreed, []string{head, "given up by d1.x1, done: it burnt; evidence: report 7", "lost track of, at least: " + money}},
		"gone back":        {back, []string{head, "the source tells less than it told: it was restored from an older backup; restore a newer one if there is one", "if there is no newer backup: holdfast stand-in lost --directive d1", "would be lost track of: " + money}},
		"contradicted":     {against, []string{head, "CONTRADICTED: d1.x1 gave the source up, and gate east told of it at " + clock(at) + "; close the directive out"}},
	} {
		if got := untoldSaid(test.of); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// Of an account whose source was given up is not said that it holds.
func TestAccountSaid(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
	for want, a := range map[string]reconciliation.Account{
		"stands in: it holds":                                                                {Holds: true},
		"ended at " + clock(at) + ": it DOES NOT HOLD":                                       {Ended: at},
		"ended at " + clock(at) + " and closed: it holds":                                    {Ended: at, Settled: true, Holds: true},
		"ended at " + clock(at) + ", its source given up: WHAT IT HAD LEFT IS LOST TRACK OF": {Ended: at, Lost: true, Holds: true},
	} {
		if got := accountSaid(a); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
