package advices

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/sqljournal/database"
	"holdfast/internal/standin/advice"
	"holdfast/internal/standin/advice/advicetest"
)

func mustOpen(t testing.TB, dir string) *Source {
	t.Helper()
	s, err := Open(t.Context(), Options{Dir: dir, Shards: advicetest.Shards, Warn: func(m string) { t.Logf("warning: %s", m) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestContract(t *testing.T) {
	advicetest.Run(t, func(t *testing.T) advice.Source { return mustOpen(t, t.TempDir()) })
}

func pack(shard int, expect uint64, names ...uint64) advice.Pack {
	return advice.Pack{Shard: shard, Expect: expect, ID: fmt.Sprint(shard, "-", expect), Body: fmt.Appendf(nil, "pack %d of %d", expect+1, shard), Names: names}
}

// filled makes a source with three packs in each of two shards, closed.
func filled(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	s := mustOpen(t, dir)
	for i := range uint64(3) {
		results, err := s.Append(t.Context(), []advice.Pack{pack(0, i, i), pack(1, i, 100+i)})
		if err != nil || results[0] != nil || results[1] != nil {
			t.Fatal(results, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A source that is opened again holds what it held: packs, chain, names, its
// number of shards and its id.
func TestOpenedAgain(t *testing.T) {
	dir := filled(t)
	s := mustOpen(t, dir)
	for _, shard := range []int{0, 1} {
		packs, err := s.Read(t.Context(), shard, 0, 10)
		if err != nil || len(packs) != 3 || string(packs[2].Body) != fmt.Sprintf("pack 3 of %d", shard) {
			t.Fatalf("shard %d: %v, %v", shard, packs, err)
		}
	}
	results, err := s.Append(t.Context(), []advice.Pack{pack(2, 0, 101), pack(1, 2), pack(0, 3)})
	if err != nil || results[1] != nil || results[2] != nil {
		t.Fatalf("%v, %v", results, err)
	}
	if taken, ok := results[0].(*advice.Taken); !ok || taken.By != 1 {
		t.Fatalf("a name of before: %v", results[0])
	}
	first, _ := s.Info(t.Context())
	s.Close()
	again, err := Open(t.Context(), Options{Dir: dir, Shards: 9})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if info, _ := again.Info(t.Context()); info.ID != first.ID || info.Shards != advicetest.Shards {
		t.Fatalf("%+v became %+v", first, info)
	}
	if _, err := Open(t.Context(), Options{Dir: dir}); holdfast.CodeOf(err) != holdfast.Unavailable {
		t.Fatalf("a second process: %v", err)
	}
}

// A source of another version of Holdfast is refused with what, where and how to go on.
func TestOtherFormat(t *testing.T) {
	for _, found := range []int{0, format - 1, format + 1} {
		dir := filled(t)
		change(t, dir, fmt.Sprintf(`PRAGMA user_version = %d`, found))
		_, err := Open(t.Context(), Options{Dir: dir})
		if want := fmt.Sprintf("what is in %s is of format %d, and this version of Holdfast reads format %d: run the version that wrote it", dir, found, format); err == nil || !strings.Contains(err.Error(), want) || holdfast.CodeOf(err) != holdfast.Unavailable {
			t.Errorf("format %d: %v, want %q", found, err, want)
		}
	}
}

// change changes what is stored behind the source's back.
func change(t *testing.T, dir, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", database.DSN(dir+"/"+fileDB, "rw"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(statement)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// What somebody changed, removed or swapped is found where it is; what was lost as
// a whole is found by the witness.
func TestDamage(t *testing.T) {
	for name, c := range map[string]struct {
		change string
		code   holdfast.Code // of the start, or of reading
	}{
		"changed":  {`UPDATE pack_0 SET body = x'00' WHERE key = 2`, holdfast.Damaged},
		"removed":  {`DELETE FROM pack_0 WHERE key = 2`, holdfast.Damaged},
		"swapped":  {`UPDATE pack_0 SET body = (SELECT body FROM pack_0 WHERE key = 3) WHERE key = 2`, holdfast.Damaged},
		"cut tail": {`DELETE FROM pack_0 WHERE key = 3`, holdfast.Damaged},
		"rehashed": {`UPDATE pack_0 SET hash = zeroblob(32) WHERE key = 3`, holdfast.Damaged},
		"old beat": {`UPDATE meta SET beat = beat - 1`, holdfast.Damaged},
		"sound":    {`UPDATE meta SET beat = beat`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filled(t)
			change(t, dir, c.change)
			if err := openAndRead(t.Context(), dir); holdfast.CodeOf(err) != c.code {
				t.Fatalf("the error has code %q, not %q: %v", holdfast.CodeOf(err), c.code, err)
			}
		})
	}
}

func openAndRead(ctx context.Context, dir string) error {
	s, err := Open(ctx, Options{Dir: dir})
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.Read(ctx, 0, 0, 10)
	return err
}

// Files that are gone are not made anew over what was acknowledged.
func TestFilesGone(t *testing.T) {
	for _, file := range []string{fileDB, fileHead} {
		dir := filled(t)
		if err := os.Remove(dir + "/" + file); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), Options{Dir: dir}); holdfast.CodeOf(err) != holdfast.Damaged {
			t.Errorf("without %s: %v", file, err)
		}
	}
	// A start that was cut off before the source had its name begins anew.
	dir := t.TempDir()
	s := mustOpen(t, dir)
	s.Close()
	if err := os.Remove(dir + "/" + fileDB); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, dir)
}

// What a transaction named is free again if it is undone.
func TestUndone(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	err := s.submit(t.Context(), 0, func(tx *transaction) error {
		if err := tx.append(pack(0, 0, 7)); err != nil {
			return err
		}
		tx.exec("INSERT INTO nothing")
		return nil
	})
	if holdfast.CodeOf(err) != holdfast.Unavailable {
		t.Fatalf("a statement that cannot be: %v", err)
	}
	if shard, there, err := s.Owner(t.Context(), 7); there || err != nil {
		t.Fatalf("it belongs to shard %d, %v", shard, err)
	}
	if results, err := s.Append(t.Context(), []advice.Pack{pack(1, 0, 7)}); err != nil || results[0] != nil {
		t.Fatalf("%v, %v", results, err)
	}
}

// Shards whose packs share a table know nothing of each other: what is written, read, cut
// and found again by a start is each one's own.
func TestShardsOfOneTable(t *testing.T) {
	dir, all := t.TempDir(), []int{3, 3 + tables, 3 + 2*tables}
	s, err := Open(t.Context(), Options{Dir: dir, Shards: 3*tables + 1})
	if err != nil {
		t.Fatal(err)
	}
	for revision := range uint64(4) {
		for _, shard := range all {
			results, err := s.Append(t.Context(), []advice.Pack{pack(shard, revision, uint64(shard)<<8|revision)})
			if err != nil || results[0] != nil {
				t.Fatal(results, err)
			}
		}
	}
	middle := all[1]
	for _, revision := range []uint64{2, 3} {
		if err := s.PutSnapshot(t.Context(), advice.Snapshot{Shard: middle, Revision: revision, Body: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Cut(t.Context(), middle, 2); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		for _, shard := range all {
			after := uint64(0)
			if shard == middle {
				after = 2
				if _, err := s.Read(t.Context(), shard, 1, 9); holdfast.CodeOf(err) != holdfast.NotFound {
					t.Errorf("what was cut: %v", err)
				}
			}
			packs, err := s.Read(t.Context(), shard, after, 9)
			if err != nil || len(packs) != int(4-after) || string(packs[0].Body) != fmt.Sprintf("pack %d of %d", after+1, shard) {
				t.Errorf("shard %d: %v, %v", shard, packs, err)
			}
			for revision := range uint64(4) {
				owner, there, err := s.Owner(t.Context(), uint64(shard)<<8|revision)
				if err != nil || there != (revision >= after) || there && owner != shard {
					t.Errorf("name %d of shard %d: of %d, %v, %v", revision, shard, owner, there, err)
				}
			}
		}
	}
	check()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(t.Context(), Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	check()
}
