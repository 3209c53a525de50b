package incident

import (
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
)

// LevelAsk is what an alert asks for that has joined a running incident of its cause:
// a graver level, or, where it is Unknown, that somebody judges.
type LevelAsk struct {
	Level holdfast.Level
	// Rule is the plan's that asks.
	Rule string
	At   time.Time
}

// LevelKept is a person's word that the level stays though an alert asks for a graver
// one.
type LevelKept struct {
	Asked  holdfast.Level `json:"asked,omitempty"`
	Reason string         `json:"reason"`
}

func (LevelKept) kind() string { return "incident.level-kept" }

func (e LevelKept) fold(in *Incident, _ holdfast.Fact) {
	kept := e.Asked
	in.Ask, in.kept = nil, &kept
}

// ask notes that an alert asks for a level. What people have decided on is not asked
// again, unless for a graver one.
func (in *Incident) ask(e AlertsJoined, f holdfast.Fact) {
	asks := Graver(e.Level, in.Level) || e.Level == holdfast.Unknown && e.Rule != "" && in.Level != holdfast.Level1
	if in.State != Active || !asks || in.kept != nil && !Graver(e.Level, *in.kept) || in.Ask != nil && !Graver(e.Level, in.Ask.Level) {
		return
	}
	in.Ask = &LevelAsk{e.Level, e.Rule, f.Time}
}

// answered ends what was asked for once the level has changed: a lesser one than an
// alert asks for leaves the question open.
func (in *Incident) answered() {
	in.kept = nil
	if in.Ask != nil && !Graver(in.Ask.Level, in.Level) {
		in.Ask = nil
	}
}

// KeepLevel decides that the level stays though an alert asks for a graver one.
func KeepLevel(in *Incident, reason string) ([]journal.Draft, error) {
	if err := in.mayChange(); err != nil {
		return nil, err
	}
	if in.Ask == nil {
		return nil, holdfast.Errorf(holdfast.Conflict, "no alert asks for another level of incident %s", in.ID)
	}
	if err := needText("reason", reason, holdfast.Errorf(holdfast.Invalid, "write why the level stays")); err != nil {
		return nil, err
	}
	return in.draft(LevelKept{in.Ask.Level, payment.Mask(strings.TrimSpace(reason))}), nil
}
