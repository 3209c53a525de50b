package response

import (
	"slices"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/callout"
	"holdfast/internal/detect"
	"holdfast/internal/locale"
)

// Titles says what an alert of Holdfast's own says, in every language: from the
// figures that it holds, whatever the language was in which it was written down.
// It is empty for alerts of others, and for those that hold too little.
func Titles(in alert.Incoming) (t holdfast.Text) {
	say := func(*locale.Printer) string { return "" }
	name := in.Labels["alertname"]
	switch f, found := detect.Read(in); {
	case found:
		say = f.Title
	case in.Source == ownSource && name == silentName && in.Labels[watchdogName] != "":
		say = func(p *locale.Printer) string { return p.T("alert.silent", "rule", in.Labels[watchdogName]) }
	case in.Source == callout.Source && slices.Contains(audited, name):
		say = func(p *locale.Printer) string { return p.T("alert.audit." + name) }
	}
	return holdfast.Text{ZhHant: say(locale.For(holdfast.ZhHant)), ZhHans: say(locale.For(holdfast.ZhHans)), En: say(locale.For(holdfast.En))}
}

// titlesOf returns the titles of an incident that is opened from alerts, where its
// title is what one of them says and not a person's own.
func (s *Service) titlesOf(title string, alerts []string) holdfast.Text {
	for _, id := range alerts {
		a := s.Alerts.Alert(id)
		if a == nil {
			continue
		}
		if t := Titles(a.Incoming); a.Title() == title || title != "" && slices.Contains([]string{t.ZhHant, t.ZhHans, t.En}, title) {
			return t
		}
	}
	return holdfast.Text{}
}

// audited are the names of the auditor's alerts.
var audited = []string{callout.Missing, callout.Late}
