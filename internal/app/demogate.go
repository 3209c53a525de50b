package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"time"
)

// openSecondGate writes the settings and certificates of gate-2 and returns its
// address. The process is started by a loop.
func (d *Demo) openSecondGate(k *kept) (string, error) {
	cert, key, ca, err := d.Control.authority.Gate("gate-2", d.opt.Now())
	if err != nil {
		return "", fmt.Errorf("the certificate of gate-2: %w", err)
	}
	at, err := freeAddress(k.SecondAt)
	if err != nil {
		return "", err
	}
	k.SecondAt = at
	command := func() *exec.Cmd {
		c := exec.Command(d.opt.Program, "gate", "run", "--until-stdin-ends",
			"--name", "gate-2", "--data", filepath.Join(d.opt.Dir, "gate-2"), "--listen-payments", at, "--primary-url", d.World.URL(),
			"--test-payers", "acct_test_01", "--control-urls", d.Control.FleetURL(),
			"--control-certificate", cert, "--control-key", key, "--control-authority", ca)
		c.Stdout, c.Stderr = d.opt.Output, d.opt.Output
		return c
	}
	d.loops = append(d.loops, loop{"gate-2", func(ctx context.Context) error { return keepRunning(ctx, command, secondGateRest, d.opt.Log) }})
	return at, nil
}

// secondGateRest is long enough to see in the console that a gate is missing.
const secondGateRest = 10 * time.Second

// keepRunning runs a process until ctx ends, and starts it again after a rest
// when it ends before, as a service manager would: killing the gate is one of
// the things a demo is for.
func keepRunning(ctx context.Context, command func() *exec.Cmd, rest time.Duration, log *slog.Logger) error {
	for {
		c := command()
		err := runChild(ctx, c)
		if ctx.Err() != nil || c.Process == nil {
			return err
		}
		log.Warn("a gate's process ended and is started again", "gate", "gate-2", "after", rest, "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(rest):
		}
	}
}

// freeAddress finds a port for a process that is yet to start: the one it had
// before if that is free.
func freeAddress(before string) (string, error) {
	for _, at := range []string{address("", before), "127.0.0.1:0"} {
		l, err := net.Listen("tcp", at)
		if err != nil {
			continue
		}
		return l.Addr().String(), l.Close()
	}
	return "", errors.New("there is no free port for gate-2")
}

// runChild runs a process until ctx ends. The process ends by itself when its
// standard input does, so it does not outlive this one, however this one ends.
func runChild(ctx context.Context, command *exec.Cmd) error {
	hold, err := command.StdinPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", command.Path, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	select {
	case err := <-ended:
		return cmp.Or(err, errors.New("the process ended"))
	case <-ctx.Done():
	}
	err = hold.Close()
	select {
	case <-ended:
		return err
	case <-time.After(gateGrace + grace):
		return errors.Join(err, command.Process.Kill())
	}
}

// balancer spreads requests over several gates as a load balancer would: by the
// payment's key, so that a customer who asks again meets the gate that knows.
type balancer struct {
	base  *http.Transport
	gates []string
}

// over sets the gates, as hosts with ports. Call it before the first request.
func (b *balancer) over(gates []string) {
	b.base = &http.Transport{MaxIdleConnsPerHost: 1000, IdleConnTimeout: time.Minute}
	b.gates = gates
}

// RoundTrip implements http.RoundTripper.
func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" {
		key = r.URL.Query().Get("key")
	}
	h := fnv.New32a()
	h.Write([]byte(key))
	out := r.Clone(r.Context())
	out.URL.Host = b.gates[int(h.Sum32())%len(b.gates)]
	return b.base.RoundTrip(out)
}
