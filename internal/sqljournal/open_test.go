package sqljournal

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/power"
)

func TestMain(m *testing.M) { power.Main(m, writeUntilKilled) }

func openRaw(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenRaw(t, dir)
	fill(t, s, 0, 50)
	head := s.Head()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, fileWAL)); err != nil || info.Size() != 0 {
		t.Errorf("a closed journal keeps a -wal: %v, error %v", info, err)
	}
	s = mustOpen(t, dir)
	if s.Head() != head || s.Genesis().Journal != head.Journal || s.Genesis().Position != 0 {
		t.Fatalf("head %v, not %v", s.Head(), head)
	}
	fill(t, s, 50, 60)
	if receipt, err := s.Append(t.Context(), fact("append-3", "thing/x", 0)); err != nil || receipt.First != 7 {
		t.Fatalf("an append of an earlier process was not known: %v, error %v", receipt, err)
	}
}

// TestOnlyReadStaysAsItWas opens and closes each state without writing.
func TestOnlyReadStaysAsItWas(t *testing.T) {
	for name, d := range states(t) {
		dir := t.TempDir()
		d.write(t, dir)
		content(t, dir)
		for file, after := range readDir(t, dir) {
			if !bytes.Equal(after, d[file]) {
				t.Errorf("%s: reading changed %s", name, file)
			}
		}
	}
}

func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data #1?x%20", "journal")
	s := mustOpen(t, dir)
	fill(t, s, 0, 2)
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 6 {
		t.Fatalf("files %v, error %v", files, err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, error %v", f.Name(), info.Mode(), err)
		}
	}
}

func TestOpenRefusesWhatIsNoDirectory(t *testing.T) {
	_, err := Open(t.Context(), Options{})
	wantCode(t, err, holdfast.Invalid)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), Options{Dir: file})
	wantCode(t, err, holdfast.Unavailable)
}

// TestOpenRefusesWhatIsNoJournal puts other files in the place of journal.db.
func TestOpenRefusesWhatIsNoJournal(t *testing.T) {
	other := t.TempDir()
	runSQL(t, other, `CREATE TABLE meta (x)`)
	for what, file := range map[string][]byte{
		"another database": readDir(t, other)[fileDB],
		"an empty file":    nil,
		"no database":      bytes.Repeat([]byte("journal "), 2000),
	} {
		dir := t.TempDir()
		d := directory{fileDB: file}
		d.write(t, dir)
		_, err := Open(t.Context(), Options{Dir: dir})
		if holdfast.CodeOf(err) != holdfast.Damaged {
			t.Errorf("%s: error %v", what, err)
		}
		if left := readDir(t, dir); len(left) != 1 || !bytes.Equal(left[fileDB], file) {
			t.Errorf("%s: the refused start left %d files", what, len(left))
		}
	}
}

// TestCreationCutShort leaves what a crash during the first start can leave.
func TestCreationCutShort(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{fileDB + ".new", fileDB + ".new-wal", fileSums + ".new", fileLock} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := mustOpen(t, dir)
	fill(t, s, 0, 3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content(t, dir)
}

// TestMissingFilesAreMadeAnewWithAWarning copies journal.db alone, as people do.
func TestMissingFilesAreMadeAnewWithAWarning(t *testing.T) {
	d := states(t)["closed"].clone()
	delete(d, fileSums)
	delete(d, fileHead)
	delete(d, fileWAL)
	dir := t.TempDir()
	d.write(t, dir)
	var warnings []string
	s, err := Open(t.Context(), Options{Dir: dir, Warn: func(m string) { warnings = append(warnings, m) }})
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) != 2 || !strings.Contains(warnings[0]+warnings[1], fileSums) || !strings.Contains(warnings[0]+warnings[1], fileHead) {
		t.Errorf("warnings %q", warnings)
	}
	fill(t, s, 97, 99)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	made := readDir(t, dir)
	if len(made[fileSums]) == 0 || len(made[fileHead]) == 0 {
		t.Fatal("the files were not made anew")
	}
	content(t, dir)
}

