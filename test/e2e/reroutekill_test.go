package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/config"
	"holdfast/internal/gate/fence"
	"holdfast/internal/posture"
	"holdfast/internal/sandbox"
	"holdfast/internal/sandbox/customers"
	"holdfast/internal/sandbox/fault"
	"holdfast/internal/sandbox/primary"
	"holdfast/internal/sandbox/told"
	"holdfast/internal/sandbox/truth"
	"holdfast/internal/sqljournal/advices"
	"holdfast/internal/sqljournal/postgres"
	"holdfast/internal/standin/advice"
)

// A gate is killed at random moments while customers pay, and comes back rerouting or not,
// while both primaries lose requests and answers. No payment is done by both, and what a
// customer was told is done is at its owner. HOLDFAST_SOAK=1 kills 300 times instead of 6.
func TestKilledWhileRerouting(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "fence")
	k := rerouting(t, fmt.Sprintf("data: %s", dir), func(ctx context.Context) (advice.Source, error) {
		return advices.Open(ctx, advices.Options{Dir: dir, Shards: fence.Shards})
	}, "gate")
	k.killAtRandom()
}

// The same of two gates that share a fence on PostgreSQL: now one is killed, now the other,
// now both. One reroutes while the other does not, and customers ask again at either.
func TestKilledWhileReroutingOnPostgreSQL(t *testing.T) {
	t.Parallel()
	server := startDatabase(t)
	k := rerouting(t, fmt.Sprintf("database: %q", server.Source()), func(ctx context.Context) (advice.Source, error) {
		return postgres.OpenAdvices(ctx, postgres.AdviceOptions{Source: server.Source(), Shards: fence.Shards})
	}, "east", "west")
	k.killAtRandom()
}

// reroutingGates are gates without a control node before the sandbox's two primaries.
type reroutingGates struct {
	*sandbox.Sandbox
	t     *testing.T
	open  func(ctx context.Context) (advice.Source, error)
	fence string // the id
	dirs  []string
	away  []bool // which gates reroute
	gates []*process
	hosts []string
	head  holdfast.Position
	// answered says that a gate has answered a customer.
	answered chan struct{}
	carrier  http.RoundTripper

	mu     sync.Mutex
	random *rand.Rand
}

