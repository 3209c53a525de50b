package incident

import (
	"slices"
	"strings"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
)

// AlertsJoined joins alerts that a rule of the plan grouped: those of one storm in
// one fact.
type AlertsJoined struct {
	Alerts []string `json:"alerts"`
	// Level is the gravest that their rules suggest, Rule the one that does.
	Level  holdfast.Level `json:"level,omitempty"`
	Rule   string         `json:"rule,omitempty"`
	Ground alert.Ground   `json:"ground"`
	// Tell lists more roles to tell of the suspicion.
	Tell []string `json:"tell,omitempty"`
}

// AlertLeft says that a person took an alert out: it was grouped wrongly.
type AlertLeft struct {
	Alert string `json:"alert"`
	// To is the incident it belongs to now.
	To     string `json:"to"`
	Reason string `json:"reason"`
}

// KindJoined is the kind of [AlertsJoined].
const KindJoined = "incident.alerts-joined"

func (AlertsJoined) kind() string { return KindJoined }
func (AlertLeft) kind() string    { return "incident.alert-left" }

// Join joins alerts to an incident that is not over.
func Join(in *Incident, e AlertsJoined) ([]journal.Draft, error) {
	if in == nil || in.Over() {
		return nil, errState(in, Suspected)
	}
	return in.draft(e), nil
}

// Suspicion opens an incident, and joins to it in the same append what came with the
// alert that opened it.
func Suspicion(s SuspectedFact, id string, with AlertsJoined) []journal.Draft {
	s.clean()
	events := []event{s}
	if len(with.Alerts) > 0 {
		events = append(events, with)
	}
	return (&Incident{ID: id}).draft(events...)
}

// Leave decides on taking an alert out of an incident that is not over, into
// another.
func Leave(in *Incident, alertID, to, reason string) ([]journal.Draft, error) {
	switch {
	case in == nil || in.Over():
		return nil, errState(in, Suspected)
	case !slices.Contains(in.Alerts, alertID):
		return nil, holdfast.Errorf(holdfast.NotFound, "incident %s has no such alert", in.ID)
	}
	if err := needText("reason", reason, holdfast.Errorf(holdfast.Invalid, "write why the alert does not belong there")); err != nil {
		return nil, err
	}
	return in.draft(AlertLeft{Alert: alertID, To: to, Reason: payment.Mask(reason)}), nil
}

func (in *Incident) join(e AlertsJoined, f holdfast.Fact) {
	in.Alerts = append(in.Alerts, e.Alerts...)
	in.LastAlert = f.Time
	in.suggest(e.Level, e.Rule)
	in.ask(e, f)
	for _, role := range e.Tell {
		if !slices.Contains(in.Tell, role) {
			in.Tell = append(in.Tell[:len(in.Tell):len(in.Tell)], role)
		}
	}
}

// leave keeps what the alert's rule suggested: a person judges the level.
func (in *Incident) leave(e AlertLeft) {
	in.Alerts = slices.DeleteFunc(slices.Clone(in.Alerts), func(id string) bool { return id == e.Alert })
}

// suggest raises the level that is suggested while the incident is suspected.
func (in *Incident) suggest(level holdfast.Level, rule string) {
	if in.State == Suspected && Graver(level, in.Suggested) {
		in.Suggested, in.Rule = level, rule
	}
}

// clean makes lines of the titles.
func (s *SuspectedFact) clean() {
	s.Title = oneLine(s.Title)
	s.Titles = holdfast.Text{ZhHant: oneLine(s.Titles.ZhHant), ZhHans: oneLine(s.Titles.ZhHans), En: oneLine(s.Titles.En)}
}

// TitleIn returns the title for a reader.
func (in *Incident) TitleIn(lang holdfast.Lang) string {
	if in.Titles.IsZero() {
		return in.Title
	}
	return in.Titles.In(lang)
}

// oneLine makes a title of a text: it becomes the subject of mail.
func oneLine(s string) string {
	return cut(payment.Mask(strings.Join(strings.Fields(s), " ")), maxTitle)
}
