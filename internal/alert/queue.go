package alert

import (
	"cmp"
	"slices"
)

// queue holds the alerts that wait, by their turn. What was dealt with leaves a gap,
// which is closed once gaps are the most of it: a storm is taken in and dealt with in
// a time that grows with its size alone.
type queue struct {
	places []place
	last   uint64 // the latest turn given
	count  int    // without gaps
}

type place struct {
	turn  uint64
	alert *Alert
}

// put lets an alert wait, behind all others.
func (q *queue) put(a *Alert) {
	q.drop(a)
	q.last++
	a.turn = q.last
	q.count++
	q.places = append(q.places, place{a.turn, a})
}

func (q *queue) drop(a *Alert) {
	if a.turn == 0 {
		return
	}
	a.turn = 0
	q.count--
	if gaps := len(q.places) - q.count; gaps > 64 && gaps > q.count {
		q.places = slices.DeleteFunc(q.places, func(p place) bool { return p.alert.turn != p.turn })
	}
}

// after calls f for those whose turn is after one, until it returns false.
func (q *queue) after(turn uint64, f func(*Alert, uint64) bool) {
	i, _ := slices.BinarySearchFunc(q.places, turn+1, func(p place, t uint64) int { return cmp.Compare(p.turn, t) })
	for _, p := range q.places[i:] {
		if p.alert.turn == p.turn && !f(p.alert, p.turn) {
			return
		}
	}
}
