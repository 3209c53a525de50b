package standin

import (
	"slices"

	"holdfast"
)

// Fold applies the records of a pack's body, and says how many there are.
func (s *State) Fold(body []byte) (records int, err error) {
	list, err := Decode(body)
	if err != nil {
		return 0, err
	}
	return len(list), s.Apply(list...)
}

// Apply folds records into the state. A record that cannot follow what is there
// has code Damaged; the state is then of no use any more.
func (s *State) Apply(records ...Record) error {
	for _, r := range records {
		if !s.apply(r) {
			return holdfast.Errorf(holdfast.Damaged, "a stand-in record of kind %d cannot follow those before it: the shard is damaged, or was written by a newer build", int(r.tag()))
		}
	}
	return nil
}

func (s *State) apply(r Record) bool {
	switch r := r.(type) {
	case *Opened:
		return s.open(r)
	case *TakenOver:
		s.gate, s.boot = r.Gate, r.Boot
		s.epoch++
		return s.pass(r.At)
	case *Excluded:
		if x := s.excluded[r.Identity]; s.items[r.Identity] == nil && x.outcome != done {
			s.excluded[r.Identity] = exclusion{at: r.At}
		}
		return s.pass(r.At)
	case *Decision:
		return s.decide(r)
	case *Drawn:
		d := s.slices[r.Key]
		d.upTo = Slice{max(d.upTo.Amount, r.UpTo.Amount), max(d.upTo.Count, r.UpTo.Count)}
		d.until, d.directive = r.Until, r.Directive
		s.slices[r.Key] = d
		return true
	case *LateAnswer:
		return s.lateAnswer(r)
	case *Ended:
		o := s.openings[r.Directive]
		if o == nil || o.Ended != 0 {
			return false
		}
		o.Ended = r.At
		return s.pass(r.At)
	case *Closed:
		return s.close(r)
	case *Forgot:
		s.forget(r.Before)
		return s.pass(r.At)
	}
	return s.applyToItem(r)
}

// pass moves the shard's time on. It never goes back, whatever a clock says.
func (s *State) pass(at Instant) bool {
	s.last = max(s.last, at)
	return true
}

func (s *State) open(r *Opened) bool {
	if o := s.openings[s.current]; s.openings[r.Directive] != nil || o != nil && o.Ended == 0 {
		return false
	}
	s.openings[r.Directive] = &Opening{Opened: *r}
	s.current = r.Directive
	return s.pass(r.At)
}

// decide keeps an answer.
func (s *State) decide(r *Decision) bool {
	o := s.openings[r.Directive]
	if s.items[r.Identity] != nil || o == nil || o.Closed != 0 || s.current != r.Directive || r.Amount < 0 {
		return false
	}
	s.seq++
	i := &Item{Decision: *r, Seq: s.seq, Epoch: s.epoch, Since: r.At}
	s.share(i)
	s.items[r.Identity] = i
	delete(s.excluded, r.Identity)
	if i.FollowUps = s.before[r.Identity]; i.FollowUps != nil {
		delete(s.before, r.Identity)
		for _, id := range i.FollowUps {
			s.follow(i, s.items[id])
		}
	}
	switch r.Verdict {
	case Approved:
	case Queued:
		return r.Until > 0 && r.Kind == Payment && s.wait(i)
	default:
		i.Settled = r.At
		s.balance(i).Declined.add(1, i.Amount)
		i.Sealed = Sealed{}
		s.absorb(i, r.At)
		return s.pass(r.At)
	}
	i.Class = Pending
	b := s.balance(i)
	b.Approved.add(1, i.Amount)
	b.Pending.add(1, i.Amount)
	s.countOutstanding(i, 1)
	s.countWindows(i)
	s.enqueue(i)
	if i.Original != "" {
		s.link(i)
	}
	return s.pass(r.At)
}

// link ties a refund or reversal to its original, or keeps it for one to come.
func (s *State) link(i *Item) {
	original := s.items[i.Original]
	if original == nil {
		s.before[i.Original] = append(s.before[i.Original], i.Identity)
		return
	}
	original.FollowUps = append(original.FollowUps, i.Identity)
	s.follow(original, i)
	switch {
	case i.Kind == Reversal && original.Class == Pending && original.Attempts == 0:
		// Nothing of the original was sent: both end here.
		s.move(original, TakenBack, i.At)
	case original.void():
		s.absorb(original, i.At)
	}
}

// follow counts a follow-up on its original.
func (s *State) follow(original, i *Item) {
	switch {
	case i == nil || i.Verdict != Approved:
	case i.Kind == Reversal:
		original.Reversal = i.Identity
	default:
		original.Refunded += i.Amount
	}
}

