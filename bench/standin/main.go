// Command standin measures how many approvals a second stand-in makes, each durable
// before it is answered: at the decider, which judges each request by its profile
// (eligibility, limits of the payment, the payer, the channel and the whole) and
// appends packs to the advice source, SQLite with one gate and PostgreSQL with one
// gate and with three in processes of their own.
//
// Beside it stand what it cannot beat, one file to which what waits is written with
// one fdatasync; and what one would use instead, plain PostgreSQL (Debian's, fsync
// and synchronous_commit on, no standby): one INSERT for each approval over as many
// connections as there are clients, and one for all that wait. They keep as many
// bytes of each approval, and judge nothing.
//
// Over HTTP a gate that is a process of its own stands in, on SQLite with the same
// profile, and another forwards to a primary that answers at once; clients and primary
// are one thread of this process.
//
// Clients ask for the next approval when they have the one before; they run on the
// same cores. Rounds go through all in turn; figures are medians, ratios those of the
// rounds. Processor time of an approval is that of clients, of whoever served them, and
// of the kernel for both. Then a gate is
// killed (SIGKILL) under that load, and another process takes over from what the
// source holds: how long until it answers, and whether it knows each approval that a
// customer was told. It prints tables and, last, one line of JSON, and fails where a
// required figure is missed.
//
//	go run ./bench/standin [-clients 256] [-payers 100000] [-rounds 5] [-time 2s] [-dir /tmp]
//	go run ./bench/standin -only "decider on SQLite" -cpuprofile FILE
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/pprof"
	"time"

	"holdfast/bench/machine"
)

// Required figures, on SQLite but for the ratio of PostgreSQL.
const (
	leastRate     = 20_000.0
	mostP99       = 25.0 // ms
	leastRaw      = 0.4  // of the file
	leastPostgres = 0.7  // of batched inserts
	leastHTTP     = 0.9  // of what a gate forwards
	mostTakeOver  = 3.0  // s
)

// figures is the last line of output.
type figures struct {
	Rate     float64 `json:"approvals_per_s"`
	P99      float64 `json:"p99_ms"`
	Postgres float64 `json:"ratio_pg"`
	Raw      float64 `json:"ratio_raw"`
	HTTP     float64 `json:"http_ratio"`
	TakeOver float64 `json:"takeover_s"`
	lost     int
}

func main() {
	if asProcess(os.Args[1:]) {
		return
	}
	runtime.LockOSThread() // the database is killed when the thread that started it ends
	var b bench
	flag.IntVar(&b.clients, "clients", 256, "how many clients ask at once")
	flag.IntVar(&b.payers, "payers", 100_000, "how many payers there are")
	flag.IntVar(&b.rounds, "rounds", 5, "how often each is measured")
	flag.DurationVar(&b.time, "time", 2*time.Second, "how long each measurement takes")
	flag.StringVar(&b.dir, "dir", os.TempDir(), "where the files go")
	flag.StringVar(&b.only, "only", "", "measure only the contender of this name, and no take-over")
	profile := flag.String("cpuprofile", "", "write what this process's processors did to this file")
	flag.Parse()
	if *profile != "" {
		f, err := os.Create(*profile)
		fail(err)
		fail(pprof.StartCPUProfile(f))
	}
	got, err := b.run(context.Background())
	pprof.StopCPUProfile()
	fail(err)
	if b.only != "" {
		return
	}
	line, err := json.Marshal(got)
	fail(err)
	fmt.Println(string(line))
	fail(got.check())
}

// asProcess is one of the processes that the bench starts, if it is told so.
func asProcess(args []string) bool {
	switch {
	case len(args) == 7 && args[0] == "gate":
		fail(beGate(context.Background(), args[1:]))
	case len(args) == 4 && args[0] == "victim":
		fail(beVictim(context.Background(), args[1:]))
	default:
		return false
	}
	return true
}

func (f figures) check() error {
	var errs []error
	if f.Rate < leastRate || f.P99 >= mostP99 {
		errs = append(errs, fmt.Errorf("SQLite makes %.0f approvals a second durable, 99 in 100 in %.1f ms; required are %.0f in less than %.0f ms", f.Rate, f.P99, leastRate, mostP99))
	}
	if f.Raw < leastRaw {
		errs = append(errs, fmt.Errorf("SQLite makes %.2f of what the file takes; required is %.1f", f.Raw, leastRaw))
	}
	if f.Postgres < leastPostgres {
		errs = append(errs, fmt.Errorf("PostgreSQL makes %.2f of its batched inserts; required is %.1f", f.Postgres, leastPostgres))
	}
	if f.HTTP < leastHTTP {
		errs = append(errs, fmt.Errorf("over HTTP a gate stands in for %.2f of what it forwards; required is %.1f", f.HTTP, leastHTTP))
	}
	if f.TakeOver >= mostTakeOver || f.lost > 0 {
		errs = append(errs, fmt.Errorf("a take-over takes %.2f s and loses %d approvals; required are less than %.0f s and none", f.TakeOver, f.lost, mostTakeOver))
	}
	return errors.Join(errs...)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/standin:", err)
		os.Exit(1)
	}
}

func (b *bench) run(ctx context.Context) (f figures, err error) {
	fmt.Println(machine.Describe(time.Now()))
	if err := b.open(ctx); err != nil {
		return f, err
	}
	defer b.close()
	all, err := b.measure(ctx)
	if err != nil {
		return f, err
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	fmt.Printf("\n%-34s %12s %12s %12s %12s\n", fmt.Sprintf("durable approvals, %d clients", b.clients), "a second", "p50 ms", "p99 ms", "µs CPU each")
	for _, c := range b.contenders {
		m := median(all[c.what])
		fmt.Printf("%-34s %12.0f %12.2f %12.2f %12.1f\n", c.what, m.Rate, ms(m.P50), ms(m.P99), float64(m.CPU.Nanoseconds())/1000)
	}
	if b.only != "" {
		return f, nil
	}
	overs, err := b.takeOvers(ctx)
	if err != nil {
		return f, err
	}
	fmt.Printf("\n%-34s %12s %12s %12s\n", "a gate killed, another takes over", "seconds", "approvals", "lost")
	for _, t := range overs {
		fmt.Printf("%-34s %12.2f %12d %12d\n", t.what, t.took.Seconds(), t.approved, t.lost)
		f.TakeOver, f.lost = max(f.TakeOver, t.took.Seconds()), f.lost+t.lost
	}
	fmt.Println()
	rounded := func(x, perUnit float64) float64 { return math.Round(x*perUnit) / perUnit }
	decider := median(all[onSQLite])
	return figures{
		Rate: rounded(decider.Rate, 1), P99: rounded(ms(decider.P99), 10),
		Postgres: rounded(ratio(all[onPostgres], all[ofBatched]), 100), Raw: rounded(ratio(all[onSQLite], all[ofRaw]), 100),
		HTTP: rounded(ratio(all[overHTTP], all[forwards]), 100), TakeOver: rounded(f.TakeOver, 100), lost: f.lost,
	}, nil
}
