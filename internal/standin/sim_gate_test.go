package standin_test

import (
	"context"
	"errors"
	"fmt"

	"holdfast"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// decider is one process of a gate: what it holds of shards is lost when it dies.
type decider struct {
	w    *world
	name string
	life int
	held map[int]*held
	// What it is cut off from: the source, the primary, control. What it wrote last
	// before it lost the source may have been written.
	alone, away, deaf bool
	under             string // the directive that it knows of, cut off from control
}

// What a decider is cut off from, or comes back to.
const (
	fromSource = iota
	fromPrimary
	fromControl
	fromAll
)

func (d *decider) cut(from int, off bool) {
	if from == fromSource || from == fromAll {
		d.alone = off
	}
	if from == fromPrimary || from == fromAll {
		d.away = off
	}
	if from == fromControl || from == fromAll {
		d.deaf = off
		if !off {
			d.under = ""
		}
	}
}

// held is a shard in a decider's memory. Others may have written since.
type held struct {
	s        *standin.State
	revision uint64
	// doubt is a pack of which it is not known whether it is durable, and then what
	// to do once it is.
	doubt *advice.Pack
	then  func()
}

// shard returns what the decider holds of a shard, ready for decisions: taken over,
// and nothing of it in doubt. It is nil if it cannot be had now.
func (d *decider) shard(n int) *held {
	h := d.held[n]
	if h == nil {
		h = d.load(n)
		if h == nil || !d.append(n, h, standin.TakeOver(h.s, d.name, fmt.Sprint(d.life), d.w.now)) {
			return nil
		}
	}
	if h.doubt != nil && !d.write(n, h) {
		return nil
	}
	return d.held[n]
}

// load folds a shard from a snapshot, if there is one, and what follows it.
func (d *decider) load(n int) *held {
	ctx, w := context.Background(), d.w
	if d.alone {
		return nil
	}
	h := &held{s: standin.NewState()}
	snaps, err := w.source.Snapshots(ctx, n)
	w.must(err)
	for _, snap := range snaps {
		if s, err := standin.Restore(snap.Body); err == nil {
			h.s, h.revision = s, snap.Revision
			break
		}
	}
	for {
		packs, err := w.source.Read(ctx, n, h.revision, 50)
		w.must(err)
		if len(packs) == 0 {
			d.held[n] = h
			return h
		}
		for _, p := range packs {
			_, err := h.s.Fold(p.Body)
			w.must(err)
			h.revision = p.Revision()
		}
	}
}

// append writes records, which are not applied yet, as one pack. It returns false
// if they are not known to be durable.
func (d *decider) append(n int, h *held, records ...standin.Record) bool {
	d.w.must(h.s.Apply(records...))
	d.prepare(n, h, records, nil)
	return d.write(n, h)
}

func (d *decider) prepare(n int, h *held, records []standin.Record, then func()) {
	d.w.packs++
	h.doubt = &advice.Pack{
		Shard: n, Expect: h.revision, ID: fmt.Sprint("pack-", d.w.packs), Body: standin.Encode(records), Names: standin.Names(h.s, records),
	}
	h.then = then
}

// write writes the pack in doubt. After a crash nobody does.
func (d *decider) write(n int, h *held) bool {
	w := d.w
	if d.alone {
		if w.rand.IntN(4) == 0 { // it is written, and nobody hears of it
			_, _ = w.source.Append(context.Background(), []advice.Pack{*h.doubt})
			w.audit.look()
		}
		return false
	}
	w.fault()
	results, err := w.source.Append(context.Background(), []advice.Pack{*h.doubt})
	w.audit.look()
	switch holdfast.CodeOf(err) {
	case "":
	case holdfast.Doubtful:
		return false
	default: // nothing was written: what was reserved for it goes with the state
		delete(d.held, n)
		return false
	}
	var taken *advice.Taken
	switch {
	case results[0] == nil:
		h.doubt, h.revision = nil, h.revision+1
		if then := h.then; then != nil {
			h.then = nil
			then()
		}
		return true
	case errors.As(results[0], &taken):
		w.redirect = append(w.redirect, *taken)
	}
	delete(d.held, n)
	return false
}

// draw draws what a request needs, against other deciders.
func (d *decider) draw(n int, h *held, needs []standin.Need) bool {
	ctx, w := context.Background(), d.w
	if d.alone {
		return false
	}
	for _, need := range needs {
		revision, body, err := w.source.Ledger(ctx, need.Key)
		w.must(err)
		next, record, err := need.Draw(body, n, w.shards)
		w.must(err)
		if next != nil {
			if w.rand.IntN(20) == 0 { // another decider of the shard, or a crash
				d.held = map[int]*held{}
				if w.rand.IntN(2) == 0 {
					w.must(w.source.PutLedger(ctx, need.Key, revision, next))
				}
				return false
			}
			w.must(w.source.PutLedger(ctx, need.Key, revision, next))
		}
		if record != nil && !d.append(n, h, record) {
			return false
		}
	}
	return true
}

// request decides on requests of one shard as one pack and tells the answers once
// that is durable.
func (d *decider) request(n int, requests []*standin.Request) {
	h := d.shard(n)
	if h == nil {
		return
	}
	w := d.w
	var records []standin.Record
	var tell []func()
	for _, r := range requests {
		if d.under != "" {
			late := *r
			late.Directive = d.under
			r = &late
		}
		answer, decided, needs := standin.Decide(h.s, w.compiled, r, w.clock(d))
		if len(needs) > 0 {
			if len(records) > 0 { // its turn comes with the next pack
				break
			}
			if !d.draw(n, h, needs) {
				return
			}
			again := *r
			again.Drawn = true
			answer, decided, _ = standin.Decide(h.s, w.compiled, &again, w.clock(d))
		}
		records = append(records, decided...)
		w.must(h.s.Apply(decided...))
		tell = append(tell, func() { w.told(r, answer) })
	}
	if len(records) == 0 {
		for _, f := range tell {
			f()
		}
		return
	}
	d.prepare(n, h, records, func() {
		for _, f := range tell {
			f()
		}
	})
	if w.rand.IntN(60) == 0 { // it dies before it writes
		d.held = map[int]*held{}
		return
	}
	d.write(n, h)
}

// forward sends what is next of a shard.
func (d *decider) forward(n int) {
	h := d.shard(n)
	if h == nil {
		return
	}
	w := d.w
	work, records := standin.Next(h.s, w.compiled.Profile.Forwarding, w.now, 3, anything)
	for _, wk := range work {
		records = append(records, wk.Attempt)
	}
	if len(records) == 0 || !d.append(n, h, records...) {
		return
	}
	var settled []standin.Record
	for _, wk := range work {
		if w.rand.IntN(40) == 0 { // it dies between an attempt and its sending
			d.held = map[int]*held{}
			return
		}
		identity := wk.Item.Identity
		result := standin.NoAnswer
		if wk.Attempt.Inquiry {
			result = w.primary.ask(identity)
		} else {
			w.audit.sent(identity, wk.Repeat)
			if !d.away || w.rand.IntN(3) == 0 {
				result = w.primary.send(identity, w.now)
			}
		}
		if d.away { // whatever came of it, no answer comes back
			result = standin.NoAnswer
		}
		settled = append(settled, standin.Settle(h.s, standin.Came{Identity: identity, Of: result}, w.now)...)
	}
	if len(settled) > 0 && w.rand.IntN(20) > 0 {
		d.append(n, h, settled...)
	}
}

// record appends what something returned of a shard, and reports whether it is
// durable.
func (d *decider) record(n int, make func(s *standin.State) []standin.Record) bool {
	h := d.shard(n)
	if h == nil {
		return false
	}
	records := make(h.s)
	return len(records) == 0 || d.append(n, h, records...)
}
