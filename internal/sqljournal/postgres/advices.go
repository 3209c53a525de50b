package postgres

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/standin/advice"
)

// AdviceOptions say where decisions of stand-in are kept.
type AdviceOptions struct {
	// Source, Password and Fenced are as a journal's: see [Options].
	Source   string
	Password string
	Fenced   bool
	// Shards is how many shards a source that is made has; 16 if 0. One that is
	// there keeps its own number.
	Shards int
}

// Advices is an advice.Source in a PostgreSQL database. Any number of gates may use
// one database at once: each append is one statement, which locks the rows of its
// shards in order and is never cancelled.
//
// Nothing is written while a fail-over could lose what the server acknowledges
// (see judge): an approval that is lost is a payment that is lost. That is asked
// at each session and once a second.
type Advices struct {
	opt    AdviceOptions
	hosts  int
	pool   *pgxpool.Pool
	id     string
	shards int
	writes sync.WaitGroup
	// buffers has what statements were encoded into.
	buffers sync.Pool

	mu       sync.Mutex
	closed   bool
	asked    time.Time // when a server was last asked how it commits
	timeline string    // the newest seen
	fault    journal.Fault
	warned   map[*pgconn.PgConn]bool // whose server warned since it was last looked at
}

var _ advice.Source = (*Advices)(nil)

const (
	// adviceSessions bounds the sessions of one gate.
	adviceSessions = 8
	// askEvery is how often a commit asks the server how it commits.
	askEvery = time.Second
	// deadlocks is how often an append is begun anew that waited for another one
	// which waited for it, both for a name.
	deadlocks = 5
)

// OpenAdvices opens the source in a database and makes it there if there is none.
// Ctx bounds the opening only.
func OpenAdvices(ctx context.Context, o AdviceOptions) (_ *Advices, err error) {
	if o.Shards == 0 {
		o.Shards = 16
	}
	if o.Shards < 0 || o.Shards > advice.MaxShards {
		return nil, holdfast.Errorf(holdfast.Invalid, "an advice source has 1 to %d shards", advice.MaxShards).At("shards")
	}
	conf, err := Parse(o.Source)
	if err != nil {
		return nil, err
	}
	if o.Password != "" {
		conf.Password = o.Password
	}
	a := &Advices{opt: o, hosts: hosts(conf), warned: map[*pgconn.PgConn]bool{}}
	conf.OnNotice = func(c *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			a.mu.Lock()
			a.warned[c] = true
			a.mu.Unlock()
		}
	}
	config, err := pgxpool.ParseConfig(o.Source)
	if err != nil {
		return nil, err
	}
	config.ConnConfig, config.MaxConns, config.MaxConnIdleTime = conf, adviceSessions, time.Minute
	config.AfterConnect = a.ask
	config.BeforeClose = func(c *pgx.Conn) {
		a.mu.Lock()
		delete(a.warned, c.PgConn())
		a.mu.Unlock()
	}
	if a.pool, err = pgxpool.NewWithConfig(context.Background(), config); err != nil {
		return nil, err
	}
	if err := a.found(ctx); err != nil {
		a.pool.Close()
		return nil, adviceFailure(ctx, "open the advice source", err)
	}
	return a, nil
}

// found reads what the database holds, or makes it.
func (a *Advices) found(ctx context.Context) error {
	return pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlLockMigration); err != nil {
			return err
		}
		var there bool
		if err := tx.QueryRow(ctx, sqlAdviceFormat).Scan(&there); err != nil {
			return err
		}
		if !there {
			return a.create(ctx, tx)
		}
		var format int
		if err := tx.QueryRow(ctx, sqlAdviceMeta).Scan(&format, &a.id, &a.shards); err != nil {
			return err
		}
		if format != adviceFormat {
			return advice.OtherFormat(a.place(), format, adviceFormat)
		}
		return nil
	})
}

func (a *Advices) create(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, sqlAdviceTables, pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("make the tables: %w", err)
	}
	a.id, a.shards = holdfast.NewID(), a.opt.Shards
	if _, err := tx.Exec(ctx, sqlAdviceCreate, adviceFormat, a.id, a.shards); err != nil {
		return err
	}
	for shard := range a.shards {
		genesis := advice.Genesis(a.id, shard)
		if _, err := tx.Exec(ctx, sqlAdviceShard, shard, genesis[:]); err != nil {
			return err
		}
	}
	return nil
}

// ask asks a new session's server how it commits.
func (a *Advices) ask(ctx context.Context, conn *pgx.Conn) error {
	var text []byte
	if err := conn.QueryRow(ctx, "SELECT "+sqlStanding).Scan(&text); err != nil {
		return err
	}
	return a.note(text)
}

