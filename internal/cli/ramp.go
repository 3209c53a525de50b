package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/view"
)

func rampLine(r view.Ramp) string {
	text := fmt.Sprintf("step %d of %d", r.Step, len(r.Steps))
	if j := r.Judged; j != nil {
		text += fmt.Sprintf(", %s (%d of %d done)", strings.Join(append([]string{string(j.Verdict)}, j.Why...), " "), j.Done, j.Sample)
	}
	return "[" + text + "] "
}

func (s *shell) incidentRamp() *cobra.Command {
	var in api.RampTo
	cmd := s.api("POST /incidents/{id}/tasks/{task}/ramp", "ramp INCIDENT TASK", "Bring payments to a step of the ramp", func(c *call) error {
		return c.act(in, "incident %s: payments are at step %d of the ramp", c.args[0], in.Step)
	})
	cmd.Flags().IntVar(&in.Step, "step", 0, "the step, counted from 1; 0 is stopped")
	return required(cmd, "step")
}

func (s *shell) incidentRampKeep() *cobra.Command {
	var in api.RampKeep
	cmd := s.api("POST /incidents/{id}/tasks/{task}/ramp/keep", "ramp-keep INCIDENT TASK", "Keep payments on the present step of the ramp and have it judged anew", func(c *call) error {
		return c.act(in, "incident %s: payments stay on step %d of the ramp", c.args[0], in.Step)
	})
	cmd.Flags().IntVar(&in.Step, "step", 0, "the step that you looked at, counted from 1")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why payments stay on it")
	return required(required(cmd, "step"), "reason")
}

func (s *shell) incidentRampClose() *cobra.Command {
	var in api.RampClose
	cmd := s.api("POST /incidents/{id}/tasks/{task}/ramp/close", "ramp-close INCIDENT TASK", "Close the ramp out: payments are back, were watched, and no outcome is unknown", func(c *call) error {
		return c.act(in, "incident %s: the ramp is closed out", c.args[0])
	})
	cmd.Flags().StringVar(&in.Note, "note", "", "what was made sure of")
	return cmd
}
