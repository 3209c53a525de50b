// Command stop measures how fast a stop takes hold: from the call that orders it
// to the last gate that enforces it, and to its confirmation. One control node
// each has 1 gate and 10 gates, processes as an operator runs them with payments
// over HTTP, and 100 gates in one process, each with its own directory,
// certificate, connection over mutual TLS and payments.
//
// Beside them stand, with 100 connections over TLS each: one put into etcd, synced
// to disk, with watchers of its key; one publication of Redis, which keeps nothing;
// and a reload of nginx, until the last client has its new answer. All take turns,
// so that what else the machine does meets all alike.
//
// When a gate enforces a stop is what its acknowledgement says: the moment from
// which no payment passes it. That the gate has it on disk too is in the time to
// confirmation.
//
// It prints a table and, last, one line of JSON, and fails below what is required
// with 100 gates: the 99th percentile under 50 ms to the last gate, and under twice
// that to the confirmation.
//
//	go run ./bench/stop [-stops 500] [-dir DIR] [-rate 1000]
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"
)

// Required figures, in ms.
const (
	mostLast      = 50.0
	mostConfirmed = 2 * mostLast
)

// figures is the last line of output: with 100 gates.
type figures struct {
	LastP50    float64 `json:"last_gate_p50_ms"`
	LastP99    float64 `json:"last_gate_p99_ms"`
	ConfirmP99 float64 `json:"confirm_p99_ms"`
	RatioEtcd  float64 `json:"ratio_etcd"`
}

func (f figures) check() error {
	var errs []error
	if f.LastP99 >= mostLast {
		errs = append(errs, fmt.Errorf("the last of 100 gates took %.1f ms; less than %v is required", f.LastP99, mostLast))
	}
	if f.ConfirmP99 >= mostConfirmed {
		errs = append(errs, fmt.Errorf("the confirmation took %.1f ms; less than %v is required", f.ConfirmP99, mostConfirmed))
	}
	return errors.Join(errs...)
}

func main() {
	switch {
	case len(os.Args) == 6 && os.Args[1] == "gates":
		fail(beGates(os.Args[2:]))
		return
	case len(os.Args) > 2 && os.Args[1] == "payments":
		fail(bePayments(os.Args[2:]))
		return
	}
	runtime.LockOSThread() // children are killed when the thread that started them ends
	b := bench{}
	flag.IntVar(&b.stops, "stops", 500, "how many stops of each")
	flag.Float64Var(&b.rate, "rate", 1000, "payments per second, over all gates")
	flag.StringVar(&b.dir, "dir", "", "where the data of all of them lies (default: a temporary directory)")
	flag.DurationVar(&b.longest, "longest", 4*time.Minute, "how long it may take; it ends early, but not before 100 stops")
	flag.Parse()
	f, err := b.run()
	fail(err)
	line, err := json.Marshal(f)
	fail(err)
	fmt.Println(string(line))
	fail(f.check())
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/stop:", err)
		os.Exit(1)
	}
}
