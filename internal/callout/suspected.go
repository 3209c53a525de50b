package callout

import (
	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/locale"
	"holdfast/internal/notify"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// Suspected stands in the place of a task in notices that tell of a suspicion, for
// which there is no procedure yet.
const Suspected = "suspected"

// suspicion writes the notices that tell of a suspected incident: to those who hold
// the roles that the rule of the plan names, each on every channel that reaches him.
func (s *Service) suspicion(in *incident.Incident) []notify.Notice {
	if in.State != incident.Suspected || len(in.Tell) == 0 {
		return nil
	}
	told := procedure.Notice{To: in.Tell}
	var list []notify.Notice
	for _, person := range Recipients(s.Roster, procedure.Detect, told, s.Now()) {
		for _, c := range person.Contacts {
			if delivers(told, c) {
				list = append(list, s.suspicionTo(in, person, c))
			}
		}
	}
	return list
}

func (s *Service) suspicionTo(in *incident.Incident, person Recipient, c roster.Contact) notify.Notice {
	lang := person.Lang
	if lang == "" {
		lang = holdfast.ZhHant
	}
	words := locale.For(lang)
	level := words.T("notice.suspected.triage")
	if in.Suggested != holdfast.Unknown {
		level = words.T("notice.suspected.level", "level", in.Suggested.String())
	}
	return notify.Notice{
		ID:       notify.ID(in.ID, Suspected, person.ID, string(c.Channel), c.Address, 0),
		Incident: in.ID, Task: Suspected,
		Person: person.ID, PersonName: person.Name,
		Channel: string(c.Channel), Address: c.Address, Lang: lang,
		Subject: words.T("notice.suspected.subject", "id", in.ID, "title", in.TitleIn(lang)),
		Body: words.T("notice.suspected.body", "id", in.ID, "title", in.TitleIn(lang), "level", level,
			"time", words.Time(in.Opened, s.Zone), "link", s.Link(in.ID)),
		Urgent: in.Suggested == holdfast.Level1 || in.Suggested == holdfast.Unknown, Drill: in.Drill, Why: person.Why,
	}
}
