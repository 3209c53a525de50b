package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/view"
)

func (s *shell) incident() *cobra.Command {
	return group("incident", "Declared emergencies, from suspicion to debrief",
		s.incidentList(), s.incidentShow(), s.incidentOpen(), s.incidentConfirm(), s.incidentDismiss(), s.incidentAttach(),
		s.incidentNote(), s.incidentTake(), s.incidentDone(), s.incidentDirect(), s.incidentProbe(), s.incidentRamp(), s.incidentRampKeep(), s.incidentRampClose(),
		s.incidentEndStage(), s.incidentSkip(), s.incidentAnswerSkip(), s.incidentAcknowledge(), s.incidentCalls(), s.incidentCalled(),
		s.incidentLevel(),
		s.incidentFailed(), s.incidentAgree(), s.incidentWebhook(), s.incidentTick(), s.incidentFalseAlarm(), s.incidentAnswerFalseAlarm(), s.incidentReopen(), s.incidentMerge(), s.incidentUnmerge(), s.incidentLink(),
		s.incidentPost(), s.incidentHandover(), s.incidentAnswerHandover(), s.incidentDecide(), s.incidentMakeDecision(), s.incidentCorrect(),
		s.incidentClose(), s.incidentEvidence(),
	)
}

var incidentHead = []any{"INCIDENT", "STATE", "LEVEL", "OPENED", "OPEN STAGES", "TITLE"}

func incidentRow(p *page, in view.Incident) {
	level := levelText(in.Level)
	if in.Level == holdfast.Unknown && in.Suggested != holdfast.Unknown {
		level = fmt.Sprintf("%s?", levelText(in.Suggested))
	}
	stages := make([]string, len(in.OpenStages))
	for i, st := range in.OpenStages {
		stages[i] = st.ID
	}
	p.row(in.ID, in.State, level, in.Opened, strings.Join(stages, " "), p.titled(in.Title, in.Titles))
}

func levelText(l holdfast.Level) string {
	if l == holdfast.Unknown {
		return "triage"
	}
	return fmt.Sprintf("%d", uint8(l))
}

func (s *shell) incidentList() *cobra.Command {
	cmd := s.api("GET /incidents", "list", "List incidents, newest first", func(c *call) error {
		return show(c.paging().pass("open", "q"), nil, func(p *page, v view.Page[view.Incident]) {
			p.row(incidentHead...)
			for _, in := range v.Items {
				incidentRow(p, in)
			}
			more(p, len(v.Items), v.Total, v.Next)
		})
	})
	cmd.Flags().Bool("open", false, "leave out those that are over")
	cmd.Flags().String("q", "", "only those whose id or title holds this text")
	return paged(cmd)
}

func (s *shell) incidentShow() *cobra.Command {
	return s.api("GET /incidents/{id}", "show INCIDENT", "Show one incident, whole", func(c *call) error {
		return show(c, nil, writeIncident)
	})
}

func writeIncident(p *page, in view.Incident) {
	p.line("%s  %s, level %s: %s", in.ID, in.State, levelText(in.Level), p.titled(in.Title, in.Titles))
	p.line("opened %s%s%s", clock(in.Opened), unless(in.Confirmed.IsZero(), ", confirmed "+clock(in.Confirmed)), unless(in.Ended.IsZero(), ", ended "+clock(in.Ended)))
	stillUnknown(p, in.Unresolved)
	if e := in.Effect; e != nil && e.Known {
		p.line("stopping all payments would act on %.1f payments/s at %d gates", e.PerSecond, e.Gates)
	}
	for _, st := range in.Stages {
		p.line("\n%s: %s (%s)%s", st.Kind, st.Status+limitText(st.Limit), p.in(st.Title), unless(st.Skip == nil || st.Skip.Granted, "; a skip is asked for: holdfast incident answer-skip"))
		for _, t := range st.Tasks {
			p.row("  "+t.ID, t.Kind, t.Status+limitText(t.Limit)+unless(t.Deputised == nil, ", passed to the deputy")+unless(t.Branch == nil, ", branch"), t.Due, taskDetail(t)+p.in(t.Title))
		}
	}
	writeTies(p, in)
	writeTeam(p, in)
	writeEscalations(p, in)
	section(p, "Directives", in.Directives, directiveHead, directiveRow)
	section(p, "Alerts", in.Alerts, alertHead, alertRow)
	if left := in.AlertsTotal - len(in.Alerts); left > 0 {
		p.line("%d earlier alerts: holdfast alert list --incident %s", left, in.ID)
	}
}

