package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"text/tabwriter"
	"time"

	"holdfast/bench/machine"
)

func command(path string, args ...string) *exec.Cmd { return exec.Command(path, args...) }

const many = 100 // gates, and watchers of each peer

type bench struct {
	stops   int
	rate    float64
	dir     string
	longest time.Duration

	self, program string
	// rows are measured now, done were before.
	rows, done []*row
	children   []*child
	undo       []func()
}

// row is one thing that is measured. Every so many turns it takes one.
type row struct {
	name  string
	every int
	turn  func() (took, error)
	took  []took
}

func (b *bench) run() (figures, error) {
	fmt.Println(machine.Describe(time.Now()))
	if b.dir == "" {
		dir, err := os.MkdirTemp("", "holdfast-bench-stop-")
		if err != nil {
			return figures{}, err
		}
		defer os.RemoveAll(dir)
		b.dir = dir
	}
	if err := b.build(); err != nil {
		return figures{}, err
	}
	// The small groups first, then 100 gates and the peers in turns: payments pass
	// the gates all the time, and those of a group that is not measured would only
	// take processors from the one that is.
	for _, start := range []func() error{b.startFew, b.startMany} {
		if err := b.phase(start); err != nil {
			return figures{}, err
		}
	}
	return b.print(), nil
}

// phase starts what is measured together, measures it, and ends it.
func (b *bench) phase(start func() error) error {
	defer func() {
		for i := len(b.undo) - 1; i >= 0; i-- {
			b.undo[i]()
		}
		b.undo, b.children = nil, nil
		b.done, b.rows = append(b.done, b.rows...), nil
	}()
	if err := start(); err != nil {
		return err
	}
	return b.measure()
}

func (b *bench) build() (err error) {
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	b.program = filepath.Join(b.dir, "holdfast")
	if out, err := command("go", "build", "-buildvcs=false", "-o", b.program, "holdfast/cmd/holdfast").CombinedOutput(); err != nil {
		return fmt.Errorf("build holdfast: %w\n%s", err, out)
	}
	return nil
}

