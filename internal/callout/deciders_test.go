package callout

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/authority"
	"holdfast/internal/directive"
	"holdfast/internal/journal"
	"holdfast/internal/posture"
	"holdfast/internal/roster"
)

// awaits lists who was told of what waits for a second person, as "person task round".
func (w *world) awaits() (list []string) {
	for _, n := range w.asked() {
		list = append(list, n.Person+" "+n.Task+" "+string(rune('0'+n.Round)))
	}
	slices.Sort(list)
	return list
}

// wait lets time pass, and what follows from that come to rest.
func (w *world) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) wantAwaits(when string, want ...string) {
	w.Helper()
	if got := w.awaits(); !slices.Equal(got, want) {
		w.Errorf("%s, told are %q, not %q", when, got, want)
	}
}

// Who may answer what waits is told at once, and again while nobody does, then with
// his deputy; who proposed it, or has no authority, is not.
func TestDecidersAreTold(t *testing.T) {
	t.Parallel()
	run(t, 2, func(w *world) {
		for id, role := range map[string]string{"mei": "commander", "lin": "superior", "bo": "recorder"} {
			w.must(w.people.Record(w.Context(), mei, roster.Person{ID: id, Name: id, Account: id, Lang: holdfast.En, Roles: []string{role}, Contacts: []roster.Contact{mail(id), phone}}))
		}
		stoodInFor, _ := w.Roster.Person("lin")
		stoodInFor.Deputies = []roster.Deputy{{Person: "bo"}}
		w.must(w.people.Record(w.Context(), mei, stoodInFor))
		w.do(func(time.Time) (drafts []journal.Draft, err error) {
			_, drafts, err = directive.Propose(w.Directives, directive.Proposal{Kind: posture.Limit, Scope: "all", Reason: "slow", Share: 0.5}, false, nil)
			return drafts, err
		})
		w.wantAwaits("at once", "lin decide-d1 0")
		w.wait(askAgain)
		w.wantAwaits("after a while, her deputy, too", "bo decide-d1 1", "lin decide-d1 0", "lin decide-d1 1")
		w.do(func(time.Time) ([]journal.Draft, error) {
			return directive.Approve(w.Directives, "d1", holdfast.Actor{Kind: holdfast.Account, ID: "lin"}, nil)
		})
		w.wait(time.Hour)
		w.wantAwaits("once it is answered", "bo decide-d1 1", "lin decide-d1 0", "lin decide-d1 1")

		w.do(func(time.Time) ([]journal.Draft, error) {
			return directive.AskLift(w.Directives.Directive("d1"), 0, "fast again")
		})
		if told := w.awaits(); len(told) != 4 || told[3][:9] != "lin lift-" {
			t.Errorf("of the lift, told are %q", told)
		}
		glass := &authority.Service{Desk: w.desk, Nouns: w.Authority}
		if _, err := glass.BreakGlass(w.Context(), mei, "nobody answers", ""); err != nil {
			t.Fatal(err)
		}
		w.wait(time.Second)
		if told := w.awaits(); len(told) != 5 || told[3] != "lin glass-g1 0" {
			t.Errorf("of the glass, told are %q", told)
		}
	})
}