// limitText says that something is late, or soon will be.
func limitText(l *view.Limit) string {
	switch {
	case l != nil && l.State == "breached":
		return ", LATE"
	case l != nil && l.State == "at-risk":
		return ", at risk"
	default:
		return ""
	}
}

// taskDetail says how far a task's action is, for the front of its title.
func taskDetail(t view.Task) string {
	switch {
	case t.Notice != nil:
		acknowledged := 0
		for _, person := range t.Notice.People {
			if person.Acknowledged {
				acknowledged++
			}
		}
		return fmt.Sprintf("[%d told, %d acknowledged, %d needed] ", len(t.Notice.People), acknowledged, t.Notice.Need)
	case t.Directive != nil && t.Directive.Issued != nil:
		return "[" + t.Directive.Issued.ID + " " + t.Directive.Issued.State + "] "
	case t.Ramp != nil:
		return rampLine(*t.Ramp)
	case len(t.Probes) > 0:
		var parts []string
		for _, probe := range t.Probes {
			parts = append(parts, fmt.Sprintf("%s %d/%d", probe.ID, probe.InARow, probe.Times))
		}
		return "[" + strings.Join(parts, ", ") + "] "
	case t.Webhook != nil:
		return fmt.Sprintf("[%s %s] ", t.Webhook.Endpoint, t.Webhook.State)
	case t.Checklist != nil:
		ticked := 0
		for _, item := range t.Checklist {
			if item.Ticked {
				ticked++
			}
		}
		return fmt.Sprintf("[%d of %d ticked] ", ticked, len(t.Checklist))
	case t.Wait != nil:
		return "[" + t.Wait.Until + unless(!t.Wait.Holds, " holds") + "] "
	}
	return ""
}

func (s *shell) incidentOpen() *cobra.Command {
	var in api.Suspect
	cmd := s.api("POST /incidents", "open TITLE", "Open a suspected incident", func(c *call) error {
		in.Title = c.args[0]
		return c.create(in, "incident %s is suspected")
	})
	cmd.Flags().StringSliceVar(&in.Alerts, "alert", nil, "alert to join to it; may be repeated")
	return cmd
}

func (s *shell) incidentConfirm() *cobra.Command {
	var in api.Confirm
	var level uint8
	cmd := s.api("POST /incidents/{id}/confirm", "confirm INCIDENT", "Confirm at a level; the level's procedure starts", func(c *call) error {
		in.Level = holdfast.Level(level)
		return c.act(in, "incident %s is confirmed at level %d", c.args[0], level)
	})
	cmd.Flags().Uint8Var(&level, "level", 0, "1, 2 or 3; 1 is gravest")
	cmd.Flags().StringVar(&in.Note, "note", "", "what the judgement rests on")
	return required(cmd, "level")
}

// required marks flags without which the command means nothing.
func required(cmd *cobra.Command, flags ...string) *cobra.Command {
	for _, name := range flags {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic("cli: " + err.Error()) // a flag that was just defined
		}
	}
	return cmd
}

// because makes a command whose body is a reason.
func (s *shell) because(route, use, short, done string) *cobra.Command {
	var in api.Reason
	cmd := s.api(route, use, short, func(c *call) error { return c.act(in, done, c.args[0]) })
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why, for the record")
	return required(cmd, "reason")
}

