package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/config"
	"holdfast/internal/gate"
	"holdfast/internal/posture"
	"holdfast/internal/sandbox"
	"holdfast/internal/sandbox/customers"
	"holdfast/internal/sandbox/fault"
	"holdfast/internal/standin"
)

// standInSettings are those of a gate that may stand in; %s: its directory, the primary.
const standInSettings = `
name: gate-1
data: %[1]s/gate
listen: {payments: 127.0.0.1:0}
primary: {url: %[2]s}
stand_in:
  data: %[1]s/advices
  shards: 4
  key: file:%[1]s/key
  payers: %[1]s/payers
  forward: {rate: 500, connections: 8}
routes:
  - name: pay
    methods: [POST]
    path: /v1/payments
    kind: payment
    body: json
    timeout: 1s
    fields:
      identity: header:Idempotency-Key
      amount: json:/amount
      currency: json:/currency
      payer: json:/payer
      payee: json:/payee
      channel: json:/channel
    stand_in:
      body: '{"status":"approved","key":"{identity}","amount":{amount}}'
      deduplicates: true
  - name: by-key
    methods: [GET]
    path: /v1/payments
    kind: inquiry
    fields: {identity: "query:key"}
  - name: rest
    path: /*
    kind: other
`

// generous lets everybody be stood in for, one by one as well, and sends again soon.
func generous(t *testing.T) json.RawMessage {
	t.Helper()
	var limits []standin.Limit
	for _, currency := range []string{"CNY", "HKD", "USD", "EUR", "JPY", "SGD", "TWD", "GBP"} {
		limits = append(limits,
			standin.Limit{Over: standin.EachPayment, Currency: currency, Amount: 1e9}, standin.Limit{Over: standin.Whole, Currency: currency, Amount: 1e12})
	}
	text, err := json.Marshal(standin.Profile{
		ID: "all", Unplanned: &standin.Terms{Eligible: `kind == "payment"`, Limits: limits}, SnapshotAge: time.Hour, OneByOne: true,
		Forwarding: standin.Forwarding{
			Timeout: 300 * time.Millisecond, Pause: 300 * time.Millisecond, LongestPause: time.Second, Attempts: 20, Expiry: time.Hour, Retention: time.Hour,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// told is a control plane that says one posture after the other.
type told struct {
	mu      sync.Mutex
	set     posture.Set
	changed chan struct{}
	source  string
	summary *standin.Summary
}

func (c *told) say(directives ...posture.Directive) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.set.Head.Position + 1
	c.set = posture.Set{Head: holdfast.Head{Journal: "j", Epoch: 1, Position: p, Hash: holdfast.Hash{byte(p)}}, Lease: time.Minute, Directives: directives}
	if c.changed != nil {
		close(c.changed)
	}
	c.changed = make(chan struct{})
}

func (c *told) Enrol(context.Context, gate.Enrolment) (gate.Enrolled, error) {
	return gate.Enrolled{Every: 50 * time.Millisecond}, nil
}

func (c *told) Beat(_ context.Context, h gate.Heartbeat) (gate.Beat, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.source = h.StandIn.Source
	return gate.Beat{Nonce: h.Nonce, Journal: c.set.Head, Posture: c.set.Head, Lease: c.set.Lease}, nil
}

func (c *told) Follow(ctx context.Context, _, _ string, enforce func(posture.Set) error) error {
	for {
		c.mu.Lock()
		set, changed := c.set, c.changed
		c.mu.Unlock()
		if err := enforce(set); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *told) Report(_ context.Context, r gate.Report) (gate.Reported, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.StandIn != nil {
		c.summary = r.StandIn
	}
	last := uint64(0)
	for _, e := range r.Entries {
		last = e.Seq
	}
	return gate.Reported{Entries: last}, nil
}

// books adds up what the gate last said of its shards.
func (c *told) books() (b standin.Balance) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.summary == nil {
		return b
	}
	add := func(t *standin.Tally, u standin.Tally) { t.Count, t.Amount = t.Count+u.Count, t.Amount+u.Amount }
	for _, s := range c.summary.Of {
		for _, of := range s.Balances {
			add(&b.Approved, of.Approved)
			add(&b.Delivered, of.Delivered)
			add(&b.Pending, of.Pending)
			add(&b.Exception, of.Exception)
			add(&b.Reversed, of.Reversed)
		}
	}
	return b
}

// await waits until something holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	end := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("in vain: %s", what)
		}
	}
}

