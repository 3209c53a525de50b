package sqljournal

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/archive"
	"holdfast/internal/journal"
)

// take makes a snapshot of a store and checks that it is whole.
func take(t *testing.T, s *Store) ([]byte, holdfast.Head) {
	t.Helper()
	var b bytes.Buffer
	head, err := s.Snapshot(t.Context(), &b)
	if err != nil {
		t.Fatal(err)
	}
	if got := verified(t, b.Bytes()); got != head {
		t.Fatalf("the snapshot holds %v, and is said to hold %v", got, head)
	}
	return b.Bytes(), head
}

// verified checks all of a snapshot and returns its head.
func verified(t *testing.T, content []byte) holdfast.Head {
	t.Helper()
	shot, err := OpenSnapshot(t.Context(), bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	defer shot.Close()
	report, err := archive.Verify(t.Context(), shot, shot)
	if err != nil || report.Verdict != archive.Valid {
		t.Fatalf("%v: %+v", err, report)
	}
	return shot.Head()
}

// first is what a restored journal begins its epoch with.
func first(revision holdfast.Revision) journal.Append {
	return journal.Append{
		ID: holdfast.NewID(), Actor: holdfast.Self("restore"), Time: time.Unix(1795483800, 0),
		Facts: []journal.Draft{journal.NewDraft("journal/here", revision, "journal.restored", map[string]int{"epoch": 2})},
	}
}

func restoration(content []byte, cut holdfast.Position, epoch uint32) Restoration {
	return Restoration{
		From: bytes.NewReader(content), Size: int64(len(content)), Cut: cut, Epoch: epoch,
		Drop: []string{"session/"}, First: first(0), Aside: "replaced-1", Now: time.Unix(1795483800, 0),
	}
}

func restore(t *testing.T, dir string, r Restoration) (holdfast.Head, error) {
	t.Helper()
	target, err := OpenTarget(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	return target.Restore(t.Context(), r)
}

// A snapshot taken while others write is whole, and holds all that was
// acknowledged before it was asked for.
func TestSnapshotWhileOthersWrite(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	fill(t, s, 0, 50)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		var err error
		for n := 0; err == nil && ctx.Err() == nil; n++ {
			_, err = s.Append(context.Background(), fact(holdfast.NewID(), "thing/busy", holdfast.Revision(n)))
		}
		ended <- err
	}()
	for range 5 {
		before := s.Head()
		if _, head := take(t, s); head.Position < before.Position {
			t.Errorf("position %d was acknowledged, and the snapshot ends at %d", before.Position, head.Position)
		}
		if err := s.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func TestSnapshotOfADirectoryAtRest(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenRaw(t, dir)
	fill(t, s, 0, 20)
	head := s.Head()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	in, err := Inspect(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var b bytes.Buffer
	if got, err := in.Snapshot(t.Context(), &b); err != nil || got != head || verified(t, b.Bytes()) != head {
		t.Errorf("%v, error %v; the journal ends at %v", got, err, head)
	}
}

func TestNoSnapshotOfWhatIsDamaged(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenRaw(t, dir)
	fill(t, s, 0, 50)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir)
	f, err := os.OpenFile(filepath.Join(dir, fileDB), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("x"), 2*pageSize+77); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	_, err = s.Snapshot(t.Context(), &b)
	wantCode(t, err, holdfast.Damaged)
}

func TestAChangedSnapshotIsNotTaken(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	fill(t, s, 0, 20)
	content, _ := take(t, s)
	for _, broken := range [][]byte{nil, []byte("not a database"), content[:pageSize], bytes.Repeat([]byte{7}, 3*pageSize)} {
		shot, err := OpenSnapshot(t.Context(), bytes.NewReader(broken), int64(len(broken)))
		if err == nil {
			report, verifyErr := archive.Verify(t.Context(), shot, shot)
			shot.Close()
			if verifyErr == nil && report.Verdict == archive.Valid {
				t.Errorf("%d bytes that are no journal pass", len(broken))
			}
			continue
		}
		wantCode(t, err, holdfast.Damaged)
	}
}

// A restored journal begins a later epoch with a fact of its own, keeps what the
// snapshot had and goes on.
func TestRestoreBeginsALaterEpoch(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	fill(t, s, 0, 30)
	for _, key := range []string{"session/a", "sessions", "credential/lin/1"} {
		if _, err := s.PutDocument(t.Context(), journal.Document{Key: key, Body: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	blob, err := s.PutBlob(t.Context(), []byte("evidence"))
	if err != nil {
		t.Fatal(err)
	}
	content, head := take(t, s)

	dir := filepath.Join(t.TempDir(), "new")
	restored, err := restore(t, dir, restoration(content, head.Position, 7))
	if err != nil {
		t.Fatal(err)
	}
	r := mustOpen(t, dir)
	if got := r.Head(); got != restored || got.Journal != head.Journal || got.Epoch != 7 || got.Position != head.Position+1 {
		t.Fatalf("%v, not %v; the backup ended at %v", got, restored, head)
	}
	facts, err := r.Read(t.Context(), 0, 100)
	if err != nil || len(facts) != int(head.Position)+1 || facts[head.Position-1].Hash != head.Hash || facts[head.Position].Kind != "journal.restored" {
		t.Fatalf("%d facts, error %v", len(facts), err)
	}
	if b, err := r.Blob(t.Context(), blob); err != nil || string(b) != "evidence" {
		t.Errorf("%q, error %v", b, err)
	}
	docs, err := r.ListDocuments(t.Context(), "", "", 10)
	kept := func(key string) bool {
		return slices.ContainsFunc(docs, func(d journal.Document) bool { return d.Key == key })
	}
	if err != nil || kept("session/a") || !kept("sessions") || !kept("credential/lin/1") {
		t.Errorf("the documents are %v, error %v", docs, err)
	}
	fill(t, r, 30, 40)
	if head, err := r.Barrier(t.Context()); err != nil || head.Epoch != 7 {
		t.Errorf("%v, error %v", head, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	again := mustOpen(t, dir)
	if again.Head().Epoch != 7 || again.Genesis().Epoch != 7 {
		t.Errorf("after a restart: %v", again.Head())
	}
}

func TestRestoreCutsAtAPosition(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	fill(t, s, 0, 30)
	content, head := take(t, s)
	facts, err := s.Read(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	cut := facts[len(facts)/2]
	for cut.Append == facts[cut.Position].Append { // the next one's
		cut = facts[cut.Position]
	}
	dir := t.TempDir()
	if _, err := restore(t, dir, restoration(content, cut.Position, 2)); err != nil {
		t.Fatal(err)
	}
	r := mustOpen(t, dir)
	if got := r.Head().Position; got != cut.Position+1 || cut.Position >= head.Position {
		t.Errorf("the restored journal ends at %d, cut at %d of %d", got, cut.Position, head.Position)
	}
	// What was cut off can be written anew, under its own revisions.
	if _, err := r.Append(t.Context(), fact("append-new", "thing/new", 0)); err != nil {
		t.Error(err)
	}
}

// What is refused changes nothing.
func TestRestoreRefuses(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	fill(t, s, 0, 30)
	marked := fact("append-marked", "thing/marked", 0)
	marked.Facts[0].Body = []byte(`"told apart from all"`)
	if _, err := s.Append(t.Context(), marked); err != nil {
		t.Fatal(err)
	}
	content, head := take(t, s)
	dir := t.TempDir()
	there := mustOpenRaw(t, dir)
	fill(t, there, 0, 5)
	if _, err := OpenTarget(t.Context(), dir); holdfast.CodeOf(err) != holdfast.Unavailable {
		t.Errorf("a directory in use: %v", err)
	}
	if err := there.Close(); err != nil {
		t.Fatal(err)
	}
	before := readDir(t, dir)
	changed := func(change func(*Restoration)) Restoration {
		r := restoration(content, head.Position, 2)
		change(&r)
		return r
	}
	for name, test := range map[string]struct {
		r    Restoration
		code holdfast.Code
	}{
		"the same epoch":      {changed(func(r *Restoration) { r.Epoch = 1 }), holdfast.Invalid},
		"beyond its end":      {changed(func(r *Restoration) { r.Cut++ }), holdfast.Invalid},
		"a revision that is":  {changed(func(r *Restoration) { r.First = first(3) }), holdfast.Conflict},
		"an append of no one": {changed(func(r *Restoration) { r.First.ID = "" }), holdfast.Invalid},
	} {
		if _, err := restore(t, dir, test.r); holdfast.CodeOf(err) != test.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	torn := bytes.ReplaceAll(content, []byte("told apart from all"), []byte("told apart from Ell"))
	if _, err := restore(t, dir, restoration(torn, head.Position, 2)); holdfast.CodeOf(err) != holdfast.Damaged {
		t.Errorf("a changed body: %v", err)
	}
	after := readDir(t, dir)
	delete(before, fileLock)
	delete(after, fileLock)
	if !maps.EqualFunc(before, after, bytes.Equal) {
		t.Errorf("the directory holds %v, and held %v", slices.Sorted(maps.Keys(after)), slices.Sorted(maps.Keys(before)))
	}
}

func TestTargetKnowsWhatIsThere(t *testing.T) {
	fresh, err := OpenTarget(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	if !fresh.Fresh() || len(fresh.Heads()) != 0 || fresh.Sound() {
		t.Errorf("%+v", fresh)
	}
	for name, d := range states(t) {
		dir := t.TempDir()
		d.write(t, dir)
		s := mustOpenRaw(t, dir)
		head := s.Head()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		target, err := OpenTarget(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if !target.Sound() || target.Fresh() || !slices.Contains(target.Heads(), head) {
			t.Errorf("%s: %+v, the journal ends at %v", name, target, head)
		}
		target.Close()
		// The witness tells of the head even where the database is gone.
		if err := os.WriteFile(filepath.Join(dir, fileDB), []byte("gone"), 0o600); err != nil {
			t.Fatal(err)
		}
		if target, err = OpenTarget(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		if target.Sound() || !slices.Equal(target.Heads(), []holdfast.Head{head}) {
			t.Errorf("%s, damaged: %v, not %v", name, target.Heads(), head)
		}
		target.Close()
	}
}

// A restore that is cut short at any step leaves the old journal as it was, a
// directory that no start takes, or the new journal.
func TestARestoreCutShort(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	fill(t, s, 0, 30)
	content, head := take(t, s)
	made := t.TempDir()
	if _, err := restore(t, made, restoration(content, head.Position, 2)); err != nil {
		t.Fatal(err)
	}
	fresh := readDir(t, made)
	for name, old := range states(t) {
		present := maps.Clone(old)
		for step, do := range []func(){
			func() {},
			func() { delete(present, fileWAL) },
			func() { present[fileDB] = fresh[fileDB] },
			func() { present[fileSums] = fresh[fileSums] },
			func() { present[fileHead] = fresh[fileHead] },
		} {
			do()
			dir := t.TempDir()
			for file, b := range present {
				if err := os.WriteFile(filepath.Join(dir, file), b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			r, err := Open(t.Context(), Options{Dir: dir})
			if err != nil {
				wantCode(t, err, holdfast.Damaged)
				if step == 0 || step == 4 {
					t.Errorf("%s, step %d: %v", name, step, err)
				}
				continue
			}
			epoch := r.Head().Epoch
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if step < 2 && epoch != 1 || step >= 2 && epoch != 2 || step == 2 || step == 3 {
				t.Errorf("%s, step %d: epoch %d", name, step, epoch)
			}
		}
	}
}
