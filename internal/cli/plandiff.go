package cli

import (
	"encoding/json"
	"fmt"
	"strconv"

	udiff "github.com/aymanbagabas/go-udiff"
	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/plan"
	"holdfast/internal/view"
)

// planDiff compares two plans, each a file or a revision that the node has.
func (s *shell) planDiff() *cobra.Command {
	var text bool
	cmd := &cobra.Command{
		Use: "diff OLD NEW", Short: "Tell what changed between two plans, each a file or the number of a revision",
		Long: `Tell what changed between two plans: what was added, removed, moved, and which
keys have another value. Entries are the same if their ids are. Each plan is a
file, or the number of a revision, which the control node is asked for.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			before, old, err := s.fileOrRevision(cmd, args[0])
			if err != nil {
				return err
			}
			after, next, err := s.fileOrRevision(cmd, args[1])
			if err != nil {
				return err
			}
			if text {
				_, err := s.Stdout.Write([]byte(udiff.Unified(args[0], args[1], string(old), string(next))))
				return err
			}
			changes := plan.Compare(before, after)
			if s.json {
				return s.printJSON(append([]plan.Change{}, changes...))
			}
			for _, c := range changes {
				s.say("%s", changeLine(c, holdfast.Lang(s.lang)))
			}
			if len(changes) == 0 {
				s.say("the plans say the same")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&text, "text", false, "compare the texts line by line")
	return cmd
}

// planChanges tells what the node says of two revisions.
func (s *shell) planChanges() *cobra.Command {
	cmd := s.api("GET /plan/revisions/{n}/changes", "changes REVISION", "Tell what a revision changed in the one before, or in another", func(c *call) error {
		return show(c.pass("against"), nil, func(p *page, v view.PlanChanges) {
			p.line("revision %d against revision %d", v.Revision, v.Against)
			for _, change := range v.Changes {
				p.line("%s", changeLine(change, holdfast.Lang(s.lang)))
			}
		})
	})
	cmd.Flags().Int("against", 0, "the revision to compare it with; without it, the one before")
	return cmd
}

func changeLine(c plan.Change, lang holdfast.Lang) string {
	line := fmt.Sprintf("%-7s  %s  %s", c.Kind, c.Path, c.What)
	if !c.Name.IsZero() {
		line += fmt.Sprintf(" (%s)", c.Name.In(lang))
	}
	if c.Old != "" || c.New != "" {
		line += fmt.Sprintf(": %q -> %q", c.Old, c.New)
	}
	return line
}

// fileOrRevision reads a plan of a file, or asks the node for a revision.
func (s *shell) fileOrRevision(cmd *cobra.Command, name string) (*plan.Plan, []byte, error) {
	if _, err := strconv.ParseUint(name, 10, 31); err != nil {
		return s.readPlan(name)
	}
	answer, err := (&call{shell: s, cmd: cmd, args: []string{name}, method: "GET", route: "/plan/revisions/{n}"}).do(nil)
	if err != nil {
		return nil, nil, err
	}
	var v view.Plan
	if err := json.Unmarshal(answer, &v); err != nil {
		return nil, nil, fmt.Errorf("read revision %s: %w", name, err)
	}
	p, faults := plan.Decode("revision "+name, []byte(v.Text))
	if len(faults) > 0 {
		return nil, nil, &ending{exitInvalid, faults.Error()}
	}
	return p, []byte(v.Text), nil
}
