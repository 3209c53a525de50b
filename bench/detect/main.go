// Command detect measures how soon detection finds what is wrong, and how often it
// is wrong itself, on simulated payments in virtual time: the sandbox's labelled
// faults at 20, 100 and 1000 payments a second, and whole pay days of usual
// traffic with its night, meal times and the burst of the morning, of few payments
// and of many.
//
// Beside it the usual rules of Prometheus stand (a share over a minute, for: 1m), over
// counters of the same payments, scraped each 15 s: by the rule engine of Debian's
// Prometheus in virtual time (promtool test rules), and by a server of it that scrapes
// all runs at once, sixty times as fast as the clock.
//
// A time is from the first payment that the fault hits to the end of the second
// that makes a finding of the fault's channel, and one second for the way from the
// gate to the control node.
//
//	go run ./bench/detect [-seeds 5] [-hours 24]
//	go run ./bench/detect -windows labels.json series.csv …
//
// The second form judges series of counts by path (lines timestamp,value), each a
// point a second, and says how many of the labelled windows it found: the windows
// are [["from","until"],…], or an object of such lists by file name.
//
// The last line is JSON. It fails where the required figures are not met.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"time"

	"holdfast/bench/machine"
	"holdfast/internal/detect"
	"holdfast/internal/sandbox/customers"
)

// Required figures.
const (
	mostOutage    = 5.0  // s, at every rate
	mostPartial10 = 60.0 // s, at 100 payments a second
)

// never is the time of what was not found, in seconds.
const never = 1e9

// figures is the last line of output: the worst of all seeds.
type figures struct {
	Outage      float64 `json:"outage_s"`
	Partial10   float64 `json:"partial10_s"`
	WrongAmount float64 `json:"wrong_amount_s"`
	FalseAlarms int     `json:"false_alarms_24h"`
}

func (f figures) check() error {
	var errs []error
	if f.Outage >= mostOutage {
		errs = append(errs, fmt.Errorf("an outage was found after %v s; less than %v is required", f.Outage, mostOutage))
	}
	if f.Partial10 >= mostPartial10 {
		errs = append(errs, fmt.Errorf("10 %% of one channel at 100/s were found after %v s; less than %v is required", f.Partial10, mostPartial10))
	}
	if f.FalseAlarms > 0 {
		errs = append(errs, fmt.Errorf("%d false alarms in a usual day; none is allowed", f.FalseAlarms))
	}
	return errors.Join(errs...)
}

func main() {
	runtime.LockOSThread() // the server dies with this thread
	seeds := flag.Int("seeds", 5, "how often each fault is played")
	hours := flag.Int64("hours", 24, "how long the usual day is")
	windows := flag.String("windows", "", "labels of the series that are given by path")
	flag.Parse()
	var err error
	if flag.NArg() > 0 {
		err = runSeries(flag.Args(), *windows)
	} else {
		err = run(*seeds, *hours)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/detect:", err)
		os.Exit(1)
	}
}

func run(seeds int, hours int64) error {
	dir, err := os.MkdirTemp("", "bench-detect")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Print(machine.Describe(time.Now()), "\n\n")
	var f figures
	if err := f.faults(dir, seeds); err != nil {
		return err
	}
	for _, mean := range []float64{20, 100} {
		if err := f.usualDay(dir, mean, hours); err != nil {
			return err
		}
	}
	line, err := json.Marshal(f)
	if err != nil {
		return err
	}
	fmt.Println("\n" + string(line))
	return f.check()
}

// before is how many usual seconds come before a fault.
const before = 1800

// played is one fault at one rate.
type played struct {
	fault
	rate float64
	// ours is the worst.
	middle, ours, theirs float64
	counters             *counters
}

