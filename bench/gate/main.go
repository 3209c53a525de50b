// Command gate measures what a gate costs: payments over HTTP through a gate
// whose posture holds 0, 1 and 100 directives, beside no proxy at all, HAProxy,
// nginx and Caddy, and beside an HAProxy that is told to do like work. All proxies
// run alone on one core; clients and backend share another. Every round loads each
// in turn, in an order that moves on, so what else the machine does meets all
// alike; the figures are medians over the rounds, and ratios medians of those of each round.
//
// Two figures of each are compared: processor time per payment at one fixed rate,
// and payments per second of processor time under as much load as it takes. The
// second is its throughput on a core of its own, and stays so where a neighbour
// takes a part of that core. Processor time counts the kernel's on the process's
// behalf.
//
// Then it measures the decision alone: processor time and allocations with no
// directive, with 100 of the usual shapes and with 100 that need the expression
// machine.
//
// It prints a table and, last, one line of JSON, and fails below what is required:
// 0.65 of plain HAProxy, 2.5 of Caddy, no allocation in a decision, 100 ns without
// directives and 2 µs with 100.
//
//	go run ./bench/gate [-rounds 7] [-time 1s] [-rate 5000]
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"

	"holdfast/bench/load"
)

// Clients and backend run on one core and each proxy on the other.
const (
	loadCore  = 0
	proxyCore = 1
)

const connections = 64

// Required figures.
const (
	leastOfHAProxy = 0.65
	leastOfCaddy   = 2.5
	mostEmpty      = 100.0  // ns
	mostHundred    = 2000.0 // ns
)

// figures is the last line of output.
type figures struct {
	RatioHAProxy float64 `json:"ratio_haproxy"`
	RatioNginx   float64 `json:"ratio_nginx"`
	RatioCaddy   float64 `json:"ratio_caddy"`
	DecideEmpty  float64 `json:"decide_empty_ns"`
	Decide100    float64 `json:"decide_100_ns"`
	DecideAllocs float64 `json:"decide_allocs"`
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "backend" {
		l, err := load.New(os.Args[2])
		fail(err)
		fail(l.Serve())
	}
	runtime.LockOSThread() // see machine.Start
	b := bench{}
	flag.IntVar(&b.rounds, "rounds", 11, "how often each is measured")
	flag.DurationVar(&b.time, "time", time.Second, "how long each measurement takes")
	flag.Float64Var(&b.rate, "rate", 5000, "the fixed rate in payments per second")
	flag.Parse()
	got, err := b.run()
	fail(err)
	line, err := json.Marshal(got)
	fail(err)
	fmt.Println(string(line))
	fail(got.check())
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/gate:", err)
		os.Exit(1)
	}
}

func (f figures) check() error {
	var errs []error
	require := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	require(f.RatioHAProxy >= leastOfHAProxy, "%.2f of HAProxy; %v is required", f.RatioHAProxy, leastOfHAProxy)
	require(f.RatioCaddy >= leastOfCaddy, "%.2f of Caddy; %v is required", f.RatioCaddy, leastOfCaddy)
	require(f.DecideAllocs == 0, "a decision allocates %v times; it must not", f.DecideAllocs)
	require(f.DecideEmpty < mostEmpty, "a decision without directives takes %.0f ns; it must take less than %v", f.DecideEmpty, mostEmpty)
	require(f.Decide100 < mostHundred, "a decision over 100 directives takes %.0f ns; it must take less than %v", f.Decide100, mostHundred)
	return errors.Join(errs...)
}
