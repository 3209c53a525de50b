package e2e_test

import (
	"cmp"
	"context"
	endian "encoding/binary"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/client"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/gate"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/sandbox"
	"holdfast/internal/sandbox/customers"
	"holdfast/internal/sandbox/fault"
	"holdfast/internal/sandbox/truth"
	"holdfast/internal/view"
)

// Somebody pulls plugs: the control node, a static and a strict gate are killed at
// random moments while customers pay and an operator acts. Nothing that anybody
// was told is lost, no payment passes a confirmed stop, and in the end the money
// is where it must be. HOLDFAST_SEED repeats a run's moments as far as chance
// decides them; HOLDFAST_SOAK=1 pulls 200 plugs instead of 10.
func TestKills(t *testing.T) {
	t.Parallel()
	seed, kills := seedOf(t), 10
	if os.Getenv("HOLDFAST_SOAK") != "" {
		kills = 200
	}
	k := openKilling(t, seed, &balancer{}, sandbox.Options{}, func(primary string) *system { return openSystem(t, primary, gate.Static, gate.Strict) })
	k.operator.awaitRound(t) // both gates have joined
	victims := append(k.gates[:len(k.gates):len(k.gates)], k.control)
	for n := range kills {
		select {
		case <-k.flow.after(k.rng.IntN(100)):
		case <-k.operator.ended:
			t.Fatalf("before kill %d the operator cannot go on: %v", n+1, k.operator.err)
		}
		if n%3 == 0 { // each has its turn
			k.rng.Shuffle(len(victims), func(a, b int) { victims[a], victims[b] = victims[b], victims[a] })
		}
		if victim := victims[n%3]; victim == k.control {
			k.killControl()
		} else {
			k.killGate(victim)
		}
		k.check()
		if t.Failed() {
			t.Fatalf("that was found after kill %d", n+1)
		}
		if k.rng.IntN(3) > 0 { // else the next one falls into the recovery of this one
			k.operator.awaitRound(t)
		}
	}
	k.settle()
	k.end()
}

func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("HOLDFAST_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("HOLDFAST_SEED: %v", err)
		}
	}
	t.Logf("to repeat: HOLDFAST_SEED=%d", seed)
	return seed
}

// killing is a system under traffic, with an operator, whose parts are killed.
type killing struct {
	*system
	rng      *rand.Rand
	money    *sandbox.Sandbox
	flow     *balancer
	operator *operator
	// caught are the payments that were in flight at a gate that was killed.
	caught []caught
	// has and named are folded from the journal: which facts there are, and the
	// postures under which identities were admitted that gates listed or could
	// not tell the outcome of.
	folded  int
	has     map[act]bool
	named   map[string][]uint64
	tellers map[caughtKey]payment.Outcome
	checked int // orders whose movements were looked at
}

type caught struct {
	caughtKey
	posture uint64
}

type caughtKey struct{ gate, identity string }

// openKilling has customers pay through a system that open starts in front of the
// primary.
func openKilling(t *testing.T, seed uint64, relay *balancer, world sandbox.Options, open func(primary string) *system) *killing {
	t.Helper()
	k := openFlow(t, seed, relay, world, open)
	k.operator = k.system.operator(relay, seed)
	return k
}

// openFlow is the same without an operator.
func openFlow(t *testing.T, seed uint64, relay *balancer, world sandbox.Options, open func(primary string) *system) *killing {
	t.Helper()
	k := &killing{rng: rand.New(rand.NewPCG(seed, 1)), has: map[act]bool{}, named: map[string][]uint64{}, tellers: map[caughtKey]payment.Outcome{}}
	world.Seed = seed
	timeout := cmp.Or(world.Traffic.Patience.Timeout, 5*time.Second)
	world.Traffic = customers.Options{
		Transport: world.Traffic.Transport, Mix: customers.Mix{Refunds: 0.02, Inquiries: 0.05},
		Patience: customers.Patience{Timeout: timeout, First: 100 * time.Millisecond, Longest: time.Second, Budget: time.Hour, Retries: 1 << 20},
	}
	if world.Traffic.Transport == nil {
		world.Traffic.Transport = relay
	}
	var err error
	if k.money, err = sandbox.New(world); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- k.money.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the simulated world ended: %v", err)
		}
	})
	k.system = open(k.money.URL())
	k.flow = relay
	k.balance(relay)
	// So that there is something in flight at any moment.
	if _, err := k.money.StartFault(fault.Fault{Kind: fault.Latency, Seconds: fault.MaxSeconds, Share: 0.5, DelayMS: 50, JitterMS: 400}); err != nil {
		t.Fatal(err)
	}
	if err := k.money.Traffic.SetRate(120); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *killing) killControl() {
	k.t.Helper()
	k.control.kill()
	k.stayDown()
	k.control.start()
}

