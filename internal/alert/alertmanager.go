package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
	// Cut is how many members the sender left out (max_alerts).
	Cut int
}

// maxMembers bounds one delivery: Alertmanager sends a whole group at once.
const maxMembers = 10_000

// The payload, version "4" (Alertmanager 0.16 to 0.34). Fields come and go over
// its releases, so unknown ones are ignored.
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
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
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
	if len(w.Alerts) > maxMembers {
		return Delivery{}, holdfast.Errorf(holdfast.TooLarge, "the group has %d alerts; %d is the limit: set max_alerts", len(w.Alerts), maxMembers).At("alerts")
	}
	d := Delivery{Group: short(w.GroupKey), Cut: max(0, w.TruncatedAlerts)}
	for i, m := range w.Alerts {
		in, err := m.incoming()
		if err != nil {
			return Delivery{}, holdfast.Errorf(holdfast.Invalid, "alert %d of the group: %v", i, err).At("alerts")
		}
		d.Members = append(d.Members, in)
	}
	return d, nil
}

func (m webhookMember) incoming() (Incoming, error) {
	if m.StartsAt.IsZero() {
		return Incoming{}, holdfast.Errorf(holdfast.Invalid, "startsAt is missing")
	}
	if m.Status != "firing" && m.Status != "resolved" {
		return Incoming{}, holdfast.Errorf(holdfast.Invalid, "its status is %q, not firing or resolved", m.Status)
	}
	in := Incoming{
		Source: "alertmanager", Fingerprint: m.Fingerprint, StartsAt: m.StartsAt,
		Labels: m.Labels, Annotations: m.Annotations, Link: m.GeneratorURL,
		Resolved: m.Status == "resolved",
	}
	if in.Fingerprint == "" {
		in.Fingerprint = labelsHash(m.Labels)
	}
	// Year 1 stands for "still firing".
	if in.Resolved && m.EndsAt.Year() > 1 {
		in.EndsAt = m.EndsAt
	}
	return in, nil
}

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
