// Package callout tells people and convenes them: when a stage with a notice
// opens, it finds who holds the roles the plan names, writes the notice in each
// person's language and asks package notify to deliver it. It decodes facts,
// roster and plan; it sends nothing itself.
//
// # Escalation
//
// While too few have acknowledged, the notice's plan says what follows: those of the
// present step are told again, then those of the next, and when the last step's time
// is over people are to be called by hand. Each is a fact of the incident, which says
// when it was due and how much later it came: a wait is an instant, so one that ends
// while nothing runs ends once, late. What is due follows from the folded state alone
// ([Stand]); the fact names whom it tells, and their notices are then asked for like
// any other. A clock that is set back to before a wait began ends that wait at once:
// telling somebody early is cheaper than not telling him.
//
// It looks at the state, not at events: a notice that ought to exist and does
// not is asked for, and its id is a hash of what it is for, so asking twice, or
// from two control nodes, makes one notice.
//
// # Links
//
// Four kinds of message carry a link that works without an account: [Verifier]
// has an address of the roster confirmed, [Inviter] invites outside reviewers of
// a draft, [Readers] tells the readers of a revision what it changes and reminds
// them, [Acks] has notices acknowledged. The journal never holds the secret of a link: the notice has a place for
// it, which is filled as the message leaves.
package callout

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
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
	// Ledger is what [Service.Audit] reads.
	Ledger *Ledger
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

	heard atomic.Pointer[time.Time]
}

// Heard returns when the loop was last at work; zero if it has not begun.
func (s *Service) Heard() time.Time {
	if at := s.heard.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// Run asks for what is due until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	watch, end := s.State.WatchFacts(func(f holdfast.Fact) bool { return !notify.OfAttempt(f) })
	defer end()
	for {
		wait := s.Step(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-watch:
		case <-time.After(wait):
		}
	}
}

// Step does what is due now, and says how long to wait for the next.
func (s *Service) Step(ctx context.Context) (wait time.Duration) {
	at := s.Now()
	s.heard.Store(&at)
	s.ask(ctx)
	wait = retryAfter // after a failure, without waiting for a fact
	for range mostAtOnce {
		var next time.Time
		var now time.Time
		receipt, err := s.Notices.Desk.Do(ctx, holdfast.Self("callout"), func(at time.Time) (drafts []journal.Draft, err error) {
			now = at
			drafts, next = s.step(at)
			return drafts, nil
		})
		if err != nil {
			if ctx.Err() == nil {
				s.Log.Warn("an escalation cannot go on now", "error", err)
			}
			return retryAfter
		}
		if receipt.Last == 0 {
			if until := next.Sub(now); !next.IsZero() && until < wait {
				wait = max(until, time.Millisecond)
			}
			return wait
		}
		s.ask(ctx)
	}
	return time.Millisecond
}

// mostAtOnce is how many steps of escalations are taken before the loop looks up.
const mostAtOnce = 100

// ask asks for the notices that ought to exist and do not.
func (s *Service) ask(ctx context.Context) {
	var due []notify.Notice
	s.State.View(func() {
		due = s.due()
		for i, n := range due {
			// What acts in a person's name goes where nobody else reads it.
			if n.WantAck && roster.Channel(n.Channel).Private() && s.Incidents.Incident(n.Incident) != nil {
				due[i].Body = strings.TrimRight(n.Body, "\n") + "\n\n" + locale.For(n.Lang).T("acknowledge.letter", "link", acknowledgePlace, "code", codePlace)
			}
		}
	})
	slices.SortStableFunc(due, func(a, b notify.Notice) int { return cmp.Compare(rank(a), rank(b)) })
	for some := range slices.Chunk(due, together) {
		s.askSome(ctx, some)
	}
}

// together is how many notices are asked for in one act, so that a page to hundreds
// of people is not asked for in hundreds.
const together = 50

// rank puts urgent notices first.
func rank(n notify.Notice) int {
	if n.Urgent {
		return 0
	}
	return 1
}

