package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/commit"
)

// dial reaches a server that takes writes.
func (s *Store) dial(ctx context.Context) (*pgx.Conn, error) {
	return pgx.ConnectConfig(ctx, s.config.Copy())
}

// session reaches a server that takes writes and checks that it may be used.
func (s *Store) session(ctx context.Context, config *pgx.ConnConfig) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if err := s.check(ctx, conn); err != nil {
		conn.Close(context.Background())
		return nil, err
	}
	return conn, nil
}

// check holds a session's server to what this process knows: it must be the same
// journal, hold every fact that was seen, and be on no older timeline.
func (s *Store) check(ctx context.Context, conn *pgx.Conn) error {
	format, err := readFormat(ctx, conn)
	if err != nil {
		return err
	}
	if format != len(migrations) {
		return formatError(format)
	}
	known, beat := s.Head(), s.Beat()
	m, err := readMeta(ctx, conn)
	if err != nil {
		return err
	}
	switch {
	case m.Head.Journal != known.Journal || m.Head.Epoch != known.Epoch:
		return s.alarm("the database holds journal %s in epoch %d, not %s in epoch %d as before", m.Head.Journal, m.Head.Epoch, known.Journal, known.Epoch)
	case m.Beat < beat || m.Head.Position < known.Position:
		return s.alarm("the database stands at commit %d and position %d, but commit %d and position %d were seen: it has lost facts", m.Beat, m.Head.Position, beat, known.Position)
	}
	hash, err := hashAt(ctx, conn, s.genesis, known.Position)
	if err != nil {
		return err
	}
	if hash != known.Hash {
		return s.alarm("the database holds another fact at position %d than was seen there: these are two histories (%s, not %s)", known.Position, hash, known.Hash)
	}
	return s.checkStanding(ctx, conn)
}

func (s *Store) checkStanding(ctx context.Context, conn *pgx.Conn) error {
	var text []byte
	if err := conn.QueryRow(ctx, "SELECT "+sqlStanding).Scan(&text); err != nil {
		return err
	}
	now, err := s.note(text)
	if err != nil {
		return err
	}
	if now.Encoding != "UTF8" {
		return holdfast.Errorf(holdfast.Invalid, "the database's encoding is %s; a journal needs UTF8", now.Encoding)
	}
	return nil
}

// note takes what a server says of how it commits.
func (s *Store) note(text []byte) (standing, error) {
	var now standing
	if err := json.Unmarshal(text, &now); err != nil {
		return now, fmt.Errorf("the server's settings: %w", err)
	}
	s.mu.Lock()
	before, old := s.durability, s.timeline
	s.durability = judge(now, s.hosts, s.opt.Fenced)
	after := s.durability
	s.timeline = max(old, now.Timeline) // of one length, so this is their order
	promoted := old != "" && old < now.Timeline
	if promoted {
		s.endEra()
		s.era, s.endEra = context.WithCancel(s.ctx)
	}
	s.mu.Unlock()
	if now.Timeline < old {
		return now, holdfast.Errorf(holdfast.Unavailable, "the server is on timeline %s, and another was promoted to %s since: it is an old primary; shut it down", now.Timeline, old)
	}
	if promoted {
		s.opt.Warn(fmt.Sprintf("the journal's database was failed over: its timeline is %s, after %s", now.Timeline, old))
		s.pool.Reset() // its sessions may be with the old primary
	}
	if after.Fault != before.Fault && after.Fault != "" {
		s.opt.Warn("stops cannot be confirmed: " + reasons[after.Fault])
	}
	return now, nil
}

// reasons are for the log.
var reasons = map[journal.Fault]string{
	journal.NotSynced:      "the database answers before its disk has the commit (fsync, synchronous_commit)",
	journal.NotSynchronous: "the database has a standby, or the data source names one, and commits do not wait for it (synchronous_standby_names is empty)",
	journal.SpareStandby:   "commits of the database do not wait for every standby, and one that they did not wait for could be promoted",
	journal.NotVisible:     "the database does not show this account its standbys; grant it pg_monitor",
	journal.NotKnown:       "what commits of the database wait for cannot be understood (synchronous_standby_names)",
}

// alarm ends all writing and waiting: what this process knows and what the
// database holds are two histories.
func (s *Store) alarm(format string, args ...any) error {
	err := holdfast.Errorf(holdfast.Damaged, format, args...)
	if s.broken.CompareAndSwap(nil, err) {
		s.opt.Warn(err.Error())
		s.Fail(err)
	}
	return err
}

func formatError(format int) error {
	if format > len(migrations) {
		return holdfast.Errorf(holdfast.Unavailable, "the database has format %d, and this Holdfast knows formats up to %d: it was used by a newer one; start that", format, len(migrations))
	}
	return holdfast.Errorf(holdfast.Unavailable, "the database has format %d, which this Holdfast has not brought to %d yet; restart it", format, len(migrations))
}

