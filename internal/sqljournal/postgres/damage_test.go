package postgres_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"holdfast"
	"holdfast/internal/archive"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/postgres"
)

// session is one on a source's own schema.
func session(t testing.TB, source string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(t.Context()) })
	return conn
}

func exec(t testing.TB, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func mustAppend(t testing.TB, s journal.Store, a journal.Append) journal.Receipt {
	t.Helper()
	receipt, err := s.Append(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

func verify(t testing.TB, o postgres.Options) archive.Report {
	t.Helper()
	in, err := postgres.Inspect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	report, err := archive.Verify(t.Context(), in, in)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

type nothing struct{}

func (nothing) Apply(holdfast.Fact) error { return nil }

// TestDamageIsFoundAndLocated changes rows behind the journal's back.
func TestDamageIsFoundAndLocated(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what   string
		change string
		// at is the position that a verification names, 0 if it is the table meta.
		at holdfast.Position
		// opens says that opening does not see it, so that the load has to.
		opens bool
	}{
		{"nothing", `SELECT 1`, 0, true},
		{"a body", `UPDATE fact SET body = '"other"' WHERE position = 3`, 3, true},
		{"a body with its hash", `UPDATE fact SET body = '7', body_hash = sha256('7') WHERE position = 3`, 3, true},
		{"an actor", `UPDATE fact SET actor = replace(actor, 'test', 'nobody') WHERE position = 4`, 4, true},
		{"an actor that is no JSON", `UPDATE fact SET actor = '{' WHERE position = 4`, 1, true},
		{"a hash cut short", `UPDATE fact SET hash = '\x00' WHERE position = 4`, 1, true},
		{"a time", `UPDATE fact SET time = time + 1 WHERE position = 5`, 5, true},
		{"a subject", `UPDATE fact SET subject = 'thing/other' WHERE position = 2`, 2, true},
		{"a removed fact", `DELETE FROM fact WHERE position = 4`, 4, true},
		{"removed facts at the beginning", `DELETE FROM fact WHERE position <= 4`, 1, true},
		{"two swapped facts", `UPDATE fact SET position = 1000 WHERE position = 3; UPDATE fact SET position = 3 WHERE position = 5; UPDATE fact SET position = 5 WHERE position = 1000`, 3, true},
		{"an inserted fact", `UPDATE fact SET position = position + 1000 WHERE position > 3; UPDATE fact SET position = position - 999 WHERE position > 1000;
			INSERT INTO fact SELECT 4, 'x', 'thing/x', 1, kind, actor, time, body_hash, hash, body FROM fact WHERE position = 3;
			UPDATE meta SET position = 9`, 4, false},
		{"a cut tail", `DELETE FROM fact WHERE position = 8`, 8, false},
		{"a cut tail, and meta told so", `DELETE FROM fact WHERE position = 8;
			UPDATE meta SET position = 7, beat = beat - 1, hash = (SELECT hash FROM fact WHERE position = 7)`, 8, false},
		{"an added tail", `INSERT INTO fact SELECT 9, 'x', 'thing/x', 1, kind, actor, time, body_hash, hash, body FROM fact WHERE position = 8`, 9, false},
		{"meta emptied", `DELETE FROM meta`, 0, false},
		{"meta of another journal", `UPDATE meta SET journal = 'another'`, 0, false},
		{"a blob", `UPDATE blob SET body = 'x'`, 0, true},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			o := postgres.Options{Source: newSource(t), Witness: filepath.Join(t.TempDir(), "journal.head")}
			s := open(t, o)
			for i := range 8 {
				mustAppend(t, s, fact(fmt.Sprint("a", i), fmt.Sprint("thing/", i%3), holdfast.Revision(i/3)))
			}
			if _, err := s.PutBlob(t.Context(), []byte("plan")); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			exec(t, session(t, o.Source), c.change)
			checkReport(t, verify(t, o), c.what == "nothing", c.at)
			s, err := postgres.Open(t.Context(), o)
			if c.opens != (err == nil) {
				t.Fatalf("opening answered %v", err)
			}
			if err != nil {
				wantCode(t, err, holdfast.Damaged)
				return
			}
			defer s.Close()
			err = journal.NewState(s, s.Genesis(), nothing{}).Load(t.Context())
			if c.at == 0 {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantCode(t, err, holdfast.Damaged)
			if c.at > 1 && !strings.Contains(err.Error(), fmt.Sprintf("at position %d ", c.at)) {
				t.Errorf("the load does not say where: %v", err)
			}
		})
	}
}

func checkReport(t *testing.T, report archive.Report, sound bool, at holdfast.Position) {
	t.Helper()
	if sound {
		if report.Verdict != archive.Valid || report.Facts != 8 || report.Blobs != 1 {
			t.Fatalf("%+v", report)
		}
		return
	}
	if report.Verdict != archive.Invalid {
		t.Fatalf("the verdict is %s: %+v", report.Verdict, report)
	}
	for _, p := range report.Problems {
		if p.Position == at {
			return
		}
	}
	t.Errorf("no problem is at position %d: %v", at, report.Problems)
}

// TestOldDatabasePutBack shows that a running process notices, too, and that
// whoever waits is told.
func TestOldDatabasePutBack(t *testing.T) {
	t.Parallel()
	o := postgres.Options{Source: newSource(t) + " application_name=putback"}
	s := open(t, o)
	for i := range 3 {
		mustAppend(t, s, fact(fmt.Sprint("a", i), "thing/1", holdfast.Revision(i)))
	}
	waiting := make(chan error, 1)
	go func() { waiting <- s.Wait(t.Context(), 3) }()
	conn := session(t, o.Source+" application_name=other")
	exec(t, conn, `DELETE FROM fact WHERE position = 3;
		UPDATE meta SET position = 2, beat = 2, hash = (SELECT hash FROM fact WHERE position = 2)`,
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'putback'`)
	if err := <-waiting; holdfast.CodeOf(err) != holdfast.Damaged || !strings.Contains(err.Error(), "it has lost facts") {
		t.Fatalf("the wait answered %v", err)
	}
	for _, err := range []error{second(s.Append(t.Context(), fact("b", "thing/2", 0))), second(s.Barrier(t.Context()))} {
		if code := holdfast.CodeOf(err); code != holdfast.Damaged && code != holdfast.Doubtful {
			t.Errorf("a write on a journal that lost facts answered %v", err)
		}
	}
	_, err := s.Append(t.Context(), fact("c", "thing/2", 0))
	wantCode(t, err, holdfast.Damaged)
}

func second[T any](_ T, err error) error { return err }

func TestWitnessIsKept(t *testing.T) {
	t.Parallel()
	o := postgres.Options{Source: newSource(t), Witness: filepath.Join(t.TempDir(), "journal.head")}
	s := open(t, o)
	mustAppend(t, s, fact("a", "thing/1", 0))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(o.Witness)
	if err != nil || !strings.Contains(string(content), "position=00000000000000000001 hash="+s.Head().Hash.String()) {
		t.Fatalf("the witness is %q, error %v", content, err)
	}
	if err := os.WriteFile(o.Witness, content[1:], 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = postgres.Open(t.Context(), o)
	wantCode(t, err, holdfast.Damaged)
	_, err = postgres.Inspect(t.Context(), o)
	wantCode(t, err, holdfast.Damaged)
	// What a loss of power may leave of the first witness accuses nobody.
	if err := os.WriteFile(o.Witness, make([]byte, len(content)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, o).Close(); err != nil {
		t.Fatal(err)
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	t.Parallel()
	o := postgres.Options{Source: newSource(t)}
	_, err := postgres.Inspect(t.Context(), o)
	wantCode(t, err, holdfast.NotFound)
	if err := open(t, o).Close(); err != nil {
		t.Fatal(err)
	}
	exec(t, session(t, o.Source), `INSERT INTO migration VALUES (1000, 0)`)
	for _, err := range []error{second(postgres.Open(t.Context(), o)), second(postgres.Inspect(t.Context(), o))} {
		if holdfast.CodeOf(err) != holdfast.Unavailable || !strings.Contains(err.Error(), "format 1000") {
			t.Errorf("a database of a newer format: %v", err)
		}
	}
}

func TestExpiredDocumentIsNone(t *testing.T) {
	t.Parallel()
	begin := time.Unix(1000, 0)
	var passed atomic.Int64
	s := open(t, postgres.Options{Source: newSource(t), Now: func() time.Time { return begin.Add(time.Duration(passed.Load())) }})
	put := func(revision holdfast.Revision, expires time.Time) error {
		_, err := s.PutDocument(t.Context(), journal.Document{Key: "k", Revision: revision, Expires: expires})
		return err
	}
	if err := put(0, begin.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, put(0, time.Time{}), holdfast.Conflict)
	passed.Store(int64(time.Second))
	wantCode(t, put(1, time.Time{}), holdfast.Conflict)
	if err := put(0, time.Time{}); err != nil {
		t.Fatal(err)
	}
}
