package main

import (
	"os"
	"testing"
	"time"
)

// TestMain is a process that the bench starts if it is told so, as main is.
func TestMain(m *testing.M) {
	if asProcess(os.Args[1:]) {
		return
	}
	os.Exit(m.Run())
}

// TestBench runs the whole bench in small.
func TestBench(t *testing.T) {
	t.Parallel()
	b := bench{clients: 6, payers: 200, rounds: 1, time: 150 * time.Millisecond, dir: t.TempDir()}
	f, err := b.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if f.Rate <= 0 || f.P99 <= 0 || f.Postgres <= 0 || f.Raw <= 0 || f.HTTP <= 0 || f.TakeOver <= 0 || f.lost > 0 {
		t.Errorf("figures %+v", f)
	}
}

func TestRequired(t *testing.T) {
	good := figures{Rate: 20_000, P99: 24.9, Postgres: 0.7, Raw: 0.4, HTTP: 0.9, TakeOver: 2.9}
	for name, c := range map[string]struct {
		change func(*figures)
		good   bool
	}{
		"all met":         {func(*figures) {}, true},
		"too few":         {func(f *figures) { f.Rate = 19_999 }, false},
		"too late":        {func(f *figures) { f.P99 = 25 }, false},
		"far from a file": {func(f *figures) { f.Raw = 0.39 }, false},
		"slow take-over":  {func(f *figures) { f.TakeOver = 3 }, false},
		"lost":            {func(f *figures) { f.lost = 1 }, false},
		"far from plain":  {func(f *figures) { f.Postgres = 0.69 }, false},
		"slow over HTTP":  {func(f *figures) { f.HTTP = 0.89 }, false},
	} {
		f := good
		c.change(&f)
		if err := f.check(); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Rounds are compared in pairs: that the second was twice as slow for both changes
// nothing.
func TestRatio(t *testing.T) {
	t.Parallel()
	mine := []measured{{Rate: 80}, {Rate: 40}, {Rate: 90}}
	theirs := []measured{{Rate: 100}, {Rate: 50}, {Rate: 100}}
	if got := ratio(mine, theirs); got != 0.8 {
		t.Errorf("ratio = %v", got)
	}
}
