package advices

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"holdfast"
	"holdfast/internal/sqljournal/commit"
	"holdfast/internal/sqljournal/database"
	"holdfast/internal/standin/advice"
)

const (
	// maxWaiting bounds the calls that wait to be taken; more wait outside, until
	// their contexts end.
	maxWaiting = 1024
	// maxBatch and maxBatchBytes bound one transaction.
	maxBatch      = 1024
	maxBatchBytes = 16 << 20
	// checkpointEvery is after how many written bytes the -wal is checkpointed, if
	// nothing else is said.
	checkpointEvery = 64 << 20
	// packPages is about how many bytes of pages the -wal takes for a pack beside its
	// body: one of 4 KiB and a part.
	packPages = 6 << 10
)

// request is a call that waits for the writing goroutine.
type request struct {
	commit.Call
	answer error
	// apply writes to the transaction. What it returns answers this request alone.
	apply func(*transaction) error
}

// transaction is one commit in the making. Requests are applied to it one after
// the other, and each sees what those before it wrote. An error of SQL, kept in
// err, undoes them all.
type transaction struct {
	*Source
	ctx    context.Context
	shards map[int]state // those that the transaction moves
	named  []uint64      // names that stand in the source already, and go if it is undone
	freed  []uint64
	size   int
	dirty  bool
	err    error
}

func (tx *transaction) exec(query string, args ...any) {
	if tx.err == nil {
		_, tx.err = tx.conn.ExecContext(tx.ctx, query, args...)
	}
	tx.dirty = true
}

// state is where a shard stands in the transaction.
func (tx *transaction) state(shard int) state {
	if st, moved := tx.shards[shard]; moved {
		return st
	}
	return tx.Source.shards[shard]
}

// append applies one pack.
func (tx *transaction) append(p advice.Pack) error {
	st := tx.state(p.Shard)
	if st.revision != p.Expect {
		if st.revision > p.Expect && p.Expect >= st.cut && tx.holds(p) {
			return nil
		}
		return &advice.Moved{Shard: p.Shard, Expect: p.Expect, Actual: st.revision}
	}
	names := make([]byte, 0, 8*len(p.Names))
	for _, n := range p.Names {
		by, taken := tx.names[n]
		if taken && by != p.Shard {
			return &advice.Taken{Name: n, By: by}
		}
		if !taken {
			names = binary.BigEndian.AppendUint64(names, n)
		}
	}
	tx.name(p.Shard, names)
	st.revision, st.chain = p.Revision(), advice.Link(st.chain, p)
	tx.insert(p, st, names)
	tx.shards[p.Shard], tx.dirty = st, true
	tx.size += len(p.Body) + len(names) + packPages
	return nil
}

// name says at once whose names are: those who ask for the owner meanwhile find a shard
// that will tell them once it is durable.
func (tx *transaction) name(shard int, names []byte) {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	for ; len(names) > 0; names = names[8:] {
		n := binary.BigEndian.Uint64(names)
		tx.names[n] = shard
		tx.named = append(tx.named, n)
	}
}

// undo takes back what the transaction has said before it was made.
func (tx *transaction) undo() {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	for _, n := range tx.named {
		delete(tx.names, n)
	}
}

func (tx *transaction) insert(p advice.Pack, st state, names []byte) {
	if tx.err != nil {
		return
	}
	insert, err := tx.Source.insert(tx.ctx, p.Shard)
	if err == nil {
		_, err = insert.ExecContext(tx.ctx, key(p.Shard, st.revision), p.ID, st.chain[:], names, p.Body)
	}
	tx.err = err
}

// holds reports whether the pack is stored already.
func (tx *transaction) holds(p advice.Pack) bool {
	var id string
	err := tx.conn.QueryRowContext(tx.ctx, ofShard(sqlPackID, p.Shard), key(p.Shard, p.Revision())).Scan(&id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		tx.err = err
	}
	return err == nil && id == p.ID
}

// write is the writing goroutine. It ends when the source closes, after the
// transaction it is in.
func (s *Source) write() {
	defer close(s.stopped)
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	unsynced, written := false, 0
	for {
		select {
		case r := <-s.requests:
			written += s.serve(commit.Collect(s.requests, r, maxBatch, maxBatchBytes))
			unsynced = true
			if written >= s.checkpointEvery {
				written = 0
				s.checkpoint()
			}
		case <-ticks.C:
			if unsynced {
				unsynced = false
				if err := s.disk.Sync(s.head); err != nil {
					s.breakOff("sync "+fileHead, err)
				}
			}
		case <-s.closing:
			return
		}
	}
}

