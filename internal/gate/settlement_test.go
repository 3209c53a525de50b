package gate

import (
	"sync"
	"testing"
	"time"

	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

func TestFileSettlesWhatIsUnknown(t *testing.T) {
	ask := func(payment.Record) (payment.Outcome, error) { return payment.Unknown, nil }
	resolving(t, ask, func(t *testing.T, g *Gate, _ *answers) {
		lose(t, g, "done", "not", "other", "large", "late")
		of, _ := g.outcomes.record("done")
		day := standin.FilePage{File: "s1", Pages: 1, From: of.At.Add(-time.Hour), Until: of.At.Add(time.Hour), Above: of.Amount}
		row := func(n int, identity string, done bool, more int64) standin.Row {
			return standin.Row{N: n, Line: n + 1, Identity: identity, Amount: of.Amount + more, Currency: of.Currency, Done: done}
		}
		day.Rows = []standin.Row{row(1, "done", true, 0), row(2, "not", false, 0), row(3, "other", true, 1), row(4, "nobody", true, 0)}
		compare := func(p standin.FilePage, changed int) *standin.FileWord {
			t.Helper()
			w, err := g.compareFile(t.Context(), &p)
			if err != nil || w.Changed != changed {
				t.Fatalf("%+v, %v; want %d changed", w, err, changed)
			}
			return w
		}
		if w := compare(day, 2); w.Known != 3 || !g.Pending("done") || !g.Pending("not") {
			t.Errorf("to compare changes something: %+v", w)
		}
		carry := day
		carry.Carry, carry.By, carry.Note = true, "wang", "the day"
		compare(carry, 2)
		if g.Pending("done") || g.Pending("not") || !g.Pending("other") {
			t.Error("what the file says is not recorded, or more is")
		}
		if compare(carry, 0).Known != 1 {
			t.Error("the same file again finds what was settled")
		}
		// What was sent after the file's day cannot be denied by it.
		early := carry
		early.From, early.Until = of.At.Add(-2*time.Hour), of.At
		early.Rows = []standin.Row{row(1, "late", false, 0)}
		if w := compare(early, 0); w.Found[0].Finding != standin.FileOpen || !g.Pending("late") {
			t.Errorf("%+v", w)
		}
		// Above the limit it takes two.
		large := carry
		large.Above, large.Rows = of.Amount-1, []standin.Row{row(1, "large", true, 0)}
		if w := compare(large, 0); w.Two != 1 || !g.Pending("large") {
			t.Errorf("%+v", w)
		}
		large.Second = "li"
		compare(large, 1)
	})
}

// A file's no is of its day: an attempt of another gate may be later. Stand-in learns
// it from the primary.
func TestAFilesNoIsNotTheLast(t *testing.T) {
	doubting(t, func(t *testing.T, g *Gate, in *learning, outcomes *sync.Map) {
		lose(t, g, "not", "done")
		of, _ := g.outcomes.record("not")
		day := standin.FilePage{
			File: "s1", Pages: 1, From: of.At.Add(-time.Hour), Until: of.At.Add(time.Hour), Above: of.Amount, Carry: true, By: "wang", Note: "the day",
			Rows: []standin.Row{{N: 1, Line: 2, Identity: "not", Amount: of.Amount, Currency: of.Currency}, {N: 2, Line: 3, Identity: "done", Amount: of.Amount, Currency: of.Currency, Done: true}},
		}
		if w, err := g.compareFile(t.Context(), &day); err != nil || w.Changed != 2 || g.Pending("not") {
			t.Fatalf("%+v, %v", w, err)
		}
		time.Sleep(2 * defaultDrain)
		if got := in.of("not"); got != "nothing" {
			t.Errorf("stand-in is told %s of what the file denies", got)
		}
		if got := in.of("done"); got != "true" {
			t.Errorf("stand-in is told %s of what is done", got)
		}
		outcomes.Store("not", payment.NotDone)
		time.Sleep(longestInterval + time.Second)
		if got := in.of("not"); got != "false" {
			t.Errorf("stand-in is told %s of what the primary denies", got)
		}
	})
}

// Pages come with the answers to reports, and what was found goes with the next.
func TestPagesComeWithReports(t *testing.T) {
	var in shards
	prepare := func(p *plane, o *Options) {
		o.StandIn = &in
		p.page = &standin.FilePage{File: "s1", Pages: 1, From: time.Unix(1, 0), Until: time.Unix(2, 0), Rows: []standin.Row{{N: 1, Line: 2, Identity: "k1", Amount: 1, Currency: "CNY", Done: true}}}
	}
	connected(t, prepare, func(t *testing.T, _ *Gate, p *plane) {
		after(3 * time.Second)
		p.look(func() {
			for _, r := range p.reports {
				if r.Filed != nil && r.Filed.File == "s1" && r.Filed.Known == 1 {
					return
				}
			}
			t.Error("no report answers the page")
		})
	})
}
