package standin

import (
	"cmp"
	"slices"

	"holdfast/internal/expression"
)

// queueTerms are the terms of a queue, ready to decide.
type queueTerms struct {
	Queue
	limits     []Limit // over [EachQueued] and [WholeQueue]
	deferrable *expression.Condition
	reads      []string // the fields that deferrable reads
}

func (q *Queue) compile() (*queueTerms, error) {
	if q == nil {
		return nil, nil
	}
	deferrable, err := expression.CompileCondition(q.Deferrable, EligibilityFields())
	if err != nil {
		return nil, err
	}
	t := &queueTerms{Queue: *q, deferrable: deferrable, reads: deferrable.Reads()}
	for _, l := range q.Limits {
		if l.Over == Whole {
			l.Over = WholeQueue
		} else {
			l.Over = EachQueued
		}
		t.limits = append(t.limits, l)
	}
	return t, nil
}

// allLimits are those of approvals, and of what waits.
func (c *Compiled) allLimits() []Limit {
	if c.queue == nil {
		return c.limits
	}
	return slices.Concat(c.limits, c.queue.limits)
}

// deferrable are the reasons for which a payment that is not approved may wait. What is
// with the primary, cannot be read, or fits nothing that is known, may not.
var deferrable = map[Reason]bool{
	None: true, NoLimit: true, UnknownPayer: true, Stale: true, Ineligible: true,
	OverPayment: true, OverPayer: true, OverPayee: true, OverChannel: true, OverAll: true,
}

// judgeQueue reports whether a payment that is not approved, or lacks slices, may wait,
// and which slices it lacks for that. What cannot be told may not.
func (s *State) judgeQueue(c *Compiled, r *Request, d *Decision, reason Reason) (bool, []Need) {
	q := c.queue
	if q == nil || r.Kind != Payment || r.Snapshot.Blocked || !deferrable[reason] {
		return false, nil
	}
	if holds, _ := q.deferrable.Decide(expression.Values{Known: r.facts(q.reads, d.At, s.values)}); holds != expression.Yes {
		return false, nil
	}
	var needs []Need
	for _, l := range q.limits {
		if !l.applies(d.Currency) {
			continue
		}
		k := l.key(d, 0)
		use, used := s.use(l, &k, d)
		if !l.covers(l.full(), use) {
			return false, nil
		}
		if !l.wide() {
			continue
		}
		if need, enough := s.need(l, &k, k.ledgerKey(d.At, d.Directive), d, used, use); !enough {
			needs = append(needs, need)
		}
	}
	return true, needs
}

// Stands is what the requester of a queued payment is told now.
func (i *Item) Stands() Answer {
	a := Answer{Reason: i.Reason, Item: i}
	switch i.Class {
	case Pending, Exceptional:
		a.Verdict, a.Until = Queued, i.Until
		if i.Attempts > 0 {
			a.Until = 0
		}
	case Sent:
		a.Verdict, a.Reason = Done, None
	case TakenBack:
		a.Verdict, a.Reason = Declined, Withdrawn
	default:
		a.Verdict = Declined
	}
	return a
}

// void reports whether it has no effect: what takes it back has nothing to take.
func (i *Item) void() bool { return i.Class == TakenBack || i.Class == Rejected || i.Class == Overdue }

// late reports whether it was queued and never sent, and its time is over.
func (i *Item) late(at Instant) bool {
	return i.Verdict == Queued && i.Attempts == 0 && at >= i.Until
}

// countedOver is what an item that is not settled counts over.
func (i *Item) countedOver() [2]Over {
	if i.Verdict == Queued {
		return [...]Over{EachQueued, WholeQueue}
	}
	return [...]Over{EachPayer, Whole}
}

// wait keeps a payment that is queued.
func (s *State) wait(i *Item) bool {
	i.Class = Pending
	b := s.balance(i)
	b.Queue.Queued.add(1, i.Amount)
	b.Queue.Waiting.add(1, i.Amount)
	s.countOutstanding(i, 1)
	s.enqueue(i)
	s.await(i)
	return s.pass(i.At)
}

// await keeps what expires unless it is sent.
func (s *State) await(i *Item) {
	if i.Verdict == Queued && i.Attempts == 0 {
		at, _ := slices.BinarySearchFunc(s.unsent, i, compareUntil)
		s.unsent = slices.Insert(s.unsent, at, i)
	}
}

