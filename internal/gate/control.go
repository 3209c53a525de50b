package gate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
	"holdfast/internal/traffic"
)

// Control is the control plane as a gate sees it. Package fleet implements it
// over the network and inside one process.
type Control interface {
	// Enrol makes this process known by a fact, before its first lease. Enrolling
	// the same boot id again changes nothing.
	Enrol(ctx context.Context, e Enrolment) (Enrolled, error)
	// Beat returns the head of the journal at a barrier that began after the
	// call arrived.
	Beat(ctx context.Context, h Heartbeat) (Beat, error)
	// Follow calls enforce with the present posture and then with each new one,
	// until ctx ends or enforce fails.
	Follow(ctx context.Context, gate, boot string, enforce func(posture.Set) error) error
	// Report hands over what the gate has to say. It returns when that is
	// recorded.
	Report(ctx context.Context, r Report) (Reported, error)
}

// Enrolment introduces a gate's process.
type Enrolment struct {
	Gate string `json:"gate"`
	Boot string `json:"boot"`
	// Replaces is the boot id that used the same directory before, Before those
	// that did before it and may not be known to be gone: their processes are, since
	// this one holds the directory's lock.
	Replaces string   `json:"replaces,omitempty"`
	Before   []string `json:"before,omitempty"`
	// Account is the id of the gate's account of unknown outcomes.
	Account string  `json:"account"`
	Version string  `json:"version"`
	Routes  []Route `json:"routes"`
	// Witness is the newest head of the journal this gate has seen.
	Witness holdfast.Head `json:"witness"`
}

// Enrolled is the answer.
type Enrolled struct {
	// Every is the time between heartbeats.
	Every time.Duration `json:"every"`
	// Reported is the last entry of the gate's account that is recorded.
	Reported uint64 `json:"reported"`
}

// Heartbeat asks for a lease.
type Heartbeat struct {
	Gate  string `json:"gate"`
	Boot  string `json:"boot"`
	Nonce uint64 `json:"nonce"`
	// Posture is what the gate enforces.
	Posture    holdfast.Head       `json:"posture"`
	Witness    holdfast.Head       `json:"witness"`
	InFlight   int                 `json:"in_flight"`
	Draining   int                 `json:"draining"`
	Unresolved int                 `json:"unresolved"`
	Local      []posture.Directive `json:"local,omitempty"`
	Alarm      string              `json:"alarm,omitempty"`
	StandIn    AdviceSource        `json:"stand_in,omitzero"`
	// PrimaryDown are the addresses of the primary that are left out since they gave no
	// answers.
	PrimaryDown []string `json:"primary_down,omitempty"`
	// Fence is what keeps each identity from one of two primaries; SecondDown is
	// PrimaryDown of the second one.
	Fence      ToldFence `json:"fence,omitzero"`
	SecondDown []string  `json:"second_down,omitempty"`
}

// ToldFence names the fence of a gate: gates with different ones could send an identity to
// both primaries. Since is from when on all that was sent is in it.
type ToldFence struct {
	ID    string    `json:"id"`
	Since time.Time `json:"since"`
	// Keep is how long it keeps what was sent.
	Keep time.Duration `json:"keep"`
}

// Fence is what keeps each identity from one of two primaries, as the control plane sees it.
type Fence interface {
	ID() string
	Since() time.Time
	Keep() time.Duration
}

// AdviceSource names where a gate keeps what it decides in stand-in: gates with
// different ones would both decide for a payer.
type AdviceSource struct {
	Source string `json:"source"`
}

// Beat is the answer.
type Beat struct {
	Nonce uint64 `json:"nonce"`
	// Journal is the journal's head at the barrier.
	Journal holdfast.Head `json:"journal"`
	// Posture is the head of the newest posture at or before Journal. The lease
	// counts once the gate enforces it.
	Posture holdfast.Head `json:"posture"`
	// Lease counts from when the heartbeat was sent, by the gate's clock.
	Lease time.Duration `json:"lease"`
	// Hold is how long the node needs to tell a new posture to all its gates. A gate
	// that enforces one keeps its acknowledgement so long, at most longestHold: the
	// word of the first must not take the node from telling the last.
	Hold time.Duration `json:"hold,omitempty"`
}

