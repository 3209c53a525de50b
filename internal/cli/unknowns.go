package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/enrolment"
	"holdfast/internal/view"
)

func (s *shell) unknowns() *cobra.Command {
	cmd := s.api("GET /unknowns", "unknowns", "Payments of unknown outcome, and those that were settled", func(c *call) error {
		return show(c.paging().pass("settled", "q", "route", "gate", "stage", "directive"), nil, func(p *page, v view.Page[view.Unknown]) {
			p.row("SINCE", "GATE", "IDENTITY", "OUTCOME", "STAGE", "ASKED", "NEXT", "SETTLED", "HOW", "RESOLUTION")
			for _, u := range v.Items {
				asked, next := askedText(u)
				p.row(u.Since, u.Gate+unless(!u.Record.Second, ", second primary"), u.Record.Identity, u.Outcome, u.Stage, asked, next, u.Settled, u.How, resolutionText(u.Resolution))
			}
			more(p, len(v.Items), v.Total, v.Next)
		})
	})
	cmd.Flags().Bool("settled", false, "list those that were settled, newest first")
	cmd.Flags().String("q", "", "a part of the identity")
	cmd.Flags().String("route", "", "those of one route")
	cmd.Flags().String("gate", "", "those of one gate")
	cmd.Flags().String("stage", "", "who is to tell next: asked (the primary), file, person, unheard (the gate)")
	cmd.Flags().String("directive", "", "those that the stop of a directive left unknown")
	return paged(cmd)
}

// resolution are the commands on what people say of payments of unknown outcome.
func (s *shell) resolution() *cobra.Command {
	return group("resolution", "What people say of payments of unknown outcome", s.resolutionMake(), s.resolutionAnswer(), s.resolutionWithdraw(), s.resolutionList())
}

func askedText(u view.Unknown) (asked string, next any) {
	a := u.Asked
	if a == nil {
		return "", ""
	}
	asked = fmt.Sprint(a.Made)
	if a.Most > 0 {
		asked += fmt.Sprintf(" of %d", a.Most)
	}
	if a.Said != "" {
		asked += ", " + a.Said
	}
	return asked, a.Due
}

func resolutionText(r *enrolment.Resolution) string {
	if r == nil {
		return ""
	}
	return fmt.Sprintf("%s: %s, %s%s", r.ID, r.Outcome, r.State, unless(!r.Contradicted, ", CONTRADICTED"))
}

func (s *shell) resolutionList() *cobra.Command {
	return paged(s.api("GET /unknowns/resolutions", "list", "What people said of payments of unknown outcome", func(c *call) error {
		return show(c.paging(), nil, func(p *page, v view.Page[enrolment.Resolution]) {
			p.row("AT", "ID", "IDENTITY", "OUTCOME", "STATE", "BY", "SECOND", "REASON", "EVIDENCE")
			for _, r := range v.Items {
				second := ""
				if r.Second != nil {
					second = r.Second.String()
				}
				p.row(r.At, r.ID, r.Identity, r.Outcome, string(r.State)+unless(!r.Contradicted, ", CONTRADICTED"), r.By.String(), second, r.Reason, r.Evidence)
			}
			more(p, len(v.Items), v.Total, v.Next)
		})
	}))
}

func (s *shell) resolutionMake() *cobra.Command {
	var in enrolment.ResolutionForm
	var outcome string
	cmd := s.api("POST /unknowns/resolutions", "make", "Say that a payment of unknown outcome is done or not done", func(c *call) error {
		if err := in.Outcome.UnmarshalText([]byte(outcome)); err != nil || !in.Outcome.Settled() {
			return holdfast.Errorf(holdfast.Invalid, "--outcome %q: write done or not-done", outcome).At("outcome")
		}
		return c.create(in, "resolution %s is asked for; where it takes two people it waits for the second")
	})
	cmd.Flags().StringVar(&in.Identity, "identity", "", "the payment's identity, as holdfast unknowns lists it")
	cmd.Flags().StringVar(&outcome, "outcome", "", "done or not-done")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why")
	cmd.Flags().StringVar(&in.Evidence, "evidence", "", "where the evidence can be looked up")
	return required(cmd, "identity", "outcome", "reason", "evidence")
}

func (s *shell) resolutionAnswer() *cobra.Command {
	return s.secondAnswers("POST /unknowns/resolutions/{id}/answer", "answer RESOLUTION", "Agree, as a second person, to what became of a payment of unknown outcome, or refuse",
		"why not; without it you agree", "resolution %s is refused", "resolution %s is agreed; the gates carry it out")
}

func (s *shell) resolutionWithdraw() *cobra.Command {
	var in api.Reason
	cmd := s.api("POST /unknowns/resolutions/{id}/withdraw", "withdraw RESOLUTION", "Take back what was said of a payment, until a gate has carried it out", func(c *call) error {
		return c.act(in, "resolution %s is withdrawn", c.args[0])
	})
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why")
	return required(cmd, "reason")
}
