package standin

import (
	"cmp"
	"slices"
)

// foldAbove is from how many balances on declines are told without their currency.
const foldAbove = 256

// Figures returns the balances that are told, at most MaxFigures, so that nothing that
// customers send keeps a shard from telling any. Where there are more, what was only
// declined is counted without its currency and amount; then those that were closed first
// go, whose figures stand in what was signed. What is left then of too many is not told
// at all: figures that lack a part would be believed.
func (s *State) Figures() []Balance {
	list := s.Balances()
	if len(list) > foldAbove {
		list = foldDeclines(list)
	}
	if len(list) > MaxFigures {
		list = s.withoutClosed(list)
	}
	if len(list) > MaxFigures {
		return nil
	}
	return list
}

// foldDeclines adds up, by directive and kind, the balances in which nothing was approved or
// queued.
func foldDeclines(list []Balance) []Balance {
	kept := list[:0]
	for _, b := range list {
		if b.Approved.Count > 0 || b.Unresolved.Count > 0 || b.Queue.Queued.Count > 0 {
			kept = append(kept, b)
			continue
		}
		same := func(o Balance) bool { return o.Directive == b.Directive && o.Kind == b.Kind && o.Currency == "" }
		i := slices.IndexFunc(kept, same)
		if i < 0 {
			i = len(kept)
			kept = append(kept, Balance{Directive: b.Directive, Kind: b.Kind})
		}
		kept[i].Declined.Count += b.Declined.Count
	}
	return kept
}

// withoutClosed leaves out directives that were closed, the first ones first, until the
// rest is few enough.
func (s *State) withoutClosed(list []Balance) []Balance {
	var closed []*Opening
	for _, o := range s.openings {
		if o.Closed != 0 {
			closed = append(closed, o)
		}
	}
	slices.SortFunc(closed, func(a, b *Opening) int {
		return cmp.Or(cmp.Compare(a.Closed, b.Closed), cmp.Compare(a.Directive, b.Directive))
	})
	for _, o := range closed {
		if len(list) <= MaxFigures {
			break
		}
		list = slices.DeleteFunc(list, func(b Balance) bool { return b.Directive == o.Directive })
	}
	return list
}
