package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/config"
	"holdfast/internal/posture"
	"holdfast/internal/sqljournal/advices"
	"holdfast/internal/sqljournal/postgres"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// A gate that stands in is killed at random moments while customers pay. Whatever a
// customer was told is what the gate says after, and what its source holds; the
// primary is down and gets nothing. HOLDFAST_SOAK=1 kills 300 times instead of 4.
func TestKilledWhileStandingIn(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "advices")
	k := standIn(t, fmt.Sprintf("data: %s", dir), func(ctx context.Context) (advice.Source, error) {
		return advices.Open(ctx, advices.Options{Dir: dir})
	}, "gate")
	k.killAtRandom()
}

// The same of two gates that share a source on PostgreSQL: now one is killed, now the
// other, now both. What one of them told, each of them says after.
func TestKilledWhileStandingInOnPostgreSQL(t *testing.T) {
	t.Parallel()
	server := startDatabase(t)
	k := standIn(t, fmt.Sprintf("database: %q", server.Source()), func(ctx context.Context) (advice.Source, error) {
		return postgres.OpenAdvices(ctx, postgres.AdviceOptions{Source: server.Source()})
	}, "east", "west")
	k.killAtRandom()
}

// standInGates are gates without a control node whose posture has stand-in open.
type standInGates struct {
	t     *testing.T
	open  func(ctx context.Context) (advice.Source, error)
	gates []*process
	urls  []string
	sent  int
	mu    sync.Mutex
	told  map[string]bool
}

