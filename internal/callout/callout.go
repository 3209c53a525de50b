// Package callout tells people and convenes them: when a stage with a notice
// opens, it finds who holds the roles the plan names, writes the notice in each
// person's language and asks package notify to deliver it. It decodes facts,
// roster and plan; it sends nothing itself.
//
// It looks at the state, not at events: a notice that ought to exist and does
// not is asked for, and its id is a hash of what it is for, so asking twice, or
// from two control nodes, makes one notice.
//
// # Links
//
// Three kinds of message carry a link that works without an account: [Verifier]
// has an address of the roster confirmed, [Inviter] invites outside reviewers of
// a draft, [Readers] tells the readers of a revision what it changes and reminds
// them. The journal never holds the secret of a link: the notice has a place for
// it, which is filled as the message leaves.
package callout

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/authority"
	"holdfast/internal/directive"
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
	// Directives and Authority say who must be told of what waits for a second person;
	// without Directives nobody is. Decide makes the address of a directive's page, or,
	// of none, that of the page on authority.
	Directives *directive.Book
	Authority  authority.Nouns
	Decide     func(directive string) string
	Zone       *time.Location
	Log        *slog.Logger
	// Now says when it is, and so who is on duty.
	Now func() time.Time
}

// Run asks for what is due until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	watch, end := s.State.Watch()
	defer end()
	for {
		var due []notify.Notice
		s.State.View(func() { due = s.due() })
		for _, n := range due { // one by one: what is wrong with one must not keep the others back
			if err := s.Notices.Ask(ctx, holdfast.Self("callout"), n); err != nil && ctx.Err() == nil {
				s.Log.Warn("a notice cannot be asked for now", "incident", n.Incident, "task", n.Task, "person", n.Person, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-watch:
		case <-time.After(retryAfter): // after a failure, without waiting for a fact
		}
	}
}

// due lists the notices of open stages that do not exist yet.
func (s *Service) due() []notify.Notice {
	due := s.missing(s.decisions())
	for _, in := range s.Incidents.Open() {
		due = append(due, s.missing(slices.Concat(s.deputies(in), s.handovers(in), s.suspicion(in)))...)
		for i, stage := range in.Procedure.Stages {
			if in.Stages[i].Status != procedure.Open {
				continue
			}
			for _, t := range stage.Tasks {
				if t.Notice == nil || in.Tasks[t.ID].Status != procedure.Open {
					continue
				}
				for _, n := range s.notices(in, stage.Kind, t) {
					if s.Book.Notice(n.ID) == nil {
						due = append(due, n)
					}
				}
			}
		}
	}
	return due
}

// notices writes one notice for each way to reach each of those whom a task tells now.
func (s *Service) notices(in *incident.Incident, stage procedure.StageKind, t procedure.Task) []notify.Notice {
	rev, ok := s.Plans.Revision(in.Plan.ID, in.Plan.Revision)
	if !ok {
		return nil
	}
	template, ok := rev.Plan().Template(t.Notice.Template)
	if !ok {
		return nil
	}
	var list []notify.Notice
	for _, person := range Recipients(s.Roster, stage, *t.Notice, s.Now()) {
		lang := person.Lang
		if lang == "" {
			lang = rev.Plan().Language
		}
		fill := s.filler(in, rev, lang)
		for _, c := range person.Contacts {
			if !delivers(*t.Notice, c) {
				continue
			}
			list = append(list, notify.Notice{
				ID:       notify.ID(in.ID, t.ID, person.ID, string(c.Channel), c.Address, in.Round()),
				Incident: in.ID, Task: t.ID,
				Person: person.ID, PersonName: person.Name,
				Channel: string(c.Channel), Address: c.Address, Lang: lang,
				Subject: fill.Replace(template.Subject.In(lang)),
				Body:    fill.Replace(template.Body.In(lang)),
				Urgent:  in.Level == holdfast.Level1, Drill: in.Drill,
				WantAck: t.Notice.Acknowledge > 0, Why: person.Why, Round: in.Round(),
			})
		}
	}
	return list
}

// Reachable reports whether a notice can reach a person.
func Reachable(p roster.Person, n procedure.Notice) bool {
	return slices.ContainsFunc(p.Contacts, func(c roster.Contact) bool { return delivers(n, c) })
}

// delivers reports whether a notice goes to a contact.
func delivers(n procedure.Notice, c roster.Contact) bool {
	return c.Channel.Sent() && (len(n.Channels) == 0 || slices.Contains(n.Channels, string(c.Channel)))
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

// Succeeded reports whether a notice task is done: enough of those told have
// acknowledged, or, where none must, each was reached on one channel. The note
// says which. A role that nobody holds, or somebody whom no notice can reach and for
// whom nobody stands in, is not reached: the task then waits for a person, who tells
// them by hand.
func Succeeded(b *notify.Book, people *roster.Book, in *incident.Incident, stage procedure.StageKind, t procedure.Task, now time.Time) (note string, ok bool) {
	acknowledged, reached := 0, map[string]bool{}
	told := b.ByRound(in.ID, t.ID, in.Round())
	for _, p := range told {
		if p.Acknowledged() {
			acknowledged++
		}
		reached[p.ID] = p.Reached()
	}
	if n := t.Notice.Acknowledge; n > 0 {
		return fmt.Sprintf("%d of %d acknowledged", acknowledged, len(told)), acknowledged >= n
	}
	ok = len(told) > 0
	for _, role := range t.Notice.To {
		ok = ok && len(people.Holders(role)) > 0
	}
	for _, p := range Recipients(people, stage, *t.Notice, now) {
		ok = ok && reached[p.ID]
	}
	return fmt.Sprintf("%d of %d reached", len(reached), len(told)), ok
}