// stayDown lets customers come while something is down.
func (k *killing) stayDown() { <-k.flow.after(k.rng.IntN(30)) }

// killGate kills a gate and starts it again: it knows what it had in flight and
// enforces what it enforced.
func (k *killing) killGate(g *process) {
	k.t.Helper()
	boot := k.status(g).Boot
	g.kill()
	left := k.inFlight(g)
	set, err := posture.Load(k.path(g.name) + "/posture")
	if err != nil {
		k.t.Fatalf("%s has no posture any more: %v", g.name, err)
	}
	k.caught = append(k.caught, left...)
	k.stayDown()
	g.start()
	status := k.status(g)
	switch now := status.Posture; {
	case now.Position < set.Head.Position, now.Position == set.Head.Position && now.Hash != set.Head.Hash:
		k.t.Errorf("%s enforced %s when it was killed and enforces %s", g.name, set.Head, now)
	case now == set.Head && len(status.Directives) != len(set.Directives):
		k.t.Errorf("%s enforced %v when it was killed and enforces %v", g.name, set.Directives, status.Directives)
	}
	k.readJournal()
	for _, f := range k.facts {
		var a enrolment.Acknowledged
		if f.Kind == enrolment.KindAcknowledged && f.Subject.ID() == g.name && k.decode(f, &a) && a.Boot == boot && a.Posture.Position > set.Head.Position {
			k.t.Errorf("%s has acknowledged %s, and its disk holds %s", g.name, a.Posture, set.Head)
		}
	}
}

func (k *killing) decode(f holdfast.Fact, v any) bool {
	k.t.Helper()
	if err := f.Decode(v); err != nil {
		k.t.Fatal(err)
	}
	return true
}

// inFlight reads a dead gate's list of payments in flight, as docs/formats/gate.md
// lays it out.
func (k *killing) inFlight(g *process) (left []caught) {
	k.t.Helper()
	content, err := os.ReadFile(k.path(g.name) + "/inflight")
	if err != nil {
		k.t.Fatal(err)
	}
	const size, sent = 256, 2
	le := endian.LittleEndian
	for slot := range slices.Chunk(content[size:], size) {
		if le.Uint64(slot)&3 == sent {
			identity := string(slot[96 : 96+le.Uint16(slot[46:])])
			left = append(left, caught{caughtKey{g.name, identity}, le.Uint64(slot[16:])})
		}
	}
	return left
}

// check looks at everything that must hold at any moment.
func (k *killing) check() {
	k.t.Helper()
	acts, orders := k.operator.done()
	k.checkPosture(orders)
	for _, g := range k.gates {
		status := k.status(g)
		if status.Alarm != "" || status.Closed {
			k.t.Errorf("%s raises an alarm: %q, closed: %v", g.name, status.Alarm, status.Closed)
		}
		k.readJournal()
		if at := status.Posture; at.Position > 0 && k.facts[at.Position-1].Hash != at.Hash {
			k.t.Errorf("%s enforces %s, which is not a place in the journal", g.name, at)
		}
	}
	k.fold()
	for _, a := range acts {
		if !k.has[a] {
			k.t.Errorf("%s of %q was acknowledged and is not in the journal", a.kind, a.key)
		}
	}
	named := func(identity string) []uint64 {
		postures := k.named[identity]
		for _, c := range k.caught { // the gate may not have reported it yet
			if c.identity == identity {
				postures = append(postures, c.posture)
			}
		}
		return postures
	}
	for ; k.checked < len(orders) && orders[k.checked].lifted; k.checked++ {
		k.checkStop(orders[k.checked], named)
	}
	if r := k.money.Check(); !r.Clean() {
		k.t.Errorf("the money is not where it must be: %+v", r)
	}
}

