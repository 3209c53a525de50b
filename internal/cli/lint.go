package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/lint"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/view"
)

// planLint applies the rules of the API's lint here, without a node; --live asks
// the node to judge the plan in force.
func (s *shell) planLint() *cobra.Command {
	var live bool
	cmd := &cobra.Command{
		Use: "lint [FILE]", Short: "Judge a plan's text, - for standard input; with --live, the plan in force against roster and gates",
		Long: `Judge a plan by the numbered rules that "holdfast plan rules" lists. A file is
judged without a control node, and so without roster and gates.

The exit code is 2 if there is an error, and 0 if there are warnings and notes
alone.`,
		Args:        cobra.MaximumNArgs(1),
		Annotations: map[string]string{routesOf: "POST /plan/lint,GET /plan/lint"},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case live == (len(args) == 1):
				return holdfast.Errorf(holdfast.Invalid, "name a file, or give --live to judge the plan in force; one of the two")
			case live:
				return s.lintLive(&call{shell: s, cmd: cmd, method: "GET", route: "/plan/lint"})
			default:
				return s.lintFile(args[0])
			}
		},
	}
	cmd.Flags().BoolVar(&live, "live", false, "judge the plan in force, with the roster and the gates as they are")
	return cmd
}

// found is one finding as lint prints it, of either kind of rule.
type found struct {
	File     string        `json:"file,omitempty"`
	Line     int           `json:"line"`
	Column   int           `json:"column"`
	Path     string        `json:"path"`
	Anchor   string        `json:"anchor,omitempty"`
	Rule     string        `json:"rule"`
	Severity lint.Severity `json:"severity"`
	Blocks   bool          `json:"blocks_approval"`
	Message  string        `json:"message"`
}

func (s *shell) lintFile(name string) error {
	content, err := s.read(name, plan.MaxSize+1)
	if err != nil {
		return err
	}
	p, places, faults := plan.Read(name, content)
	list := []found{}
	for _, f := range faults {
		list = append(list, found{name, f.Line, f.Column, f.Path, "", f.Rule, lint.Error, true, f.Message()})
	}
	if len(faults) == 0 { // a text that cannot be read says nothing to judge
		for _, f := range lint.Check(lint.Input{Plan: p, Places: places, Now: s.Now()}) {
			list = append(list, found{name, f.Line, f.Column, f.Path, f.Anchor, f.Rule, f.Severity, f.Blocks, f.Message()})
		}
	}
	return s.findings(name, list)
}

func (s *shell) findings(name string, list []found) error {
	if s.json {
		if err := s.printJSON(list); err != nil {
			return err
		}
	}
	var errors []string
	for _, f := range list {
		line := fmt.Sprintf("%s:%d:%d: %s: %s", name, f.Line, f.Column, f.Rule, f.Message)
		if f.Severity == lint.Error {
			errors = append(errors, line)
		} else {
			s.say("%s: %s", f.Severity, line)
		}
	}
	switch {
	case len(errors) == 0:
		s.say("%s: no errors, %d warnings and notes", name, len(list))
		return nil
	case s.json:
		return &silent{&ending{exitInvalid, "the plan has errors"}}
	default:
		return &ending{exitInvalid, strings.Join(errors, "\n")}
	}
}

// lintLive shows what the node finds in the plan in force.
func (s *shell) lintLive(c *call) error {
	var errors int
	err := show(c, nil, func(p *page, v struct {
		view.Lint
		Findings []found `json:"findings"`
	}) {
		errors = v.Errors
		p.row("RULE", "SEVERITY", "LINE", "WHERE", "WHAT")
		for _, f := range v.Findings {
			p.row(f.Rule, f.Severity, f.Line, f.Anchor, f.Message)
		}
		p.line("%s, revision %d: %d errors, %d warnings, %d notes, %d waived", v.Plan, v.Revision, v.Errors, v.Warnings, v.Notes, v.Waived)
	})
	if err == nil && errors > 0 {
		return &silent{&ending{exitInvalid, "the plan has errors"}}
	}
	return err
}

// planRules shows the catalogue of rules, which this program knows as well as
// the node.
func (s *shell) planRules() *cobra.Command {
	return &cobra.Command{
		Use: "rules [RULE]", Short: "List the rules of lint, or explain one; no control node needed", Args: cobra.MaximumNArgs(1),
		Annotations: map[string]string{routesOf: "GET /plan/rules"},
		RunE: func(_ *cobra.Command, args []string) error {
			words := locale.For(holdfast.Lang(s.lang))
			var list []lint.Explanation
			for _, r := range lint.Rules() {
				if len(args) == 0 || strings.EqualFold(args[0], r.ID) {
					list = append(list, lint.Explain(r, words))
				}
			}
			switch {
			case len(list) == 0:
				return holdfast.Errorf(holdfast.NotFound, "there is no rule %s; holdfast plan rules lists them", args[0])
			case s.json:
				return s.printJSON(list)
			case len(args) == 1:
				e := list[0]
				s.say("%s (%s): %s\n\n%s\n%s\n\nFails:\n\n%s\nPasses:\n\n%s", e.Rule, e.Severity, e.Title, e.Why, e.Mend, indent(e.Fails), indent(e.Passes))
			default:
				for _, e := range list {
					s.say("%s  %-7s  %s", e.Rule, e.Severity, e.Title)
				}
			}
			return nil
		},
	}
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("  " + line)
	}
	return b.String()
}
