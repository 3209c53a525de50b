package view

import (
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/reconciliation"
	"holdfast/internal/standin"
)

// Queue is what became of payments that gates queued in stand-in, to be judged by the
// primary once it is back.
type Queue struct {
	At       time.Time      `json:"at"`
	Accounts []QueueAccount `json:"accounts"`
	// Waiting were never sent, in the order in which they expire; Expired were never sent
	// and never will be, and nobody has looked after them, the newest first. Of many, gates
	// tell some: the accounts count all.
	Waiting []Queued `json:"waiting"`
	Expired []Queued `json:"expired"`
	// AllWaiting and AllExpired are how many there are, AllOpen how many of the latter nobody
	// has looked after. What waits and was sent without an answer is among the first, and not
	// in the list.
	AllWaiting int64 `json:"all_waiting"`
	AllExpired int64 `json:"all_expired"`
	AllOpen    int64 `json:"all_open"`
}

// QueueAccount says for a directive and currency where all that was queued stands.
type QueueAccount struct {
	Directive string `json:"directive"`
	Currency  string `json:"currency"`
	// Owner is the role that looks after what expired; zero if the directive is not known.
	Owner Named `json:"owner"`
	standin.QueueBalance
	// Difference is queued less all that became of it.
	Difference standin.Tally `json:"difference"`
	Holds      bool          `json:"holds"`
}

// Queued is a payment of the queue, and where it was told.
type Queued struct {
	standin.QueuedPayment
	// Key stands for the payment in addresses and forms, as that of an [Exception].
	Key    string `json:"key"`
	Source string `json:"source"`
	Owner  Named  `json:"owner"`
	// Decision is what was done last about one that expired; nil if nothing was.
	Decision *reconciliation.Decision `json:"decision,omitempty"`
}

// Open reports whether somebody may say what was done about one that expired.
func (q Queued) Open() bool {
	return q.Decision == nil || q.Decision.State == reconciliation.Failed
}

// QueueQuery picks payments of the queue.
type QueueQuery struct {
	Directive string
	// Text is in the identity, the route, the channel or the part of the payer.
	Text string
}

func (q QueueQuery) picks(p standin.QueuedPayment) bool {
	all := strings.ToLower(strings.Join([]string{p.Identity, p.Route, p.Channel, p.Payer}, " "))
	return (q.Directive == "" || q.Directive == p.Directive) && strings.Contains(all, strings.ToLower(strings.TrimSpace(q.Text)))
}

// Queue assembles what gates told of their queues.
func (s *Source) Queue(q QueueQuery) (v Queue) {
	now := s.Now()
	v = Queue{At: now.UTC(), Accounts: []QueueAccount{}, Waiting: []Queued{}, Expired: []Queued{}}
	s.State.View(func() {
		sources := s.Reconciliation.Sources(now)
		for i := range sources {
			for _, a := range sources[i].Accounts {
				for _, l := range a.Lines {
					if l.Queue != (standin.QueueBalance{}) && (q.Directive == "" || q.Directive == a.Directive) {
						v.add(a.Directive, l, s.queueOwner(a.Directive))
						if a.Lost { // nobody will send it any more
							v.AllWaiting -= l.Queue.Waiting.Count
						}
					}
				}
			}
			v.Waiting = append(v.Waiting, s.queued(&sources[i], sources[i].Queued, q)...)
			v.Expired = append(v.Expired, s.queued(&sources[i], sources[i].Expired, q)...)
		}
		v.Expired = slices.DeleteFunc(v.Expired, func(p Queued) bool { return p.Decision != nil && p.Decision.State == reconciliation.Done })
	})
	slices.SortStableFunc(v.Waiting, func(a, b Queued) int { return a.Until.Compare(b.Until) })
	slices.SortStableFunc(v.Expired, func(a, b Queued) int { return b.Until.Compare(a.Until) })
	return v
}

func (v *Queue) add(directive string, l reconciliation.Line, owner Named) {
	v.Accounts = append(v.Accounts, QueueAccount{
		Directive: directive, Currency: l.Currency, Owner: owner, QueueBalance: l.Queue, Difference: l.Queue.Difference(), Holds: l.Queue.Holds(),
	})
	v.AllWaiting += l.Queue.Waiting.Count
	v.AllExpired += l.Queue.Expired.Count
	v.AllOpen += l.Queue.Open().Count
}

func (s *Source) queued(of *reconciliation.Source, told []standin.QueuedPayment, q QueueQuery) (list []Queued) {
	for _, p := range told {
		if q.picks(p) {
			list = append(list, s.oneQueued(p, of.ID))
		}
	}
	return list
}

func (s *Source) oneQueued(p standin.QueuedPayment, source string) Queued {
	q := Queued{QueuedPayment: p, Key: exceptionKey(source + " " + p.Directive + " " + p.Identity), Source: source, Owner: s.queueOwner(p.Directive)}
	if d, some := s.Reconciliation.Nouns.Book.Care(source, p); some {
		q.Decision = d
	}
	return q
}

// LookedAfter assembles a page of the expired payments that people have looked after, those
// first that were last.
func (s *Source) LookedAfter(q QueueQuery, offset, size int) (p Page[Queued]) {
	s.State.View(func() {
		list := s.Reconciliation.Nouns.Book.Cares()
		list = slices.DeleteFunc(list, func(d *reconciliation.Decision) bool { return !q.picks(*d.Expired) })
		p = paginate(list, offset, size, func(d *reconciliation.Decision) Queued {
			v := s.oneQueued(*d.Expired, d.Source)
			v.Decision = d
			return v
		})
	})
	return p
}

// ExpiredCalled returns the expired payment that a key stands for, if gates tell of it.
func (s *Source) ExpiredCalled(key string) (p reconciliation.Expired, err error) {
	for _, e := range reconciliation.Lapsed(s.Reconciliation.Board.Sources(s.Now())) {
		if exceptionKey(e.Source+" "+e.Directive+" "+e.Identity) == key {
			return e, nil
		}
	}
	return p, holdfast.Errorf(holdfast.NotFound, "this expired payment was looked after, or gates tell of it no more")
}

// Fills reports which of some roles the person of an account fills.
func (s *Source) Fills(account string, roles ...string) map[string]bool {
	fills := map[string]bool{}
	s.State.View(func() {
		for _, r := range roles {
			fills[r] = fills[r] || s.Authority.Fills(account, r, s.Now())
		}
	})
	return fills
}

// queueOwner is the role that looks after what expires under a directive. Call it under
// the state's lock.
func (s *Source) queueOwner(id string) Named {
	d := s.Directives.Directive(id)
	if d == nil || d.StandIn == nil {
		return Named{}
	}
	owner := d.StandIn.Profile.QueueOwner(d.StandIn.Planned)
	if owner == "" {
		return Named{}
	}
	return s.roleName(owner)
}
