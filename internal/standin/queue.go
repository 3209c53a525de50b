package standin

import "slices"

// enqueue puts an item where its turn is.
func (s *State) enqueue(i *Item) {
	s.waiting[i.Payer]++
	if i.queued { // it was skipped and is still in its place
		s.skipped--
		return
	}
	i.queued = true
	at, _ := slices.BinarySearchFunc(s.queue, i.Seq, func(q *Item, seq uint64) int { return int(int64(q.Seq) - int64(seq)) })
	s.queue = slices.Insert(s.queue, at, i)
}

// dequeue leaves an item in its place to be skipped, and clears the queue when
// half of it is.
func (s *State) dequeue(i *Item) {
	if s.waiting[i.Payer]--; s.waiting[i.Payer] == 0 {
		delete(s.waiting, i.Payer)
	}
	s.skipped++
	for len(s.queue) > 0 && s.queue[0].Class != Pending {
		s.queue[0].queued = false
		s.queue = s.queue[1:]
		s.skipped--
	}
	if s.skipped <= len(s.queue)/2 {
		return
	}
	s.queue = slices.DeleteFunc(s.queue, func(q *Item) bool {
		gone := q.Class != Pending
		if gone {
			q.queued = false
		}
		return gone
	})
	s.skipped = 0
}
