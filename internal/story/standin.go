package story

import (
	"context"
	"net/http"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/api"
	"holdfast/internal/client"
	"holdfast/internal/directive"
	"holdfast/internal/sandbox/checker"
	"holdfast/internal/sandbox/fault"
	"holdfast/internal/view"
)

// From the opening of a stand-in to its close-out.

// solution is the built-in plan's stand-in, and enough is how many payments the gates
// answer before the story goes on.
const (
	solution = "stand-in"
	enough   = 40
)

// standIn has two people open a stand-in beside the stop, and lift the stop: from then on
// the gates answer small payments.
func (s *story) standIn(ctx context.Context) error {
	superior, leave, err := s.as(ctx, s.Superior, []access.Action{access.Read, access.Approve})
	if err != nil {
		return err
	}
	defer leave()
	wish := api.ProposeStandIn{Temporary: solution, Incident: s.Incident, Reason: "The primary is down, and there is no sign of an attack."}
	made, err := client.Post[client.Created](ctx, s.commander, "/stand-in", wish)
	if err != nil {
		return err
	}
	s.standing = made.ID
	s.say("The commander proposes stand-in %s by the plan's terms for an unplanned outage.", s.standing)
	if err := superior.Do(ctx, http.MethodPost, "/directives/"+s.standing+"/approve", nil, nil); err != nil {
		return err
	}
	s.say("A superior approves it. Forwarding has been stopped already, so it opens as soon as nothing is in the way.")
	if err := s.opened(ctx); err != nil {
		return err
	}
	lift := api.Lift{Reason: "The gates stand in."}
	if err := s.commander.Do(ctx, http.MethodPost, "/directives/"+s.stopped+"/lift", lift, nil); err != nil {
		return err
	}
	if err := superior.Do(ctx, http.MethodPost, "/directives/"+s.stopped+"/lift/approve", nil, nil); err != nil {
		return err
	}
	s.say("The stop %s is lifted by two people; the stand-in stays, and nothing is forwarded.", s.stopped)
	return s.until(ctx, "approvals of the gates", func(ctx context.Context) (bool, error) {
		report, err := s.check(ctx)
		if err == nil && report.StoodIn >= enough {
			s.say("The gates have approved %d payments, each stored before it was answered.", report.StoodIn)
		}
		return report.StoodIn >= enough, err
	})
}

// opened waits until the gates stand in, and goes without those that have nowhere to keep
// their decisions.
func (s *story) opened(ctx context.Context) error {
	without := false
	return s.until(ctx, "the opening of the stand-in", func(ctx context.Context) (bool, error) {
		d, err := client.Get[view.Directive](ctx, s.commander, "/directives/"+s.standing)
		if err != nil || d.StandIn == nil {
			return false, err
		}
		for _, o := range d.StandIn.Obstacles {
			if o.Why != directive.NoSource || len(o.Gates) == 0 || without {
				continue
			}
			in := api.Without{Gates: o.Gates, Reason: "It has no advice source; there payments stay held."}
			if err := s.commander.Do(ctx, http.MethodPost, "/stand-in/"+s.standing+"/without", in, nil); err != nil {
				return false, err
			}
			without = true
			s.say("%v have no advice source: the stand-in is opened without, and there payments stay held.", o.Gates)
		}
		return !d.StandIn.OpenedAt.IsZero(), nil
	})
}

// loseAnswers has the repaired primary lose the answers to three payments of a hundred:
// twelve of a hundred of the cards', which every fourth payment is by.
func (s *story) loseAnswers(ctx context.Context) error {
	loss := fault.Fault{Kind: fault.AnswerLost, Seconds: 600, Share: 0.12, Scope: fault.Scope{Channel: "card"}, Note: "the story: some answers are lost"}
	if err := s.world.Do(ctx, http.MethodPost, "/faults", loss, nil); err != nil {
		return err
	}
	s.say("The primary is back and loses the answers to 3 %% of payments and of what is forwarded to it.")
	return nil
}

// reconcile has the stand-in closed out by two people, once everything that the gates
// approved is delivered.
func (s *story) reconcile(ctx context.Context) error {
	superior, leave, err := s.as(ctx, s.Superior, []access.Action{access.Read, access.Approve})
	if err != nil {
		return err
	}
	defer leave()
	var asked client.Created
	if err := s.until(ctx, "the delivery of what was stood in for", func(ctx context.Context) (bool, error) {
		asked, err = client.Post[client.Created](ctx, s.commander, "/reconciliation/close-outs", api.CloseOut{Directive: s.standing, Note: "All is delivered; the figures agree."})
		if holdfast.CodeOf(err) == holdfast.Conflict {
			return false, nil // something is pending still
		}
		return err == nil, err
	}); err != nil {
		return err
	}
	figures, err := client.Get[view.Reconciliation](ctx, s.duty, "/reconciliation?directive="+s.standing)
	if err != nil {
		return err
	}
	for _, source := range figures.Sources {
		for _, a := range source.Accounts {
			for _, l := range a.Lines {
				s.say("%s %s: approved %d = delivered %d + pending %d + exception %d + reversed %d.", l.Kind, l.Currency, l.Approved.Count, l.Delivered.Count, l.Pending.Count, l.Exception.Count, l.Reversed.Count)
			}
		}
	}
	if err := superior.Do(ctx, http.MethodPost, "/reconciliation/decisions/"+asked.ID+"/answer", api.Answer{Granted: true}, nil); err != nil {
		return err
	}
	s.say("The commander and a superior have signed the close-out of %s: nothing is left to explain.", s.standing)
	return nil
}

func (s *story) check(ctx context.Context) (checker.Report, error) {
	return client.Get[checker.Report](ctx, s.world, "/check")
}
