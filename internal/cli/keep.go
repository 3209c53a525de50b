package cli

import (
	"fmt"
	"runtime"
	"slices"
	"time"

	"maps"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/enrolment"
	"holdfast/internal/plan"
	"holdfast/internal/telemetry"
	"holdfast/internal/view"
)

type routeView = enrolment.Route

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func secondsOf(n int64) time.Duration { return time.Duration(n) * time.Second }

func (s *shell) plan() *cobra.Command {
	return group("plan", "The emergency plan", s.planShow(), s.planRevisions(), s.planChanges(), s.planPublish(), s.planLint(), s.planRules(),
		s.planTemplate(), s.planSchema(), s.planFmt(), s.planDiff(), s.planExport(), s.planImport(),
		s.draft(), s.planPull(), s.planPush(), s.planAttach(), s.planFile(), s.planComment(), s.planReadings(), s.planNews(), s.planRemind(), s.planAcknowledge())
}

func (s *shell) planShow() *cobra.Command {
	var revision int
	var text bool
	cmd := s.api("GET /plan", "show", "Show the plan in force", func(c *call) error {
		if revision != 0 {
			c.route, c.args = "/plan/revisions/{n}", []string{fmt.Sprint(revision)}
		}
		return show(c, nil, func(p *page, v view.Plan) {
			if text {
				p.flush()
				p.text.WriteString(v.Text)
				return
			}
			writePlan(p, v)
		})
	})
	cmd.Annotations[routesOf] += ",GET /plan/revisions/{n}"
	cmd.Flags().IntVar(&revision, "revision", 0, "another revision than the one in force")
	cmd.Flags().BoolVar(&text, "text", false, "print its exact text")
	return cmd
}

func writePlan(p *page, v view.Plan) {
	p.line("%s, revision %d%s: %s", v.ID, v.Revision, unless(!v.Current, " (in force)"), p.in(v.Content.Title))
	p.line("published %s by %s, hash %s", clock(v.At), v.By.Name, v.Hash)
	for _, proc := range v.Content.Procedures {
		p.line("\n%s", p.in(proc.Title))
		for _, st := range proc.Stages {
			p.line("  %s (%s)", p.in(st.Title), st.Kind)
			for _, t := range st.Tasks {
				p.line("    %s: %s", t.ID, p.in(t.Title))
			}
		}
	}
}

func (s *shell) planRevisions() *cobra.Command {
	cmd := s.api("GET /plan/revisions", "revisions", "List revisions, newest first", func(c *call) error {
		return show(c.paging().pass("q"), nil, func(p *page, v view.Page[view.Plan]) {
			p.row("REVISION", "STATE", "IN FORCE FROM", "UNTIL", "DOCUMENT", "HASH", "BY", "NOTE")
			for _, r := range v.Items {
				p.row(r.Revision, string(r.State), r.InForce, r.Until, r.Document, r.Hash.String()[:12], r.By.ID, r.Note)
			}
			more(p, len(v.Items), v.Total, v.Next)
		})
	})
	cmd.Flags().String("q", "", "only those with this in number, document number, publisher, note, draft or hash")
	return paged(cmd)
}

func (s *shell) planPublish() *cobra.Command {
	var in api.Publish
	cmd := s.api("POST /plan", "publish FILE", "Publish a revision from a file, - for standard input", func(c *call) error {
		content, err := s.read(c.args[0], plan.MaxSize)
		if err != nil {
			return err
		}
		in.Text = string(content)
		return show(c, in, func(p *page, v api.Published) { p.line("revision %d is in force", v.Revision) })
	})
	cmd.Flags().StringVar(&in.Note, "note", "", "what is new")
	return cmd
}

func (s *shell) version() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Which build this is", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		v := struct {
			Version  string `json:"version"`
			Go       string `json:"go"`
			Platform string `json:"platform"`
		}{telemetry.Version(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
		if s.json {
			return s.printJSON(v)
		}
		s.say("holdfast %s, %s, %s", v.Version, v.Go, v.Platform)
		return nil
	}}
}
