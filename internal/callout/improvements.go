package callout

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"holdfast"
	"holdfast/internal/improvement"
	"holdfast/internal/journal"
	"holdfast/internal/locale"
	"holdfast/internal/notify"
)

// Improvements tells owners of improvements that they have one, reminds them, and
// tells others of what stays undone. Who must be told when is
// [improvement.Nouns.Letters]; as with a [Service], a letter has an id by what it is
// for, so that several control nodes and a restart make one.
type Improvements struct {
	State   *journal.State
	Nouns   improvement.Nouns
	Book    *notify.Book
	Notices *notify.Service
	// Page makes the address of an improvement's page.
	Page func(id string) string
	Log  *slog.Logger
	Now  func() time.Time
}

// Run asks for the letters that are due until ctx ends.
func (s *Improvements) Run(ctx context.Context) error {
	watch, end := s.State.Watch()
	defer end()
	for {
		var due []notify.Notice
		var next time.Time
		now := s.Now()
		s.State.View(func() { due, next = s.due(now) })
		wait := longestWait
		if until := next.Sub(now); !next.IsZero() && until < wait {
			wait = max(until, time.Millisecond)
		}
		for _, n := range due { // one by one: what is wrong with one must not keep the others back
			if err := s.Notices.Ask(ctx, holdfast.Self("callout"), n); err != nil && ctx.Err() == nil {
				s.Log.Warn("an improvement's owner cannot be told now", "improvement", n.Task, "person", n.Person, "error", err)
				wait = retryAfter
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-watch:
		case <-time.After(wait):
		}
	}
}

// due lists the letters that were not asked for yet, one for each way to reach a
// person, and says when the next come.
func (s *Improvements) due(now time.Time) (list []notify.Notice, next time.Time) {
	due, next := s.Nouns.Letters(now)
	for _, l := range due {
		if rev, ok := s.Nouns.Plans.Current("", now); ok && l.To.Lang == "" {
			l.To.Lang = rev.Plan().Language
		}
		about := notify.Notice{Incident: improvement.NoticeSubject, Task: l.Task, Round: l.Round}
		for _, n := range letters(about, l.To, func(p *locale.Printer) (subject, body string) { return s.text(l, p) }) {
			if s.Book.Notice(n.ID) == nil {
				list = append(list, n)
			}
		}
	}
	return list, next
}

func (s *Improvements) text(l improvement.Letter, p *locale.Printer) (subject, body string) {
	im := l.Improvement
	title := ""
	if in := s.Nouns.Incidents.Incident(im.Incident); in != nil {
		title = in.Title
	}
	owner := cmp.Or(im.Role, im.Person)
	if who, found := s.Nouns.Roster.Person(im.Person); found {
		owner = who.NameIn(p.Lang())
	} else if rev, ok := s.Nouns.Plans.Current("", s.Now()); ok {
		if r, found := rev.Plan().Role(im.Role); found {
			owner = r.Name.In(p.Lang())
		}
	}
	args := []any{"id", im.ID, "text", im.Text, "due", string(im.Due), "incident", im.Incident, "title", title, "owner", owner, "link", s.Page(im.ID)}
	return p.T("notice.improvement.subject-"+string(l.Tells), args...), p.T("notice.improvement."+string(l.Tells), args...)
}
