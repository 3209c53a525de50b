package view

import (
	"slices"
	"strings"
	"time"

	"holdfast/internal/reconciliation"
	"holdfast/internal/standin"
)

// Queue is what became of payments that gates queued in stand-in, to be judged by the
// primary once it is back.
type Queue struct {
	At       time.Time      `json:"at"`
	Accounts []QueueAccount `json:"accounts"`
	// Waiting were never sent, in the order in which they expire; Expired were never sent
	// and never will be, the newest first. Of many, gates tell some: the accounts count all.
	Waiting []Queued `json:"waiting"`
	Expired []Queued `json:"expired"`
	// AllWaiting and AllExpired are how many there are. What waits and was sent without an
	// answer is among the former, and not in the list.
	AllWaiting int64 `json:"all_waiting"`
	AllExpired int64 `json:"all_expired"`
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
	Source string `json:"source"`
	Owner  Named  `json:"owner"`
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
	sources := s.Reconciliation.Board.Sources(now)
	v = Queue{At: now.UTC(), Accounts: []QueueAccount{}, Waiting: []Queued{}, Expired: []Queued{}}
	s.State.View(func() {
		for i := range sources {
			for _, a := range sources[i].Accounts {
				for _, l := range a.Lines {
					if l.Queue != (standin.QueueBalance{}) && (q.Directive == "" || q.Directive == a.Directive) {
						v.add(a.Directive, l, s.queueOwner(a.Directive))
					}
				}
			}
			v.Waiting = append(v.Waiting, s.queued(&sources[i], sources[i].Queued, q)...)
			v.Expired = append(v.Expired, s.queued(&sources[i], sources[i].Expired, q)...)
		}
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
}

func (s *Source) queued(of *reconciliation.Source, told []standin.QueuedPayment, q QueueQuery) (list []Queued) {
	for _, p := range told {
		if q.picks(p) {
			list = append(list, Queued{p, of.ID, s.queueOwner(p.Directive)})
		}
	}
	return list
}

// queueOwner is the role that looks after what expires under a directive. Call it under
// the state's lock.
func (s *Source) queueOwner(id string) Named {
	d := s.Directives.Directive(id)
	if d == nil || d.StandIn == nil {
		return Named{}
	}
	terms := d.StandIn.Profile.Unplanned
	if d.StandIn.Planned {
		terms = d.StandIn.Profile.Planned
	}
	if terms == nil || terms.Queue == nil {
		return Named{}
	}
	return s.roleName(terms.Queue.Owner)
}
