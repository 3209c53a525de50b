package reconciliation

import (
	"slices"
	"time"

	"holdfast/internal/standin"
)

// shardOf names a shard of an advice source, place a directive in it, figure a kind and
// currency there.
type (
	shardOf struct {
		source string
		shard  int
	}
	place struct {
		shardOf
		directive string
	}
	figure struct {
		kind     standin.Kind
		currency string
	}
)

// Sums are what was approved and queued, and what of it was not settled when that was told.
type Sums struct {
	Approved standin.Tally `json:"approved,omitzero"`
	// Open was approved, and was pending or an exception.
	Open   standin.Tally `json:"open,omitzero"`
	Queued standin.Tally `json:"queued,omitzero"`
	// Waiting was queued, and waited for the primary or was an exception.
	Waiting standin.Tally `json:"waiting,omitzero"`
}

func sumsOf(b standin.Balance) (s Sums) {
	s.Approved, s.Queued = b.Approved, b.Queue.Queued
	add(&s.Open, b.Pending)
	add(&s.Open, b.Exception)
	add(&s.Waiting, b.Queue.Waiting)
	add(&s.Waiting, b.Queue.Exception)
	return s
}

func (s *Sums) add(t Sums) {
	add(&s.Approved, t.Approved)
	add(&s.Open, t.Open)
	add(&s.Queued, t.Queued)
	add(&s.Waiting, t.Waiting)
}

// lacks is what now has less than was told. Of that nobody knows which was settled: as much
// as was not may be among it.
func (s Sums) lacks(now Sums) Sums {
	approved, queued := less(s.Approved, now.Approved), less(s.Queued, now.Queued)
	return Sums{approved, least(approved, s.Open), queued, least(queued, s.Waiting)}
}

func least(x, y standin.Tally) standin.Tally {
	return standin.Tally{Count: min(x.Count, y.Count), Amount: min(x.Amount, y.Amount)}
}

func less(x, y standin.Tally) standin.Tally {
	return standin.Tally{Count: max(0, x.Count-y.Count), Amount: max(0, x.Amount-y.Amount)}
}

// word is the last that a shard told when all of it was durable. In one log it tells of all
// that was told before: what is approved or queued only grows.
type word struct {
	Gate string               `json:"-"`
	At   time.Time            `json:"at"` // by the gate's clock
	Of   standin.ShardSummary `json:"of"` // standing and balances
}

func wordOf(gate string, at time.Time, of standin.ShardSummary) word {
	w := word{gate, at, standin.ShardSummary{Shard: of.Shard, Epoch: of.Epoch, Standing: of.Standing}}
	for _, b := range of.Balances {
		if b.Approved.Count+b.Queue.Queued.Count > 0 {
			w.Of.Balances = append(w.Of.Balances, b)
		}
	}
	return w
}

// standing returns how far a directive is in the shard; false if it does not know it.
func (w word) standing(directive string) (standin.Standing, bool) {
	i := slices.IndexFunc(w.Of.Standing, func(s standin.Standing) bool { return s.Directive == directive })
	if i < 0 {
		return standin.Standing{}, false
	}
	return w.Of.Standing[i], true
}

// figures are the sums of a directive.
func (w word) figures(directive string) map[figure]Sums {
	sums := map[figure]Sums{}
	for _, b := range w.Of.Balances {
		if b.Directive == directive {
			sums[figure{b.Kind, b.Currency}] = sumsOf(b)
		}
	}
	return sums
}

// knows reports whether the shard tells of a directive, or may leave it out for want of room.
func (w word) knows(directive string) bool {
	_, stands := w.standing(directive)
	return stands || len(w.Of.Standing) >= standin.MaxFigures
}

// fall is that a shard told less of a directive than in its word before.
type fall struct {
	place
	was, now time.Time // of the two words, by their gates' clocks
	// ended says that the directive had ended there before: nothing is approved any more by
	// which what is missing would look like less.
	ended     bool
	told, has map[figure]Sums
}

// falls lists where a word tells less than the one before.
func (w word) falls(at shardOf, before word) (list []fall) {
	for _, s := range before.Of.Standing {
		if now, _ := w.standing(s.Directive); !s.Closed.IsZero() || !now.Closed.IsZero() {
			continue // what was closed is forgotten some day
		}
		f := fall{place{at, s.Directive}, before.At, w.At, !s.Ended.IsZero(), before.figures(s.Directive), w.figures(s.Directive)}
		if len(lacking(f.told, f.has)) > 0 || !w.knows(s.Directive) {
			list = append(list, f)
		}
	}
	return list
}

// lacking lists what is told less.
func lacking(told, has map[figure]Sums) (list []Missing) {
	for f, s := range told {
		if lacks := s.lacks(has[f]); lacks != (Sums{}) {
			list = append(list, Missing{f.kind, f.currency, lacks})
		}
	}
	return list
}

