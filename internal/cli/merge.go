package cli

import (
	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/incident"
	"holdfast/internal/procedure"
	"holdfast/internal/view"
)

func (s *shell) incidentFalseAlarm() *cobra.Command {
	return s.because("POST /incidents/{id}/false-alarm", "false-alarm INCIDENT", "Ask for an active incident to be ended as a false alarm; a second person answers",
		"incident %s: it waits for a second person's consent")
}

func (s *shell) incidentAnswerFalseAlarm() *cobra.Command {
	var in api.Answer
	var refuse bool
	cmd := s.api("POST /incidents/{id}/false-alarm/answer", "answer-false-alarm INCIDENT",
		"Consent, as a second person, that an active incident is a false alarm, or refuse", func(c *call) error {
			in.Granted = !refuse
			return c.act(in, "incident %s: your answer is recorded", c.args[0])
		})
	cmd.Flags().BoolVar(&refuse, "refuse", false, "refuse")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why it is refused")
	return cmd
}

func (s *shell) incidentReopen() *cobra.Command {
	var in api.Reopen
	var from string
	cmd := s.api("POST /incidents/{id}/reopen", "reopen INCIDENT", "Open a closed or dismissed incident again", func(c *call) error {
		in.From = procedure.StageKind(from)
		return c.act(in, "incident %s goes on", c.args[0])
	})
	cmd.Flags().StringVar(&from, "from", "", "the stage that is worked anew, with those after it; left out for one that was dismissed while suspected")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why, for the record")
	return required(cmd, "reason")
}

func (s *shell) incidentMerge() *cobra.Command {
	var in api.MergeInto
	cmd := s.api("POST /incidents/{id}/merge", "merge INCIDENT", "Make the incident part of another: its alerts and what is open go over", func(c *call) error {
		return c.act(in, "incident %s is part of %s now", c.args[0], in.Into)
	})
	cmd.Flags().StringVar(&in.Into, "into", "", "the incident that goes on for both")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why the two are one")
	return required(cmd, "into", "reason")
}

func (s *shell) incidentUnmerge() *cobra.Command {
	return s.because("POST /incidents/{id}/unmerge", "unmerge INCIDENT", "Let a merged incident go on by itself, as it was", "incident %s goes on by itself")
}

func (s *shell) incidentLink() *cobra.Command {
	var in incident.Linked
	cmd := s.api("POST /incidents/{id}/links", "link INCIDENT OTHER", "Link two incidents that have to do with each other", func(c *call) error {
		in.Other = c.args[1]
		return c.act(in, "incidents %s and %s are linked", c.args[0], c.args[1])
	})
	cmd.Flags().StringVar(&in.Reason, "reason", "", "what they have to do with each other")
	return required(cmd, "reason")
}

// writeTies writes what an incident was merged with or linked to.
func writeTies(p *page, in view.Incident) {
	if in.FalseAlarm != nil {
		p.line("called a false alarm: %s; a second person has to consent: holdfast incident answer-false-alarm", in.FalseAlarm.Reason)
	}
	if in.Into != nil {
		p.line("merged into %s: %s", in.Into.ID, in.Into.Reason)
	}
	for _, t := range in.Parts {
		p.line("holds %s: %s", t.ID, p.titled(t.Title, t.Titles))
	}
	for _, t := range in.Links {
		p.line("linked with %s: %s", t.ID, p.titled(t.Title, t.Titles))
	}
}
