package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/bench/load"
	"holdfast/internal/fleet"
	"holdfast/internal/gate"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// clock is the machine's.
type clock struct{}

func (clock) Now() time.Time { return time.Now() }

func (clock) Boot() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic("bench: CLOCK_BOOTTIME cannot be read: " + err.Error()) // Linux 2.6.39 and later have it
	}
	return time.Duration(t.Nano())
}

func gateName(i int) string { return "gate-" + strconv.Itoa(i) }

// beGates is this program as n gates in one process, each with a directory, a
// certificate and a connection of its own, and payments passing all the time. It
// ends when its standard input does.
func beGates(args []string) error {
	url, dir := args[0], args[1]
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	rate, err := strconv.ParseFloat(args[3], 64)
	if err != nil {
		return err
	}
	// On machines of their own, no gate waits for another's disk. Here a write that
	// waits for the disk would keep one of the few processors from the next gate. A
	// quarter of them collect garbage, though, so there are not as many as gates.
	runtime.GOMAXPROCS(max(32, runtime.NumCPU()))
	// A process of its own collects garbage when it has made 4 MB, and stands alone
	// then. Here all gates would, each time they have made a quarter of one each.
	debug.SetGCPercent(1600)
	ctx := untilInputEnds()
	failed := make(chan error, n)
	for i := range n {
		name := gateName(i)
		file := func(name string) string { return filepath.Join(dir, "authority", name) }
		security, err := fleet.GateTLS(file("gate-"+name+".pem"), file("gate-"+name+".key"), file("ca.pem"))
		if err != nil {
			return err
		}
		g, err := gate.New(gate.Options{
			Name: name, Dir: filepath.Join(dir, name), Clock: clock{},
			Routes: []gate.Route{{Name: "pay", Kind: payment.Pay.String(), Mode: gate.Static}},
		})
		if err != nil {
			return err
		}
		defer g.Close()
		go func() { failed <- g.Run(ctx, fleet.NewClients([]string{url}, security)) }()
		go pay(ctx, g, rate/float64(n))
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// untilInputEnds returns a context that ends when whoever started this process
// does.
func untilInputEnds() context.Context {
	ctx, end := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		end()
	}()
	return ctx
}

// bePayments is this program as the customers and the primaries of gates that are
// processes: pairs of a gate's address and its primary's. It is a process of its
// own, so that it takes nothing from the control nodes but processor time.
func bePayments(args []string) error {
	rate, err := strconv.ParseFloat(args[0], 64)
	if err != nil {
		return err
	}
	ctx := untilInputEnds()
	failed := make(chan error, len(args))
	for pairs := args[1:]; len(pairs) >= 2; pairs = pairs[2:] {
		l, err := load.New(pairs[1])
		if err != nil {
			return err
		}
		if err := listens(pairs[0], os.DevNull); err != nil {
			return err
		}
		go func() {
			_, err := l.Run(load.Plan{Target: pairs[0], Connections: 4, Rate: rate, Measure: time.Hour, Declines: true})
			failed <- err
		}()
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// answers is how long the primary of these gates takes.
const answers = 2 * time.Millisecond

// pay lets payments pass a gate at a rate, each in flight for a while.
func pay(ctx context.Context, g *gate.Gate, rate float64) {
	tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		p := &payment.Payment{
			Route: "pay", Kind: payment.Pay, Identity: g.Name() + "-" + strconv.Itoa(i), Amount: 1299, Currency: "CNY",
			Payer: "acct_000123", Payee: "m_001", Channel: "app", Method: "card",
		}
		for _, f := range payment.Fields() {
			p.Read = p.Read.With(f)
		}
		a, v := g.Admit(p, gate.Static)
		if v.Action != posture.Forward {
			g.Declined(p, v)
			continue
		}
		time.AfterFunc(answers, func() { a.Finish(payment.Done, "the primary answered with status 201") })
	}
}

// child is a process that this one started and that ends with it.
type child struct {
	command *exec.Cmd
	hold    io.WriteCloser
	log     string
	ended   chan struct{}
}

func start(log string, command *exec.Cmd) (*child, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	command.Stdout, command.Stderr = out, out
	command.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	hold, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", command.Path, err)
	}
	c := &child{command, hold, log, make(chan struct{})}
	go func() {
		command.Wait() // how it ended stands in its log
		close(c.ended)
	}()
	return c, nil
}

// alive returns an error if the process has ended.
func (c *child) alive() error {
	select {
	case <-c.ended:
		said, _ := os.ReadFile(c.log)
		return fmt.Errorf("%s ended: %s", c.command, said)
	default:
		return nil
	}
}

// stop ends the process, by its own id.
func (c *child) stop() {
	c.hold.Close()
	c.command.Process.Signal(unix.SIGTERM)
	select {
	case <-c.ended:
	case <-time.After(5 * time.Second):
		c.command.Process.Kill()
		<-c.ended
	}
}
