package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
)

// plane is a control plane of one node whose messages a test can delay, lose and
// repeat.
type plane struct {
	mu      sync.Mutex
	set     posture.Set
	journal holdfast.Head
	changed chan struct{}

	enrolled []Enrolment
	beats    []Heartbeat
	reports  []Report
	entries  map[string]uint64 // recorded, by account

	// What goes wrong.
	refuseEnrol  error
	refuseBeat   error
	refuseReport error
	loseBeats    bool          // no answer ever comes
	loseAnswers  bool          // a report is recorded, its answer is lost
	beatTakes    time.Duration // between the barrier and the answer's arrival
	pushTakes    time.Duration // between a posture's commit and its arrival
	wrongNonce   bool
	hold         time.Duration // what the node asks for
	orders       []standin.Order
	trials       []standin.Trial // told where a report says something of stand-in
	page         *standin.FilePage
	resolve      []Resolution
	endStreams   chan struct{}
}

func newPlane(at holdfast.Position) *plane {
	return &plane{set: set(at), journal: headAt(at, byte(at)), changed: make(chan struct{}), entries: map[string]uint64{}, endStreams: make(chan struct{})}
}

// do changes the plane and wakes who follows it.
func (p *plane) do(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *plane) issue(at holdfast.Position, directives ...posture.Directive) {
	p.do(func() { p.set, p.journal = set(at, directives...), headAt(at, byte(at)) })
}

func (p *plane) look(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *plane) Enrol(_ context.Context, e Enrolment) (Enrolled, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuseEnrol != nil {
		return Enrolled{}, p.refuseEnrol
	}
	p.enrolled = append(p.enrolled, e)
	return Enrolled{Every: 5 * time.Second, Reported: p.entries[e.Account]}, nil
}

func (p *plane) Beat(ctx context.Context, h Heartbeat) (Beat, error) {
	p.mu.Lock()
	p.beats = append(p.beats, h)
	b := Beat{Nonce: h.Nonce, Journal: p.journal, Posture: p.set.Head, Lease: 30 * time.Second, Hold: p.hold}
	if p.wrongNonce {
		b.Nonce--
	}
	lose, err, takes := p.loseBeats, p.refuseBeat, p.beatTakes
	p.mu.Unlock()
	switch {
	case err != nil:
		return Beat{}, err
	case lose:
		<-ctx.Done()
		return Beat{}, ctx.Err()
	}
	return b, wait(ctx, takes)
}

func wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (p *plane) Follow(ctx context.Context, _, _ string, enforce func(posture.Set) error) error {
	for {
		p.mu.Lock()
		s, changed, takes, end := p.set, p.changed, p.pushTakes, p.endStreams
		p.mu.Unlock()
		if err := wait(ctx, takes); err != nil {
			return err
		}
		for range 2 { // each message comes twice
			if err := enforce(s); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-end:
			return nil
		case <-changed:
		}
	}
}

func (p *plane) Report(_ context.Context, r Report) (Reported, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuseReport != nil {
		return Reported{}, p.refuseReport
	}
	p.reports = append(p.reports, r)
	for _, e := range r.Entries {
		p.entries[r.Account] = max(p.entries[r.Account], e.Seq)
		if e.Outcome.Settled() {
			p.resolve = slices.DeleteFunc(p.resolve, func(o Resolution) bool { return o.Identity == e.Record.Identity })
		}
	}
	if p.loseAnswers {
		return Reported{}, errors.New("the connection broke")
	}
	told := Reported{Entries: p.entries[r.Account], Resolve: p.resolve}
	if r.StandIn != nil {
		told.StandIn, told.Trials = p.orders, p.trials
	}
	if r.Filed == nil {
		told.File = p.page
	}
	return told, nil
}

// acks lists the postures acknowledged so far, and marks those with a list.
func (p *plane) acks() (list string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var last holdfast.Head
	for _, r := range p.reports {
		for _, a := range r.Acks {
			if a.Posture == last && !a.Listed {
				continue // a repeat, which says nothing new
			}
			last = a.Posture
			list += fmt.Sprint(a.Posture.Position)
			if a.Listed {
				list += fmt.Sprintf("[%s]", identities(a.InFlight))
			}
			list += " "
		}
	}
	return list
}

// connected runs a gate with a plane in a bubble, from position 10.
func connected(t *testing.T, prepare func(*plane, *Options), f func(t *testing.T, g *Gate, p *plane)) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p := newPlane(10)
		o := options(dir)
		o.Clock = bubbleClock{time.Now()}
		if prepare != nil {
			prepare(p, &o)
		}
		g := start(t, o)
		end := run(t, g, p)
		f(t, g, p)
		end()
	})
}

// run runs a gate until the function it returns is called.
func run(t *testing.T, g *Gate, c Control) (end func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx, c) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