// Report is what a gate has to say. Any part may be empty.
type Report struct {
	Gate    string             `json:"gate"`
	Boot    string             `json:"boot"`
	Acks    []Acknowledgement  `json:"acks,omitempty"`
	Drained []Drained          `json:"drained,omitempty"`
	Account string             `json:"account"`
	Entries []Entry            `json:"entries,omitempty"`
	Counts  []traffic.Snapshot `json:"counts,omitempty"`
	// StandIn is what the gate has to say of stand-in; nil says nothing.
	StandIn *standin.Summary `json:"stand_in,omitempty"`
	// Filed answers a page of a settlement file.
	Filed *standin.FileWord `json:"filed,omitempty"`
	// Asking says how far inquiries are, about at most MaxAsked payments; nil says nothing.
	Asking *[]Asked `json:"asking,omitempty"`
	// Unlisted are the resolutions, told in the last answer, of payments that the gate does
	// not list as unknown: it has nothing to settle.
	Unlisted []string `json:"unlisted,omitempty"`
}

// Reported is the answer to a report.
type Reported struct {
	// Entries is the last entry of the gate's account that is recorded.
	Entries uint64 `json:"entries"`
	// StandIn are orders for the gate's deciders. They come again until a summary
	// says what became of them.
	StandIn []standin.Order `json:"stand_in,omitempty"`
	// Trials are the profiles to try in shadow from now on. They come in each answer to
	// a report that has something to say of stand-in.
	Trials []standin.Trial `json:"trials,omitempty"`
	// File is a page of a settlement file to compare, or to carry out. It comes again
	// until it is answered.
	File *standin.FilePage `json:"file,omitempty"`
	// Resolve is what people said of payments of unknown outcome. It comes again until an
	// entry settles the payment, or the gate says that it does not list it.
	Resolve []Resolution `json:"resolve,omitempty"`
}

// StandIn is what decides at the gate in place of the primary, as the control
// plane sees it.
type StandIn interface {
	// Install is given the posture that is in force from now on. It must not block.
	Install(set posture.Set)
	// Learn is told that the primary has done, or not done, a payment of unknown
	// outcome. It must not block.
	Learn(identity string, done bool)
	// Source is the id of the advice source; empty while it is not known.
	Source() string
	// Summary is what there is to tell; nil for nothing.
	Summary(now time.Time) *standin.Summary
	// Carry is given the orders of people. It must not block.
	Carry(orders []standin.Order)
	// CompareFile compares a page of the primary's settlement file with what is known,
	// or carries it out. One caller hands the pages in, in their order.
	CompareFile(ctx context.Context, p *standin.FilePage) (*standin.FileWord, error)
}

// Shadow tries profiles beside the primary, as the control plane sees it.
type Shadow interface {
	// Try is given what is tried from now on. It must not block.
	Try(trials []standin.Trial)
	// Figures are what was found.
	Figures() []standin.TrialFigures
}

// Limits on what waits to be reported. Counts older than two minutes have no
// place in the control plane's series; entries stay on disk until reported.
const (
	maxCountsWaiting  = 120
	maxEntriesAtOnce  = 500
	reportTimeout     = 10 * time.Second
	firstRetry        = 100 * time.Millisecond
	longestRetry      = 3 * time.Second
	syncOutcomesEvery = time.Second
	longestHold       = 20 * time.Millisecond
	tellStandInEvery  = 2 * time.Second
)

