package notify

import (
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// attempt is the body of the facts about an attempt. Until comes with
// notice.sending; Retry with notice.failed and notice.doubtful.
type attempt struct {
	Attempt int       `json:"attempt"`
	Due     time.Time `json:"due,omitzero"`
	Until   time.Time `json:"until,omitzero"`
	Detail  string    `json:"detail,omitempty"`
	Retry   time.Time `json:"retry,omitzero"`
}

// OfAttempt reports whether a fact is about an attempt to deliver a notice. A page to
// hundreds makes thousands of them, and who decides whom to tell need look at none.
func OfAttempt(f holdfast.Fact) bool {
	switch f.Kind {
	case kindSending, kindDelivered, kindFailed, kindDoubtful, kindGaveUp:
		return true
	}
	return false
}

// Arrived reports whether a fact says that a notice was delivered.
func Arrived(f holdfast.Fact) bool { return f.Kind == kindDelivered }

// patience is how often and how long a notice is tried: again after first, then
// after twice as long each time up to longest, until total has passed since
// the first attempt.
type patience struct{ first, longest, total time.Duration }

func patienceOf(urgent bool) patience {
	if urgent {
		return patience{2 * time.Second, 2 * time.Minute, 12 * time.Hour}
	}
	return patience{5 * time.Second, 15 * time.Minute, 2 * time.Hour}
}

// next returns when to try again after an attempt that ended now, and whether to
// try at all. The receiver's wish counts up to the longest wait.
func (p patience) next(attempts int, since, now time.Time, wish time.Duration) (time.Time, bool) {
	wait := p.first
	for i := 1; i < attempts && wait < p.longest; i++ {
		wait *= 2
	}
	at := now.Add(min(max(wait, wish), p.longest))
	return at, !at.After(since.Add(p.total))
}

const (
	lapsed   = "no result was recorded before the claim ran out, so it is not known whether it was sent"
	noParty  = "a drill never reaches an outside party, and this address belongs to one"
	noSender = "no sender is set up for this channel; reach the person in another way"
)

// begin claims a notice for an attempt, if one is due. An attempt whose claim
// has run out is stated as doubtful first. No facts means that there is nothing
// to send now.
func begin(d *Delivery, now time.Time, claim time.Duration) []journal.Draft {
	if d == nil || d.State.final() || d.due(now).After(now) {
		return nil
	}
	var drafts []journal.Draft
	revision := d.Revision
	if d.State == Sending {
		if d.Once || now.After(d.since().Add(patienceOf(d.Urgent).total)) {
			return []journal.Draft{journal.NewDraft(subject(d.ID), revision, kindGaveUp, attempt{Attempt: d.Attempts, Detail: lapsed})}
		}
		drafts = append(drafts, journal.NewDraft(subject(d.ID), revision, kindDoubtful, attempt{Attempt: d.Attempts, Detail: lapsed, Retry: now}))
		revision++
	}
	a := attempt{Attempt: d.Attempts + 1, Due: d.Due, Until: now.Add(claim)}
	return append(drafts, journal.NewDraft(subject(d.ID), revision, kindSending, a))
}

// giveUp states that a notice cannot be sent at all.
func giveUp(d *Delivery, now time.Time, detail string) []journal.Draft {
	if d == nil || d.State.final() || d.due(now).After(now) {
		return nil
	}
	return []journal.Draft{journal.NewDraft(subject(d.ID), d.Revision, kindGaveUp, attempt{Attempt: d.Attempts, Detail: detail})}
}

// finish states how attempt n ended. If its claim ran out and another courier
// has taken over, or the person has acknowledged meanwhile, only a delivery is
// still worth stating.
func finish(d *Delivery, n int, o Outcome, now time.Time) []journal.Draft {
	a := attempt{Attempt: n, Detail: oneLine(o.Detail, maxDetail)}
	fact := func(kind string) []journal.Draft {
		return []journal.Draft{journal.NewDraft(subject(d.ID), d.Revision, kind, a)}
	}
	if o.Result == Sent {
		if !d.Delivered.IsZero() {
			return nil
		}
		return fact(kindDelivered)
	}
	if d.State != Sending || d.Attempts != n {
		return nil
	}
	retry, again := patienceOf(d.Urgent).next(n, d.since(), now, o.After)
	if o.Result == Refused || !again || d.Once {
		return fact(kindGaveUp)
	}
	a.Retry = retry
	if o.Result == Retry {
		return fact(kindFailed)
	}
	return fact(kindDoubtful)
}
