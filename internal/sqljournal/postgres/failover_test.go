package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/postgres"
	"holdfast/internal/sqljournal/postgres/cluster"
	"holdfast/internal/standin/advice"
)

// pair is a primary and a standby of it.
func pair(t *testing.T) (primary, standby *cluster.Server) {
	t.Helper()
	primary, err := cluster.Start(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeServer(t, primary) })
	if standby, err = primary.Standby(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeServer(t, standby) })
	return primary, standby
}

func closeServer(t *testing.T, s *cluster.Server) {
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// load is writers that each write one thing after the other until stop ends them,
// settling doubt as a desk does. It keeps what was acknowledged.
type load struct {
	stop  context.CancelFunc
	wg    sync.WaitGroup
	count atomic.Int64

	mu    sync.Mutex
	acked map[string]journal.Receipt
	// resumed gets the moments at which writes were acknowledged, once asked for.
	resumed chan time.Time
}

func newLoad(t *testing.T) (*load, context.Context) {
	ctx, stop := context.WithCancel(t.Context())
	return &load{stop: stop, acked: map[string]journal.Receipt{}, resumed: make(chan time.Time)}, ctx
}

func startLoad(t *testing.T, stores ...*postgres.Store) *load {
	l, ctx := newLoad(t)
	for i, s := range stores {
		for w := range 4 {
			l.run(ctx, t, func(n int) (func(), error) {
				a := fact(fmt.Sprintf("%d-%d-%d", i, w, n), fmt.Sprintf("thing/%d-%d", i, w), holdfast.Revision(n))
				receipt, err := s.Append(ctx, a)
				return func() { l.acked[a.ID] = receipt }, err
			})
		}
	}
	return l
}

// run is a writer: write makes the nth write and returns how to keep it. It is
// called again until its answer is certain.
func (l *load) run(ctx context.Context, t *testing.T, write func(n int) (keep func(), err error)) {
	l.wg.Go(func() {
		for n := 0; ctx.Err() == nil; {
			keep, err := write(n)
			switch code := holdfast.CodeOf(err); {
			case err == nil:
				l.mu.Lock()
				keep()
				l.mu.Unlock()
				l.count.Add(1)
				n++
				select {
				case l.resumed <- time.Now():
				default:
				}
			case code != holdfast.Doubtful && code != holdfast.Unavailable:
				t.Error(err)
				return
			}
		}
	})
}

// reach returns once n more writes were acknowledged.
func (l *load) reach(n int64) {
	for n += l.count.Load(); l.count.Load() < n; {
		<-l.resumed
	}
}

// check ends the load and holds the journal to what was acknowledged.
func (l *load) check(t *testing.T, s *postgres.Store) {
	t.Helper()
	l.stop()
	l.wg.Wait()
	head, err := s.Barrier(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]journal.Receipt{}
	before := s.Genesis()
	for before.Position < head.Position {
		facts, err := s.Read(t.Context(), before.Position, 1000)
		if err != nil || len(facts) == 0 {
			t.Fatalf("after %d: %d facts, error %v", before.Position, len(facts), err)
		}
		for _, f := range facts {
			if err := journal.Verify(before, f); err != nil {
				t.Fatal(err)
			}
			if _, twice := found[f.Append]; twice {
				t.Errorf("append %s is there twice", f.Append)
			}
			found[f.Append] = journal.Receipt{First: f.Position, Last: f.Position}
			before.Position, before.Hash = f.Position, f.Hash
		}
	}
	for id, receipt := range l.acked {
		if found[id] != receipt {
			t.Errorf("append %s was acknowledged at %v and is at %v", id, receipt, found[id])
		}
	}
	t.Logf("%d appends were acknowledged; the journal has %d", len(l.acked), len(found))
}

func wantDurability(t *testing.T, s *postgres.Store, fault journal.Fault, machines int) {
	t.Helper()
	if _, err := s.Barrier(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := journal.Durability{Engine: "postgresql", Machines: machines, MayConfirm: fault == "", Fault: fault}
	if got := s.Durability(); got != want {
		t.Errorf("%+v, not %+v", got, want)
	}
}

// TestFailOver kills a primary under load and promotes its synchronous standby:
// nothing that was acknowledged is lost, neither of a journal nor of decisions of
// stand-in, two nodes go on by themselves, and two gates do once nothing can be lost
// again. HOLDFAST_SOAK=1 does so
// 40 times.
func TestFailOver(t *testing.T) {
	t.Parallel()
	if os.Getenv("HOLDFAST_SOAK") == "" {
		failOver(t, 500)
		return
	}
	for round := range 40 {
		t.Run(fmt.Sprint(round), func(t *testing.T) { failOver(t, 100+rand.Int64N(2000)) })
	}
}

func failOver(t *testing.T, after int64) {
	primary, standby := pair(t)
	o := postgres.Options{Source: cluster.Source(primary, standby)}
	one, two := open(t, o), open(t, o)
	wantDurability(t, one, journal.NotSynchronous, 1)
	if err := primary.Set(t.Context(), "synchronous_standby_names", "b"); err != nil {
		t.Fatal(err)
	}
	l, advices := startLoad(t, one, two), startAdvices(t, o.Source)
	l.reach(after)
	advices.reach(10)
	wantDurability(t, one, "", 2)
	primary.Kill()
	if err := standby.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	writable := time.Now()
	if err := standby.Exec(t.Context(), "CREATE TABLE takes_writes ()"); err != nil {
		t.Fatal(err)
	}
	for at := range l.resumed {
		if at.After(writable) {
			if late := at.Sub(writable); late > 2*time.Second {
				t.Errorf("the journal went on %v after the standby took writes", late)
			}
			break
		}
	}
	l.reach(after)
	wantDurability(t, two, journal.NotSynchronous, 1)
	// A server alone could lose what it acknowledges: no gate approves until it has a
	// standby again.
	if _, err := advices.gates[0].Append(t.Context(), []advice.Pack{{Shard: 8, ID: "refused", Body: []byte("x")}}); err == nil {
		t.Error("an append was acknowledged by a server that has no standby any more")
	}
	if err := primary.Follow(t.Context(), standby, "a"); err != nil {
		t.Fatal(err)
	}
	if err := standby.Set(t.Context(), "synchronous_standby_names", "a"); err != nil {
		t.Fatal(err)
	}
	close(advices.mended)
	advices.reach(10)
	l.check(t, two)
	advices.check(t)
	// What one node wrote last the other has read.
	if err := one.Wait(t.Context(), two.Head().Position-1); err != nil {
		t.Fatal(err)
	}
}

// TestHangingPrimary stops a primary instead of killing it: the commit in the air
// gets no answer, and no error either.
func TestHangingPrimary(t *testing.T) {
	t.Parallel()
	primary, standby := pair(t)
	s := open(t, postgres.Options{Source: cluster.Source(primary, standby)})
	if err := primary.Set(t.Context(), "synchronous_standby_names", "b"); err != nil {
		t.Fatal(err)
	}
	l := startLoad(t, s)
	l.reach(100)
	primary.Signal(syscall.SIGSTOP)
	if err := standby.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.reach(100)
	l.check(t, s)
	// The old primary comes back, sure that it is the one, and is not believed.
	primary.Signal(syscall.SIGCONT)
	if _, err := s.Barrier(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestCancelledWait cancels a commit's wait for a standby, which makes it visible
// though a fail-over would lose it.
func TestCancelledWait(t *testing.T) {
	t.Parallel()
	primary, err := cluster.Start(t.Context(), map[string]string{"synchronous_standby_names": "nobody"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeServer(t, primary) })
	watcher, err := primary.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Close(t.Context())
	cancel := func() {
		for n := 0; n == 0; {
			err := watcher.QueryRow(t.Context(), `SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`).Scan(&n)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	opened := make(chan *postgres.Store)
	go func() {
		s, err := postgres.Open(t.Context(), postgres.Options{Source: primary.Source()})
		if err != nil {
			t.Error(err)
		}
		opened <- s
	}()
	cancel() // making the journal waits, too
	s := <-opened
	if s == nil {
		t.FailNow()
	}
	t.Cleanup(func() { s.Close() })
	answer := make(chan error, 1)
	for _, what := range []string{"the append", "its repetition"} {
		go func() { answer <- second(s.Append(t.Context(), fact("a", "thing/1", 0))) }()
		cancel()
		if err := <-answer; holdfast.CodeOf(err) != holdfast.Doubtful {
			t.Fatalf("%s whose wait was cancelled answered %v", what, err)
		}
	}
	go func() { answer <- second(s.Barrier(t.Context())) }()
	cancel()
	if err := <-answer; holdfast.CodeOf(err) != holdfast.Unavailable {
		t.Fatalf("a barrier whose wait was cancelled answered %v", err)
	}
	if err := primary.Set(t.Context(), "synchronous_standby_names", ""); err != nil {
		t.Fatal(err)
	}
	if receipt := mustAppend(t, s, fact("a", "thing/1", 0)); receipt != (journal.Receipt{First: 1, Last: 1}) {
		t.Errorf("the doubt was settled with %v", receipt)
	}
}

// TestLostConnection takes the connection away while an append waits for the lock
// on positions.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	source := newSource(t)
	s := open(t, postgres.Options{Source: source + " application_name=lost"})
	other := session(t, source+" application_name=other")
	exec(t, other, `BEGIN`, `SELECT FROM meta FOR UPDATE`)
	answer := make(chan error, 1)
	go func() { answer <- second(s.Append(t.Context(), fact("a", "thing/1", 0))) }()
	watcher := session(t, source)
	for n := 0; n == 0; {
		err := watcher.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'lost' AND wait_event_type = 'Lock'`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, <-answer, holdfast.Doubtful)
	exec(t, other, `ROLLBACK`)
	if receipt := mustAppend(t, s, fact("a", "thing/1", 0)); receipt.First != 1 {
		t.Errorf("the doubt was settled with %v", receipt)
	}
}

// TestAllConnectionsLost shows that reading, waiting and documents go on.
func TestAllConnectionsLost(t *testing.T) {
	t.Parallel()
	source := newSource(t)
	s := open(t, postgres.Options{Source: source + " application_name=all"})
	other := open(t, postgres.Options{Source: source})
	mustAppend(t, s, fact("a", "thing/1", 0))
	if _, err := s.Read(t.Context(), 0, 1); err != nil {
		t.Fatal(err)
	}
	exec(t, session(t, source+" application_name=killer"), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'all'`)
	mustAppend(t, other, fact("b", "thing/2", 0))
	if err := s.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if facts, err := s.Read(t.Context(), 1, 1); err != nil || len(facts) != 1 || facts[0].Append != "b" {
		t.Fatalf("%d facts, error %v", len(facts), err)
	}
	for {
		_, err := s.PutDocument(t.Context(), journal.Document{Key: "k"})
		if holdfast.CodeOf(err) == holdfast.Doubtful {
			continue
		}
		if err != nil && holdfast.CodeOf(err) != holdfast.Conflict {
			t.Fatal(err)
		}
		break
	}
}

// TestHeldLock shows that a node which hangs while it holds the lock on positions
// costs others a bounded time, and that nothing is written then.
func TestHeldLock(t *testing.T) {
	t.Parallel()
	source := newSource(t)
	s := open(t, postgres.Options{Source: source + " lock_timeout=50"})
	other := session(t, source)
	exec(t, other, `BEGIN`, `SELECT FROM meta FOR UPDATE`)
	wantCode(t, second(s.Append(t.Context(), fact("a", "thing/1", 0))), holdfast.Unavailable)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Append(ctx, fact("a", "thing/1", 0)); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	exec(t, other, `ROLLBACK`)
	if receipt := mustAppend(t, s, fact("b", "thing/1", 0)); receipt.First != 1 {
		t.Errorf("something else was written: %v", receipt)
	}
}

// TestTwoNodes writes through two stores at once. Each sees what the other
// writes, and of two that expect the same revision one wins.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	o := postgres.Options{Source: newSource(t)}
	stores := []*postgres.Store{open(t, o), open(t, o)}
	if stores[0].Genesis() != stores[1].Genesis() {
		t.Fatalf("two journals: %v and %v", stores[0].Genesis(), stores[1].Genesis())
	}
	var won [2]atomic.Int64
	var wg sync.WaitGroup
	const rounds = 50
	for i, s := range stores {
		wg.Go(func() {
			for r := holdfast.Revision(0); r < rounds; r++ {
				_, err := s.Append(t.Context(), fact(fmt.Sprintf("%d-%d", i, r), "thing/shared", r))
				var moved *journal.Mismatch
				switch {
				case err == nil:
					won[i].Add(1)
				case !errors.As(err, &moved) || moved.Actual <= r:
					t.Error(err)
				}
				if err := s.Wait(t.Context(), holdfast.Position(r)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := won[0].Load() + won[1].Load(); n != rounds {
		t.Errorf("%d appends won, not %d", n, rounds)
	}
	a, errA := stores[0].Barrier(t.Context())
	b, errB := stores[1].Barrier(t.Context())
	if errA != nil || errB != nil || a != b || a.Position != rounds {
		t.Errorf("heads %v and %v, errors %v and %v", a, b, errA, errB)
	}
}

// TestUnreachable has nobody at the other end.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(t.Context(), postgres.Options{Source: "host=" + t.TempDir() + " user=holdfast password=geheim"})
	wantCode(t, err, holdfast.Unavailable)
	_, err = postgres.Open(t.Context(), postgres.Options{Source: "postgres://%zz"})
	wantCode(t, err, holdfast.Invalid)
}

// TestOpenUnderLoad opens and checks the journal again and again while others
// write: what moves on between two looks is not damage.
func TestOpenUnderLoad(t *testing.T) {
	t.Parallel()
	o := postgres.Options{Source: newSource(t)}
	s := open(t, o)
	l := startLoad(t, s)
	l.reach(10)
	for range 50 {
		again, err := postgres.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if found, err := again.Check(t.Context()); err != nil || len(found.Problems) > 0 {
			t.Fatalf("%+v, %v", found.Problems, err)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
	l.reach(10)
	l.check(t, s)
}
