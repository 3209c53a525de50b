package gate

import (
	"context"
	"time"
)

// The simulation stands outside the package, since it drives the control plane
// too, which the gate must not import. These are the steps of the gate's loops.

func (g *Gate) SimEnrol(ctx context.Context, c Control) (Enrolled, error) { return g.enrol(ctx, c) }

func (g *Gate) SimFollow(ctx context.Context, c Control) error { return g.follow(ctx, c) }

func (g *Gate) SimBeat(ctx context.Context, c Control, every time.Duration) error {
	return g.beatOnce(ctx, c, every)
}

func (g *Gate) SimReport(ctx context.Context, c Control) (more bool, err error) {
	return g.reportOnce(ctx, c)
}

func (g *Gate) SimKeep() { g.keepOnce() }

// SimInquire asks about every unknown outcome once.
func (g *Gate) SimInquire(ctx context.Context) {
	for _, r := range g.outcomes.unresolved() {
		if _, _, err := g.inquire(ctx, r); err != nil {
			return
		}
	}
}

// SimYield makes the fence wait by f.
func (g *Gate) SimYield(f func()) { g.ring.yield = f }

// SimSaid returns the acknowledgements that wait to be reported, and those that
// wait for the disk.
func (g *Gate) SimSaid() (said, owed []Acknowledgement) {
	g.outbox.mu.Lock()
	said = append(said, g.outbox.acks...)
	g.outbox.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	return said, append(owed, g.owed...)
}

// SimNow is the gate's wall clock, as acknowledgements have it.
func (g *Gate) SimNow() time.Time { return g.opt.Clock.Now().UTC() }