// queryer is a session, or a transaction in it.
type queryer interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// readFormat returns the database's format, 0 if it holds no journal.
func readFormat(ctx context.Context, q queryer) (format int, err error) {
	var there bool
	if err := q.QueryRow(ctx, sqlHasFormat).Scan(&there); err != nil || !there {
		return 0, err
	}
	return format, q.QueryRow(ctx, sqlFormat).Scan(&format)
}

// migrate brings the database to the newest format, making the journal where
// there is none. Of several processes one does it.
func (s *Store) migrate(ctx context.Context, conn *pgx.Conn) error {
	format, err := readFormat(ctx, conn)
	if err != nil || format == len(migrations) {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlLockMigration); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlMigrations); err != nil {
			return err
		}
		format, err := readFormat(ctx, tx)
		if err != nil {
			return err
		}
		if format > len(migrations) {
			return formatError(format)
		}
		for i, statements := range migrations[format:] {
			if _, err := tx.Exec(ctx, statements, pgx.QueryExecModeSimpleProtocol); err != nil {
				return fmt.Errorf("make format %d: %w", format+i+1, err)
			}
			if _, err := tx.Exec(ctx, sqlMigrated, format+i+1, s.opt.Now().UnixMicro()); err != nil {
				return err
			}
		}
		if format > 0 {
			return nil
		}
		id, epoch := holdfast.NewID(), uint32(1)
		if s.opt.As.Journal != "" {
			id, epoch = s.opt.As.Journal, s.opt.As.Epoch
		}
		genesis := journal.Genesis(id)
		_, err = tx.Exec(ctx, sqlCreate, id, int32(epoch), 0, genesis[:], 0)
		return err
	})
}

func readMeta(ctx context.Context, q queryer) (m commit.Witness, err error) {
	var epoch int32
	var position, beat int64
	var hash []byte
	if err := q.QueryRow(ctx, sqlMeta).Scan(&m.Head.Journal, &epoch, &position, &hash, &beat); err != nil {
		if errors.Is(err, pgx.ErrNoRows) {
			return m, holdfast.Errorf(holdfast.Damaged, "the table meta is empty: it says which journal this is and where it ends")
		}
		return m, err
	}
	if len(hash) != len(m.Head.Hash) {
		return m, holdfast.Errorf(holdfast.Damaged, "the hash in the table meta does not have %d bytes", len(m.Head.Hash))
	}
	copy(m.Head.Hash[:], hash)
	m.Head.Epoch, m.Head.Position, m.Beat = uint32(epoch), holdfast.Position(position), uint64(beat)
	return m, nil
}

// genesis is where a head's history begins.
func genesis(h holdfast.Head) holdfast.Head {
	return holdfast.Head{Journal: h.Journal, Epoch: h.Epoch, Hash: journal.Genesis(h.Journal)}
}

// readEnd reads the table meta and holds the last fact to it, both in one
// snapshot: other processes may be writing.
func readEnd(ctx context.Context, b interface {
	BeginTx(context.Context, pgx.TxOptions) (pgx.Tx, error)
}) (m commit.Witness, err error) {
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, b, snapshot, func(tx pgx.Tx) (err error) {
		if m, err = readMeta(ctx, tx); err != nil {
			return err
		}
		return checkLast(ctx, tx, m.Head, genesis(m.Head))
	})
	return m, err
}

// hashAt returns the chain's hash at a position, zero if no fact is there.
func hashAt(ctx context.Context, q queryer, genesis holdfast.Head, p holdfast.Position) (h holdfast.Hash, err error) {
	if p == 0 {
		return genesis.Hash, nil
	}
	var stored []byte
	if err := q.QueryRow(ctx, sqlHash, int64(p)).Scan(&stored); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return h, err
	}
	copy(h[:], stored)
	return h, nil
}

// checkLast compares the last fact with what the table meta says it is: a chain
// does not show that its end was cut off.
func checkLast(ctx context.Context, q queryer, says, genesis holdfast.Head) error {
	last := genesis
	var position int64
	var hash []byte
	switch err := q.QueryRow(ctx, sqlLast).Scan(&position, &hash); {
	case errors.Is(err, pgx.ErrNoRows):
	case err != nil:
		return err
	default:
		last.Position = holdfast.Position(position)
		copy(last.Hash[:], hash)
	}
	if last.Position != says.Position || last.Hash != says.Hash {
		return holdfast.Errorf(holdfast.Damaged, "the last fact is at position %d with hash %s, but the table meta says position %d with hash %s; run holdfast archive verify", last.Position, last.Hash, says.Position, says.Hash)
	}
	return nil
}

// pause waits before another attempt. It reports whether to make one.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
