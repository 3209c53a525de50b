package main

import (
	"testing"
	"time"
)

// A small storm takes every step of the large one. Its times are not judged.
func TestMeasure(t *testing.T) {
	t.Parallel()
	f, err := measure(t.Context(), storm{perMinute: 3000, causes: 4, length: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if f.Sent != 100 || f.Lost != 0 || f.Incidents != 4 || f.heap == 0 || f.disk == 0 || len(f.pages) != 4 || f.pages[0].p99 == 0 {
		t.Errorf("%+v", f)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	good := figures{Sent: 10, AcceptP99: 9, Incidents: 2, Causes: 2}
	if err := good.judge(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*figures){
		"lost": func(f *figures) { f.Lost = 1 }, "slow": func(f *figures) { f.AcceptP99 = mostAccept },
		"page": func(f *figures) { f.pages = []looked{{"a page", 1, mostPage}} }, "grouped wrongly": func(f *figures) { f.Incidents = 3 },
	} {
		f := good
		spoil(&f)
		if f.judge() == nil {
			t.Errorf("%s is let pass", name)
		}
	}
}
