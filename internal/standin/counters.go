package standin

import (
	"iter"
	"slices"
	"time"
)

// counters hold what limits count. They are found by whom they count over: a payment
// asks for several of its payer, which stand side by side.
type counters struct {
	of       map[subject][]counted
	channels map[string][]counted
}

// subject is a payer, a payee, or all; of what is approved, or of what waits.
type subject struct {
	over uint8
	who  Digest
}

const (
	allPayments uint8 = iota
	onePayer
	onePayee
	allQueued
	oneQueued
)

// counted is a counter with the part of its key that tells it from others of its
// subject.
type counted struct {
	currency     string
	window, zone time.Duration
	counter
}

func newCounters() counters {
	return counters{of: map[subject][]counted{}, channels: map[string][]counted{}}
}

// list returns those of one subject.
func (cs *counters) list(k *counterKey) []counted {
	if k.over == EachChannel {
		return cs.channels[k.channel]
	}
	return cs.of[k.subject()]
}

func (cs *counters) put(k *counterKey, list []counted) {
	switch {
	case k.over == EachChannel && len(list) == 0:
		delete(cs.channels, k.channel)
	case k.over == EachChannel:
		cs.channels[k.channel] = list
	case len(list) == 0:
		delete(cs.of, k.subject())
	default:
		cs.of[k.subject()] = list
	}
}

func (k *counterKey) subject() subject {
	switch k.over {
	case EachPayer:
		return subject{onePayer, k.who}
	case EachPayee:
		return subject{onePayee, k.who}
	case WholeQueue:
		return subject{allQueued, k.who}
	case EachQueued:
		return subject{oneQueued, k.who}
	}
	return subject{allPayments, k.who}
}

func (k *counterKey) find(list []counted) int {
	for i := range list {
		if n := &list[i]; n.window == k.window && n.currency == k.currency && n.zone == k.zone {
			return i
		}
	}
	return -1
}

// get returns a counter; a zero one if it does not count yet.
func (cs *counters) get(k *counterKey) counter {
	list := cs.list(k)
	if i := k.find(list); i >= 0 {
		return list[i].counter
	}
	return counter{}
}

// at returns a counter to be changed, made if it is not there. It is good until another
// one is made or dropped.
func (cs *counters) at(k *counterKey) *counter {
	list := cs.list(k)
	i := k.find(list)
	if i < 0 {
		i = len(list)
		list = append(slices.Grow(list, max(1, usual(k.over)-i)), counted{k.currency, k.window, k.zone, counter{}})
		cs.put(k, list)
	}
	return &list[i].counter
}

// usual is how many counters a subject has, as a rule.
func usual(over Over) int {
	if over == EachPayer {
		return 3 // what is outstanding in a currency and in all, and a period
	}
	return 1
}

// drop ends a counter.
func (cs *counters) drop(k *counterKey) {
	list := cs.list(k)
	if i := k.find(list); i >= 0 {
		cs.put(k, slices.Delete(list, i, i+1))
	}
}

// all returns the counters, in any order. They may be dropped meanwhile.
func (cs *counters) all() iter.Seq2[counterKey, counter] {
	return func(yield func(counterKey, counter) bool) {
		each := func(k counterKey, list []counted) bool {
			for _, n := range slices.Clone(list) {
				k.currency, k.window, k.zone = n.currency, n.window, n.zone
				if !yield(k, n.counter) {
					return false
				}
			}
			return true
		}
		for s, list := range cs.of {
			if !each(counterKey{over: [...]Over{Whole, EachPayer, EachPayee, WholeQueue, EachQueued}[s.over], who: s.who}, list) {
				return
			}
		}
		for channel, list := range cs.channels {
			if !each(counterKey{over: EachChannel, channel: channel}, list) {
				return
			}
		}
	}
}