// rerouting starts gates with one fence, which settings say and open opens.
func rerouting(t *testing.T, settings string, open func(ctx context.Context) (advice.Source, error), names ...string) *reroutingGates {
	t.Helper()
	seed := seedOf(t)
	k := &reroutingGates{
		t: t, open: open, answered: make(chan struct{}, 1024), carrier: http.DefaultTransport.(*http.Transport).Clone(),
		random: rand.New(rand.NewPCG(seed, 1)),
	}
	var err error
	k.Sandbox, err = sandbox.New(sandbox.Options{Seed: seed, Second: &primary.Options{}, Traffic: customers.Options{
		Transport: k, Mix: customers.Mix{Inquiries: 0.05},
		Patience: customers.Patience{Timeout: time.Hour, First: 50 * time.Millisecond, Longest: time.Second, Budget: 24 * time.Hour, Retries: math.MaxInt32},
	}})
	if err != nil {
		t.Fatal(err)
	}
	k.Faults.Settle, k.SecondFaults.Settle = time.Hour, time.Hour
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	source, err := open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	info, err := source.Info(t.Context())
	if err := errors.Join(err, source.Close()); err != nil {
		t.Fatal(err)
	}
	k.fence = info.ID
	dir := t.TempDir()
	all := config.DefaultGateYAML + fmt.Sprintf("\nsecond: {url: %q}\nfence: {%s}\n", k.Second.URL(), settings)
	err = os.WriteFile(filepath.Join(dir, "gate.yaml"), []byte(all), 0o600)
	for _, name := range names {
		data, at := filepath.Join(dir, name), freeAddress(t)
		err = errors.Join(err, os.Mkdir(data, 0o700))
		k.dirs, k.hosts = append(k.dirs, data), append(k.hosts, at)
		k.gates = append(k.gates, (&system{world: &world{t: t}}).newProcess(name, "gate "+name+" takes payments at",
			"gate", "run", "--config", filepath.Join(dir, "gate.yaml"), "--name", name, "--data", data,
			"--listen-payments", at, "--primary-url", k.URL()))
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range k.gates {
		k.away = append(k.away, i > 0)
		k.begin(i)
	}
	return k
}

// begin starts a gate, which reroutes or does not.
func (k *reroutingGates) begin(gate int) {
	k.t.Helper()
	k.head++
	set := posture.Set{Head: holdfast.Head{Journal: "j", Epoch: 1, Position: k.head, Hash: holdfast.Hash{byte(k.head), byte(k.head >> 8)}}}
	if k.away[gate] {
		set.Directives = []posture.Directive{{ID: "r1", Kind: posture.Reroute, Scope: "all", Open: true, Fence: k.fence}}
	}
	if err := posture.Save(filepath.Join(k.dirs[gate], "posture"), set); err != nil {
		k.t.Fatal(err)
	}
	k.gates[gate].start()
}

// RoundTrip sends each request to any gate. Half of what moves money is sent twice, as by a
// network that repeats what it has heard no answer to: the first answer is lost, and so is
// what the second says that is not about the payment but about one of two attempts.
func (k *reroutingGates) RoundTrip(r *http.Request) (_ *http.Response, err error) {
	k.mu.Lock()
	first, second := k.random.IntN(len(k.gates)), k.random.IntN(len(k.gates))
	twice := r.Method == http.MethodPost && k.random.IntN(2) == 0
	k.mu.Unlock()
	defer func() {
		if err != nil {
			return
		}
		select {
		case k.answered <- struct{}{}:
		default:
		}
	}()
	if !twice {
		return k.send(r, r.Body, first)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if lost, err := k.send(r, io.NopCloser(bytes.NewReader(body)), first); err == nil {
		lost.Body.Close()
	}
	answer, err := k.send(r, io.NopCloser(bytes.NewReader(body)), second)
	if err == nil && answer.StatusCode != http.StatusCreated {
		answer.Body.Close()
		return nil, errors.New("the answer was lost")
	}
	return answer, err
}

func (k *reroutingGates) send(r *http.Request, body io.ReadCloser, gate int) (*http.Response, error) {
	out := r.Clone(r.Context())
	out.URL.Host, out.Body, out.GetBody = k.hosts[gate], body, nil
	return k.carrier.RoundTrip(out)
}

// troubles are what goes wrong at either primary.
var troubles = []fault.Fault{
	{Kind: fault.AnswerLost, Share: 0.3},
	{Kind: fault.RequestLost, Share: 0.3, Salt: 1},
	{Kind: fault.Refusal, Share: 0.5},
	{Kind: fault.Outage},
	{Kind: fault.LateAnswer, DelayMS: 30, JitterMS: 100, Share: 0.5},
}

func (k *reroutingGates) killAtRandom() {
	k.t.Helper()
	kills := 6
	if os.Getenv("HOLDFAST_SOAK") != "" {
		kills = 300
	}
	draw := rand.New(rand.NewPCG(k.random.Uint64(), 2))
	k.rate(150)
	k.paid(k.Primary)
	if len(k.gates) == 1 {
		k.gates[0].kill()
		k.turn(0)
	}
	k.paid(k.Second)
	for range kills {
		k.trouble(draw)
		k.answers(1 + draw.IntN(80))
		victims := []int{draw.IntN(len(k.gates))}
		if draw.IntN(4) == 0 {
			victims = victims[:0]
			for gate := range k.gates {
				victims = append(victims, gate)
			}
		}
		for _, gate := range victims {
			k.gates[gate].kill()
		}
		if len(victims) < len(k.gates) { // the others go on by themselves
			k.answers(20)
		}
		for _, gate := range victims {
			k.turn(gate)
		}
	}
	k.EndFaults()
	k.SecondFaults.EndAll()
	for gate, g := range k.gates { // what the first has is sent to it again once payments come back
		g.kill()
		k.away[gate] = false
		k.begin(gate)
	}
	k.rate(0)
	if err := k.Traffic.Settle(k.t.Context()); err != nil {
		k.t.Fatal(err)
	}
	for _, g := range k.gates {
		g.stop()
	}
	k.audit()
}

// turn starts a gate that was killed: now it reroutes if it did not, and the other way round.
func (k *reroutingGates) turn(gate int) {
	k.t.Helper()
	k.away[gate] = !k.away[gate]
	k.begin(gate)
}

// paid waits until a primary has done a payment.
func (k *reroutingGates) paid(p *primary.Primary) {
	for p.Counts().Payments == 0 {
		<-k.answered
	}
}

// answers waits for so many from now on.
func (k *reroutingGates) answers(n int) {
	for len(k.answered) > 0 {
		<-k.answered
	}
	for range n {
		<-k.answered
	}
}

// trouble begins a fault at one of the primaries, or ends all of its.
func (k *reroutingGates) trouble(draw *rand.Rand) {
	k.t.Helper()
	faults := []*fault.Injector{k.Faults, k.SecondFaults}[draw.IntN(2)]
	faults.EndAll()
	if draw.IntN(4) == 0 {
		return
	}
	f := troubles[draw.IntN(len(troubles))]
	f.Seconds = fault.MaxSeconds
	if _, err := faults.Start(f); err != nil {
		k.t.Fatal(err)
	}
}

func (k *reroutingGates) rate(perSecond float64) {
	k.t.Helper()
	if err := k.Traffic.SetRate(perSecond); err != nil {
		k.t.Fatal(err)
	}
}

// audit compares what customers were told, what the two primaries did and what the fence says.
func (k *reroutingGates) audit() {
	k.t.Helper()
	if r := k.Check(); !r.Clean() || r.Unknown.Count+r.Waiting+r.Unclaimed != 0 {
		k.t.Errorf("%s", r)
	}
	source, err := k.open(k.t.Context())
	if err != nil {
		k.t.Fatal(err)
	}
	defer source.Close()
	f, err := fence.New(k.t.Context(), fence.Options{Source: source, Gate: "auditor", Keep: 24 * time.Hour, Clock: ofWall{}})
	if err != nil {
		k.t.Fatal(err)
	}
	did := map[fence.Primary]map[string]bool{fence.First: done(k.Primary), fence.Second: done(k.Second)}
	for key := range did[fence.First] {
		if did[fence.Second][key] {
			k.t.Errorf("%s was done by both", key)
		}
	}
	entries, _ := k.Customers.Entries()
	of := map[fence.Primary]int{}
	for e := range entries {
		if e.State != told.Done {
			continue
		}
		key := e.Intention.Identity
		c, there, err := f.Owner(k.t.Context(), key)
		if err != nil || !there || !did[c.Owner][key] {
			k.t.Errorf("%s was told to be done; the fence says %v %v, %v, and that primary has not done it", key, c.Owner, there, err)
		}
		of[c.Owner]++
	}
	if of[fence.First] == 0 || of[fence.Second] == 0 {
		k.t.Errorf("%d payments by the first primary and %d by the second: this shows nothing", of[fence.First], of[fence.Second])
	}
	k.t.Logf("%d payments by the first primary, %d by the second", of[fence.First], of[fence.Second])
}

// done are the keys of what a primary did.
func done(p *primary.Primary) map[string]bool {
	keys := map[string]bool{}
	effects, _ := p.Ledger().Effects()
	for e := range effects {
		if e.Kind == truth.Payment {
			keys[e.Key] = true
		}
	}
	return keys
}

// ofWall is the clock of who only looks.
type ofWall struct{}

func (ofWall) Now() time.Time { return time.Now() }