// An outage under traffic; the gate stands in; the primary comes back and loses answers
// for a while: what was approved is done exactly once, and nobody was told otherwise.
// What is kept meanwhile can be read by nobody.
func TestStoodInAndForwarded(t *testing.T) {
	t.Parallel()
	const card = "4929000000006781"
	dir := t.TempDir()
	world, err := sandbox.New(sandbox.Options{Seed: 6, Traffic: customers.Options{Patience: customers.Patience{First: 200 * time.Millisecond, Longest: time.Second}}})
	if err != nil {
		t.Fatal(err)
	}
	writePayers(t, dir, world)
	conf, err := config.LoadGate(config.Options{Content: fmt.Appendf(nil, standInSettings, dir, world.URL())})
	if err != nil {
		t.Fatal(err)
	}
	control := &told{}
	control.say()
	g, err := OpenGate(GateOptions{Config: conf, Control: control, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { world.Run(ctx) })
	all.Go(func() {
		if err := g.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer all.Wait()
	defer stop()
	if err := g.Enforcing(t.Context()); err != nil {
		t.Fatal(err)
	}
	set(t, world, g.URL(), 80)
	done := func(n int) func() bool { return func() bool { return world.Check().ToldDone >= n } }
	await(t, "payments pass", done(20))

	start(t, world, fault.Fault{Kind: fault.Outage, Seconds: 60})
	held := posture.Directive{ID: "d-1", Kind: posture.StandIn, Scope: "all", Drain: time.Second}
	control.say(held)
	await(t, "the gate names its source", func() bool { control.mu.Lock(); defer control.mu.Unlock(); return control.source != "" })
	open := held
	open.Open, open.Source, open.Profile = true, control.source, generous(t)
	control.say(open)
	await(t, "stand-in approves", func() bool { return world.Check().StoodIn >= 60 })
	payWith(t, g.URL(), world, card)
	if found := planted(t, dir, card); found != "" {
		t.Errorf("the card number lies in %s", found)
	}
	if found := planted(t, filepath.Join(dir, "advices"), "by-hand-1"); found == "" {
		t.Error("the approval lies nowhere")
	}

	world.EndFaults()
	start(t, world, fault.Fault{Kind: fault.AnswerLost, Seconds: 2, Share: 0.1, Scope: fault.Scope{Operation: fault.Advice}})
	control.say()
	await(t, "all advices are done", func() bool { return world.Check().Owed.Count == 0 })
	set(t, world, g.URL(), 0)
	if err := world.Traffic.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, "the books are closed", func() bool { b := control.books(); return b.Approved.Count > 0 && b.Approved == b.Delivered })
	report, counts := world.Check(), world.Stats(0).Primary
	if !report.Clean() || report.Unknown.Count > 0 || report.Owed.Count > 0 {
		t.Errorf("%s", report)
	}
	if b := control.books(); int64(report.StoodIn)+1 != b.Approved.Count || counts.Replays == 0 {
		t.Errorf("customers were told of %d approvals, the books have %+v; the primary saw %d repeats", report.StoodIn, b, counts.Replays)
	}
}

// writePayers writes the snapshot of all customers, and the key.
func writePayers(t *testing.T, dir string, world *sandbox.Sandbox) {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"at\":%q}\n", time.Now().UTC().Format(time.RFC3339))
	for _, a := range world.World.Accounts() {
		fmt.Fprintf(&b, "{\"payer\":%q,\"class\":\"good\"}\n", a.ID)
	}
	for name, content := range map[string][]byte{"payers": b.Bytes(), "key": []byte(strings.Repeat("k", 32))} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func set(t *testing.T, world *sandbox.Sandbox, target string, rate float64) {
	t.Helper()
	world.Traffic.SetTarget(target)
	if err := world.Traffic.SetRate(rate); err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, world *sandbox.Sandbox, f fault.Fault) {
	t.Helper()
	if _, err := world.StartFault(f); err != nil {
		t.Fatal(err)
	}
}

// payWith makes a payment that names a card.
func payWith(t *testing.T, url string, world *sandbox.Sandbox, card string) {
	t.Helper()
	body := fmt.Sprintf(`{"amount":1299,"currency":%q,"payer":%q,"payee":%q,"channel":"app","reference":%q}`,
		world.World.Currencies()[0], world.World.Customers()[0].ID, world.World.Shops()[0], card)
	r, err := http.NewRequest(http.MethodPost, url+"/v1/payments", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Idempotency-Key", "by-hand-1")
	r.Header.Set("Content-Type", "application/json")
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	w.Body.Close()
	if w.Header.Get("Holdfast-Stand-In") != "approved" {
		t.Fatalf("answered %s, stand-in: %q", w.Status, w.Header.Get("Holdfast-Stand-In"))
	}
}

// planted returns the file under a directory that holds a text.
func planted(t *testing.T, dir, text string) (found string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(text)) {
			found = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
