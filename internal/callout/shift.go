package callout

import (
	"strconv"

	"holdfast/internal/incident"
	"holdfast/internal/locale"
	"holdfast/internal/notify"
)

// handovers writes the notices that a hand-over needs: to who was offered a post; to
// the commander as his time runs out; and, once it has, to all who hold a post.
func (s *Service) handovers(in *incident.Incident) (list []notify.Notice) {
	for _, h := range in.Handovers {
		if h.Open() {
			list = append(list, s.toHolder(in, "handover-"+strconv.Itoa(h.N), h.To, func(p *locale.Printer) (subject, body string) {
				args := s.words(in, p.Lang(), "from", h.From.Name, "post", p.T("post."+string(h.Post)), "text", h.Text)
				return p.T("notice.handover.subject", args...), p.T("notice.handover.body", args...)
			})...)
		}
	}
	l, ok := in.ShiftLimit()
	if !ok || l.Told.IsZero() && l.Breached.IsZero() {
		return list
	}
	about := strconv.FormatInt(l.Due.Unix(), 10)
	commander := in.Held[incident.Commander].Holder
	if l.Breached.IsZero() {
		return append(list, s.toHolder(in, "shift-"+about, commander, func(p *locale.Printer) (subject, body string) {
			args := s.words(in, p.Lang(), "time", p.Time(l.Due, s.Zone))
			return p.T("notice.shift.subject", args...), p.T("notice.shift.body", args...)
		})...)
	}
	told := map[string]bool{}
	for _, post := range incident.Posts {
		h := in.Held[post].Holder
		if h.Account == "" || told[h.Account] {
			continue
		}
		told[h.Account] = true
		list = append(list, s.toHolder(in, "overdue-"+about, h, func(p *locale.Printer) (subject, body string) {
			args := s.words(in, p.Lang(), "commander", commander.Name, "time", p.Time(l.Due, s.Zone))
			return p.T("notice.overdue.subject", args...), p.T("notice.overdue.body", args...)
		})...)
	}
	return list
}

// toHolder writes a notice to who holds a post. Who is not in the roster has no
// address; he sees it in the console.
func (s *Service) toHolder(in *incident.Incident, about string, h incident.Holder, write func(*locale.Printer) (subject, body string)) []notify.Notice {
	for _, person := range s.Roster.People() {
		if h.Account != "" && person.Account == h.Account {
			return s.personal(in, about, 0, person, write)
		}
	}
	return nil
}
