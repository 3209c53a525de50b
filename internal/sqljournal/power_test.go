package sqljournal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/archive"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/commit"
)

// promises are what somebody was told, and what therefore outlasts any loss of
// power.
type promises struct {
	appends  map[string]journal.Receipt
	document holdfast.Revision // of "counter", whose body is its revision
	head     holdfast.Head     // of the newest snapshot
}

func (p promises) clone() promises {
	p.appends = maps.Clone(p.appends)
	if p.appends == nil {
		p.appends = map[string]journal.Receipt{}
	}
	return p
}

// work writes to a store from several goroutines, with documents, blobs,
// checkpoints and a snapshot between, and records what each was promised. The
// name makes its appends differ from those of other runs.
func work(ctx context.Context, s *Store, r *recorder, name string, appends int) error {
	const writers = 4
	failed := make(chan error, writers+1)
	for w := range writers {
		go func() { failed <- writeTo(ctx, s, r, fmt.Sprint(name, ".", w), appends/writers) }()
	}
	go func() { failed <- lookAfter(ctx, s, r) }()
	var errs []error
	for range writers + 1 {
		errs = append(errs, <-failed)
	}
	return errors.Join(errs...)
}

// writeTo makes appends whose ids end with how many facts they have.
func writeTo(ctx context.Context, s *Store, r *recorder, name string, appends int) error {
	revision := holdfast.Revision(0)
	for i := range appends {
		a := journal.Append{Actor: holdfast.Self("test"), Time: time.Unix(int64(i), 0)}
		for range 1 + i%3 {
			a.Facts = append(a.Facts, journal.NewDraft(holdfast.Subject("thing/"+name), revision, "thing.changed", strings.Repeat("x", i*101%5000)))
			revision++
		}
		a.ID = fmt.Sprintf("%s-%d-%d", name, i, len(a.Facts))
		receipt, err := s.Append(ctx, a)
		if err != nil {
			return err
		}
		r.tell(func(p *promises) { p.appends[a.ID] = receipt })
	}
	return nil
}

// lookAfter writes documents and blobs and does the rest of a store's work.
func lookAfter(ctx context.Context, s *Store, r *recorder) error {
	for i := range 4 {
		d, err := s.Document(ctx, "counter")
		if holdfast.CodeOf(err) == holdfast.NotFound {
			d, err = journal.Document{Key: "counter"}, nil
		}
		if err != nil {
			return err
		}
		d.Body = fmt.Append(nil, d.Revision+1)
		revision, err := s.PutDocument(ctx, d)
		if err != nil {
			return err
		}
		r.tell(func(p *promises) { p.document = revision })
		if _, err := s.PutBlob(ctx, bytes.Repeat([]byte{byte(i)}, 9000)); err != nil {
			return err
		}
		if i == 2 {
			head, err := s.Snapshot(ctx, io.Discard)
			if err != nil {
				return err
			}
			r.tell(func(p *promises) { p.head = head })
		}
		if err := s.Checkpoint(ctx); err != nil {
			return err
		}
	}
	return nil
}

// errSilent says that a start did not refuse what the witness on the disk shows
// to be lost.
var errSilent = errors.New("the start passed over a loss that the witness shows")

// keeps checks that an open store holds everything promised, whole.
func (p promises) keeps(ctx context.Context, s *Store) error {
	report, err := archive.Verify(ctx, s, s)
	if err != nil {
		return err
	}
	if len(report.Problems) > 0 {
		return fmt.Errorf("verify: %v", report.Problems)
	}
	found := standing{receiptsIn{}, map[holdfast.Position]holdfast.Hash{}}
	if err := journal.NewState(s, s.Genesis(), found).Load(ctx); err != nil {
		return err
	}
	for id, want := range p.appends {
		if found.receiptsIn[id] != want {
			return fmt.Errorf("append %s was acknowledged at %v and stands at %v", id, want, found.receiptsIn[id])
		}
	}
	for id, r := range found.receiptsIn {
		if count := fmt.Sprint("-", r.Last-r.First+1); !strings.HasSuffix(id, count) {
			return fmt.Errorf("append %s is there in part, at %v", id, r)
		}
	}
	if p.head.Position > 0 && found.hashes[p.head.Position] != p.head.Hash {
		return fmt.Errorf("a snapshot ended at %v, which is not there", p.head)
	}
	d, err := s.Document(ctx, "counter")
	switch {
	case holdfast.CodeOf(err) == holdfast.NotFound && p.document == 0:
	case err != nil || d.Revision < p.document:
		return fmt.Errorf("revision %d of a document was acknowledged: %+v, error %v", p.document, d, err)
	case string(d.Body) != fmt.Sprint(d.Revision):
		return fmt.Errorf("the document has revision %d and the body %s", d.Revision, d.Body)
	}
	return nil
}

// standing collects where appends stand and the hash of each fact.
type standing struct {
	receiptsIn
	hashes map[holdfast.Position]holdfast.Hash
}

func (s standing) Apply(f holdfast.Fact) error {
	s.hashes[f.Position] = f.Hash
	return s.receiptsIn.Apply(f)
}

// power is a series of losses of power.
type power struct {
	t      *testing.T
	random *rand.Rand
	dir    string
	deaf   func(name string) bool
	after  func(*Store) // does something to a store that was just opened
	losses int
	seen   map[string]bool
}

