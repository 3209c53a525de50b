package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/client"
)

// stored are the files of a control node's directory that hold the journal.
var stored = []string{"journal.db", "journal.db-wal", "journal.sums", "journal.head"}

// A byte of a stopped control node's files is not what was written. The node
// refuses to start: exit code 7, what is damaged and where, and nothing is
// touched; the offline check says the same. With the byte put right it starts.
func TestDamagedJournal(t *testing.T) {
	t.Parallel()
	seed := seedOf(t)
	rng := rand.New(rand.NewPCG(seed, 3))
	s := openSystem(t, "http://127.0.0.1:9")
	s.report(60)
	s.control.kill() // the commits are left in the write-ahead log
	killed := s.copyJournal()
	s.control.start()
	s.report(1)
	s.control.stop() // and are moved into the database
	stopped := s.copyJournal()
	db, log := len(stopped["journal.db"]), len(killed["journal.db-wal"])
	if db <= len(killed["journal.db"]) || log == 0 {
		t.Fatalf("the database has %d bytes after a kill and %d after an orderly end, the log %d", len(killed["journal.db"]), db, log)
	}

	for _, place := range []int{0, rng.IntN(db), rng.IntN(db), db - 1} {
		page := place / 4096
		s.refuses(stopped, "journal.db", place, flip(rng), fmt.Sprintf("journal.db, page %d at byte %d: ", page+1, page*4096))
	}
	s.refuses(stopped, "journal.sums", rng.IntN(len(stopped["journal.sums"])), flip(rng), "journal.sums")
	s.refuses(stopped, "journal.head", rng.IntN(len(stopped["journal.head"])), flip(rng), "journal.head: bytes ")
	s.refuses(killed, "journal.db-wal", rng.IntN(32), flip(rng), "journal.db-wal at byte 0: ")
	s.refuses(killed, "journal.db-wal", 32+rng.IntN(24+4096), flip(rng), "journal.db-wal, frame 1 at byte 32: ")
	s.refuses(killed, "journal.db-wal", log/2, cut, "the file ends here: the journal ends here with commit ")
	s.putJournal(killed)
	s.control.start()
}

func (s *system) report(times int) {
	s.t.Helper()
	for n := range times {
		if _, err := client.Post[client.Created](context.Background(), s.api(), "/reports", map[string]any{"summary": fmt.Sprint("report ", n)}); err != nil {
			s.t.Fatal(err)
		}
	}
}

// copyJournal reads the files of the node that has ended.
func (s *system) copyJournal() map[string][]byte {
	s.t.Helper()
	files := map[string][]byte{}
	for _, name := range stored {
		content, err := os.ReadFile(filepath.Join(s.path("control"), name))
		if err != nil && !os.IsNotExist(err) {
			s.t.Fatal(err)
		}
		if err == nil {
			files[name] = content
		}
	}
	return files
}

func (s *system) putJournal(files map[string][]byte) {
	s.t.Helper()
	for _, name := range append(stored, "journal.db-shm") {
		path := filepath.Join(s.path("control"), name)
		err := os.Remove(path)
		if content, ok := files[name]; ok {
			err = os.WriteFile(path, content, 0o600)
		}
		if err != nil && !os.IsNotExist(err) {
			s.t.Fatal(err)
		}
	}
}

// damage is done to a file at a place.
type damage func(content []byte, place int) []byte

func flip(rng *rand.Rand) damage {
	change := byte(1 + rng.IntN(255))
	return func(content []byte, place int) []byte {
		content[place] ^= change
		return content
	}
}

func cut(content []byte, place int) []byte { return content[:place] }

// refuses sees a damaged state refused by the node and by the offline check, with
// what is damaged and where.
func (s *system) refuses(state map[string][]byte, file string, place int, do damage, want string) {
	s.t.Helper()
	damaged := map[string][]byte{}
	for name, content := range state {
		damaged[name] = slices.Clone(content)
	}
	damaged[file] = do(damaged[file], place)
	s.putJournal(damaged)
	for _, command := range [][]string{s.control.args, {"archive", "verify", "--data", s.path("control")}} {
		out, complaint, code := run(s.t, command...)
		if said := out + complaint; code != 7 || !strings.Contains(said, want) {
			s.t.Errorf("with %s damaged at byte %d, holdfast %s ends with %d and does not say %q: %s", file, place, command[0], code, want, said)
		}
	}
	now := s.copyJournal()
	for _, name := range stored {
		if !bytes.Equal(now[name], damaged[name]) {
			s.t.Errorf("with %s damaged at byte %d, a refused start changed %s", file, place, name)
		}
	}
}
