package subscription

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/locale"
	"holdfast/internal/notify"
	"holdfast/internal/status"
)

const (
	// atOnce is how many mails leave at once.
	atOnce = 2
	// sendLimit is how long one may take; a claim runs longer.
	sendLimit = 20 * time.Second
	claim     = time.Minute
	// An attempt that failed is followed by another after firstPause, then after twice
	// as long each time; after maxTries the entry is left out.
	firstPause = time.Minute
	maxTries   = 8
	maxRefused = 3
	// look is how long at most Run waits: another node may have taken addresses.
	look = time.Minute
	// yield is how long mails wait while staff are told.
	yield = time.Second
)

// Run sends what is due until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	watch, end := s.State.WatchFor(func() func() bool {
		seen := s.Book.Published()
		return func() bool {
			grown := s.Book.Published() > seen
			seen = s.Book.Published()
			return grown
		}
	}())
	defer end()
	for {
		wait := look
		if s.Open() {
			next, err := s.round(ctx)
			if err != nil && ctx.Err() == nil {
				s.Log.Warn("subscribers cannot be served now", "error", err)
			}
			if left := next.Sub(s.Now()); !next.IsZero() && left < wait {
				wait = max(left, yield)
			}
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-watch:
		case <-s.wake:
		case <-t.C:
		}
		t.Stop()
	}
}

var errBusy = errors.New("staff are being told")

// round goes once through all addresses and returns when it is due again; zero if
// nothing is.
func (s *Service) round(ctx context.Context) (next time.Time, err error) {
	var mu sync.Mutex
	var done sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	err = s.each(ctx, func(doc journal.Document, d subscriber) error {
		m, due := s.due(doc, d)
		if !due {
			return nil
		}
		if s.busy() {
			return errBusy
		}
		slots <- struct{}{}
		done.Go(func() {
			defer func() { <-slots }()
			at := d.Due
			if !at.After(s.Now()) {
				at = s.deliver(ctx, doc, d, m)
			}
			mu.Lock()
			defer mu.Unlock()
			if !at.IsZero() && (next.IsZero() || at.Before(next)) {
				next = at
			}
		})
		return ctx.Err()
	})
	done.Wait()
	if errors.Is(err, errBusy) {
		return s.Now().Add(yield), nil
	}
	return next, err
}

func (s *Service) busy() (busy bool) {
	if s.Busy != nil {
		s.State.View(func() { busy = s.Busy() })
	}
	return busy
}

// due returns the mail that an address has not had; false if there is none.
func (s *Service) due(doc journal.Document, d subscriber) (m notify.Message, due bool) {
	id := strings.TrimPrefix(doc.Key, prefix)
	words := locale.For(langOf(d.Lang))
	m.Address, m.Lang, m.Attempt = d.Address, d.Lang, d.Tries+1
	if d.Confirmed.IsZero() {
		if !d.Told.IsZero() {
			return m, false
		}
		m.ID, m.Asked = s.sum("mail", id+"/"+d.Asked.String()), d.Asked
		m.Subject = words.T("subscription.confirm.subject", "operator", s.Operator)
		m.Body = words.T("subscription.confirm.body", "operator", s.Operator, "link", s.link(toConfirm, id, d))
		return m, true
	}
	s.State.View(func() {
		if due = d.Had < s.Book.Published(); due {
			b, e := s.Book.Entry(d.Had + 1)
			s.write(&m, id, d, b, e)
		}
	})
	return m, due
}

// write makes the mail of an entry.
func (s *Service) write(m *notify.Message, id string, d subscriber, b *status.Bulletin, e status.Entry) {
	lang := langOf(d.Lang)
	words := locale.For(lang)
	page := ""
	if s.Page != "" {
		page = strings.TrimSuffix(s.Page, "/") + "/" + string(lang) + "/index.html"
	}
	m.Unsubscribe = s.link(toLeave, id, d)
	m.ID, m.Asked = s.sum("mail", id+"/"+b.ID+"/"+e.At.String()), e.At
	m.Subject = words.T("subscription.bulletin.subject", "stage", words.T("public.stage."+string(e.Stage)), "title", e.Title.In(lang))
	m.Body = words.T("subscription.bulletin.body", "text", e.Shown().Plain(lang, s.Zone), "at", words.Time(e.At, s.Zone), "page", page, "leave", m.Unsubscribe)
}

// deliver claims an address, sends, and writes down what became of it. It returns
// when the address is due again; zero if it is not.
func (s *Service) deliver(ctx context.Context, doc journal.Document, d subscriber, m notify.Message) time.Time {
	d.Due = s.Now().Add(claim)
	doc, err := s.put(ctx, doc, d)
	if err != nil {
		return time.Time{} // another node has it, or it was erased
	}
	limited, cancel := context.WithTimeout(ctx, sendLimit)
	out := s.Sender.Send(limited, m)
	cancel()
	next, keep := d.after(out, s.Now())
	// What was sent must be written down though Run was told to end meanwhile.
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if !keep {
		err = s.Documents.DeleteDocument(ctx, doc.Key)
	} else {
		_, err = s.put(ctx, doc, next)
	}
	if err != nil && holdfast.CodeOf(err) != holdfast.Conflict {
		s.Log.Warn("what became of a mail to a subscriber cannot be kept", "error", err)
	}
	if out.Result != notify.Sent {
		s.Log.Warn("a mail to a subscriber did not leave", "attempt", m.Attempt) // the answer may name the address
	}
	switch {
	case !keep:
		return time.Time{}
	case next.Due.IsZero():
		return s.Now()
	}
	return next.Due
}

// after is what becomes of a subscriber after an attempt; keep says whether it stays.
func (d subscriber) after(out notify.Outcome, now time.Time) (_ subscriber, keep bool) {
	d.Tries++
	mail := !d.Confirmed.IsZero()
	done := func() {
		d.Due, d.Tries = time.Time{}, 0
		if mail {
			d.Had++
		} else {
			d.Told = now
		}
	}
	switch {
	case out.Result == notify.Sent:
		d.Refused = 0
		done()
	case out.Result == notify.Refused && (!mail || d.Refused+1 >= maxRefused):
		return d, false
	case out.Result == notify.Refused:
		d.Refused++
		done()
	case d.Tries >= maxTries && !mail:
		return d, false
	case d.Tries >= maxTries:
		done()
	default:
		d.Due = now.Add(max(firstPause<<(d.Tries-1), out.After))
	}
	return d, true
}
