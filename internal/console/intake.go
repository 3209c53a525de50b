package console

import (
	"errors"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/expression"
	"holdfast/internal/intake"
	"holdfast/internal/view"
)

// intakePage answers: what comes in, does monitoring live, and what would a body
// become?
type intakePage struct {
	Watchdogs []watchdogRow
	Webhooks  []intake.Mapping
	// Mapping is what is tried, each field with what is wrong with it.
	Mapping intake.Mapping
	Fields  []mappingField
	Body    string
	Form    bool
	// Tried says that there is a result: Alert, or Problem with the body, or neither
	// for a body that is no alert.
	Tried    bool
	Alert    *view.Alert
	Resolved bool
	Problem  string
}

// watchdogRow is a sign of life, and what the plan says of it.
type watchdogRow struct {
	Rule       string
	Why        holdfast.Text
	Span       time.Duration
	Heard, Due time.Time
	Silent     string
}

// mappingField is one field of the form.
type mappingField struct {
	Name, Value string
	// Lines means that it takes several, one label each.
	Lines bool
	exprView
}

// sampleBody is what the form holds at first.
const sampleBody = `{"event": {"id": "4711", "status": "PROBLEM", "severity": "High", "title": "Queue full", "channel": "app"}}`

var sampleMapping = intake.Mapping{
	Name: "sample", Firing: `body["event.status"] == "PROBLEM"`, Resolved: `body["event.status"] == "OK"`, Key: `body["event.id"]`,
	Alertname: `"QueueFull"`, Severity: `lower(body["event.severity"])`, Summary: `body["event.title"]`, Labels: []string{`channel=body["event.channel"]`},
}

func (c *Console) intakePage(v *visit) error {
	own := intakePage{Mapping: sampleMapping, Body: sampleBody}
	for _, w := range c.Webhooks {
		own.Webhooks = append(own.Webhooks, w.Mapping)
		if w.Name == v.query("name") {
			own.Mapping, own.Body = w.Mapping, ""
		}
	}
	return c.showIntake(v, own)
}

func (c *Console) showIntake(v *visit, own intakePage) error {
	dogs, err := c.Response.Watchdogs(v.r.Context())
	if err != nil {
		return err
	}
	current, err := c.View.Plan(0)
	for _, w := range dogs {
		row := watchdogRow{Rule: w.Rule, Span: w.Span, Heard: w.Heard, Due: w.Due, Silent: w.Silent}
		if err == nil {
			for _, r := range current.Content.Alerts {
				if r.ID == w.Rule {
					row.Why = r.Why
				}
			}
		}
		own.Watchdogs = append(own.Watchdogs, row)
	}
	if own.Fields == nil {
		own.Fields = fieldsOf(own.Mapping)
	}
	return c.show(v, "intake", v.words.T("intake.title"), false, own)
}

func fieldsOf(m intake.Mapping) []mappingField {
	return []mappingField{
		{Name: "firing", Value: m.Firing}, {Name: "resolved", Value: m.Resolved}, {Name: "key", Value: m.Key},
		{Name: "alertname", Value: m.Alertname}, {Name: "severity", Value: m.Severity}, {Name: "summary", Value: m.Summary},
		{Name: "description", Value: m.Description}, {Name: "link", Value: m.Link}, {Name: "labels", Value: strings.Join(m.Labels, "\n"), Lines: true},
	}
}

// tryMapping shows which alert a body would become. It stores nothing.
func (c *Console) tryMapping(v *visit) error {
	if err := c.asks.Take(v.who().Account, c.Desk.Now()); err != nil {
		return err
	}
	own := intakePage{Body: v.form("body"), Form: v.form("form") != "", Tried: true, Mapping: intake.Mapping{
		Name: v.form("name"), Firing: v.form("firing"), Resolved: v.form("resolved"), Key: v.form("key"), Alertname: v.form("alertname"),
		Severity: v.form("severity"), Summary: v.form("summary"), Description: v.form("description"), Link: v.form("link"),
	}}
	for line := range strings.Lines(v.form("labels")) {
		if line = strings.TrimSpace(line); line != "" {
			own.Mapping.Labels = append(own.Mapping.Labels, line)
		}
	}
	if len(own.Body) > intake.MaxWebhook {
		return holdfast.Errorf(holdfast.TooLarge, "a body has at most %d bytes", intake.MaxWebhook).At("body")
	}
	for _, w := range c.Webhooks {
		own.Webhooks = append(own.Webhooks, w.Mapping)
	}
	own.Fields = fieldsOf(own.Mapping)
	hook, err := intake.CompileMapping(own.Mapping)
	var in alert.Incoming
	var ok bool
	if err == nil {
		in, ok, err = hook.Alert([]byte(own.Body), own.Form)
	}
	if err != nil {
		own.wrong(v, err)
	} else if ok {
		made := view.Trial(in)
		own.Alert, own.Resolved = &made, in.Resolved
	}
	return c.showIntake(v, own)
}

// wrong puts a mistake at its field, at its character if it has one.
func (p *intakePage) wrong(v *visit, err error) {
	var field *intake.FieldError
	if !errors.As(err, &field) {
		p.Problem = v.words.Error(err)
		return
	}
	w := &wrongAt{Problem: v.words.Error(field.Err)}
	var at *expression.Error
	if errors.As(field.Err, &at) {
		w = &wrongAt{at.Place(), at.Line, at.Column, v.words.Error(at.Problem)}
	}
	for i := range p.Fields {
		if p.Fields[i].Name == field.Field {
			p.Fields[i].Wrong = w
			return
		}
	}
	p.Problem = field.Field + ": " + w.Problem
}
