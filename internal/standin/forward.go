package standin

import (
	"time"

	"holdfast"
)

// Work is an advice to be sent, or to be asked about, now.
type Work struct {
	Item *Item
	// Attempt is to be durable before the first byte.
	Attempt *Attempt
	// Repeat marks what may have reached the primary before.
	Repeat bool
	// Timeout is how long the primary may take: later the advice may be sent again.
	Timeout time.Duration
	// Before is when it was last begun to be sent; zero if it never was. Until some time
	// after that an answer that it is not known may be too early.
	Before Instant
}

// Result is what came of a piece of work.
type Result uint8

const (
	// NoAnswer settles nothing: the next attempt is a repeat.
	NoAnswer Result = iota
	// Did: the primary has done it.
	Did
	// Refuses: the primary has it, or was sent it, and does not do it.
	Refuses
	// DoesNotKnow is the answer to an inquiry about an identity that never came.
	DoesNotKnow
	// Unsendable: what is to be sent cannot be read.
	Unsendable
)

// Came says what came of an advice. Reply is what the primary said, for people.
type Came struct {
	Identity string
	Of       Result
	Reply    Reply
}

const (
	// mostHeld bounds how many advices are passed over for one that may be sent.
	mostHeld = 10_000
	// mostParked is how many are handed to people at once: a pack has room for their
	// records, also when a long outage has a whole backlog expire at the same time.
	mostParked = 1000
)

// Next returns up to most advices whose turn it is, and the records that hand
// those to people which cannot go on, a thousand at once. Of one payer only the oldest is sent; what
// people have to look at holds up nobody but what takes it back. An advice that may
// says no to, where it is to be sent or, with ask, to be asked about, stays where it is,
// and those of its payer behind it.
func Next(s *State, f Forwarding, now time.Time, most int, may func(i *Item, ask bool) bool) (work []Work, park []Record) {
	at := max(At(now), s.last)
	park = s.lapsed(at)
	busy := map[Digest]bool{}
	held, parked := 0, 0
	for _, i := range s.queue {
		if len(work) >= most || held >= mostHeld || parked >= mostParked {
			break
		}
		if i.Class != Pending || busy[i.Payer] || i.late(at) {
			continue
		}
		if why := f.over(i, at); why != 0 {
			park = append(park, &Excepted{Identity: i.Identity, Why: why, At: at})
			parked++
			continue
		}
		if s.waitsForOriginal(i) {
			continue
		}
		busy[i.Payer] = true
		if i.Last != 0 && at < i.Last.Add(f.pause(i)) {
			continue
		}
		w := f.work(i, at)
		if !may(i, w.Attempt.Inquiry) {
			held++
			continue
		}
		work = append(work, w)
	}
	return work, park
}

// lapsed reports whether the primary may have forgotten the identity.
func (f Forwarding) lapsed(i *Item, at Instant) bool {
	return i.First != 0 && at >= i.First.Add(f.Retention-f.Timeout)
}

// over says why an item cannot go on by itself. What is being sent may still be
// answered.
func (f Forwarding) over(i *Item, at Instant) Why {
	idle := i.Last == 0 || at >= i.Last.Add(f.Timeout)
	switch {
	case !idle:
		return 0
	case f.lapsed(i, at):
		if i.Inquiries >= f.Inquiries {
			return Unresolved
		}
	case at >= i.Since.Add(f.Expiry) && (i.Verdict == Approved || i.Attempts > 0):
		return Expired
	case i.Attempts > 0 && i.Attempts%f.Attempts == 0 && i.Last != 0:
		return Exhausted
	}
	return 0
}

// pause is the time from the last attempt to the next.
func (f Forwarding) pause(i *Item) time.Duration {
	pause := f.Pause
	for range i.Attempts + i.Inquiries - 1 {
		if pause *= 2; pause >= f.LongestPause {
			pause = f.LongestPause
			break
		}
	}
	return max(pause, f.Timeout)
}

func (f Forwarding) work(i *Item, at Instant) Work {
	a := &Attempt{Identity: i.Identity, N: i.Attempts + 1, At: at}
	if f.lapsed(i, at) {
		a.N, a.Inquiry = i.Inquiries+1, true
	}
	return Work{Item: i, Attempt: a, Repeat: i.Attempts > 0, Timeout: f.Timeout, Before: i.Sent}
}