func (b *bench) startFew() error {
	for _, n := range []int{1, 10} {
		if err := b.addGates(strconv.Itoa(n)+" gates", n, b.startProcesses); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) startMany() error {
	if err := b.addGates("100 gates", many, b.startOne); err != nil {
		return err
	}
	for _, p := range []struct {
		name  string
		every int
		make  func(dir string, id identity, watchers int) (peer, error)
	}{{"etcd", 1, newEtcd}, {"redis", 1, newRedis}, {"nginx", 5, newNginx}} {
		if err := b.addPeer(p.name, p.every, p.make); err != nil {
			return err
		}
	}
	return nil
}

// addGates opens a control node and starts its gates.
func (b *bench) addGates(name string, gates int, begin func(n *node, gates int) error) error {
	dir, err := mkdir(b.dir, name)
	if err != nil {
		return err
	}
	n, err := openNode(dir)
	if err != nil {
		return err
	}
	b.undo = append(b.undo, func() { n.close() })
	for i := range gates {
		if _, _, _, err := n.authority.Gate(gateName(i), time.Now()); err != nil {
			return err
		}
	}
	if err := begin(n, gates); err != nil {
		return err
	}
	if err := n.enforced(gates); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	b.rows = append(b.rows, &row{name: name, every: 1, turn: func() (took, error) { return n.stop(gates) }})
	return nil
}

// startOne starts all gates in one process.
func (b *bench) startOne(n *node, gates int) error {
	return b.child(filepath.Join(n.dir, "log"), command(b.self, "gates", n.url, n.dir, strconv.Itoa(gates), fmt.Sprint(b.rate)))
}

// child starts a process that must not end before the bench.
func (b *bench) child(log string, command *exec.Cmd) error {
	c, err := start(log, command)
	if err != nil {
		return err
	}
	b.children = append(b.children, c)
	b.undo = append(b.undo, c.stop)
	return nil
}

// startProcesses starts each gate as a process of its own and sends it payments.
func (b *bench) startProcesses(n *node, gates int) error {
	payments := []string{"payments", fmt.Sprint(b.rate / float64(gates))}
	for i := range gates {
		name := gateName(i)
		dir, err := mkdir(n.dir, name)
		if err != nil {
			return err
		}
		at, err := freeAddress()
		if err != nil {
			return err
		}
		primary, err := freeAddress()
		if err != nil {
			return err
		}
		payments = append(payments, at, primary)
		file := func(name string) string { return filepath.Join(n.dir, "authority", name) }
		if err := b.child(filepath.Join(dir, "log"), command(b.program, "gate", "run", "--until-stdin-ends",
			"--name", name, "--data", dir, "--listen-payments", at, "--primary-url", "http://"+primary, "--control-urls", n.url,
			"--control-certificate", file("gate-"+name+".pem"), "--control-key", file("gate-"+name+".key"), "--control-authority", file("ca.pem"))); err != nil {
			return err
		}
	}
	return b.child(filepath.Join(n.dir, "payments.log"), command(b.self, payments...))
}

func (b *bench) addPeer(name string, every int, make func(dir string, id identity, watchers int) (peer, error)) error {
	dir, err := mkdir(b.dir, name)
	if err != nil {
		return err
	}
	id, err := newIdentity(dir)
	if err != nil {
		return err
	}
	p, err := make(dir, id, many)
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	b.undo = append(b.undo, p.close)
	b.rows = append(b.rows, &row{name: name, every: every, turn: func() (t took, err error) {
		t.accepted, t.last, err = p.tell()
		return t, err
	}})
	return nil
}

// warm is how many turns are not counted.
const warm = 10

func (b *bench) measure() error {
	end := time.Now().Add(b.longest / 2)
	for i := range b.stops + warm {
		for _, r := range b.rows {
			if i%r.every != 0 {
				continue
			}
			t, err := r.turn()
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			if i >= warm {
				r.took = append(r.took, t)
			}
		}
		for _, c := range b.children {
			if err := c.alive(); err != nil {
				return err
			}
		}
		if i >= warm+100 && time.Now().After(end) {
			fmt.Printf("ended after %d stops of %d: %v were over\n", i+1-warm, b.stops, b.longest/2)
			return nil
		}
	}
	return nil
}

// ms returns a quantile in milliseconds, of one of the times.
func (r *row) ms(q float64, of func(took) time.Duration) float64 {
	all := make([]time.Duration, len(r.took))
	for i, t := range r.took {
		all[i] = of(t)
	}
	return float64(machine.Quantile(all, q).Microseconds()) / 1000
}

func accepted(t took) time.Duration  { return t.accepted }
func last(t took) time.Duration      { return t.last }
func confirmed(t took) time.Duration { return t.confirmed }

func (b *bench) print() figures {
	fmt.Printf("\nms from the order; payments pass the gates, %.0f/s through the group that is measured and through the 100 beside the peers\n\n", b.rate)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\ttimes\taccepted p50\tp99\tlast p50\tp99\tconfirmed p50\tp99\t")
	byName := map[string]*row{}
	for _, r := range b.done {
		byName[r.name] = r
		fmt.Fprintf(w, "%s\t%d", r.name, len(r.took))
		for _, of := range []func(took) time.Duration{accepted, last, confirmed} {
			if r.ms(0.5, of) == 0 {
				fmt.Fprint(w, "\t\t")
				continue
			}
			fmt.Fprintf(w, "\t%.2f\t%.2f", r.ms(0.5, of), r.ms(0.99, of))
		}
		fmt.Fprintln(w, "\t")
	}
	w.Flush()
	fmt.Println()
	ours := byName["100 gates"]
	return figures{
		LastP50: ours.ms(0.5, last), LastP99: ours.ms(0.99, last), ConfirmP99: ours.ms(0.99, confirmed),
		RatioEtcd: float64(int(1000*ours.ms(0.99, last)/byName["etcd"].ms(0.99, last)+0.999)) / 1000,
	}
}
