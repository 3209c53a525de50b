package app

import (
	"context"

	"holdfast/internal/plan"
	"holdfast/internal/standin"
	"holdfast/internal/trial"
)

// shadowPlan is shadow mode at the control plane: gates try what the plan in force says.
type shadowPlan struct {
	*trial.Board
	control *Control
}

// makeShadow makes what keeps the figures of shadow mode, and tells gates what to try.
func (c *Control) makeShadow() {
	c.trials = trial.NewBoard()
	c.node.Shadow = shadowPlan{c.trials, c}
	c.loops = append(c.loops, loop{"figures of shadow mode", func(ctx context.Context) error { return c.trials.Run(ctx, c.store, c.opt.Log) }})
}

// Trials implements [fleet.Shadow].
func (s shadowPlan) Trials() (list []standin.Trial) {
	s.control.desk.State.View(func() {
		list = plan.Trials(s.control.response.StandIns("", s.control.desk.Now()))
	})
	return list
}
