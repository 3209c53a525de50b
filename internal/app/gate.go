package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"holdfast/internal/config"
	"holdfast/internal/fleet"
	"holdfast/internal/gate"
	"holdfast/internal/gate/fence"
	"holdfast/internal/gate/httpgate"
	"holdfast/internal/gate/httpgate/accesslog"
	"holdfast/internal/gate/local"
	"holdfast/internal/telemetry"
)

// GateOptions open a gate.
type GateOptions struct {
	Config config.Gate
	// Control, if set, is used instead of the control nodes that Config names: a
	// gate in the control node's own process.
	Control gate.Control
	// TakeOver takes the listeners of the gate process that uses the directory, if
	// there is one, and waits until that has ended.
	TakeOver bool
	// Listeners are open already, by name: see FromSystemd.
	Listeners map[string]net.Listener
	// Env looks up environment variables that hold secrets; nil means there are none.
	Env func(string) (string, bool)
	Log *slog.Logger
	Now func() time.Time
}

// Gate is the process payments pass.
type Gate struct {
	opt   GateOptions
	down  teardown
	loops []loop

	gate     *gate.Gate
	edge     *httpgate.Server
	access   *accesslog.Log
	standIn  *standIn     // nil if it has none
	fence    *fence.Fence // nil if there is one primary
	payments net.Listener
	feed     net.Listener // of payer snapshots; nil if none are taken
	given    inheritance
	took     bool
	handover *handover

	mu    sync.Mutex
	leave context.CancelFunc
}

// gateGrace is how long payments under way may take to finish when the gate
// stops; what is left is listed as in flight.
const gateGrace = 15 * time.Second

