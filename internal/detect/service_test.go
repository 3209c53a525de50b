package detect

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/enrolment"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/traffic"
)

// rig is a journal with control nodes, and gates that count what the test says.
type rig struct {
	*testing.T
	store *journal.Memory
	ctx   context.Context
	all   sync.WaitGroup

	mu      sync.Mutex
	log     bytes.Buffer
	failing float64 // the share of the payments that fail
	dead    bool    // the gate sends nothing
	quiet   bool
	refuse  atomic.Bool // appends are refused
	wanted  bool        // lines in the log are
}

func (r *rig) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(b)
}

// node is a control node.
type node struct {
	*Service
	stop context.CancelFunc
	done chan struct{}
}

type refusing struct {
	*journal.Memory
	r *rig
}

func (j refusing) Append(ctx context.Context, a journal.Append) (journal.Receipt, error) {
	if j.r.refuse.Load() {
		return journal.Receipt{}, holdfast.Errorf(holdfast.Unavailable, "the disk is full")
	}
	return j.Memory.Append(ctx, a)
}

func play(t *testing.T, story func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := &rig{T: t, store: journal.NewMemory("test"), ctx: ctx, failing: 0.02, quiet: true}
		story(r)
		cancel()
		r.all.Wait()
		if r.log.Len() > 0 && !r.wanted {
			t.Errorf("the log says\n%s", r.log.String())
		}
	})
}

// start starts a control node.
func (r *rig) start() *node {
	book, gates := alert.NewBook(), enrolment.NewBook()
	store := refusing{r.store, r}
	state := journal.NewState(store, r.store.Genesis(), book, gates)
	desk := &journal.Desk{Journal: store, State: state, Now: time.Now}
	s, err := NewService(Options{
		Desk: desk, Alerts: &alert.Service{Desk: desk, Book: book}, Gates: gates, Series: traffic.NewSeries(), Documents: r.store,
		Situation: func() (bool, bool) { r.mu.Lock(); defer r.mu.Unlock(); return r.quiet, false },
		Zone:      time.UTC, Language: holdfast.En, Log: slog.New(slog.NewTextHandler(r, nil)),
	})
	if err != nil {
		r.Fatal(err)
	}
	ctx, stop := context.WithCancel(r.ctx)
	n := &node{Service: s, stop: stop, done: make(chan struct{})}
	var loops sync.WaitGroup
	for _, loop := range []func(context.Context) error{state.Run, s.Run, n.traffic(r)} {
		r.all.Add(1)
		loops.Go(func() {
			defer r.all.Done()
			if err := loop(ctx); err != nil {
				r.Errorf("a loop ended: %v", err)
			}
		})
	}
	go func() { loops.Wait(); close(n.done) }()
	if _, err := desk.Do(r.ctx, holdfast.Actor{Kind: holdfast.Gate, ID: "east"}, func(time.Time) ([]journal.Draft, error) {
		if gates.Gate("east") != nil {
			return nil, nil
		}
		return enrolment.Enrol(nil, "east", enrolment.Enrolled{Boot: "one"})
	}); err != nil {
		r.Fatal(err)
	}
	return n
}

// end ends a node as a signal does.
func (n *node) end() { n.stop(); <-n.done }

// traffic counts 50 payments a second at the gate east.
func (n *node) traffic(r *rig) func(context.Context) error {
	return func(ctx context.Context) error {
		boot, tick := holdfast.NewID(), time.NewTicker(time.Second)
		defer tick.Stop()
		for sequence := uint64(1); ; sequence++ {
			select {
			case <-ctx.Done():
				return nil
			case now := <-tick.C:
				r.mu.Lock()
				bad, dead := int64(50*r.failing), r.dead
				r.mu.Unlock()
				if dead {
					continue
				}
				key := traffic.Key{Route: "pay", Channel: "qr", Kind: payment.Pay, Verdict: posture.Forward.String(), Outcome: payment.Done, Currency: "CNY"}
				failed := key
				failed.Outcome = payment.NotDone
				s := traffic.Snapshot{Boot: boot, Sequence: sequence, Second: now.Unix() - 1, Rows: []traffic.Row{
					{Key: key, Cell: traffic.Cell{Count: 50 - bad, Amount: 5000 * (50 - bad)}}, {Key: failed, Cell: traffic.Cell{Count: bad, Amount: 5000 * bad}},
				}}
				if err := n.Series.Add(now.Unix(), "east", s); err != nil {
					r.Error(err)
				}
			}
		}
	}
}

func (r *rig) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// alerts returns what the node knows of, oldest first.
func (n *node) alerts() (list []alert.Alert) {
	n.Desk.State.View(func() {
		for _, a := range n.Alerts.Book.All() {
			list = append([]alert.Alert{*a}, list...)
		}
	})
	return list
}

// let lets time pass.
func let(d time.Duration) { time.Sleep(d); synctest.Wait() }

