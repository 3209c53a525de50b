package cli

import (
	"github.com/spf13/cobra"

	"holdfast/internal/api"
)

func (s *shell) incidentWebhook() *cobra.Command {
	var in api.CallAgain
	cmd := s.api("POST /incidents/{id}/tasks/{task}/webhook", "webhook INCIDENT TASK", "Call the endpoint of the operator's automation that a task names", func(c *call) error {
		return c.act(in, "the endpoint of task %[2]s of incident %[1]s is being called; see: holdfast incident show %[1]s", c.args[0], c.args[1])
	})
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why it is called again although an earlier call may have done it")
	return cmd
}

func (s *shell) incidentTick() *cobra.Command {
	var in api.Tick
	var undo bool
	cmd := s.api("PUT /incidents/{id}/tasks/{task}/items/{item}", "tick INCIDENT TASK N", "Tick item N of a task's checklist; the task is done with the last one", func(c *call) error {
		in.Ticked = !undo
		if undo {
			return c.act(in, "item %[3]s of task %[2]s of incident %[1]s is not ticked any more", c.args[0], c.args[1], c.args[2])
		}
		return c.act(in, "item %[3]s of task %[2]s of incident %[1]s is ticked", c.args[0], c.args[1], c.args[2])
	})
	cmd.Flags().BoolVar(&undo, "undo", false, "take the tick back, with --note")
	cmd.Flags().StringVar(&in.Note, "note", "", "what it rests on, or why it is not so after all")
	return cmd
}
