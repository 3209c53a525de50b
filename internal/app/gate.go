package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"holdfast/internal/config"
	"holdfast/internal/fleet"
	"holdfast/internal/gate"
	"holdfast/internal/gate/httpgate"
	"holdfast/internal/gate/local"
	"holdfast/internal/telemetry"
)

// GateOptions open a gate.
type GateOptions struct {
	Config config.Gate
	// Control, if set, is used instead of the control nodes that Config names: a
	// gate in the control node's own process.
	Control gate.Control
	Log     *slog.Logger
	Now     func() time.Time
}

// Gate is the process payments pass.
type Gate struct {
	opt   GateOptions
	down  teardown
	loops []loop

	gate     *gate.Gate
	payments net.Listener
}

// gateGrace is how long payments under way may take to finish when the gate
// stops; what is left is listed as in flight.
const gateGrace = 15 * time.Second

// OpenGate opens the gate's directory and listens.
func OpenGate(opt GateOptions) (_ *Gate, err error) {
	a := &Gate{opt: opt}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	conf := opt.Config
	primary, err := httpgate.NewPrimary(conf, opt.Now)
	if err != nil {
		return nil, err
	}
	a.down.add("connections to the primary", func() error { primary.Close(); return nil })
	controls, err := a.controls()
	if err != nil {
		return nil, err
	}
	a.gate, err = gate.New(gate.Options{
		Name: conf.Name, Version: telemetry.Version(), Dir: conf.Data, Routes: primary.Routes(), Clock: systemClock{opt.Now},
		Alone: controls == nil, Inquirer: primary, Log: opt.Log,
	})
	if err != nil {
		return nil, err
	}
	a.down.add("gate", a.gate.Close)
	if a.payments, err = listen("payments", string(conf.Listen.Payments), &a.down); err != nil {
		return nil, err
	}
	edge := httpgate.NewServer(a.gate, primary, opt.Log)
	if err := a.listenMetrics(edge); err != nil {
		return nil, err
	}
	socket, err := local.Listen(local.SocketIn(conf.Data))
	if err != nil {
		return nil, err
	}
	a.down.add("local socket", socket.Close)
	a.loops = append(a.loops,
		loop{"payments", func(ctx context.Context) error { return edge.Serve(ctx, a.payments, gateGrace) }},
		loop{"gate", func(ctx context.Context) error { return a.gate.Run(ctx, controls) }},
		loop{"local commands", func(ctx context.Context) error { return local.Serve(ctx, socket, a.gate, opt.Log) }},
	)
	return a, nil
}

func (a *Gate) controls() (gate.Control, error) {
	conf := a.opt.Config.Control
	if a.opt.Control != nil {
		return a.opt.Control, nil
	}
	if len(conf.URLs) == 0 {
		return nil, nil
	}
	security, err := fleet.GateTLS(string(conf.Certificate), string(conf.Key), string(conf.Authority))
	if err != nil {
		return nil, fmt.Errorf("certificates of the gate: %w", err)
	}
	urls := make([]string, len(conf.URLs))
	for i, u := range conf.URLs {
		urls[i] = string(u)
	}
	return fleet.NewClients(urls, security), nil
}

func (a *Gate) listenMetrics(edge *httpgate.Server) error {
	if a.opt.Config.Listen.Metrics == "" {
		return nil
	}
	l, err := listen("metrics", string(a.opt.Config.Listen.Metrics), &a.down)
	if err != nil {
		return err
	}
	registry := telemetry.NewRegistry()
	if err := registry.Register(edge.Metrics()); err != nil {
		return err
	}
	a.loops = append(a.loops, serve("metrics", l, metricsServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))))
	return nil
}

// URL is where the clients of the payment API reach the gate.
func (a *Gate) URL() string { return "http://" + a.payments.Addr().String() }

// Enforcing waits until the gate has a posture to enforce, which a new one gets
// from a control node. Until then it declines every payment.
func (a *Gate) Enforcing(ctx context.Context) error {
	for {
		changed := a.gate.Changed()
		if !a.gate.Status().Closed {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Run serves until ctx ends.
func (a *Gate) Run(ctx context.Context) error {
	return errors.Join(together(ctx, a.loops...), a.Close())
}

// Close releases what OpenGate opened.
func (a *Gate) Close() error { return a.down.close() }
