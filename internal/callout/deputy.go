package callout

import (
	"slices"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/locale"
	"holdfast/internal/notify"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// deputies writes the notices to those who stand in for the owner of a task that
// nobody took in time: one for each way to reach them, as long as nobody has taken it.
func (s *Service) deputies(in *incident.Incident) (list []notify.Notice) {
	for _, stage := range in.Procedure.Stages {
		for _, t := range stage.Tasks {
			st := in.Tasks[t.ID]
			if st.Deputised == nil || st.Status != procedure.Open || st.Owner.ID != "" {
				continue
			}
			for _, id := range st.Deputised.People {
				person, ok := s.Roster.Person(id)
				if !ok {
					continue
				}
				list = append(list, s.personal(in, t.ID, in.Round(), person, func(p *locale.Printer) (subject, body string) {
					args := s.words(in, "task", t.Title.In(p.Lang()), "time", p.Time(st.Deputised.Due, s.Zone))
					return p.T("notice.deputy.subject", args...), p.T("notice.deputy.body", args...)
				})...)
			}
		}
	}
	return list
}

// words are what texts of Holdfast's own may name, and more.
func (s *Service) words(in *incident.Incident, more ...any) []any {
	return append([]any{"incident", in.ID, "title", in.Title, "link", s.Link(in.ID)}, more...)
}

// personal writes a notice whose text is Holdfast's own, not a template of the plan,
// over each channel of a person. It asks to be acknowledged.
func (s *Service) personal(in *incident.Incident, task string, round int, person roster.Person, write func(*locale.Printer) (subject, body string)) (list []notify.Notice) {
	lang := person.Lang
	if rev, ok := s.Plans.Revision(in.Plan.ID, in.Plan.Revision); ok && lang == "" {
		lang = rev.Plan().Language
	}
	subject, body := write(locale.For(lang))
	for _, c := range person.Contacts {
		if !delivers(procedure.Notice{}, c) {
			continue
		}
		list = append(list, notify.Notice{
			ID:       notify.ID(in.ID, task, person.ID, string(c.Channel), c.Address, round),
			Incident: in.ID, Task: task, Person: person.ID, PersonName: person.Name,
			Channel: string(c.Channel), Address: c.Address, Lang: lang,
			Subject: drillMark(in, lang) + subject, Body: body,
			Urgent: in.Level == holdfast.Level1, Drill: in.Drill, WantAck: true, Why: Deputy, Round: round,
		})
	}
	return list
}

// missing leaves those that were not asked for yet.
func (s *Service) missing(list []notify.Notice) []notify.Notice {
	return slices.DeleteFunc(list, func(n notify.Notice) bool { return s.Book.Notice(n.ID) != nil })
}
