package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/client"
	"holdfast/internal/gate"
	"holdfast/internal/sandbox"
	"holdfast/internal/sqljournal/postgres/cluster"
	"holdfast/internal/view"
)

// Somebody pulls plugs on PostgreSQL: two control nodes share a database with a
// synchronous standby. Gates and nodes are killed or stand still, and so does the
// database, while customers pay and an operator acts. In a fail-over the primary
// is killed and its standby promoted; nodes and gates go on by themselves. The
// checks are those of TestKills. HOLDFAST_SOAK=1 does it a hundred times.
func TestKillsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	k := openFailing(t, seedOf(t))
	k.operator.awaitRound(t)
	static, strict := k.gates[0], k.gates[1]
	events := []event{
		{"a static gate is killed", func() { k.killGate(static) }},
		{"a strict gate is killed", func() { k.killGate(strict) }},
		{"a static gate stands still", func() { k.hold(static, k.stayDown) }},
		{"a strict gate stands still while something is confirmed", func() { k.hold(strict, k.awaitOrder) }},
		{"a node is killed", k.killNode},
		{"a node stands still", func() { k.hold(k.nodes[k.rng.IntN(2)].process, k.stayDown) }},
		{"the database stands still until no gate has a lease", k.holdDatabase},
		{"the database fails over", k.failOver},
	}
	turns := len(events)
	if os.Getenv("HOLDFAST_SOAK") != "" {
		turns = 100
	}
	for n := range turns {
		if n%len(events) == 0 { // each has its turn
			k.rng.Shuffle(len(events), func(a, b int) { events[a], events[b] = events[b], events[a] })
		}
		e := events[n%len(events)]
		t.Logf("%d. %s", n+1, e.what)
		e.happens()
		k.check()
		if t.Failed() {
			t.Fatalf("that was found after event %d: %s", n+1, e.what)
		}
	}
	for more := 0; len(k.caught) == 0 && more < 20; more++ { // the kills hit moments of quiet, which prove nothing
		t.Logf("a static gate is killed once more")
		k.killGate(static)
		k.check()
	}
	k.settle()
	k.end()
}

// event is something that somebody does to a part.
type event struct {
	what    string
	happens func()
}

// failing is a system of two nodes on a database that may be failed over.
type failing struct {
	*killing
	nodes []*twin

	mu               sync.Mutex
	primary, standby *cluster.Server
	failOvers        int
}

func openFailing(t *testing.T, seed uint64) *failing {
	t.Helper()
	f := &failing{}
	var err error
	if f.primary, err = cluster.Start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.closeDatabase(t, f.primary) })
	if f.standby, err = f.primary.Standby(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.closeDatabase(t, f.standby) })
	f.mustDatabase(t, f.primary.Set(t.Context(), "synchronous_standby_names", "b"))
	f.killing = openKilling(t, seed, &balancer{}, sandbox.Options{}, f.openSystem(t))
	t.Cleanup(f.tell)
	return f
}

// tell says, if the test failed, what the database waits for and what is in force.
func (f *failing) tell() {
	if !f.t.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := f.database().Connect(ctx)
	if err != nil {
		f.t.Logf("the database: %v", err)
		return
	}
	defer conn.Close(ctx)
	for _, query := range []string{
		"SELECT coalesce(json_agg(a)::text, '') FROM (SELECT pid, state, wait_event, left(query, 60) AS query FROM pg_stat_activity WHERE state IS NOT NULL) a",
		"SELECT coalesce(json_agg(r)::text, '') FROM (SELECT application_name, state, sync_state FROM pg_stat_replication) r",
	} {
		var text string
		err := conn.QueryRow(ctx, query).Scan(&text)
		f.t.Logf("the database: %s, %v", text, err)
	}
	for _, n := range f.nodes {
		v, err := client.Get[view.Page[view.Directive]](ctx, n.api, "/directives?limit=1")
		f.t.Logf("%s: %+v, %v", n.name, v.Items, err)
	}
}

func (f *failing) mustDatabase(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("the database: %v", err)
	}
}

