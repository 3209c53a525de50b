package sqljournal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	sqlite3 "modernc.org/sqlite/lib"

	"holdfast"
	"holdfast/internal/archive"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/database"
)

// view is the database behind the evidence, open for reading.
type view struct {
	reader
	meta
	end func()
}

// look opens the database behind the evidence and compares it with journal.sums
// and journal.head. What does not agree is added to the problems; the view is
// nil if the database is too damaged to be opened. The error is one of reading.
func (e *evidence) look(ctx context.Context) (*view, error) {
	if e.db == nil {
		return nil, nil
	}
	db, end, err := e.image().open(ctx)
	if err != nil {
		return nil, e.unreadable(err)
	}
	v := &view{reader: reader{db: db}, end: end}
	if err = checkFormat(ctx, db); err == nil {
		v.meta, err = v.readMeta(ctx)
	}
	if err == nil {
		e.checkSums(v.meta)
		err = e.checkWitness(ctx, v)
	}
	if err != nil {
		end()
		return nil, e.unreadable(err)
	}
	return v, nil
}

// check completes the evidence for a start: if the files agree so far it looks
// at the database, and where journal.sums or journal.head is missing, at all of
// it. It returns what the database says of itself.
func (e *evidence) check(ctx context.Context) (meta, error) {
	if len(e.problems) > 0 {
		return meta{}, nil
	}
	v, err := e.look(ctx)
	if v == nil {
		return meta{}, err
	}
	defer v.end()
	if len(e.missing) > 0 && len(e.problems) == 0 {
		err = e.checkAll(ctx, v)
	}
	return v.meta, err
}

func (e *evidence) image() *image {
	size := e.size
	if e.scan.commits > 0 {
		size = int64(e.scan.size) * pageSize
	}
	return &image{db: e.db, wal: e.wal, scan: e.scan, size: size}
}

// unreadable makes a problem of damage that SQLite reports, and of tables that
// are not there. Other errors pass.
func (e *evidence) unreadable(err error) error {
	switch {
	case holdfast.CodeOf(failure(context.Background(), "read", err)) == holdfast.Damaged:
		e.problem(fileDB, "%v", err)
	case database.Code(err) == sqlite3.SQLITE_ERROR, errors.Is(err, sql.ErrNoRows):
		e.problem(fileDB, "the file is not a journal: %v", err)
	default:
		return err
	}
	return nil
}

// checkFormat refuses a database that a newer Holdfast made.
func checkFormat(ctx context.Context, db *sql.DB) error {
	var format int
	if err := db.QueryRowContext(ctx, sqlFormat).Scan(&format); err != nil {
		return failure(ctx, "read the format of the journal", err)
	}
	if format > len(migrations) {
		return holdfast.Errorf(holdfast.Unavailable, "%s has format %d, and this Holdfast knows formats up to %d: it was used by a newer one; start that", fileDB, format, len(migrations))
	}
	return nil
}

// checkSums checks that the database is the one the sums were made for, and that
// each commit since is one beat of ours.
func (e *evidence) checkSums(m meta) {
	if e.sums == nil {
		return
	}
	if e.sums.journal != m.head.Journal {
		e.problem(fileSums, "the file belongs to journal %s, but %s holds journal %s", e.sums.journal, fileDB, m.head.Journal)
		return
	}
	want := e.sums.beatWith(e.scan)
	if want != m.beat {
		e.problem(fileWAL, "%s stands at commit %d, but with the commits in %s it would be %d: they are not Holdfast's, or not of this time", fileDB, m.beat, fileWAL, want)
	}
}

// checkWitness checks that all that was acknowledged is there.
func (e *evidence) checkWitness(ctx context.Context, v *view) error {
	if e.witness == nil {
		return nil
	}
	w, m := e.witness.Head, v.meta
	if w.Journal != m.head.Journal || w.Epoch != m.head.Epoch {
		e.problem(fileHead, "the file belongs to journal %s, epoch %d, but %s holds journal %s, epoch %d", w.Journal, w.Epoch, fileDB, m.head.Journal, m.head.Epoch)
		return nil
	}
	if m.beat < e.witness.Beat {
		e.lost(m.beat, e.witness.Beat, fmt.Sprintf("was acknowledged with position %d", w.Position))
		return nil
	}
	stored, err := v.hash(ctx, v.Genesis(), w.Position)
	if err != nil {
		return err
	}
	if stored != w.Hash || m.beat == e.witness.Beat && m.head.Position != w.Position {
		e.problems = append(e.problems, archive.Problem{
			Position: w.Position,
			Where:    fileDB,
			What: fmt.Sprintf("the journal ends at position %d and has hash %s at position %d, but position %d with hash %s was acknowledged",
				m.head.Position, stored, w.Position, w.Position, w.Hash),
		})
	}
	return nil
}

// checkAll does what the missing files would have saved: SQLite's check of its
// structures, the whole chain, every blob.
func (e *evidence) checkAll(ctx context.Context, v *view) error {
	found, err := v.findings(ctx, e.sums == nil)
	if err != nil {
		return e.unreadable(err)
	}
	e.problems = append(e.problems, found.Problems...)
	chain, err := archive.Verify(ctx, v, nil)
	if err != nil {
		return err
	}
	e.problems = append(e.problems, chain.Problems...)
	return nil
}

// Genesis implements archive.Journal.
func (m meta) Genesis() holdfast.Head {
	return holdfast.Head{Journal: m.head.Journal, Epoch: m.head.Epoch, Hash: journal.Genesis(m.head.Journal)}
}

// Head implements archive.Journal.
func (m meta) Head() holdfast.Head { return m.head }

// refusal is the error of a start that found problems. It names the first few;
// the archive's report has them all.
func refusal(dir string, problems []archive.Problem) error {
	const shown = 3
	var lines []string
	for _, p := range problems[:min(shown, len(problems))] {
		lines = append(lines, p.String())
	}
	if more := len(problems) - shown; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return holdfast.Errorf(holdfast.Damaged, "the journal in %s is damaged and was left as it is. %s. "+
		"Copy the directory away first. Then run holdfast archive verify on it to see what is still whole, and restore the last backup; "+
		"docs/formats/journal.md says what to do where only %s or %s is damaged", dir, strings.Join(lines, ". "), fileSums, fileHead)
}
