package sandbox

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"holdfast/internal/sandbox/checker"
	"holdfast/internal/sandbox/customers"
	"holdfast/internal/sandbox/primary"
	"holdfast/internal/sandbox/told"
	"holdfast/internal/sandbox/truth"
	"holdfast/internal/sandbox/world"
)

// TestMain lets the test binary run as a sandbox of its own, to be killed:
// SANDBOX_DIR is its directory, SANDBOX_ADDRESS the primary's, SANDBOX_RATE the
// rate.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SANDBOX_DIR"); dir != "" {
		if err := child(dir); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// workers bound what a slow machine has under way at once.
const workers = 32

// child runs until it is killed, or until its input ends. It writes its URL, and
// then how many effects there are whenever there are more.
func child(dir string) error {
	o := Options{Seed: 1, Dir: dir, Primary: primary.Options{Address: os.Getenv("SANDBOX_ADDRESS")}}
	o.Traffic.Patience, o.Traffic.Workers = tireless, workers
	fmt.Sscan(os.Getenv("SANDBOX_RATE"), &o.Traffic.Rate)
	s, err := New(o)
	if err != nil {
		return err
	}
	fmt.Println("url", s.URL())
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		bufio.NewReader(os.Stdin).ReadByte()
		cancel()
	}()
	go func() {
		for last := uint64(0); ; <-time.After(5 * time.Millisecond) {
			if n := s.Primary.Ledger().Count(); n > last {
				last = n
				fmt.Println("effects", n)
			}
		}
	}()
	go func() {
		if o.Traffic.Rate == 0 && s.Traffic.Settle(ctx) == nil {
			fmt.Println("settled")
		}
	}()
	return s.Run(ctx)
}

// process is a child.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.Closer
	lines *bufio.Scanner
	url   string
}

func spawn(t *testing.T, dir, address string, rate int) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SANDBOX_DIR="+dir, "SANDBOX_ADDRESS="+address, fmt.Sprint("SANDBOX_RATE=", rate))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: cmd, stdin: stdin, lines: bufio.NewScanner(out)}
	t.Cleanup(p.kill)
	p.url = p.await("url ")
	return p
}

// await reads the child's lines until one begins so, and returns the rest of it.
func (p *process) await(prefix string) string {
	p.t.Helper()
	for p.lines.Scan() {
		if rest, ok := strings.CutPrefix(p.lines.Text(), prefix); ok {
			return rest
		}
	}
	p.t.Fatalf("the sandbox ended without saying %q", prefix)
	return ""
}

// kill ends the child as kill -9 does. Killing it twice does no harm.
func (p *process) kill() {
	if p.cmd.ProcessState == nil {
		p.cmd.Process.Kill()
		p.cmd.Wait()
	}
}

// end lets the child close its files, and waits for it: what customers were told
// last only stands in line for the disk until then.
func (p *process) end() {
	p.t.Helper()
	p.stdin.Close()
	for p.lines.Scan() {
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Fatalf("the sandbox ended with %v", err)
	}
}

func (p *process) awaitEffects(n int) {
	p.t.Helper()
	for {
		var have int
		if fmt.Sscan(p.await("effects "), &have); have >= n {
			return
		}
	}
}

// The whole world is killed under load, twice. Nothing that anybody was told is
// missing, and those who were left without an answer are told afterwards.
func TestKillOfTheWholeWorld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := range 2 {
		p := spawn(t, dir, "", 400)
		p.awaitEffects((round + 1) * 60)
		p.kill()
		r, err := CheckDir(dir, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if !r.Clean() || r.Intentions == 0 {
			t.Fatalf("after kill %d: %+v", round, r)
		}
	}
	p := spawn(t, dir, "", 0)
	p.await("settled")
	p.end()
	r, err := CheckDir(dir, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if !r.Clean() || r.Unknown.Count != 0 || r.ToldDone < 100 {
		t.Errorf("after settling: %+v", r)
	}
}

// The primary is killed under the customers, who live on: each of them is told
// what happened, once.
func TestKillOfThePrimaryUnderItsCustomers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := spawn(t, dir, "", 0)
	address := strings.TrimPrefix(p.url, "http://")
	traffic, log := customersOf(t, p.url)
	p.awaitEffects(60)
	p.kill()
	for traffic.Totals().Doubted == 0 {
		<-time.After(5 * time.Millisecond)
	}
	p = spawn(t, dir, address, 0)
	p.awaitEffects(120)
	if err := traffic.SetRate(0); err != nil {
		t.Fatal(err)
	}
	if err := traffic.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	effects, err := truth.Open(truth.Options{File: dir + "/" + TruthFile}, func(truth.Effect) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	defer effects.Close()
	entries, _ := log.Entries()
	all, _ := effects.Effects()
	r := checker.Check(checker.Input{Entries: entries, Effects: all, Now: time.Now()})
	if !r.Clean() || r.Unknown.Count+r.Waiting != 0 || r.Resolved.Count == 0 || r.Unclaimed != 0 {
		t.Errorf("%+v", r)
	}
}

func customersOf(t *testing.T, target string) (*customers.Traffic, *told.Log) {
	t.Helper()
	w, err := world.New(world.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	log, err := told.Open(told.Options{})
	if err != nil {
		t.Fatal(err)
	}
	traffic, err := customers.New(customers.Options{World: w, Log: log, Seed: 1, Target: target, Rate: 400, Patience: tireless, Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- traffic.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return traffic, log
}
