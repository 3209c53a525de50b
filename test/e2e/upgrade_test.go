package e2e_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/client"
	"holdfast/internal/enrolment"
	"holdfast/internal/gate"
	"holdfast/internal/sandbox/fault"
	"holdfast/internal/sandbox/truth"
	"holdfast/internal/view"
)

// store makes what a later build has to open:
//
//	go test ./test/e2e -run 'TestUpgrade$' -store NAME
//
// writes testdata/stored/NAME.tar.gz with this build: the directories of a control
// node and of a gate that were both killed, a backup, the gate's settings. Do so
// once for each release, before it is made; never change one that is there.
var store = flag.String("store", "", "make testdata/stored/NAME.tar.gz with this build")

// storedFacts are in stored.json: what is in the directories.
type storedFacts struct {
	Token     string        `json:"token"`
	Head      holdfast.Head `json:"head"`
	Backup    string        `json:"backup"`
	Directive string        `json:"directive"`
	InFlight  string        `json:"in_flight"`
}

const storedIn = "testdata/stored"

// What every release since the first has stored is opened by this build: the node
// has what was decided, the gate enforces it and lists what it had in flight, the
// backup is whole and can be restored.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	if *store != "" {
		makeStored(t, filepath.Join(storedIn, *store+".tar.gz"))
	}
	files, err := filepath.Glob(filepath.Join(storedIn, "*.tar.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("nothing is stored in %s: %v", storedIn, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".tar.gz"), func(t *testing.T) {
			t.Parallel()
			openStored(t, file)
		})
	}
}

func makeStored(t *testing.T, file string) {
	t.Helper()
	a := openAbsence(t)
	stored := storedFacts{Token: a.ready.Token, Directive: a.stop(`channel == "qr"`)}
	made := a.backUp()
	stored.Backup = filepath.Base(made)
	if err := os.Rename(made, a.path(stored.Backup)); err != nil {
		t.Fatal(err)
	}
	g := a.gates[0]
	stored.InFlight = a.holdOne(g)
	g.kill()
	a.control.kill()
	out, complaint, code := run(t, "archive", "verify", "--data", a.path("control"), "--json")
	if err := json.Unmarshal([]byte(out), &struct{ Head *holdfast.Head }{&stored.Head}); code != 0 || err != nil {
		t.Fatalf("archive verify ends with %d, %v: %s", code, err, complaint)
	}
	content, err := json.MarshalIndent(stored, "", "  ")
	if err == nil {
		err = os.WriteFile(a.path("stored.json"), content, 0o600)
	}
	if err == nil {
		err = pack(file, a.dir, "control", "gate-1", "gate.yaml", "stored.json", stored.Backup)
	}
	if err != nil {
		t.Fatal(err)
	}
	a.control.start() // for the test's end
	g.start()
}

// holdOne leaves a payment in flight at a gate, with a primary that does not
// answer, and returns its key.
func (a *absence) holdOne(g *process) string {
	a.t.Helper()
	key := a.key()
	if _, err := a.money.StartFault(fault.Fault{Kind: fault.Latency, Seconds: 600, DelayMS: fault.MaxDelay}); err != nil {
		a.t.Fatal(err)
	}
	go func() { _, _ = a.ask(context.Background(), g, key, "app") }() // the gate is killed before it answers
	a.poll("the primary works on the payment", func() bool {
		return a.money.Primary.Inquire(truth.Payment, key).Status != ""
	})
	return key
}

func pack(file, dir string, parts ...string) (err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(f)
	t := tar.NewWriter(z)
	for _, part := range parts {
		err = errors.Join(err, filepath.WalkDir(filepath.Join(dir, part), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || strings.Contains(path, "/backups/") {
				return err
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			if err := t.WriteHeader(&tar.Header{Name: filepath.ToSlash(name), Size: int64(len(content)), Mode: 0o600}); err != nil {
				return err
			}
			_, err = t.Write(content)
			return err
		}))
	}
	return errors.Join(err, t.Close(), z.Close(), f.Close())
}

