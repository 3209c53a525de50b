package cli

import (
	"github.com/spf13/cobra"

	"holdfast/internal/api"
)

func (s *shell) incidentFailed() *cobra.Command {
	var in api.StageNote
	cmd := s.api("POST /incidents/{id}/tasks/{task}/failed", "failed INCIDENT TASK", "Say that a task was tried and did not succeed; it stays open", func(c *call) error {
		return c.act(in, "task %[2]s of incident %[1]s has failed and stays open", c.args[0], c.args[1])
	})
	cmd.Flags().StringVar(&in.Note, "note", "", "what was tried and what came of it")
	return required(cmd, "note")
}

func (s *shell) incidentAgree() *cobra.Command {
	return s.api("POST /incidents/{id}/tasks/{task}/agree", "agree INCIDENT TASK", "Agree, as the plan's role, to what is done instead of what a task says", func(c *call) error {
		return c.act(nil, "task %[2]s of incident %[1]s: you have agreed", c.args[0], c.args[1])
	})
}