func (f *failing) closeDatabase(t *testing.T, s *cluster.Server) {
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// openSystem starts two nodes and, towards both, a static and a strict gate.
func (f *failing) openSystem(t *testing.T) func(primary string) *system {
	return func(primary string) *system {
		s := newSystem(t)
		source := cluster.Source(f.primary, f.standby)
		if out, complaint, code := run(t, "journal", "copy", "--from", s.path("control"), "--to", source); code != 0 {
			t.Fatalf("journal copy ends with %d: %s%s", code, out, complaint)
		}
		fleets := ""
		for n := range 2 {
			at, fleet, name := freeAddress(t), freeAddress(t), fmt.Sprint("node-", n+1)
			f.nodes = append(f.nodes, s.startNode(name, "", at, fleet, source))
			fleets += ",https://" + fleet
		}
		people := &front{t: t, nodes: f.nodes, database: f.database}
		server := httptest.NewServer(people)
		t.Cleanup(server.Close)
		s.ready.API, s.serves = server.URL, people.serves
		for n, mode := range []gate.Mode{gate.Static, gate.Strict} {
			s.addGate(fmt.Sprint("gate-", n+1), mode, freeAddress(t), "--primary-url", primary, "--control-urls", fleets[1:]).start()
		}
		return s
	}
}

// startNode starts one of several nodes on a database. They share the authority
// that gates trust. Within is a network namespace, or none.
func (s *system) startNode(name, within, at, fleet, source string, settings ...string) *twin {
	s.t.Helper()
	if err := os.CopyFS(s.path(name)+"/fleet", os.DirFS(s.path("control")+"/fleet")); err != nil {
		s.t.Fatal(err)
	}
	p := s.newProcess(name, "gates connect to", append([]string{"serve", "--data", s.path(name), "--journal-database", source,
		"--listen-console", at, "--listen-fleet", fleet, "--fleet-lease", lease}, settings...)...)
	p.within = within
	p.start()
	return &twin{p, "http://" + at, s.apiAt(s.t, "http://"+at)}
}

// database is the server that takes writes.
func (f *failing) database() *cluster.Server {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.primary
}

func (f *failing) killNode() {
	f.t.Helper()
	n := f.nodes[f.rng.IntN(len(f.nodes))]
	n.kill()
	f.stayDown()
	n.start()
}

// hold has a process stand still for as long as something takes.
func (f *failing) hold(p *process, while func()) {
	f.t.Helper()
	p.down()
	p.signal(syscall.SIGSTOP)
	while()
	p.signal(syscall.SIGCONT)
	p.serving()
}

// awaitOrder waits until the operator has one more directive confirmed.
func (f *failing) awaitOrder() {
	f.t.Helper()
	_, before := f.operator.done()
	(&sender{t: f.t}).poll("something is confirmed", func() bool {
		_, now := f.operator.done()
		return len(now) > len(before)
	})
}

// holdDatabase has all processes of the primary stand still until no strict gate
// admits any more.
func (f *failing) holdDatabase() {
	f.t.Helper()
	f.primary.Signal(syscall.SIGSTOP)
	(&sender{t: f.t}).poll("the lease runs out", func() bool { return f.status(f.gates[1]).LeaseLeft == 0 })
	f.primary.Signal(syscall.SIGCONT)
	(&sender{t: f.t}).poll("the gate has a lease again", func() bool { return f.status(f.gates[1]).LeaseLeft > 0 })
}

// failOver kills the primary as soon as something is confirmed, promotes the
// standby, sees how soon both nodes write again, and makes what was the primary
// the new standby. Without one nothing can be confirmed.
func (f *failing) failOver() {
	f.t.Helper()
	ctx := f.t.Context()
	f.awaitOrder()
	f.primary.Kill()
	f.stayDown()
	f.mustDatabase(f.t, f.standby.Promote(ctx))
	f.failOvers++
	f.mustDatabase(f.t, f.standby.Exec(ctx, fmt.Sprintf("CREATE TABLE takes_writes_%d ()", f.failOvers)))
	writable := time.Now()
	late := make([]time.Duration, len(f.nodes))
	var writing sync.WaitGroup
	for n, node := range f.nodes {
		writing.Go(func() {
			for {
				made, err := client.Post[client.Created](ctx, node.api, "/reports", map[string]any{"summary": fmt.Sprintf("fail-over %d, %s", f.failOvers, node.name)})
				switch code := holdfast.CodeOf(err); {
				case err == nil:
					late[n] = time.Since(writable)
					f.operator.acknowledged("alert.received", made.ID)
					return
				case code != holdfast.Unavailable && code != holdfast.Doubtful:
					f.t.Errorf("after the fail-over %s answers %v", node.name, err)
					return
				}
			}
		})
	}
	writing.Wait()
	f.t.Logf("after the standby took writes the nodes wrote within %v", late)
	for _, d := range late {
		if d > failOverLimit {
			f.t.Errorf("a node wrote %v after the standby took writes", d)
		}
	}
	f.mu.Lock()
	f.primary, f.standby = f.standby, f.primary
	f.mu.Unlock()
	f.mustDatabase(f.t, f.standby.Follow(ctx, f.primary, "b"))
	f.mustDatabase(f.t, f.primary.Set(ctx, "synchronous_standby_names", "b"))
}

// failOverLimit is far above the 2 s that a machine with nothing else to do keeps
// to: it tells a node that goes on by itself from one that waits for time-outs to
// add up.
const failOverLimit = 30 * time.Second

// end stops the parts in an orderly way and checks what the database holds.
func (f *failing) end() {
	f.t.Helper()
	for _, g := range f.gates {
		g.stop()
	}
	f.readJournal()
	sameJournal(f.t, f.nodes)
	for _, n := range f.nodes {
		n.stop()
	}
	out, complaint, code := run(f.t, "archive", "verify", "--data", f.primary.Source(), "--json")
	var report struct{ Head holdfast.Head }
	if err := json.Unmarshal([]byte(out), &report); code != 0 || err != nil {
		f.t.Fatalf("archive verify ends with %d, %v: %s%s", code, err, out, complaint)
	}
	if last := f.facts[len(f.facts)-1]; report.Head.Position != last.Position || report.Head.Hash != last.Hash {
		f.t.Errorf("the archive ends with %s; over the API it was position %d, %s", report.Head, last.Position, last.Hash)
	}
}
