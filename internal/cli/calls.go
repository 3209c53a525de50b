package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/callout"
	"holdfast/internal/view"
)

func (s *shell) incidentCalls() *cobra.Command {
	return s.api("GET /incidents/{id}/calls", "calls INCIDENT", "Whom to call by hand, in order, and the calls that were made", func(c *call) error {
		return show(c, nil, func(p *page, lists []view.CallList) {
			for _, l := range lists {
				p.line("\n%s: %s%s", l.Task, p.in(l.Title), unless(!l.Needed, "; CALL BY HAND"))
				p.row("  PERSON", "NAME", "ROLE", "NUMBERS", "STATE", "CALLS")
				for _, one := range l.People {
					calleeRow(p, one)
				}
			}
			if len(lists) == 0 {
				p.line("no open task tells people")
			}
		})
	})
}

func calleeRow(p *page, c view.Callee) {
	var numbers, calls []string
	for _, n := range c.Numbers {
		numbers = append(numbers, n.Address)
	}
	for _, one := range c.Calls {
		calls = append(calls, clock(one.At)+" "+one.Result)
	}
	state := c.ByHand
	if c.Reached {
		state = "reached"
	}
	p.row("  "+c.Person, c.Name, p.in(c.Role.Name)+unless(c.DeputyOf == "", ", deputy of "+c.DeputyOf), strings.Join(numbers, ", "), state, strings.Join(calls, "; "))
}

func (s *shell) incidentCalled() *cobra.Command {
	var in api.NewCall
	var at string
	cmd := s.api("POST /incidents/{id}/calls", "called INCIDENT TASK PERSON", "Record a call you made: who was reached, or not", func(c *call) error {
		in.Task, in.Person = c.args[1], c.args[2]
		if at != "" {
			made, err := time.Parse(time.RFC3339, at)
			if err != nil {
				return holdfast.Errorf(holdfast.Invalid, "%q is not a time: write it as 2026-11-24T03:00:00+08:00", at).At("at")
			}
			in.At = made
		}
		return c.act(in, "incident %s: the call is recorded", c.args[0])
	})
	cmd.Args = cobra.ExactArgs(3)
	cmd.Flags().StringVar(&in.Result, "result", "", "reached, not-reached or voicemail")
	cmd.Flags().StringVar(&in.Number, "number", "", "the number that was dialled")
	cmd.Flags().StringVar(&at, "at", "", "when the call was made, as 2026-11-24T03:00:00+08:00; left out: now")
	cmd.Flags().StringVar(&in.Note, "note", "", "what was said")
	return required(cmd, "result")
}

// writeEscalations says how far each escalation of open tasks has gone.
func writeEscalations(p *page, in view.Incident) {
	for _, st := range in.Stages {
		for _, t := range st.Tasks {
			if t.Notice == nil || t.Notice.Escalation == nil || t.Status != "open" {
				continue
			}
			e := t.Notice.Escalation
			p.line("\n%s: %d of %d acknowledged%s%s", t.ID, e.Acknowledged, e.Need,
				unless(e.Next == "", fmt.Sprintf("; next %s at %s", e.Next, clock(e.NextAt))), unless(len(t.Notice.ByHand) == 0, "; CALL BY HAND: "+strings.Join(t.Notice.ByHand, ", ")))
			for i, step := range e.Steps {
				for _, r := range step.Rounds {
					p.row(fmt.Sprintf("  step %d", i+1), r.At, strings.Join(r.People, ", "), unless(r.Late == 0, fmt.Sprintf("late by %d s", r.Late)))
				}
			}
		}
	}
}

// writeAudit says what was due to people and did not come to pass, or came late.
func writeAudit(p *page, r *callout.Audited) {
	if r == nil || len(r.Findings) == 0 {
		return
	}
	p.line("\nDue to people")
	p.row("INCIDENT", "WHAT", "TASK", "PERSON", "DUE", "DONE")
	for _, f := range r.Findings {
		done := "MISSING"
		if !f.Missing() {
			done = "late by " + f.Done.Sub(f.Due).Round(time.Second).String()
		}
		p.row(f.Incident, string(f.Kind)+" "+f.What, f.Task, f.Person, f.Due, done)
	}
}
