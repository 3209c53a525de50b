package cli

import (
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/detect"
	"holdfast/internal/locale"
	"holdfast/internal/view"
)

func (s *shell) alert() *cobra.Command {
	return group("alert", "Received signals, and reports of what people saw",
		s.alertList(), s.alertShow(), s.incidentAttach(), s.alertReport(), s.alertDeliver(),
		s.because("POST /alerts/{id}/dismiss", "dismiss ALERT", "Say that an alert needs no incident", "alert %s is dismissed"),
	)
}

var alertHead = []any{"ALERT", "STATE", "SINCE", "SOURCE", "INCIDENT", "TITLE"}

func alertRow(p *page, a view.Alert) {
	state := "resolved"
	if a.Firing {
		state = "firing"
	}
	if a.Waiting {
		state += ", waiting"
	}
	if a.Dismissed != "" {
		state += ", dismissed"
	}
	p.row(a.ID, state, a.StartsAt, a.Source, a.Incident, a.Title)
}

func (s *shell) alertList() *cobra.Command {
	cmd := s.api("GET /alerts", "list", "List alerts, newest first", func(c *call) error {
		return show(c.paging().pass("waiting"), nil, func(p *page, v view.Page[view.Alert]) {
			p.row(alertHead...)
			for _, a := range v.Items {
				alertRow(p, a)
			}
			more(p, len(v.Items), v.Total, v.Next)
		})
	})
	cmd.Flags().Bool("waiting", false, "only those that nobody has dealt with")
	return paged(cmd)
}

func (s *shell) alertShow() *cobra.Command {
	return s.api("GET /alerts/{id}", "show ALERT", "Show one alert", func(c *call) error {
		return show(c, nil, func(p *page, a view.Alert) {
			p.row(alertHead...)
			alertRow(p, a)
			evidence(p, a.Evidence)
			for _, values := range []map[string]string{a.Labels, a.Annotations} {
				for _, name := range sortedKeys(values) {
					p.line("%s: %s", name, values[name])
				}
			}
		})
	})
}

// evidence writes what the gates' counts say, in words.
func evidence(p *page, f *detect.Finding) {
	if f == nil {
		return
	}
	words := locale.For(holdfast.En)
	p.line("where: %s", f.Where(words))
	p.line("seen: %s; expected: %s", f.SeenText(words), f.ExpectedText(words))
	p.line("since: %s; found: %s; payments: %d", f.Since.Format(time.RFC3339), f.At.Format(time.RFC3339), f.Payments)
	p.line("sure: %s", f.SureText(words))
}

func (s *shell) alertReport() *cobra.Command {
	var in alert.Report
	var seen string
	cmd := s.api("POST /reports", "report SUMMARY", "Report what a person saw", func(c *call) error {
		in.Summary = c.args[0]
		if seen != "" {
			at, err := time.Parse(time.RFC3339, seen)
			if err != nil {
				return holdfast.Errorf(holdfast.Invalid, "--seen %q: write a time as 2026-12-31T08:00:00+08:00", seen)
			}
			in.Seen = at
		}
		return c.create(in, "alert %s is received")
	})
	cmd.Flags().StringVar(&in.Detail, "detail", "", "more about it")
	cmd.Flags().StringVar(&in.Caller, "caller", "", "who told it, and how to call back")
	cmd.Flags().StringVar(&seen, "seen", "", "when it was seen (default: now)")
	return cmd
}

func (s *shell) alertDeliver() *cobra.Command {
	return s.api("POST /intake/alertmanager", "deliver FILE", "Deliver a webhook of Alertmanager (version 4), - for standard input", func(c *call) error {
		content, err := s.read(c.args[0], 16<<20)
		if err != nil {
			return err
		}
		if !json.Valid(content) {
			return holdfast.Errorf(holdfast.Invalid, "%s is not JSON", c.args[0])
		}
		return c.act(json.RawMessage(content), "the alerts are stored")
	})
}
