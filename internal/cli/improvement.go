package cli

import (
	"cmp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	noun "holdfast/internal/improvement"
	"holdfast/internal/plan"
	"holdfast/internal/trend"
	"holdfast/internal/view"
)

func (s *shell) improvement() *cobra.Command {
	return group("improvement", "What debriefs decided to change, until it is done",
		s.improvementRecord(), s.improvementList(), s.improvementShow(), s.improvementExtend(), s.improvementAssign(), s.improvementDone(),
		s.improvementDrop(), s.improvementAnswer(), s.improvementReopen(), s.improvementTrigger(), s.improvementKeep(), s.improvementFile())
}

func (s *shell) improvementRecord() *cobra.Command {
	var in noun.Form
	var due string
	cmd := s.api("POST /improvements", "record TEXT", "Record what an incident's debrief decided to change", func(c *call) error {
		in.Text, in.Due = c.args[0], plan.Date(due)
		return c.create(in, "improvement %s is recorded")
	})
	f := cmd.Flags()
	f.StringVar(&in.Incident, "incident", "", "the incident")
	f.StringVar(&in.Role, "role", "", "role of the plan that owns it")
	f.StringVar(&in.Person, "person", "", "person of the roster who owns it, instead of a role")
	f.StringVar(&due, "due", "", "the day by which it is done, as 2026-12-31")
	f.StringVar(&in.Chapter, "chapter", "", "chapter of the plan that it changes, as procedure-1")
	f.StringVar(&in.Risk, "risk", "", "risk of the plan that it lessens")
	f.BoolVar(&in.Revise, "revise", false, "open a trigger to update that chapter")
	return required(cmd, "incident", "due")
}

func improvementRow(p *page, v view.TrackedImprovement) {
	owner := v.Person
	if v.Role != "" {
		owner = v.Role
	}
	p.row(v.ID, string(v.State)+unless(v.Drop == nil, ", drop asked"), string(v.Due), owner, v.Incident, v.Trigger, v.Text)
}

var improvementHead = []any{"IMPROVEMENT", "STATE", "DUE", "OWNER", "INCIDENT", "TRIGGER", "TEXT"}

func (s *shell) improvementList() *cobra.Command {
	cmd := s.api("GET /improvements", "list", "List improvements: those that are not over by due day, then the others", func(c *call) error {
		return show(c.paging().pass("state", "incident", "owner", "q"), nil, func(p *page, v view.Page[view.TrackedImprovement]) {
			p.row(improvementHead...)
			for _, im := range v.Items {
				improvementRow(p, im)
			}
			more(p, len(v.Items), v.Total, v.Next)
		})
	})
	f := cmd.Flags()
	f.String("state", "", "only those that are open, overdue, done, dropped or unsettled (open or overdue)")
	f.String("incident", "", "only those of an incident")
	f.String("owner", "", "only those of a role or a person")
	f.String("q", "", "only those that hold a text")
	return paged(cmd)
}

func (s *shell) improvementShow() *cobra.Command {
	return s.api("GET /improvements/{id}", "show IMPROVEMENT", "Show an improvement with its history", func(c *call) error {
		return show(c, nil, func(p *page, v view.TrackedImprovement) {
			p.row(improvementHead...)
			improvementRow(p, v)
			if v.Trigger != "" {
				p.line("trigger %s is %s", v.Trigger, v.TriggerState)
			}
			section(p, "History", v.History, []any{"AT", "BY", "WHAT", "DUE", "TEXT"}, func(p *page, h noun.Change) {
				p.row(h.At, h.By.String(), h.Kind, string(h.Due), h.Text)
			})
			for _, f := range v.Files {
				p.line("file %s  %s", f.File.Hash, f.File.Name)
			}
		})
	})
}

func (s *shell) improvementExtend() *cobra.Command {
	var in api.Extension
	var due string
	cmd := s.api("POST /improvements/{id}/extend", "extend IMPROVEMENT", "Give an improvement a later due day", func(c *call) error {
		in.Due = plan.Date(due)
		return c.act(in, "improvement %s is due on %s", c.args[0], due)
	})
	cmd.Flags().StringVar(&due, "due", "", "the day, as 2026-12-31")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why")
	return required(cmd, "due", "reason")
}

func (s *shell) improvementAssign() *cobra.Command {
	var in api.NewOwner
	cmd := s.api("POST /improvements/{id}/assign", "assign IMPROVEMENT", "Give an improvement another owner", func(c *call) error {
		return c.act(in, "improvement %s has another owner", c.args[0])
	})
	cmd.Flags().StringVar(&in.Role, "role", "", "role of the plan")
	cmd.Flags().StringVar(&in.Person, "person", "", "person of the roster, instead of a role")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why")
	return required(cmd, "reason")
}

