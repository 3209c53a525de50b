package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"holdfast/bench/machine"
	"holdfast/bench/standing"
	"holdfast/internal/standin"
)

type bench struct {
	advices, rate, live int
	rest                time.Duration
	dir                 string

	gate *standing.Gate
}

// payers is how many there are: each has five advices.
func (b *bench) payers() int { return max(1, b.advices/5) }

func (b *bench) run() (f figures, err error) {
	if b.advices < 1 || b.rate < 1 || b.live < 1 {
		return f, errors.New("advices, rate and live are 1 or more")
	}
	if b.dir, err = os.MkdirTemp(b.dir, "holdfast-bench-replay-"); err != nil {
		return f, err
	}
	defer os.RemoveAll(b.dir)
	p, err := newPrimary(b.advices)
	if err != nil {
		return f, err
	}
	defer p.listener.Close()
	b.gate = b.newGate(p.listener.Addr().String())
	if err := errors.Join(standing.Build(b.gate.Program), b.gate.Prepare()); err != nil {
		return f, err
	}
	begun := time.Now()
	if err := b.fill(); err != nil {
		return f, err
	}
	took := time.Since(begun)
	fmt.Printf("stood in for %d payments in %v, %.0f a second\n", b.advices, took.Round(time.Millisecond), float64(b.advices)/took.Seconds())
	defer func() { err = errors.Join(err, b.gate.Stop()) }()
	begun = time.Now()
	if err := b.gate.Start(2); err != nil {
		return f, err
	}
	fmt.Printf("the gate started in %v\n", time.Since(begun).Round(time.Millisecond))
	return b.drain(p)
}

// newGate stands in for everybody, up to what no bench reaches.
func (b *bench) newGate(primary string) *standing.Gate {
	return &standing.Gate{
		Dir: b.dir, Program: filepath.Join(b.dir, "holdfast"), Primary: primary, Payers: b.payers() + livePayers, Rate: b.rate,
		Profile: standin.Profile{
			ID: "all", SnapshotAge: 24 * time.Hour, Unplanned: &standin.Terms{Eligible: `kind == "payment"`, Limits: []standin.Limit{
				{Over: standin.EachPayment, Currency: "CNY", Amount: 1e6}, {Over: standin.Whole, Currency: "CNY", Amount: 1e12},
			}},
			Forwarding: standin.Forwarding{
				Timeout: 10 * time.Second, Pause: 10 * time.Second, LongestPause: time.Minute, Attempts: 10, Expiry: 24 * time.Hour, Retention: 24 * time.Hour,
			},
		},
	}
}

// drain watches the backlog go while customers pay.
func (b *bench) drain(p *primary) (f figures, err error) {
	select {
	case <-p.begun:
	case <-time.After(5 * time.Minute):
		return f, errors.New("no advice came in five minutes")
	}
	before, err := b.gate.CPU()
	if err != nil {
		return f, err
	}
	var most [2]float64 // in each half of the advices
	draining, err := b.paying(0, func() error {
		for tick := time.Tick(100 * time.Millisecond); ; {
			select {
			case <-p.done:
				return nil
			case <-tick:
			}
			now, err := b.gate.Memory()
			if err != nil {
				return err
			}
			half := min(1, 2*p.came()/b.advices)
			most[half] = max(most[half], now)
		}
	})
	if err != nil {
		return f, err
	}
	after, err := b.gate.CPU()
	if err != nil {
		return f, err
	}
	resting, err := b.paying(1, func() error {
		<-time.After(b.rest)
		return nil
	})
	if err != nil {
		return f, err
	}
	if err := p.exactlyOnce(); err != nil {
		return f, err
	}
	perSecond, fullest := p.used()
	p99, quiet := machine.Quantile(draining, 0.99), machine.Quantile(resting, 0.99)
	fmt.Printf("forwarded %.0f a second of %d, in the fullest second %d\n", perSecond, b.rate, fullest)
	fmt.Printf("each took %.1f µs of the gate's processor time, that of its customers included\n", (after-before).Seconds()*1e6/float64(b.advices))
	fmt.Printf("customers, p50 and p99: %v and %v while it drained, %v and %v after\n", machine.Quantile(draining, 0.5), p99, machine.Quantile(resting, 0.5), quiet)
	fmt.Printf("memory of the gate: at most %.0f MB in the first half, %.0f MB in the second\n\n", most[0], most[1])
	round := func(x float64) float64 { return math.Round(x*1000) / 1000 }
	return figures{
		Advices: b.advices, Used: round(perSecond / float64(b.rate)), Over: max(0, fullest-b.rate), Ratio: round(float64(p99) / float64(quiet)),
		Growth: round(max(0, most[1]-most[0])),
	}, nil
}

// paying has customers pay while something is done.
func (b *bench) paying(round int, while func() error) ([]time.Duration, error) {
	stop, paid := make(chan struct{}), make(chan error, 1)
	var took []time.Duration
	go func() {
		var err error
		took, err = b.customers(b.gate.Address, round, stop)
		paid <- err
	}()
	err := while()
	close(stop)
	err = errors.Join(err, <-paid)
	return took, err
}
