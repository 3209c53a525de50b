// Package alert holds signals that something may be wrong: alerts from
// monitoring systems and reports from people.
//
// An alert's identity is its source, its fingerprint and when it started, so
// however often and from however many senders it arrives, it is one alert. It
// fires until its sender says resolved, which is a hint and closes nothing by
// itself. A person, or a rule of the plan, attaches it to an incident; an alert
// that concerns none is dismissed with a reason, and waits for somebody again if
// it fires again after that.
//
// Which alerts are of one cause is said by their labels ([Cause]); why one belongs to
// its incident is kept with it ([Ground]), and a person may move it ([Regroup]). When
// incidents are merged, or a merger is undone, the incident's fact takes its alerts along.
//
// Facts on subject alert/<id>: alert.received, alert.resolved, alert.refired,
// alert.acknowledged, alert.attached, alert.moved, alert.dismissed. On subject
// alert-group/<id>:
// alert.members-cut, when a sender says that it left members of a group out.
package alert

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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
	// KindAcknowledged: its sender says that somebody has taken it up. It is a hint.
	KindAcknowledged = "alert.acknowledged"
	KindMoved        = "alert.moved"
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

	// Keyed means that the sender names what is open by the fingerprint alone: an
	// arrival belongs to the alert of it that fires, and begins a new one if none does.
	Keyed bool `json:"-"`
	// Acknowledged means that somebody has taken it up, as its sender says.
	Acknowledged bool `json:"-"`
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
	Ground    *Ground
	Moves     []Moved
	Dismissed string
	// TakenUp is when its sender first said that somebody has taken it up.
	TakenUp  time.Time
	Position holdfast.Position

	turn uint64 // of the queue; 0 for an alert that does not wait
}

// Title is one line for people: the summary, else the description, the alert's
// name, or its fingerprint.
func (a *Alert) Title() string {
	for _, t := range []string{a.Annotations["summary"], a.Annotations["description"], a.Labels["alertname"]} {
		if t = strings.Join(strings.Fields(t), " "); t != "" {
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
	id := in.ID()
	if known == nil {
		return []journal.Draft{journal.NewDraft(subject(id), 0, KindReceived, in.masked())}
	}
	switch {
	case in.Acknowledged && known.TakenUp.IsZero():
		return []journal.Draft{journal.NewDraft(subject(id), known.Revision, KindAcknowledged, struct{}{})}
	case in.Acknowledged:
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
	// Rule of the plan that suspected it, if one did, and why this incident.
	Rule   string  `json:"rule,omitempty"`
	Ground *Ground `json:"ground,omitempty"`
}

type withReason struct {
	Reason string `json:"reason"`
}

// Limits on one alert's texts, in bytes. What is longer is cut, not refused: an
// alert with too long a description is still an alert.
const (
	maxName  = 200
	maxValue = 4000
	maxTexts = 64 << 10 // of the labels, and of the annotations, together
)

// masked returns the arrival with card numbers hidden in every text, and the
// texts within bounds.
func (in Incoming) masked() Incoming {
	in.Labels, in.Annotations = bounded(in.Labels, in.Source), bounded(in.Annotations, in.Source)
	if in.Link = payment.MaskLink(in.Link); len(in.Link) > maxValue {
		in.Link = "" // half an address leads nowhere
	}
	return in
}

// Clean returns the arrival as it would be stored: masked and within bounds.
func (in Incoming) Clean() Incoming { return in.identified().masked() }

// identified returns the arrival with a fingerprint that may be stored: one that is
// long or holds a card number is replaced by its hash.
func (in Incoming) identified() Incoming {
	if len(in.Fingerprint) > maxFingerprint || payment.Mask(in.Fingerprint) != in.Fingerprint {
		in.Fingerprint = short(in.Fingerprint)
	}
	return in
}

func bounded(m map[string]string, source string) map[string]string {
	out, room := make(map[string]string, len(m)), maxTexts
	for _, k := range slices.SortedFunc(maps.Keys(m), byWeight) {
		v := payment.Mask(m[k])
		if source == reportSource && k == callerText {
			v = maskCaller(m[k])
		}
		name, v := cut(payment.Mask(k), maxName), cut(v, maxValue)
		if room -= len(name) + len(v); room < 0 {
			break
		}
		out[name] = v
	}
	return out
}

// byWeight puts first what rules and people read.
func byWeight(a, b string) int {
	weight := func(s string) int {
		if slices.Contains([]string{"alertname", "severity", "summary", "description"}, s) {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(weight(a), weight(b)), cmp.Compare(a, b))
}

// cut shortens a text to at most n bytes without breaking a character.
func cut(s string, n int) string {
	const mark = "…"
	if len(s) <= n {
		return s
	}
	n -= len(mark)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + mark
}

func (in Incoming) size() int {
	n := len(in.Link) + len(in.Fingerprint)
	for _, m := range []map[string]string{in.Labels, in.Annotations} {
		for k, v := range m {
			n += len(k) + len(v)
		}
	}
	return n
}

// Attach decides on joining an alert to an incident.
func Attach(a *Alert, incident, rule string, why *Ground) ([]journal.Draft, error) {
	switch {
	case a == nil:
		return nil, errNone()
	case a.Incident == incident:
		return nil, nil
	case a.Incident != "":
		return nil, holdfast.Errorf(holdfast.Conflict, "the alert belongs to incident %s already", a.Incident)
	}
	return []journal.Draft{journal.NewDraft(subject(a.ID), a.Revision, KindAttached, attached{incident, rule, why})}, nil
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
	return []journal.Draft{journal.NewDraft(subject(a.ID), a.Revision, KindDismissed, withReason{payment.Mask(reason)})}, nil
}

func errNone() error { return holdfast.Errorf(holdfast.NotFound, "there is no such alert") }
