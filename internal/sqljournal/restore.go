package sqljournal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"holdfast"
	"holdfast/internal/archive"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/commit"
	"holdfast/internal/sqljournal/database"
)

// Target is a data directory that a snapshot is about to be restored into. No
// other process uses it meanwhile.
type Target struct {
	dir      string
	disk     commit.Disk
	lock     *os.File
	heads    []holdfast.Head
	fresh    bool
	problems []archive.Problem
}

// OpenTarget locks a data directory, made if it is not there, and looks what
// journal it holds, as far as that can be read.
func OpenTarget(ctx context.Context, dir string) (*Target, error) {
	return openTarget(ctx, dir, commit.OS{})
}

func openTarget(ctx context.Context, dir string, disk commit.Disk) (_ *Target, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	t := &Target{dir: dir, disk: disk}
	if t.lock, err = commit.Lock(filepath.Join(dir, fileLock)); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			t.lock.Close()
		}
	}()
	if t.fresh, err = isFresh(dir); err != nil || t.fresh {
		return t, err
	}
	e, err := examine(dir)
	if err != nil {
		return nil, err
	}
	defer e.close()
	if e.witness != nil {
		t.heads = append(t.heads, e.witness.Head)
	}
	v, err := e.look(ctx)
	if err != nil {
		return nil, err
	}
	if v != nil {
		defer v.end()
		t.heads = append(t.heads, v.Head())
	}
	t.problems = e.problems
	return t, nil
}

// Close gives the directory free.
func (t *Target) Close() error { return t.lock.Close() }

// Fresh reports whether no journal was ever there.
func (t *Target) Fresh() bool { return t.fresh }

// Heads are the heads the directory tells of: that of its witness and that of
// its database. None can be read where both are damaged.
func (t *Target) Heads() []holdfast.Head { return t.heads }

// Sound reports whether the files there agree with each other.
func (t *Target) Sound() bool { return len(t.problems) == 0 && !t.fresh }

// Restoration says how a snapshot becomes a journal.
type Restoration struct {
	From io.ReaderAt
	Size int64
	// Cut is the last position to keep; it must end an append.
	Cut holdfast.Position
	// Epoch is the new one. It must be above the snapshot's.
	Epoch uint32
	// Drop names the documents to leave out, by the beginnings of their keys.
	Drop []string
	// First is appended as the first facts of the new epoch.
	First journal.Append
	// Aside is the name of a new directory, in the target's, that keeps the files
	// that were there.
	Aside string
	Now   time.Time
}

// fileStage is the directory in which the new journal is made.
const fileStage = "restore.new"