// note takes what a server says of how it commits. An error means that it is an
// old primary.
func (a *Advices) note(text []byte) error {
	var now standing
	if err := json.Unmarshal(text, &now); err != nil {
		return fmt.Errorf("the server's settings: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Timeline < a.timeline { // of one length, so this is their order
		return holdfast.Errorf(holdfast.Unavailable, "the server is on timeline %s, and another was promoted to %s since: it is an old primary; shut it down", now.Timeline, a.timeline)
	}
	a.timeline, a.asked = now.Timeline, time.Now()
	a.fault = judge(now, a.hosts, a.opt.Fenced).Fault
	return nil
}

// writable refuses to write where a fail-over could lose it, and says whether the
// server should be asked again.
func (a *Advices) writable() (ask bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.closed:
		return false, advice.Closed()
	case a.fault != "":
		err = holdfast.Errorf(holdfast.Unavailable, "nothing is approved in stand-in, because the database of the advice source could lose it: %s", reasons[a.fault])
	}
	return err != nil || time.Since(a.asked) >= askEvery, err
}

// begin lets a write begin before the source closes. It is ended by a.writes.Done.
func (a *Advices) begin(ctx context.Context) (ask bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, adviceEnded(err)
	}
	if ask, err = a.writable(); err != nil && ask {
		// The fault may have been mended since: a new session asks.
		err = errors.Join(a.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error { return a.ask(ctx, c.Conn()) }))
		if err == nil {
			ask, err = a.writable()
		}
	}
	if err != nil {
		return false, adviceFailure(ctx, "write", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false, advice.Closed()
	}
	a.writes.Add(1)
	return ask, nil
}

// Append implements advice.Source.
func (a *Advices) Append(ctx context.Context, packs []advice.Pack) ([]error, error) {
	if err := advice.Check(packs, a.shards); err != nil {
		return nil, err
	}
	ask, err := a.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer a.writes.Done()
	conn, err := a.pool.Acquire(ctx)
	if err != nil {
		return nil, adviceFailure(ctx, "write", err)
	}
	defer conn.Release()
	buffer, _ := a.buffers.Get().(*[]byte)
	if buffer == nil {
		buffer = new([]byte)
	}
	defer a.buffers.Put(buffer)
	args := adviceArgs(packs, ask)
	for again := 0; ; again++ {
		results, err := a.commit(conn, packs, args, buffer)
		var stated *pgconn.PgError
		if errors.As(err, &stated) && stated.Code == "40P01" && again < deadlocks {
			continue // the server has undone all of it
		}
		return results, err
	}
}

// adviceArgs are the arguments of sqlAdviceCommit.
func adviceArgs(packs []advice.Pack, ask bool) []any {
	n := len(packs)
	shard, expect, id, body := make([]int32, n), make([]int64, n), make([]string, n), make([][]byte, n)
	index := make(map[int]int, n)
	for i, p := range packs {
		shard[i], expect[i], id[i], body[i] = int32(p.Shard), int64(p.Expect), p.ID, p.Body
		index[p.Shard] = i
	}
	all := inOrder(packs)
	names, bringer, own := make([]int64, len(all)), make([]int32, len(all)), make([][]byte, n)
	for i, b := range all {
		names[i], bringer[i] = b.name, int32(b.shard)
		p := index[b.shard]
		own[p] = binary.BigEndian.AppendUint64(own[p], uint64(b.name))
	}
	for i := range own {
		if own[i] == nil {
			own[i] = []byte{} // nil is NULL
		}
	}
	return []any{ask, shard, expect, id, own, names, bringer, body} // the long one last: the message grows once
}

// brought is a name, as the database orders it, and the shard that brings it.
type brought struct {
	name  int64
	shard int
}

// inOrder returns the names of packs, the lowest first, each once for a shard.
func inOrder(packs []advice.Pack) (all []brought) {
	for _, p := range packs {
		for _, name := range p.Names {
			all = append(all, brought{int64(name), p.Shard})
		}
	}
	slices.SortFunc(all, func(a, b brought) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.shard, b.shard)) })
	return slices.Compact(all)
}

