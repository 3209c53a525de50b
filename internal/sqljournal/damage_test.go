package sqljournal

import (
	"bytes"
	"encoding/binary"
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

// directory is a data directory held in memory, as a stopped process left it.
type directory map[string][]byte

var storedFiles = []string{fileDB, fileWAL, fileSums, fileHead}

// readDir takes the stored files as they are now. If a store uses the directory
// and is at rest, this is what a kill would leave.
func readDir(t testing.TB, dir string) directory {
	t.Helper()
	d := directory{}
	for _, name := range storedFiles {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		d[name] = content
	}
	return d
}

// write makes dir hold these files and nothing else.
func (d directory) write(t testing.TB, dir string) {
	t.Helper()
	if err := power.Write(dir, d); err != nil {
		t.Fatal(err)
	}
}

func (d directory) clone() directory {
	c := directory{}
	for name, content := range d {
		c[name] = bytes.Clone(content)
	}
	return c
}

func (d directory) scan(t testing.TB) walScan {
	t.Helper()
	s, err := scanWAL(bytes.NewReader(d[fileWAL]), int64(len(d[fileWAL])))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (d directory) openFails(t testing.TB, dir string) error {
	t.Helper()
	s, err := Open(t.Context(), Options{Dir: dir})
	if err == nil {
		s.Close()
	}
	return err
}

// fill writes facts, documents and blobs, in small commits.
func fill(t testing.TB, s *Store, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		subject := holdfast.Subject(fmt.Sprint("thing/", i%17))
		_, err := s.Append(t.Context(), journal.Append{
			ID: fmt.Sprint("append-", i), Actor: holdfast.Self("test"), Time: time.Unix(int64(i), 0),
			Facts: []journal.Draft{
				journal.NewDraft(subject, holdfast.Revision(2*(i/17)), "thing.changed", map[string]any{"n": i, "text": strings.Repeat("x", i%300)}),
				journal.NewDraft(subject, holdfast.Revision(2*(i/17)+1), "thing.changed", i),
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if i%5 == 0 {
			key := fmt.Sprint("cursor/", i%30)
			d, _ := s.Document(t.Context(), key)
			if _, err := s.PutDocument(t.Context(), journal.Document{Key: key, Revision: d.Revision, Body: fmt.Append(nil, i)}); err != nil {
				t.Fatal(err)
			}
		}
		if i%20 == 0 {
			if _, err := s.PutBlob(t.Context(), bytes.Repeat(fmt.Append(nil, i), 2000)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

var (
	statesOnce sync.Once
	statesMade map[string]directory
)

// states are the states in which a process can leave its directory. They are
// made once; whoever changes one takes a clone.
func states(t testing.TB) map[string]directory {
	t.Helper()
	statesOnce.Do(func() { statesMade = makeStates(t) })
	return statesMade
}

func makeStates(t testing.TB) map[string]directory {
	t.Helper()
	made := map[string]directory{}
	dir := t.TempDir()
	s := mustOpen(t, dir)
	fill(t, s, 0, 80)
	if err := s.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	made["checkpointed"] = readDir(t, dir)
	fill(t, s, 80, 95)
	made["killed after a checkpoint"] = readDir(t, dir)
	if err := s.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	fill(t, s, 95, 97)
	made["killed with stale frames"] = readDir(t, dir)
	made["killed in a checkpoint"] = halfCheckpointed(t, made["killed after a checkpoint"])
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	made["closed"] = readDir(t, dir)
	return made
}

// halfCheckpointed moves every second page of the -wal into journal.db, as a
// checkpoint does that is killed half way.
func halfCheckpointed(t testing.TB, d directory) directory {
	c := d.clone()
	scan := d.scan(t)
	for page, at := range scan.pages {
		if page%2 == 0 {
			continue
		}
		end := int(page) * pageSize
		if len(c[fileDB]) < end {
			c[fileDB] = append(c[fileDB], make([]byte, end-len(c[fileDB]))...)
		}
		copy(c[fileDB][end-pageSize:end], d[fileWAL][at+frameHeader:])
	}
	return c
}

// content is all that a store holds, as text.
func content(t testing.TB, dir string) string {
	t.Helper()
	s, err := Open(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var b strings.Builder
	head := s.Genesis()
	for {
		facts, err := s.Read(t.Context(), head.Position, 500)
		if err != nil {
			t.Fatal(err)
		}
		if len(facts) == 0 {
			break
		}
		for _, f := range facts {
			if err := journal.Verify(head, f); err != nil {
				t.Fatal(err)
			}
			head.Position, head.Hash = f.Position, f.Hash
			fmt.Fprintln(&b, f.Append, f.Subject, f.Revision, f.Hash, string(f.Body))
		}
	}
	documents, err := s.ListDocuments(t.Context(), "", "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(&b, documents)
	found, err := s.Check(t.Context())
	if err != nil || len(found.Problems) > 0 {
		t.Fatalf("check: %v, error %v", found.Problems, err)
	}
	fmt.Fprintln(&b, found.Blobs, found.Documents)
	return b.String()
}

// unread reports whether no later read uses the byte, so that a change of it
// need not be found. Checkpointed means that journal.db holds all that the -wal
// does.
func unread(d directory, scan walScan, checkpointed bool, file string, at int) bool {
	switch file {
	case fileDB:
		// The -wal replaces the page; of page 1 SQLite looks at some bytes all the same.
		_, replaced := scan.pages[uint32(at/pageSize+1)]
		looked := at < 24 || at >= 52 && at < 56 || at >= 64 && at < 68
		return replaced && !looked
	case fileWAL:
		// What follows the last commit is of no commit. If journal.db holds all
		// commits, a -wal without any is as good.
		return at >= walHeaderSize+int(scan.frames)*frameSize || checkpointed && at < firstCommit(d[fileWAL])
	}
	return false
}

// firstCommit returns the offset of the first byte after the first commit.
func firstCommit(wal []byte) int {
	at := walHeaderSize
	for binary.BigEndian.Uint32(wal[at+4:]) == 0 {
		at += frameSize
	}
	return at + frameSize
}

// TestEveryFlippedByte flips bytes of every stored file in every state: each is
// found and located and nothing is changed, or it is of no use and everything
// reads as before. HOLDFAST_SOAK=1 takes a hundred times as many, and all of the
// headers.
func TestEveryFlippedByte(t *testing.T) {
	soak := os.Getenv("HOLDFAST_SOAK") != ""
	for name, d := range states(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(1, uint64(len(name))))
			dir := t.TempDir()
			d.write(t, dir)
			want := content(t, dir)
			d.write(t, dir)
			scan := d.scan(t)
			for _, file := range storedFiles {
				reads := 2 // of the whole content, after changes that need not be found
				for _, at := range offsets(random, file, len(d[file]), soak) {
					flip := byte(1) << random.IntN(8)
					setByte(t, dir, file, at, d[file][at]^flip)
					if unread(d, scan, name == "checkpointed", file, at) {
						if reads--; reads >= 0 || soak && random.IntN(100) == 0 {
							if got := content(t, dir); got != want {
								t.Fatalf("%s byte %d: another content is read", file, at)
							}
						}
						d.write(t, dir)
						continue
					}
					if err := d.openFails(t, dir); !locates(err, file, at) {
						t.Fatalf("%s byte %d flipped by %#x: error %v", file, at, flip, err)
					}
					setByte(t, dir, file, at, d[file][at])
				}
			}
			for file, content := range readDir(t, dir) {
				if !bytes.Equal(content, d[file]) {
					t.Errorf("refused starts changed %s", file)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, fileDB+"-shm")); err == nil {
				t.Error("refused starts left a -shm")
			}
		})
	}
}

// offsets picks bytes of a file in random order: more of them where its headers
// are.
func offsets(random *rand.Rand, file string, size int, soak bool) []int {
	often := 30
	if soak {
		often = 3000
	}
	var list []int
	for _, at := range random.Perm(size) {
		header := at < 104 || file == fileHead || at >= size-4
		if header && (soak || random.IntN(3) == 0) || random.IntN(size) < often {
			list = append(list, at)
		}
	}
	return list
}

func setByte(t testing.TB, dir, file string, at int, value byte) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, file), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{value}, int64(at)); err != nil {
		t.Fatal(err)
	}
}

// locates reports whether err is damage at the byte: the page of journal.db, the
// frame of the -wal, or the small file.
func locates(err error, file string, at int) bool {
	if holdfast.CodeOf(err) != holdfast.Damaged {
		return false
	}
	where := file
	switch {
	case file == fileDB:
		where = fmt.Sprintf("%s, page %d at byte %d", file, at/pageSize+1, at/pageSize*pageSize)
	case file == fileWAL && at < walHeaderSize:
		where = fmt.Sprintf("%s at byte 0", file)
	case file == fileWAL:
		frame := (at - walHeaderSize) / frameSize
		where = fmt.Sprintf("%s, frame %d at byte %d", file, frame+1, walHeaderSize+frame*frameSize)
	case file == fileSums && at >= sumsHeader:
		where = fmt.Sprintf("%s, byte %d", file, at/4*4)
		if strings.Contains(err.Error(), "the last 4 bytes") {
			where = file
		}
	}
	return strings.Contains(err.Error(), where)
}

// TestCutAndReplaced does to whole files what disks and people do.
func TestCutAndReplaced(t *testing.T) {
	made := states(t)
	killed, closed, old := made["killed after a checkpoint"], made["closed"], made["checkpointed"]
	other := func() directory {
		dir := t.TempDir()
		s := mustOpen(t, dir)
		fill(t, s, 0, 10)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return readDir(t, dir)
	}()
	committed := walHeaderSize + int(killed.scan(t).frames)*frameSize
	for _, c := range []struct {
		name   string
		from   directory
		change func(d directory)
		want   string // "" means that the start succeeds and reads the same
	}{
		{"journal.db cut at a page", closed, func(d directory) { cut(d, fileDB, pageSize) }, "the file ends here"},
		{"journal.db cut in a page", closed, func(d directory) { cut(d, fileDB, 100) }, "the file ends here"},
		{"journal.db emptied", closed, func(d directory) { d[fileDB] = nil }, "page 1 at byte 0: the file ends here"},
		{"journal.db with a page more", closed, func(d directory) { d[fileDB] = append(d[fileDB], make([]byte, pageSize)...) }, "journal.sums knows"},
		{"journal.db with a byte more", closed, func(d directory) { d[fileDB] = append(d[fileDB], 0) }, "journal.sums knows"},
		{"journal.db removed", closed, func(d directory) { delete(d, fileDB) }, "journal.db: the file is missing"},
		{"journal.db of an older time", closed, func(d directory) { d[fileDB] = old[fileDB] }, "journal.db, page"},
		{"journal.db and sums of an older time", closed, func(d directory) { d[fileDB], d[fileSums] = old[fileDB], old[fileSums] }, "was acknowledged"},
		{"all but the witness of an older time", closed, func(d directory) { head := d[fileHead]; clear(d); copyInto(d, old); d[fileHead] = head }, "was acknowledged"},
		{"journal.db of another journal", closed, func(d directory) { d[fileDB] = other[fileDB] }, "journal.db, page"},
		{"journal.db and sums of another journal", closed, func(d directory) { d[fileDB], d[fileSums] = other[fileDB], other[fileSums] }, "journal.head: the file belongs to journal"},
		{"sums of another journal", closed, func(d directory) { d[fileSums] = other[fileSums] }, "journal.db, page"},
		{"sums of an older time", closed, func(d directory) { d[fileSums] = old[fileSums] }, "journal.db, page"},
		{"sums cut", closed, func(d directory) { cut(d, fileSums, 1) }, "journal.sums: the file has"},
		{"sums emptied", closed, func(d directory) { d[fileSums] = nil }, "journal.sums: bytes 0 to 15"},
		{"witness cut", closed, func(d directory) { cut(d, fileHead, 1) }, "journal.head: bytes 0 to"},
		{"witness emptied", closed, func(d directory) { d[fileHead] = nil }, "journal.head: bytes 0 to"},
		{"witness too long", closed, func(d directory) { d[fileHead] = make([]byte, maxWitness+1) }, "journal.head: the file has more than"},
		{"-wal removed", killed, func(d directory) { delete(d, fileWAL) }, "journal.db-wal at byte 0: the file is missing or empty"},
		{"-wal cut in a header", killed, func(d directory) { d[fileWAL] = d[fileWAL][:20] }, "ends inside its header"},
		{"-wal cut by its last commit", killed, func(d directory) { d[fileWAL] = d[fileWAL][:committed-1] }, "the file ends here"},
		{"-wal of another journal", killed, func(d directory) { d[fileWAL] = made["killed with stale frames"][fileWAL] }, "journal.db-wal"},
		{"-wal cut after its last commit", killed, func(d directory) { d[fileWAL] = d[fileWAL][:committed] }, ""},
		{"-wal torn after its last commit", killed, func(d directory) { d[fileWAL] = append(d[fileWAL][:committed], d[fileWAL][32:3000]...) }, ""},
		{"a rollback journal", closed, func(d directory) { d[fileRollback] = []byte("x") }, "journal.db-journal: the file is not one of Holdfast's"},
		{"sums removed", closed, func(d directory) { delete(d, fileSums) }, ""},
		{"witness removed", killed, func(d directory) { delete(d, fileHead) }, ""},
		{"sums and witness removed", killed, func(d directory) { delete(d, fileHead); delete(d, fileSums) }, ""},
		{"witness of an older time", closed, func(d directory) { d[fileHead] = old[fileHead] }, ""},
		{"an older, whole copy", old, func(d directory) {}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			c.from.write(t, dir)
			want := content(t, dir)
			d := c.from.clone()
			c.change(d)
			d.write(t, dir)
			if c.want == "" {
				if got := content(t, dir); got != want {
					t.Fatal("another content is read")
				}
				return
			}
			err := d.openFails(t, dir)
			if holdfast.CodeOf(err) != holdfast.Damaged || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, not one that says %q", err, c.want)
			}
			for file, content := range readDir(t, dir) {
				if !bytes.Equal(content, d[file]) {
					t.Errorf("the refused start changed %s", file)
				}
			}
		})
	}
}

// TestPowerLoss leaves what a loss of power can leave: a witness as old as its
// last sync, and a -wal that is whole up to the last commit that was synced. All
// that the witness knows must be there, and what is torn must not alarm.
func TestPowerLoss(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenRaw(t, dir)
	var after []directory
	for i := range 12 {
		fill(t, s, i, i+1)
		after = append(after, readDir(t, dir))
	}
	random := rand.New(rand.NewPCG(7, 8))
	last := after[len(after)-1]
	for range 20 {
		synced := random.IntN(len(after))
		d := last.clone()
		d[fileHead] = after[random.IntN(synced+1)][fileHead]
		keep := len(after[synced][fileWAL])
		d[fileWAL] = d[fileWAL][:keep+random.IntN(len(d[fileWAL])-keep+1)]
		for at := keep; at < len(d[fileWAL]); at++ { // blocks that never reached the disk
			if random.IntN(2000) == 0 {
				d[fileWAL][at] = 0
			}
		}
		elsewhere := t.TempDir()
		d.write(t, elsewhere)
		s, err := Open(t.Context(), Options{Dir: elsewhere})
		if err != nil {
			t.Fatal(err)
		}
		if p := s.Head().Position; p < holdfast.Position(2*synced+2) {
			t.Errorf("commit %d was synced, and the journal ends at position %d", synced+1, p)
		}
		fill(t, s, int(s.Head().Position)/2, 14)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		content(t, elsewhere)
	}
}

func cut(d directory, file string, bytes int) { d[file] = d[file][:len(d[file])-bytes] }

func copyInto(d, from directory) {
	for name, content := range from {
		d[name] = content
	}
}

// TestHeaderOfAReplacedPage changes what SQLite reads of page 1 even where the
// -wal holds a newer one.
func TestHeaderOfAReplacedPage(t *testing.T) {
	d := states(t)["killed after a checkpoint"]
	scan := d.scan(t)
	if _, replaced := scan.pages[1]; !replaced {
		t.Fatal("the -wal does not hold page 1")
	}
	dir := t.TempDir()
	for _, at := range []int{0, 16, 17, 18, 19, 20, 52, 67} {
		c := d.clone()
		c[fileDB][at] ^= 4
		c.write(t, dir)
		if err := c.openFails(t, dir); !locates(err, fileDB, at) {
			t.Errorf("byte %d: error %v", at, err)
		}
	}
}
