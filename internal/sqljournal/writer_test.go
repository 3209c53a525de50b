package sqljournal

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

func fact(id, subject string, expect holdfast.Revision) journal.Append {
	return journal.Append{
		ID: id, Actor: holdfast.Self("test"), Time: time.Unix(1, 0),
		Facts: []journal.Draft{journal.NewDraft(holdfast.Subject(subject), expect, "thing.changed", id)},
	}
}

func wantCode(t testing.TB, err error, code holdfast.Code) {
	t.Helper()
	if got := holdfast.CodeOf(err); got != code {
		t.Fatalf("the error has code %q, not %q: %v", got, code, err)
	}
}

// blockCommits makes the next commit wait until the returned function is called,
// and tells on the channel when it has begun.
func blockCommits(s *Store) (began chan struct{}, release func()) {
	began, gate := make(chan struct{}), make(chan struct{})
	commit := s.writer.commit
	s.writer.commit = func(ctx context.Context) error {
		s.writer.commit = commit
		close(began)
		<-gate
		return commit(ctx)
	}
	return began, func() { close(gate) }
}

// waitFor spins until n requests wait for the writer.
func waitFor(s *Store, n int) {
	for len(s.writer.requests) < n {
		runtime.Gosched()
	}
}

func TestEndedContextBeforeAndAfterTheCommitBegan(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	began, release := blockCommits(s)
	first, cancelFirst := context.WithCancel(t.Context())
	second, cancelSecond := context.WithCancel(t.Context())
	answers := make(chan error, 2)
	go func() {
		_, err := s.Append(first, fact("first", "thing/1", 0))
		answers <- err
	}()
	<-began
	cancelFirst()
	wantCode(t, <-answers, holdfast.Doubtful)
	go func() {
		_, err := s.Append(second, fact("second", "thing/2", 0))
		answers <- err
	}()
	waitFor(s, 1)
	cancelSecond()
	wantCode(t, <-answers, holdfast.Unavailable)
	release()
	if receipt, err := s.Append(t.Context(), fact("first", "thing/1", 0)); err != nil || receipt.First != 1 {
		t.Fatalf("the doubt was settled with %v, error %v", receipt, err)
	}
	if receipt, err := s.Append(t.Context(), fact("third", "thing/2", 0)); err != nil || receipt.First != 2 {
		t.Fatalf("what was given up before its commit began was written: %v, error %v", receipt, err)
	}
}