// commit writes the packs. Once begun it is never cancelled.
func (a *Advices) commit(conn *pgxpool.Conn, packs []advice.Pack, args []any, buffer *[]byte) ([]error, error) {
	var actual, taken []int64
	var owner []int32
	var text []byte
	rows, err := query(conn.Conn(), "advice_commit", sqlAdviceCommit, args, buffer)
	if err == nil {
		_, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (struct{}, error) {
			return struct{}{}, row.Scan(&actual, &taken, &owner, &text)
		})
	}
	if err == nil {
		err = a.durable(conn, text)
	} else {
		err = settleAdvice(conn, err)
	}
	if err != nil {
		return nil, err
	}
	results := make([]error, len(packs))
	for i, p := range packs {
		switch {
		case owner[i] >= 0:
			results[i] = &advice.Taken{Name: uint64(taken[i]), By: int(owner[i])}
		case actual[i] >= 0:
			results[i] = &advice.Moved{Shard: p.Shard, Expect: p.Expect, Actual: uint64(actual[i])}
		}
	}
	return results, nil
}

// query runs a statement as conn.Query does, but encodes its arguments into a buffer that is
// used again: pgx begins with an empty one for each statement, and making it as long as some
// hundred advices are, by and by, was half of all that a gate in stand-in allocates.
func query(conn *pgx.Conn, name, sql string, args []any, buffer *[]byte) (pgx.Rows, error) {
	ctx := context.Background()
	statement, err := conn.Prepare(ctx, name, sql)
	if err != nil {
		return nil, err
	}
	all, ends := (*buffer)[:0], make([]int, len(args))
	for i, arg := range args {
		if all, err = conn.TypeMap().Encode(statement.ParamOIDs[i], pgx.BinaryFormatCode, arg, all); err != nil {
			return nil, err
		}
		ends[i] = len(all)
	}
	*buffer = all
	values, start := make([][]byte, len(args)), 0
	for i, end := range ends {
		values[i], start = all[start:end:end], end
	}
	formats := []int16{pgx.BinaryFormatCode}
	return pgx.RowsFromResultReader(conn.TypeMap(), conn.PgConn().ExecStatement(ctx, statement, values, formats, formats)), nil
}

// durable answers Doubtful for a commit that a fail-over may lose.
func (a *Advices) durable(conn *pgxpool.Conn, text []byte) (err error) {
	if len(text) > 0 {
		err = a.note(text)
	}
	a.mu.Lock()
	warned, fault := a.warned[conn.Conn().PgConn()], a.fault
	delete(a.warned, conn.Conn().PgConn())
	a.mu.Unlock()
	if err == nil && !warned && fault == "" {
		return nil
	}
	closeNow(conn)
	return holdfast.Errorf(holdfast.Doubtful, "the database made the commit but did not wait until its standbys have it, so a fail-over may lose it; repeating the request settles it").Because(err)
}

// settleAdvice says what an error means for the commit it answered. An error that
// the server states about the statement leaves nothing behind; after any other the
// commit may have been made.
func settleAdvice(conn *pgxpool.Conn, cause error) error {
	var stated *pgconn.PgError
	if errors.As(cause, &stated) && stated.SeverityUnlocalized == "ERROR" {
		if stated.Code == "25006" { // read-only: this server was demoted
			closeNow(conn)
		}
		return adviceFailure(context.Background(), "write", cause)
	}
	closeNow(conn)
	if pgconn.SafeToRetry(cause) {
		return adviceFailure(context.Background(), "write", cause)
	}
	return holdfast.Errorf(holdfast.Doubtful, "the connection to the database was lost and it is not known whether the commit was made; repeating the request settles it").Because(cause)
}

// closeNow ends a session without waiting for its server.
func closeNow(conn *pgxpool.Conn) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = conn.Conn().Close(ctx)
}

func adviceEnded(cause error) error {
	return holdfast.Errorf(holdfast.Unavailable, "the request ended before the advice source took it").Because(cause)
}

// adviceFailure gives an error of the database its code. An error that has one keeps it.
func adviceFailure(ctx context.Context, act string, err error) error {
	var coded *holdfast.Error
	var stated *pgconn.PgError
	switch {
	case errors.As(err, &coded):
		return fmt.Errorf("%s: %w", act, err)
	case ctx.Err() != nil:
		return adviceEnded(ctx.Err())
	case errors.As(err, &stated) && (stated.Code == "XX001" || stated.Code == "XX002" || stated.Code == "23505"):
		return holdfast.Errorf(holdfast.Damaged, "%s: the database of the advice source is damaged; restore it from a backup", act).Because(err)
	}
	return holdfast.Errorf(holdfast.Unavailable, "%s: the database of the advice source cannot be used now", act).Because(err)
}

// Close implements advice.Source.
func (a *Advices) Close() error {
	a.mu.Lock()
	was := a.closed
	a.closed = true
	a.mu.Unlock()
	if !was {
		a.writes.Wait()
		a.pool.Close()
	}
	return nil
}

// sameHash reports whether a stored hash is the one it should be.
func sameHash(stored []byte, h holdfast.Hash) bool { return bytes.Equal(stored, h[:]) }
