// Command journal measures the journal: how long a control node takes to start on
// a million facts and how much memory that needs, how long a page of facts takes
// to read, and how many appends a second 1, 64 and 256 writers make, each append
// one fact with a body of 300 bytes, durable when it is answered.
//
// Beside SQLite and PostgreSQL stand what they cannot beat: writers who share one
// file, a commit of whatever waits being one write and one fdatasync; and plain
// inserts into PostgreSQL, each writer on a connection of its own.
//
// A start is that of a process whose files are not in the page cache: it opens the
// journal, checks all pages, verifies the chain and folds every fact. Everything
// runs on one disk, PostgreSQL (Debian's) on a socket of its own with fsync on and
// without a standby. Rounds go through all in turn; rates are medians.
//
// It prints a table and, last, one line of JSON, and fails if the start takes 8 s
// or 500 MB or more.
//
//	go run ./bench/journal [-facts 1000000] [-rounds 3] [-time 2s] [-dir /tmp]
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"time"

	"holdfast/bench/machine"
)

// Required figures.
const (
	mostSeconds = 8.0
	mostRSS     = 500.0 // MB
)

var writers = []int{1, 64, 256}

// figures is the last line of output.
type figures struct {
	Facts     int     `json:"facts"`
	ColdStart float64 `json:"cold_start_s"`
	RSS       float64 `json:"rss_mb"`
	SQLite64  float64 `json:"sqlite_append_64"`
	Postgres  float64 `json:"pg_append_64"`
	Ratio     float64 `json:"ratio_raw"`
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "start" {
		fail(started(context.Background(), os.Args[2]))
		return
	}
	runtime.LockOSThread() // the database is killed when the thread that started it ends
	var b bench
	flag.IntVar(&b.facts, "facts", 1_000_000, "how many facts to start on")
	flag.IntVar(&b.rounds, "rounds", 3, "how often each rate is measured")
	flag.DurationVar(&b.time, "time", 2*time.Second, "how long each measurement of a rate takes")
	flag.StringVar(&b.dir, "dir", os.TempDir(), "where the files go")
	flag.Parse()
	got, err := b.run(context.Background())
	fail(err)
	line, err := json.Marshal(got)
	fail(err)
	fmt.Println(string(line))
	fail(got.check())
}

func (f figures) check() error {
	if f.ColdStart >= mostSeconds || f.RSS >= mostRSS {
		return fmt.Errorf("a start on %d facts takes %.1f s and %.0f MB; required are less than %.0f s and %.0f MB", f.Facts, f.ColdStart, f.RSS, mostSeconds, mostRSS)
	}
	return nil
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/journal:", err)
		os.Exit(1)
	}
}

func (b *bench) run(ctx context.Context) (f figures, err error) {
	fmt.Println(machine.Describe(time.Now()))
	if err := b.open(ctx); err != nil {
		return f, err
	}
	defer b.close()
	starts, err := b.measureStarts(ctx)
	if err != nil {
		return f, err
	}
	rates, err := b.measureRates(ctx)
	if err != nil {
		return f, err
	}
	fmt.Printf("\n%-34s %12s %12s %12s\n", fmt.Sprintf("start on %d facts", b.facts), "seconds", "MB", "page ms")
	for _, s := range starts {
		fmt.Printf("%-34s %12.2f %12.0f %12.2f\n", s.what, s.Seconds, s.RSS, s.Page*1000)
	}
	fmt.Printf("\n%-34s %12d %12d %12d\n", "appends a second, by writers", writers[0], writers[1], writers[2])
	for _, c := range b.contenders {
		fmt.Printf("%-34s %12.0f %12.0f %12.0f\n", c.what, rates[c.what][0], rates[c.what][1], rates[c.what][2])
	}
	fmt.Println()
	rounded := func(x, unit float64) float64 { return math.Round(x/unit) * unit }
	return figures{
		Facts: b.facts, ColdStart: rounded(starts[0].Seconds, 0.01), RSS: rounded(starts[0].RSS, 1),
		SQLite64: rounded(rates[onSQLite][1], 1), Postgres: rounded(rates[onPostgres][1], 1), Ratio: rounded(rates[onSQLite][1]/rates[raw][1], 0.01),
	}, nil
}