// askSome asks for some notices. What is wrong with one must not keep the others back.
func (s *Service) askSome(ctx context.Context, some []notify.Notice) {
	if s.Notices.Ask(ctx, holdfast.Self("callout"), some...) == nil {
		return
	}
	for _, n := range some {
		if err := s.Notices.Ask(ctx, holdfast.Self("callout"), n); err != nil && ctx.Err() == nil {
			s.Log.Warn("a notice cannot be asked for now", "incident", n.Incident, "task", n.Task, "person", n.Person, "error", err)
		}
	}
}

// due lists the notices that do not exist yet: those of open tasks, and those of the
// rounds of their escalations.
func (s *Service) due() []notify.Notice {
	due := s.missing(s.decisions())
	now := s.Now()
	for _, in := range s.Incidents.Open() {
		due = append(due, s.missing(slices.Concat(s.deputies(in), s.handovers(in), s.branches(in), s.levelAsked(in), s.suspicion(in)))...)
		noticeTasks(in, func(stage procedure.StageKind, t procedure.Task) {
			if in.Tasks[t.ID].Status == procedure.Open {
				due = append(due, s.notices(in, t, 0, Recipients(s.Roster, stage, *t.Notice, now))...)
			}
			if !Escalating(in, stage, t) {
				return
			}
			for _, r := range in.Escalation(t.ID).Rounds {
				due = append(due, s.notices(in, t, r.Round, s.unanswered(in, t.ID, r.People))...)
			}
		})
	}
	return due
}

// unanswered lists those of a round who are on the roster and have not acknowledged.
func (s *Service) unanswered(in *incident.Incident, task string, people []incident.Paged) (list []Recipient) {
	for _, p := range people {
		if person, ok := s.Roster.Person(p.ID); ok && !Acknowledged(s.Book, in, task, p.ID) {
			list = append(list, Recipient{person, p.Why})
		}
	}
	return list
}

// rounds is more than the rounds that levels make ([incident.Incident.Round]): the id of
// a notice tells apart both those and the repetitions of one telling.
const rounds = 10

// notices writes the notices of a repetition that do not exist yet, one for each way to
// reach each of its people.
func (s *Service) notices(in *incident.Incident, t procedure.Task, again int, people []Recipient) (list []notify.Notice) {
	rev, ok := s.Plans.Revision(in.Plan.ID, in.Plan.Revision)
	if !ok {
		return nil
	}
	template, ok := rev.Plan().Template(t.Notice.Template)
	if !ok {
		return nil
	}
	for _, person := range people {
		lang := person.Lang
		if lang == "" {
			lang = rev.Plan().Language
		}
		var fill *strings.Replacer
		for _, c := range person.Contacts {
			id := notify.ID(in.ID, t.ID, person.ID, string(c.Channel), c.Address, in.Round()+rounds*again)
			if !delivers(*t.Notice, c) || s.Book.Notice(id) != nil {
				continue
			}
			if fill == nil {
				fill = s.filler(in, rev, lang)
			}
			list = append(list, notify.Notice{
				ID: id, Incident: in.ID, Task: t.ID,
				Person: person.ID, PersonName: person.Name,
				Channel: string(c.Channel), Address: c.Address, Lang: lang,
				Subject: fill.Replace(template.Subject.In(lang)),
				Body:    fill.Replace(template.Body.In(lang)),
				Urgent:  in.Level == holdfast.Level1, Drill: in.Drill,
				WantAck: t.Notice.Acknowledge > 0, Why: person.Why, Round: in.Round(), Again: again,
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
		"{title}", in.TitleIn(lang),
		"{time}", p.Time(in.Confirmed, s.Zone),
		"{reason}", in.TitleIn(lang),
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
	told := b.ByRound(in.ID, t.ID, in.Round())
	if t.Notice.Acknowledge > 0 {
		s := Stand(b, people, in, stage, t, now)
		return fmt.Sprintf("%d of %d acknowledged", s.Acknowledged, len(told)), s.Enough
	}
	reached := map[string]bool{}
	for _, p := range told {
		reached[p.ID] = p.Reached()
	}
	ok = len(told) > 0
	for _, role := range t.Notice.To {
		ok = ok && len(people.Holders(role)) > 0
	}
	for _, p := range Recipients(people, stage, *t.Notice, now) {
		_, called := in.ReachedByCall(t.ID, p.ID)
		ok = ok && (reached[p.ID] || called)
	}
	return fmt.Sprintf("%d of %d reached", len(reached), len(told)), ok
}