func unpack(t *testing.T, file, dir string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil || !filepath.IsLocal(h.Name) {
			t.Fatalf("%s: %v", h.Name, err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		content, err := io.ReadAll(r)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o700)
		}
		if err == nil {
			err = os.WriteFile(path, content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func openStored(t *testing.T, file string) {
	a := &absence{system: &system{dir: t.TempDir()}}
	unpack(t, file, a.dir)
	content, err := os.ReadFile(a.path("stored.json"))
	if err != nil {
		t.Fatal(err)
	}
	var stored storedFacts
	if err := json.Unmarshal(content, &stored); err != nil {
		t.Fatal(err)
	}
	a.world = &world{t: t}
	a.ready.Token = stored.Token
	var report struct{ Head holdfast.Head }
	out, complaint, code := run(t, "archive", "verify", "--data", a.path("control"), "--json")
	if err := json.Unmarshal([]byte(out), &report); code != 0 || err != nil || report.Head != stored.Head {
		t.Fatalf("archive verify ends with %d, %v, %v and not %v: %s", code, err, report.Head, stored.Head, complaint)
	}
	if out, complaint, code = run(t, "restore", "--from", a.path(stored.Backup), "--data", a.path("restored")); code != 0 {
		t.Fatalf("restore ends with %d: %s%s", code, out, complaint)
	}
	if out, complaint, code = run(t, "archive", "verify", "--data", a.path("restored")); code != 0 {
		t.Fatalf("archive verify of the restored journal ends with %d: %s%s", code, out, complaint)
	}
	a.startStored()
	a.sees(stored)
}

// startStored starts both on their stored directories.
func (a *absence) startStored() {
	a.t.Helper()
	at, fleet := freeAddress(a.t), freeAddress(a.t)
	a.ready.API = "http://" + at
	a.control = a.newProcess("control", "gates connect to",
		"serve", "--data", a.path("control"), "--listen-console", at, "--listen-fleet", fleet, "--fleet-lease", lease)
	a.control.start()
	var cert struct{ Certificate, Key, Authority string }
	out, _, code := run(a.t, "gate", "certificate", "gate-1", "--data", a.path("control"), "--json")
	if err := json.Unmarshal([]byte(out), &cert); code != 0 || err != nil {
		a.t.Fatalf("gate certificate: code %d, %v: %s", code, err, out)
	}
	g := a.newProcess("gate-1", "gate gate-1 takes payments at",
		"gate", "run", "--config", a.path("gate.yaml"), "--name", "gate-1", "--mode", string(gate.Static), "--data", a.path("gate-1"),
		"--listen-payments", freeAddress(a.t), "--primary-url", "http://127.0.0.1:9", "--control-urls", "https://"+fleet,
		"--control-certificate", cert.Certificate, "--control-key", cert.Key, "--control-authority", cert.Authority)
	g.start()
	a.gates = append(a.gates, g)
}

// sees looks at what was decided and at what the gate owes.
func (a *absence) sees(stored storedFacts) {
	a.t.Helper()
	g := a.gates[0]
	var s gate.Status
	a.poll("the gate has a lease again", func() bool { s = a.status(g); return s.LeaseLeft > 0 })
	if !hasDirective(s, stored.Directive) || s.Unresolved != 1 || s.Alarm != "" {
		a.t.Errorf("the gate enforces %v, has %d payments of unknown outcome, and says %q", s.Directives, s.Unresolved, s.Alarm)
	}
	if d := a.directive(stored.Directive); d.Confirmed.IsZero() || d.Scope != `channel == "qr"` {
		a.t.Errorf("the stop that was confirmed is now %+v", d)
	}
	a.readJournal()
	if len(a.facts) <= int(stored.Head.Position) || a.facts[stored.Head.Position-1].Hash != stored.Head.Hash {
		a.t.Errorf("the journal has %d facts, and %v was stored", len(a.facts), stored.Head)
	}
	a.poll("the node lists what was in flight when the gate was killed", func() bool {
		unknowns, err := client.Get[view.Page[enrolment.Unknown]](context.Background(), a.api(), "/unknowns")
		return err == nil && unknowns.Total == 1 && unknowns.Items[0].Record.Identity == stored.InFlight
	})
}