// waitsForOriginal reports whether an item takes back what is not settled.
func (s *State) waitsForOriginal(i *Item) bool {
	if i.Original == "" {
		return false
	}
	o := s.items[i.Original]
	return o != nil && o.live()
}

// Settle returns the records of a result. What is settled by now stays as it is, unless
// the primary has done what people were to look at, or what was reversed. What the primary
// said without settling anything is kept for people.
func Settle(s *State, c Came, now time.Time) []Record {
	i, at := s.items[c.Identity], max(At(now), s.last)
	switch {
	case i == nil:
		return nil
	case c.Of == NoAnswer && c.Reply.Said != 0 && i.live():
		return []Record{&Unanswered{c.Identity, c.Reply, at}}
	case i.Class != Pending && i.Class != Sent && c.Of == Did:
		return []Record{&LateAnswer{Identity: c.Identity, Done: true, Reply: c.Reply, At: at}}
	case i.Class != Pending:
		return nil
	}
	switch c.Of {
	case Did:
		return []Record{&Delivered{c.Identity, c.Reply, at}}
	case Refuses:
		if i.Verdict == Queued {
			return []Record{&TurnedDown{c.Identity, c.Reply, at}}
		}
		return []Record{&Excepted{Identity: c.Identity, Why: PrimaryRefused, Reply: c.Reply, At: at}}
	case DoesNotKnow:
		return []Record{&Absent{c.Identity, c.Reply, at}}
	case Unsendable:
		return []Record{&Excepted{Identity: c.Identity, Why: NotSendable, At: at}}
	}
	return nil
}

// Withdraw takes back an approval whose answer never left, if nothing of it was
// forwarded.
func Withdraw(s *State, identity string, now time.Time) []Record {
	if i := s.items[identity]; i == nil || i.Class != Pending || i.Attempts > 0 || len(i.FollowUps) > 0 {
		return nil
	}
	return []Record{&Withdrew{identity, max(At(now), s.last)}}
}

// Answered returns the record of what the primary turned out to have done.
func Answered(s *State, identity string, done bool, now time.Time) []Record {
	return []Record{&LateAnswer{Identity: identity, Done: done, At: max(At(now), s.last)}}
}

// Resolve ends an exception as people decided. who and second are different
// people; second may be empty where one is enough.
func Resolve(s *State, p Profile, identity string, how Resolution, who, second, note string, now time.Time) ([]Record, error) {
	i := s.exceptions[identity]
	switch {
	case i == nil:
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no open exception of the payment %s", identity)
	case how < Accept || how > Retry:
		return nil, holdfast.Errorf(holdfast.Invalid, "an exception ends by accept, write-off, reverse, confirm or retry")
	case who == "" || note == "" || len(note) > longest:
		return nil, holdfast.Errorf(holdfast.Invalid, "say who resolves the exception and why, in at most %d bytes", longest)
	case i.Class != Exceptional && (how == Retry || how == Confirm):
		return nil, holdfast.Errorf(holdfast.Invalid, "the primary has done what was declined or reversed here: accept it, write it off or reverse it")
	case how == Retry && i.Exception.Why.ofFile():
		return nil, holdfast.Errorf(holdfast.Invalid, "the settlement file speaks of a payment that the primary was sent: find out, then confirm or reverse it")
	case how == Retry && i.Exception.Why == Unresolved && p.Forwarding.Inquiries == 0:
		return nil, holdfast.Errorf(holdfast.Invalid, "the primary cannot be asked whether it has this payment: find out, then confirm or reverse it")
	case i.Verdict == Queued && i.Class == Exceptional && (how == Accept || how == WriteOff):
		return nil, holdfast.Errorf(holdfast.Invalid, "this payment was queued, not approved, and nothing is to be borne: find out what became of it, then confirm or reverse it, or send it again")
	case second == who:
		return nil, holdfast.Errorf(holdfast.Invalid, "the second person is another one")
	case second == "" && (how == WriteOff || i.Amount > p.SecondAbove && how != Retry):
		return nil, holdfast.Errorf(holdfast.Forbidden, "this exception is resolved by two people: name the second")
	}
	return []Record{&Resolved{Identity: identity, How: how, By: who, Second: second, Note: note, At: max(At(now), s.last)}}, nil
}
