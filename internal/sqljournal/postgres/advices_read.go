package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"holdfast"
	"holdfast/internal/standin/advice"
)

// adviceHead is where a shard stands.
type adviceHead struct {
	revision, cut uint64
	chain, base   holdfast.Hash
}

func (a *Advices) head(ctx context.Context, shard int) (h adviceHead, err error) {
	if err := advice.CheckShard(shard, a.shards); err != nil {
		return h, err
	}
	if err := a.open(ctx); err != nil {
		return h, err
	}
	var chain, base []byte
	if err := a.pool.QueryRow(ctx, sqlAdviceHead, shard).Scan(&h.revision, &chain, &h.cut, &base); err != nil {
		return h, adviceFailure(ctx, "read", err)
	}
	if len(chain) != len(h.chain) || len(base) != len(h.base) {
		return h, advice.IsDamaged(a.place(), shard, h.revision)
	}
	h.chain, h.base = holdfast.Hash(chain), holdfast.Hash(base)
	return h, nil
}

// open refuses calls after Close.
func (a *Advices) open(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return adviceEnded(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return advice.Closed()
	}
	return nil
}

func (a *Advices) place() string {
	return "the PostgreSQL database " + a.pool.Config().ConnConfig.Database
}

// Head implements advice.Source.
func (a *Advices) Head(ctx context.Context, shard int) (uint64, holdfast.Hash, error) {
	h, err := a.head(ctx, shard)
	return h.revision, h.chain, err
}

// Read implements advice.Source.
func (a *Advices) Read(ctx context.Context, shard int, after uint64, limit int) ([]advice.Pack, error) {
	h, err := a.head(ctx, shard)
	switch {
	case err != nil:
		return nil, err
	case after < h.cut:
		return nil, advice.IsCut(shard, after+1, h.cut)
	case after >= h.revision:
		return nil, nil
	}
	chain, err := a.chainAt(ctx, shard, after, h)
	if err != nil {
		return nil, err
	}
	rows, err := a.pool.Query(ctx, sqlAdvicePacks, shard, int64(after), limit)
	if err != nil {
		return nil, adviceFailure(ctx, "read", err)
	}
	defer rows.Close()
	var list []advice.Pack
	for rows.Next() {
		var revision uint64
		var hash []byte
		p := advice.Pack{Shard: shard, Expect: after + uint64(len(list))}
		if err := rows.Scan(&revision, &p.ID, &hash, &p.Body); err != nil {
			return nil, adviceFailure(ctx, "read", err)
		}
		if chain = advice.Link(chain, p); revision != p.Revision() || !sameHash(hash, chain) {
			return nil, advice.IsDamaged(a.place(), shard, p.Revision())
		}
		list = append(list, p)
	}
	if err := rows.Err(); err != nil {
		return nil, adviceFailure(ctx, "read", err)
	}
	switch last := after + uint64(len(list)); {
	case last < h.revision && len(list) < limit:
		return nil, advice.IsDamaged(a.place(), shard, last+1)
	case last == h.revision && chain != h.chain:
		return nil, advice.IsDamaged(a.place(), shard, last)
	}
	return list, nil
}

// chainAt returns the chain after a pack that is not before the cut.
func (a *Advices) chainAt(ctx context.Context, shard int, revision uint64, h adviceHead) (holdfast.Hash, error) {
	if revision == h.cut {
		return h.base, nil
	}
	var hash []byte
	err := a.pool.QueryRow(ctx, sqlAdviceChain, shard, int64(revision)).Scan(&hash)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && len(hash) != len(holdfast.Hash{}) {
		return holdfast.Hash{}, advice.IsDamaged(a.place(), shard, revision)
	}
	if err != nil {
		return holdfast.Hash{}, adviceFailure(ctx, "read", err)
	}
	return holdfast.Hash(hash), nil
}

// Owner implements advice.Source.
func (a *Advices) Owner(ctx context.Context, name uint64) (shard int, there bool, err error) {
	if err := a.open(ctx); err != nil {
		return 0, false, err
	}
	err = a.pool.QueryRow(ctx, sqlAdviceOwner, int64(name)).Scan(&shard)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, adviceFailure(ctx, "read", err)
	}
	return shard, true, nil
}

