package callout

import (
	"context"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/draft"
	"holdfast/internal/journal"
	"holdfast/internal/locale"
	"holdfast/internal/notify"
	"holdfast/internal/plan"
)

// Readers tells the readers of a plan that a revision was published, with what it
// changes for each, and reminds them until they have acknowledged it. Who must be
// told when is [draft.Nouns.Letters]; as with a [Service], a letter has an id by what
// it is for, so that several control nodes and a restart make one.
//
// A reader without an account gets a link by which he reads that revision and
// acknowledges it, once. Its secret is an HMAC of revision and person, which the
// journal does not hold: the notice has a place for the link, filled as it leaves.
// The link works until it was used, he owes that reading no more, or a later revision
// is published.
type Readers struct {
	State   *journal.State
	Drafts  *draft.Service
	Notices *notify.Service
	// Key is what [LinkKey] returns.
	Key []byte
	// Plan makes the address of a revision's page, Page that of a reader without an
	// account.
	Plan func(revision int) string
	Page func(plan string, revision int, person string) string
	// Operator is the installation's name; Zone its time zone.
	Operator string
	Zone     *time.Location
	Log      *slog.Logger
	Now      func() time.Time
}

// longestWait is how long at most the loop waits without looking, so that a clock
// that was set is noticed.
const longestWait = 10 * time.Minute

// retryAfter is when what could not be asked for is tried again.
const retryAfter = 5 * time.Second

// Run asks for the letters that are due until ctx ends.
func (r *Readers) Run(ctx context.Context) error {
	watch, end := r.State.WatchFacts(func(f holdfast.Fact) bool {
		noun, _ := f.Subject.Split()
		return noun != "alert" && noun != "incident" && !notify.OfAttempt(f)
	})
	defer end()
	for {
		var due []draft.Letter
		var next time.Time
		now := r.Now()
		r.State.View(func() { due, next = r.Drafts.Nouns.Letters(now) })
		wait := longestWait
		if until := next.Sub(now); !next.IsZero() && until < wait {
			wait = until
		}
		for _, l := range due { // one by one: what is wrong with one must not keep the others back
			if err := r.Notices.Ask(ctx, holdfast.Self("callout"), r.notices(l)...); err != nil && ctx.Err() == nil {
				r.Log.Warn("a reader cannot be told now", "plan", l.Revision.ID, "revision", l.Revision.Number, "person", l.To.ID, "error", err)
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

// notices writes a letter for each way to reach its reader.
func (r *Readers) notices(l draft.Letter) (list []notify.Notice) {
	lang := l.To.Lang
	if lang == "" {
		lang = l.Revision.Plan().Language
	}
	words := locale.For(lang)
	subject, body := r.text(l, words)
	for _, c := range l.To.Contacts {
		if !c.Channel.Private() { // a link that acts in his name is for him alone
			continue
		}
		list = append(list, notify.Notice{
			ID:       notify.ID(draft.ReadingSubject, l.Task, l.To.ID, string(c.Channel), c.Address, l.Round),
			Incident: draft.ReadingSubject, Task: l.Task, Person: l.To.ID, PersonName: l.To.Name,
			Channel: string(c.Channel), Address: c.Address, Lang: lang, Subject: subject, Body: body,
		})
	}
	return list
}

// text writes a letter. Whether there is an account decides where its link leads.
func (r *Readers) text(l draft.Letter, words *locale.Printer) (subject, body string) {
	title, number := l.Revision.Plan().Title.In(words.Lang()), strconv.Itoa(l.Revision.Number)
	operator := r.Operator
	if operator == "" {
		operator = "Holdfast"
	}
	if len(l.Late) > 0 {
		var names []string
		for _, o := range l.Late {
			names = append(names, o.Name)
		}
		return words.T("letter.late-subject", "operator", operator, "plan", title, "n", number),
			words.T("letter.late-body", "name", l.To.NameIn(words.Lang()), "plan", title, "n", number, "people", strings.Join(names, words.T("letter.comma")), "link", r.Plan(l.Revision.Number)+"#readings")
	}
	news := words.T("letter.first")
	switch {
	case l.Before > 0 && len(l.Own) > 0:
		news = words.T("letter.changes", "before", strconv.Itoa(l.Before), "own", len(l.Own), "others", len(l.Others))
	case l.Before > 0:
		news = words.T("letter.no-own-changes", "before", strconv.Itoa(l.Before), "others", len(l.Others))
	}
	link, how := r.Plan(l.Revision.Number), words.T("letter.with-account")
	if l.To.Account == "" {
		link, how = linkPlace, words.T("letter.without-account")
	}
	subject = words.T("letter.subject", "operator", operator, "plan", title, "n", number)
	if l.Round > 0 {
		subject = words.T("letter.reminder-subject", "operator", operator, "plan", title, "n", number)
	}
	return subject, words.T("letter.body", "name", l.To.NameIn(words.Lang()), "plan", title, "n", number, "from", words.Time(l.Revision.InForce, r.Zone),
		"news", news, "how", how, "time", words.Time(l.Due, r.Zone), "link", link)
}

func (r *Readers) secret(task, person string) string { return secret(r.Key, toRead, task, person) }

// Fill puts the link into a letter to a reader without an account that is about to
// leave.
func (r *Readers) Fill(m notify.Message) notify.Message {
	if m.Incident != draft.ReadingSubject || !strings.Contains(m.Body, linkPlace) {
		return m
	}
	at := strings.LastIndexByte(m.Task, '.')
	if number, err := strconv.Atoi(m.Task[at+1:]); at > 0 && err == nil {
		m.Body = strings.ReplaceAll(m.Body, linkPlace, address(r.Page(m.Task[:at], number, m.Person), r.secret(m.Task, m.Person), m.Lang))
	}
	return m
}

// Admitted is what a reader's link leads to.
type Admitted struct {
	Revision *plan.Revision
	Reader   draft.Owed
	// Before, Own and Others are what is new for him; see [draft.Letter].
	Before      int
	Own, Others []plan.Change
}

// Admit returns what a reader's link leads to. All that is wrong with a link gets
// the same answer: a stranger learns nothing from it.
func (r *Readers) Admit(planID string, revision int, person, secret string) (a Admitted, err error) {
	want := r.secret(fmt.Sprintf("%s.%d", planID, revision), person)
	found := false
	r.State.View(func() {
		n := r.Drafts.Nouns
		latest, ok := n.Plans.Latest(planID)
		if !ok || latest.Number != revision {
			return
		}
		for _, o := range n.Readings(latest) {
			if found = o.Person == person; found {
				a = Admitted{Revision: latest, Reader: o}
				a.Before, a.Own, a.Others = n.ChangesFor(latest, person)
				return
			}
		}
	})
	if subtle.ConstantTimeCompare([]byte(secret), []byte(want)) != 1 || !found {
		return Admitted{}, holdfast.Errorf(holdfast.NotFound, "this link does not work, or no longer; ask for a new one")
	}
	return a, nil
}

// Acknowledge states that the reader whom a link was sent to has read the revision.
// A link works once.
func (r *Readers) Acknowledge(ctx context.Context, planID string, revision int, person, secret string) error {
	a, err := r.Admit(planID, revision, person, secret)
	if err != nil {
		return err
	}
	if !a.Reader.At.IsZero() {
		return holdfast.Errorf(holdfast.Conflict, "this link was used already; the revision is acknowledged")
	}
	by := holdfast.Actor{Kind: holdfast.System, ID: "reading link", Name: a.Reader.Name}
	return r.Drafts.Acknowledge(ctx, by, planID, revision, person)
}