func TestAlertsFollowTheFindings(t *testing.T) {
	t.Parallel()
	play(t, func(r *rig) {
		n := r.start()
		let(3 * time.Minute)
		if got := n.alerts(); len(got) != 0 {
			t.Fatalf("alerts: %+v", got)
		}
		r.set(func() { r.failing = 1 })
		began := time.Now()
		let(5 * time.Second)
		got := n.alerts()
		if len(got) != 1 || !got[0].Firing || got[0].Source != Source || got[0].Labels["severity"] != "critical" || got[0].Reporter != holdfast.Self("detect") {
			t.Fatalf("alerts: %+v", got)
		}
		if took := got[0].Received.Sub(began); took > 3*time.Second {
			t.Errorf("it took %s", took)
		}
		r.set(func() { r.failing = 0.02 })
		let(2 * time.Minute)
		if got := n.alerts(); len(got) != 1 || got[0].Firing {
			t.Errorf("afterwards: %+v", got)
		}
	})
}

// An alert that cannot be stored is stored when it can be, and said once.
func TestTheJournalIsAway(t *testing.T) {
	t.Parallel()
	play(t, func(r *rig) {
		n := r.start()
		let(2 * time.Minute)
		r.refuse.Store(true)
		r.set(func() { r.failing, r.wanted = 1, true })
		let(time.Minute)
		r.refuse.Store(false)
		let(6 * time.Second)
		if got := n.alerts(); len(got) != 1 || !got[0].Firing {
			t.Errorf("alerts: %+v", got)
		}
		if lines := bytes.Count(r.log.Bytes(), []byte("\n")); lines != 1 {
			t.Errorf("%d lines in the log:\n%s", lines, r.log.String())
		}
	})
}

// A node that takes over knows what is usual, and ends what the one before found.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	play(t, func(r *rig) {
		first, second := r.start(), r.start()
		let(3 * time.Minute)
		r.set(func() { r.failing = 0.3 })
		let(30 * time.Second)
		if got := second.alerts(); len(got) != 1 || !got[0].Firing {
			t.Fatalf("alerts: %+v", got)
		}
		judging := first
		if second.detector != nil {
			judging = second
		}
		if (first.detector != nil) == (second.detector != nil) {
			t.Fatal("not one judges")
		}
		judging.end()
		other := first
		if judging == first {
			other = second
		}
		let(15 * time.Second)
		if other.detector == nil || len(other.detector.Open()) != 1 {
			t.Fatal("nobody has taken over")
		}
		r.set(func() { r.failing = 0.02 })
		let(2 * time.Minute)
		if got := other.alerts(); len(got) != 1 || got[0].Firing {
			t.Errorf("afterwards: %+v", got)
		}
	})
}

// What a person dismisses is usual from then on; what fails beyond it is not.
func TestDismissed(t *testing.T) {
	t.Parallel()
	play(t, func(r *rig) {
		n := r.start()
		let(3 * time.Minute)
		r.set(func() { r.failing = 0.3 })
		let(30 * time.Second)
		got := n.alerts()
		if len(got) != 1 {
			t.Fatalf("alerts: %+v", got)
		}
		if err := n.Alerts.Dismiss(r.ctx, holdfast.Actor{Kind: holdfast.Account, ID: "mei"}, got[0].ID, "a test of the bank"); err != nil {
			t.Fatal(err)
		}
		let(10 * time.Minute)
		if got := n.alerts(); len(got) != 1 || got[0].Firing {
			t.Fatalf("afterwards: %+v", got)
		}
		r.set(func() { r.failing = 0.9 })
		let(10 * time.Second)
		if got := n.alerts(); len(got) != 2 || !got[1].Firing {
			t.Errorf("worse: %+v", got)
		}
	})
}

// A gate that sends nothing is an alert and no health, and one that is taken out
// of service is neither.
func TestGateSilent(t *testing.T) {
	t.Parallel()
	play(t, func(r *rig) {
		n := r.start()
		let(2 * time.Minute)
		r.set(func() { r.failing = 1 })
		let(5 * time.Second)
		r.set(func() { r.dead = true })
		let(time.Minute)
		got := n.alerts()
		if len(got) != 2 || !got[0].Firing || !got[1].Firing || got[1].Labels["gate"] != "east" || got[1].Labels["severity"] != "major" {
			t.Fatalf("alerts: %+v", got)
		}
		if err := (&enrolment.Service{Desk: n.Desk, Book: n.Gates}).Retire(r.ctx, holdfast.Actor{Kind: holdfast.Account, ID: "mei"}, "east", "the machine is gone"); err != nil {
			t.Fatal(err)
		}
		let(5 * time.Second)
		if got := n.alerts(); got[1].Firing || !got[0].Firing {
			t.Errorf("retired: %+v", got)
		}
		if seen := n.Series.Gates(); !seen[0].Gone {
			t.Errorf("its silence counts as missing: %+v", seen)
		}
	})
}

func TestOptions(t *testing.T) {
	t.Parallel()
	if _, err := NewService(Options{}); err == nil {
		t.Error("a service of nothing was made")
	}
}
