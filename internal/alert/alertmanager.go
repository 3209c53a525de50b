package alert

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"holdfast"
)

// Delivery is one webhook of Alertmanager: a group of alerts. The group's own
// status says nothing about its members and is not read.
type Delivery struct {
	// Group identifies the group, for counting what was left out. It may differ
	// between members of a cluster, so it identifies no alert.
	Group   string
	Members []Incoming
	// Cut is how many members the sender left out (max_alerts), and how many above
	// maxMembers were left out here.
	Cut int
}

// maxMembers bounds one delivery: Alertmanager sends a whole group at once. More
// are not refused, since a refused group is not sent again before its next
// change: the rest counts as cut.
const maxMembers = 10_000

// The payload, version "4" (Alertmanager 0.16 to 0.34). Fields come and go over
// its releases, so unknown ones are ignored, and one member that lacks what it
// should have must not cost the others: without a time it counts from its
// arrival, and what is not said to be resolved is firing.
type webhook struct {
	Version         string          `json:"version"`
	GroupKey        string          `json:"groupKey"`
	TruncatedAlerts int             `json:"truncatedAlerts"`
	Alerts          []webhookMember `json:"alerts"`
}

type webhookMember struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     instant           `json:"startsAt"`
	EndsAt       instant           `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
	// PanelURL and ValueString are Grafana's.
	PanelURL    string `json:"panelURL"`
	ValueString string `json:"valueString"`
}

// DecodeAlertmanager reads the body of a webhook of Alertmanager.
func DecodeAlertmanager(body []byte) (Delivery, error) {
	var w webhook
	if err := json.Unmarshal(body, &w); err != nil {
		return Delivery{}, holdfast.Errorf(holdfast.Invalid, "this is not an Alertmanager webhook: %v", err)
	}
	if w.Version != "4" {
		return Delivery{}, holdfast.Errorf(holdfast.Invalid, "the webhook's version is %q; version 4 is understood", w.Version).At("version")
	}
	return w.delivery("alertmanager"), nil
}

// DecodeGrafana reads the body of a webhook of Grafana Alerting (9 to 13), which is
// Alertmanager's with some more: its version is its own, and a member has links to
// the panel and what was measured.
func DecodeGrafana(body []byte) (Delivery, error) {
	var w webhook
	if err := json.Unmarshal(body, &w); err != nil {
		return Delivery{}, holdfast.Errorf(holdfast.Invalid, "this is not a webhook of Grafana Alerting: %v", err)
	}
	if w.Alerts == nil {
		return Delivery{}, holdfast.Errorf(holdfast.Invalid, "a webhook of Grafana Alerting has alerts; this has none").At("alerts")
	}
	return w.delivery("grafana"), nil
}

func (w webhook) delivery(source string) Delivery {
	d := Delivery{Group: short(w.GroupKey), Cut: min(max(0, w.TruncatedAlerts), maxCut)}
	if over := len(w.Alerts) - maxMembers; over > 0 {
		d.Cut, w.Alerts = d.Cut+over, w.Alerts[:maxMembers]
	}
	for _, m := range w.Alerts {
		in := m.incoming()
		in.Source = source
		d.Members = append(d.Members, in)
	}
	return d
}

// maxCut keeps the sum over all groups a number.
const maxCut = 1_000_000_000

// instant is a time that may be missing or unreadable; zero then.
type instant struct{ time.Time }

func (t *instant) UnmarshalJSON(b []byte) error {
	if err := t.Time.UnmarshalJSON(b); err != nil || t.Year() <= 1 {
		t.Time = time.Time{} // year 1 stands for "not yet"
	}
	return nil
}

func (m webhookMember) incoming() Incoming {
	in := Incoming{
		Fingerprint: m.Fingerprint, StartsAt: m.StartsAt.UTC(),
		Labels: m.Labels, Annotations: m.Annotations, Link: cmp.Or(m.PanelURL, m.GeneratorURL),
		Resolved: m.Status == "resolved",
	}
	if m.ValueString != "" {
		in.Annotations = maps.Clone(in.Annotations)
		if in.Annotations == nil {
			in.Annotations = map[string]string{}
		}
		in.Annotations["value"] = m.ValueString
	}
	if in.Fingerprint == "" {
		in.Fingerprint = labelsHash(m.Labels)
	}
	if in.Resolved {
		in.EndsAt = m.EndsAt.UTC()
	}
	return in.identified()
}

// maxFingerprint is in bytes; Alertmanager's have 16.
const maxFingerprint = 64

// labelsHash stands in for a fingerprint that a sender left out: the label set
// is what the fingerprint is made of.
func labelsHash(labels map[string]string) string {
	var names []string
	for name := range labels {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		b.WriteString(name + "\x00" + labels[name] + "\x00")
	}
	return short(b.String())
}

func short(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}
