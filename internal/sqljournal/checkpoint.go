package sqljournal

import (
	"context"
	"errors"
	"fmt"

	sqlite3 "modernc.org/sqlite/lib"

	"holdfast"
	"holdfast/internal/archive"
	"holdfast/internal/sqljournal/database"
)

// measureStep is how many bytes the -wal may grow by between two measurements,
// each of which costs as much as a small append. A request is taken to change
// perRequest bytes of pages.
const (
	measureStep = 1 << 20
	perRequest  = 5 * pageSize
)

// checkpointIfLarge checkpoints when the -wal has grown past its limit.
func (w *writer) checkpointIfLarge(batch []*request) {
	for _, r := range batch {
		w.unmeasured += perRequest + int64(r.Size)
	}
	if w.unmeasured < measureStep {
		return
	}
	w.unmeasured = 0
	var busy, frames, moved int64
	if err := w.statements.frames.QueryRow().Scan(&busy, &frames, &moved); err != nil {
		w.breakOff("measure "+fileWAL, err)
		return
	}
	limit := max(checkpointSize, checkpointShare*4*int64(len(w.sums.pages)), w.postponed)
	size := frames * frameSize
	if size <= limit {
		return
	}
	if err := w.checkpoint(); err != nil {
		// Each attempt may cost every writer the time it waits: let the -wal double.
		w.postponed = 2 * size
		w.store.warn(fmt.Sprintf("the -wal of %s in %s has %d bytes and could not be checkpointed: %v", fileDB, w.store.dir, size, err))
	}
}

var (
	errChecked = errors.New("the journal is being verified")
	errHeld    = errors.New("another program reads the database")
)

// checkpoint moves the commits of the -wal into journal.db and writes the sums
// of what it is then. Readers wait meanwhile. The error says why something is
// left to do; then the -wal stays as it is and a later checkpoint moves it.
func (w *writer) checkpoint() error {
	if broken := w.store.broken.Load(); broken != nil {
		return broken
	}
	if !w.store.checking.TryLock() {
		return errChecked
	}
	defer w.store.checking.Unlock()
	if w.due || !w.dirty {
		return w.writeDueSums()
	}
	w.store.reading.Lock()
	defer w.store.reading.Unlock()
	ctx := context.Background()
	if err := w.letGo(ctx); err != nil {
		return w.breakOff("checkpoint", err)
	}
	var busy, frames, moved int64
	err := w.conn.QueryRowContext(ctx, sqlCheckpoint).Scan(&busy, &frames, &moved)
	switch code := database.Code(err); {
	case err == nil && frames == moved:
		// SQLite may begin the -wal anew at the next commit from here on.
		w.due = true
		err = w.writeDueSums()
	case err == nil:
		err = errHeld
	case code != sqlite3.SQLITE_FULL && code != sqlite3.SQLITE_BUSY:
		return w.breakOff("checkpoint", err)
	}
	if held := w.hold(ctx); held != nil {
		return w.breakOff("checkpoint", held)
	}
	return err
}

// settleSums writes sums that are due, before anything else is written.
func (w *writer) settleSums() error {
	if !w.due {
		return nil
	}
	w.store.checking.Lock()
	defer w.store.checking.Unlock()
	return w.writeDueSums()
}

// writeDueSums is called under the checking lock.
func (w *writer) writeDueSums() error {
	if !w.due {
		return nil
	}
	if err := w.writeSums(); err != nil {
		return fmt.Errorf("write %s: %w", fileSums, err)
	}
	w.due, w.dirty, w.postponed = false, false, 0
	return nil
}

// writeSums brings journal.sums to the state that the -wal's commits give
// journal.db, after they were moved there.
func (w *writer) writeSums() error {
	size, err := fileSize(w.wal)
	if err != nil {
		return err
	}
	scan, err := scanWAL(w.wal, size)
	if err != nil {
		return err
	}
	next, err := w.sums.after(scan, w.wal)
	if err != nil {
		return err
	}
	if next.beat != w.beat {
		return holdfast.Errorf(holdfast.Damaged, "%s holds commits that are not Holdfast's: with them %s stands at commit %d, not %d", fileWAL, fileDB, next.beat, w.beat)
	}
	if err := next.write(w.store.disk, w.store.dir); err != nil {
		return err
	}
	w.sums = next
	return nil
}

// rebuildSums makes the sums anew from journal.db, after a check that did
// without them.
func (w *writer) rebuildSums(ctx context.Context) error {
	var busy, frames, moved int64
	if err := w.conn.QueryRowContext(ctx, sqlCheckpoint).Scan(&busy, &frames, &moved); err != nil {
		return err
	}
	if frames != moved {
		return fmt.Errorf("another program holds back the checkpoint of %s", fileWAL)
	}
	size, err := fileSize(w.file)
	if err != nil {
		return err
	}
	pages, err := sumPages(w.file, size)
	if err != nil {
		return err
	}
	if size, err = fileSize(w.wal); err != nil {
		return err
	}
	scan, err := scanWAL(w.wal, size)
	if err != nil {
		return err
	}
	w.sums = sums{journal: w.store.genesis.Journal, beat: w.beat, salts: scan.salts, commits: scan.commits, pages: pages}
	return w.sums.write(w.store.disk, w.store.dir)
}

// finish is the last work of the writer: it leaves everything in journal.db and
// the -wal empty. A journal that nothing was written to stays as it was found.
func (w *writer) finish() error {
	if broken := w.store.broken.Load(); broken != nil {
		return broken
	}
	if !w.written {
		return nil
	}
	if err := w.checkpoint(); err != nil {
		return err
	}
	if err := w.store.disk.Sync(w.headFile); err != nil {
		return err
	}
	ctx := context.Background()
	if err := w.letGo(ctx); err != nil {
		return err
	}
	var busy, frames, moved int64
	return w.conn.QueryRowContext(ctx, sqlTruncate).Scan(&busy, &frames, &moved)
}

// checkFiles checks the pages of journal.db and the commits of the -wal while
// they are in use. The caller holds the checking lock, so no checkpoint is under
// way.
func (w *writer) checkFiles() ([]archive.Problem, error) {
	beat := w.store.Beat()
	if w.due {
		return nil, fmt.Errorf("%s is due to be written", fileSums)
	}
	e := evidence{db: w.file, wal: w.wal, sums: &w.sums}
	var err error
	if e.size, err = fileSize(w.file); err != nil {
		return nil, err
	}
	if e.scan, err = w.scanLive(); err != nil {
		return nil, err
	}
	if err := e.checkPages(nil); err != nil {
		return nil, err
	}
	if stands := w.sums.beatWith(e.scan); stands < beat {
		e.problem(e.scan.stopped(), "the file holds commits up to %d, but commit %d was acknowledged", stands, beat)
	}
	return e.problems, nil
}

// scanLive scans the -wal while commits are made. The caller holds the checking
// lock. The first commit after a checkpoint begins the file anew, header first: a
// scan that meets the old header and new frames is made again.
func (w *writer) scanLive() (scan walScan, err error) {
	for range 2 {
		size, err := fileSize(w.wal)
		if err != nil {
			return scan, err
		}
		if scan, err = scanWAL(w.wal, size); err != nil {
			return scan, err
		}
		if scan.salts != w.sums.salts || scan.commits >= w.sums.commits {
			break
		}
	}
	return scan, nil
}
