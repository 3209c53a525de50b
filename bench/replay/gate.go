package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"holdfast"
	"holdfast/internal/posture"
	"holdfast/internal/sqljournal/advices"
	"holdfast/internal/standin"
)

// settings are those of the gate: its directory, address, primary, budget.
const settings = `
name: gate-1
data: %[1]s/gate
listen: {payments: %[2]s}
primary: {url: "http://%[3]s"}
stand_in:
  data: %[1]s/advices
  shards: %[5]d
  key: file:%[1]s/key
  payers: %[1]s/payers
  forward: {rate: %[4]d, connections: 16}
routes:
  - name: pay
    methods: [POST]
    path: /v1/payments
    kind: payment
    body: json
    fields:
      identity: header:Idempotency-Key
      amount: json:/amount
      currency: json:/currency
      payer: json:/payer
      payee: json:/payee
      channel: json:/channel
    stand_in: {body: '{"status":"approved"}'}
`

const shards = 16

// prepare writes what the gate needs, but for a posture, and returns the id of its
// source.
func (b *bench) prepare(primary string) (source string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	b.address = l.Addr().String()
	if err := l.Close(); err != nil {
		return "", err
	}
	var payers bytes.Buffer
	fmt.Fprintf(&payers, "{\"at\":%q}\n", time.Now().UTC().Format(time.RFC3339))
	for n := range b.payers() + 100 {
		fmt.Fprintf(&payers, "{\"payer\":%q}\n", payerOf(n))
	}
	for name, content := range map[string][]byte{
		"settings": fmt.Appendf(nil, settings, b.dir, b.address, primary, b.rate, shards), "key": bytes.Repeat([]byte("k"), 32), "payers": payers.Bytes(),
	} {
		if err := os.WriteFile(filepath.Join(b.dir, name), content, 0o600); err != nil {
			return "", err
		}
	}
	s, err := advices.Open(context.Background(), advices.Options{Dir: filepath.Join(b.dir, "advices"), Shards: shards})
	if err != nil {
		return "", err
	}
	info, err := s.Info(context.Background())
	if err == nil {
		err = s.Close()
	}
	return info.ID, err
}

// directive stands in for everybody, up to what no bench reaches.
func directive(source string) (posture.Directive, error) {
	profile, err := json.Marshal(standin.Profile{
		ID: "all", SnapshotAge: 24 * time.Hour, Unplanned: &standin.Terms{Eligible: `kind == "payment"`, Limits: []standin.Limit{
			{Over: standin.EachPayment, Currency: "CNY", Amount: 1e6}, {Over: standin.Whole, Currency: "CNY", Amount: 1e12},
		}},
		Forwarding: standin.Forwarding{
			Timeout: 10 * time.Second, Pause: 10 * time.Second, LongestPause: time.Minute, Attempts: 10, Expiry: 24 * time.Hour, Retention: 24 * time.Hour,
		},
	})
	return posture.Directive{ID: "d-1", Kind: posture.StandIn, Scope: "all", Open: true, Source: source, Profile: profile}, err
}

// start starts the gate under a posture and waits until it listens.
func (b *bench) start(position holdfast.Position, directives ...posture.Directive) error {
	dir := filepath.Join(b.dir, "gate")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	set := posture.Set{Head: holdfast.Head{Journal: "bench", Epoch: 1, Position: position, Hash: holdfast.Hash{byte(position)}}, Lease: time.Minute, Directives: directives}
	if err := posture.Save(filepath.Join(dir, "posture"), set); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(b.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	b.gate = exec.Command(filepath.Join(b.dir, "holdfast"), "gate", "run", "--config", filepath.Join(b.dir, "settings"))
	b.gate.Stdout, b.gate.Stderr = log, log
	b.gate.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := b.gate.Start(); err != nil {
		return err
	}
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", b.address)
		if err == nil {
			return c.Close()
		}
		if time.Now().After(end) || syscall.Kill(b.gate.Process.Pid, 0) != nil {
			said, _ := os.ReadFile(log.Name())
			return fmt.Errorf("the gate does not listen: %w\n%s", err, said)
		}
	}
}

func (b *bench) stop() error {
	if b.gate == nil {
		return nil
	}
	if err := b.gate.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	err := b.gate.Wait()
	b.gate = nil
	if err != nil {
		said, _ := os.ReadFile(filepath.Join(b.dir, "log"))
		return fmt.Errorf("the gate ended with %w\n%s", err, said)
	}
	return nil
}

// memory is what the gate takes, in MB.
func (b *bench) memory() (float64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", b.gate.Process.Pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(text), " kB"))
			return float64(kb) / 1024, err
		}
	}
	return 0, fmt.Errorf("the kernel does not say what the gate takes")
}
