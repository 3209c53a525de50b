// Package advicetest is the suite that every implementation of advice.Source
// passes: each promise in the contract's comments is a test here.
package advicetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/standin/advice"
)

// Shards is how many shards the sources under test have.
const Shards = 4

// Run runs the suite. Open makes an empty source of [Shards] shards for one test
// and registers its end with t.Cleanup; closing it twice must do no harm.
func Run(t *testing.T, open func(t *testing.T) advice.Source) {
	for _, c := range []struct {
		name string
		test func(*testing.T, advice.Source)
	}{
		{"ChainAndRead", chainAndRead},
		{"ResultsAreIndependent", resultsAreIndependent},
		{"RepetitionIsSafe", repetitionIsSafe},
		{"NamesBelongToOneShard", namesBelongToOneShard},
		{"Limits", limits},
		{"OneWriterWins", oneWriterWins},
		{"Model", model},
		{"SnapshotsAndCut", snapshotsAndCut},
		{"Ledgers", ledgers},
		{"OneDrawWins", oneDrawWins},
		{"EndedContext", endedContext},
		{"Closed", closed},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

func pack(shard int, expect uint64, text string, names ...uint64) advice.Pack {
	return advice.Pack{Shard: shard, Expect: expect, ID: holdfast.NewID(), Body: []byte(text), Names: names}
}

func mustAppend(t *testing.T, s advice.Source, packs ...advice.Pack) {
	t.Helper()
	results, err := s.Append(t.Context(), packs)
	if err = errors.Join(append(results, err)...); err != nil {
		t.Fatalf("append: %v", err)
	}
}

func wantCode(t *testing.T, err error, code holdfast.Code) {
	t.Helper()
	if got := holdfast.CodeOf(err); err == nil || got != code {
		t.Fatalf("the error has code %q, not %q: %v", got, code, err)
	}
}

// texts reads a shard whole, from a revision on.
func texts(t *testing.T, s advice.Source, shard int, after uint64) []string {
	t.Helper()
	var list []string
	for {
		packs, err := s.Read(t.Context(), shard, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(packs) == 0 {
			return list
		}
		for _, p := range packs {
			if p.Shard != shard || p.Expect != after || p.ID == "" {
				t.Fatalf("after %d came pack %d of shard %d, id %q", after, p.Revision(), p.Shard, p.ID)
			}
			list, after = append(list, string(p.Body)), p.Revision()
		}
	}
}

func wantTexts(t *testing.T, s advice.Source, shard int, want ...string) {
	t.Helper()
	if got := texts(t, s, shard, 0); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("shard %d holds %v, not %v", shard, got, want)
	}
}

func chainAndRead(t *testing.T, s advice.Source) {
	info, err := s.Info(t.Context())
	if err != nil || info.ID == "" || info.Shards != Shards || info.Place == "" {
		t.Fatalf("info: %+v, %v", info, err)
	}
	want := advice.Genesis(info.ID, 2)
	if rev, chain, err := s.Head(t.Context(), 2); err != nil || rev != 0 || chain != want {
		t.Fatalf("the head of an empty shard: %d %s, %v", rev, chain, err)
	}
	for i, text := range []string{"a", "b", "c", "d", "e"} {
		p := pack(2, uint64(i), text)
		mustAppend(t, s, p)
		want = advice.Link(want, p)
	}
	if rev, chain, err := s.Head(t.Context(), 2); err != nil || rev != 5 || chain != want {
		t.Fatalf("the head: %d %s, %v; want 5 %s", rev, chain, err, want)
	}
	wantTexts(t, s, 2, "a", "b", "c", "d", "e")
	wantTexts(t, s, 1)
	if got := texts(t, s, 2, 3); len(got) != 2 {
		t.Fatalf("after 3 there are %v", got)
	}
	if packs, err := s.Read(t.Context(), 2, 9, 10); err != nil || len(packs) != 0 {
		t.Fatalf("after the end there are %d packs, %v", len(packs), err)
	}
}

func resultsAreIndependent(t *testing.T, s advice.Source) {
	mustAppend(t, s, pack(0, 0, "a"), pack(1, 0, "x"))
	results, err := s.Append(t.Context(), []advice.Pack{pack(0, 0, "fenced"), pack(1, 1, "y"), pack(3, 0, "first")})
	if err != nil {
		t.Fatal(err)
	}
	var moved *advice.Moved
	if !errors.As(results[0], &moved) || *moved != (advice.Moved{Shard: 0, Expect: 0, Actual: 1}) {
		t.Fatalf("the fenced pack: %v", results[0])
	}
	if results[1] != nil || results[2] != nil {
		t.Fatalf("its neighbours: %v, %v", results[1], results[2])
	}
	results, err = s.Append(t.Context(), []advice.Pack{pack(0, 7, "ahead")})
	if err != nil || !errors.As(results[0], &moved) || moved.Actual != 1 {
		t.Fatalf("a pack ahead of its shard: %v, %v", results, err)
	}
	wantTexts(t, s, 0, "a")
	wantTexts(t, s, 1, "x", "y")
	wantTexts(t, s, 3, "first")
}

func repetitionIsSafe(t *testing.T, s advice.Source) {
	first, second := pack(0, 0, "a", 11), pack(0, 1, "b", 12)
	mustAppend(t, s, first)
	mustAppend(t, s, first)
	mustAppend(t, s, second)
	mustAppend(t, s, first, pack(1, 0, "x"))
	mustAppend(t, s, second)
	wantTexts(t, s, 0, "a", "b")
	wantTexts(t, s, 1, "x")
}

func namesBelongToOneShard(t *testing.T, s advice.Source) {
	mustAppend(t, s, pack(0, 0, "a", 1, 2, 1<<63))
	mustAppend(t, s, pack(0, 1, "again", 2)) // its own
	wantOwner(t, s, 2, 0)
	wantOwner(t, s, 1<<63, 0)
	wantOwner(t, s, 7, -1)
	for _, name := range []uint64{1, 1 << 63} {
		results, err := s.Append(t.Context(), []advice.Pack{pack(1, 0, "other", 7, name), pack(2, 0, "kept "+fmt.Sprint(name), 8)})
		var taken *advice.Taken
		if err != nil || !errors.As(results[0], &taken) || *taken != (advice.Taken{Name: name, By: 0}) {
			t.Fatalf("a name of another shard: %v, %v", results, err)
		}
		if name == 1 && results[1] != nil {
			t.Fatalf("its neighbour: %v", results[1])
		}
	}
	// What was refused holds no name.
	wantOwner(t, s, 7, -1)
	mustAppend(t, s, pack(3, 0, "free", 7))
	wantTexts(t, s, 1)
	// Two packs of one append: one of them is refused, never both written.
	results, err := s.Append(t.Context(), []advice.Pack{pack(1, 0, "x", 99), pack(3, 1, "y", 99)})
	if err != nil || (results[0] == nil) == (results[1] == nil) {
		t.Fatalf("one name in two packs: %v, %v", results, err)
	}
}

// wantOwner asks whose a name is; -1 is nobody's.
func wantOwner(t *testing.T, s advice.Source, name uint64, want int) {
	t.Helper()
	got, there, err := s.Owner(t.Context(), name)
	if err != nil || there != (want >= 0) || there && got != want {
		t.Fatalf("the name %d is of shard %d, %v, %v; want %d", name, got, there, err, want)
	}
}

func limits(t *testing.T, s advice.Source) {
	long := make([]byte, advice.MaxBody+1)
	same := pack(1, 0, "a")
	for name, packs := range map[string][]advice.Pack{
		"none":       {},
		"no shard":   {pack(Shards, 0, "a")},
		"below":      {pack(-1, 0, "a")},
		"twice":      {same, pack(1, 1, "b")},
		"no id":      {{Shard: 0, Body: []byte("a")}},
		"long id":    {{Shard: 0, ID: string(long[:advice.MaxID+1]), Body: []byte("a")}},
		"no body":    {{Shard: 0, ID: "a"}},
		"large body": {{Shard: 0, ID: "a", Body: long}},
	} {
		if _, err := s.Append(t.Context(), packs); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	largest := advice.Pack{Shard: 0, ID: "largest", Body: bytes.Repeat([]byte{0}, advice.MaxBody)}
	mustAppend(t, s, largest)
	packs, err := s.Read(t.Context(), 0, 0, 1)
	if err != nil || !bytes.Equal(packs[0].Body, largest.Body) {
		t.Fatalf("the largest body came back changed: %v", err)
	}
	_, err = s.Read(t.Context(), Shards, 0, 1)
	wantCode(t, err, holdfast.Invalid)
	wantCode(t, s.PutLedger(t.Context(), "", 0, nil), holdfast.Invalid)
	wantCode(t, s.PutSnapshot(t.Context(), advice.Snapshot{Shard: 0}), holdfast.Invalid)
}

// oneWriterWins has deciders race for a shard: each revision is written once.
func oneWriterWins(t *testing.T, s advice.Source) {
	const deciders, rounds = 4, 15
	var wg sync.WaitGroup
	won := make([]int, deciders)
	for d := range deciders {
		wg.Go(func() {
			for round := range uint64(rounds) {
				results, err := s.Append(context.Background(), []advice.Pack{pack(0, round, fmt.Sprintf("%d by %d", round, d))})
				var moved *advice.Moved
				switch {
				case err != nil:
					t.Errorf("append: %v", err)
				case results[0] == nil:
					won[d]++
				case !errors.As(results[0], &moved):
					t.Errorf("a pack was refused: %v", results[0])
				}
			}
		})
	}
	wg.Wait()
	total := 0
	for _, n := range won {
		total += n
	}
	rev, _, err := s.Head(t.Context(), 0)
	if err != nil || uint64(total) != rev || rev == 0 {
		t.Fatalf("%d packs were said to be written, the shard is at %d, %v", total, rev, err)
	}
}

// model compares a source with the memory implementation over random appends.
func model(t *testing.T, s advice.Source) {
	info, err := s.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := advice.NewMemory(info.ID, Shards)
	revision := [Shards]uint64{}
	var past []advice.Pack
	rapid.Check(t, func(r *rapid.T) {
		for range rapid.IntRange(1, 4).Draw(r, "appends") {
			var packs []advice.Pack
			for shard := range Shards {
				switch rapid.IntRange(0, 5).Draw(r, "kind") {
				case 0, 1, 2:
					packs = append(packs, pack(shard, revision[shard], "text", rapid.SliceOfN(rapid.Uint64Range(0, 60), 0, 3).Draw(r, "names")...))
				case 3:
					packs = append(packs, pack(shard, uint64(rapid.IntRange(0, 9).Draw(r, "expect")), "stray"))
				case 4:
					if len(past) > 0 {
						if old := rapid.SampledFrom(past).Draw(r, "old"); old.Shard == shard {
							packs = append(packs, old)
						}
					}
				}
			}
			if len(packs) == 0 {
				continue
			}
			want, err := m.Append(t.Context(), packs)
			if err != nil {
				r.Fatal(err)
			}
			got, err := s.Append(t.Context(), packs)
			if err != nil {
				r.Fatal(err)
			}
			for i, p := range packs {
				if fmt.Sprintf("%#v", got[i]) != fmt.Sprintf("%#v", want[i]) && !sameRefusal(got[i], want[i]) {
					r.Fatalf("pack %d: %#v, want %#v", i, got[i], want[i])
				}
				if want[i] == nil && p.Expect == revision[p.Shard] {
					revision[p.Shard]++
					past = append(past, p)
				}
			}
		}
		for shard := range Shards {
			wantRev, wantChain, _ := m.Head(t.Context(), shard)
			rev, chain, err := s.Head(t.Context(), shard)
			if err != nil || rev != wantRev || chain != wantChain {
				r.Fatalf("shard %d is at %d %s, %v; want %d %s", shard, rev, chain, err, wantRev, wantChain)
			}
		}
	})
}

// sameRefusal reports whether two results refuse alike: of several names that are
// taken, any may be named.
func sameRefusal(a, b error) bool {
	var moved, other *advice.Moved
	if errors.As(a, &moved) && errors.As(b, &other) {
		return *moved == *other
	}
	var taken, too *advice.Taken
	return errors.As(a, &taken) && errors.As(b, &too)
}

func snapshotsAndCut(t *testing.T, s advice.Source) {
	for i := range uint64(6) {
		mustAppend(t, s, pack(1, i, fmt.Sprint(i+1), i+100, 100, 1<<63|i))
	}
	snap := func(revision uint64, text string) advice.Snapshot {
		return advice.Snapshot{Shard: 1, Revision: revision, Chain: holdfast.Hash{byte(revision)}, Version: 3, Body: []byte(text)}
	}
	wantCode(t, s.Cut(t.Context(), 1, 1), holdfast.Conflict)
	for _, sn := range []advice.Snapshot{snap(2, "at 2"), snap(3, "at 3"), snap(5, "at 5")} {
		if err := s.PutSnapshot(t.Context(), sn); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Snapshots(t.Context(), 1)
	if err != nil || len(got) != 2 || fmt.Sprint(got[0]) != fmt.Sprint(snap(5, "at 5")) || fmt.Sprint(got[1]) != fmt.Sprint(snap(3, "at 3")) {
		t.Fatalf("the snapshots are %v, %v", got, err)
	}
	if other, err := s.Snapshots(t.Context(), 2); err != nil || len(other) != 0 {
		t.Fatalf("another shard has %v, %v", other, err)
	}
	_, chain, _ := s.Head(t.Context(), 1)
	wantCode(t, s.Cut(t.Context(), 1, 4), holdfast.Conflict)
	for range 2 {
		if err := s.Cut(t.Context(), 1, 3); err != nil {
			t.Fatal(err)
		}
	}
	_, err = s.Read(t.Context(), 1, 2, 1)
	wantCode(t, err, holdfast.NotFound)
	if rest := texts(t, s, 1, 3); fmt.Sprint(rest) != "[4 5 6]" {
		t.Fatalf("after the cut there are %v", rest)
	}
	if rev, after, err := s.Head(t.Context(), 1); err != nil || rev != 6 || after != chain {
		t.Fatalf("the cut moved the head to %d, %v", rev, err)
	}
	mustAppend(t, s, pack(1, 6, "7"))
	// The names of what was cut are free, the others are not.
	wantOwner(t, s, 101, -1)
	wantOwner(t, s, 1<<63|2, -1)
	wantOwner(t, s, 1<<63|3, 1)
	wantOwner(t, s, 103, 1)
	results, err := s.Append(t.Context(), []advice.Pack{pack(2, 0, "a", 100, 101, 102), pack(3, 0, "b", 103)})
	var taken *advice.Taken
	if err != nil || results[0] != nil || !errors.As(results[1], &taken) {
		t.Fatalf("names after a cut: %v, %v", results, err)
	}
	var moved *advice.Moved
	if results, err := s.Append(t.Context(), []advice.Pack{pack(1, 1, "late")}); err != nil || !errors.As(results[0], &moved) {
		t.Fatalf("a pack before the cut: %v, %v", results, err)
	}
}

func ledgers(t *testing.T, s advice.Source) {
	if rev, body, err := s.Ledger(t.Context(), "total/TWD"); err != nil || rev != 0 || body != nil {
		t.Fatalf("no ledger: %d %q, %v", rev, body, err)
	}
	for i, text := range []string{"a", "", "c"} {
		if err := s.PutLedger(t.Context(), "total/TWD", uint64(i), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, s.PutLedger(t.Context(), "total/TWD", 1, []byte("late")), holdfast.Conflict)
	wantCode(t, s.PutLedger(t.Context(), "other", 1, []byte("ahead")), holdfast.Conflict)
	if err := s.PutLedger(t.Context(), "over", 0, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := s.DropLedgers(t.Context(), []string{"over", "never there"}); err != nil {
		t.Fatal(err)
	}
	if rev, body, err := s.Ledger(t.Context(), "over"); err != nil || rev != 0 || body != nil {
		t.Fatalf("a ledger that was dropped: %d, %q, %v", rev, body, err)
	}
	if rev, body, err := s.Ledger(t.Context(), "total/TWD"); err != nil || rev != 3 || string(body) != "c" {
		t.Fatalf("the ledger: %d %q, %v", rev, body, err)
	}
}

// oneDrawWins has deciders draw from one ledger at the same time: no draw is lost.
func oneDrawWins(t *testing.T, s advice.Source) {
	const deciders, each = 3, 8
	var wg sync.WaitGroup
	for range deciders {
		wg.Go(func() {
			for drawn := 0; drawn < each; {
				rev, body, err := s.Ledger(context.Background(), "sum")
				if err != nil {
					t.Error(err)
					return
				}
				err = s.PutLedger(context.Background(), "sum", rev, append(body, 'x'))
				if err == nil {
					drawn++
				} else if holdfast.CodeOf(err) != holdfast.Conflict {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if _, body, err := s.Ledger(t.Context(), "sum"); err != nil || len(body) != deciders*each {
		t.Fatalf("%d draws are in the ledger, %v; want %d", len(body), err, deciders*each)
	}
}

func endedContext(t *testing.T, s advice.Source) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Append(ctx, []advice.Pack{pack(0, 0, "a")})
	if code := holdfast.CodeOf(err); code != holdfast.Unavailable && code != holdfast.Doubtful {
		t.Fatalf("an append whose caller has gone: %v", err)
	}
}

func closed(t *testing.T, s advice.Source) {
	mustAppend(t, s, pack(0, 0, "a"))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.Append(t.Context(), []advice.Pack{pack(0, 1, "b")})
	wantCode(t, err, holdfast.Unavailable)
	_, err = s.Read(t.Context(), 0, 0, 1)
	wantCode(t, err, holdfast.Unavailable)
	_, _, err = s.Owner(t.Context(), 1)
	wantCode(t, err, holdfast.Unavailable)
}