// standIn starts gates with one source, which settings say and open opens.
func standIn(t *testing.T, settings string, open func(ctx context.Context) (advice.Source, error), names ...string) *standInGates {
	t.Helper()
	dir := t.TempDir()
	source, err := open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	info, err := source.Info(t.Context())
	if err := errors.Join(err, source.Close()); err != nil {
		t.Fatal(err)
	}
	profile, err := json.Marshal(standin.Profile{
		ID: "small", SnapshotAge: time.Hour,
		Unplanned: &standin.Terms{Eligible: `payer_class == "good"`, Limits: []standin.Limit{
			{Over: standin.EachPayment, Currency: "CNY", Amount: 5000}, {Over: standin.Whole, Currency: "CNY", Amount: 1_000_000_000},
		}},
		Forwarding: standin.Forwarding{
			Timeout: time.Second, Pause: time.Second, LongestPause: time.Minute, Attempts: 9, Expiry: 24 * time.Hour, Retention: time.Hour,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var payers strings.Builder
	fmt.Fprintf(&payers, "{\"at\":%q}\n", time.Now().UTC().Format(time.RFC3339))
	for n := range payersOfStandIn {
		fmt.Fprintf(&payers, "{\"payer\":%q,\"class\":\"good\"}\n", payerOf(n))
	}
	all := config.DefaultGateYAML + fmt.Sprintf("\nstand_in: {%s, key: \"file:%s/key\", payers: %s/payers}\n", settings, dir, dir)
	for name, content := range map[string]string{"payers": payers.String(), "key": strings.Repeat("k", 32), "gate.yaml": all} {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	k := &standInGates{t: t, open: open, told: map[string]bool{}}
	for _, name := range names {
		data := filepath.Join(dir, name)
		err = errors.Join(err, os.Mkdir(data, 0o700), posture.Save(filepath.Join(data, "posture"), posture.Set{
			Head: holdfast.Head{Journal: "j", Epoch: 1, Position: 7, Hash: holdfast.Hash{7}},
			Directives: []posture.Directive{
				{ID: "i1", Kind: posture.StandIn, Scope: "all", Open: true, Source: info.ID, Profile: profile},
			},
		}))
		at := freeAddress(t)
		k.urls = append(k.urls, "http://"+at)
		k.gates = append(k.gates, (&system{world: &world{t: t}}).newProcess(name, "gate "+name+" takes payments at",
			"gate", "run", "--config", filepath.Join(dir, "gate.yaml"), "--name", name, "--data", data,
			"--listen-payments", at, "--primary-url", "http://"+freeAddress(t)))
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range k.gates {
		g.start()
	}
	return k
}

// payersOfStandIn are enough that several shards are at work.
const payersOfStandIn = 20

func payerOf(n int) string { return fmt.Sprint("acct_", n%payersOfStandIn) }

func (k *standInGates) killAtRandom() {
	k.t.Helper()
	kills := 4
	if os.Getenv("HOLDFAST_SOAK") != "" {
		kills = 300
	}
	rng := rand.New(rand.NewPCG(seedOf(k.t), 0))
	for range kills {
		k.pay(rng)
	}
	for key := range k.told {
		for gate := range k.gates {
			if status, err := k.post(gate, key); err != nil || status != http.StatusCreated {
				k.t.Errorf("%s was approved, and gate %d now answers %d, %v", key, gate, status, err)
			}
		}
	}
	for _, g := range k.gates {
		g.stop()
	}
	k.audit()
}

// pay has eight customers pay until gates are killed, and starts these again. A customer
// who got no answer asks the next gate with the same key.
func (k *standInGates) pay(rng *rand.Rand) {
	k.t.Helper()
	ctx, stop := context.WithCancel(k.t.Context())
	defer stop()
	var paying sync.WaitGroup
	answered := make(chan struct{}, 1024)
	for n := range 8 {
		paying.Go(func() {
			for gate := n % len(k.gates); ctx.Err() == nil; gate = (gate + 1) % len(k.gates) {
				k.mu.Lock()
				k.sent++
				key := fmt.Sprint("order-", k.sent)
				k.mu.Unlock()
				status, err := k.post(gate, key)
				if err != nil && len(k.gates) > 1 {
					status, err = k.post((gate+1)%len(k.gates), key)
				}
				if err == nil && status == http.StatusCreated {
					k.mu.Lock()
					k.told[key] = true
					k.mu.Unlock()
				}
				select {
				case answered <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 1 + rng.IntN(100) {
		<-answered
	}
	victims := []*process{k.gates[rng.IntN(len(k.gates))]}
	if rng.IntN(4) == 0 {
		victims = k.gates
	}
	for _, g := range victims {
		g.kill()
	}
	if len(victims) < len(k.gates) { // the others go on by themselves
		for range 20 {
			<-answered
		}
	}
	stop()
	paying.Wait()
	for _, g := range victims {
		g.start()
	}
}

func (k *standInGates) post(gate int, key string) (int, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(key, "order-"))
	if err != nil {
		return 0, err
	}
	body := fmt.Sprintf(`{"amount":1299,"currency":"CNY","payer":%q,"payee":"shop_1","channel":"app","method":"card"}`, payerOf(n))
	req, err := http.NewRequestWithContext(context.WithoutCancel(k.t.Context()), http.MethodPost, k.urls[gate]+"/v1/payments", bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Idempotency-Key", key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Holdfast-Stand-In"); got != "approved" && resp.StatusCode == http.StatusCreated {
		k.t.Errorf("%s: answered 201 by somebody else: %q", key, got)
	}
	return resp.StatusCode, nil
}

// audit reads what the source holds.
func (k *standInGates) audit() {
	k.t.Helper()
	source, err := k.open(k.t.Context())
	if err != nil {
		k.t.Fatal(err)
	}
	defer source.Close()
	info, err := source.Info(k.t.Context())
	if err != nil {
		k.t.Fatal(err)
	}
	held := map[string]bool{}
	for shard := range info.Shards {
		for after := uint64(0); ; {
			packs, err := source.Read(k.t.Context(), shard, after, 100)
			if err != nil {
				k.t.Fatal(err)
			}
			if len(packs) == 0 {
				break
			}
			for _, p := range packs {
				after = p.Revision()
				records, err := standin.Decode(p.Body)
				if err != nil {
					k.t.Fatal(err)
				}
				for _, r := range records {
					if d, ok := r.(*standin.Decision); ok {
						if held[d.Identity] {
							k.t.Errorf("%s was decided twice", d.Identity)
						}
						held[d.Identity] = d.Verdict == standin.Approved
					}
				}
			}
		}
	}
	if len(k.told) == 0 {
		k.t.Error("nobody was told anything")
	}
	for key := range k.told {
		if !held[key] {
			k.t.Errorf("%s was approved and is gone", key)
		}
	}
	k.t.Logf("%d of %d approvals were told", len(k.told), len(held))
}
