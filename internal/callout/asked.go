package callout

import (
	"strconv"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/locale"
	"holdfast/internal/notify"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// levelAsked writes the notices that an alert asks for a graver level of a running
// incident: to its commander, and to the roles that rules of the plan tell.
func (s *Service) levelAsked(in *incident.Incident) (list []notify.Notice) {
	if in.State != incident.Active || in.Ask == nil {
		return nil
	}
	about := notify.Notice{Incident: in.ID, Task: levelTask(in), Urgent: in.Ask.Level == holdfast.Level1 || in.Ask.Level == holdfast.Unknown, Drill: in.Drill}
	for _, person := range s.levelDeciders(in) {
		list = append(list, letters(about, s.speaking(person), func(p *locale.Printer) (subject, body string) {
			asked := p.T("notice.suspected.triage")
			if in.Ask.Level != holdfast.Unknown {
				asked = p.T("notice.suspected.level", "level", in.Ask.Level.String())
			}
			args := s.words(in, p.Lang(), "asked", asked, "level", in.Level.String())
			return p.T("notice.level-asked.subject", args...), p.T("notice.level-asked.body", args...)
		})...)
	}
	return list
}

func levelTask(in *incident.Incident) string {
	return "level-" + in.Ask.Level.String() + "-" + strconv.FormatInt(in.Ask.At.UnixMilli(), 10)
}

func (s *Service) levelDeciders(in *incident.Incident) (people []roster.Person) {
	told := map[string]bool{}
	commander := in.Held[incident.Commander].Holder
	for _, person := range s.Roster.People() {
		if commander.Account != "" && person.Account == commander.Account {
			people, told[person.ID] = append(people, person), true
		}
	}
	if len(in.Tell) == 0 {
		return people
	}
	for _, r := range Recipients(s.Roster, procedure.Detect, procedure.Notice{To: in.Tell}, s.Now()) {
		if !told[r.ID] {
			people, told[r.ID] = append(people, r.Person), true
		}
	}
	return people
}

// levelAsked looks whether those were told who decide on the level that an alert asks
// for.
func (a *audit) levelAsked(in *incident.Incident) {
	if in.State != incident.Active || in.Ask == nil {
		return
	}
	for _, p := range a.levelDeciders(in) {
		if usable(p, nil) {
			a.page(account{incident: in.ID, task: levelTask(in)}, p.ID, in.Ask.At)
		}
	}
}
