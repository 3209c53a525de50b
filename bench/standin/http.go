package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"holdfast/bench/load"
	"holdfast/bench/machine"
	"holdfast/bench/standing"
	"holdfast/internal/posture"
)

func (b *bench) program() string { return filepath.Join(b.tmp, "holdfast") }

// warm is how long a gate is loaded before anything is counted.
const warm = 300 * time.Millisecond

// overHTTP measures a gate in a process of its own, on SQLite, with clients and primary
// in this one: payments that it stands in for, or forwards.
func (b *bench) overHTTP(stands bool) func(context.Context) (measured, error) {
	return func(context.Context) (m measured, err error) {
		primary, err := b.loop.Address()
		if err != nil {
			return m, err
		}
		g := &standing.Gate{
			Dir: filepath.Join(b.tmp, fmt.Sprint("gate-", b.runs)), Program: b.program(), Primary: primary, Payers: b.payers, Profile: profile(), Rate: 1,
		}
		if err := errors.Join(os.Mkdir(g.Dir, 0o700), g.Prepare()); err != nil {
			return m, err
		}
		var directives []posture.Directive
		if stands {
			d, err := g.Directive()
			if err != nil {
				return m, err
			}
			directives = append(directives, d)
		}
		if err := g.Start(1, directives...); err != nil {
			return m, err
		}
		defer func() { err = errors.Join(err, g.Stop()) }()
		got, err := b.loop.Run(load.Plan{
			Target: g.Address, Connections: b.clients, Payers: b.payers, Warm: warm, Measure: b.time,
			CPU: func() (time.Duration, error) { return machine.TreeCPU(os.Getpid()) },
		})
		if err != nil {
			return m, err
		}
		if forwarded := got.Forwarded > 0; forwarded == stands {
			return m, fmt.Errorf("%d of %d payments came to the primary", got.Forwarded, got.Requests)
		}
		return measured{
			Rate: float64(got.Requests) / got.Elapsed.Seconds(), CPU: got.CPU / time.Duration(max(1, got.Requests)),
			P50: machine.Quantile(got.Took, 0.5), P99: machine.Quantile(got.Took, 0.99),
		}, nil
	}
}
