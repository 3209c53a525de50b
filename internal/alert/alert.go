// Package alert holds signals that something may be wrong: alerts from
// monitoring systems and reports from people.
//
// An alert's identity is its source, its fingerprint and when it started, so
// however often and from however many senders it arrives, it is one alert. It
// fires until its sender says resolved, which is a hint and closes nothing by
// itself. A person, or a rule of the plan, attaches it to an incident; an alert
// that concerns none is dismissed with a reason.
//
// Facts on subject alert/<id>: alert.received, alert.resolved, alert.refired,
// alert.attached, alert.dismissed. On subject alert-group/<id>:
// alert.members-cut, when a sender says that it left members of a group out.
package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
)

// Kinds of facts.
const (
	KindReceived   = "alert.received"
	KindResolved   = "alert.resolved"
	KindRefired    = "alert.refired"
	KindAttached   = "alert.attached"
	KindDismissed  = "alert.dismissed"
	KindMembersCut = "alert.members-cut"
)

// Incoming is one alert as it arrived. Its texts are masked when decided on.
type Incoming struct {
	// Source names the sender: "alertmanager", or "report" for a person's.
	Source      string            `json:"source"`
	Fingerprint string            `json:"fingerprint"`
	StartsAt    time.Time         `json:"starts_at"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	// Link leads to where the alert was made.
	Link     string `json:"link,omitempty"`
	Resolved bool   `json:"resolved,omitempty"`
	// EndsAt is when it ended, if Resolved.
	EndsAt time.Time `json:"ends_at,omitzero"`
}

// ID is the alert's identity as a name.
func (in Incoming) ID() string {
	sum := sha256.Sum256([]byte(in.Source + "\x00" + in.Fingerprint + "\x00" + in.StartsAt.UTC().Format(time.RFC3339Nano)))
	return hex.EncodeToString(sum[:8])
}

// Alert is one alert as the book knows it.
type Alert struct {
	ID       string
	Revision holdfast.Revision
	Incoming
	Received  time.Time
	Reporter  holdfast.Actor
	Firing    bool
	Ended     time.Time
	Incident  string
	Dismissed string
	Position  holdfast.Position
}

// Title is a line for people: the summary, else the alert's name, else its
// fingerprint.
func (a *Alert) Title() string {
	for _, t := range []string{a.Annotations["summary"], a.Annotations["description"], a.Labels["alertname"]} {
		if t = strings.TrimSpace(t); t != "" {
			return t
		}
	}
	return a.Fingerprint
}

// Waiting reports whether nobody has dealt with the alert yet.
func (a *Alert) Waiting() bool { return a.Incident == "" && a.Dismissed == "" }

func subject(id string) holdfast.Subject { return holdfast.NewSubject("alert", id) }

// Receive decides on one arrival. It returns no facts if the arrival says
// nothing new.
func Receive(known *Alert, in Incoming) []journal.Draft {
	in = in.masked()
	id := in.ID()
	if known == nil {
		return []journal.Draft{journal.NewDraft(subject(id), 0, KindReceived, in)}
	}
	switch {
	case known.Firing && in.Resolved:
		return []journal.Draft{journal.NewDraft(subject(id), known.Revision, KindResolved, resolved{in.EndsAt})}
	case !known.Firing && !in.Resolved:
		return []journal.Draft{journal.NewDraft(subject(id), known.Revision, KindRefired, struct{}{})}
	}
	return nil
}

type resolved struct {
	EndsAt time.Time `json:"ends_at,omitzero"`
}

type attached struct {
	Incident string `json:"incident"`
	// Rule of the plan that suspected it, if one did.
	Rule string `json:"rule,omitempty"`
}

type withReason struct {
	Reason string `json:"reason"`
}

// masked returns the arrival with card numbers hidden in every text.
func (in Incoming) masked() Incoming {
	in.Labels, in.Annotations = maskAll(in.Labels), maskAll(in.Annotations)
	in.Link = payment.Mask(in.Link)
	return in
}

func maskAll(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[payment.Mask(k)] = payment.Mask(v)
	}
	return out
}

// Attach decides on joining an alert to an incident.
func Attach(a *Alert, incident, rule string) ([]journal.Draft, error) {
	switch {
	case a == nil:
		return nil, errNone()
	case a.Incident == incident:
		return nil, nil
	case a.Incident != "":
		return nil, holdfast.Errorf(holdfast.Conflict, "the alert belongs to incident %s already", a.Incident)
	}
	return []journal.Draft{journal.NewDraft(subject(a.ID), a.Revision, KindAttached, attached{incident, rule})}, nil
}

// Dismiss decides that an alert needs no incident.
func Dismiss(a *Alert, reason string) ([]journal.Draft, error) {
	switch {
	case a == nil:
		return nil, errNone()
	case !a.Waiting():
		return nil, holdfast.Errorf(holdfast.Conflict, "the alert has been dealt with already")
	case strings.TrimSpace(reason) == "" || len(reason) > maxText:
		return nil, holdfast.Errorf(holdfast.Invalid, "write why the alert needs no incident").At("reason")
	}
	return []journal.Draft{journal.NewDraft(subject(a.ID), a.Revision, KindDismissed, withReason{reason})}, nil
}

func errNone() error { return holdfast.Errorf(holdfast.NotFound, "there is no such alert") }
