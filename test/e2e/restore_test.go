package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/client"
	"holdfast/internal/gate"
	"holdfast/internal/view"
)

// A backup is made while the node runs, more is decided, the node's disk dies, and
// the backup is restored. The gates have seen what is lost: they take no lease,
// keep what was in force, add what the restored node puts in force, and raise an
// alarm until a person has accepted the new journal at each. No stop is confirmed
// until a person has said that every gate is accounted for.
func TestRestore(t *testing.T) {
	t.Parallel()
	a := openAbsence(t)
	kept := a.stop(`channel == "qr"`)
	file := a.backUp()
	lost := a.stop(`channel == "card"`)
	a.readJournal()
	end := a.facts[len(a.facts)-1].Position
	a.control.kill()

	if out, complaint, code := run(t, "restore", "--from", file, "--data", a.path("control")); code != 4 || !strings.Contains(complaint, "--force") {
		t.Fatalf("a newer journal is replaced: code %d: %s%s", code, out, complaint)
	}
	out, complaint, code := run(t, "restore", "--from", file, "--data", a.path("control"), "--force", "--reason", "the disk died", "--json")
	var report struct {
		Restored struct{ Cut uint64 }
		Aside    string
	}
	if err := json.Unmarshal([]byte(out), &report); code != 0 || err != nil {
		t.Fatalf("restore ends with %d, %v: %s%s", code, err, out, complaint)
	}
	if _, err := os.Stat(filepath.Join(report.Aside, "journal.db")); err != nil {
		t.Error(err)
	}
	a.facts = nil
	a.control.start()

	a.gatesRefuse(kept, lost)
	shown := a.saysRestored(report.Restored.Cut, uint64(end))
	added := a.stopUnconfirmed(`channel == "transfer"`)
	for _, g := range a.gates {
		for _, channel := range []string{"qr", "card", "transfer"} {
			a.poll(g.name+" enforces the restrictions of both", func() bool { return a.declines(g, channel) })
		}
	}
	for _, g := range a.gates {
		if out, complaint, code := run(t, "gate", "accept", "--data", a.path(g.name)); code != 0 {
			t.Fatalf("gate accept ends with %d: %s%s", code, out, complaint)
		}
	}
	a.gatesFollow(kept, added)
	if d := a.directive(added); !d.Confirmed.IsZero() {
		t.Error("a stop is confirmed before anybody has said that every gate is accounted for")
	}
	if err := a.api().Do(t.Context(), http.MethodPost, "/restored/settle", map[string]any{"reason": "all three are back"}, nil); err != nil {
		t.Fatal(err)
	}
	a.awaitConfirmed(added)
	if p := a.shown(); p.Journal.Restored != nil || len(p.Journal.Ahead) > 0 || p.Band.Alarm {
		t.Errorf("all is settled, and the posture says %+v, alarm %v", p.Journal, p.Band.Alarm)
	}
	if shown.By == nil || shown.Reason != "the disk died" {
		t.Errorf("the restore is shown as %+v", shown)
	}
	a.forgive("a gate has seen facts that this journal does not hold", "is not the one this gate has followed", "a posture was not taken", "the control plane's journal is in epoch 2")
	a.end()
}

// backUp makes a backup of the running node, from outside.
func (a *absence) backUp() string {
	a.t.Helper()
	token := a.path("token")
	if err := os.WriteFile(token, []byte(a.ready.Token), 0o600); err != nil {
		a.t.Fatal(err)
	}
	to := a.t.TempDir()
	out, complaint, code := run(a.t, "backup", "--url", a.ready.API, "--token-file", token, "--to", to, "--json")
	var made struct{ File string }
	if err := json.Unmarshal([]byte(out), &made); code != 0 || err != nil {
		a.t.Fatalf("backup ends with %d, %v: %s%s", code, err, out, complaint)
	}
	if out, complaint, code := run(a.t, "backup", "verify", made.File); code != 0 {
		a.t.Fatalf("backup verify ends with %d: %s%s", code, out, complaint)
	}
	if out, complaint, code := run(a.t, "backup", "--data", a.path("control"), "--to", to); code != 6 {
		a.t.Fatalf("a directory in use is copied behind its node's back: code %d: %s%s", code, out, complaint)
	}
	return made.File
}

func (a *absence) shown() view.Posture {
	a.t.Helper()
	p, err := client.Get[view.Posture](context.Background(), a.api(), "/posture")
	if err != nil {
		a.t.Fatal(err)
	}
	return p
}

func (a *absence) directive(id string) view.Directive {
	a.t.Helper()
	d, err := client.Get[view.Directive](context.Background(), a.api(), "/directives/"+id)
	if err != nil {
		a.t.Fatal(err)
	}
	return d
}

