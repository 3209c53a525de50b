package e2e_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"

	"holdfast"
	"holdfast/internal/client"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/gate"
	"holdfast/internal/sandbox"
	"holdfast/internal/sandbox/primary"
	"holdfast/internal/sqljournal/postgres/cluster"
	"holdfast/internal/view"
)

// Gates, control nodes and the database have networks of their own, and the links
// between them are cut, in both directions or in one, while customers pay. A stop
// is confirmed when it may be, by whom it may be, and names who is missing; after
// mending all comes together again. HOLDFAST_SOAK=1 cuts a hundred times.
func TestPartitions(t *testing.T) {
	t.Parallel()
	if !ownNetwork(t) {
		return
	}
	p := openParted(t, seedOf(t))
	events := []event{
		{"gates are cut from the nodes", p.gatesFromNodes},
		{"the only node of the gates is cut from the database", p.nodeFromDatabase},
		{"one node is cut from the gates", p.nodeFromGates},
		{"a gate is cut from the primary", p.gateFromPrimary},
	}
	turns := len(events)
	if os.Getenv("HOLDFAST_SOAK") != "" {
		turns = 100
	}
	p.converge()
	for n := range turns {
		if n%len(events) == 0 {
			p.rng.Shuffle(len(events), func(a, b int) { events[a], events[b] = events[b], events[a] })
		}
		e := events[n%len(events)]
		t.Logf("%d. %s", n+1, e.what)
		e.happens()
		p.net.mend("")
		p.converge()
		p.check()
		if t.Failed() {
			t.FailNow()
		}
	}
	p.rest()
}

// parted is a system of two nodes and a database, with a static and a strict gate.
type parted struct {
	*killing
	payer          *absence
	net            *links
	server         *cluster.Server
	one, two       *twin // people work at two
	static, strict *process
	addresses      map[string]string
}

func openParted(t *testing.T, seed uint64) *parted {
	t.Helper()
	p := &parted{net: newLinks(t), addresses: map[string]string{}}
	for _, name := range []string{"database", "node-1", "node-2", "gate-1", "gate-2"} {
		p.addresses[name] = p.net.part(name)
	}
	p.net.enter("database", func() {
		var err error
		if p.server, err = cluster.Start(t.Context(), map[string]string{"listen_addresses": p.addresses["database"]}); err != nil {
			t.Error(err)
		}
	})
	if p.server == nil {
		t.FailNow()
	}
	t.Cleanup(func() {
		if err := p.server.Close(); err != nil {
			t.Error(err)
		}
	})
	relay := &balancer{}
	world := sandbox.Options{Primary: primary.Options{Address: net.JoinHostPort(primaryAt, "8090")}}
	p.killing = openFlow(t, seed, relay, world, p.openSystem(t))
	p.payer = &absence{system: p.system, money: p.money}
	p.operator = p.system.idleOperator(relay, seed)
	return p
}

func (p *parted) openSystem(t *testing.T) func(primary string) *system {
	return func(primary string) *system {
		s := newSystem(t)
		source := fmt.Sprintf("host=%s user=holdfast dbname=postgres", p.addresses["database"])
		if out, complaint, code := run(t, "journal", "copy", "--from", s.path("control"), "--to", source); code != 0 {
			t.Fatalf("journal copy ends with %d: %s%s", code, out, complaint)
		}
		node := func(name string) *twin {
			at := p.addresses[name]
			return s.startNode(name, name, net.JoinHostPort(at, "8800"), net.JoinHostPort(at, "8801"), source, "--allowed-hosts", at)
		}
		p.one, p.two = node("node-1"), node("node-2")
		s.ready.API, s.serves = p.two.url, p.two.serves
		fleets := "https://" + p.addresses["node-1"] + ":8801,https://" + p.addresses["node-2"] + ":8801"
		for n, mode := range []gate.Mode{gate.Static, gate.Strict} {
			name := fmt.Sprint("gate-", n+1)
			g := s.addGate(name, mode, net.JoinHostPort(p.addresses[name], "8080"), "--primary-url", primary, "--control-urls", fleets)
			g.within = name
			g.start()
		}
		p.static, p.strict = s.gates[0], s.gates[1]
		return s
	}
}

// cut parts two addresses, in both directions or in one of them.
func (p *parted) cut(a, b string) {
	way := p.rng.IntN(3)
	p.t.Logf("cut between %s and %s: %s", a, b, []string{"both ways", "there", "back"}[way])
	if way != 2 {
		p.net.drop(a, b)
	}
	if way != 1 {
		p.net.drop(b, a)
	}
}

