package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/incident"
	"holdfast/internal/view"
)

func (s *shell) incidentPost() *cobra.Command {
	var in api.FillPost
	cmd := s.api("POST /incidents/{id}/posts/{post}", "post INCIDENT POST",
		"Put a person in a post, or yourself: commander, technology, operations, risk, communication, scribe", func(c *call) error {
			return c.act(in, "post %[2]s of incident %[1]s is filled", c.args[0], c.args[1])
		})
	cmd.Flags().StringVar(&in.Person, "person", "", "a person of the roster; left out: you")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why the command is taken without a hand-over")
	return cmd
}

func (s *shell) incidentHandover() *cobra.Command {
	var in api.OfferPost
	var post string
	cmd := s.api("POST /incidents/{id}/handovers", "hand-over INCIDENT", "Offer a post that you hold to the person who takes over", func(c *call) error {
		in.Post = incident.Post(post)
		return c.create(in, "hand-over %s waits for the answer of who takes over")
	})
	cmd.Flags().StringVar(&post, "post", string(incident.Commander), "the post")
	cmd.Flags().StringVar(&in.To, "to", "", "the person of the roster who takes over")
	cmd.Flags().StringVar(&in.Text, "text", "", "how things stand")
	return required(cmd, "to", "text")
}

func (s *shell) incidentAnswerHandover() *cobra.Command {
	var in api.Answer
	var decline bool
	cmd := s.api("POST /incidents/{id}/handovers/{n}/answer", "answer-hand-over INCIDENT NUMBER",
		"Accept a hand-over; decline it, or take your own back, with --decline", func(c *call) error {
			in.Granted = !decline
			return c.act(in, "incident %s: your answer is recorded", c.args[0])
		})
	cmd.Flags().BoolVar(&decline, "decline", false, "decline, or take back")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why it does not take place")
	return cmd
}

func (s *shell) incidentDecide() *cobra.Command {
	var in api.AskDecision
	cmd := s.api("POST /incidents/{id}/decisions", "ask-decision INCIDENT QUESTION",
		"Put a decision with its options on the record, open or made", func(c *call) error {
			in.Question = c.args[1]
			return c.create(in, "decision %s is on the record")
		})
	cmd.Args = cobra.ExactArgs(2)
	cmd.Flags().StringArrayVar(&in.Options, "option", nil, "an option; repeated for each")
	choiceFlags(cmd, &in.Chosen, &in.Why, &in.DecidedBy, &in.Reversible)
	return required(cmd, "option")
}

func (s *shell) incidentMakeDecision() *cobra.Command {
	var in incident.Choice
	cmd := s.api("POST /incidents/{id}/decisions/{decision}", "decide INCIDENT DECISION", "Record which option of an open decision was chosen, and why", func(c *call) error {
		return c.act(in, "decision %[2]s of incident %[1]s is made", c.args[0], c.args[1])
	})
	choiceFlags(cmd, &in.Chosen, &in.Why, &in.DecidedBy, &in.Reversible)
	return required(cmd, "chosen", "why")
}

func choiceFlags(cmd *cobra.Command, chosen, why, by *string, reversible *bool) {
	cmd.Flags().StringVar(chosen, "chosen", "", "the option that was chosen")
	cmd.Flags().StringVar(why, "why", "", "why it was chosen")
	cmd.Flags().StringVar(by, "decided-by", "", "who decided, if not you")
	cmd.Flags().BoolVar(reversible, "reversible", false, "it can be taken back later")
}

func (s *shell) incidentCorrect() *cobra.Command {
	var in incident.Corrected
	var position uint64
	cmd := s.api("POST /incidents/{id}/corrections", "correct INCIDENT", "Correct an entry of the timeline by a new one; both are kept", func(c *call) error {
		in.Position = holdfast.Position(position)
		return c.act(in, "incident %s: the correction is recorded", c.args[0])
	})
	cmd.Flags().Uint64Var(&position, "entry", 0, "the entry's position in the journal, as show --json gives it")
	cmd.Flags().StringVar(&in.Text, "text", "", "what is true instead")
	return required(cmd, "entry", "text")
}

// writeTeam writes who does what, and what was decided.
func writeTeam(p *page, in view.Incident) {
	var held, open []string
	for _, post := range in.Posts {
		if post.Holder != nil {
			held = append(held, post.ID+" "+post.Holder.Name+limitText(post.Limit))
		}
	}
	if len(held) > 0 {
		p.line("\nposts: %s", strings.Join(held, "; "))
	}
	for _, h := range in.Handovers {
		if h.Open() {
			p.line("hand-over %d of %s to %s waits for an answer: holdfast incident answer-hand-over", h.N, h.Post, h.To.Name)
		}
	}
	for _, d := range in.Decisions {
		if d.Made.IsZero() {
			open = append(open, d.ID+" "+d.Question)
		} else {
			p.line("%s %s: %s", d.ID, d.Question, d.Chosen)
		}
	}
	for _, d := range open {
		p.line("%s: open", d)
	}
}
