package advices

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/sqljournal/power"
	"holdfast/internal/standin/advice"
)

// promises are what deciders rest on: what was acknowledged to them, and what a
// start has read.
type promises struct {
	packs  map[place]string // the id of each
	ledger uint64           // the revision of "counter", whose body is its revision
}

type place struct {
	shard    int
	revision uint64
}

// Clone implements power.Promises.
func (p promises) Clone() promises {
	p.packs = maps.Clone(p.packs)
	if p.packs == nil {
		p.packs = map[place]string{}
	}
	return p
}

// Size implements power.Promises.
func (p promises) Size() int { return len(p.packs) + int(p.ledger) }

// teller is told of new promises.
type teller func(news promises)

// recorded tells a recorder.
func recorded(r *power.Recorder) teller {
	return func(news promises) {
		r.Tell(func(known *promises) {
			maps.Copy(known.packs, news.packs)
			known.ledger = max(known.ledger, news.ledger)
		})
	}
}

const powerShards = 4

// outages take the power away from a source in one directory.
type outages struct {
	power.Series[promises]
	t     *testing.T
	dir   string
	deaf  func(name string) bool
	after func(*Source) // does something to a source that was just opened
}

func newOutages(t *testing.T, seed uint64) *outages {
	o := &outages{t: t, dir: t.TempDir()}
	o.Random, o.Read = rand.New(rand.NewPCG(seed, seed+1)), []string{fileDB, fileDB + "-wal", fileHead}
	o.Run = func(left power.Files, name string, known promises) (*power.Recorder, error) {
		return o.run(left, name, 3, 1, known)
	}
	return o
}

// run opens the source in a directory that holds what begun says, works with it,
// and is killed in its last commit, several times, and returns the record.
func (o *outages) run(begun power.Files, name string, appends, times int, known promises) (r *power.Recorder, err error) {
	if err := power.Write(o.dir, begun); err != nil {
		return nil, err
	}
	r = power.NewRecorder(o.dir, begun)
	defer func() { r.Release() }()
	r.Deaf = o.deaf
	for i, dir := 0, o.dir; i < times && err == nil; i++ {
		now, next := r, filepath.Join(dir, "next")
		r, err = o.live(dir, now, next, fmt.Sprint(name, i), appends, known)
		now.Release()
		dir = next
	}
	return r, err
}

// live is the life of one process. The recorder that it returns goes on after it was
// killed.
func (o *outages) live(dir string, r *power.Recorder, next, name string, appends int, known promises) (*power.Recorder, error) {
	s, err := Open(o.t.Context(), Options{Dir: dir, Shards: powerShards, disk: r, checkpointEvery: 20_000 + 10*packPages})
	if err != nil {
		return r, fmt.Errorf("open: %w", err)
	}
	defer s.Close()
	if o.after != nil {
		o.after(s)
	}
	found, err := known.keeps(o.t.Context(), s)
	recorded(r)(found)
	if err == nil {
		err = work(o.t.Context(), s, recorded(r), name, appends)
	}
	if err == nil && o.after == nil {
		err = inDoubt(o.t.Context(), s, r)
	}
	if err == nil {
		err = os.MkdirAll(next, 0o700)
	}
	if err != nil {
		return r, err
	}
	return r.Killed(next)
}

// work writes to a source from several goroutines, and tells what each was
// promised. The name makes its packs differ from those of other runs.
func work(ctx context.Context, s *Source, tell teller, name string, appends int) error {
	failed := make(chan error, powerShards+1)
	for shard := range powerShards {
		go func() { failed <- writeTo(ctx, s, tell, name, shard, appends) }()
	}
	go func() { failed <- count(ctx, s, tell, appends) }()
	var errs []error
	for range powerShards + 1 {
		errs = append(errs, <-failed)
	}
	return errors.Join(errs...)
}

