package callout

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/notify"
	"holdfast/internal/obligation"
)

// reporting runs what states and tells of obligations beside a story.
func reporting(t *testing.T, n int, story func(w *world)) {
	t.Helper()
	run(t, 1, func(w *world) {
		ctx, cancel := context.WithCancel(w.Context())
		var wg sync.WaitGroup
		nodes := []*node{w.node}
		for len(nodes) < n {
			nd := w.newNode()
			wg.Go(func() { _ = nd.State.Run(ctx) })
			nodes = append(nodes, nd)
		}
		for _, nd := range nodes {
			for _, loop := range []func(context.Context) error{nd.reports.Run, nd.owed.Run} {
				wg.Go(func() {
					if err := loop(ctx); err != nil {
						t.Errorf("a loop ended: %v", err)
					}
				})
			}
		}
		story(w)
		cancel()
		wg.Wait()
	})
}

// owedTo lists what a person was told of, as kinds in the order of their instants.
func (w *world) owedTo(person string) (kinds []string, last notify.Notice) {
	w.Helper()
	var list []notify.Notice
	for _, n := range w.asked() {
		if n.Person == person && strings.HasPrefix(n.Task, "owed-") {
			list = append(list, n)
		}
	}
	at := func(n notify.Notice) string { return n.Task[strings.LastIndex(n.Task, "-"):] }
	slices.SortFunc(list, func(a, b notify.Notice) int { return strings.Compare(at(a), at(b)) })
	for _, n := range list {
		kinds, last = append(kinds, strings.TrimPrefix(n.Task[:strings.LastIndex(n.Task, "-")], "owed-")), n
	}
	return kinds, last
}

// Who reports is told as reports begin to be owed, come near their limit and miss it,
// each once though two nodes look; what went out is not told of.
func TestWhoReportsIsTold(t *testing.T) {
	t.Parallel()
	reporting(t, 2, func(w *world) {
		w.record("ops", holdfast.En, "operations-lead", mail("ops"))
		w.record("law", holdfast.ZhHant, "legal-lead", mail("law"))
		w.record("cy", holdfast.En, "recorder", mail("cy"))
		w.confirm("payments fail", false)
		w.wait(5 * time.Second)
		want := []string{"began-operations-lead"}
		kinds, n := w.owedTo("ops")
		if !slices.Equal(kinds, want) || n.Drill || !n.Urgent {
			t.Errorf("at first the role that reports was told of %q: %+v", kinds, n)
		}
		for _, text := range []string{"payments fail", "The acquirer", "by 2000-01-01 00:30", "https://h.example/incidents/2000-1/obligations"} {
			if !strings.Contains(n.Body, text) {
				t.Errorf("the notice does not say %q:\n%s", text, n.Body)
			}
		}
		if strings.Contains(n.Body, "unverified") {
			t.Errorf("a clock of the plan itself is called unverified:\n%s", n.Body)
		}
		if kinds, n := w.owedTo("law"); len(kinds) == 0 || kinds[0] != "began-legal-lead" || !strings.Contains(n.Body, "未核對") {
			t.Errorf("who reports to regulators was told of %q:\n%s", kinds, n.Body)
		}
		w.wait(24 * time.Minute)
		if kinds, _ := w.owedTo("ops"); !slices.Equal(kinds, append(want, "at-risk-operations-lead")) {
			t.Errorf("near the limit: %q", kinds)
		}
		w.wait(7 * time.Minute)
		want = append(want, "at-risk-operations-lead", "late-operations-lead")
		if kinds, n := w.owedTo("ops"); !slices.Equal(kinds, want) || !n.Urgent {
			t.Errorf("after it: %q", kinds)
		}
		w.record("new", holdfast.En, "operations-lead", mail("new"))
		w.wait(2 * time.Second)
		if kinds, _ := w.owedTo("new"); !slices.Contains(kinds, "late-operations-lead") {
			t.Errorf("who takes the role over was told of %q", kinds)
		}
		if kinds, _ := w.owedTo("cy"); len(kinds) > 0 {
			t.Errorf("somebody else was told of %q", kinds)
		}
		w.wait(time.Hour)
		if kinds, _ := w.owedTo("ops"); !slices.Equal(kinds, want) {
			t.Errorf("an hour on: %q", kinds)
		}
	})
}

// In a drill the same people are told, and the notice says that it is one.
func TestWhoReportsInADrill(t *testing.T) {
	t.Parallel()
	reporting(t, 1, func(w *world) {
		w.record("ops", holdfast.ZhHans, "operations-lead", mail("ops"))
		w.confirm("演练", true)
		w.wait(5 * time.Second)
		kinds, n := w.owedTo("ops")
		if len(kinds) != 1 || !n.Drill || !strings.HasPrefix(n.Subject, "【演练】") {
			t.Errorf("told of %q: %+v", kinds, n)
		}
	})
}

// What went out, or was taken back, leaves nothing to tell.
func TestTidingsEnd(t *testing.T) {
	t.Parallel()
	reporting(t, 1, func(w *world) {
		in := w.confirm("payments fail", false)
		w.wait(40 * time.Minute)
		const clock = "own.acquirer-notice.report"
		told := func() (kinds []obligation.TidingKind) {
			w.State.View(func() {
				for _, t := range w.reports.Nouns.Sheet(in, time.Now()).Tidings() {
					for _, d := range t.Duties {
						if d.Clock == clock {
							kinds = append(kinds, t.Kind)
						}
					}
				}
			})
			return kinds
		}
		if got := told(); !slices.Equal(got, []obligation.TidingKind{obligation.ToReport, obligation.PastDue}) {
			t.Errorf("there is to tell: %q", got)
		}
		lin := holdfast.Actor{Kind: holdfast.Account, ID: "lin"}
		w.must(w.reports.Save(w.Context(), mei, in.ID, clock, holdfast.En, "it stopped"))
		w.must(w.reports.Approve(w.Context(), lin, in.ID, clock, 1))
		w.must(w.reports.Explain(w.Context(), mei, in.ID, clock, "the line was busy"))
		w.must(w.reports.Submit(w.Context(), mei, in.ID, clock, time.Now(), "by phone"))
		if got := told(); len(got) > 0 {
			t.Errorf("it went out, and there is to tell: %q", got)
		}
		synctest.Wait()
	})
}