// order has the operator stop everything, and returns what becomes of it.
func (p *parted) order(by *client.Client) (confirmed chan *order, id string) {
	p.t.Helper()
	p.operator.first = by
	before := p.newest()
	confirmed = make(chan *order, 1)
	ctx, cancel := limited(p.t, context.Background())
	go func() {
		defer cancel()
		o, err := p.operator.order(ctx, client.Directive{Kind: "stop", Scope: "all", DrainSeconds: 1})
		if err != nil {
			p.t.Errorf("stop: %v", err)
		}
		confirmed <- o
	}()
	p.payer.poll("the stop is in force", func() bool {
		d := p.newest()
		id = d.ID
		return d.ID != before.ID && d.State == string(directive.InForce)
	})
	return confirmed, id
}

// newest is the newest directive.
func (p *parted) newest() (d view.Directive) {
	p.t.Helper()
	page, err := client.Get[view.Page[view.Directive]](context.Background(), p.two.api, "/directives?limit=1")
	if err != nil {
		p.t.Fatal(err)
	}
	if len(page.Items) > 0 {
		d = page.Items[0]
	}
	return d
}

// stands reads how each gate stands towards a directive.
func (p *parted) stands(id string) (v view.Directive, standing map[string]directive.Standing) {
	p.t.Helper()
	v, err := client.Get[view.Directive](context.Background(), p.two.api, "/directives/"+id)
	if err != nil {
		p.t.Fatal(err)
	}
	standing = map[string]directive.Standing{}
	for _, row := range v.Gates {
		standing[row.Gate] = row.Standing
	}
	return v, standing
}

func (p *parted) lifted(o *order) {
	p.t.Helper()
	if o == nil {
		p.t.FailNow()
	}
	p.operator.first = p.two.api
	<-p.flow.after(60) // who comes now is declined
	if err := p.operator.lift(context.Background(), o); err != nil {
		p.t.Fatal(err)
	}
}

// gatesFromNodes stops payments while no gate hears of it, or none can say that it
// has. The strict one is confirmed by time and admits nothing any more; the static
// one is missing until its link is mended.
func (p *parted) gatesFromNodes() {
	for _, g := range []string{"gate-1", "gate-2"} {
		for _, n := range []string{"node-1", "node-2"} {
			p.cut(p.addresses[g], p.addresses[n])
		}
	}
	confirmed, id := p.order(p.two.api)
	p.leaseEnds(id)
	p.net.mend(p.addresses["gate-1"])
	o := <-confirmed
	if _, standing := p.stands(id); o == nil || standing["gate-1"] != directive.Acknowledged || standing["gate-2"] != directive.LeaseOut {
		p.t.Errorf("the stop was confirmed with %v", standing)
	}
	p.payer.pay(context.Background(), p.strict, "app", http.StatusServiceUnavailable, "")
	p.payer.pay(context.Background(), p.static, "app", http.StatusServiceUnavailable, "stopped")
	p.lifted(o)
}

// leaseEnds waits until the strict gate, which is cut off, admits nothing, and
// longer. The stop has the static one still to wait for.
func (p *parted) leaseEnds(id string) {
	p.t.Helper()
	p.payer.poll("the lease runs out", func() bool { return p.status(p.strict).LeaseLeft == 0 })
	<-p.flow.after(120) // for a second or more
	p.payer.pay(context.Background(), p.strict, "app", http.StatusServiceUnavailable, "")
	if v, standing := p.stands(id); standing["gate-1"] != directive.Missing || !v.Confirmed.IsZero() {
		p.t.Errorf("the static gate is cut off and stands as %q; the stop is confirmed at %v", standing["gate-1"], v.Confirmed)
	}
}

// nodeFromDatabase leaves the gates with a node that cannot write: it grants no
// lease and confirms nothing.
func (p *parted) nodeFromDatabase() {
	p.cut(p.addresses["node-1"], p.addresses["database"])
	for _, g := range []string{"gate-1", "gate-2"} {
		p.cut(p.addresses[g], p.addresses["node-2"])
	}
	reported := make(chan error, 1)
	go func() {
		made, err := client.Post[client.Created](context.Background(), p.one.api, "/reports", map[string]any{"summary": "from a node that is cut off"})
		if err == nil {
			p.operator.acknowledged("alert.received", made.ID)
		}
		reported <- err
	}()
	confirmed, id := p.order(p.two.api)
	p.leaseEnds(id)
	// It is asked for more leases, and has none to give.
	if left := p.status(p.strict).LeaseLeft; left != 0 {
		p.t.Errorf("a node without a database has granted a lease for %v", left)
	}
	if len(reported) > 0 { // else it waits, which is as well
		wantSilence(p.t, <-reported)
		reported <- nil
	}
	p.net.mend("")
	if err := <-reported; err != nil {
		wantSilence(p.t, err)
	}
	p.lifted(<-confirmed)
}

