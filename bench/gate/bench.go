package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"text/tabwriter"
	"time"

	"holdfast/bench/load"
	"holdfast/bench/machine"
	"holdfast/internal/posture"
)

type bench struct {
	rounds int
	time   time.Duration
	rate   float64

	loop  *load.Loop
	peers []*peer
	got   map[string]*measured
}

// measured is what the rounds gave for one peer.
type measured struct {
	each    []float64       // µs of processor time per payment at the fixed rate
	took    []time.Duration // at that rate
	perCore []float64       // payments per second of processor time
	busy    []float64       // the share of its core that it used meanwhile
}

// The peers that figures are made of.
const (
	plainHAProxy = "haproxy"
	plainNginx   = "nginx"
	plainCaddy   = "caddy"
	fullGate     = "gate, 100 directives"
)

func (b *bench) run() (figures, error) {
	if runtime.NumCPU() < 2 {
		return figures{}, errors.New("two cores are needed: one for the load and one for what is measured")
	}
	fmt.Println(machine.Describe(time.Now()))
	dir, err := os.MkdirTemp("", "holdfast-bench-gate-")
	if err != nil {
		return figures{}, err
	}
	defer os.RemoveAll(dir)
	defer b.stop()
	if err := b.start(dir); err != nil {
		return figures{}, err
	}
	var f figures
	if err := decisions(&f); err != nil {
		return f, err
	}
	for round := range b.rounds {
		for i := range b.peers {
			if err := b.measure(b.peers[(i+round)%len(b.peers)]); err != nil {
				return f, err
			}
		}
	}
	b.print()
	f.RatioHAProxy = rounded(b.ratio(fullGate, plainHAProxy))
	f.RatioNginx = rounded(b.ratio(fullGate, plainNginx))
	f.RatioCaddy = rounded(b.ratio(fullGate, plainCaddy))
	return f, nil
}

// rounded keeps what a figure can say, and never lifts one to what is required.
func rounded(x float64) float64 { return float64(int(x*1000)) / 1000 }

func (b *bench) perCore(name string) float64 { return machine.Quantile(b.got[name].perCore, 0.5) }

// ratio compares two peers round by round: what changes slowly on the machine is in
// both of a pair.
func (b *bench) ratio(name, other string) float64 {
	mine, theirs := b.got[name].perCore, b.got[other].perCore
	ratios := make([]float64, len(mine))
	for i := range mine {
		ratios[i] = mine[i] / theirs[i]
	}
	return machine.Quantile(ratios, 0.5)
}

// start starts the backend and every peer.
func (b *bench) start(dir string) (err error) {
	program := filepath.Join(dir, "holdfast")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, "holdfast/cmd/holdfast").CombinedOutput(); err != nil {
		return fmt.Errorf("build holdfast: %w\n%s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := machine.Pin(loadCore); err != nil {
		return err
	}
	if b.loop, err = load.New("127.0.0.1:0"); err != nil {
		return err
	}
	backend, err := b.loop.Address()
	if err != nil {
		return err
	}
	b.got = map[string]*measured{}
	for i, p := range []struct {
		name string
		make maker
	}{
		{"no proxy", func(_, address, _ string) (*exec.Cmd, error) { return exec.Command(self, "backend", address), nil }},
		{plainHAProxy, haproxy(haproxyPlain)},
		{"haproxy, like work", haproxy(haproxyWork)},
		{plainNginx, nginx},
		{plainCaddy, caddy},
		{"gate, empty", gateBehind(program, nil)},
		{"gate, 1 directive", gateBehind(program, []posture.Directive{limit()})},
		{fullGate, gateBehind(program, hundred())},
	} {
		if err := b.add(filepath.Join(dir, strconv.Itoa(i)), p.name, backend, p.make); err != nil {
			return fmt.Errorf("start %s: %w", p.name, err)
		}
	}
	return nil
}

func (b *bench) add(dir, name, backend string, make maker) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return err
	}
	command, err := make(dir, address, backend)
	if err != nil {
		return err
	}
	p, err := begin(dir, name, address, command)
	if err != nil {
		return err
	}
	b.peers = append(b.peers, p)
	b.got[name] = &measured{}
	return nil
}

func (b *bench) stop() {
	for _, p := range b.peers {
		p.stop()
	}
}

// measure loads one peer at the fixed rate and then with as much as it takes.
func (b *bench) measure(p *peer) error {
	m := b.got[p.name]
	plan := load.Plan{
		Target: p.address, Connections: connections, Warm: b.time / 4, Measure: b.time,
		CPU: func() (time.Duration, error) { return machine.CPU(p.pid) },
	}
	for _, rate := range []float64{b.rate, 0} {
		plan.Rate = rate
		r, err := b.loop.Run(plan)
		if err == nil && (r.Requests == 0 || r.CPU <= 0) {
			err = errors.New("nothing was measured")
		}
		if err != nil {
			said, _ := os.ReadFile(p.log)
			return fmt.Errorf("%s: %w\n%s", p.name, err, said)
		}
		if n := float64(r.Requests); rate > 0 {
			m.each = append(m.each, float64(r.CPU.Nanoseconds())/1000/n)
			m.took = append(m.took, r.Took...)
		} else {
			m.perCore = append(m.perCore, n/r.CPU.Seconds())
			m.busy = append(m.busy, r.CPU.Seconds()/r.Elapsed.Seconds())
		}
	}
	return nil
}

func (b *bench) print() {
	fmt.Printf("\n%d connections; medians of %d rounds of %v; the fixed rate is %.0f payments/s\n\n", connections, b.rounds, b.time, b.rate)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tµs CPU each\tp50\tp99\tpayments/s per core\tof haproxy\tof caddy\tcore used\t")
	for _, p := range b.peers {
		m := b.got[p.name]
		ms := func(q float64) string {
			return fmt.Sprintf("%.2f ms", float64(machine.Quantile(m.took, q).Microseconds())/1000)
		}
		core := b.perCore(p.name)
		fmt.Fprintf(w, "%s\t%.1f\t%s\t%s\t%.0f\t%.2f\t%.2f\t%.0f %%\t\n", p.name, machine.Quantile(m.each, 0.5), ms(0.5), ms(0.99),
			core, b.ratio(p.name, plainHAProxy), b.ratio(p.name, plainCaddy), 100*machine.Quantile(m.busy, 0.5))
	}
	w.Flush()
	fmt.Println()
}

// decisions measures the judgement alone.
func decisions(f *figures) error {
	fmt.Println()
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "decision\tns\tallocations\t")
	for _, d := range []struct {
		name       string
		directives []posture.Directive
		into       *float64
	}{
		{"no directive", nil, &f.DecideEmpty},
		{"1 directive", []posture.Directive{limit()}, nil},
		{"100 directives of the usual shapes", hundred(), &f.Decide100},
		{"1 free expression", free(1), nil},
		{"100 free expressions", free(100), nil},
	} {
		got, err := decide(d.directives)
		if err != nil {
			return fmt.Errorf("decide with %s: %w", d.name, err)
		}
		fmt.Fprintf(w, "%s\t%.1f\t%.0f\t\n", d.name, got.nanoseconds, got.allocations)
		if d.into != nil {
			*d.into = rounded(got.nanoseconds)
			f.DecideAllocs = max(f.DecideAllocs, got.allocations)
		}
	}
	return w.Flush()
}
