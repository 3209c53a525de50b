package main

import (
	"context"
	"os"
	"testing"
	"time"
)

// TestMain is a process that starts on a journal if it is told so, as main is.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "start" {
		fail(started(context.Background(), os.Args[2]))
		return
	}
	os.Exit(m.Run())
}

// TestBench runs the whole bench in small.
func TestBench(t *testing.T) {
	t.Parallel()
	b := bench{facts: 3_005, rounds: 1, time: 20 * time.Millisecond, dir: t.TempDir()}
	f, err := b.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if f.Facts != b.facts || f.RSS <= 0 || f.SQLite64 <= 0 || f.Postgres <= 0 {
		t.Errorf("figures %+v", f)
	}
}

func TestRequired(t *testing.T) {
	for _, c := range []struct {
		figures figures
		good    bool
	}{
		{figures{ColdStart: 7.9, RSS: 499}, true},
		{figures{ColdStart: 8, RSS: 100}, false},
		{figures{ColdStart: 1, RSS: 500}, false},
	} {
		if err := c.figures.check(); (err == nil) != c.good {
			t.Errorf("%+v: %v", c.figures, err)
		}
	}
}
