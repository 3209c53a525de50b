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
					args := s.words(in, p.Lang(), "task", t.Title.In(p.Lang()), "time", p.Time(st.Deputised.Due, s.Zone))
					return p.T("notice.deputy.subject", args...), p.T("notice.deputy.body", args...)
				})...)
			}
		}
	}
	return list
}

// words are what texts of Holdfast's own may name, and more.
func (s *Service) words(in *incident.Incident, lang holdfast.Lang, more ...any) []any {
	return append([]any{"incident", in.ID, "title", in.TitleIn(lang), "link", s.Link(in.ID)}, more...)
}

// personal writes a notice whose text is Holdfast's own, not a template of the plan,
// over each channel of a person. It asks to be acknowledged.
func (s *Service) personal(in *incident.Incident, task string, round int, person roster.Person, write func(*locale.Printer) (subject, body string)) []notify.Notice {
	if rev, ok := s.Plans.Revision(in.Plan.ID, in.Plan.Revision); ok && person.Lang == "" {
		person.Lang = rev.Plan().Language
	}
	about := notify.Notice{Incident: in.ID, Task: task, Round: round, Urgent: in.Level == holdfast.Level1, Drill: in.Drill, WantAck: true, Why: Deputy}
	return letters(about, person, write)
}

// letters writes what a notice is about to a person, once for each way to reach him.
func letters(about notify.Notice, person roster.Person, write func(*locale.Printer) (subject, body string)) (list []notify.Notice) {
	subject, body := write(locale.For(person.Lang))
	for _, c := range person.Contacts {
		if !delivers(procedure.Notice{}, c) {
			continue
		}
		n := about
		n.ID = notify.ID(n.Incident, n.Task, person.ID, string(c.Channel), c.Address, n.Round)
		n.Person, n.PersonName, n.Channel, n.Address, n.Lang = person.ID, person.Name, string(c.Channel), c.Address, person.Lang
		n.Subject, n.Body = subject, body
		list = append(list, n)
	}
	return list
}

// missing leaves those that were not asked for yet.
func (s *Service) missing(list []notify.Notice) []notify.Notice {
	return slices.DeleteFunc(list, func(n notify.Notice) bool { return s.Book.Notice(n.ID) != nil })
}
