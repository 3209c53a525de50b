package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/internal/client"
	"holdfast/internal/view"
)

// A node runs on PostgreSQL and is backed up from outside. The database is lost:
// the backup is restored into a directory, copied from there into an empty
// database, and the node serves from there what the backup held.
func TestBackupOfADatabase(t *testing.T) {
	t.Parallel()
	database := startDatabase(t)
	s := &system{dir: t.TempDir()}
	s.world = &world{t: t, ready: furnish(t, s.dir)}
	s.must("journal", "copy", "--from", s.path("control"), "--to", database.Source())
	first := s.nodeOn("first", database.Source())
	kept := s.order(first, `channel == "qr"`)

	token := s.path("token")
	if err := os.WriteFile(token, []byte(s.ready.Token), 0o600); err != nil {
		t.Fatal(err)
	}
	var made struct{ File string }
	if err := json.Unmarshal([]byte(s.must("backup", "--url", first.url, "--token-file", token, "--to", t.TempDir(), "--json")), &made); err != nil {
		t.Fatal(err)
	}
	s.must("backup", "verify", made.File)
	lost := s.order(first, `channel == "card"`)
	first.kill()

	if out, complaint, code := run(t, "restore", "--from", made.File, "--data", database.Source()); code == 0 || !strings.Contains(complaint, "journal copy") {
		t.Errorf("a restore straight into a database ends with %d: %s%s", code, out, complaint)
	}
	s.must("restore", "--from", made.File, "--data", s.path("restored"))
	s.must("archive", "verify", "--data", s.path("restored"))
	if err := database.Exec(t.Context(), "CREATE SCHEMA anew"); err != nil {
		t.Fatal(err)
	}
	anew := database.Source() + " search_path=anew"
	s.must("journal", "copy", "--from", s.path("restored"), "--to", anew)
	s.must("archive", "verify", "--data", anew)

	if err := os.Remove(filepath.Join(s.path("first"), "database.head")); err != nil {
		t.Fatal(err)
	}
	second := s.nodeOn("first", anew)
	p, err := client.Get[view.Posture](t.Context(), second.api, "/posture")
	if err != nil || p.Journal.Restored == nil {
		t.Fatalf("the node does not say that its journal was restored: %+v, error %v", p.Journal, err)
	}
	if _, err := client.Get[view.Directive](t.Context(), second.api, "/directives/"+kept); err != nil {
		t.Error(err)
	}
	if _, err := client.Get[view.Directive](t.Context(), second.api, "/directives/"+lost); err == nil {
		t.Error("the restored journal holds what came after the backup")
	}
	second.stop()
}

// must runs a command that is to succeed and returns what it prints.
func (s *system) must(args ...string) string {
	s.t.Helper()
	out, complaint, code := run(s.t, args...)
	if code != 0 {
		s.t.Fatalf("%s ends with %d: %s%s", strings.Join(args[:2], " "), code, out, complaint)
	}
	return out
}

// nodeOn starts a control node on a database.
func (s *system) nodeOn(name, database string) *twin {
	s.t.Helper()
	at := freeAddress(s.t)
	p := s.newProcess(name, "console and API at", "serve", "--data", s.path(name), "--journal-database", database, "--listen-console", at)
	p.start()
	return &twin{p, "http://" + at, s.apiAt(s.t, "http://"+at)}
}

// order issues a stop at a node and returns the directive's id.
func (s *system) order(at *twin, scope string) string {
	s.t.Helper()
	made, err := client.Post[client.Created](s.t.Context(), at.api, "/directives", client.Directive{Kind: "stop", Scope: scope, Reason: "to see"})
	if err != nil {
		s.t.Fatal(err)
	}
	return made.ID
}
