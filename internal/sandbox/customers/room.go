package customers

import "container/heap"

// room holds the customers who wait, the one whose time comes first at the top.
type room []customer

func (r room) Len() int           { return len(r) }
func (r room) Less(i, j int) bool { return r[i].at.Before(r[j].at) }
func (r room) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *room) Push(c any)        { *r = append(*r, c.(customer)) }
func (r *room) Pop() any {
	last := len(*r) - 1
	c := (*r)[last]
	(*r)[last] = customer{}
	*r = (*r)[:last]
	return c
}

func (r *room) enter(c customer) { heap.Push(r, c) }
func (r *room) leave() customer  { return heap.Pop(r).(customer) }