// OpenGate opens the gate's directory and listens.
func OpenGate(opt GateOptions) (_ *Gate, err error) {
	a := &Gate{opt: opt, given: inheritance{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	conf := opt.Config
	for name, l := range opt.Listeners {
		a.given[name] = inherited{Listener: l}
	}
	primary, err := httpgate.NewPrimary(conf, opt.Now)
	if err != nil {
		return nil, err
	}
	a.down.add("connections to the primary", func() error { primary.Close(); return nil })
	controls, err := a.controls()
	if err != nil {
		return nil, err
	}
	if conf.AccessLog.Path != "" {
		if a.access, err = accesslog.Open(conf.AccessLog.Path, int64(conf.AccessLog.Megabytes)<<20, opt.Log); err != nil {
			return nil, err
		}
		a.down.add("access log", a.access.Close)
	}
	if err := a.openGate(primary, controls == nil); err != nil {
		return nil, err
	}
	if err := a.listen(); err != nil {
		return nil, err
	}
	if err := a.listenFeed(); err != nil {
		return nil, err
	}
	socket, err := local.Listen(local.SocketIn(conf.Data))
	if err != nil {
		return nil, err
	}
	a.down.add("local socket", socket.Close)
	a.loops = append(a.loops,
		loop{"payments", func(ctx context.Context) error {
			return a.standIn.serve(ctx, loop{"payments", func(ctx context.Context) error { return a.fenced(ctx, a.servePayments) }})
		}},
		loop{"certificates", a.edge.Watch},
		loop{"gate", func(ctx context.Context) error { return a.gate.Run(ctx, controls) }},
		loop{"local commands", func(ctx context.Context) error { return local.Serve(ctx, socket, a.gate, opt.Log) }},
		loop{"hand-over", func(ctx context.Context) error { return a.handover.run(ctx, a.end) }},
	)
	return a, nil
}

// openGate opens the gate's directory, after the process before if that is to be
// taken over from: all else that can fail was tried before.
func (a *Gate) openGate(primary *httpgate.Primary, alone bool) (err error) {
	conf := a.opt.Config
	// The edge reads certificates; what is wrong with them is found before the
	// process before is asked to end.
	edge, err := httpgate.New(httpgate.Options{Primary: primary, Config: conf, Access: a.access, Log: a.opt.Log})
	if err != nil {
		return err
	}
	if a.opt.TakeOver {
		given, err := takeOver(conf.Data)
		if err != nil {
			return err
		}
		a.took = given != nil
		for name, l := range given {
			a.given[name] = l
		}
	}
	a.down.add("listeners taken over", func() error { a.given.close(); return nil })
	a.down.add("hand-over", func() error {
		if a.handover == nil {
			return nil
		}
		return a.handover.done()
	})
	if a.standIn, err = a.openStandIn(); err != nil {
		return err
	}
	opt := gate.Options{
		Name: conf.Name, Version: telemetry.Version(), Dir: conf.Data, Routes: primary.Routes(), Clock: systemClock{a.opt.Now},
		Alone: alone, Inquirer: primary, PrimaryDown: primary.Down, Log: a.opt.Log,
		Inquiries: gate.Inquiries{First: conf.Inquiries.First.D(), Most: conf.Inquiries.Most, Rate: conf.Inquiries.Rate},
	}
	if a.fence, err = a.openFence(); err != nil {
		return err
	}
	if a.fence != nil {
		opt.Fence, opt.SecondDown = a.fence, primary.SecondDown
		edge.Fence(a.fence)
	}
	if a.standIn != nil {
		opt.StandIn, opt.Shadow, opt.Counts = a.standIn.decider, a.standIn.shadow, a.standIn.count
	}
	if a.gate, err = openGateDir(opt, a.took); err != nil {
		return err
	}
	a.down.add("gate", a.gate.Close)
	edge.Guard(a.gate)
	a.edge = edge
	if a.standIn == nil {
		return nil
	}
	return a.standIn.join(a, primary)
}

// listen listens for payments, for metrics if that is wanted, for a process that takes
// over, and for what the process before passes on.
func (a *Gate) listen() (err error) {
	conf := a.opt.Config
	if a.handover, err = listenHandover(conf.Data, &a.down); err != nil {
		return err
	}
	passed, err := listenSocket(passedSocket(conf.Data), &a.down)
	if err != nil {
		return fmt.Errorf("listen for what is passed on: %w", err)
	}
	a.edge.Receive(passed)
	if a.payments, err = a.listener("payments", string(conf.Listen.Payments)); err != nil {
		return err
	}
	return a.listenMetrics()
}

// listener takes the listener that was given for a name, or opens one.
func (a *Gate) listener(name, address string) (net.Listener, error) {
	if given, ok := a.given[name]; ok && (given.address == "" || given.address == address) {
		delete(a.given, name)
		a.down.add("listener of "+name, given.Close)
		a.handover.share(name, address, given.Listener)
		return given.Listener, nil
	}
	l, err := listen(name, address, &a.down)
	if err != nil {
		return nil, err
	}
	a.handover.share(name, address, l)
	return l, nil
}

// servePayments serves until ctx ends, and writes the access log to its end.
func (a *Gate) servePayments(ctx context.Context) error {
	if a.took {
		a.ready(ctx)
	}
	if a.access == nil {
		return a.edge.Serve(ctx, a.payments, gateGrace)
	}
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	written := make(chan error, 1)
	go func() { written <- a.access.Run(writing) }()
	err := a.edge.Serve(ctx, a.payments, gateGrace)
	stop()
	return errors.Join(err, <-written)
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

func (a *Gate) listenMetrics() error {
	if a.opt.Config.Listen.Metrics == "" {
		return nil
	}
	l, err := a.listener("metrics", string(a.opt.Config.Listen.Metrics))
	if err != nil {
		return err
	}
	registry := telemetry.NewRegistry()
	if err := registry.Register(a.edge.Metrics()); err != nil {
		return err
	}
	if a.standIn != nil {
		if err := registry.Register(adviceMetrics{a.standIn.forwarder}); err != nil {
			return err
		}
	}
	a.loops = append(a.loops, serve("metrics", l, metricsServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))))
	return nil
}

// URL is where the clients of the payment API reach the gate.
func (a *Gate) URL() string {
	if a.edge.Secure() {
		return "https://" + a.payments.Addr().String()
	}
	return "http://" + a.payments.Addr().String()
}

// Reload loads certificates anew and goes on with the access log in a new file.
func (a *Gate) Reload() error { return a.edge.Reload() }

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

// Run serves until ctx ends, or until another process has taken over and no connection is
// left on which something could come for it.
func (a *Gate) Run(ctx context.Context) error {
	serving, cancel := context.WithCancel(ctx)
	defer cancel()
	a.mu.Lock()
	a.leave = cancel
	a.mu.Unlock()
	err := errors.Join(together(serving, a.loops...), a.Close())
	a.edge.Rest(ctx)
	return err
}

// end ends Run.
func (a *Gate) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.opt.Log.Info("another process takes over; no more connections are accepted here")
	a.edge.PassOn(func() (net.Conn, error) { return dialPassed(a.opt.Config.Data) })
	a.leave()
}

// Close releases what OpenGate opened.
func (a *Gate) Close() error { return a.down.close() }
