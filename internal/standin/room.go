package standin

import (
	"cmp"
	"slices"
)

// Room is how many payments there is room for in what a gate tells, by list.
type Room struct{ Open, Queued, Expired int }

// Cut leaves of each list what comes first over all shards, as far as there is room: the
// oldest exceptions, the queued payments that expire next, and the last that did.
func (r Room) Cut(of []ShardSummary) {
	cut(of, r.Open, func(s *ShardSummary) *[]OpenException { return &s.Open }, func(a, b OpenException) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Identity, b.Identity))
	})
	cut(of, r.Queued, func(s *ShardSummary) *[]QueuedPayment { return &s.Queued }, func(a, b QueuedPayment) int {
		return cmp.Or(a.Until.Compare(b.Until), cmp.Compare(a.Identity, b.Identity))
	})
	cut(of, r.Expired, func(s *ShardSummary) *[]QueuedPayment { return &s.Expired }, func(a, b QueuedPayment) int {
		return cmp.Or(b.Until.Compare(a.Until), cmp.Compare(a.Identity, b.Identity))
	})
}

// cut leaves the first so many of the lists together, each in its shard.
func cut[T any](of []ShardSummary, most int, list func(*ShardSummary) *[]T, order func(a, b T) int) {
	var all []T
	for i := range of {
		all = append(all, *list(&of[i])...)
	}
	if len(all) <= most {
		return
	}
	slices.SortFunc(all, order)
	last := all[most]
	for i := range of {
		part := list(&of[i])
		*part = slices.DeleteFunc(*part, func(t T) bool { return order(t, last) >= 0 })
		if len(*part) == 0 {
			*part = nil
		}
	}
}