// doubted is how long a gate tells of a shard before it is believed to decide for it though
// another one told of it in a later epoch. A gate that reaches its source reads within
// seconds that another one has taken over.
const doubted = time.Minute

// mostWords bounds the words that a board keeps, and falls that wait to be recorded.
const mostWords = 100_000

// adopt takes words of a summary that was heard now, or by another node if not. The caller
// holds the lock.
func (b *Board) adopt(gate string, sum standin.Summary, heard bool, now time.Time) {
	reaches := !slices.ContainsFunc(sum.Alarms, func(a standin.Alarm) bool { return a.Code == standin.AlarmSource })
	for _, of := range sum.Of {
		at, w := shardOf{sum.Source, of.Shard}, wordOf(gate, sum.At, of)
		before, some := b.words[at]
		switch {
		case !of.Durable:
			if heard && gate == before.Gate {
				delete(b.doubts, at)
			}
		case !some || w.follows(before):
			b.say(at, w, before)
		case heard:
			if b.insists(at, reaches, now) {
				b.say(at, w, before)
			}
		case !b.read: // the gate told here before what it had told was read
			b.fell(before.falls(at, w))
		}
	}
}

// follows reports whether a word comes after another one, and not late. Of two gates that tell
// of a shard the later epoch does.
func (w word) follows(before word) bool {
	if w.Gate == before.Gate {
		return w.At.After(before.At)
	}
	return w.Of.Epoch > before.Of.Epoch
}

// insists reports whether a gate has told long enough of a shard of which another one told in
// a later epoch, or it by a later clock: its log, or its clock, is not the one that it was.
// Before that it is in doubt who tells. A gate that does not reach its source may be mistaken
// as long as it likes.
func (b *Board) insists(at shardOf, reaches bool, now time.Time) bool {
	if !reaches {
		delete(b.doubts, at)
		return false
	}
	first, some := b.doubts[at]
	if !some {
		first, b.doubts[at] = now, now
	}
	return now.Sub(first) >= doubted
}

// say makes a word the last one of its shard.
func (b *Board) say(at shardOf, w, before word) {
	delete(b.doubts, at)
	if w.Of.Epoch < before.Of.Epoch || w.Of.Epoch == before.Of.Epoch && w.Gate != before.Gate {
		b.disown(at, w.Gate)
	}
	b.fell(w.falls(at, before))
	if len(w.Of.Standing) == 0 {
		delete(b.words, at)
	} else if len(b.words) < mostWords {
		b.words[at] = w
	}
}

func (b *Board) fell(falls []fall) {
	if len(b.falls)+len(falls) <= mostWords {
		b.falls = append(b.falls, falls...)
	}
}

// disown drops what other gates told of a shard from a log that is no more.
func (b *Board) disown(at shardOf, gate string) {
	for _, k := range b.kept {
		if k.Summary.Source == at.source && k.Gate != gate {
			k.Summary.Of = slices.DeleteFunc(slices.Clone(k.Summary.Of), func(of standin.ShardSummary) bool { return of.Shard == at.shard })
			k.dirty = true
		}
	}
}

// doubtful takes the shards out of what a gate told of which another one told last, in a
// later epoch: figures without them are incomplete. The caller holds the lock.
func (b *Board) doubtful(t Told) Told {
	if len(b.doubts) > 0 {
		t.Summary.Of = slices.DeleteFunc(slices.Clone(t.Summary.Of), func(of standin.ShardSummary) bool {
			at := shardOf{t.Summary.Source, of.Shard}
			_, some := b.doubts[at]
			return some && b.words[at].Gate != t.Gate
		})
	}
	return t
}

// before are the last words of a gate that its last summary does not have, since not all of
// it was durable. The caller holds the lock.
func (b *Board) before(t Told) (list []word) {
	for at, w := range b.words {
		now := func(of standin.ShardSummary) bool { return of.Shard == at.shard && of.Durable }
		if at.source == t.Summary.Source && w.Gate == t.Gate && !slices.ContainsFunc(t.Summary.Of, now) {
			list = append(list, w)
		}
	}
	slices.SortFunc(list, func(x, y word) int { return x.Of.Shard - y.Of.Shard })
	return list
}

// fallen returns the falls of a source that were not recorded.
func (b *Board) fallen(source string) (list []fall) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.falls {
		if f.source == source {
			list = append(list, f)
		}
	}
	return list
}

// recorded forgets falls once they are.
func (b *Board) recorded(falls []fall) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.falls = slices.DeleteFunc(b.falls, func(f fall) bool {
		return slices.ContainsFunc(falls, func(r fall) bool { return r.place == f.place && r.now.Equal(f.now) })
	})
}
