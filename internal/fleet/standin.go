package fleet

import (
	"context"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/gate"
)

// standIns opens each stand-in and reroute that nothing keeps closed any more, and ends those
// whose time has passed. It returns how long to wait before the next look. Every node
// may do it: the journal takes each step once.
func (n *Node) standIns(ctx context.Context) (next time.Duration, err error) {
	next = time.Minute
	var open, end []string
	now := n.Desk.Now()
	sources := n.Sources()
	n.Desk.State.View(func() {
		if n.Unsettled != nil && n.Unsettled() {
			return
		}
		for _, d := range n.Directives.Book.InForce("") {
			switch {
			case d.Ready():
				next = min(next, time.Second) // what a gate says of its source is no fact
				if len(directive.Obstacles(d, n.Directives.Scene(d, sources, now))) == 0 {
					open = append(open, d.ID)
				}
			case d.Open() && !d.Opening.Ends.IsZero():
				if left := d.Opening.Ends.Sub(now); left > 0 {
					next = min(next, left)
				} else {
					end = append(end, d.ID)
				}
			}
		}
	})
	by := holdfast.Self("fleet")
	for _, id := range open {
		if err := n.Directives.Open(ctx, by, id, sources); err != nil {
			return 0, err
		}
	}
	for _, id := range end {
		if err := n.Directives.End(ctx, by, id); err != nil {
			return 0, err
		}
	}
	return next, nil
}

// Sources tells which advice source each process of a gate names, by boot id. What
// was said long ago counts too: a process keeps its source as long as it runs.
func (n *Node) Sources() map[string]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	named := map[string]string{}
	for _, l := range n.elsewhere {
		named[l.Heartbeat.Boot] = sourceOf(l.Heartbeat)
	}
	for _, l := range n.live {
		named[l.Heartbeat.Boot] = sourceOf(l.Heartbeat)
	}
	return named
}

// Fences tells what each process of a gate says of its fence, by boot id.
func (n *Node) Fences() map[string]directive.Fence {
	n.mu.Lock()
	defer n.mu.Unlock()
	named := map[string]directive.Fence{}
	for _, l := range n.elsewhere {
		named[l.Heartbeat.Boot] = fenceOf(l.Heartbeat)
	}
	for _, l := range n.live {
		named[l.Heartbeat.Boot] = fenceOf(l.Heartbeat)
	}
	return named
}

func fenceOf(h gate.Heartbeat) directive.Fence {
	return directive.Fence{ID: h.Fence.ID, Since: h.Fence.Since, Keep: h.Fence.Keep}
}

func sourceOf(h gate.Heartbeat) string { return h.StandIn.Source }