func (s *shell) improvementDone() *cobra.Command {
	var in api.Shown
	cmd := s.api("POST /improvements/{id}/done", "done IMPROVEMENT", "Say that an improvement is done, and what shows it", func(c *call) error {
		return c.act(in, "improvement %s is done", c.args[0])
	})
	cmd.Flags().StringVar(&in.Evidence, "evidence", "", "what shows it")
	return required(cmd, "evidence")
}

func (s *shell) improvementDrop() *cobra.Command {
	var in api.Reason
	cmd := s.api("POST /improvements/{id}/drop", "drop IMPROVEMENT", "Ask for an improvement to be dropped; a second person consents", func(c *call) error {
		return c.act(in, "improvement %s waits for a second person to consent that it is dropped", c.args[0])
	})
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why")
	return required(cmd, "reason")
}

func (s *shell) improvementAnswer() *cobra.Command {
	return s.secondAnswers("POST /improvements/{id}/drop/answer", "answer IMPROVEMENT", "Consent, as a second person, that an improvement is dropped, or refuse",
		"why it is not dropped; without it you consent", "improvement %s is not dropped", "improvement %s is dropped")
}

func (s *shell) improvementReopen() *cobra.Command {
	var in api.Reason
	cmd := s.api("POST /improvements/{id}/reopen", "reopen IMPROVEMENT", "Say that what was done or dropped is not over", func(c *call) error {
		return c.act(in, "improvement %s is open again", c.args[0])
	})
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why")
	return required(cmd, "reason")
}

func (s *shell) improvementTrigger() *cobra.Command {
	return s.api("POST /improvements/{id}/trigger", "trigger IMPROVEMENT", "Open the trigger of the chapter of the plan that it changes", func(c *call) error {
		return c.create(nil, "trigger %s is open")
	})
}

func (s *shell) improvementKeep() *cobra.Command {
	return s.api("POST /improvements/{id}/files", "keep IMPROVEMENT FILE", "Keep a file as evidence of an improvement", func(c *call) error {
		return c.keepFile(c.args[1])
	})
}

func (s *shell) improvementFile() *cobra.Command {
	return s.fetch("GET /improvements/{id}/files/{hash}", "file IMPROVEMENT HASH", "Write a file of an improvement to standard output")
}

func (s *shell) trends() *cobra.Command {
	var drills bool
	cmd := s.api("GET /trends", "trends", "Show what the incidents of a period have in common", func(c *call) error {
		return show(c.pass("from", "to"), nil, func(p *page, v trend.Trends) {
			f, what := v.Real, "incidents"
			if drills {
				f, what = v.Drills, "drills"
			}
			p.line("%s to %s: %d %s, %d false alarms, %d limits met, %d missed", clock(v.From), clock(v.To), f.Incidents, what, f.FalseAlarms.N, f.LimitsMet, f.LimitsMissed)
			p.line("the times of %d are those of accepted debriefs, of the others those of the record as it stands", f.Debriefed.N)
			counts := []any{"NUMBER", "INCIDENTS", "WHICH"}
			row := func(p *page, n trend.Count) {
				p.row(n.N, strings.Join(n.Incidents, " "), cmp.Or(n.Key, "the whole system"))
			}
			section(p, "By level (0: not confirmed)", f.Levels, counts, row)
			section(p, "By cause", f.Causes, counts, row)
			section(p, "By root cause", f.Roots, counts, row)
			section(p, "By month", f.Months, []any{"MONTH", "LEVEL 1", "LEVEL 2", "LEVEL 3", "NOT CONFIRMED", "FALSE ALARMS"}, func(p *page, m trend.Month) {
				p.row(m.Month, m.Levels[1], m.Levels[2], m.Levels[3], m.Levels[0], m.FalseAlarms)
			})
			section(p, "Times", f.Spans, []any{"TIME TO", "KNOWN OF", "MEDIAN", "25 %", "75 %", "LONGEST", "IN"}, func(p *page, s trend.Span) {
				longest := ""
				if s.N > 0 {
					longest = s.Incidents[0].Incident
				}
				p.row(s.Name, s.N, spanCell(s, s.Median), spanCell(s, s.P25), spanCell(s, s.P75), spanCell(s, s.Max), longest)
			})
		})
	})
	cmd.Flags().String("from", "", "first day, as 2026-01-01; without it, twelve months back")
	cmd.Flags().String("to", "", "last day; without it, the end of this month")
	cmd.Flags().BoolVar(&drills, "drills", false, "of drills instead")
	return cmd
}

// spanCell says a figure, or that too few times are known for it.
func spanCell(s trend.Span, d *time.Duration) string {
	switch {
	case d != nil:
		return d.Round(100 * time.Millisecond).String()
	case s.N == 0:
		return ""
	}
	return "too few"
}
