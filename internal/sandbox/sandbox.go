// Package sandbox is a simulated payment world: a primary with accounts and a
// ledger of truth, faults, customers who pay, and a checker that compares what
// they were told with what happened to the money. It stands behind the gate in
// the demo, in drills and in end-to-end tests, in the same process or alone.
//
//	customers ──▶ gate ──▶ primary ──▶ ledger of truth ──┐
//	    └────▶ customer log ─────────────────────────────┴─▶ checker
//
// Behind it there may be a second primary with another API, accounts, faults and ledger of
// its own, to which a gate reroutes payments. The checker looks at both ledgers as at one:
// what was done at both is doubled.
//
// Parts: package world says who exists, primary is the payment system, fault
// makes it fail, truth and told keep the two records, customers are the traffic,
// checker judges. Package postoffice, beside them, receives the notices that
// Holdfast sends.
//
// Everything random comes from one seed. With a directory both records are kept
// in files and survive kill -9; without, they live and die with the process.
//
// The control API is served on a port of its own, so that no fault of the
// primary can keep anybody from ending it. docs/formats/sandbox.md describes both
// APIs and the files.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/sandbox/checker"
	"holdfast/internal/sandbox/customers"
	"holdfast/internal/sandbox/fault"
	"holdfast/internal/sandbox/primary"
	"holdfast/internal/sandbox/told"
	"holdfast/internal/sandbox/truth"
	"holdfast/internal/sandbox/world"
)

// Names of the files in Options.Dir.
const (
	TruthFile    = "truth.records"
	SecondFile   = "second.records"
	CustomerFile = "customers.records"
)

// Options set the world up. The zero value is a world in memory on free ports of
// 127.0.0.1, with seed 0 and customers who wait for a rate.
type Options struct {
	Seed uint64
	// World says how large the world is; its seed is Seed.
	World world.Options
	// Dir is where the two records are kept; it is made if it is missing. "" keeps
	// them in memory.
	Dir string
	// Keep is how many effects and how many intentions stay in memory; default
	// 500,000 of each, about 400 MB together when full.
	Keep int
	// Primary is the payment system; its world, faults, ledger and listener are
	// filled in.
	Primary primary.Options
	// Second, if any, is a second payment system, with the API of transfers; filled in
	// as Primary is.
	Second *primary.Options
	// Traffic is the customers; its world, log and seed are filled in. Without a
	// target they pay at the primary itself.
	Traffic customers.Options
	// ControlAddress is where the control API listens; default 127.0.0.1:0.
	ControlAddress string
	// Listen opens the ports of the primary and of the control API; default
	// net.Listen.
	Listen func(network, address string) (net.Listener, error)
	// Token is the control API's bearer token, at least 16 characters; default a
	// new one, see Sandbox.Token.
	Token string
}

// Sandbox is the world.
type Sandbox struct {
	World   *world.World
	Primary *primary.Primary
	Faults  *fault.Injector
	// Second and SecondFaults are the second payment system; nil if there is none.
	Second       *primary.Primary
	SecondFaults *fault.Injector
	Customers    *told.Log
	Traffic      *customers.Traffic

	token   string
	control net.Listener
}

// New makes the world, reads what its files hold, and listens. Requests are
// served and customers arrive once Run is called; whoever does not call Run must
// call Close.
func New(o Options) (_ *Sandbox, err error) {
	s := &Sandbox{token: o.Token, Faults: fault.NewInjector(o.Seed)}
	if s.token == "" {
		s.token = holdfast.Secret()
	}
	if len(s.token) < 16 {
		return nil, holdfast.Errorf(holdfast.Invalid, "sandbox: the control API's token must have at least 16 characters")
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	o.World.Seed = o.Seed
	if s.World, err = world.New(o.World); err != nil {
		return nil, err
	}
	ledger, log := truth.Options{Keep: o.Keep}, told.Options{Keep: o.Keep}
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("make the sandbox's directory: %w", err)
		}
		ledger.File, log.File = filepath.Join(o.Dir, TruthFile), filepath.Join(o.Dir, CustomerFile)
	}
	o.Primary.World, o.Primary.Faults, o.Primary.Ledger, o.Primary.Listen = s.World, s.Faults, ledger, o.Listen
	if s.Primary, err = primary.New(o.Primary); err != nil {
		return nil, err
	}
	if o.Second != nil {
		if err := s.openSecond(o); err != nil {
			return nil, err
		}
	}
	if s.Customers, err = told.Open(log); err != nil {
		return nil, err
	}
	o.Traffic.World, o.Traffic.Log, o.Traffic.Seed = s.World, s.Customers, o.Seed
	if o.Traffic.Target == "" {
		o.Traffic.Target = s.Primary.URL()
	}
	if s.Traffic, err = customers.New(o.Traffic); err != nil {
		return nil, err
	}
	if o.ControlAddress == "" {
		o.ControlAddress = "127.0.0.1:0"
	}
	if o.Listen == nil {
		o.Listen = net.Listen
	}
	if s.control, err = o.Listen("tcp", o.ControlAddress); err != nil {
		return nil, fmt.Errorf("listen for the sandbox's control API: %w", err)
	}
	return s, nil
}

