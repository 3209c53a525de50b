package fault

import "time"

// Hit is one fault that applies to one request.
type Hit struct {
	Fault
	draw     float64 // places the jitter, 0 to 1
	injector *Injector
	lease    *lease // nil if the fault is of this request only
}

// Once makes a hit that belongs to no lease, for a fault that a single request
// asks for itself. The fault must be complete.
func Once(f Fault) Hit { return Hit{Fault: f} }

// Hits are the faults that apply to one request, in the order they started.
type Hits []Hit

// First returns the first hit of the kind.
func (h Hits) First(k Kind) (Hit, bool) {
	for _, hit := range h {
		if hit.Kind == k {
			return hit, true
		}
	}
	return Hit{}, false
}

// Delay is how late latency or late-answer makes this request.
func (h Hit) Delay() time.Duration {
	return milliseconds(h.DelayMS) + time.Duration(h.draw*float64(milliseconds(h.JitterMS)))
}

// Wait holds the request up for d, until the lease ends, or until stop is
// closed, whichever is first.
func (h Hit) Wait(d time.Duration, stop <-chan struct{}) {
	if d <= 0 || !h.Hold() {
		return
	}
	defer h.Release()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-h.done():
	case <-stop:
	}
}

func (h Hit) done() <-chan struct{} {
	if h.lease == nil {
		return nil
	}
	return h.lease.done
}

// Hold counts one thing that the fault holds up, until Release. It reports false,
// and counts nothing, if the lease has ended.
func (h Hit) Hold() bool {
	if h.lease == nil {
		return true
	}
	h.injector.mu.Lock()
	defer h.injector.mu.Unlock()
	if !h.lease.inForce(time.Now()) {
		return false
	}
	h.lease.Holding++
	return true
}

// Release undoes one Hold.
func (h Hit) Release() {
	if h.lease == nil {
		return
	}
	h.injector.mu.Lock()
	defer h.injector.mu.Unlock()
	h.lease.Holding--
	if h.lease.Holding == 0 && !h.lease.Ended.IsZero() {
		close(h.lease.idle)
	}
}

// Has reports whether one of the hits is of the same lease.
func (h Hits) Has(other Hit) bool {
	for _, hit := range h {
		if hit.lease == other.lease {
			return true
		}
	}
	return false
}
