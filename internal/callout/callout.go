// Package callout tells people and convenes them: when a stage with a notice
// opens, it finds who holds the roles the plan names, writes the notice in each
// person's language and asks package notify to deliver it. It decodes facts,
// roster and plan; it sends nothing itself.
//
// It looks at the state, not at events: a notice that ought to exist and does
// not is asked for, and its id is a hash of what it is for, so asking twice, or
// from two control nodes, makes one notice.
package callout

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/locale"
	"holdfast/internal/notify"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// Service asks for the notices that are due.
type Service struct {
	State     *journal.State
	Incidents *incident.Book
	Plans     *plan.Book
	Roster    *roster.Book
	Book      *notify.Book
	Notices   *notify.Service
	// Link makes the address of an incident's page.
	Link func(incident string) string
	Zone *time.Location
	Log  *slog.Logger
}

// Run asks for what is due until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	watch, end := s.State.Watch()
	defer end()
	for {
		var due []notify.Notice
		s.State.View(func() { due = s.due() })
		if len(due) > 0 {
			if err := s.Notices.Ask(ctx, holdfast.Self("callout"), due...); err != nil && ctx.Err() == nil {
				s.Log.Warn("notices cannot be asked for now", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-watch:
		case <-time.After(5 * time.Second): // after a failure, without waiting for a fact
		}
	}
}

// due lists the notices of open stages that do not exist yet.
func (s *Service) due() []notify.Notice {
	var due []notify.Notice
	for _, in := range s.Incidents.Open() {
		for i, stage := range in.Procedure.Stages {
			if in.Stages[i].Status != procedure.Open {
				continue
			}
			for _, t := range stage.Tasks {
				if t.Notice == nil || in.Tasks[t.ID].Status != procedure.Open {
					continue
				}
				for _, n := range s.notices(in, t) {
					if s.Book.Notice(n.ID) == nil {
						due = append(due, n)
					}
				}
			}
		}
	}
	return due
}

// notices writes one notice for each way to reach each holder of the roles.
func (s *Service) notices(in *incident.Incident, t procedure.Task) []notify.Notice {
	rev, ok := s.Plans.Revision(in.Plan.ID, in.Plan.Revision)
	if !ok {
		return nil
	}
	template, ok := rev.Plan().Template(t.Notice.Template)
	if !ok {
		return nil
	}
	var list []notify.Notice
	for _, person := range Recipients(s.Roster, t.Notice.To) {
		lang := person.Lang
		if lang == "" {
			lang = rev.Plan().Language
		}
		fill := s.filler(in, rev, lang)
		for _, c := range person.Contacts {
			if c.Channel == roster.Phone || !wanted(t.Notice.Channels, c.Channel) {
				continue
			}
			list = append(list, notify.Notice{
				ID:       notify.ID(in.ID, t.ID, person.ID, string(c.Channel), c.Address, 0),
				Incident: in.ID, Task: t.ID,
				Person: person.ID, PersonName: person.Name,
				Channel: string(c.Channel), Address: c.Address, Lang: lang,
				Subject: drillMark(in, lang) + fill.Replace(template.Subject.In(lang)),
				Body:    fill.Replace(template.Body.In(lang)),
				Urgent:  in.Level == holdfast.Level1, Drill: in.Drill,
				WantAck: t.Notice.Acknowledge > 0,
			})
		}
	}
	return list
}

func wanted(channels []string, c roster.Channel) bool {
	return len(channels) == 0 || slices.Contains(channels, string(c))
}

// Recipients returns the holders of roles, each once, in the order of the roles.
func Recipients(b *roster.Book, roles []string) []roster.Person {
	var list []roster.Person
	seen := map[string]bool{}
	for _, r := range roles {
		for _, p := range b.Holders(r) {
			if !seen[p.ID] {
				seen[p.ID] = true
				list = append(list, p)
			}
		}
	}
	return list
}

// filler replaces the placeholders of a template.
func (s *Service) filler(in *incident.Incident, rev *plan.Revision, lang holdfast.Lang) *strings.Replacer {
	p := locale.For(lang)
	return strings.NewReplacer(
		"{incident}", in.ID,
		"{level}", in.Level.String(),
		"{title}", in.Title,
		"{time}", p.Time(in.Confirmed, s.Zone),
		"{reason}", in.Title,
		"{link}", s.Link(in.ID),
		"{plan}", fmt.Sprintf("%s r%d", rev.Plan().Title.In(lang), rev.Number),
	)
}

// drillMark makes a drill unmistakable in every channel.
func drillMark(in *incident.Incident, lang holdfast.Lang) string {
	if !in.Drill {
		return ""
	}
	return locale.For(lang).T("notice.drill") + " "
}

// Succeeded reports whether a notice task is done: enough of those told have
// acknowledged, or, where none must, each was reached on one channel. The note
// says which.
func Succeeded(b *notify.Book, incidentID string, t procedure.Task) (note string, ok bool) {
	people := b.ByTask(incidentID, t.ID)
	if len(people) == 0 {
		return "", false
	}
	acknowledged, reached := 0, 0
	for _, p := range people {
		if p.Acknowledged() {
			acknowledged++
		}
		if p.Reached() {
			reached++
		}
	}
	if n := t.Notice.Acknowledge; n > 0 {
		return fmt.Sprintf("%d of %d acknowledged", acknowledged, len(people)), acknowledged >= n
	}
	return fmt.Sprintf("%d of %d reached", reached, len(people)), reached == len(people)
}
