package story

import (
	"context"
	"net/http"
	"time"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/sandbox/fault"
)

const reopen = "reopen"

// ramp climbs the plan's ladder, in the place of the stand-in, with the backlog forwarded
// beside it. Before the last step the primary fails again, and payments step back by
// themselves. It is closed out after the stand-in.
func (s *story) ramp(ctx context.Context) error {
	if err := s.refresh(ctx); err != nil {
		return err
	}
	last := len(s.task(reopen).Ramp.Steps)
	if err := s.loseAnswers(ctx); err != nil {
		return err
	}
	if err := s.climb(ctx, last-1); err != nil {
		return err
	}
	if err := s.relapse(ctx, last-1); err != nil {
		return err
	}
	if err := s.climb(ctx, last); err != nil {
		return err
	}
	if err := s.reconcile(ctx); err != nil {
		return err
	}
	if err := s.closeRamp(ctx); err != nil {
		return err
	}
	return s.finish(ctx, s.duty, "recover")
}

// climb goes up to a step, from where payments are.
func (s *story) climb(ctx context.Context, top int) error {
	for {
		if err := s.refresh(ctx); err != nil {
			return err
		}
		if s.task(reopen).Ramp.Step >= top {
			return nil
		}
		if err := s.step(ctx); err != nil {
			return err
		}
	}
}

// step takes the next step as soon as it may be taken, and tells what came of it.
func (s *story) step(ctx context.Context) error {
	var step int
	if err := s.until(ctx, "the way to the next step of the ramp", func(ctx context.Context) (bool, error) {
		step = s.task(reopen).Ramp.Step + 1
		err := s.commander.Do(ctx, http.MethodPost, s.path("/tasks/"+reopen+"/ramp"), api.RampTo{Step: step}, nil)
		if holdfast.CodeOf(err) == holdfast.Conflict {
			return false, s.refresh(ctx) // it is held, or tested, or it fell, and the next step is another
		}
		return err == nil, err
	}); err != nil {
		return err
	}
	if err := s.enforced(ctx); err != nil {
		return err
	}
	if !pause(ctx, s.hold(reopen)) {
		return ctx.Err()
	}
	stats, err := s.stats(ctx)
	if err != nil {
		return err
	}
	n := stats.Seconds[len(stats.Seconds)-1]
	steps := s.task(reopen).Ramp.Steps
	s.say("Step %d of %d, %g %% of payers: in the last second %d customers were told done, %d declined.", step, len(steps), steps[step-1].Percent, n.Done, n.Declined)
	return nil
}

// relapse lets the primary fail again until payments have stepped back.
func (s *story) relapse(ctx context.Context, from int) error {
	again := fault.Fault{Kind: fault.Error, Seconds: 120, Share: 0.5, Note: "the story: the primary fails again"}
	if err := s.world.Do(ctx, http.MethodPost, "/faults", again, nil); err != nil {
		return err
	}
	s.say("Every second payment fails again at the primary.")
	if err := s.until(ctx, "the step back", func(ctx context.Context) (bool, error) {
		err := s.refresh(ctx)
		return s.task(reopen).Ramp.Step < from, err
	}); err != nil {
		return err
	}
	for _, v := range s.task(reopen).Ramp.Verdicts {
		if v.Verdict.Graver() {
			s.say("The ramp judges step %d: %s, %v; %d of %d payments done. It steps back by itself.", v.Step, v.Verdict, v.Why, v.Done, v.Sample)
		}
	}
	if err := s.world.Do(ctx, http.MethodDelete, "/faults", nil, nil); err != nil {
		return err
	}
	s.say("The primary is repaired.")
	return nil
}

// closeRamp signs the end of the ramp once all payments have been watched and no outcome
// is unknown.
func (s *story) closeRamp(ctx context.Context) error {
	if err := s.until(ctx, "the close-out of the ramp", func(ctx context.Context) (bool, error) {
		err := s.commander.Do(ctx, http.MethodPost, s.path("/tasks/"+reopen+"/ramp/close"), api.RampClose{Note: "Watched; no outcome is unknown."}, nil)
		if holdfast.CodeOf(err) == holdfast.Conflict {
			return false, s.refresh(ctx)
		}
		return err == nil, err
	}); err != nil {
		return err
	}
	if err := s.refresh(ctx); err != nil {
		return err
	}
	r := s.task(reopen).Ramp
	s.say("All payments are back and were watched; %d outcomes are unknown. The commander has closed the ramp out after %d steps and %d verdicts.", r.Unknown, len(r.Moves), len(r.Verdicts))
	return nil
}

// hold is how long the ramp's present step still has to be held: at least until
// there is a whole second of traffic to look at.
func (s *story) hold(task string) time.Duration {
	var until time.Time
	if r := s.task(task).Ramp; r != nil {
		until = r.HeldUntil
	}
	return max(2*time.Second, until.Sub(s.Now())+10*time.Millisecond)
}
