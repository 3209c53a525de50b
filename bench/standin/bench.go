package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/bench/load"
	"holdfast/bench/machine"
	"holdfast/bench/standing"
	"holdfast/internal/payment"
	"holdfast/internal/sqljournal/postgres/cluster"
)

// bench holds what the measurements share.
type bench struct {
	clients, payers, rounds int
	time                    time.Duration
	dir, tmp, only          string

	server     *cluster.Server
	contenders []contender
	loop       *load.Loop
	runs       int
}

// approver has a client's payment approved, durably.
type approver = func(client int, p *payment.Payment) error

// contender is one way of making approvals durable.
type contender struct {
	what    string
	measure func(ctx context.Context) (measured, error)
}

const (
	forwards   = "a gate forwards, over HTTP"
	overHTTP   = "a gate stands in, over HTTP"
	onSQLite   = "decider on SQLite"
	onPostgres = "decider on PostgreSQL, 1 gate"
	threeGates = "deciders on PostgreSQL, 3 gates"
	ofRaw      = "one file, fdatasync for all"
	ofBatched  = "batched inserts into PostgreSQL"
	ofPlain    = "plain inserts into PostgreSQL"
)

func (b *bench) open(ctx context.Context) (err error) {
	if b.tmp, err = os.MkdirTemp(b.dir, "holdfast-bench"); err != nil {
		return err
	}
	if b.server, err = cluster.Start(ctx, map[string]string{"max_connections": "400", "shared_buffers": "256MB"}); err != nil {
		return errors.Join(err, os.RemoveAll(b.tmp))
	}
	if b.loop, err = load.New("127.0.0.1:0"); err == nil {
		err = standing.Build(b.program())
	}
	if err != nil {
		b.close()
		return err
	}
	b.contenders = []contender{
		{ofRaw, b.inProcess(b.raw)}, {onSQLite, b.inProcess(b.sqlite)},
		{onPostgres, b.inProcess(b.postgres)}, {threeGates, b.threeGates}, {ofBatched, b.inProcess(b.batched)}, {ofPlain, b.inProcess(b.plain)},
		{forwards, b.overHTTP(false)}, {overHTTP, b.overHTTP(true)},
	}
	if b.only != "" {
		b.contenders = slices.DeleteFunc(b.contenders, func(c contender) bool { return c.what != b.only })
	}
	return nil
}

func (b *bench) close() {
	if err := errors.Join(b.server.Close(), os.RemoveAll(b.tmp)); err != nil {
		fmt.Fprintln(os.Stderr, "bench/standin:", err)
	}
}

// measure measures each contender in turn, several times.
func (b *bench) measure(ctx context.Context) (map[string][]measured, error) {
	all := map[string][]measured{}
	for range b.rounds {
		for _, c := range b.contenders {
			b.runs++
			m, err := c.measure(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.what, err)
			}
			all[c.what] = append(all[c.what], m)
		}
	}
	return all, nil
}

// median returns what was measured in the middle, each figure by itself.
func median(list []measured) measured {
	return measured{
		Rate: middle(list, func(m measured) float64 { return m.Rate }), CPU: middle(list, func(m measured) time.Duration { return m.CPU }),
		P50: middle(list, func(m measured) time.Duration { return m.P50 }), P99: middle(list, func(m measured) time.Duration { return m.P99 }),
	}
}

// ratio compares the rates of two contenders round by round: what changes slowly on
// the machine is in both of a pair.
func ratio(mine, theirs []measured) float64 {
	var ratios []float64
	for i := range min(len(mine), len(theirs)) {
		ratios = append(ratios, mine[i].Rate/theirs[i].Rate)
	}
	return machine.Quantile(ratios, 0.5)
}

func middle[T ~int64 | ~float64](list []measured, of func(measured) T) T {
	values := make([]T, len(list))
	for i, m := range list {
		values[i] = of(m)
	}
	return machine.Quantile(values, 0.5)
}

// inProcess measures what serves clients of this process.
func (b *bench) inProcess(begin func(ctx context.Context, clients int) (approver, func() error, error)) func(context.Context) (measured, error) {
	return func(ctx context.Context) (measured, error) {
		approve, end, err := begin(ctx, b.clients)
		if err != nil {
			return measured{}, err
		}
		m, err := loaded(func() (measured, error) { return run(b.clients, b.time, newPayers(b.payers, 0, 1), approve) })
		return m, errors.Join(err, end())
	}
}