func (s *shell) incidentDismiss() *cobra.Command {
	return s.because("POST /incidents/{id}/dismiss", "dismiss INCIDENT", "Dismiss a suspicion that was none", "incident %s is dismissed")
}

func (s *shell) incidentAttach() *cobra.Command {
	return s.api("POST /incidents/{id}/alerts", "attach INCIDENT ALERT", "Join an alert to the incident", func(c *call) error {
		return c.act(api.AlertRef{Alert: c.args[1]}, "alert %[2]s belongs to incident %[1]s", c.args[0], c.args[1])
	})
}

func (s *shell) incidentTake() *cobra.Command {
	return s.api("POST /incidents/{id}/tasks/{task}/take", "take INCIDENT TASK", "Say that you do the task", func(c *call) error {
		return c.act(nil, "you do task %[2]s of incident %[1]s", c.args[0], c.args[1])
	})
}

func (s *shell) incidentDirect() *cobra.Command {
	var wait waiting
	cmd := s.api("POST /incidents/{id}/tasks/{task}/direct", "direct INCIDENT TASK",
		"Propose the task's directive; in force at once if the plan pre-authorises it", func(c *call) error { return wait.propose(c, nil) })
	wait.flags(cmd)
	return cmd
}

func (s *shell) incidentEndStage() *cobra.Command {
	var in api.StageNote
	cmd := s.api("POST /incidents/{id}/stages/{stage}/done", "end-stage INCIDENT STAGE", "End a stage that has no tasks", func(c *call) error {
		return c.act(in, "stage %[2]s of incident %[1]s is done", c.args[0], c.args[1])
	})
	cmd.Flags().StringVar(&in.Note, "note", "", "what was done")
	return cmd
}

func (s *shell) incidentSkip() *cobra.Command {
	return s.because("POST /incidents/{id}/stages/{stage}/skip", "skip INCIDENT STAGE", "Ask for a stage to be skipped; a second person answers",
		"incident %s: it waits for a second person's consent")
}

func (s *shell) incidentAnswerSkip() *cobra.Command {
	var in api.Answer
	var refuse bool
	cmd := s.api("POST /incidents/{id}/stages/{stage}/skip/answer", "answer-skip INCIDENT STAGE",
		"Consent, as a second person, that a stage is skipped, or refuse", func(c *call) error {
			in.Granted = !refuse
			return c.act(in, "incident %s: your answer is recorded", c.args[0])
		})
	cmd.Flags().BoolVar(&refuse, "refuse", false, "refuse")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why it is refused")
	return cmd
}

func (s *shell) incidentAcknowledge() *cobra.Command {
	var in api.Acknowledge
	cmd := s.api("POST /incidents/{id}/acknowledge", "acknowledge INCIDENT [TASK]",
		"Acknowledge a task's notices: your own, for a person you reached by hand, or by reply code", func(c *call) error {
			if len(c.args) == 2 {
				in.Task = c.args[1]
			} else if in.Code == "" {
				return holdfast.Errorf(holdfast.Invalid, "name the task, or give the reply code with --code")
			}
			return c.act(in, "incident %s: the acknowledgement is recorded", c.args[0])
		})
	cmd.Args = cobra.RangeArgs(1, 2)
	cmd.Flags().StringVar(&in.Person, "person", "", "the person who was reached, if it is not you")
	cmd.Flags().StringVar(&in.Code, "code", "", "the reply code at the end of a person's message; it tells who and for which task")
	cmd.Flags().StringVar(&in.Note, "note", "", "how the person was reached")
	return cmd
}

func (s *shell) incidentClose() *cobra.Command {
	return s.api("POST /incidents/{id}/close", "close INCIDENT", "Close the incident once its debrief is whole, and signed where the plan asks for it", func(c *call) error {
		return c.act(nil, "incident %s is closed", c.args[0])
	})
}
