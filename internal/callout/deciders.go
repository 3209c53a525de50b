package callout

import (
	"strconv"
	"time"

	"holdfast/internal/authority"
	"holdfast/internal/directive"
	"holdfast/internal/locale"
	"holdfast/internal/notify"
	"holdfast/internal/roster"
)

// DecisionSubject stands for the incident of notices about directives that belong
// to none, and of breaks of the glass.
const DecisionSubject = "directives"

// Who may answer a proposal is told at once, and again while nobody has, this often
// and so many times.
const (
	askAgain  = 10 * time.Minute
	lastRound = 2
)

// decisions writes the notices to those who may answer what waits for a second
// person, and to the superiors who judge a break of the glass.
func (s *Service) decisions() (list []notify.Notice) {
	if s.Directives == nil {
		return nil
	}
	for _, d := range s.Directives.All() {
		if wish, waits := s.Authority.Awaited(d); waits {
			list = append(list, s.toDeciders(d, wish)...)
		}
	}
	for _, g := range s.Authority.Book.Glasses() {
		if g.Judged == nil {
			list = append(list, s.toSuperiors(g)...)
		}
	}
	return list
}

func (s *Service) toDeciders(d *directive.Directive, wish authority.Wish) (list []notify.Notice) {
	task, by, since, reason := "decide-"+d.ID, d.ProposedBy, d.ProposedAt, d.Reason
	if w := d.LiftWish; wish.Kind == authority.Lift {
		task, by, since, reason = "lift-"+d.ID+"-"+strconv.FormatInt(w.At.UnixMilli(), 10), w.By, w.At, w.Reason
	}
	about := notify.Notice{Incident: DecisionSubject, Task: task, Urgent: true, Round: min(lastRound, int(s.Now().Sub(since)/askAgain))}
	if in := s.Incidents.Incident(d.Incident); in != nil {
		about.Incident, about.Drill = in.ID, in.Drill
	}
	for _, person := range s.Authority.Deciders(wish, s.Now()) {
		list = append(list, letters(about, s.speaking(person), func(p *locale.Printer) (subject, body string) {
			args := []any{"directive", d.ID, "kind", p.T("directive.kind." + string(d.Kind)), "scope", d.Scope, "by", by.String(), "reason", reason, "link", s.Decide(d.ID)}
			if wish.Kind == authority.Lift {
				return p.T("notice.lift.subject", args...), p.T("notice.lift.body", args...)
			}
			return p.T("notice.decide.subject", args...), p.T("notice.decide.body", args...)
		})...)
	}
	return list
}

// toSuperiors tells those who judge a break of the glass: as it is broken, and again
// when the time for their judgement has passed.
func (s *Service) toSuperiors(g *authority.Glass) (list []notify.Notice) {
	about := notify.Notice{Incident: DecisionSubject, Task: "glass-" + g.ID, Urgent: true}
	if in := s.Incidents.Incident(g.Incident); in != nil {
		about.Incident, about.Drill = in.ID, in.Drill
	}
	if g.Overdue {
		about.Round = 1
	}
	who, _ := s.Roster.Person(g.Person)
	for _, person := range s.Roster.People() {
		if person.ID == g.Person || !s.Authority.Has(person, g.Superior, s.Now()) {
			continue
		}
		list = append(list, letters(about, s.speaking(person), func(p *locale.Printer) (subject, body string) {
			args := []any{"name", who.NameIn(p.Lang()), "until", p.Time(g.Until, s.Zone), "by", p.Time(g.AnswerBy, s.Zone), "reason", g.Reason, "link", s.Decide("")}
			return p.T("notice.glass.subject", args...), p.T("notice.glass.body", args...)
		})...)
	}
	return list
}

// speaking returns a person with the language that notices to him have.
func (s *Service) speaking(person roster.Person) roster.Person {
	if rev, ok := s.Plans.Current("", s.Now()); ok && person.Lang == "" {
		person.Lang = rev.Plan().Language
	}
	return person
}