// Restore makes the journal of a snapshot in a directory of its own inside the
// target, verifies its whole chain, and only then puts it in the place of what
// is there. Until the last file is in place a start either finds the old journal
// as it was or refuses the directory; then restoring again helps. It returns the
// new head.
func (t *Target) Restore(ctx context.Context, r Restoration) (_ holdfast.Head, err error) {
	stage := filepath.Join(t.dir, fileStage)
	if err := os.RemoveAll(stage); err != nil {
		return holdfast.Head{}, err
	}
	if err := os.Mkdir(stage, 0o700); err != nil {
		return holdfast.Head{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
	path := filepath.Join(stage, fileDB)
	if err := copyTo(ctx, t.disk, path, io.NewSectionReader(r.From, 0, r.Size)); err != nil {
		return holdfast.Head{}, err
	}
	if err := r.rewrite(ctx, path); err != nil {
		return holdfast.Head{}, fmt.Errorf("begin epoch %d: %w", r.Epoch, err)
	}
	m, err := r.finish(ctx, t.disk, stage)
	if err != nil {
		return holdfast.Head{}, err
	}
	if err := t.keepAside(r.Aside); err != nil {
		return holdfast.Head{}, fmt.Errorf("keep the files that are there: %w", err)
	}
	return m.head, t.place(stage)
}

func copyTo(ctx context.Context, disk commit.Disk, path string, from io.Reader) error {
	f, err := disk.Open(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY)
	if err != nil {
		return err
	}
	_, err = io.Copy(&onDisk{disk: disk, file: f}, withContext{ctx, from})
	return errors.Join(err, disk.Sync(f), f.Close())
}

// onDisk writes a file from its beginning on.
type onDisk struct {
	disk commit.Disk
	file *os.File
	at   int64
}

func (w *onDisk) Write(b []byte) (int, error) {
	if err := w.disk.Write(w.file, b, w.at); err != nil {
		return 0, err
	}
	w.at += int64(len(b))
	return len(b), nil
}

// withContext is a reader that ends with its context.
type withContext struct {
	ctx context.Context
	io.Reader
}

func (r withContext) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}

// rewrite cuts the copy, raises its epoch and appends the first facts of it, in
// one transaction.
func (r Restoration) rewrite(ctx context.Context, path string) (err error) {
	db, err := sql.Open("sqlite", database.DSN(path, "rw", "journal_mode(wal)"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var format int
	if err := tx.QueryRowContext(ctx, sqlFormat).Scan(&format); err != nil {
		return err
	}
	if err := migrate(ctx, tx, format, r.Now); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, sqlCut, int64(r.Cut)); err != nil {
		return err
	}
	for _, prefix := range r.Drop {
		if _, err := tx.ExecContext(ctx, sqlDropDocuments, prefix, prefix+"\xf4\x8f\xbf\xbf"); err != nil {
			return err
		}
	}
	if err := r.begin(ctx, tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	var busy, frames, moved int64
	return db.QueryRowContext(ctx, sqlTruncate).Scan(&busy, &frames, &moved)
}

// begin writes the new epoch and its first facts.
func (r Restoration) begin(ctx context.Context, tx *sql.Tx) error {
	var head holdfast.Head
	var beat uint64
	if err := tx.QueryRowContext(ctx, sqlMeta).Scan(&head.Journal, &head.Epoch, &beat); err != nil {
		return err
	}
	if r.Epoch <= head.Epoch {
		return holdfast.Errorf(holdfast.Invalid, "the journal is in epoch %d already: a restored one begins a later epoch", head.Epoch)
	}
	var hash []byte
	err := tx.QueryRowContext(ctx, sqlLast).Scan(&head.Position, &hash)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		head.Hash = journal.Genesis(head.Journal)
	case err != nil:
		return err
	default:
		copy(head.Hash[:], hash)
	}
	if head.Position != r.Cut {
		return holdfast.Errorf(holdfast.Invalid, "the backup ends at position %d, before position %d", head.Position, r.Cut)
	}
	if err := journal.Check(r.First); err != nil {
		return err
	}
	var read error
	err = journal.Expect(r.First, func(s holdfast.Subject) holdfast.Revision {
		var revision sql.Null[int64]
		read = errors.Join(read, tx.QueryRowContext(ctx, sqlRevision, string(s)).Scan(&revision))
		return holdfast.Revision(revision.V)
	})
	if err = errors.Join(read, err); err != nil {
		return err
	}
	facts, _ := journal.Seal(head, r.First)
	actor, err := json.Marshal(r.First.Actor)
	if err != nil {
		return err
	}
	for _, f := range facts {
		if _, err := tx.ExecContext(ctx, sqlFact, int64(f.Position), f.Append, string(f.Subject), int64(f.Revision), f.Kind,
			string(actor), f.Time.UnixMicro(), f.BodyHash[:], f.Hash[:], []byte(f.Body)); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, sqlNewEpoch, r.Epoch, beat+1)
	return err
}

// finish verifies the new journal as a start and an examiner would, and writes
// its sums and its witness.
func (r Restoration) finish(ctx context.Context, disk commit.Disk, stage string) (m meta, err error) {
	e, err := examine(stage)
	if err != nil {
		return m, err
	}
	defer e.close()
	if m, err = e.check(ctx); err != nil { // sums and witness are missing, so everything is checked
		return m, err
	}
	if len(e.problems) > 0 {
		return m, holdfast.Errorf(holdfast.Damaged, "the restored journal is not sound, and nothing was replaced: %s", e.problems[0])
	}
	pages, err := sumPages(e.db, e.size)
	if err != nil {
		return m, err
	}
	if err := (sums{journal: m.head.Journal, beat: m.beat, pages: pages}).write(disk, stage); err != nil {
		return m, err
	}
	if err := commit.ReplaceFile(disk, filepath.Join(stage, fileHead), commit.Witness{Head: m.head, Beat: m.beat}.Encode()); err != nil {
		return m, err
	}
	return m, errors.Join(disk.Sync(e.db), commit.SyncDir(disk, stage))
}

// keepAside gives every file of the present journal a second name in a directory
// of its own.
func (t *Target) keepAside(name string) error {
	if t.fresh {
		return nil
	}
	aside := filepath.Join(t.dir, name)
	if err := os.Mkdir(aside, 0o700); err != nil {
		return err
	}
	for _, name := range []string{fileDB, fileWAL, fileSums, fileHead, fileRollback} {
		err := t.disk.Link(filepath.Join(t.dir, name), filepath.Join(aside, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return errors.Join(commit.SyncDir(t.disk, aside), commit.SyncDir(t.disk, t.dir))
}

// place puts the new files where the old ones are. The witness comes last: with
// the old one no start takes the new database.
func (t *Target) place(stage string) error {
	for _, name := range []string{fileWAL, fileDB + "-shm", fileRollback} {
		if err := t.disk.Remove(filepath.Join(t.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, name := range []string{fileDB, fileSums, fileHead} {
		if err := t.disk.Rename(filepath.Join(stage, name), filepath.Join(t.dir, name)); err != nil {
			return err
		}
		if err := commit.SyncDir(t.disk, t.dir); err != nil {
			return err
		}
	}
	return nil
}