// wantSilence holds an error to one of those that say that nothing was recorded,
// or that it is not known.
func wantSilence(t *testing.T, err error) {
	t.Helper()
	if code := holdfast.CodeOf(err); code != holdfast.Unavailable && code != holdfast.Doubtful {
		t.Errorf("a node that was cut from the database answers a report with %v", err)
	}
}

// nodeFromGates issues a stop at a node that no gate can reach. The other node
// tells them, and both gates acknowledge.
func (p *parted) nodeFromGates() {
	for _, g := range []string{"gate-1", "gate-2"} {
		p.cut(p.addresses[g], p.addresses["node-1"])
	}
	confirmed, id := p.order(p.one.api)
	o := <-confirmed
	p.payer.poll("both gates acknowledge", func() bool {
		_, standing := p.stands(id)
		return standing["gate-1"] == directive.Acknowledged && standing["gate-2"] == directive.Acknowledged
	})
	p.lifted(o)
	p.converge() // though it is still cut
}

// gateFromPrimary loses the primary's answers to a gate. Its payments are done,
// and it cannot know: they are listed, and settled when the link is mended.
func (p *parted) gateFromPrimary() {
	p.payer.poll("payments are in flight at the gate", func() bool { return p.status(p.strict).InFlight > 2 })
	p.net.drop(primaryAt, p.addresses["gate-2"])
	confirmed, id := p.order(p.two.api)
	o := <-confirmed
	p.payer.poll("payments of unknown outcome are listed", func() bool {
		v, _ := p.stands(id)
		return v.Totals.Drained && p.unknowns() > 0
	})
	p.lifted(o)
}

func (p *parted) unknowns() int {
	p.t.Helper()
	page, err := client.Get[view.Page[enrolment.Unknown]](context.Background(), p.two.api, "/unknowns")
	if err != nil {
		p.t.Fatal(err)
	}
	return page.Total
}

// converge waits until both nodes and gates agree, strict payments pass and no
// outcome is unknown.
func (p *parted) converge() {
	p.t.Helper()
	p.payer.poll("all come together", func() bool {
		live := map[string]bool{} // a node that is cut off sees those that are with it
		for _, n := range []*twin{p.one, p.two} {
			v, err := client.Get[view.Posture](context.Background(), n.api, "/posture")
			if err != nil || v.Unresolved > 0 {
				return false
			}
			for _, g := range v.Gates {
				if n == p.two && g.Behind { // the other may be behind itself
					return false
				}
				if g.State == "live" {
					live[g.Name] = true
				}
			}
		}
		return len(live) == len(p.gates) && p.status(p.strict).LeaseLeft > 0 && p.status(p.strict).Unresolved == 0
	})
	p.payer.pay(context.Background(), p.strict, "app", http.StatusCreated, "")
	p.payer.pay(context.Background(), p.static, "app", http.StatusCreated, "")
}

// rest lets customers come to an end, and looks at everything again.
func (p *parted) rest() {
	p.t.Helper()
	if err := p.money.Traffic.SetRate(0); err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := limited(p.t, context.Background())
	defer cancel()
	if err := p.money.Traffic.Settle(ctx); err != nil {
		p.t.Fatal(err)
	}
	p.converge()
	p.check()
	r := p.money.Check()
	if r.Unknown.Count+r.Waiting != 0 || r.ToldDone == 0 || r.ToldDeclined == 0 {
		p.t.Errorf("customers were left without an answer, or nothing was at stake: %+v", r)
	}
	_, orders := p.operator.done()
	p.t.Logf("%d stops confirmed; %d told done, %d declined, %d resolved after a doubt", len(orders), r.ToldDone, r.ToldDeclined, r.Resolved.Count)
	sameJournal(p.t, []*twin{p.one, p.two})
	for _, part := range append(p.system.gates, p.one.process, p.two.process) {
		part.stop()
	}
	if out, complaint, code := run(p.t, "archive", "verify", "--data", p.server.Source()); code != 0 {
		p.t.Errorf("archive verify ends with %d: %s%s", code, out, complaint)
	}
}
