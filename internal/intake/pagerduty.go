package intake

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"holdfast"
	"holdfast/internal/alert"
)

// PagerDuty is one event in the shape of PagerDuty's Events API v2.
type PagerDuty struct {
	// RoutingKey is what the sender shows as its right.
	RoutingKey string
	// DedupKey names the alert for later events; the answer tells it.
	DedupKey string
	Alert    alert.Incoming
	// Errors say what is wrong with the event, as PagerDuty would.
	Errors []string
}

type pagerDutyEvent struct {
	RoutingKey  string           `json:"routing_key"`
	EventAction string           `json:"event_action"`
	DedupKey    string           `json:"dedup_key"`
	Client      string           `json:"client"`
	ClientURL   string           `json:"client_url"`
	Links       []pagerDutyLink  `json:"links"`
	Payload     pagerDutyPayload `json:"payload"`
}

type pagerDutyLink struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

type pagerDutyPayload struct {
	Summary   string `json:"summary"`
	Source    string `json:"source"`
	Severity  string `json:"severity"`
	Timestamp string `json:"timestamp"`
	Component string `json:"component"`
	Group     string `json:"group"`
	Class     string `json:"class"`
	// Details is any JSON; numbers in it stay as written.
	Details json.RawMessage `json:"custom_details"`
}

const (
	maxDedupKey = 255 // characters, as PagerDuty has it
	maxSummary  = 1024
)

var severities = []string{"critical", "error", "warning", "info"}

// DecodePagerDuty reads an event. What is wrong with one that is JSON stands in
// Errors. newKey makes a dedup_key for one without.
func DecodePagerDuty(body []byte, newKey func() string) (PagerDuty, error) {
	var e pagerDutyEvent
	if err := json.Unmarshal(body, &e); err != nil {
		return PagerDuty{}, holdfast.Errorf(holdfast.Invalid, "this is not an event of PagerDuty's Events API v2: %v", err)
	}
	p := PagerDuty{RoutingKey: e.RoutingKey, DedupKey: e.DedupKey, Errors: e.wrong()}
	if len(p.Errors) > 0 {
		return p, nil
	}
	if p.DedupKey == "" {
		p.DedupKey = newKey()
	}
	details, err := readJSON(e.Payload.Details)
	if err != nil {
		details = nil // there are none
	}
	in := alert.Incoming{
		Source: "pagerduty", Fingerprint: p.DedupKey, Keyed: true,
		Resolved: e.EventAction == "resolve", Acknowledged: e.EventAction == "acknowledge",
		Labels: map[string]string{}, Annotations: flatten(details, "details"), Link: e.ClientURL,
	}
	for name, value := range map[string]string{
		"alertname": cmp.Or(e.Payload.Class, e.Payload.Component, e.Payload.Source), "severity": e.Payload.Severity, "source": e.Payload.Source,
		"component": e.Payload.Component, "group": e.Payload.Group, "class": e.Payload.Class, "client": e.Client,
	} {
		if value != "" {
			in.Labels[name] = cut(value)
		}
	}
	// Texts of the details that are labels elsewhere say what the alert is about.
	for _, name := range []string{"channel", "bank", "method", "merchant", "region", "service"} {
		if v := in.Annotations["details."+name]; v != "" {
			in.Labels[name] = v
		}
	}
	in.Annotations["summary"] = cut(e.Payload.Summary)
	if t := moment(e.Payload.Timestamp); !t.IsZero() {
		in.Annotations["timestamp"] = t.Format("2006-01-02T15:04:05.999Z07:00")
	}
	for _, l := range e.Links {
		in.Link = cmp.Or(in.Link, l.Href)
	}
	maps.DeleteFunc(in.Annotations, func(_, v string) bool { return v == "" })
	p.Alert = in
	return p, nil
}

func (e pagerDutyEvent) wrong() (errors []string) {
	say := func(wrong bool, text string) {
		if wrong {
			errors = append(errors, text)
		}
	}
	say(e.RoutingKey == "", "'routing_key' is missing or blank")
	say(!slices.Contains([]string{"trigger", "acknowledge", "resolve"}, e.EventAction), "'event_action' is missing or invalid: it is trigger, acknowledge or resolve")
	say(len([]rune(e.DedupKey)) > maxDedupKey, "'dedup_key' is too long (maximum is 255 characters)")
	if e.EventAction != "trigger" {
		say(e.DedupKey == "", "'dedup_key' is missing or blank")
		return errors
	}
	say(e.Payload.Summary == "", "'payload.summary' is missing or blank")
	say(len([]rune(e.Payload.Summary)) > maxSummary, "'payload.summary' is too long (maximum is 1024 characters)")
	say(e.Payload.Source == "", "'payload.source' is missing or blank")
	say(!slices.Contains(severities, e.Payload.Severity), "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')")
	return errors
}