// Snapshots implements advice.Source.
func (a *Advices) Snapshots(ctx context.Context, shard int) ([]advice.Snapshot, error) {
	if err := advice.CheckShard(shard, a.shards); err != nil {
		return nil, err
	}
	if err := a.open(ctx); err != nil {
		return nil, err
	}
	rows, err := a.pool.Query(ctx, sqlAdviceSnaps, shard)
	if err != nil {
		return nil, adviceFailure(ctx, "read", err)
	}
	defer rows.Close()
	var list []advice.Snapshot
	for rows.Next() {
		s := advice.Snapshot{Shard: shard}
		var hash []byte
		if err := rows.Scan(&s.Revision, &hash, &s.Version, &s.Body); err != nil {
			return nil, adviceFailure(ctx, "read", err)
		}
		copy(s.Chain[:], hash)
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		return nil, adviceFailure(ctx, "read", err)
	}
	return list, nil
}

// change makes a change that is one statement, and returns how many rows it
// changed. Once begun it is never cancelled.
func (a *Advices) change(ctx context.Context, query string, args ...any) (int64, error) {
	if _, err := a.begin(ctx); err != nil {
		return 0, err
	}
	defer a.writes.Done()
	conn, err := a.pool.Acquire(ctx)
	if err != nil {
		return 0, adviceFailure(ctx, "write", err)
	}
	defer conn.Release()
	tag, err := conn.Exec(context.Background(), query, args...)
	if err == nil {
		err = a.durable(conn, nil)
	} else {
		err = settleAdvice(conn, err)
	}
	return tag.RowsAffected(), err
}

// PutSnapshot implements advice.Source.
func (a *Advices) PutSnapshot(ctx context.Context, s advice.Snapshot) error {
	if err := errors.Join(advice.CheckShard(s.Shard, a.shards), advice.CheckSnapshot(s)); err != nil {
		return err
	}
	_, err := a.change(ctx, sqlAdviceSnap, s.Shard, int64(s.Revision), s.Chain[:], s.Version, notNil(s.Body))
	return err
}

// Cut implements advice.Source.
func (a *Advices) Cut(ctx context.Context, shard int, upTo uint64) error {
	snaps, err := a.Snapshots(ctx, shard)
	if err != nil {
		return err
	}
	if err := advice.CheckCut(shard, upTo, snaps); err != nil {
		return err
	}
	_, err = a.change(ctx, sqlAdviceCut, shard, int64(upTo))
	return err
}

// Ledger implements advice.Source.
func (a *Advices) Ledger(ctx context.Context, key string) (revision uint64, body []byte, err error) {
	if err := a.open(ctx); err != nil {
		return 0, nil, err
	}
	err = a.pool.QueryRow(ctx, sqlAdviceLedger, key).Scan(&revision, &body)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, adviceFailure(ctx, "read", err)
	}
	return revision, body, nil
}

// PutLedger implements advice.Source.
func (a *Advices) PutLedger(ctx context.Context, key string, revision uint64, body []byte) error {
	if err := advice.CheckLedger(key, body); err != nil {
		return err
	}
	query, args := sqlAdvicePutLedger, []any{key, int64(revision), notNil(body)}
	if revision == 0 {
		query, args = sqlAdviceNewLedger, []any{key, notNil(body)}
	}
	n, err := a.change(ctx, query, args...)
	if err != nil || n == 1 {
		return err
	}
	actual, _, err := a.Ledger(ctx, key)
	if err != nil {
		return err
	}
	return advice.LedgerMoved(key, revision, actual)
}

// DropLedgers implements advice.Source.
func (a *Advices) DropLedgers(ctx context.Context, keys []string) error {
	_, err := a.change(ctx, sqlAdviceDropLedgers, keys)
	return err
}

// notNil is b, empty if it is nil, which would be stored as NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Info implements advice.Source.
func (a *Advices) Info(ctx context.Context) (advice.Info, error) {
	if err := a.open(ctx); err != nil {
		return advice.Info{}, err
	}
	info := advice.Info{ID: a.id, Shards: a.shards, Place: a.place()}
	if err := a.pool.QueryRow(ctx, sqlAdviceSize).Scan(&info.Bytes); err != nil {
		return advice.Info{}, adviceFailure(ctx, "read", err)
	}
	return info, nil
}