// TestCloseLetsGoOfTheFiles looks at the descriptors of this process. A
// connection that lives on would keep the next start from recovering.
func TestCloseLetsGoOfTheFiles(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenRaw(t, dir)
	fill(t, s, 0, 3)
	if openFiles(t, dir) == 0 {
		t.Skip("this system does not list descriptors")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := openFiles(t, dir); n != 0 {
		t.Errorf("%d files are open", n)
	}
	damaged := readDir(t, dir)
	damaged[fileDB][5000] ^= 1
	damaged.write(t, dir)
	wantCode(t, damaged.openFails(t, dir), holdfast.Damaged)
	verify(t, dir)
	if n := openFiles(t, dir); n != 0 {
		t.Errorf("%d files are open after a refusal and an inspection", n)
	}
}

func openFiles(t *testing.T, dir string) int {
	t.Helper()
	descriptors, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, d := range descriptors {
		if target, err := os.Readlink(d); err == nil && strings.HasPrefix(target, dir) {
			n++
		}
	}
	return n
}

func TestMigration(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenRaw(t, dir)
	fill(t, s, 0, 5)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	known := migrations
	defer func() { migrations = known }()
	migrations = append(migrations[:1:1], `CREATE TABLE extra (x INTEGER); INSERT INTO extra VALUES (1)`)
	s = mustOpenRaw(t, dir)
	var x, format int
	if err := s.db.QueryRow(`SELECT x, (SELECT max(format) FROM migration) FROM extra`).Scan(&x, &format); err != nil || format != 2 {
		t.Fatalf("format %d, error %v", format, err)
	}
	fill(t, s, 5, 8)
	killed := readDir(t, dir)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content(t, dir)
	elsewhere := t.TempDir()
	killed.write(t, elsewhere)
	content(t, elsewhere)

	migrations = known
	_, err := Open(t.Context(), Options{Dir: dir})
	wantCode(t, err, holdfast.Unavailable)
	if !strings.Contains(err.Error(), "format 2") {
		t.Errorf("error %v", err)
	}
}

func TestTwoOfOneProcess(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenRaw(t, dir)
	_, err := Open(t.Context(), Options{Dir: dir})
	wantCode(t, err, holdfast.Unavailable)
	if want := fmt.Sprintf("already in use by process %d;", os.Getpid()); !strings.Contains(err.Error(), want) {
		t.Errorf("error %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, dir)
}

// writeUntilKilled appends from many goroutines, with documents, checkpoints and
// barriers between, and prints a line for each acknowledgement.
func writeUntilKilled(dir string) error {
	ctx, failed := context.Background(), make(chan error, 13)
	s, err := Open(ctx, Options{Dir: dir})
	if err != nil {
		return err
	}
	run := holdfast.NewID()[:8]
	var printing sync.Mutex
	say := func(format string, args ...any) {
		printing.Lock()
		defer printing.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	for w := range 12 {
		go func() {
			subject := holdfast.Subject(fmt.Sprintf("run-%s/%d", run, w))
			revision := holdfast.Revision(0)
			for i := 0; ; i++ {
				a := journal.Append{ID: fmt.Sprintf("%s-%d-%d", run, w, i), Actor: holdfast.Self("child"), Time: time.Now()}
				for range 1 + i%3 {
					a.Facts = append(a.Facts, journal.NewDraft(subject, revision, "thing.changed", strings.Repeat("x", i%700)))
					revision++
				}
				receipt, err := s.Append(ctx, a)
				if err != nil {
					failed <- err
					return
				}
				say("append %s %d %d", a.ID, receipt.First, receipt.Last)
			}
		}()
	}
	go func() {
		for {
			d, err := s.Document(ctx, "counter")
			if holdfast.CodeOf(err) == holdfast.NotFound {
				d, err = journal.Document{Key: "counter"}, nil
			}
			if err == nil {
				d.Revision, err = s.PutDocument(ctx, d)
			}
			if err == nil {
				say("document %d", d.Revision)
				err = s.Checkpoint(ctx)
			}
			if err != nil {
				failed <- err
				return
			}
		}
	}()
	return <-failed
}

// TestKill kills a writing process at random moments, again and again on one
// directory: whatever it acknowledged is there, and the chain is whole.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(5, 6))
	acknowledged := map[string]journal.Receipt{}
	var document holdfast.Revision
	for range 5 {
		for _, line := range power.StartChild(t, dir).Kill(t, 1+random.IntN(400)) {
			var id string
			var r journal.Receipt
			if _, err := fmt.Sscanf(line, "append %s %d %d", &id, &r.First, &r.Last); err == nil {
				acknowledged[id] = r
			} else {
				fmt.Sscanf(line, "document %d", &document)
			}
		}
		s := mustOpenRaw(t, dir)
		found := receiptsIn{}
		if err := journal.NewState(s, s.Genesis(), found).Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		for id, want := range acknowledged {
			if found[id] != want {
				t.Fatalf("append %s was acknowledged at %v and stands at %v", id, want, found[id])
			}
		}
		if d, err := s.Document(t.Context(), "counter"); document > 0 && (err != nil || d.Revision < document) {
			t.Fatalf("revision %d of a document was acknowledged: %+v, error %v", document, d, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d appends were acknowledged", len(acknowledged))
}

// receiptsIn collects where appends stand.
type receiptsIn map[string]journal.Receipt

func (r receiptsIn) Apply(f holdfast.Fact) error {
	receipt, known := r[f.Append]
	if !known {
		receipt.First = f.Position
	}
	receipt.Last = f.Position
	r[f.Append] = receipt
	return nil
}

func TestTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	c := power.StartChild(t, dir)
	if !c.Lines.Scan() {
		t.Fatal("the child said nothing")
	}
	_, err := Open(t.Context(), Options{Dir: dir})
	wantCode(t, err, holdfast.Unavailable)
	if want := fmt.Sprintf("in use by process %d;", c.Process.Pid); !strings.Contains(err.Error(), want) {
		t.Errorf("error %v", err)
	}
	_, err = Inspect(t.Context(), dir)
	wantCode(t, err, holdfast.Unavailable)
	c.Kill(t, 1)
	mustOpen(t, dir)
}
