// Command ingest measures an alert storm: so many alerts a minute from a few causes,
// each a webhook of its own, at their due instants, whatever the answers take. A
// whole control node takes them in, with the journal on disk, groups them, and shows
// its pages to somebody who looks twice a second.
//
// It prints what it measured and, last, one line of JSON, and fails if an alert was
// lost, if the 99th percentile of the time until an alert was accepted is 50 ms or
// more, if a page takes a second or more, or if the causes did not make one
// suspected incident each. Beside it stands Debian's Alertmanager, which takes the same
// alerts for at most thirty seconds, where it is installed; it keeps them in memory.
//
//	go run ./bench/ingest [-alerts 10000] [-for 5m] [-causes 20] [-cpuprofile FILE]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"

	"holdfast"
	"holdfast/bench/machine"
	"holdfast/internal/app"
)

// What is required, in milliseconds.
const (
	mostAccept = 50.0
	mostPage   = 1000.0
)

// figures is the last line of output.
type figures struct {
	Sent      int     `json:"sent"`
	Lost      int     `json:"lost"`
	AcceptP99 float64 `json:"accept_p99_ms"`
	Incidents int     `json:"incidents"`
	Causes    int     `json:"causes"`

	acceptP50  float64
	pages      []looked
	grouped    time.Duration
	heap, disk int64
}

// looked is how long a page took.
type looked struct {
	name     string
	p50, p99 float64
}

// storm is what is sent.
type storm struct {
	perMinute, causes int
	length            time.Duration
}

func main() {
	var s storm
	flag.IntVar(&s.perMinute, "alerts", 10_000, "how many alerts a minute")
	flag.DurationVar(&s.length, "for", 5*time.Minute, "for how long")
	flag.IntVar(&s.causes, "causes", 20, "of how many causes")
	profile := flag.String("cpuprofile", "", "write what the processor did during the storm to this file")
	flag.Parse()
	if err := run(s, *profile); err != nil {
		fmt.Fprintln(os.Stderr, "bench/ingest:", err)
		os.Exit(1)
	}
}

func run(s storm, profile string) error {
	if profile != "" {
		file, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	f, err := measure(context.Background(), s)
	if err != nil {
		return err
	}
	pprof.StopCPUProfile()
	fmt.Print(machine.Describe(time.Now()), "\n\n")
	fmt.Printf("%d alerts a minute for %s from %d causes, each a webhook of its own\n", s.perMinute, s.length, s.causes)
	fmt.Printf("%-24s p50 %6.1f ms   p99 %6.1f ms\n", "accepted", f.acceptP50, f.AcceptP99)
	for _, p := range f.pages {
		fmt.Printf("%-24s p50 %6.1f ms   p99 %6.1f ms\n", p.name, p.p50, p.p99)
	}
	fmt.Printf("%-24s %.1f s after the last alert\n", "all grouped", f.grouped.Seconds())
	fmt.Printf("%-24s %.0f MB of heap, %.0f MB on disk; %.1f KB and %.1f KB an alert\n", "kept", mb(f.heap), mb(f.disk), kb(f.heap, f.Sent), kb(f.disk, f.Sent))
	if err := besides(context.Background(), s); err != nil {
		return err
	}
	line, err := json.Marshal(f)
	if err != nil {
		return err
	}
	fmt.Println(string(line))
	return f.judge()
}

func mb(n int64) float64 { return float64(n) / (1 << 20) }

func kb(n int64, of int) float64 { return float64(n) / 1024 / float64(max(1, of)) }

func (f figures) judge() error {
	var errs []error
	if f.Lost != 0 {
		errs = append(errs, fmt.Errorf("%d alerts were lost", f.Lost))
	}
	if f.AcceptP99 >= mostAccept {
		errs = append(errs, fmt.Errorf("an alert was accepted after %.1f ms at the 99th percentile, and it must be less than %.0f", f.AcceptP99, mostAccept))
	}
	for _, p := range f.pages {
		if p.p99 >= mostPage {
			errs = append(errs, fmt.Errorf("%s took %.0f ms at the 99th percentile, and it must be less than %.0f", strings.TrimSpace(p.name), p.p99, mostPage))
		}
	}
	if f.Incidents != f.Causes {
		errs = append(errs, fmt.Errorf("%d causes made %d suspected incidents", f.Causes, f.Incidents))
	}
	return errors.Join(errs...)
}

// measure starts a node, lets the storm loose on it and counts what became of it.
func measure(ctx context.Context, s storm) (f figures, err error) {
	dir, err := os.MkdirTemp("", "holdfast-bench-ingest-")
	if err != nil {
		return f, err
	}
	defer os.RemoveAll(dir)
	d, err := app.OpenDemo(ctx, app.DemoOptions{
		Dir: dir, Rate: 1, Seed: 1, Zone: "UTC", Language: holdfast.En, Log: slog.New(slog.DiscardHandler), Output: os.Stderr, Now: time.Now,
	})
	if err != nil {
		return f, err
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ended)
	}()
	n, err := newNode(d.Ready, dir)
	if err != nil {
		return f, err
	}
	before := heap()
	accepted, err := n.weather(ctx, s)
	if err != nil {
		return f, err
	}
	f.Sent, f.Causes = len(accepted), s.causes
	f.acceptP50, f.AcceptP99 = ms(machine.Quantile(accepted, 0.5)), ms(machine.Quantile(accepted, 0.99))
	for _, p := range n.pages {
		f.pages = append(f.pages, looked{p.name, ms(machine.Quantile(p.looks, 0.5)), ms(machine.Quantile(p.looks, 0.99))})
	}
	begun := time.Now()
	if err := n.settle(ctx, &f); err != nil {
		return f, err
	}
	f.grouped, f.heap = time.Since(begun), heap()-before
	f.disk, err = size(dir)
	return f, err
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func size(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	return n, err
}