// Run connects the gate to the control plane, settles unknown outcomes and
// keeps the gate's books until ctx ends. Without a control plane (nil) it does
// the rest. Payments pass whether Run runs or not.
func (g *Gate) Run(ctx context.Context, control Control) error {
	loops := []func(context.Context) error{g.keepBooks, g.resolve, g.compareFiles}
	if control != nil {
		loops = append(loops, func(ctx context.Context) error { return g.keepSession(ctx, control) })
	}
	err := together(ctx, loops...)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// together runs the loops until one returns, ends the others and returns the
// first error.
func together(ctx context.Context, loops ...func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for _, loop := range loops {
		wg.Go(func() { cancel(loop(ctx)) })
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (g *Gate) keepBooks(ctx context.Context) error {
	tick := time.NewTicker(syncOutcomesEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		g.keepOnce()
	}
}

// keepOnce is a second's work of keepBooks.
func (g *Gate) keepOnce() {
	snapshot := g.counter.Take(g.opt.Clock.Now().Add(-time.Second).Unix())
	g.outbox.count(snapshot)
	if g.opt.Counts != nil {
		g.opt.Counts(snapshot)
	}
	if err := g.outcomes.sync(); err != nil {
		g.opt.Log.Error("the account of unknown outcomes cannot be synced", "error", err)
	}
	if err := g.saveWitness(); err != nil {
		g.opt.Log.Error("the newest head seen cannot be written", "error", err)
	}
	if err := g.saveAgain(); err != nil {
		g.opt.Log.Error("the posture is in force but still not on disk", "error", err)
	}
	if g.opt.Alone {
		g.drained() // nobody asks
	}
}

// keepSession holds a session with the control plane, again and again.
func (g *Gate) keepSession(ctx context.Context, control Control) error {
	wait := firstRetry
	for {
		begun := g.opt.Clock.Boot()
		err := g.session(ctx, control)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		g.opt.Log.Warn("no session with the control plane; the last posture stays in force", "error", err)
		if g.opt.Clock.Boot()-begun > longestRetry {
			wait = firstRetry
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		wait = min(2*wait, longestRetry)
	}
}

func (g *Gate) session(ctx context.Context, control Control) error {
	enrolled, err := g.enrol(ctx, control)
	if err != nil {
		return err
	}
	return together(ctx,
		func(ctx context.Context) error { return g.follow(ctx, control) },
		func(ctx context.Context) error { return g.beat(ctx, control, enrolled.Every) },
		func(ctx context.Context) error { return g.report(ctx, control) },
	)
}

func (g *Gate) enrol(ctx context.Context, control Control) (Enrolled, error) {
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	g.mu.Lock()
	e := Enrolment{
		Gate: g.opt.Name, Boot: g.boot, Account: g.outcomes.id(), Version: g.opt.Version,
		Routes: g.opt.Routes, Witness: g.witness,
	}
	if n := len(g.before); n > 0 {
		e.Replaces, e.Before = g.before[n-1], g.before[:n-1]
	}
	g.mu.Unlock()
	enrolled, err := control.Enrol(ctx, e)
	if holdfast.CodeOf(err) == holdfast.Damaged {
		// The node's journal does not hold what this gate has seen.
		g.mu.Lock()
		err = g.raise(alarmHistory, err)
		g.mu.Unlock()
	}
	if err != nil {
		return Enrolled{}, fmt.Errorf("enrol: %w", err)
	}
	if enrolled.Every <= 0 {
		return Enrolled{}, errors.New("enrol: the answer names no time between heartbeats")
	}
	g.mu.Lock()
	g.before = nil // the control plane knows now
	g.lags = 0
	g.mu.Unlock()
	// Read and written by the session that follows, which begins after this.
	g.forgotten = g.outcomes.beyond(enrolled.Reported)
	return enrolled, g.outcomes.confirm(enrolled.Reported)
}

func (g *Gate) follow(ctx context.Context, control Control) error {
	err := control.Follow(ctx, g.opt.Name, g.boot, func(set posture.Set) error {
		ack, err := g.Enforce(set)
		if err != nil {
			// Shown as the gate's alarm and in each heartbeat. The stream goes on: the
			// next posture may be one that this gate can enforce.
			g.opt.Log.Error("a posture was not taken", "position", set.Head.Position, "error", err)
			return nil
		}
		if ack != nil {
			g.outbox.acknowledge(*ack)
		}
		return nil
	})
	return fmt.Errorf("follow the posture: %w", orEnded(err))
}

// beat sends heartbeats. Each answer belongs to its own request, so a late one
// can only give a shorter lease. No two heartbeats of this process have the same
// nonce, so the answer to one of an earlier session is told apart, too.
func (g *Gate) beat(ctx context.Context, control Control, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := g.beatOnce(ctx, control, every); err != nil {
			return fmt.Errorf("heartbeat: %w", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (g *Gate) beatOnce(ctx context.Context, control Control, every time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, max(4*every, time.Second))
	defer cancel()
	if err := g.behind(every); err != nil {
		return err
	}
	nonce := g.nonce.Add(1)
	h := g.heartbeat(nonce)
	t0 := g.opt.Clock.Boot() // before the heartbeat leaves
	beat, err := control.Beat(ctx, h)
	if holdfast.CodeOf(err) == holdfast.Damaged {
		return g.refused(err)
	}
	if err != nil {
		return err
	}
	if beat.Nonce != nonce {
		return fmt.Errorf("the answer is to heartbeat %d, not %d", beat.Nonce, nonce)
	}
	return g.takeBeat(t0, h.Witness, beat)
}

// refused is a heartbeat that gave no lease, since the node's journal does not
// hold what this gate has seen. The session goes on: through it come that
// journal's restrictions, which this gate enforces beside its own.
func (g *Gate) refused(why error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lease.drop()
	if g.alarm[alarmHistory] == "" {
		why = g.raise(alarmHistory, fmt.Errorf("%w; when the new journal is right, run: holdfast gate accept", why))
		g.opt.Log.Error("the control plane's journal is not the one this gate has followed: no lease", "error", why)
	}
	return nil
}

// behind is an error if the posture that a heartbeat's answer named has not come
// for twelve heartbeats, which is two leases: the stream is dead though the
// connection seems to live. A new session brings the posture at once.
func (g *Gate) behind(every time.Duration) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.opt.Clock.Boot()
	if g.seen.Posture.Journal == "" || g.alarm[alarmHistory] != "" || reaches(g.set.Head, g.seen.Posture) {
		g.lags = 0
		return nil
	}
	if g.lags == 0 {
		g.lags = now
	}
	if now-g.lags <= 12*every {
		return nil
	}
	return fmt.Errorf("the control plane is at posture %d and has not sent it; this gate enforces %d", g.seen.Posture.Position, g.set.Head.Position)
}

func (g *Gate) heartbeat(nonce uint64) Heartbeat {
	draining := g.draining()
	var source AdviceSource
	if g.opt.StandIn != nil {
		source.Source = g.opt.StandIn.Source()
	}
	var down []string
	if g.opt.PrimaryDown != nil {
		down = g.opt.PrimaryDown()
	}
	var second []string
	if g.opt.SecondDown != nil {
		second = g.opt.SecondDown()
	}
	var fence ToldFence
	if f := g.opt.Fence; f != nil {
		fence = ToldFence{f.ID(), f.Since(), f.Keep()}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return Heartbeat{
		Gate: g.opt.Name, Boot: g.boot, Nonce: nonce,
		Posture: g.set.Head, Witness: g.witness,
		InFlight: g.ring.inUse(), Draining: draining, Unresolved: g.outcomes.count(),
		Local: g.local, Alarm: g.alarmText(), StandIn: source, PrimaryDown: down,
		Fence: fence, SecondDown: second,
	}
}

// takeBeat takes the lease a beat offers, unless its journal is not the one the
// gate has followed or is behind what the gate had seen when it sent the
// heartbeat at t0.
func (g *Gate) takeBeat(t0 time.Duration, sent holdfast.Head, b Beat) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.judgeBeat(sent, b); err != nil {
		g.lease.drop()
		return g.raise(alarmHistory, err)
	}
	g.witness, g.seen = later(g.witness, b.Journal), b
	if g.alarm[alarmHistory] != "" {
		g.calm(alarmHistory)
	}
	enforced := g.set.Head
	if g.unsaved || g.installed.Load().posture.IsClosed() {
		enforced = holdfast.Head{} // the grant waits until a posture is in force for good
	}
	g.lease.offer(grant{head: b.Posture, until: t0 + b.Lease}, enforced)
	return nil
}

func orEnded(err error) error {
	if err == nil {
		return errors.New("the control plane ended the stream")
	}
	return err
}