// leave takes it away again. Mostly it is the first.
func (s *State) leave(i *Item) {
	switch at, there := slices.BinarySearchFunc(s.unsent, i, compareUntil); {
	case !there:
	case at == 0:
		s.unsent = s.unsent[1:]
	default:
		s.unsent = slices.Delete(s.unsent, at, at+1)
	}
}

func compareUntil(a, b *Item) int {
	return cmp.Or(cmp.Compare(a.Until, b.Until), cmp.Compare(a.Seq, b.Seq))
}

// lapse keeps what has expired for people to look after.
func (s *State) lapse(i *Item) {
	at, _ := slices.BinarySearchFunc(s.overdue, i, compareUntil)
	s.overdue = slices.Insert(s.overdue, at, i)
}

// endQueued ends what was queued, and did not become a payment.
func (s *State) endQueued(identity string, to Class, reason Reason, at Instant) bool {
	i := s.items[identity]
	if i == nil || i.Verdict != Queued || i.Class != Pending || to == Overdue && i.Attempts > 0 {
		return false
	}
	i.Reason = reason
	s.move(i, to, at)
	return s.pass(at)
}

// mostLapsed bounds how many expire in one pack.
const mostLapsed = 1000

// lapsed returns the records of what has waited too long.
func (s *State) lapsed(at Instant) (records []Record) {
	for _, i := range s.unsent {
		if !i.late(at) || len(records) >= mostLapsed {
			break
		}
		records = append(records, &Lapsed{Identity: i.Identity, At: at})
	}
	return records
}

// Unsent returns up to most of what is queued and was never sent, in the order in which
// it expires.
func (s *State) Unsent(most int) []*Item { return s.unsent[:min(most, len(s.unsent))] }

// Overdue returns up to most of what has expired in the queue and nobody has looked after,
// the newest first.
func (s *State) Overdue(most int) []*Item {
	list := slices.Clone(s.overdue[max(0, len(s.overdue)-most):])
	slices.Reverse(list)
	return list
}

// QueueBalance is what became of what was queued.
type QueueBalance struct {
	Queued    Tally `json:"queued,omitzero"`
	Done      Tally `json:"done,omitzero"`
	Declined  Tally `json:"declined,omitzero"`
	Waiting   Tally `json:"waiting,omitzero"`
	Expired   Tally `json:"expired,omitzero"`
	Exception Tally `json:"exception,omitzero"`
	// Withdrawn was taken back by its customer before it was sent.
	Withdrawn Tally `json:"withdrawn,omitzero"`
	// LookedAfter is how much of what has expired people have looked after: it is within
	// Expired.
	LookedAfter Tally `json:"looked_after,omitzero"`
}

// Open is what has expired and nobody has looked after.
func (b QueueBalance) Open() Tally {
	return Tally{b.Expired.Count - b.LookedAfter.Count, b.Expired.Amount - b.LookedAfter.Amount}
}

// Holds reports whether everything that was queued is accounted for.
func (b QueueBalance) Holds() bool { return b.Difference() == Tally{} }

// Difference is queued less all that became of it.
func (b QueueBalance) Difference() Tally {
	d := b.Queued
	for n, t := range b.all() {
		if n > 0 {
			d.Count -= t.Count
			d.Amount -= t.Amount
		}
	}
	return d
}

// Add adds the figures of another shard.
func (b *QueueBalance) Add(o QueueBalance) {
	from := o.all()
	for n, t := range b.all() {
		t.Count += from[n].Count
		t.Amount += from[n].Amount
	}
	b.LookedAfter.Count += o.LookedAfter.Count
	b.LookedAfter.Amount += o.LookedAfter.Amount
}

// all are the figures that make up the whole, that first.
func (b *QueueBalance) all() [7]*Tally {
	return [...]*Tally{&b.Queued, &b.Done, &b.Declined, &b.Waiting, &b.Expired, &b.Exception, &b.Withdrawn}
}

func (b *QueueBalance) of(c Class) *Tally {
	switch c {
	case Pending:
		return &b.Waiting
	case Sent:
		return &b.Done
	case Exceptional:
		return &b.Exception
	case TakenBack:
		return &b.Withdrawn
	case Overdue:
		return &b.Expired
	}
	return &b.Declined
}
