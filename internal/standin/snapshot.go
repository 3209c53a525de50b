package standin

import (
	"bytes"
	"cmp"
	"iter"
	"maps"
	"slices"

	"holdfast"
)

// FoldVersion is that of the fold. A snapshot of another one is not read: the
// state is folded from an older snapshot, or from the first pack, if packs were not
// cut. So a build that raises it reads the snapshots of the version before as well.
const FoldVersion = 2

// Snapshot encodes a state. Equal states have equal snapshots.
func (s *State) Snapshot() []byte {
	size := 256*len(s.items) + 1024
	for _, i := range s.items {
		size += len(i.Sealed.Data)
	}
	c := &codec{writing: true, b: append(make([]byte, 0, size), FoldVersion)}
	s.fields(c)
	return c.b
}

// Restore reads what [State.Snapshot] made. On an error, which has code Damaged,
// fold the shard from an older snapshot or from its first pack.
func Restore(body []byte) (*State, error) {
	s := NewState()
	c := &codec{b: body}
	if c.readByte() != FoldVersion {
		c.failed = true
	}
	s.fields(c)
	// What is worked out from the items must come out again, and to the byte.
	if c.failed || len(c.b) > 0 || !bytes.Equal(s.Snapshot(), body) {
		return nil, holdfast.Errorf(holdfast.Damaged, "the snapshot of a stand-in shard cannot be read: it was made by another build, or is damaged")
	}
	return s, nil
}

// fields writes or reads the whole state but what follows from the items: queue,
// payers that wait, what was never sent of what is queued, and exceptions.
func (s *State) fields(c *codec) {
	c.uint(&s.seq)
	c.uint(&s.epoch)
	c.instant(&s.last)
	c.text(&s.gate)
	c.text(&s.boot)
	c.text(&s.current)
	table(c, s.openings, cmp.Compare[string], c.text, func(o **Opening) { c.opening(made(o)) })
	table(c, s.excluded, cmp.Compare[string], c.text, func(x *exclusion) {
		c.instant(&x.at)
		c.enum((*uint8)(&x.outcome), int(notDone))
	})
	table(c, s.before, cmp.Compare[string], c.text, func(ids *[]string) { list(c, ids, maxList, c.text) })
	table(c, s.balances, compareBalances, c.balanceKey, func(b **Balance) { c.balance(made(b)) })
	rows(c, s.counters.all(), compareCounters, c.counterKey, func(n *counter) {
		c.int(&n.period)
		c.int(&n.amount)
		c.int(&n.count)
	}, func(k counterKey, n counter) { *s.counters.at(&k) = n })
	table(c, s.slices, cmp.Compare[string], c.text, func(d *drawn) {
		c.slice(&d.upTo)
		c.instant(&d.until)
		c.text(&d.directive)
	})
	s.itemFields(c)
	s.caredFields(c)
}

// itemFields writes or reads the items in the order of their numbers, so that the
// queue fills from its end.
func (s *State) itemFields(c *codec) {
	var items []*Item
	if c.writing {
		items = slices.SortedFunc(maps.Values(s.items), func(a, b *Item) int { return cmp.Compare(a.Seq, b.Seq) })
	}
	list(c, &items, maxList, func(p **Item) {
		i := made(p)
		c.item(i)
		if c.writing || c.failed {
			return
		}
		s.share(i)
		s.items[i.Identity] = i
		if i.Class == Pending {
			s.enqueue(i)
			s.await(i)
		}
		if i.Class == Overdue {
			s.lapse(i)
		}
		if i.unresolved() {
			s.exceptions[i.Identity] = i
		}
	})
}

// table is the length of a map and its entries in the order of their keys.
func table[K comparable, V any](c *codec, m map[K]V, order func(a, b K) int, key func(*K), value func(*V)) {
	rows(c, maps.All(m), order, key, value, func(k K, v V) { m[k] = v })
}

// rows is the length of what all holds and its entries in the order of their keys. What
// is read is put.
func rows[K comparable, V any](c *codec, all iter.Seq2[K, V], order func(a, b K) int, key func(*K), value func(*V), put func(K, V)) {
	type entry struct {
		k K
		v V
	}
	var entries []entry
	if c.writing {
		for k, v := range all {
			entries = append(entries, entry{k, v})
		}
		slices.SortFunc(entries, func(a, b entry) int { return order(a.k, b.k) })
	}
	list(c, &entries, maxList, func(e *entry) {
		key(&e.k)
		value(&e.v)
		if !c.writing && !c.failed {
			put(e.k, e.v)
		}
	})
}

// made returns what p points to, made if it is not there.
func made[V any](p **V) *V {
	if *p == nil {
		*p = new(V)
	}
	return *p
}

func compareBalances(a, b balanceKey) int {
	return cmp.Or(cmp.Compare(a.directive, b.directive), cmp.Compare(a.kind, b.kind), cmp.Compare(a.currency, b.currency))
}

func compareCounters(a, b counterKey) int {
	return cmp.Or(cmp.Compare(a.over, b.over), cmp.Compare(a.currency, b.currency), cmp.Compare(a.window, b.window),
		cmp.Compare(a.zone, b.zone), bytes.Compare(a.who[:], b.who[:]), cmp.Compare(a.channel, b.channel))
}

func (c *codec) opening(o *Opening) {
	o.fields(c)
	c.instant(&o.Ended)
	c.instant(&o.Closed)
	c.text(&o.By)
}

func (c *codec) balanceKey(k *balanceKey) {
	c.text(&k.directive)
	c.enum((*uint8)(&k.kind), len(kindNames)-1)
	c.text(&k.currency)
}

func (c *codec) balance(b *Balance) {
	c.text(&b.Directive)
	c.enum((*uint8)(&b.Kind), len(kindNames)-1)
	c.text(&b.Currency)
	for _, t := range [...]*Tally{&b.Approved, &b.Delivered, &b.Pending, &b.Exception, &b.Reversed, &b.Declined, &b.Unresolved} {
		c.int(&t.Count)
		c.int(&t.Amount)
	}
	for _, t := range b.Queue.all() {
		c.int(&t.Count)
		c.int(&t.Amount)
	}
}

func (c *codec) counterKey(k *counterKey) {
	c.text((*string)(&k.over))
	c.text(&k.currency)
	c.window(&k.window)
	c.duration(&k.zone)
	c.digest(&k.who)
	c.text(&k.channel)
}

func (c *codec) item(i *Item) {
	i.Decision.fields(c)
	c.uint(&i.Seq)
	c.uint(&i.Epoch)
	c.enum((*uint8)(&i.Class), len(classNames)-1)
	c.count(&i.Attempts)
	c.count(&i.Inquiries)
	for _, at := range [...]*Instant{&i.First, &i.Last, &i.Sent, &i.Since, &i.Settled} {
		c.instant(at)
	}
	c.reply(&i.Reply)
	c.instant(&i.Replied)
	c.int(&i.Refunded)
	list(c, &i.FollowUps, maxList, c.text)
	c.text(&i.Reversal)
	there := i.Exception != nil
	if c.bool(&there); !there {
		return
	}
	e := made(&i.Exception)
	c.enum((*uint8)(&e.Why), len(whyNames)-1)
	c.instant(&e.Since)
	c.filed(&e.Filed)
	c.enum((*uint8)(&e.How), len(resolutionNames)-1)
	c.text(&e.By)
	c.text(&e.Second)
	c.text(&e.Note)
	c.instant(&e.At)
}
