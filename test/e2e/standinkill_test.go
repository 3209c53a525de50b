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
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/config"
	"holdfast/internal/posture"
	"holdfast/internal/sqljournal/advices"
	"holdfast/internal/standin"
)

// A gate that stands in is killed at random moments while customers pay. Whatever a
// customer was told is what the gate says after, and what its source holds; the
// primary is down and gets nothing. HOLDFAST_SOAK=1 kills 300 times instead of 4.
func TestKilledWhileStandingIn(t *testing.T) {
	t.Parallel()
	kills := 4
	if os.Getenv("HOLDFAST_SOAK") != "" {
		kills = 300
	}
	rng := rand.New(rand.NewPCG(seedOf(t), 0))
	k := standInAlone(t)
	for range kills {
		k.pay(rng)
	}
	for key := range k.told {
		if status, err := k.post(key); err != nil || status != http.StatusCreated {
			t.Errorf("%s was approved, and is now answered %d, %v", key, status, err)
		}
	}
	k.gate.stop()
	k.audit()
}

// standInGate is a gate without a control node whose posture has stand-in open.
type standInGate struct {
	t    *testing.T
	dir  string
	url  string
	gate *process
	sent int
	mu   sync.Mutex
	told map[string]bool
}

func standInAlone(t *testing.T) *standInGate {
	t.Helper()
	dir := t.TempDir()
	source, err := advices.Open(t.Context(), advices.Options{Dir: filepath.Join(dir, "advices")})
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
	if err := os.Mkdir(filepath.Join(dir, "gate"), 0o700); err != nil {
		t.Fatal(err)
	}
	err = posture.Save(filepath.Join(dir, "gate", "posture"), posture.Set{
		Head: holdfast.Head{Journal: "j", Epoch: 1, Position: 7, Hash: holdfast.Hash{7}},
		Directives: []posture.Directive{
			{ID: "i1", Kind: posture.StandIn, Scope: "all", Open: true, Source: info.ID, Profile: profile},
		},
	})
	payers := fmt.Sprintf("{\"at\":%q}\n{\"payer\":\"acct_1\",\"class\":\"good\"}\n", time.Now().UTC().Format(time.RFC3339))
	settings := config.DefaultGateYAML + fmt.Sprintf("\nstand_in: {data: %s/advices, key: \"file:%s/key\", payers: %s/payers}\n", dir, dir, dir)
	for name, content := range map[string]string{"payers": payers, "key": strings.Repeat("k", 32), "gate.yaml": settings} {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	at := freeAddress(t)
	k := &standInGate{t: t, dir: dir, url: "http://" + at, told: map[string]bool{}}
	k.gate = (&system{world: &world{t: t}}).newProcess("gate", "gate gate takes payments at",
		"gate", "run", "--config", filepath.Join(dir, "gate.yaml"), "--name", "gate", "--data", filepath.Join(dir, "gate"),
		"--listen-payments", at, "--primary-url", "http://"+freeAddress(t))
	k.gate.start()
	return k
}

// pay has eight customers pay until the gate is killed, and starts it again.
func (k *standInGate) pay(rng *rand.Rand) {
	k.t.Helper()
	ctx, stop := context.WithCancel(k.t.Context())
	defer stop()
	var paying sync.WaitGroup
	answered := make(chan struct{}, 1024)
	for range 8 {
		paying.Go(func() {
			for ctx.Err() == nil {
				k.mu.Lock()
				k.sent++
				key := fmt.Sprint("order-", k.sent)
				k.mu.Unlock()
				if status, err := k.post(key); err == nil && status == http.StatusCreated {
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
	k.gate.kill()
	stop()
	paying.Wait()
	k.gate.start()
}

func (k *standInGate) post(key string) (int, error) {
	body := `{"amount":1299,"currency":"CNY","payer":"acct_1","payee":"shop_1","channel":"app","method":"card"}`
	req, err := http.NewRequestWithContext(context.WithoutCancel(k.t.Context()), http.MethodPost, k.url+"/v1/payments", bytes.NewReader([]byte(body)))
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

// audit reads the source as it lies on disk.
func (k *standInGate) audit() {
	k.t.Helper()
	source, err := advices.Open(k.t.Context(), advices.Options{Dir: filepath.Join(k.dir, "advices")})
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
