package gate

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// model says in the simplest way what a gate has to do. Directives stop a
// channel or everything; payments are of the channels app and qr.
type model struct {
	dir   string
	clock *handClock
	g     *Gate

	at      holdfast.Position // of the posture in force
	stopped []string          // scopes of its stops
	local   map[string]string // scope by id of the local stop
	lease   bool

	flying  map[string]*Admission
	posture map[string]holdfast.Position
	unknown map[string]bool // identities with an unknown outcome
	names   int
}

const (
	scopeAll = "all"
	scopeApp = `channel == "app"`
	scopeQR  = `channel == "qr"`
)

func (m *model) covered(channel string) bool {
	covers := func(scope string) bool { return scope == scopeAll || scope == fmt.Sprintf("channel == %q", channel) }
	for _, scope := range m.local {
		if covers(scope) {
			return true
		}
	}
	return slices.ContainsFunc(m.stopped, covers)
}

func (m *model) want(channel string, mode Mode) posture.Reason {
	switch {
	case mode == Observe:
		return posture.None
	case m.covered(channel):
		return posture.Stopped
	case mode == Strict && !m.lease:
		return posture.NoLease
	}
	return posture.None
}

func (m *model) open(t *rapid.T) {
	g, err := New(m.clock.options(options(m.dir)))
	if err != nil {
		t.Fatal(err)
	}
	m.g = g
}

func (m *model) set() posture.Set {
	var directives []posture.Directive
	for i, scope := range m.stopped {
		directives = append(directives, posture.Directive{ID: fmt.Sprint("d", i), Kind: posture.Stop, Scope: scope, Position: m.at, Drain: time.Hour})
	}
	return set(m.at, directives...)
}

func (m *model) admit(t *rapid.T) {
	p := pay(fmt.Sprint("p", m.names))
	m.names++
	p.Channel = rapid.SampledFrom([]string{"app", "qr"}).Draw(t, "channel")
	mode := rapid.SampledFrom([]Mode{Static, Strict, Observe}).Draw(t, "mode")
	want := m.want(p.Channel, mode)
	if (want == posture.None || want == posture.NoLease) && len(m.flying) == 8 {
		want = posture.Full // the lease is looked at last
	}
	a, v := m.g.Admit(p, mode)
	if v.Reason != want || (v.Action == posture.Forward) != (want == posture.None) {
		t.Fatalf("%s of %s: %+v, want %q", mode, p.Channel, v, want)
	}
	if want == posture.None {
		if a.Posture != uint64(m.at) {
			t.Fatalf("admitted under %d, want %d", a.Posture, m.at)
		}
		m.flying[p.Identity], m.posture[p.Identity] = &a, m.at
	}
}

func (m *model) finish(t *rapid.T) {
	if len(m.flying) == 0 {
		return
	}
	identity := rapid.SampledFrom(sorted(m.flying)).Draw(t, "identity")
	o := rapid.SampledFrom([]payment.Outcome{payment.Done, payment.NotDone, payment.Unknown}).Draw(t, "outcome")
	m.flying[identity].Finish(o, "drawn")
	delete(m.flying, identity)
	if o == payment.Unknown {
		m.unknown[identity] = true
	}
}

func (m *model) enforce(t *rapid.T) {
	m.at++
	m.stopped = rapid.SliceOfN(rapid.SampledFrom([]string{scopeAll, scopeApp, scopeQR}), 0, 2).Draw(t, "stops")
	ack, err := m.g.Enforce(m.set())
	if err != nil || ack == nil || ack.Posture.Position != m.at {
		t.Fatalf("%+v, %v", ack, err)
	}
	if ack.Listed != (len(m.stopped) > 0) {
		t.Fatalf("listed %v with %d new stops", ack.Listed, len(m.stopped))
	}
	m.checkList(t, ack)
}

// checkList compares a list with what is in flight. What a killed run left is
// unknown by then, and may be on the first list of the next.
func (m *model) checkList(t *rapid.T, ack *Acknowledgement) {
	if !ack.Listed {
		return
	}
	listed := map[string]bool{}
	for _, r := range ack.InFlight {
		listed[r.Identity] = true
		if m.flying[r.Identity] == nil && !m.unknown[r.Identity] {
			t.Fatalf("%s is listed and is settled", r.Identity)
		}
	}
	for identity := range m.flying {
		if !listed[identity] {
			t.Fatalf("%s of posture %d is in flight and not on the list", identity, m.posture[identity])
		}
	}
}

func (m *model) stale(t *rapid.T) {
	if m.at < 3 {
		return
	}
	old := set(holdfast.Position(rapid.Uint64Range(1, uint64(m.at)-1).Draw(t, "position")))
	if ack, err := m.g.Enforce(old); ack != nil || err != nil {
		t.Fatalf("%+v, %v", ack, err)
	}
}

