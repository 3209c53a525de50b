package fault

import (
	"strconv"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/sandbox/world"
)

const (
	// maxActive bounds the leases in force at one time, keepEnded those that are
	// still listed after their end.
	maxActive = 100
	keepEnded = 200

	// settle is Injector.Settle's default.
	settle = 2 * time.Second
)

// Lease is a fault in force, or one that was.
type Lease struct {
	ID string `json:"id"`
	Fault
	Started time.Time `json:"started"`
	Expires time.Time `json:"expires"`
	// Ended is when it ended; zero while it is in force. EndedBy is "expiry" or
	// "hand".
	Ended   time.Time `json:"ended,omitzero"`
	EndedBy string    `json:"ended_by,omitempty"`
	// Hits counts the requests, for a refusal the connections, it was applied to.
	Hits int64 `json:"hits"`
	// Holding counts what it is holding up now: requests, or for an outage the
	// port. A lease that has ended and still holds something has not ended yet for
	// those who wait.
	Holding int `json:"holding"`
}

// lease is guarded by the injector's mutex.
type lease struct {
	Lease
	done chan struct{} // closed at the end
	idle chan struct{} // closed once it has ended and holds nothing
	by   *time.Timer
}

// Injector holds the leases. Its methods may be called concurrently.
type Injector struct {
	// Settle is how long ending a fault waits for what it was holding up; set it
	// before the first use. Default 2 s.
	Settle time.Duration

	seed uint64

	mu      sync.Mutex
	last    int      // number of the newest lease
	leases  []*lease // oldest first, ended ones among them
	changed chan struct{}
}

// NewInjector makes an injector without faults.
func NewInjector(seed uint64) *Injector {
	return &Injector{Settle: settle, seed: seed, changed: make(chan struct{})}
}

// Start puts the fault in force.
func (i *Injector) Start(f Fault) (Lease, error) {
	f, err := f.Complete()
	if err != nil {
		return Lease{}, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.forget()
	active := 0
	for _, l := range i.leases {
		if l.Ended.IsZero() {
			active++
		}
	}
	if active >= maxActive {
		return Lease{}, holdfast.Errorf(holdfast.TooMany, "%d faults are in force already; end some first", active)
	}
	i.last++
	now := time.Now()
	length := time.Duration(f.Seconds) * time.Second
	l := &lease{
		Lease: Lease{ID: "fault_" + strconv.Itoa(i.last), Fault: f, Started: now, Expires: now.Add(length)},
		done:  make(chan struct{}), idle: make(chan struct{}),
	}
	l.by = time.AfterFunc(length, func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.end(l, "expiry")
	})
	i.leases = append(i.leases, l)
	i.signal()
	return l.Lease, nil
}

// forget drops the oldest ended leases while too many are listed.
func (i *Injector) forget() {
	ended := 0
	for _, l := range i.leases {
		if !l.Ended.IsZero() && l.Holding == 0 {
			ended++
		}
	}
	kept := i.leases[:0]
	for _, l := range i.leases {
		if ended > keepEnded && !l.Ended.IsZero() && l.Holding == 0 {
			ended--
			continue
		}
		kept = append(kept, l)
	}
	clear(i.leases[len(kept):])
	i.leases = kept
}

func (i *Injector) end(l *lease, by string) {
	if !l.Ended.IsZero() {
		return
	}
	l.by.Stop()
	l.Ended, l.EndedBy = time.Now(), by
	close(l.done)
	if l.Holding == 0 {
		close(l.idle)
	}
	i.signal()
}

func (i *Injector) signal() {
	close(i.changed)
	i.changed = make(chan struct{})
}

// Leases returns the leases, oldest first, ended ones among them.
func (i *Injector) Leases() []Lease {
	i.mu.Lock()
	defer i.mu.Unlock()
	all := make([]Lease, 0, len(i.leases))
	for _, l := range i.leases {
		all = append(all, l.Lease)
	}
	return all
}

// End ends one lease and waits, as long as Settle says, for what it was holding up.
// Ending one that has ended is no error.
func (i *Injector) End(id string) (Lease, error) {
	i.mu.Lock()
	var found *lease
	for _, l := range i.leases {
		if l.ID == id {
			found = l
			i.end(l, "hand")
		}
	}
	i.mu.Unlock()
	if found == nil {
		return Lease{}, holdfast.Errorf(holdfast.NotFound, "there is no fault %q; list the faults to see their ids", id)
	}
	await(time.After(i.Settle), found)
	i.mu.Lock()
	defer i.mu.Unlock()
	return found.Lease, nil
}

// EndAll ends every lease in force, waits, as long as Settle says, for what they
// were holding up, and returns them. The second list holds every lease, whenever it
// ended, that is still holding something up.
func (i *Injector) EndAll() (ended, notEnded []Lease) {
	i.mu.Lock()
	var all []*lease
	for _, l := range i.leases {
		if l.Ended.IsZero() {
			i.end(l, "hand")
			all = append(all, l)
		}
	}
	i.mu.Unlock()
	await(time.After(i.Settle), all...)
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, l := range all {
		ended = append(ended, l.Lease)
	}
	for _, l := range i.leases {
		if l.Holding > 0 {
			notEnded = append(notEnded, l.Lease)
		}
	}
	return ended, notEnded
}

func await(limit <-chan time.Time, leases ...*lease) {
	for _, l := range leases {
		select {
		case <-l.idle:
		case <-limit:
			return
		}
	}
}

// inForce reports whether the lease counts now. The clock is asked each time: a
// timer that fires late does not make a fault longer.
func (l *lease) inForce(now time.Time) bool { return l.Ended.IsZero() && now.Before(l.Expires) }

// hits reports whether the identity is among those the fault hits.
func (i *Injector) hits(f Fault, identity string) bool {
	return f.Share == 1 || world.Share(world.Hash(i.seed+f.Salt, identity)) < f.Share
}

// Decide returns the faults that hit the request, in the order they started.
func (i *Injector) Decide(o Operation) Hits {
	i.mu.Lock()
	defer i.mu.Unlock()
	var hits Hits
	now := time.Now()
	for _, l := range i.leases {
		if l.Kind == Refusal || l.Kind == Outage || !l.inForce(now) || !l.Scope.covers(o) || !i.hits(l.Fault, o.Identity) {
			continue
		}
		l.Hits++
		hits = append(hits, Hit{Fault: l.Fault, draw: world.Share(world.Hash(i.seed+l.Salt+1, o.Identity)), injector: i, lease: l})
	}
	return hits
}

// Refuses reports whether the connection with this number is to be reset.
func (i *Injector) Refuses(connection uint64) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	refused := false
	now := time.Now()
	for _, l := range i.leases {
		if l.Kind == Refusal && l.inForce(now) && i.hits(l.Fault, "connection "+strconv.FormatUint(connection, 10)) {
			l.Hits++
			refused = true
		}
	}
	return refused
}

// Outages returns the outages in force and a channel that is closed when a lease
// starts or ends.
func (i *Injector) Outages() (Hits, <-chan struct{}) {
	i.mu.Lock()
	defer i.mu.Unlock()
	var hits Hits
	now := time.Now()
	for _, l := range i.leases {
		if l.Kind == Outage && l.inForce(now) {
			hits = append(hits, Hit{Fault: l.Fault, injector: i, lease: l})
		}
	}
	return hits, i.changed
}
