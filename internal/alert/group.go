package alert

import (
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
)

// Ground is why an alert belongs to its incident, if no person put it there.
type Ground struct {
	// Kind is one of the kinds below.
	Kind string `json:"kind"`
	// Cause is what the alert has in common with those before it, as [Cause] writes
	// it; empty for alerts that speak of the whole system.
	Cause string `json:"cause,omitempty"`
	// Near says how it is near to them in time: Minutes, Firing or Handled.
	Near string `json:"near,omitempty"`
}

// Kinds of grounds.
const (
	// First: no incident had its cause, so it opened one.
	First = "first"
	// SameCause: the incident has its cause.
	SameCause = "same-cause"
	// WholeSystem: the whole system is suspected to have stopped, and this is part of it.
	WholeSystem = "whole-system"
	// LevelOne: an emergency of level 1 is under way; what fails now fails with it.
	LevelOne = "level-1"
)

// How an alert is near in time to those of an incident.
const (
	// Minutes: it came within [Window] of the one before.
	Minutes = "minutes"
	// Firing: one of them still fires.
	Firing = "firing"
	// Handled: the incident is confirmed and not over.
	Handled = "handled"
)

// Window is how long after an incident's latest alert another counts as near.
const Window = 5 * time.Minute

// Cause returns what an alert is about, as channel=app, by which alerts of one
// cause are recognised: the values of all labels of groupBy, or, if there are none,
// of the first of the usual ones that it has. It is empty for an alert with none of
// them, which speaks of the whole system.
func Cause(labels map[string]string, groupBy, usual []string) string {
	if len(groupBy) == 0 {
		for _, name := range usual {
			if v := labels[name]; v != "" {
				return cut(name+"="+v, maxName)
			}
		}
		return ""
	}
	var parts []string
	some := false
	for _, name := range groupBy {
		some = some || labels[name] != ""
		parts = append(parts, name+"="+labels[name])
	}
	if !some {
		return ""
	}
	return cut(strings.Join(parts, ", "), maxName)
}

// Kinds of facts of incidents that take alerts along.
const (
	KindAbsorbed = "incident.absorbed"
	KindReleased = "incident.released"
)

// Merged is what such a fact says of alerts: they go from the incident From to the
// one that the fact is about, or, released, back.
type Merged struct {
	From   string   `json:"from"`
	Alerts []string `json:"alerts"`
}

// Moved is a change of the incident that an alert belongs to, made by a person.
type Moved struct {
	From   string         `json:"from"`
	To     string         `json:"to"`
	Reason string         `json:"reason"`
	By     holdfast.Actor `json:"-"`
	At     time.Time      `json:"-"`
}

// Regroup decides on moving an alert to another incident: it was grouped wrongly.
func Regroup(a *Alert, to, reason string) ([]journal.Draft, error) {
	switch {
	case a == nil:
		return nil, errNone()
	case a.Incident == "":
		return nil, holdfast.Errorf(holdfast.Conflict, "the alert belongs to no incident")
	case a.Incident == to:
		return nil, holdfast.Errorf(holdfast.Conflict, "the alert belongs to incident %s already", to)
	case strings.TrimSpace(reason) == "" || len(reason) > maxText:
		return nil, holdfast.Errorf(holdfast.Invalid, "write why the alert does not belong there").At("reason")
	}
	m := Moved{From: a.Incident, To: to, Reason: payment.Mask(reason)}
	return []journal.Draft{journal.NewDraft(subject(a.ID), a.Revision, KindMoved, m)}, nil
}
