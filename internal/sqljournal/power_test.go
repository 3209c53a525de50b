package sqljournal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/archive"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/commit"
	"holdfast/internal/sqljournal/power"
)

// promises are what somebody was told, and what therefore outlasts any loss of
// power.
type promises struct {
	appends  map[string]journal.Receipt
	document holdfast.Revision // of "counter", whose body is its revision
	head     holdfast.Head     // of the newest snapshot
}

// Clone implements power.Promises.
func (p promises) Clone() promises {
	p.appends = maps.Clone(p.appends)
	if p.appends == nil {
		p.appends = map[string]journal.Receipt{}
	}
	return p
}

// Size implements power.Promises.
func (p promises) Size() int {
	return len(p.appends) + int(p.document) + int(p.head.Position)
}

// work writes to a store from several goroutines, with documents, blobs,
// checkpoints and a snapshot between, and records what each was promised. The
// name makes its appends differ from those of other runs.
func work(ctx context.Context, s *Store, r *power.Recorder, name string, appends int) error {
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
func writeTo(ctx context.Context, s *Store, r *power.Recorder, name string, appends int) error {
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
		r.Tell(func(p *promises) { p.appends[a.ID] = receipt })
	}
	return nil
}

// lookAfter writes documents and blobs and does the rest of a store's work.
func lookAfter(ctx context.Context, s *Store, r *power.Recorder) error {
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
		r.Tell(func(p *promises) { p.document = revision })
		if _, err := s.PutBlob(ctx, bytes.Repeat([]byte{byte(i)}, 9000)); err != nil {
			return err
		}
		if i == 2 {
			head, err := s.Snapshot(ctx, io.Discard)
			if err != nil {
				return err
			}
			r.Tell(func(p *promises) { p.head = head })
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

// outages take the power away from a journal in one directory.
type outages struct {
	power.Series[promises]
	t     *testing.T
	dir   string
	deaf  func(name string) bool
	after func(*Store) // does something to a store that was just opened
}

func newOutages(t *testing.T, seed uint64) *outages {
	o := &outages{t: t, dir: t.TempDir()}
	o.Random, o.Read = rand.New(rand.NewPCG(seed, seed+1)), storedFiles
	o.Run = func(left power.Files, name string, known promises) (*power.Recorder, error) {
		return o.run(left, name, 8, 1, known)
	}
	return o
}

// run opens the journal in a directory that holds what begun says, works with
// it and closes it, several times, and returns the record.
func (o *outages) run(begun directory, name string, appends, times int, known promises) (*power.Recorder, error) {
	begun.write(o.t, o.dir)
	r := power.NewRecorder(o.dir, begun)
	defer r.Release()
	r.Deaf = o.deaf
	for i := range times {
		s, err := Open(o.t.Context(), Options{Dir: o.dir, disk: r})
		if err != nil {
			return r, fmt.Errorf("open: %w", err)
		}
		if o.after != nil {
			o.after(s)
		}
		err = known.keeps(o.t.Context(), s)
		if w, broken := commit.DecodeWitness(begun[fileHead]); i == 0 && broken == nil && s.Head().Position < w.Head.Position {
			err = errSilent
		}
		if err == nil {
			err = work(o.t.Context(), s, r, fmt.Sprint(name, i), appends)
		}
		if err = errors.Join(err, s.Close()); err != nil {
			return r, err
		}
	}
	return r, nil
}

// TestPowerLossWhileRunning takes the power away from a journal in use: under
// SQLite, the sums and the witness lies a disk that keeps what was synced, and of
// the rest what chance picks. Whatever is left must start, hold everything that
// was promised, and serve on, also when the power goes again meanwhile.
// HOLDFAST_SOAK=1 does so at each step, several times.
func TestPowerLossWhileRunning(t *testing.T) {
	t.Parallel()
	p := newOutages(t, 11)
	r, err := p.run(directory{}, "first.", 48, 2, promises{})
	if err != nil {
		t.Fatal(err)
	}
	chosen := power.Sample(p.Random, len(r.Steps), r.FirstPromise(), 150)
	if os.Getenv("HOLDFAST_SOAK") != "" {
		chosen = func(int) int { return 4 }
	}
	found := p.Lose(r, promises{}, true, chosen)
	for _, err := range found[:min(5, len(found))] {
		t.Error(err)
	}
	t.Logf("%d steps, %d losses of power, %d findings", len(r.Steps), p.Losses, len(found))
}

// TestRecordIsWhole plays a record to its end and compares with the files.
func TestRecordIsWhole(t *testing.T) {
	t.Parallel()
	p := newOutages(t, 0)
	r, err := p.run(directory{}, "first.", 12, 2, promises{})
	if err != nil {
		t.Fatal(err)
	}
	disk := power.NewPlatter(r, promises{})
	disk.Take(r.Steps...)
	all := disk.All()
	for name, content := range readDir(t, p.dir) {
		if !bytes.Equal(all[name], content) {
			t.Errorf("%s is not what was recorded", name)
		}
	}
}

// TestPowerLossIsFound shows that the test above can fail: it lies to the journal
// about syncs, and loses something. Nothing that the witness knew of may be lost
// without a word even then.
func TestPowerLossIsFound(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]outages{
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
			p := newOutages(t, 13)
			p.after, p.deaf = lie.after, lie.deaf
			r, err := p.run(directory{}, "first.", 24, 2, promises{})
			if err != nil {
				t.Fatal(err)
			}
			p.after, p.deaf = nil, nil
			found := p.Lose(r, promises{}, false, power.Sample(p.Random, len(r.Steps), 0, 40))
			if len(found) == 0 {
				t.Error("nothing was found")
			}
			for _, err := range found {
				if errors.Is(err, errSilent) {
					t.Error(err)
				}
			}
			t.Logf("%d of %d: %v", len(found), p.Losses, found[:min(2, len(found))])
		})
	}
}