func (f *figures) faults(dir string, seeds int) error {
	var all []*played
	var runs []*counters
	for _, fault := range faults {
		for _, rate := range []float64{20, 100, 1000} {
			p := &played{fault: fault, rate: rate}
			times := make([]float64, seeds)
			for seed := range times {
				ours, c := play(fault, rate, uint64(seed), seed == 0)
				if times[seed] = ours; seed == 0 {
					p.counters = c
				}
			}
			slices.Sort(times)
			p.middle, p.ours = times[seeds/2], times[seeds-1]
			all, runs = append(all, p), append(runs, p.counters)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	quickly, err := (&server{dir: dir, runs: runs}).firings(ctx, before)
	if err != nil {
		return err
	}
	fmt.Printf("s until found, by Holdfast in the middle and at worst of %d\n\n%-28s %8s %12s %12s %12s %12s\n", seeds, "fault", "rate", "holdfast", "at worst", "prometheus", "its server")
	for i, p := range all {
		times, err := p.counters.fires(dir, before, before+p.lasts)
		if err != nil {
			return err
		}
		if p.theirs = never; len(times) > 0 {
			p.theirs = float64(slices.Min(times) - before)
		}
		fmt.Printf("%-28s %8.0f %12s %12s %12s %12s\n", p.name, p.rate, text(p.middle), text(p.ours), text(p.theirs), text(quickly[i]))
		switch {
		case p.name == "outage":
			f.Outage = max(f.Outage, p.ours)
		case p.name == "10 % of one channel" && p.rate == 100:
			f.Partial10 = p.ours
		case p.wrong && p.rate == 100:
			f.WrongAmount = p.ours
		}
	}
	return nil
}

func text(s float64) string {
	if s >= never {
		return "never"
	}
	return fmt.Sprintf("%.0f", s)
}

// play plays one fault and returns when it was found, and what Prometheus would
// scrape if whole is set.
func play(f fault, rate float64, seed uint64, whole bool) (ours float64, c *counters) {
	w := &world{rate: func(int64) float64 { return rate }, draw: rand.New(rand.NewPCG(seed, 7)), fault: &f, from: before}
	d := detect.New(time.UTC)
	c, ours = &counters{}, never
	for at := range before + f.lasts {
		all := w.second(at)
		if whole {
			c.take(all)
		}
		if ours < never {
			continue
		}
		for _, change := range d.Second(judged(at, all)) {
			if at >= before && change.Ended.IsZero() && change.Scope.Channel == f.channel && change.Scope.Bank == f.bank {
				ours = float64(at-before) + 1 + 1
			}
		}
		if ours < never && !whole {
			break
		}
	}
	return ours, c
}

// usualDay counts what is found in a day on which nothing is wrong, and what
// judging it costs.
func (f *figures) usualDay(dir string, mean float64, hours int64) error {
	curve := func(at int64) float64 { return mean * customers.Daily(time.Unix(midnight+at, 0)) }
	w := &world{rate: curve, draw: rand.New(rand.NewPCG(99, 7))}
	d, c := detect.New(time.UTC), &counters{}
	var spent time.Duration
	before := f.FalseAlarms
	for at := range hours * 3600 {
		all := w.second(at)
		c.take(all)
		s := judged(at, all)
		begin := time.Now()
		changes := d.Second(s)
		spent += time.Since(begin)
		for _, change := range changes {
			if change.Ended.IsZero() {
				f.FalseAlarms++
				fmt.Printf("false alarm: %s %s %+v at %s, seen %.3f, expected %.3f\n", change.Severity, change.Kind, change.Scope, change.At.Format(time.TimeOnly), change.Seen, change.Expected)
			}
		}
	}
	times, err := c.fires(dir, 300, hours*3600)
	if err != nil {
		return err
	}
	episodes, last := 0, int64(-3600)
	for _, at := range slices.Sorted(slices.Values(times)) {
		if at > last+scrape {
			episodes++
		}
		last = at
	}
	const scopes = 2 + len(channels) + 1 + len(banks) + 1 + len(channels)
	fmt.Printf("\na usual pay day of %d h, mean %.0f/s: %d false alarms, Prometheus %d\n", hours, mean, f.FalseAlarms-before, episodes)
	fmt.Printf("judging a second of %d scopes takes %.1f µs, %.1f a scope; what is usual has %d bytes a scope\n", scopes,
		float64(spent.Microseconds())/float64(hours*3600), float64(spent.Microseconds())/float64(hours*3600*int64(scopes)), len(d.Memory())/scopes)
	return nil
}
