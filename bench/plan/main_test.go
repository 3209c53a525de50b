package main

import "testing"

// A small run takes every step of the large one.
func TestMeasure(t *testing.T) {
	t.Parallel()
	f := figures{Tasks: 120, Revisions: 4}
	book, err := publish(f.Tasks, f.Revisions)
	if err != nil {
		t.Fatal(err)
	}
	last, found := book.Latest("payment-system")
	if !found || last.Number != f.Revisions || len(last.Faults()) > 0 {
		t.Fatalf("the last revision is %+v", last)
	}
	tasks := last.Plan().Leak.Tasks()
	for _, p := range last.Plan().Procedures {
		tasks += p.Tasks()
	}
	if tasks != f.Tasks {
		t.Errorf("the plan has %d tasks, not %d", tasks, f.Tasks)
	}
}
