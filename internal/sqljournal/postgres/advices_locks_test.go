package postgres_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"holdfast"
	"holdfast/internal/standin/advice"
)

// blocked returns whom the one busy session of an application waits for, once it waits for
// somebody other than before.
func blocked(t *testing.T, watcher *pgx.Conn, application string, before uint32) (by uint32) {
	t.Helper()
	for by == 0 || by == before {
		var pids []uint32
		err := watcher.QueryRow(t.Context(), `SELECT pg_blocking_pids(pid)::oid[] FROM pg_stat_activity
			WHERE application_name = $1 UNION ALL SELECT '{}' LIMIT 1`, application).Scan(&pids)
		if err != nil {
			t.Fatal(err)
		}
		if len(pids) > 0 {
			by = pids[0]
		}
	}
	return by
}

// An append whose packs are judged one by one takes all names before that, the lowest
// first, and nobody gets one of them before it has ended: so no two appends wait for
// each other. Its packs bring the names in the opposite order.
func TestAdvicesTakeNamesInOrder(t *testing.T) {
	source := newSource(t)
	a := openAdvices(t, source+" application_name=ordered")
	first := advice.Pack{Shard: 0, ID: "first", Body: []byte("x")}
	if results, err := a.Append(t.Context(), []advice.Pack{first}); err != nil || results[0] != nil {
		t.Fatal(results, err)
	}
	packs := []advice.Pack{
		first, // again, so that nothing is written at once, and the row of meta is
		{Shard: 1, ID: "b", Body: []byte("x"), Names: []uint64{9}},
		{Shard: 2, ID: "c", Body: []byte("x"), Names: []uint64{1}},
	}
	watcher, low, beat := session(t, source), session(t, source), session(t, source)
	exec(t, low, `BEGIN`, `INSERT INTO advice_name VALUES (1, 3)`)
	exec(t, beat, `BEGIN`, `SELECT FROM advice_meta FOR UPDATE`)
	type answer struct {
		results []error
		err     error
	}
	answered := make(chan answer, 1)
	go func() {
		results, err := a.Append(t.Context(), packs)
		answered <- answer{results, err}
	}()
	if by := blocked(t, watcher, "ordered", 0); by != low.PgConn().PID() {
		t.Fatalf("it waits for session %d first, not for the lowest name", by)
	}
	exec(t, low, `INSERT INTO advice_name VALUES (9, 3)`, `ROLLBACK`)
	if by := blocked(t, watcher, "ordered", low.PgConn().PID()); by != beat.PgConn().PID() {
		t.Fatalf("it waits for session %d next, not for the row of meta", by)
	}
	exec(t, watcher, `SET lock_timeout = '50ms'`)
	for _, name := range []int{1, 9} {
		_, err := watcher.Exec(t.Context(), `INSERT INTO advice_name VALUES ($1, 3) ON CONFLICT DO NOTHING`, name)
		var stated *pgconn.PgError
		if !errors.As(err, &stated) || stated.Code != "55P03" {
			t.Errorf("name %d was not waited for: %v", name, err)
		}
	}
	exec(t, beat, `ROLLBACK`)
	got := <-answered
	if err := errors.Join(append(got.results, got.err)...); err != nil {
		t.Fatal(err)
	}
	for name, shard := range map[uint64]int{1: 2, 9: 1} {
		if owner, there, err := a.Owner(t.Context(), name); err != nil || !there || owner != shard {
			t.Errorf("name %d belongs to %d (%v, %v), not %d", name, owner, there, err, shard)
		}
	}
}

// What the server undoes because of a deadlock is begun anew, and refused only if that
// happens again and again; then nothing of it is there.
func TestAdvicesAfterDeadlocks(t *testing.T) {
	for deadlocks, code := range map[int]holdfast.Code{1: "", 5: "", 6: holdfast.Unavailable} {
		t.Run(fmt.Sprint(deadlocks), func(t *testing.T) {
			source := newSource(t)
			a := openAdvices(t, source)
			conn := session(t, source)
			exec(t, conn, `CREATE SEQUENCE tries`, fmt.Sprintf(`CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
				IF nextval('tries') <= %d THEN
					RAISE EXCEPTION 'two wait for each other' USING ERRCODE = 'deadlock_detected';
				END IF;
				RETURN NULL;
			END $$`, deadlocks), `CREATE TRIGGER undo AFTER INSERT ON advice_pack FOR EACH STATEMENT EXECUTE FUNCTION undo()`)
			results, err := a.Append(t.Context(), []advice.Pack{{ID: "a", Body: []byte("x"), Names: []uint64{1}}})
			if code != "" {
				wantCode(t, err, code)
			} else if err = errors.Join(append(results, err)...); err != nil {
				t.Fatal(err)
			}
			revision, _, err := a.Head(t.Context(), 0)
			if err != nil || (revision == 1) != (code == "") {
				t.Errorf("the shard is at %d, error %v", revision, err)
			}
			if _, there, err := a.Owner(t.Context(), 1); err != nil || there != (code == "") {
				t.Errorf("the name is there: %v, error %v", there, err)
			}
		})
	}
}
