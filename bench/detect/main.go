// Command detect measures how soon detection finds what is wrong, and how often it
// is wrong itself, on simulated payments in virtual time: the sandbox's labelled
// faults at 20, 100 and 1000 payments a second, and a whole pay day of usual
// traffic with its night, meal times and the burst of the morning.
//
// Beside it the usual rules of Prometheus stand (a share over a minute, for: 1m),
// evaluated over counters of the same payments, scraped each 15 s, by the rule
// engine of Debian's Prometheus (promtool test rules).
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
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
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
	if err := f.usualDay(dir, hours); err != nil {
		return err
	}
	line, err := json.Marshal(f)
	if err != nil {
		return err
	}
	fmt.Println(string(line))
	return f.check()
}

// before is how many usual seconds come before a fault.
const before = 1800

func (f *figures) faults(dir string, seeds int) error {
	fmt.Printf("s until found; worst of %d\n\n%-28s %8s %12s %12s\n", seeds, "fault", "rate", "holdfast", "prometheus")
	for _, fault := range faults {
		for _, rate := range []float64{20, 100, 1000} {
			var ours, theirs float64
			for seed := range seeds {
				a, b, err := play(dir, fault, rate, uint64(seed), seed == 0)
				if err != nil {
					return err
				}
				ours, theirs = max(ours, a), max(theirs, b)
			}
			fmt.Printf("%-28s %8.0f %12s %12s\n", fault.name, rate, text(ours), text(theirs))
			switch {
			case fault.name == faults[0].name:
				f.Outage = max(f.Outage, ours)
			case fault.name == faults[2].name && rate == 100:
				f.Partial10 = ours
			case fault.wrong && rate == 100:
				f.WrongAmount = ours
			}
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

// play plays one fault and returns when it was found; Prometheus is asked only if
// beside is set.
func play(dir string, f fault, rate float64, seed uint64, beside bool) (ours, theirs float64, err error) {
	w := &world{rate: func(int64) float64 { return rate }, draw: rand.New(rand.NewPCG(seed, 7)), fault: &f, from: before}
	d, c := detect.New(time.UTC), &counters{}
	ours = never
	for at := range before + f.lasts {
		all := w.second(at)
		if beside {
			c.take(all)
		}
		for _, change := range d.Second(judged(at, all)) {
			if right := at >= before && change.Ended.IsZero() && (f.channel == "" || change.Scope.Channel == f.channel); right && ours == never {
				ours = float64(at-before) + 1 + 1
			}
		}
		if ours < never && !beside {
			break
		}
	}
	if !beside {
		return ours, 0, nil
	}
	times, err := c.fires(dir, before, before+f.lasts)
	if err != nil || len(times) == 0 {
		return ours, never, err
	}
	return ours, float64(slices.Min(times) - before), nil
}

// usualDay counts what is found in a day on which nothing is wrong, and what
// judging it costs.
func (f *figures) usualDay(dir string, hours int64) error {
	curve := func(at int64) float64 { return 100 * customers.Daily(time.Unix(midnight+at, 0)) }
	w := &world{rate: curve, draw: rand.New(rand.NewPCG(99, 7))}
	d, c := detect.New(time.UTC), &counters{}
	var spent time.Duration
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
	const scopes = 2 + len(channels) + 1
	fmt.Printf("\na usual pay day of %d h, mean 100/s: %d false alarms, Prometheus %d\n", hours, f.FalseAlarms, episodes)
	fmt.Printf("judging a second of %d scopes takes %.1f µs, %.1f a scope; what is usual has %d bytes a scope\n\n", scopes,
		float64(spent.Microseconds())/float64(hours*3600), float64(spent.Microseconds())/float64(hours*3600*int64(scopes)), len(d.Memory())/scopes)
	return nil
}