// absorb takes back what was approved on an original that has no effect, unless
// it may have been sent.
func (s *State) absorb(original *Item, at Instant) {
	for _, id := range original.FollowUps {
		if i := s.items[id]; i != nil && i.Class == Pending && i.Attempts == 0 {
			s.move(i, TakenBack, at)
		}
	}
}

// move brings an item to another class.
func (s *State) move(i *Item, to Class, at Instant) { s.moveFrom(i.live(), i, to, at) }

// moveFrom is move for an item that was live, or not, before something else
// of it changed.
func (s *State) moveFrom(was bool, i *Item, to Class, at Instant) {
	b := s.balance(i)
	b.of(i).add(-1, i.Amount)
	from := i.Class
	i.Class = to
	b.of(i).add(1, i.Amount)
	if from == Pending {
		s.dequeue(i)
		s.leave(i)
	}
	if to == Pending {
		s.enqueue(i)
		s.await(i)
	}
	if to == Overdue && from != Overdue {
		s.lapse(i)
	}
	is := i.live()
	switch {
	case was && !is:
		s.countOutstanding(i, -1)
	case is && !was:
		s.countOutstanding(i, 1)
	}
	i.Settled = 0
	if !is && !i.unresolved() {
		i.Settled = at
		i.Sealed = Sealed{}
	}
	if i.void() {
		s.absorb(i, at)
	}
}

// except hands an item to people.
func (s *State) except(i *Item, why Why, filed *Filed, at Instant) {
	i.Exception = &Exception{Why: why, Since: at, Filed: filed}
	s.exceptions[i.Identity] = i
	s.balance(i).Unresolved.add(1, i.Amount)
	if i.Class == Pending || i.Class == Sent {
		s.move(i, Exceptional, at)
		return
	}
	i.Settled = 0
}

// applyToItem folds the records that are about one decision.
func (s *State) applyToItem(r Record) bool {
	switch r := r.(type) {
	case *Attempt:
		return s.attempt(r)
	case *Delivered:
		i := s.items[r.Identity]
		if i == nil || i.Class != Pending {
			return false
		}
		i.hears(r.Reply, r.At)
		s.move(i, Sent, r.At)
		return s.pass(r.At)
	case *Absent:
		i := s.items[r.Identity]
		if i == nil || i.Class != Pending {
			return false
		}
		i.hears(r.Reply, r.At)
		i.First = 0
		return s.pass(r.At)
	case *Excepted:
		i := s.items[r.Identity]
		if i == nil || i.Class != Pending && (i.Class != Sent || !r.Why.ofFile()) {
			return false
		}
		i.hears(r.Reply, r.At)
		s.except(i, r.Why, r.Filed, r.At)
		return s.pass(r.At)
	case *Withdrew:
		i := s.items[r.Identity]
		if i == nil || i.Class != Pending || i.Attempts > 0 {
			return false
		}
		i.Reason = Withdrawn
		s.move(i, TakenBack, r.At)
		return s.pass(r.At)
	case *TurnedDown:
		if i := s.items[r.Identity]; i != nil {
			i.hears(r.Reply, r.At)
		}
		return s.endQueued(r.Identity, Rejected, PrimaryDeclined, r.At)
	case *Lapsed:
		return s.endQueued(r.Identity, Overdue, TooLate, r.At)
	case *Resolved:
		return s.resolve(r)
	case *LookedAfter:
		return s.lookAfter(r)
	case *Unanswered:
		i := s.items[r.Identity]
		if i == nil || !i.live() {
			return false
		}
		i.hears(r.Reply, r.At)
		return s.pass(r.At)
	}
	return false
}

func (s *State) attempt(r *Attempt) bool {
	i := s.items[r.Identity]
	if i == nil || i.Class != Pending {
		return false
	}
	i.Last = r.At
	if r.Inquiry {
		if i.Inquiries++; r.N != i.Inquiries {
			return false
		}
		return s.pass(r.At)
	}
	i.Sent = r.At
	if i.First == 0 {
		i.First = r.At
	}
	s.leave(i)
	if i.Attempts++; r.N != i.Attempts {
		return false
	}
	return s.pass(r.At)
}