func (m *model) again(t *rapid.T) {
	if ack, err := m.g.Enforce(m.set()); err != nil || ack == nil {
		t.Fatalf("%+v, %v", ack, err)
	}
}

func (m *model) stopLocally(t *rapid.T) {
	scope := rapid.SampledFrom([]string{scopeAll, scopeApp, scopeQR}).Draw(t, "scope")
	id, ack, err := m.g.StopLocally(scope, time.Hour)
	if err != nil || id == "" {
		t.Fatalf("%q, %v", id, err)
	}
	m.local[id] = scope
	m.checkList(t, &ack)
}

func (m *model) liftLocally(t *rapid.T) {
	if len(m.local) == 0 {
		return
	}
	id := rapid.SampledFrom(sorted(m.local)).Draw(t, "id")
	if err := m.g.LiftLocally(id); err != nil {
		t.Fatal(err)
	}
	delete(m.local, id)
}

func (m *model) beat(t *rapid.T) {
	b := Beat{Journal: headAt(m.at, byte(m.at)), Posture: headAt(m.at, byte(m.at)), Lease: time.Minute}
	if err := m.g.takeBeat(m.clock.Boot(), m.g.witness, b); err != nil {
		t.Fatal(err)
	}
	m.lease = true
}

func (m *model) pass(*rapid.T) {
	m.clock.move(time.Minute)
	m.lease = false
}

// restart ends the process with payments in flight, as a kill does.
func (m *model) restart(t *rapid.T) {
	if err := m.g.Close(); err != nil {
		t.Fatal(err)
	}
	for identity := range m.flying {
		m.unknown[identity] = true
	}
	clear(m.flying)
	m.lease = false
	m.open(t)
}

func (m *model) resolve(t *rapid.T) {
	if len(m.unknown) == 0 {
		return
	}
	identity := rapid.SampledFrom(sorted(m.unknown)).Draw(t, "identity")
	i := slices.IndexFunc(m.g.Unresolved(), func(r payment.Record) bool { return r.Identity == identity })
	m.g.opt.Inquirer = &answers{outcome: func(payment.Record) (payment.Outcome, error) { return payment.NotDone, nil }}
	if settled, _, err := m.g.inquire(t.Context(), m.g.Unresolved()[i]); err != nil || !settled {
		t.Fatalf("%v, %v", settled, err)
	}
	delete(m.unknown, identity)
}

func (m *model) check(t *rapid.T) {
	for _, channel := range []string{"app", "qr"} {
		for _, mode := range []Mode{Static, Strict} {
			p := pay("asked")
			p.Channel = channel
			if v := m.g.Decide(p, mode); v.Reason != m.want(channel, mode) {
				t.Fatalf("%s of %s: %+v, want %q", mode, channel, v, m.want(channel, mode))
			}
		}
	}
	s := m.g.Status()
	if s.InFlight != len(m.flying) || s.Unresolved != len(m.unknown) || s.Posture.Position != m.at || len(s.Local) != len(m.local) || s.Alarm != "" {
		t.Fatalf("%+v; want %d in flight, %d unresolved, position %d, %d local stops", s, len(m.flying), len(m.unknown), m.at, len(m.local))
	}
	for n := range m.names {
		identity := fmt.Sprint("p", n)
		if got, want := m.g.Pending(identity), m.flying[identity] != nil || m.unknown[identity]; got != want {
			t.Fatalf("%s pending %v, want %v", identity, got, want)
		}
	}
}

func sorted[K cmp.Ordered, V any](m map[K]V) []K {
	var keys []K
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Any history of admissions, outcomes, postures, local stops, leases and kills
// leaves the gate where the model is.
func TestAnyHistoryAgainstAModel(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		m := &model{
			dir: fmt.Sprint(parent, "/", runs), clock: &handClock{}, at: 1, local: map[string]string{},
			flying: map[string]*Admission{}, posture: map[string]holdfast.Position{}, unknown: map[string]bool{},
		}
		m.open(t)
		defer func() { m.g.Close() }()
		if _, err := m.g.Enforce(m.set()); err != nil {
			t.Fatal(err)
		}
		t.Repeat(map[string]func(*rapid.T){
			"admit": m.admit, "admit another": m.admit, "finish": m.finish, "enforce": m.enforce, "stale": m.stale, "again": m.again,
			"stop locally": m.stopLocally, "lift locally": m.liftLocally, "beat": m.beat, "time passes": m.pass,
			"restart": m.restart, "resolve": m.resolve, "": m.check,
		})
	})
}
