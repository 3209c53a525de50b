package sqljournal

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/archive"
	"holdfast/internal/journal"
)

// TestRowsChangedByAnotherProgram changes rows with SQLite itself, so that every
// structure of the database stays sound.
func TestRowsChangedByAnotherProgram(t *testing.T) {
	closed := states(t)["closed"]
	changes := map[string]string{
		"a body changed":       `UPDATE fact SET body = CAST('{"n":4711}' AS BLOB) WHERE position = 100`,
		"body and hash":        `UPDATE fact SET body = CAST('1' AS BLOB), body_hash = x'6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b' WHERE position = 100`,
		"an actor changed":     `UPDATE fact SET actor = '{"kind":"account","id":"mallory"}' WHERE position = 100`,
		"a time changed":       `UPDATE fact SET time = time + 1 WHERE position = 100`,
		"a row removed":        `DELETE FROM fact WHERE position = 100`,
		"the last row removed": `DELETE FROM fact WHERE position = (SELECT max(position) FROM fact)`,
		"a row added":          `INSERT INTO fact SELECT max(position) + 1, 'x', 'thing/x', 1, kind, actor, time, body_hash, hash, body FROM fact`,
		"two rows swapped":     `UPDATE fact SET position = CASE position WHEN 100 THEN 9101 ELSE 9100 END WHERE position IN (100, 101); UPDATE fact SET position = position - 9000 WHERE position > 9000`,
		"a blob changed":       `UPDATE blob SET body = x'00' WHERE hash = (SELECT hash FROM blob LIMIT 1)`,
	}
	for what, statement := range changes {
		for _, without := range [][]string{nil, {fileSums}, {fileSums, fileHead}} {
			t.Run(fmt.Sprintf("%s without %v", what, without), func(t *testing.T) {
				if strings.HasPrefix(what, "the last row") && len(without) == 2 {
					t.Skip("without a witness a cut tail is for the gates to notice")
				}
				dir := t.TempDir()
				closed.write(t, dir)
				runSQL(t, dir, statement)
				for _, name := range without {
					os.Remove(filepath.Join(dir, name))
				}
				err := closed.openFails(t, dir)
				if holdfast.CodeOf(err) != holdfast.Damaged {
					t.Fatalf("error %v", err)
				}
				t.Log(err)
			})
		}
	}
}

// runSQL runs statements on journal.db as any SQLite program does.
func runSQL(t testing.TB, dir string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, fileDB))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAnotherProgramOpensAfterAKill lets SQLite move the log into journal.db, and
// takes the way back that the document names.
func TestAnotherProgramOpensAfterAKill(t *testing.T) {
	d := states(t)["killed after a checkpoint"]
	dir := t.TempDir()
	d.write(t, dir)
	want := content(t, dir)
	d.write(t, dir)
	runSQL(t, dir, `SELECT count(*) FROM fact`)
	_, err := Open(t.Context(), Options{Dir: dir})
	if wantCode(t, err, holdfast.Damaged); !strings.Contains(err.Error(), "moved by another program") {
		t.Errorf("error %v", err)
	}
	report := verify(t, dir)
	for _, p := range report.Problems {
		if p.Position != 0 {
			t.Errorf("the chain has a problem: %v", p)
		}
	}
	if report.Facts == 0 || report.Verdict != archive.Invalid {
		t.Errorf("report %+v", report)
	}
	if err := os.Remove(filepath.Join(dir, fileSums)); err != nil {
		t.Fatal(err)
	}
	if content(t, dir) != want {
		t.Error("another content is read")
	}
}

// TestCommitsOfAnotherProgram leaves the foreign commit in the -wal, where all
// checksums are right.
func TestCommitsOfAnotherProgram(t *testing.T) {
	for name, c := range map[string]struct {
		statement string
		load      bool // Open accepts it; the fold of the chain refuses it
	}{
		"that knows nothing of beats": {`DELETE FROM document`, false},
		"that raises the beat":        {`BEGIN; UPDATE fact SET body = CAST('7' AS BLOB) WHERE position = 9; UPDATE meta SET beat = beat + 1; COMMIT`, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			states(t)["killed after a checkpoint"].write(t, dir)
			db, err := sql.Open("sqlite", filepath.Join(dir, fileDB)+"?_pragma=wal_autocheckpoint(0)")
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.Exec(c.statement); err != nil {
				t.Fatal(err)
			}
			left := readDir(t, dir)
			dir = t.TempDir()
			left.write(t, dir)
			s, err := Open(t.Context(), Options{Dir: dir})
			if c.load && err == nil {
				err = journal.NewState(s, s.Genesis()).Load(t.Context())
				s.Close()
			}
			if holdfast.CodeOf(err) != holdfast.Damaged {
				t.Fatalf("error %v", err)
			}
			for file, content := range readDir(t, dir) {
				if !bytes.Equal(content, left[file]) {
					t.Errorf("%s was changed", file)
				}
			}
		})
	}
}

// TestAnotherProgramReads holds a read transaction open from outside.
func TestAnotherProgramReads(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	fill(t, s, 0, 10)
	other, err := sql.Open("sqlite", filepath.Join(dir, fileDB))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := tx.QueryRow(`SELECT count(*) FROM fact`).Scan(&n); err != nil || n != 20 {
		t.Fatalf("%d facts, error %v", n, err)
	}
	fill(t, s, 10, 20)
	wantCode(t, s.Checkpoint(t.Context()), holdfast.Unavailable)
	fill(t, s, 20, 30)
	killed := readDir(t, dir)
	tx.Rollback()
	if err := s.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	killed.write(t, elsewhere)
	content(t, elsewhere)
}

// TestAnotherProgramCheckpoints shows that no one else moves pages into
// journal.db, where their sums would be unknown.
func TestAnotherProgramCheckpoints(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	for round := range 3 {
		fill(t, s, 10*round, 10*round+10)
		before := readDir(t, dir)
		runSQL(t, dir, `PRAGMA busy_timeout(0)`, `PRAGMA wal_checkpoint(TRUNCATE)`)
		runSQL(t, dir, `PRAGMA wal_checkpoint(PASSIVE)`)
		if after := readDir(t, dir); !bytes.Equal(before[fileWAL], after[fileWAL]) || round > 0 && !bytes.Equal(before[fileDB], after[fileDB]) {
			t.Fatalf("round %d: another program changed the files", round)
		}
		if err := s.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := t.TempDir()
	readDir(t, dir).write(t, elsewhere)
	content(t, elsewhere)
}

// TestAnotherProgramWrites shows that its commit is found at the next checkpoint,
// and its lock answered as what it is.
func TestAnotherProgramWrites(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenRaw(t, dir)
	fill(t, s, 0, 10)
	other, err := sql.Open("sqlite", filepath.Join(dir, fileDB))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetMaxOpenConns(1)
	if _, err := other.Exec(`BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	_, err = s.Append(t.Context(), fact("x", "thing/x", 0))
	wantCode(t, err, holdfast.Unavailable)
	if _, err := other.Exec(`DELETE FROM document; COMMIT`); err != nil {
		t.Fatal(err)
	}
	if _, err = s.Append(t.Context(), fact("x", "thing/x", 0)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.Checkpoint(t.Context()), holdfast.Unavailable)
	_, err = s.Append(t.Context(), fact("y", "thing/y", 0))
	wantCode(t, err, holdfast.Damaged)
}