// serve carries out a batch in one transaction, answers each request, and returns
// about how many bytes were written.
func (s *Source) serve(batch []*request) int {
	live := make([]*request, 0, len(batch))
	for _, r := range batch {
		if r.Begin() {
			live = append(live, r)
		}
	}
	if len(live) == 0 {
		return 0
	}
	// A begun transaction is never cancelled: see the contract of Append.
	size, err := s.transact(context.Background(), live)
	for _, r := range live {
		if err != nil {
			r.answer = err // its own rested on a transaction that was not
		}
		r.Answer(r.answer)
	}
	return size
}

// transact runs one transaction. Its error answers every request of it.
func (s *Source) transact(ctx context.Context, batch []*request) (int, error) {
	if broken := s.broken.Load(); broken != nil {
		return 0, broken
	}
	if _, err := s.begin.ExecContext(ctx); err != nil {
		return 0, failure(ctx, "begin a transaction", err)
	}
	tx := &transaction{Source: s, ctx: ctx, shards: map[int]state{}}
	for _, r := range batch {
		if r.answer = r.apply(tx); tx.err != nil {
			break
		}
	}
	if tx.err == nil && tx.dirty {
		_, tx.err = s.raise.ExecContext(ctx, s.beat+1)
	}
	if tx.err != nil || !tx.dirty {
		tx.undo()
		return 0, s.rollback(ctx, tx.err)
	}
	if _, err := s.end.ExecContext(ctx); err != nil {
		tx.undo()
		return 0, s.settle(ctx, err)
	}
	s.committed(tx)
	w := commit.Witness{Head: holdfast.Head{Journal: s.id, Epoch: 1, Position: holdfast.Position(s.beat), Hash: sum(s.shards)}, Beat: s.beat}
	if err := s.disk.Write(s.head, w.Encode(), 0); err != nil {
		s.breakOff("write "+fileHead, err)
		return 0, doubtful(err)
	}
	return tx.size, nil
}

// committed takes over what a transaction changed.
func (s *Source) committed(tx *transaction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beat++
	for shard, st := range tx.shards {
		s.shards[shard] = st
	}
	for _, name := range tx.freed {
		delete(s.names, name)
	}
}

// rollback ends a transaction that wrote nothing or failed with cause.
func (s *Source) rollback(ctx context.Context, cause error) error {
	if _, err := s.conn.ExecContext(ctx, sqlRollback); err != nil && cause == nil {
		cause = err
		s.breakOff("roll back", err)
	}
	if cause != nil {
		return failure(ctx, "write", cause)
	}
	return nil
}

// settle finds out what became of a commit that answered with an error. If it is
// not certain that it was not made, nothing more is written until a start has read
// everything again.
func (s *Source) settle(ctx context.Context, cause error) error {
	undone := database.Undone(ctx, s.conn, cause, func() bool {
		var id string
		var shards int
		var beat uint64
		err := s.conn.QueryRowContext(ctx, sqlMeta).Scan(&id, &shards, &beat)
		return err == nil && beat == s.beat
	})
	if undone {
		return failure(ctx, "commit", cause)
	}
	s.breakOff("commit", cause)
	return doubtful(cause)
}

func doubtful(cause error) error {
	return holdfast.Errorf(holdfast.Doubtful, "it is not known whether the advices were written; repeating the request after a restart settles it").Because(cause)
}

// breakOff ends all writing.
func (s *Source) breakOff(act string, cause error) {
	err := holdfast.Errorf(holdfast.Unavailable, "the advice source in %s writes nothing more, because it could not %s; mend the disk and restart the gate", s.dir, act).Because(cause)
	if s.broken.CompareAndSwap(nil, err) {
		s.warn(err.Error())
	}
}

// checkpoint moves the -wal into the database. What a reader holds back is moved
// by a later one.
func (s *Source) checkpoint() {
	var busy, frames, moved int64
	if err := s.conn.QueryRowContext(context.Background(), sqlCheckpoint).Scan(&busy, &frames, &moved); err != nil {
		s.breakOff("move the -wal into "+fileDB, err)
	}
}

// failure gives an error of SQLite its code. An error that has one keeps it.
func failure(ctx context.Context, act string, err error) error {
	var coded *holdfast.Error
	switch {
	case errors.As(err, &coded):
		return fmt.Errorf("%s: %w", act, err)
	case ctx.Err() != nil:
		return holdfast.Errorf(holdfast.Unavailable, "the request ended before the advice source took it").Because(ctx.Err())
	case errors.Is(err, sql.ErrConnDone):
		return advice.Closed()
	}
	switch database.Code(err) {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return holdfast.Errorf(holdfast.Damaged, "%s: %s is damaged; stop the gate and restore its directory from a backup", act, fileDB).Because(err)
	case sqlite3.SQLITE_FULL:
		return holdfast.Errorf(holdfast.Unavailable, "%s: the disk of the advice source is full; nothing was written", act).Because(err)
	}
	return holdfast.Errorf(holdfast.Unavailable, "%s: the advice source cannot be used now", act).Because(err)
}