// TestOneCommitManyAnswers puts calls of every kind into one transaction.
func TestOneCommitManyAnswers(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	began, release := blockCommits(s)
	go s.Append(t.Context(), fact("first", "thing/1", 0))
	<-began
	answers := map[string]chan error{}
	submit := func(name string, call func() error) {
		answer := make(chan error, 1)
		answers[name] = answer
		n := len(s.writer.requests)
		go func() { answer <- call() }()
		waitFor(s, n+1)
	}
	app := func(name string, a journal.Append) {
		submit(name, func() error { _, err := s.Append(t.Context(), a); return err })
	}
	app("ok", fact("ok", "thing/2", 0))
	app("conflict with what is stored", fact("c1", "thing/1", 0))
	app("conflict with a neighbour", fact("c2", "thing/2", 0))
	app("on top of a neighbour", fact("top", "thing/2", 1))
	app("repetition of a stored one", fact("first", "thing/1", 0))
	app("repetition of a neighbour", fact("ok", "thing/2", 0))
	put := func(name string, revision holdfast.Revision) {
		submit(name, func() error {
			_, err := s.PutDocument(t.Context(), journal.Document{Key: "k", Revision: revision})
			return err
		})
	}
	put("document", 0)
	put("document conflict", 0)
	put("document again", 1)
	submit("blob", func() error { _, err := s.PutBlob(t.Context(), []byte("b")); return err })
	submit("barrier", func() error {
		head, err := s.Barrier(t.Context())
		if err == nil && head.Position != 3 {
			err = fmt.Errorf("the barrier answered %v", head)
		}
		return err
	})
	release()
	for name, answer := range answers {
		code := holdfast.Code("")
		if strings.Contains(name, "conflict") {
			code = holdfast.Conflict
		}
		if err := <-answer; holdfast.CodeOf(err) != code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s.Beat() != 2 {
		t.Errorf("%d commits were made, not 2", s.Beat())
	}
}

// TestNothingToWriteIsNoCommit shows that conflicts and repetitions cost no sync.
func TestNothingToWriteIsNoCommit(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	for _, a := range []journal.Append{fact("a", "thing/1", 0), fact("a", "thing/1", 0), fact("b", "thing/1", 0)} {
		s.Append(t.Context(), a)
	}
	if s.Beat() != 1 {
		t.Errorf("%d commits were made, not 1", s.Beat())
	}
}

func TestFailedCommit(t *testing.T) {
	for _, written := range []bool{false, true} {
		t.Run(fmt.Sprint("written=", written), func(t *testing.T) {
			dir := t.TempDir()
			var warnings []string
			s, err := Open(t.Context(), Options{Dir: dir, Warn: func(m string) { warnings = append(warnings, m) }})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			commit := s.writer.commit
			s.writer.commit = func(ctx context.Context) error {
				if written {
					commit(ctx)
				}
				return errors.New("input/output error")
			}
			_, err = s.Append(t.Context(), fact("a", "thing/1", 0))
			wantCode(t, err, holdfast.Doubtful)
			s.writer.commit = commit
			_, err = s.Append(t.Context(), fact("a", "thing/1", 0))
			wantCode(t, err, holdfast.Unavailable)
			if len(warnings) != 1 || !strings.Contains(warnings[0], "writes nothing more") {
				t.Errorf("warnings %q", warnings)
			}
			if _, err := s.Read(t.Context(), 0, 1); err != nil {
				t.Errorf("reading must go on: %v", err)
			}
			if err := s.Close(); err == nil {
				t.Error("closing said nothing of the failure")
			}
			s = mustOpen(t, dir)
			receipt, err := s.Append(t.Context(), fact("a", "thing/1", 0))
			if err != nil || receipt != (journal.Receipt{First: 1, Last: 1}) || s.Head().Position != 1 {
				t.Fatalf("the doubt was settled with %v, error %v, head %v", receipt, err, s.Head())
			}
		})
	}
}

// TestCommitRefusedByALock has SQLite itself refuse a commit: that is settled by
// reading, and the next one goes through.
func TestCommitRefusedByALock(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	busy := busyError(t)
	commit := s.writer.commit
	for _, rolledBack := range []bool{false, true} {
		s.writer.commit = func(ctx context.Context) error {
			if rolledBack {
				s.writer.conn.ExecContext(ctx, sqlRollback)
			}
			return busy
		}
		_, err := s.Append(t.Context(), fact("a", "thing/1", 0))
		wantCode(t, err, holdfast.Unavailable)
	}
	s.writer.commit = commit
	if receipt, err := s.Append(t.Context(), fact("a", "thing/1", 0)); err != nil || receipt.First != 1 {
		t.Fatalf("receipt %v, error %v", receipt, err)
	}
}

// busyError is a real SQLITE_BUSY.
func busyError(t *testing.T) error {
	path := filepath.Join(t.TempDir(), "x.db")
	one, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	one.SetMaxOpenConns(1)
	if _, err := one.Exec(`BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	two, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer two.Close()
	_, err = two.Exec(`BEGIN IMMEDIATE`)
	if err == nil {
		t.Fatal("two programs hold one lock")
	}
	return err
}

func TestFullDisk(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	if _, err := s.Append(t.Context(), fact("a", "thing/1", 0)); err != nil {
		t.Fatal(err)
	}
	var pages int
	if err := s.writer.conn.QueryRowContext(t.Context(), `PRAGMA max_page_count(20)`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	_, err := s.PutBlob(t.Context(), make([]byte, 100_000))
	wantCode(t, err, holdfast.Unavailable)
	if !strings.Contains(err.Error(), "the disk of the journal is full") {
		t.Errorf("error %v", err)
	}
	if _, err := s.Append(t.Context(), fact("b", "thing/1", 1)); err != nil {
		t.Fatalf("what still fits was refused: %v", err)
	}
}

func TestWitnessCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenRaw(t, dir)
	s.writer.headFile.Close()
	_, err := s.Append(t.Context(), fact("a", "thing/1", 0))
	wantCode(t, err, holdfast.Doubtful)
	_, err = s.Barrier(t.Context())
	wantCode(t, err, holdfast.Unavailable)
	s.Close()
	s = mustOpen(t, dir)
	if receipt, err := s.Append(t.Context(), fact("a", "thing/1", 0)); err != nil || receipt.Last != 1 || s.Head().Position != 1 {
		t.Fatalf("receipt %v, error %v", receipt, err)
	}
}

// mustOpenRaw opens a store that the test closes, whatever that says.
func mustOpenRaw(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestSumsCannotBeWritten shows that nothing is committed between a checkpoint
// and its sums, and that it goes on as soon as they can be written.
func TestSumsCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	fill(t, s, 0, 10)
	obstacle := filepath.Join(dir, fileSums+".new")
	if err := os.Mkdir(obstacle, 0o700); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.Checkpoint(t.Context()), holdfast.Unavailable)
	_, err := s.Append(t.Context(), fact("x", "thing/x", 0))
	wantCode(t, err, holdfast.Unavailable)
	killed := readDir(t, dir)
	if err := os.Remove(obstacle); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), fact("x", "thing/x", 0)); err != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	killed.write(t, elsewhere)
	content(t, elsewhere)
}

func TestLargeWALIsCheckpointed(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	for i := range 3 {
		if _, err := s.PutBlob(t.Context(), bytes.Repeat([]byte{byte(i)}, checkpointSize/2)); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, fileDB))
	if err != nil || info.Size() < checkpointSize {
		t.Fatalf("journal.db has %d bytes, error %v", info.Size(), err)
	}
}

// TestPastOneGiB passes the page that SQLite never writes, where its locks are.
// It needs 3 GiB of disk, so it belongs to make soak.
func TestPastOneGiB(t *testing.T) {
	if os.Getenv("HOLDFAST_SOAK") == "" {
		t.Skip("belongs to make soak: HOLDFAST_SOAK=1")
	}
	dir := t.TempDir()
	s := mustOpenRaw(t, dir)
	for i := range byte(66) {
		if _, err := s.PutBlob(t.Context(), bytes.Repeat([]byte{i, 1}, journal.MaxBlob/2)); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, s, 0, 10)
	killed := readDir(t, dir)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content(t, dir)
	killed.write(t, dir)
	content(t, dir)
}

func TestExpiredDocumentsAreRemoved(t *testing.T) {
	clock := time.Unix(1000, 0)
	dir := t.TempDir()
	s, err := Open(t.Context(), Options{Dir: dir, Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 10 {
		d := journal.Document{Key: fmt.Sprint("k", i), Expires: clock.Add(time.Duration(i) * time.Second)}
		if i == 0 {
			d.Expires = time.Time{}
		}
		if _, err := s.PutDocument(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	clock = clock.Add(5 * time.Second)
	for range 2 {
		if err := s.submit(t.Context(), purge()); err != nil {
			t.Fatal(err)
		}
	}
	if s.Beat() != 11 {
		t.Errorf("%d commits were made, not 11", s.Beat())
	}
	if found, err := s.findings(t.Context(), false); err != nil || found.Documents != 5 {
		t.Errorf("%d documents are left, error %v", found.Documents, err)
	}
	clock = clock.Add(time.Hour)
	if list, err := s.ListDocuments(t.Context(), "", "", 10); err != nil || len(list) != 1 {
		t.Errorf("%d documents are listed, error %v", len(list), err)
	}
	if revision, err := s.PutDocument(t.Context(), journal.Document{Key: "k9"}); err != nil || revision != 1 {
		t.Errorf("an expired document is in the way: revision %d, error %v", revision, err)
	}
}

func TestReadIsBoundedInBytes(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	body := []byte(`"` + strings.Repeat("x", journal.MaxBody-2) + `"`)
	for i := range 20 {
		a := fact(fmt.Sprint(i), fmt.Sprint("thing/", i), 0)
		a.Facts[0].Body = body
		if _, err := s.Append(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	facts, err := s.Read(t.Context(), 0, 1000)
	if err != nil || len(facts) != maxRead/journal.MaxBody {
		t.Fatalf("%d facts of 1 MiB were read at once, error %v", len(facts), err)
	}
}
