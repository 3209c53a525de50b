package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/view"
)

func (s *shell) incidentLevel() *cobra.Command {
	return group("level", "At which level an incident stands, and why",
		s.levelShow(), s.levelMeasure(), s.levelChange(), s.levelKeep(), s.levelAnswer(),
	)
}

func (s *shell) levelShow() *cobra.Command {
	return s.api("GET /incidents/{id}/level", "show INCIDENT", "Show what the plan's criteria say, what that rests on, and what a change would do", func(c *call) error {
		return show(c, nil, writeJudgement)
	})
}

func writeJudgement(p *page, j view.Judgement) {
	said := "no level's criteria hold"
	if j.Level != holdfast.Unknown {
		said = "the criteria say level " + levelText(j.Level)
	}
	p.line("%s%s", said, unless(!j.Triage, "; triage now, missing: "+strings.Join(j.Missing, ", ")))
	if j.Proposed != holdfast.Unknown {
		p.line("proposed: level %s; confirm it", levelText(j.Proposed))
	}
	if f := j.Fall; f != nil {
		p.line("%s asks for level %s: %s; a second person answers: holdfast incident level answer", f.By.Name, levelText(f.To), f.Reason)
	}
	section(p, "Criteria", j.Criteria, []any{"LEVEL", "HOLDS", "CRITERIA"}, func(p *page, c view.LevelCriterion) {
		p.row(levelText(c.Level), c.Holds, c.Enter+unless(c.Band.IsZero(), " ("+p.in(c.Band)+")"))
	})
	section(p, "Measures", j.Measures, []any{"MEASURE", "VALUE", "FROM", "AT", "TITLE"}, func(p *page, m view.LevelMeasure) {
		p.row(m.Measure, measureText(m), measureFrom(m), m.At, p.in(m.Title))
	})
	for _, ch := range j.Changes {
		p.line("\nlevel %s would open %s; %d tasks stay done; told: %s%s", levelText(ch.Level), idsOf(ch.Opens), ch.Kept, text(ch.Told),
			unless(len(ch.InForce) == 0, "; in force: "+text(ch.InForce)))
	}
	section(p, "Levels left", j.Past, []any{"LEVEL", "TO", "LEFT", "BY", "REASON"}, func(p *page, past view.LevelPhase) {
		p.row(levelText(past.Level), levelText(past.To), past.Left, past.By.Name, past.Reason)
	})
}

func measureText(m view.LevelMeasure) string {
	if m.Value == nil {
		return "? " + m.Why
	}
	return strings.TrimSpace(unless(!m.AtLeast, "≥ ") + fmt.Sprint(m.Value) + " " + m.Unit)
}

func measureFrom(m view.LevelMeasure) string {
	if m.EnteredBy != nil {
		return m.EnteredBy.Name
	}
	return m.From
}

func idsOf(list []view.Named) string {
	ids := make([]string, len(list))
	for i, n := range list {
		ids[i] = n.ID
	}
	return text(ids)
}

func text(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

func (s *shell) levelMeasure() *cobra.Command {
	var in api.StateMeasure
	cmd := s.api("PUT /incidents/{id}/measures/{measure}", "measure INCIDENT MEASURE VALUE", "State a measure that the gates do not know: a number, true, false or a text", func(c *call) error {
		// What reads as a number or a truth is one; all else is a text.
		if err := json.Unmarshal([]byte(c.args[2]), &in.Value); err != nil {
			in.Value = c.args[2]
		}
		return c.act(in, "incident %s: %s is %s", c.args[0], c.args[1], c.args[2])
	})
	cmd.Args = cobra.ExactArgs(3)
	cmd.Flags().StringVar(&in.Note, "note", "", "what the value rests on")
	return cmd
}

func (s *shell) levelChange() *cobra.Command {
	var in api.ChangeLevel
	var level uint8
	cmd := s.api("POST /incidents/{id}/level", "change INCIDENT", "Bring the incident to a graver level at once, or ask for a lesser one", func(c *call) error {
		in.Level = holdfast.Level(level)
		return c.act(in, "incident %s: level %d is recorded; a lesser level waits for a second person", c.args[0], level)
	})
	cmd.Flags().Uint8Var(&level, "level", 0, "1, 2 or 3; 1 is gravest")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why; may be left out where the criteria say the graver level")
	return required(cmd, "level")
}

func (s *shell) levelKeep() *cobra.Command {
	return s.because("POST /incidents/{id}/level/keep", "keep INCIDENT", "Decide that the level stays though an alert asks for a graver one", "incident %s stays at its level")
}

func (s *shell) levelAnswer() *cobra.Command {
	var in api.Answer
	var refuse bool
	cmd := s.api("POST /incidents/{id}/level/answer", "answer INCIDENT", "Consent, as a second person, to a lesser level, or refuse", func(c *call) error {
		in.Granted = !refuse
		return c.act(in, "incident %s: your answer is recorded", c.args[0])
	})
	cmd.Flags().BoolVar(&refuse, "refuse", false, "refuse, or take back what you asked for")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why it is refused")
	return cmd
}