func (a *absence) declines(g *process, channel string) bool {
	a.t.Helper()
	said, err := a.ask(context.Background(), g, a.key(), channel)
	return err == nil && said.Code == http.StatusServiceUnavailable && said.Reason == "stopped"
}

func hasDirective(s gate.Status, id string) bool {
	for _, d := range s.Directives {
		if d.ID == id {
			return true
		}
	}
	return false
}

// gatesRefuse sees that each gate has no lease, raises an alarm, and enforces what
// it did before, what was lost included.
func (a *absence) gatesRefuse(kept, lost string) {
	a.t.Helper()
	for _, g := range a.gates {
		var s gate.Status
		a.poll(g.name+" refuses the restored journal", func() bool {
			s = a.status(g)
			return s.Alarm != "" && s.LeaseLeft == 0
		})
		if !strings.Contains(s.Alarm, "holdfast gate accept") || !hasDirective(s, kept) || !hasDirective(s, lost) {
			a.t.Errorf("%s says %q and enforces %v", g.name, s.Alarm, s.Directives)
		}
	}
	for _, g := range a.gates[:2] {
		a.pay(context.Background(), g, "app", http.StatusCreated, "")
	}
	if said, err := a.ask(context.Background(), a.gates[2], a.key(), "app"); err != nil || said.Reason != "no-lease" {
		a.t.Errorf("the strict gate answers %+v, %v without a lease", said, err)
	}
}

// saysRestored sees what the node tells of the restore, as far as gates know.
func (a *absence) saysRestored(cut, end uint64) view.Restored {
	a.t.Helper()
	var p view.Posture
	a.poll("the node tells which gates have seen more", func() bool {
		p = a.shown()
		return len(p.Journal.Ahead) == len(a.gates)
	})
	r := p.Journal.Restored
	if r == nil || !p.Band.Alarm || r.Epoch != 2 || uint64(r.Cut) != cut || uint64(r.LostFrom) != cut+1 || uint64(r.LostTo) < end {
		a.t.Fatalf("the posture says %+v of a restore that kept %d of %d", r, cut, end)
	}
	out, _, _ := run(a.t, "posture", "--url", a.ready.API, "--token-file", a.path("token"))
	if !strings.Contains(out, "JOURNAL RESTORED") {
		a.t.Errorf("holdfast posture says %s", out)
	}
	return *r
}

// stopUnconfirmed issues a stop that cannot be confirmed now.
func (a *absence) stopUnconfirmed(scope string) string {
	a.t.Helper()
	made, err := client.Post[client.Created](context.Background(), a.api(), "/directives", client.Directive{Kind: "stop", Scope: scope, Reason: "after the restore"})
	if err != nil {
		a.t.Fatal(err)
	}
	return made.ID
}

// gatesFollow sees that each gate has come over to the new journal: what was lost
// is not in force any more.
func (a *absence) gatesFollow(kept, added string) {
	a.t.Helper()
	for _, g := range a.gates {
		a.poll(g.name+" follows the restored journal", func() bool {
			s := a.status(g)
			return s.Alarm == "" && s.Posture.Epoch == 2 && s.LeaseLeft > 0 && hasDirective(s, kept) && hasDirective(s, added) && len(s.Directives) == 2
		})
		a.pay(context.Background(), g, "card", http.StatusCreated, "")
	}
	a.poll("every gate has acknowledged", func() bool {
		return !slices.ContainsFunc(a.shown().Gates, func(g view.Gate) bool { return g.Behind || g.State != "live" })
	})
}

func (a *absence) awaitConfirmed(id string) {
	a.t.Helper()
	ctx, cancel := limited(a.t, context.Background())
	defer cancel()
	if d, err := a.api().AwaitConfirmed(ctx, id); err != nil {
		a.t.Fatalf("%v: %+v", err, d.Gates)
	}
}

// forgive takes complaints out of the logs that belong to the story. Each process
// must have made one of them, or the story is another.
func (s *system) forgive(texts ...string) {
	s.t.Helper()
	for _, p := range append([]*process{s.control}, s.gates...) {
		if !p.forgive(texts...) {
			s.t.Errorf("%s did not complain", p.name)
		}
	}
}

// forgive takes complaints out of the log, and reports whether one was there.
func (p *process) forgive(texts ...string) (found bool) {
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	var rest bytes.Buffer
	for line := range strings.Lines(p.log.text.String()) {
		if strings.Contains(line, "level=ERROR") && slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(line, text) }) {
			found = true
			continue
		}
		rest.WriteString(line)
	}
	p.log.text = rest
	return found
}
