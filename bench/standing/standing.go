// Package standing is a gate in a process of its own that stands in for its
// primary under a directive, or forwards to it under none, as the benches under
// bench/ load it: `holdfast gate run` with decisions in SQLite, nothing above it.
package standing

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
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
	"holdfast/bench/load"
	"holdfast/bench/machine"
	"holdfast/internal/posture"
	"holdfast/internal/sqljournal/advices"
	"holdfast/internal/standin"
)

// Gate is such a gate. It needs a directory of its own.
type Gate struct {
	// Dir has all its files, Program is the holdfast that it runs.
	Dir, Program string
	// Primary is the address of the system behind it.
	Primary string
	// Payers is how many stand in its snapshot, each one good: [load.Payer] has their
	// accounts.
	Payers int
	// Profile says who is stood in for.
	Profile standin.Profile
	// Rate is the budget of forwarding, in requests a second.
	Rate int

	// Address is where it takes payments, Source the id of its advice source; both are
	// known once it is prepared.
	Address, Source string

	command *exec.Cmd
}

// Name is that of the gate.
const Name = "gate-1"

// Key is the secret that blinds payers and seals requests.
func Key() []byte { return bytes.Repeat([]byte("k"), 32) }

// Set is a posture of the gate.
func Set(position holdfast.Position, directives ...posture.Directive) posture.Set {
	return posture.Set{Head: holdfast.Head{Journal: "bench", Epoch: 1, Position: position, Hash: holdfast.Hash{byte(position)}}, Lease: time.Minute, Directives: directives}
}

// settings are those of the gate: its directory, address, primary, budget, shards and name.
const settings = `
name: %[6]s
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

// Shards is how many the source has.
const Shards = 16

// Build builds the program at a path.
func Build(path string) error {
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", path, "holdfast/cmd/holdfast").CombinedOutput(); err != nil {
		return fmt.Errorf("build holdfast: %w\n%s", err, out)
	}
	return nil
}

// Prepare writes what the gate needs, but for a posture.
func (g *Gate) Prepare() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	g.Address = l.Addr().String()
	if err := l.Close(); err != nil {
		return err
	}
	now := time.Now().UTC()
	var payers bytes.Buffer
	fmt.Fprintf(&payers, "{\"at\":%q}\n", now.Format(time.RFC3339))
	for n := range g.Payers {
		fmt.Fprintf(&payers, "{\"payer\":%q,\"class\":\"a\",\"seen\":%q}\n", load.Payer(n), now.AddDate(0, 0, -3).Format(time.RFC3339))
	}
	for name, content := range map[string][]byte{
		"settings": fmt.Appendf(nil, settings, g.Dir, g.Address, g.Primary, g.Rate, Shards, Name), "key": Key(), "payers": payers.Bytes(),
	} {
		if err := os.WriteFile(filepath.Join(g.Dir, name), content, 0o600); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(g.Dir, "gate"), 0o700); err != nil {
		return err
	}
	s, err := advices.Open(context.Background(), advices.Options{Dir: filepath.Join(g.Dir, "advices"), Shards: Shards})
	if err != nil {
		return err
	}
	info, err := s.Info(context.Background())
	g.Source = info.ID
	return errors.Join(err, s.Close())
}

// Directive stands in for everybody whom the profile allows.
func (g *Gate) Directive() (posture.Directive, error) {
	profile, err := json.Marshal(g.Profile)
	return posture.Directive{ID: "d-1", Kind: posture.StandIn, Scope: "all", Open: true, Source: g.Source, Profile: profile}, err
}

// Start starts the gate under a posture and waits until it listens. The caller must be
// on the main goroutine, locked to its thread: the kernel kills the gate when that ends.
func (g *Gate) Start(position holdfast.Position, directives ...posture.Directive) error {
	if err := posture.Save(filepath.Join(g.Dir, "gate", "posture"), Set(position, directives...)); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(g.Dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	g.command = exec.Command(g.Program, "gate", "run", "--config", filepath.Join(g.Dir, "settings"))
	g.command.Stdout, g.command.Stderr = log, log
	g.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := g.command.Start(); err != nil {
		return err
	}
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", g.Address)
		if err == nil {
			return c.Close()
		}
		if time.Now().After(end) || syscall.Kill(g.command.Process.Pid, 0) != nil {
			return fmt.Errorf("the gate does not listen: %w\n%s", err, g.said())
		}
	}
}

// Stop ends the gate as an operator does, if it runs.
func (g *Gate) Stop() error {
	if g.command == nil {
		return nil
	}
	if err := g.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	err := g.command.Wait()
	g.command = nil
	if err != nil {
		return fmt.Errorf("the gate ended with %w\n%s", err, g.said())
	}
	return nil
}

func (g *Gate) said() string {
	content, err := os.ReadFile(filepath.Join(g.Dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(content)
}

// CPU is the processor time that the gate has used since it was started.
func (g *Gate) CPU() (time.Duration, error) { return machine.CPU(g.command.Process.Pid) }

// Memory is what the gate takes of the machine's, in MB.
func (g *Gate) Memory() (float64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", g.command.Process.Pid))
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
	return 0, errors.New("the kernel does not say what the gate takes")
}