// loaded adds what this process and all that it started used of the processors during a
// measurement.
func loaded(measure func() (measured, error)) (measured, error) {
	before, err := machine.TreeCPU(os.Getpid())
	if err != nil {
		return measured{}, err
	}
	begun := time.Now()
	m, err := measure()
	if err != nil {
		return m, err
	}
	approvals := m.Rate * time.Since(begun).Seconds()
	after, err := machine.TreeCPU(os.Getpid())
	m.CPU = time.Duration(float64(after-before) / approvals)
	return m, err
}

// shards are those of the sources measured.
const shards = 16

func (b *bench) sqlite(ctx context.Context, _ int) (approver, func() error, error) {
	return serve(ctx, filepath.Join(b.tmp, fmt.Sprint("run-", b.runs)))
}

func (b *bench) postgres(ctx context.Context, _ int) (approver, func() error, error) {
	source, err := b.schema(ctx)
	if err != nil {
		return nil, nil, err
	}
	return serve(ctx, source)
}

func serve(ctx context.Context, source string) (approver, func() error, error) {
	s, err := openSource(ctx, source)
	if err != nil {
		return nil, nil, err
	}
	g, err := openGate(ctx, s, "gate", false)
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return g.approve, g.close, nil
}

// schema makes an empty schema, in place of the one before.
func (b *bench) schema(ctx context.Context) (source string, err error) {
	name := fmt.Sprint("run_", b.runs)
	return b.server.Source() + " search_path=" + name, b.server.Exec(ctx, "CREATE SCHEMA "+name)
}

// threeGates measures gates that are processes of their own, each with its shards
// and a third of the clients.
func (b *bench) threeGates(ctx context.Context) (measured, error) {
	const gates = 3
	source, err := b.schema(ctx)
	if err != nil {
		return measured{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return measured{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	all, failed := make([]measured, gates), make(chan error, gates)
	begin, ready := make(chan struct{}), make(chan struct{}, gates)
	for i := range gates {
		command := exec.CommandContext(ctx, self, "gate", source, strconv.Itoa(i), strconv.Itoa(gates), strconv.Itoa(b.clients/gates), strconv.Itoa(b.payers), b.time.String())
		command.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
		command.Stderr = os.Stderr
		go func() { failed <- follow(command, ready, begin, &all[i]) }()
	}
	for range gates {
		select {
		case <-ready:
		case err := <-failed:
			return measured{}, err
		}
	}
	return loaded(func() (sum measured, err error) {
		close(begin)
		for range gates {
			if err := <-failed; err != nil {
				return sum, err
			}
		}
		for _, m := range all {
			sum.Rate += m.Rate
			sum.P50, sum.P99 = max(sum.P50, m.P50), max(sum.P99, m.P99)
		}
		return sum, nil
	})
}

// follow starts a gate's process, lets it begin with the others, and reads what it
// measured.
func follow(command *exec.Cmd, ready chan<- struct{}, begin <-chan struct{}, m *measured) error {
	in, err := command.StdinPipe()
	if err != nil {
		return err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		return errors.Join(errors.New("a gate did not start"), command.Wait())
	}
	ready <- struct{}{}
	<-begin
	if err := in.Close(); err != nil {
		return err
	}
	if !lines.Scan() {
		return errors.Join(errors.New("a gate ended early"), command.Wait())
	}
	return errors.Join(json.NewDecoder(bytes.NewReader(lines.Bytes())).Decode(m), command.Wait())
}

// beGate is such a process: it says that it is ready, waits until its input ends,
// and says what it measured.
func beGate(ctx context.Context, args []string) error {
	var of [4]int
	for i := range of {
		var err error
		if of[i], err = strconv.Atoi(args[1+i]); err != nil {
			return err
		}
	}
	number, gates, clients, payers := of[0], of[1], of[2], of[3]
	long, err := time.ParseDuration(args[5])
	if err != nil {
		return err
	}
	s, err := openSource(ctx, args[0])
	if err != nil {
		return err
	}
	g, err := openGate(ctx, s, fmt.Sprint("gate-", number), true)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadByte(); err == nil {
		return errors.New("there is nothing to read")
	}
	m, err := run(clients, long, newPayers(payers, number, gates), g.approve)
	if err != nil {
		return err
	}
	return errors.Join(g.close(), json.NewEncoder(os.Stdout).Encode(m))
}
