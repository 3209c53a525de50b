package sqljournal

import (
	"context"
	"database/sql"
	"os"
	"time"

	"holdfast"
	"holdfast/internal/sqljournal/commit"
	"holdfast/internal/sqljournal/database"
)

const (
	// maxWaiting bounds the calls that wait to be taken; more wait outside, until
	// their contexts end.
	maxWaiting = 1024
	// maxBatch and maxBatchBytes bound one transaction.
	maxBatch      = 1024
	maxBatchBytes = 16 << 20
	// idleTicks is after how many seconds without a commit the -wal is
	// checkpointed, purgeTicks how often, in seconds, expired documents are
	// removed.
	idleTicks  = 5
	purgeTicks = 60
)

// writer is what only the writing goroutine uses.
type writer struct {
	store       *Store
	requests    chan *request
	checkpoints chan chan error // asks for a checkpoint
	conn        *sql.Conn
	statements  statements
	beat        uint64
	file        *os.File // journal.db, for reading; see open
	wal         *os.File
	headFile    *os.File
	release     cleanups

	// guard is a reading connection with an open transaction. While that is open
	// no program, however it got at the files, can move pages from the -wal into
	// journal.db; it ends only while this process does so itself.
	guard *sql.Conn

	// sums and due belong to whoever holds the store's checking lock.
	sums sums
	// due means that journal.db was changed and journal.sums is not yet: nothing
	// may be committed before it is.
	due bool
	// written means that this process committed something, dirty that it did so
	// after the last checkpoint. A journal that was only read is closed as it was
	// found.
	written, dirty bool
	unmeasured     int64 // bytes the -wal may have grown by since it was measured
	postponed      int64 // size of the -wal at which to try a checkpoint again
	unsynced       bool  // journal.head
	idle           int   // seconds since the last commit
	commit         func(context.Context) error
}

// statements are those of the writing connection, prepared.
type statements struct {
	beat, fact, revisions, appends        *sql.Stmt
	document, putDocument, deleteDocument *sql.Stmt
	deleteExpired, putBlob, frames        *sql.Stmt
}

// hold opens the guard's transaction; letGo ends it.
func (w *writer) hold(ctx context.Context) error {
	if _, err := w.guard.ExecContext(ctx, `BEGIN`); err != nil {
		return err
	}
	var m meta
	return w.guard.QueryRowContext(ctx, sqlMeta).Scan(&m.head.Journal, &m.head.Epoch, &m.beat)
}

func (w *writer) letGo(ctx context.Context) error {
	_, err := w.guard.ExecContext(ctx, sqlRollback)
	return err
}

// write is the writing goroutine. It ends when the store closes, after the
// transaction it is in.
func (s *Store) write() {
	defer close(s.stopped)
	w := s.writer
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for n := 1; ; {
		select {
		case r := <-w.requests:
			batch := commit.Collect(w.requests, r, maxBatch, maxBatchBytes)
			w.serve(batch)
			w.idle = 0
			w.checkpointIfLarge(batch)
		case answer := <-w.checkpoints:
			answer <- w.checkpoint()
		case <-ticks.C:
			w.tick(n)
			n++
		case <-s.closing:
			return
		}
	}
}

// tick does what time asks for.
func (w *writer) tick(n int) {
	if w.unsynced {
		if err := w.store.disk.Sync(w.headFile); err != nil {
			w.breakOff("sync "+fileHead, err)
		}
		w.unsynced = false
	}
	if n%purgeTicks == 0 {
		r := purge()
		r.Ready()
		w.serve([]*request{r})
	}
	if w.idle++; w.idle >= idleTicks && w.dirty {
		if err := w.checkpoint(); err != nil {
			w.idle = 0 // try again after as long
		}
	}
}

// serve carries out a batch in one transaction and answers each request.
func (w *writer) serve(batch []*request) {
	live := make([]*request, 0, len(batch))
	for _, r := range batch {
		if r.Begin() {
			live = append(live, r)
		}
	}
	if len(live) == 0 {
		return
	}
	// A begun transaction is never cancelled: see the contract of Append.
	err := w.transact(context.Background(), live)
	for _, r := range live {
		if err != nil {
			r.answer = err // its own rested on a transaction that was not
		}
		r.Answer(r.answer)
	}
}

// transact runs one transaction. Its error answers every request of it.
func (w *writer) transact(ctx context.Context, batch []*request) error {
	if broken := w.store.broken.Load(); broken != nil {
		return broken
	}
	if err := w.settleSums(); err != nil {
		return failure(ctx, "write", err)
	}
	if _, err := w.conn.ExecContext(ctx, sqlBegin); err != nil {
		return failure(ctx, "begin a transaction", err)
	}
	tx := &transaction{ctx: ctx, st: &w.statements, head: w.store.Head(), now: w.store.now()}
	tx.lookUp(batch)
	for _, r := range batch {
		if r.answer = r.apply(tx); tx.err != nil {
			break
		}
	}
	if tx.err == nil && tx.dirty {
		tx.exec(w.statements.beat, w.beat+1)
	}
	if tx.err != nil || !tx.dirty {
		return w.rollback(ctx, tx.err)
	}
	if err := w.commit(ctx); err != nil {
		return w.settle(ctx, err)
	}
	w.committed()
	if err := w.writeHead(tx.head); err != nil {
		w.breakOff("write "+fileHead, err)
		return holdfast.Errorf(holdfast.Doubtful, "the journal cannot write its witness; repeating the request after a restart settles whether it was done").Because(err)
	}
	w.store.Publish(tx.head, w.beat)
	return nil
}

// rollback ends a transaction that wrote nothing or failed with cause.
func (w *writer) rollback(ctx context.Context, cause error) error {
	if _, err := w.conn.ExecContext(ctx, sqlRollback); err != nil && cause == nil {
		cause = err
		w.breakOff("roll back", err)
	}
	if cause != nil {
		return failure(ctx, "write", cause)
	}
	return nil
}

// settle finds out what became of a commit that answered with an error. If it is
// not certain that it was not made, nothing more is written until a start has read
// everything again.
func (w *writer) settle(ctx context.Context, cause error) error {
	undone := database.Undone(ctx, w.conn, cause, func() bool {
		var m meta
		err := w.conn.QueryRowContext(ctx, sqlMeta).Scan(&m.head.Journal, &m.head.Epoch, &m.beat)
		return err == nil && m.beat == w.beat
	})
	if undone {
		return failure(ctx, "commit", cause)
	}
	w.breakOff("commit", cause)
	return holdfast.Errorf(holdfast.Doubtful, "the commit failed and it is not known whether it was made; repeating the request after a restart settles it").Because(cause)
}

// breakOff ends all writing and returns why.
func (w *writer) breakOff(act string, cause error) error {
	err := holdfast.Errorf(holdfast.Unavailable, "the journal in %s writes nothing more, because it could not %s; mend the disk and restart Holdfast", w.store.dir, act).Because(cause)
	if w.store.broken.CompareAndSwap(nil, err) {
		w.store.warn(err.Error())
	}
	return err
}

func (w *writer) writeHead(head holdfast.Head) error {
	w.unsynced = true
	return w.store.disk.Write(w.headFile, commit.Witness{Head: head, Beat: w.beat}.Encode(), 0)
}