// checkPosture compares what the node has in force with what the operator knows.
func (k *killing) checkPosture(before []order) {
	k.t.Helper()
	now, err := client.Get[view.Posture](context.Background(), k.api(), "/posture")
	if err != nil {
		k.t.Fatal(err)
	}
	_, after := k.operator.done()
	inForce := map[string]bool{}
	for _, d := range now.Directives {
		inForce[d.ID] = d.State == string(directive.InForce) && !d.Confirmed.IsZero()
	}
	for n, d := range before {
		if d.lifted && inForce[d.id] {
			k.t.Errorf("directive %s was lifted and is in force", d.id)
		}
		if after[n].lifting.IsZero() && !inForce[d.id] {
			k.t.Errorf("directive %s was confirmed and is not in force", d.id)
		}
	}
}

// fold takes in what was read of the journal since.
func (k *killing) fold() {
	k.t.Helper()
	list := func(records []payment.Record) {
		for _, r := range records {
			k.named[r.Identity] = append(k.named[r.Identity], r.Posture)
		}
	}
	for ; k.folded < len(k.facts); k.folded++ {
		f := k.facts[k.folded]
		k.has[act{f.Kind, f.Subject.ID()}] = true
		switch f.Kind {
		case "incident.noted":
			var n struct{ Text string }
			k.decode(f, &n)
			k.has[act{f.Kind, n.Text}] = true
		case enrolment.KindAcknowledged:
			var a enrolment.Acknowledged
			k.decode(f, &a)
			list(a.InFlight)
		case enrolment.KindListed:
			var l enrolment.Listed
			k.decode(f, &l)
			list(l.InFlight)
		case enrolment.KindOutcomes:
			var told enrolment.Outcomes
			k.decode(f, &told)
			for _, e := range told.Entries {
				k.tellers[caughtKey{f.Subject.ID(), e.Record.Identity}] = e.Outcome
				list([]payment.Record{e.Record})
			}
		}
	}
}

// checkStop looks for money that moved while a stop was confirmed. Whatever
// arrived at the primary then moved then or later, and what moved then must have
// been named by a gate as admitted before.
func (k *killing) checkStop(o order, named func(identity string) []uint64) {
	k.t.Helper()
	if !o.stop {
		return
	}
	effects, _ := k.money.Primary.Ledger().Effects()
	for e := range effects {
		covered := o.scope == "all" || e.Channel == "app" || e.Kind == truth.Refund
		if !covered || !e.Time.After(o.confirmed) || !e.Time.Before(o.lifting) {
			continue
		}
		before := func(at uint64) bool { return at < uint64(o.position) }
		if !slices.ContainsFunc(named(e.Identity()), before) {
			k.t.Errorf("%s %s moved at %s, past stop %s of %s, which was confirmed at %s and lifted after %s; gates named it under the postures %v",
				e.Kind, e.Identity(), e.Time, o.id, o.scope, o.confirmed, o.lifting, named(e.Identity()))
		}
	}
}

// settle lets everybody come to an end, and then looks at everything again, with
// nothing but the journal and the ledger of truth to go by.
func (k *killing) settle() {
	k.t.Helper()
	k.operator.rest(k.t)
	if err := k.money.Traffic.SetRate(0); err != nil {
		k.t.Fatal(err)
	}
	ctx, cancel := limited(k.t, context.Background())
	defer cancel()
	if err := k.money.Traffic.Settle(ctx); err != nil {
		k.t.Fatal(err)
	}
	k.until("every payment in flight at a killed gate was listed and is settled", func() bool {
		k.readJournal()
		k.fold()
		open := func(c caught) bool {
			outcome, told := k.tellers[c.caughtKey]
			return !told || !outcome.Settled()
		}
		unknowns, err := client.Get[view.Page[enrolment.Unknown]](ctx, k.api(), "/unknowns")
		return err == nil && unknowns.Total == 0 && !slices.ContainsFunc(k.caught, open)
	})
	k.check()
	stops := 0
	acts, orders := k.operator.done()
	for _, o := range orders {
		if o.stop {
			stops++
		}
		k.checkStop(o, func(identity string) []uint64 { return k.named[identity] })
	}
	r := k.money.Check()
	if r.Unknown.Count+r.Waiting != 0 {
		k.t.Errorf("customers were left without an answer: %+v", r)
	}
	k.t.Logf("%d acts acknowledged, %d stops confirmed, %d payments in flight at killed gates; %d intentions, %d told done, %d declined, %d resolved after a doubt",
		len(acts), stops, len(k.caught), r.Intentions, r.ToldDone, r.ToldDeclined, r.Resolved.Count)
	if len(k.caught) == 0 || stops == 0 || r.Resolved.Count == 0 || r.ToldDone == 0 || r.ToldDeclined == 0 {
		k.t.Error("nothing was at stake")
	}
}
