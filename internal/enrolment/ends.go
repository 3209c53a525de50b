package enrolment

import (
	"slices"

	"holdfast"
	"holdfast/internal/payment"
)

// settleGone settles, by what people said, the payment at gates that are gone for good:
// nobody else is left to do it. r is not kept yet; f is what lets it happen.
func (b *Book) settleGone(r *Resolution, f holdfast.Fact) {
	if r.State != ResolutionOrdered {
		return
	}
	for _, name := range b.listing(r) {
		if i := b.gates[name].Present(); i != nil && i.Gone {
			b.settleWithout(r, name, f, false)
		}
	}
}

// settleWithout settles, by what people said, the payment at a gate that will not do it.
func (b *Book) settleWithout(r *Resolution, name string, f holdfast.Fact, unlisted bool) {
	key := unknownKey{name, r.Identity}
	u := b.unknown[key]
	u.Outcome, u.Settled, u.How = r.Outcome, f.Time, whySaid(r.ID)
	delete(b.unknown, key)
	b.hasSettled(u)
	end := ResolutionEnd{Gate: name, Outcome: r.Outcome, How: u.How, At: f.Time, Position: f.Position}
	b.others(r.ID, u.Record, end)
	end.Gone, end.Unlisted = true, unlisted
	r.ends(end)
}

// others notes for all other resolutions of a payment that one settled it at a gate, as
// [Book.told] does for what the gate does.
func (b *Book) others(id string, of payment.Record, end ResolutionEnd) {
	for _, other := range b.resolutionOf[of.Identity] {
		if other == id {
			continue
		}
		if r := *b.resolutions[other]; r.State != ResolutionWithdrawn && r.meant(end.Gate, of) {
			r.ends(end)
			b.keep(&r)
		}
	}
}

// meant reports whether what becomes of an attempt at a gate bears a resolution out, or
// contradicts it: all while it waits, and later the attempt that the person was shown.
func (r *Resolution) meant(gate string, attempt payment.Record) bool {
	return !r.Over() || attempt.At.Equal(r.attempts[gate])
}

// ends adds what became of the payment at a gate.
func (r *Resolution) ends(end ResolutionEnd) {
	r.Ends = append(slices.Clone(r.Ends), end)
	r.Contradicted = r.Contradicted || end.Outcome != r.Outcome
}

// told notes for resolutions what a gate's entry says. What a person said and the entry
// contradicts is marked, also when it comes late.
func (b *Book) told(name string, e Entry, on holdfast.Position) {
	for _, id := range b.resolutionOf[e.Record.Identity] {
		r := *b.resolutions[id]
		own := e.Why == whySaid(id)
		if r.State == ResolutionWithdrawn && !own {
			continue // it was not said in the end
		}
		if e.Outcome.Settled() && (own || r.meant(name, e.Record)) {
			r.ends(ResolutionEnd{Gate: name, Outcome: e.Outcome, How: e.Why, At: e.At, Position: on})
			if own && r.Over() {
				r.State = ResolutionCarried // whatever was said of it while the gate did it
			}
		}
		b.keep(&r)
	}
}
