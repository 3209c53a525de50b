package sqljournal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"holdfast"
	"holdfast/internal/sqljournal/commit"
	"holdfast/internal/sqljournal/database"
)

func (w *writer) connect(ctx context.Context, path string, undo *cleanups) error {
	db, err := sql.Open("sqlite", database.DSN(path, "rw", "busy_timeout(200)", "cache_size(-65536)", fmt.Sprintf("journal_size_limit(%d)", walLimit)))
	if err != nil {
		return err
	}
	undo.add(db.Close)
	db.SetMaxOpenConns(1)
	if w.conn, err = db.Conn(ctx); err != nil {
		return err
	}
	undo.add(w.conn.Close)
	w.commit = func(ctx context.Context) error {
		_, err := w.conn.ExecContext(ctx, sqlCommit)
		return err
	}
	return nil
}

// start brings the files to the state in which writing may begin.
func (w *writer) start(ctx context.Context, m meta, e *evidence, undo *cleanups) error {
	now, err := reader{db: w.store.db}.readMeta(ctx)
	if err != nil {
		return err
	}
	if now != m {
		// The index of the -wal that the other program keeps alive is behind the -wal.
		return holdfast.Errorf(holdfast.Unavailable, "another program has %s open and reads commit %d where commit %d is stored; end that program and start again", fileDB, now.beat, m.beat)
	}
	w.beat = m.beat
	if err := w.openFiles(e, undo); err != nil {
		return err
	}
	if err := w.migrate(ctx); err != nil {
		return err
	}
	if err := w.prepare(ctx, undo); err != nil {
		return err
	}
	if e.sums != nil {
		w.sums = *e.sums
	} else if err := w.rebuildSums(ctx); err != nil {
		return err
	}
	if w.beat != m.beat {
		if err := w.writeHead(w.store.Head()); err != nil {
			return err
		}
		if err := w.store.disk.Sync(w.headFile); err != nil {
			return err
		}
	}
	return w.hold(ctx)
}

// openFiles opens the -wal and the witness, and first syncs what a killed
// process may have left in memory only: what is read from now on must outlast a
// loss of power. A missing witness is made whole, so that no loss of power leaves
// an empty one.
func (w *writer) openFiles(e *evidence, undo *cleanups) error {
	disk, dir := w.store.disk, w.store.dir
	var err error
	if w.wal, err = os.Open(filepath.Join(dir, fileWAL)); err != nil {
		return err
	}
	undo.add(w.wal.Close)
	if err := errors.Join(disk.Sync(w.wal), disk.Sync(w.file), commit.SyncDir(disk, dir)); err != nil {
		return err
	}
	path := filepath.Join(dir, fileHead)
	if e.witness == nil {
		if err := commit.ReplaceFile(disk, path, commit.Witness{Head: w.store.Head(), Beat: w.beat}.Encode()); err != nil {
			return err
		}
	}
	if w.headFile, err = disk.Open(path, os.O_RDWR); err != nil {
		return err
	}
	undo.add(w.headFile.Close)
	return disk.Sync(w.headFile)
}

// migrate brings an older database to the newest format, as one commit.
func (w *writer) migrate(ctx context.Context) error {
	var format int
	if err := w.conn.QueryRowContext(ctx, sqlFormat).Scan(&format); err != nil {
		return err
	}
	if format == len(migrations) {
		return nil
	}
	if _, err := w.conn.ExecContext(ctx, sqlBegin); err != nil {
		return err
	}
	err := migrate(ctx, w.conn, format, w.store.now())
	if err == nil {
		_, err = w.conn.ExecContext(ctx, sqlBeat, w.beat+1)
	}
	if err == nil {
		err = w.commit(ctx)
	}
	if err != nil {
		w.conn.ExecContext(ctx, sqlRollback)
		return fmt.Errorf("migrate %s: %w", fileDB, err)
	}
	w.committed()
	return nil
}

func (w *writer) committed() {
	w.beat++
	w.written, w.dirty = true, true
}

// prepare prepares the statements. A connection lives on until the last of its
// statements is closed, so they are closed first.
func (w *writer) prepare(ctx context.Context, undo *cleanups) error {
	s := &w.statements
	for _, p := range []struct {
		to    **sql.Stmt
		query string
	}{
		{&s.beat, sqlBeat}, {&s.fact, sqlFact}, {&s.revisions, sqlRevisions}, {&s.appends, sqlAppends},
		{&s.document, sqlDocument}, {&s.putDocument, sqlPutDocument}, {&s.deleteDocument, sqlDeleteDocument},
		{&s.deleteExpired, sqlDeleteExpired}, {&s.putBlob, sqlPutBlob}, {&s.frames, sqlFrames},
	} {
		var err error
		if *p.to, err = w.conn.PrepareContext(ctx, p.query); err != nil {
			return err
		}
		undo.add((*p.to).Close)
	}
	r := &w.store.reader
	var err error
	if r.facts, err = r.db.PrepareContext(ctx, sqlFacts); err != nil {
		return err
	}
	undo.add(r.facts.Close)
	return nil
}
