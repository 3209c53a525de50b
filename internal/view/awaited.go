package view

import (
	"slices"

	"holdfast/internal/access"
	"holdfast/internal/enrolment"
	"holdfast/internal/reconciliation"
	"holdfast/internal/roster"
	"holdfast/internal/settlement"
)

// AwaitedAct is an act that waits for a second person.
type AwaitedAct struct {
	// Kind is directive, lift, exception, close-out, settlement or resolution.
	Kind string
	// ID is that of the directive, the decision, the settlement file or the resolution, Directive of the
	// stand-in that a decision is about.
	ID, Directive string
	// What is the directive's kind, how an exception ends, a file's day, or an outcome.
	What string
}

// AwaitedActs lists what waits for the consent of an account: directives and lifts that
// it may decide on, what others decided on payments of stand-in, and settlement files
// that others confirmed, and what others said of payments of unknown outcome, the oldest
// first.
func (s *Source) AwaitedActs(who access.Principal) (list []AwaitedAct) {
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
	if !d.Closes() {
		act.Kind, act.What = "exception", d.How.String()
	}
	return act
}