func (s *Sandbox) openSecond(o Options) (err error) {
	second, ledger := *o.Second, truth.Options{Keep: o.Keep}
	if o.Dir != "" {
		ledger.File = filepath.Join(o.Dir, SecondFile)
	}
	// Another seed: the two do not fail for the same payments.
	s.SecondFaults = fault.NewInjector(o.Seed + 1)
	second.Transfers, second.World, second.Faults, second.Ledger, second.Listen = true, s.World, s.SecondFaults, ledger, o.Listen
	s.Second, err = primary.New(second)
	return err
}

// URL is the primary's base URL.
func (s *Sandbox) URL() string { return s.Primary.URL() }

// ControlURL is the control API's base URL, without /sandbox/.
func (s *Sandbox) ControlURL() string { return "http://" + s.control.Addr().String() }

// Token is the control API's bearer token.
func (s *Sandbox) Token() string { return s.token }

// Run serves and lets customers arrive until ctx ends or a part fails. At the end
// the customers stop first, giving up what they have under way, and the files are
// closed last.
func (s *Sandbox) Run(ctx context.Context) error {
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	serve := []func(context.Context) error{s.Primary.Run, s.runControl}
	if s.Second != nil {
		serve = append(serve, s.Second.Run)
	}
	errs := make([]error, 1+len(serve))
	var arriving, served sync.WaitGroup
	arriving.Go(func() {
		errs[0] = s.Traffic.Run(ctx)
		stop()
	})
	for i, run := range serve {
		served.Go(func() {
			errs[i+1] = run(serving)
			stop()
		})
	}
	arriving.Wait()
	stopServing()
	served.Wait()
	return errors.Join(errors.Join(errs...), s.Close())
}

// Close stops listening and closes the files. Run does it at its end.
func (s *Sandbox) Close() error {
	var errs []error
	if s.control != nil {
		if err := s.control.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if s.Primary != nil {
		errs = append(errs, s.Primary.Close())
	}
	if s.Second != nil {
		errs = append(errs, s.Second.Close())
	}
	if s.Customers != nil {
		errs = append(errs, s.Customers.Close())
	}
	return errors.Join(errs...)
}

// StartFault puts a fault in force until it expires.
func (s *Sandbox) StartFault(f fault.Fault) (fault.Lease, error) { return s.Faults.Start(f) }

// EndFaults ends all faults; see [fault.Injector.EndAll].
func (s *Sandbox) EndFaults() (ended, notEnded []fault.Lease) { return s.Faults.EndAll() }

// Check compares what the customers were told with the ledger of truth, as far
// as both are in memory. It takes about 2 µs an intention and holds up nobody.
func (s *Sandbox) Check() checker.Report {
	entries, forgotten := s.Customers.Entries() // before the effects, see checker.Input
	effects, horizon := s.Primary.Ledger().Effects()
	if s.Second != nil {
		more, since := s.Second.Ledger().Effects()
		effects = both(effects, more)
		if since.After(horizon) {
			horizon = since
		}
	}
	return checker.Check(checker.Input{Entries: entries, Forgotten: forgotten, Effects: effects, Horizon: horizon, Now: time.Now().UTC()})
}

func both(a, b iter.Seq[truth.Effect]) iter.Seq[truth.Effect] {
	return func(yield func(truth.Effect) bool) {
		for _, effects := range []iter.Seq[truth.Effect]{a, b} {
			for e := range effects {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// CheckDir checks the files in a directory, all of them, also while a process writes them or
// after it was killed.
func CheckDir(dir string, now time.Time) (checker.Report, error) {
	ledgers := []string{filepath.Join(dir, TruthFile)}
	second := filepath.Join(dir, SecondFile)
	if _, err := os.Stat(second); err == nil {
		ledgers = append(ledgers, second)
	} else if !errors.Is(err, os.ErrNotExist) {
		return checker.Report{}, fmt.Errorf("look for the second ledger of truth: %w", err)
	}
	return checker.CheckFiles(filepath.Join(dir, CustomerFile), ledgers, now)
}

// Stats are for a screen that is drawn anew every second.
type Stats struct {
	Traffic customers.Totals `json:"traffic"`
	Primary primary.Counts   `json:"primary"`
	// Second is the second primary, if there is one.
	Second *primary.Counts `json:"second,omitempty"`
	// Effects is how many effects the ledgers of truth hold.
	Effects uint64 `json:"effects"`
	// Faults are those in force at the first primary.
	Faults []fault.Lease `json:"faults"`
	// Seconds are the newest whole seconds, oldest first.
	Seconds []customers.Second `json:"seconds"`
}

// Stats returns the counts and the newest n seconds, at most 600.
func (s *Sandbox) Stats(n int) Stats {
	seconds := s.Traffic.Seconds()
	active, _ := leases(s.Faults)
	stats := Stats{
		Traffic: s.Traffic.Totals(), Primary: s.Primary.Counts(), Effects: s.Primary.Ledger().Count(), Faults: active,
		Seconds: seconds[max(0, len(seconds)-n):],
	}
	if s.Second != nil {
		counts := s.Second.Counts()
		stats.Second, stats.Effects = &counts, stats.Effects+s.Second.Ledger().Count()
	}
	return stats
}

func leases(faults *fault.Injector) (active, ended []fault.Lease) {
	active, ended = []fault.Lease{}, []fault.Lease{}
	for _, l := range faults.Leases() {
		if l.Ended.IsZero() {
			active = append(active, l)
		} else {
			ended = append(ended, l)
		}
	}
	return active, ended
}
