package view

import (
	"slices"
	"strconv"

	"holdfast/internal/access"
	"holdfast/internal/enrolment"
	"holdfast/internal/reconciliation"
	"holdfast/internal/roster"
	"holdfast/internal/settlement"
)

// AwaitedAct is an act that waits for a second person.
type AwaitedAct struct {
	// Kind is directive, lift, exception, close-out, lost, settlement or resolution; or expired,
	// which waits for whoever fills a role.
	Kind string
	// ID is that of the directive, the decision, the settlement file or the resolution, Directive of the
	// stand-in that a decision is about.
	ID, Directive string
	// What is the directive's kind, how an exception ends, a file's day, an outcome, or how
	// many payments have expired.
	What string
}

// AwaitedActs lists what waits for an account: its consent to directives and lifts that
// it may decide on, to what others decided on payments of stand-in, to settlement files
// that others confirmed, and to what others said of payments of unknown outcome, the oldest
// first; and payments that expired in a queue whose role it fills.
func (s *Source) AwaitedActs(who access.Principal) []AwaitedAct {
	return append(s.awaitedConsents(who), s.awaitedCares(who)...)
}

// awaitedCares lists the directives under which payments expired that an account is to look
// after.
func (s *Source) awaitedCares(who access.Principal) (list []AwaitedAct) {
	if !who.May(access.RunIncident) {
		return nil
	}
	sources := s.Reconciliation.Board.Sources(s.Now())
	s.State.View(func() {
		open := map[string]int64{} // as far as gates told, less what they have not yet recorded
		for _, e := range reconciliation.Lapsed(sources) {
			if d, some := s.Reconciliation.Nouns.Book.Care(e.Source, e.QueuedPayment); !some || d.State == reconciliation.Failed {
				open[e.Directive]++
			}
		}
		for i := range sources {
			for _, a := range sources[i].Accounts {
				owner := s.queueOwner(a.Directive).ID
				if open[a.Directive] == 0 || owner == "" || !s.Authority.Fills(who.Account, owner, s.Now()) {
					continue
				}
				list = append(list, AwaitedAct{Kind: "expired", ID: a.Directive, Directive: a.Directive, What: strconv.FormatInt(open[a.Directive], 10)})
			}
		}
	})
	return list
}

// awaitedConsents lists what waits for the consent of an account.
func (s *Source) awaitedConsents(who access.Principal) (list []AwaitedAct) {
	if !who.May(access.Approve) {
		return nil
	}
	s.State.View(func() {
		now := s.Now()
		for _, d := range slices.Backward(s.Directives.All()) {
			w, waits := s.Authority.Awaited(d)
			if !waits || !slices.ContainsFunc(s.Authority.Deciders(w, now), func(p roster.Person) bool { return p.Account == who.Account }) {
				continue
			}
			act := AwaitedAct{Kind: "directive", ID: d.ID, Directive: d.ID, What: string(d.Kind)}
			if d.LiftWish != nil {
				act.Kind = "lift"
			}
			list = append(list, act)
		}
		for _, d := range slices.Backward(s.Reconciliation.Nouns.Book.All()) {
			if d.State == reconciliation.Asked && !d.By.SameParty(who.Actor) {
				list = append(list, awaitedDecision(d))
			}
		}
		for _, f := range slices.Backward(s.Settlement.Nouns.Book.All()) {
			if f.State == settlement.Asked && !f.ConfirmedBy.SameParty(who.Actor) {
				list = append(list, AwaitedAct{Kind: "settlement", ID: f.ID, What: f.Day})
			}
		}
		for _, r := range slices.Backward(s.Gates.Resolutions()) {
			if r.State == enrolment.ResolutionAsked && !r.By.SameParty(who.Actor) {
				list = append(list, AwaitedAct{Kind: "resolution", ID: r.ID, What: r.Outcome.String()})
			}
		}
	})
	return list
}

func awaitedDecision(d *reconciliation.Decision) AwaitedAct {
	act := AwaitedAct{Kind: "close-out", ID: d.ID, Directive: d.Directive}
	switch {
	case d.Lost != nil:
		act.Kind = "lost"
	case !d.Closes():
		act.Kind, act.What = "exception", d.How.String()
	}
	return act
}