// run opens the journal in a directory that holds what begun says, works with
// it and closes it, several times, and returns the record.
func (p *power) run(begun directory, name string, appends, times int, known promises) (*recorder, error) {
	begun.write(p.t, p.dir)
	r := newRecorder(p.dir, begun)
	defer r.release()
	r.deaf = p.deaf
	for i := range times {
		s, err := Open(p.t.Context(), Options{Dir: p.dir, disk: r})
		if err != nil {
			return r, fmt.Errorf("open: %w", err)
		}
		if p.after != nil {
			p.after(s)
		}
		err = known.keeps(p.t.Context(), s)
		if w, broken := commit.DecodeWitness(begun[fileHead]); i == 0 && broken == nil && s.Head().Position < w.Head.Position {
			err = errSilent
		}
		if err == nil {
			err = work(p.t.Context(), s, r, fmt.Sprint(name, i), appends)
		}
		if err = errors.Join(err, s.Close()); err != nil {
			return r, err
		}
	}
	return r, nil
}

// lose takes the power away after the steps that chosen picks, goes on from what
// is left, and loses the power again while it does so. It returns what was found
// wrong, by step.
func (p *power) lose(r *recorder, known promises, again bool, chosen func(step int) int) (found []error) {
	disk := r.platter(known)
	for i, s := range r.steps {
		disk.take(s)
		for range chosen(i) {
			left := disk.lose(p.random)
			state := fmt.Sprint(left.hash(), len(disk.appends), disk.document, disk.head)
			if p.seen[state] {
				continue
			}
			p.seen[state] = true
			p.losses++
			next, err := p.run(left, fmt.Sprint("after", p.losses, "."), 8, 1, disk.promises)
			if err == nil && again {
				err = errors.Join(p.lose(next, disk.promises, false, sample(p.random, len(next.steps), 0, 1))...)
			}
			if err != nil {
				found = append(found, fmt.Errorf("step %d: %w", i, err))
			}
		}
	}
	return found
}

// hash is that of all files that a start reads.
func (d directory) hash() [sha256.Size]byte {
	h := sha256.New()
	for _, name := range storedFiles {
		content, there := d[name]
		fmt.Fprintf(h, "%s %v %d\n%s", name, there, len(content), content)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// sample picks count of n steps, and each of the first ones many times: few
// states follow from a journal's making, and most of them look the same.
func sample(random *rand.Rand, n, first, count int) func(step int) int {
	chosen := make([]int, n)
	for i := range first {
		chosen[i] = 25
	}
	for range count {
		chosen[random.IntN(n)]++
	}
	return func(step int) int { return chosen[step] }
}

// made is how many steps it took until the first promise.
func (r *recorder) made() int {
	return slices.IndexFunc(r.steps, func(s step) bool { return s.kind == promised })
}

// TestPowerLossWhileRunning takes the power away from a journal in use: under
// SQLite, the sums and the witness lies a disk that keeps what was synced, and of
// the rest what chance picks. Whatever is left must start, hold everything that
// was promised, and serve on, also when the power goes again meanwhile.
// HOLDFAST_SOAK=1 does so at each step, several times.
func TestPowerLossWhileRunning(t *testing.T) {
	t.Parallel()
	p := &power{t: t, random: rand.New(rand.NewPCG(11, 12)), dir: t.TempDir(), seen: map[string]bool{}}
	r, err := p.run(directory{}, "first.", 48, 2, promises{})
	if err != nil {
		t.Fatal(err)
	}
	chosen := sample(p.random, len(r.steps), r.made(), 150)
	if os.Getenv("HOLDFAST_SOAK") != "" {
		chosen = func(int) int { return 4 }
	}
	found := p.lose(r, promises{}, true, chosen)
	for _, err := range found[:min(5, len(found))] {
		t.Error(err)
	}
	t.Logf("%d steps, %d losses of power, %d findings", len(r.steps), p.losses, len(found))
}

// TestRecordIsWhole plays a record to its end and compares with the files.
func TestRecordIsWhole(t *testing.T) {
	t.Parallel()
	p := &power{t: t, dir: t.TempDir()}
	r, err := p.run(directory{}, "first.", 12, 2, promises{})
	if err != nil {
		t.Fatal(err)
	}
	disk := r.platter(promises{})
	for _, s := range r.steps {
		disk.take(s)
	}
	disk.take(step{kind: syncedNames})
	for name, content := range readDir(t, p.dir) {
		f := disk.names[name]
		disk.take(step{kind: synced, file: f})
		if !bytes.Equal(disk.content[f], content) {
			t.Errorf("%s is not what was recorded", name)
		}
	}
}

// TestPowerLossIsFound shows that the test above can fail: it lies to the journal
// about syncs, and loses something. Nothing that the witness knew of may be lost
// without a word even then.
func TestPowerLossIsFound(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]power{
		"SQLite does not sync": {after: func(s *Store) {
			if _, err := s.writer.conn.ExecContext(context.Background(), "PRAGMA synchronous=OFF"); err != nil {
				panic(err)
			}
		}},
		"the disk does not sync the log": {deaf: func(name string) bool { return name == fileWAL }},
		"the disk syncs nothing":         {deaf: func(string) bool { return true }},
		"the disk syncs no names":        {deaf: func(name string) bool { return name == "" }},
	} {
		t.Run(name, func(t *testing.T) {
			p := lie
			p.t, p.random, p.dir, p.seen = t, rand.New(rand.NewPCG(13, 14)), t.TempDir(), map[string]bool{}
			r, err := p.run(directory{}, "first.", 24, 2, promises{})
			if err != nil {
				t.Fatal(err)
			}
			p.after, p.deaf = nil, nil
			found := p.lose(r, promises{}, false, sample(p.random, len(r.steps), 0, 40))
			if len(found) == 0 {
				t.Error("nothing was found")
			}
			for _, err := range found {
				if errors.Is(err, errSilent) {
					t.Error(err)
				}
			}
			t.Logf("%d of %d: %v", len(found), p.losses, found[:min(2, len(found))])
		})
	}
}
