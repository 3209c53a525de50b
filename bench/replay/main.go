// Command replay measures how a gate delivers a backlog: payments that it stood in for
// are sent to the primary at the budget's rate, while customers pay beside them.
//
// A gate's decider stands in for so many payments on SQLite, and seals their requests. Then
// the gate is started as a process with stand-in lifted, and forwards. The primary counts
// what comes to it: every advice once, in no second more than the budget, of all seconds
// that begin with an advice. Customers go on at a fixed
// rate; their latency while the backlog drains is compared with that after it, and
// the most memory that the gate takes in the second half of the advices with that in
// the first: what comes and goes in between, the collector takes back in its own time.
// All run on the same cores.
//
// It prints the figures and, last, one line of JSON, and fails below what is required:
// 0.95 of the budget used, never more than it, each advice exactly once, memory that
// does not grow.
//
//	go run ./bench/replay [-advices 1000000] [-rate 5000] [-live 200] [-dir /tmp]
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"

	"holdfast/bench/machine"
)

// Required figures.
const (
	leastUsed  = 0.95 // of the budget
	mostGrowth = 64.0 // MB, in the second half over the first
)

// figures is the last line of output.
type figures struct {
	Advices int `json:"advices"`
	// Used is the part of the budget that was used in the whole seconds between the second
	// after the first advice and the last but a tenth.
	Used float64 `json:"budget_used"`
	// Over is how many requests the fullest second had above the budget.
	Over  int     `json:"over_budget"`
	Ratio float64 `json:"live_p99_ratio"`
	// Growth is how much more memory the gate took at most in the second half of the
	// advices than in the first, in MB.
	Growth float64 `json:"rss_growth_mb"`
}

func (f figures) check() error {
	var errs []error
	if f.Used < leastUsed {
		errs = append(errs, fmt.Errorf("%.3f of the budget was used; required is %.2f", f.Used, leastUsed))
	}
	if f.Over > 0 {
		errs = append(errs, fmt.Errorf("the fullest second had %d requests more than the budget", f.Over))
	}
	if f.Growth > mostGrowth {
		errs = append(errs, fmt.Errorf("the gate took %.0f MB more for the second half of the advices than for the first; allowed are %.0f", f.Growth, mostGrowth))
	}
	return errors.Join(errs...)
}

func main() {
	runtime.LockOSThread() // the gate is killed when the thread that started it ends
	var b bench
	flag.IntVar(&b.advices, "advices", 1_000_000, "how many payments are stood in for")
	flag.IntVar(&b.rate, "rate", 5000, "budget of forwarding, requests a second")
	flag.IntVar(&b.live, "live", 200, "payments a second of customers meanwhile")
	flag.DurationVar(&b.rest, "rest", 10*time.Second, "how long customers pay when all is delivered")
	flag.StringVar(&b.dir, "dir", os.TempDir(), "where the files go")
	flag.Parse()
	fmt.Println(machine.Describe(time.Now()))
	got, err := b.run()
	fail(err)
	line, err := json.Marshal(got)
	fail(err)
	fmt.Println(string(line))
	fail(got.check())
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/replay:", err)
		os.Exit(1)
	}
}