// lateAnswer keeps what the primary turned out to have done.
func (s *State) lateAnswer(r *LateAnswer) bool {
	i := s.items[r.Identity]
	if i != nil {
		i.hears(r.Reply, r.At)
	}
	switch {
	case i == nil && r.Done:
		s.excluded[r.Identity] = exclusion{r.At, done}
	case i == nil:
		if x, there := s.excluded[r.Identity]; there && x.outcome == unknown {
			s.excluded[r.Identity] = exclusion{r.At, notDone}
		}
	case !r.Done || i.contradicted():
		// What was approved is forwarded all the same: the answer given wins.
	case i.unresolved() && i.Exception.Why.ofFile():
		// The file says otherwise than the primary's answers: people decide.
	case i.Class == Exceptional && i.unresolved():
		return s.resolve(&Resolved{Identity: r.Identity, How: Confirm, At: r.At})
	case i.Class == Pending || i.Class == Exceptional:
		s.move(i, Sent, r.At)
	case i.Class == Rejected || i.Class == Overdue:
		s.except(i, DoneThoughDeclined, r.Filed, r.At)
	case i.Class == TakenBack:
		s.except(i, DoneThoughReversed, r.Filed, r.At)
	}
	return s.pass(r.At)
}

// resolve ends an exception.
func (s *State) resolve(r *Resolved) bool {
	i := s.items[r.Identity]
	if i == nil || !i.unresolved() {
		return false
	}
	was := i.live()
	e := i.Exception
	e.How, e.By, e.Second, e.Note, e.At = r.How, r.By, r.Second, r.Note, r.At
	delete(s.exceptions, i.Identity)
	s.balance(i).Unresolved.add(-1, i.Amount)
	to := resolvedTo[r.How]
	if i.Class != Exceptional || to == Rejected {
		to = i.Class
	}
	s.moveFrom(was, i, to, r.At)
	if i.Class == Pending {
		i.Since, i.Inquiries, i.Last = r.At, 0, 0
	}
	return s.pass(r.At)
}

// resolvedTo are the classes that resolutions lead to; the others leave the item
// where it is.
var resolvedTo = map[Resolution]Class{Reverse: TakenBack, Confirm: Sent, Retry: Pending}

func (s *State) close(r *Closed) bool {
	o := s.openings[r.Directive]
	if o == nil || o.Ended == 0 || o.Closed != 0 {
		return false
	}
	for key, b := range s.balances {
		if key.directive == r.Directive && !b.Explained() {
			return false
		}
	}
	o.Closed, o.By = r.At, r.By
	for key, d := range s.slices {
		if d.directive == r.Directive {
			delete(s.slices, key)
		}
	}
	return s.pass(r.At)
}

// forget drops what was settled before a time under directives that are closed.
func (s *State) forget(before Instant) {
	for id, i := range s.items {
		if s.settledBefore(i, before) {
			delete(s.items, id)
			s.unlink(i)
			delete(s.cared, id)
		}
	}
	s.overdue = slices.DeleteFunc(s.overdue, func(i *Item) bool { return s.settledBefore(i, before) })
	lasting := s.lasting(before)
	for directive, o := range s.openings {
		if !s.forgettable(o, before, lasting) {
			continue
		}
		delete(s.openings, directive)
		for key := range s.balances {
			if key.directive == directive {
				delete(s.balances, key)
			}
		}
	}
	for id, x := range s.excluded {
		if x.outcome != unknown && x.at < before {
			delete(s.excluded, id)
		}
	}
	for key, c := range s.counters.all() {
		if key.window != 0 && c.period < key.period(before) {
			s.counters.drop(&key)
		}
	}
	for key, d := range s.slices {
		if d.until != 0 && d.until < before {
			delete(s.slices, key)
		}
	}
}

// settledBefore reports whether an item may be forgotten.
func (s *State) settledBefore(i *Item, before Instant) bool {
	o := s.openings[i.Directive]
	return (o == nil || o.Closed != 0) && i.Settled != 0 && i.Settled < before
}

// lasting are the directives of items that may not be forgotten yet. A settlement file, or
// people, may still move these: their balances stand as long.
func (s *State) lasting(before Instant) map[string]bool {
	directives := map[string]bool{}
	for _, i := range s.items {
		if !s.settledBefore(i, before) {
			directives[i.Directive] = true
		}
	}
	return directives
}

// forgettable reports whether a directive was closed before a time, is not the last one,
// and has no items that last.
func (s *State) forgettable(o *Opening, before Instant, lasting map[string]bool) bool {
	return o.Closed != 0 && o.Closed < before && o.Directive != s.current && !lasting[o.Directive]
}

// unlink takes a forgotten follow-up from those that wait for their original.
func (s *State) unlink(i *Item) {
	waiting, there := s.before[i.Original]
	if !there || i.Original == "" {
		return
	}
	waiting = slices.DeleteFunc(slices.Clone(waiting), func(id string) bool { return id == i.Identity })
	if len(waiting) == 0 {
		delete(s.before, i.Original)
		return
	}
	s.before[i.Original] = waiting
}
