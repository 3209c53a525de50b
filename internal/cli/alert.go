package cli

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/api"
	"holdfast/internal/detect"
	"holdfast/internal/intake"
	"holdfast/internal/locale"
	"holdfast/internal/view"
)

func (s *shell) alert() *cobra.Command {
	return group("alert", "Received signals, and reports of what people saw",
		s.alertList(), s.alertShow(), s.incidentAttach(), s.alertReport(), s.alertDeliver(), s.alertRegroup(),
		s.alertMappings(), s.alertTry(), s.alertWatchdogs(),
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
	p.row(a.ID, state, a.StartsAt, a.Source, a.Incident, p.titled(a.Title, a.Titles))
}

func (s *shell) alertList() *cobra.Command {
	cmd := s.api("GET /alerts", "list", "List alerts, newest first", func(c *call) error {
		return show(c.paging().pass("waiting", "q", "incident", "source"), nil, func(p *page, v view.Page[view.Alert]) {
			p.row(alertHead...)
			for _, a := range v.Items {
				alertRow(p, a)
			}
			more(p, len(v.Items), v.Total, v.Next)
		})
	})
	cmd.Flags().Bool("waiting", false, "only those that nobody has dealt with, oldest first")
	cmd.Flags().String("q", "", "only those in whose title or labels these words stand")
	cmd.Flags().String("incident", "", "only those of this incident")
	cmd.Flags().String("source", "", "only those of this source")
	return paged(cmd)
}

func (s *shell) alertShow() *cobra.Command {
	return s.api("GET /alerts/{id}", "show ALERT", "Show one alert", func(c *call) error {
		return show(c, nil, func(p *page, a view.Alert) {
			p.row(alertHead...)
			alertRow(p, a)
			evidence(p, a.Evidence)
			if g := a.Ground; g != nil {
				p.line("grouped: %s%s%s", g.Kind, unless(g.Cause == "", ", "+g.Cause), unless(g.Near == "", ", near by "+g.Near))
			}
			for _, m := range a.Moves {
				p.line("moved %s from %s to %s by %s: %s", clock(m.At), m.From, m.To, m.By.Name, m.Reason)
			}
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
	words := locale.For(p.lang)
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

func (s *shell) alertRegroup() *cobra.Command {
	var in api.Regroup
	cmd := s.api("POST /alerts/{id}/regroup", "regroup ALERT", "Take an alert that was grouped wrongly out of its incident", func(c *call) error {
		return c.create(in, "the alert belongs to incident %s")
	})
	cmd.Flags().StringVar(&in.To, "to", "", "the incident it belongs to (default: one of its own)")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why")
	return cmd
}

// formats are the ways in that a file can be delivered by, as the end of their route.
var formats = map[string]string{
	"alertmanager": "/intake/alertmanager", "grafana": "/intake/grafana", "pagerduty": "/intake/pagerduty/v2/enqueue", "cloudevents": "/intake/cloudevents",
}

func (s *shell) alertDeliver() *cobra.Command {
	var as string
	cmd := s.api("POST /intake/alertmanager", "deliver FILE", "Deliver what a monitoring system would send, - for standard input", func(c *call) error {
		content, err := s.read(c.args[0], 16<<20)
		if err != nil {
			return err
		}
		if !json.Valid(content) {
			return holdfast.Errorf(holdfast.Invalid, "%s is not JSON", c.args[0])
		}
		var known bool
		if c.route, known = formats[as]; !known {
			c.route = "/intake/webhooks/" + url.PathEscape(as)
		}
		return c.act(json.RawMessage(content), "the alerts are stored")
	})
	cmd.Flags().StringVar(&as, "as", "alertmanager", "alertmanager, grafana, pagerduty, cloudevents, or the name of a mapping")
	cmd.Annotations[routesOf] += ",POST /intake/grafana,POST /intake/pagerduty/v2/enqueue,POST /intake/cloudevents,POST /intake/webhooks/{name}"
	return cmd
}

func (s *shell) alertMappings() *cobra.Command {
	return s.api("GET /intake/webhooks", "mappings", "List the mappings of senders with a format of their own", func(c *call) error {
		return show(c, nil, func(p *page, list []intake.Mapping) {
			p.row("NAME", "FIRING", "RESOLVED", "KEY", "SUMMARY")
			for _, m := range list {
				p.row(m.Name, m.Firing, m.Resolved, m.Key, m.Summary)
			}
		})
	})
}

func (s *shell) alertTry() *cobra.Command {
	var in api.Try
	cmd := s.api("POST /intake/try", "try MAPPING BODY", "Show which alert a body would become by a mapping (a JSON file); nothing is stored", func(c *call) error {
		mapping, err := s.read(c.args[0], 64<<10)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(mapping, &in.Mapping); err != nil {
			return holdfast.Errorf(holdfast.Invalid, "%s is not a mapping: %v", c.args[0], err)
		}
		content, err := s.read(c.args[1], intake.MaxWebhook)
		if err != nil {
			return err
		}
		in.Body = string(content)
		c.args = nil
		return show(c, in, writeTried)
	})
	cmd.Flags().BoolVar(&in.Form, "form", false, "the body is a form, not JSON")
	return cmd
}

func writeTried(p *page, t api.Tried) {
	switch {
	case t.Problem != "" && t.Line > 0:
		p.line("%s, line %d, column %d: %s", t.Field, t.Line, t.Column, t.Problem)
	case t.Problem != "":
		p.line("%s%s", unless(t.Field == "", t.Field+": "), t.Problem)
	case t.Alert == nil:
		p.line("it is no alert, and would be dropped")
	default:
		p.line("%s%s", p.titled(t.Alert.Title, t.Alert.Titles), unless(!t.Resolved, " (resolved)"))
		for _, values := range []map[string]string{t.Alert.Labels, t.Alert.Annotations} {
			for _, name := range sortedKeys(values) {
				p.line("%s: %s", name, values[name])
			}
		}
	}
}

func (s *shell) alertWatchdogs() *cobra.Command {
	return s.api("GET /intake/watchdogs", "watchdogs", "Show the signs of life of monitoring systems", func(c *call) error {
		return show(c, nil, func(p *page, list []api.Watchdog) {
			p.row("RULE", "STATE", "HEARD", "DUE")
			for _, w := range list {
				state := "heard"
				if w.Silent != "" {
					state = "SILENT"
				}
				p.row(w.Rule, state, w.Heard, w.Due)
			}
		})
	})
}