// writeTo appends packs to a shard, whose bodies are their ids made longer, with
// snapshots and cuts between.
func writeTo(ctx context.Context, s *Source, tell teller, name string, shard, appends int) error {
	revision, _, err := s.Head(ctx, shard)
	if err != nil {
		return err
	}
	for i := range appends {
		p := named(shard, revision, fmt.Sprint(name, "-", i), i*997%6000)
		results, err := s.Append(ctx, []advice.Pack{p})
		if err = errors.Join(append(results, err)...); err != nil {
			return err
		}
		revision++
		tell(promises{packs: map[place]string{{shard, p.Revision()}: p.ID}})
		if i%3 != 2 {
			continue
		}
		_, chain, _ := s.Head(ctx, shard)
		if err := s.PutSnapshot(ctx, advice.Snapshot{Shard: shard, Revision: revision, Chain: chain, Body: []byte(p.ID)}); err != nil {
			return err
		}
		snaps, err := s.Snapshots(ctx, shard)
		if len(snaps) == 2 {
			err = s.Cut(ctx, shard, snaps[1].Revision)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func named(shard int, expect uint64, id string, long int) advice.Pack {
	return advice.Pack{
		Shard: shard, Expect: expect, ID: id, Body: []byte(id + strings.Repeat("x", long)),
		Names: []uint64{uint64(shard)<<32 | expect},
	}
}

// count counts in a ledger.
func count(ctx context.Context, s *Source, tell teller, times int) error {
	for range times {
		revision, _, err := s.Ledger(ctx, "counter")
		if err == nil {
			err = s.PutLedger(ctx, "counter", revision, fmt.Append(nil, revision+1))
		}
		if err != nil {
			return err
		}
		tell(promises{ledger: revision + 1})
	}
	return nil
}

// inDoubt makes an append whose sync fails: it is in the -wal, and may be on the
// disk or not. That nobody knows is what its decider must be told.
func inDoubt(ctx context.Context, s *Source, r *power.Recorder) error {
	revision, _, err := s.Head(ctx, 0)
	if err != nil {
		return err
	}
	r.Refuse(func(name string) bool { return name == fileDB+"-wal" })
	p := []advice.Pack{named(0, revision, "doubt", 10)}
	if _, err := s.Append(ctx, p); holdfast.CodeOf(err) != holdfast.Doubtful {
		return fmt.Errorf("a commit whose sync failed: %w", err)
	}
	if _, err := s.Append(ctx, p); holdfast.CodeOf(err) != holdfast.Unavailable {
		return fmt.Errorf("after a sync failed: %w", err)
	}
	return nil
}

// keeps checks that a source that was just opened holds everything promised, whole,
// and returns what it has read.
func (p promises) keeps(ctx context.Context, s *Source) (found promises, err error) {
	ids := map[place]string{}
	for shard := range powerShards {
		cut := s.shards[shard].cut
		packs, err := s.Read(ctx, shard, cut, 10_000) // the chain is whole
		if err != nil {
			return found, err
		}
		for _, pack := range packs {
			ids[place{shard, pack.Revision()}] = pack.ID
			if !strings.HasPrefix(string(pack.Body), pack.ID) {
				return found, fmt.Errorf("pack %s of shard %d has the body of another one", pack.ID, shard)
			}
			if owner, taken := s.names[uint64(shard)<<32|pack.Expect]; !taken || owner != shard {
				return found, fmt.Errorf("the name of pack %s of shard %d belongs to nobody", pack.ID, shard)
			}
		}
		if snaps, err := s.Snapshots(ctx, shard); err != nil || cut > 0 && (len(snaps) != 2 || snaps[1].Revision < cut) {
			return found, fmt.Errorf("shard %d is cut up to %d, and has %d snapshots: %w", shard, cut, len(snaps), err)
		}
	}
	for at, id := range p.packs {
		if at.revision > s.shards[at.shard].cut && ids[at] != id {
			return found, fmt.Errorf("pack %s is not at %v any more; there is %q", id, at, ids[at])
		}
	}
	revision, body, err := s.Ledger(ctx, "counter")
	if err != nil || revision < p.ledger || revision > 0 && string(body) != fmt.Sprint(revision) {
		return found, fmt.Errorf("a ledger was acknowledged at revision %d; it has %d and %s: %w", p.ledger, revision, body, err)
	}
	return promises{ids, revision}, nil
}

// TestPowerLoss takes the power away from a source in use, and from its making: on
// a disk that keeps what was synced, and of the rest what chance picks. Whatever is
// left must start, hold everything that was acknowledged or read, with a whole
// chain, and serve on, also when the power goes again meanwhile. HOLDFAST_SOAK=1
// does so at each step, several times.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	o := newOutages(t, 21)
	r, err := o.run(nil, "first.", 9, 2, promises{})
	if err != nil {
		t.Fatal(err)
	}
	chosen := power.Sample(o.Random, len(r.Steps), 0, 20)
	if os.Getenv("HOLDFAST_SOAK") != "" {
		chosen = func(int) int { return 6 }
	}
	found := o.Lose(r, promises{}, true, chosen)
	for _, err := range found[:min(5, len(found))] {
		t.Error(err)
	}
	t.Logf("%d steps, %d losses of power, %d findings", len(r.Steps), o.Losses, len(found))
}

// TestWhatAStartReadsIsDurable restarts after a commit that was never synced, as
// after a kill in the middle of one, and takes the power away once it was read: a
// decider has told customers of it.
func TestWhatAStartReadsIsDurable(t *testing.T) {
	t.Parallel()
	o := newOutages(t, 22)
	r, err := o.run(nil, "first.", 1, 1, promises{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	s, err := Open(t.Context(), Options{Dir: filepath.Join(o.dir, "next"), disk: r})
	if err != nil {
		t.Fatal(err)
	}
	read, err := promises{}.keeps(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	recorded(r)(read)
	r.Release()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s.shards[0].revision != 2 {
		t.Fatalf("the shard was read at %d", s.shards[0].revision)
	}
	last := func(step int) int { return map[int]int{len(r.Steps) - 1: 20}[step] }
	for _, err := range o.Lose(r, promises{}, false, last) {
		t.Error(err)
	}
}

// TestPowerLossIsFound shows that the test above can fail: it lies to the source
// about syncs, and loses something.
func TestPowerLossIsFound(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]outages{
		"SQLite does not sync": {after: func(s *Source) {
			if _, err := s.conn.ExecContext(context.Background(), "PRAGMA synchronous=OFF"); err != nil {
				panic(err)
			}
		}},
		"the disk syncs no log":   {deaf: func(name string) bool { return name == fileDB+"-wal" }},
		"the disk syncs no names": {deaf: func(name string) bool { return name == "" }},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOutages(t, 23)
			o.deaf, o.after = lie.deaf, lie.after
			r, err := o.run(nil, "first.", 6, 1, promises{})
			if err != nil {
				t.Fatal(err)
			}
			o.deaf, o.after = nil, nil
			// About half of the states that are left show the lie; some thirty of them are looked at.
			found := o.Lose(r, promises{}, false, func(step int) int { return max(0, 1-step%10) })
			if len(found) == 0 {
				t.Error("nothing was found")
			}
			t.Logf("%d of %d: %v", len(found), o.Losses, found[:min(2, len(found))])
		})
	}
}
