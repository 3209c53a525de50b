package advices

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"

	"holdfast"
	"holdfast/internal/sqljournal/commit"
	"holdfast/internal/sqljournal/database"
	"holdfast/internal/standin/advice"
)

// submit hands a request to the writing goroutine and waits for its answer.
func (s *Source) submit(ctx context.Context, size int, apply func(*transaction) error) error {
	r := &request{Call: commit.Call{Size: size}, apply: apply}
	err := commit.Submit(ctx, s.requests, r, s.closing, s.stopped)
	if errors.Is(err, commit.ErrClosed) {
		return advice.Closed()
	}
	return err
}

// Append implements advice.Source.
func (s *Source) Append(ctx context.Context, packs []advice.Pack) ([]error, error) {
	if err := advice.Check(packs, len(s.shards)); err != nil {
		return nil, err
	}
	size := 0
	for _, p := range packs {
		size += len(p.Body)
	}
	results := make([]error, len(packs))
	err := s.submit(ctx, size, func(tx *transaction) error {
		for i, p := range packs {
			results[i] = tx.append(p)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// Read implements advice.Source.
func (s *Source) Read(ctx context.Context, shard int, after uint64, limit int) ([]advice.Pack, error) {
	st, err := s.standing(shard)
	switch {
	case err != nil:
		return nil, err
	case after < st.cut:
		return nil, advice.IsCut(shard, after+1, st.cut)
	case after >= st.revision:
		return nil, nil
	}
	chain, err := s.chainAt(ctx, shard, after, st)
	if err != nil {
		return nil, err
	}
	var list []advice.Pack
	err = s.rows(ctx, ofShard(sqlPacks, shard), func(scan func(...any) error) error {
		var k int64
		var hash []byte
		p := advice.Pack{Shard: shard, Expect: after + uint64(len(list))}
		if err := scan(&k, &p.ID, &hash, &p.Body); err != nil {
			return err
		}
		if chain = advice.Link(chain, p); k != key(shard, p.Revision()) || string(hash) != string(chain[:]) {
			return advice.IsDamaged(s.dir, shard, p.Revision())
		}
		list = append(list, p)
		return nil
	}, key(shard, after), key(shard+1, 0), limit)
	if err != nil {
		return nil, failure(ctx, "read", err)
	}
	if last := after + uint64(len(list)); last < st.revision && len(list) < limit {
		return nil, advice.IsDamaged(s.dir, shard, last+1)
	}
	return list, nil
}

// standing returns where a shard stands, unless the source is closed.
func (s *Source) standing(shard int) (state, error) {
	if err := advice.CheckShard(shard, len(s.shards)); err != nil {
		return state{}, err
	}
	if commit.IsClosing(s.closing) {
		return state{}, advice.Closed()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shards[shard], nil
}

// chainAt returns the chain after a pack that is not before the cut.
func (s *Source) chainAt(ctx context.Context, shard int, revision uint64, st state) (holdfast.Hash, error) {
	if revision == 0 {
		return advice.Genesis(s.id, shard), nil
	}
	var hash []byte
	err := s.read.QueryRowContext(ctx, ofShard(sqlPackHash, shard), key(shard, revision)).Scan(&hash)
	if errors.Is(err, sql.ErrNoRows) && revision == st.cut {
		err = s.read.QueryRowContext(ctx, sqlCutHash, shard).Scan(&hash)
	}
	if errors.Is(err, sql.ErrNoRows) || err == nil && len(hash) != len(holdfast.Hash{}) {
		return holdfast.Hash{}, advice.IsDamaged(s.dir, shard, revision)
	}
	if err != nil {
		return holdfast.Hash{}, failure(ctx, "read", err)
	}
	return holdfast.Hash(hash), nil
}

// Head implements advice.Source.
func (s *Source) Head(_ context.Context, shard int) (uint64, holdfast.Hash, error) {
	st, err := s.standing(shard)
	return st.revision, st.chain, err
}

// Owner implements advice.Source.
func (s *Source) Owner(_ context.Context, name uint64) (int, bool, error) {
	if commit.IsClosing(s.closing) {
		return 0, false, advice.Closed()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	shard, there := s.names[name]
	return shard, there, nil
}

// PutSnapshot implements advice.Source.
func (s *Source) PutSnapshot(ctx context.Context, snap advice.Snapshot) error {
	if err := errors.Join(advice.CheckShard(snap.Shard, len(s.shards)), advice.CheckSnapshot(snap)); err != nil {
		return err
	}
	k, from, to := key(snap.Shard, snap.Revision), key(snap.Shard, 0), key(snap.Shard+1, 0)
	return s.submit(ctx, len(snap.Body), func(tx *transaction) error {
		tx.exec(sqlDropSnapshots, from, to, k)
		tx.exec(sqlPutSnapshot, k, snap.Chain[:], snap.Version, database.NotNull(snap.Body))
		tx.size += len(snap.Body)
		return nil
	})
}

// Snapshots implements advice.Source.
func (s *Source) Snapshots(ctx context.Context, shard int) (list []advice.Snapshot, err error) {
	if _, err := s.standing(shard); err != nil {
		return nil, err
	}
	err = s.rows(ctx, sqlSnapshots, func(scan func(...any) error) error {
		var k int64
		var hash []byte
		snap := advice.Snapshot{Shard: shard}
		if err := scan(&k, &hash, &snap.Version, &snap.Body); err != nil {
			return err
		}
		snap.Revision = uint64(k & revisionOf)
		copy(snap.Chain[:], hash)
		list = append(list, snap)
		return nil
	}, key(shard, 0), key(shard+1, 0))
	if err != nil {
		return nil, failure(ctx, "read", err)
	}
	return list, nil
}

// Cut implements advice.Source.
func (s *Source) Cut(ctx context.Context, shard int, upTo uint64) error {
	snaps, err := s.Snapshots(ctx, shard)
	if err != nil {
		return err
	}
	if err := advice.CheckCut(shard, upTo, snaps); err != nil {
		return err
	}
	return s.submit(ctx, 0, func(tx *transaction) error {
		st := tx.state(shard)
		if upTo <= st.cut {
			return nil
		}
		return tx.cut(shard, st, upTo)
	})
}

// cut drops packs, and with them whose their names are.
func (tx *transaction) cut(shard int, st state, upTo uint64) error {
	var hash []byte
	if err := tx.conn.QueryRowContext(tx.ctx, ofShard(sqlPackHash, shard), key(shard, upTo)).Scan(&hash); err != nil {
		tx.err = err
		return err
	}
	rows, err := tx.conn.QueryContext(tx.ctx, ofShard(sqlNames, shard), key(shard, st.cut), key(shard, upTo))
	if err != nil {
		tx.err = err
		return err
	}
	for rows.Next() {
		var names []byte
		if err := rows.Scan(&names); err != nil {
			tx.err = err
			break
		}
		for ; len(names) >= 8; names = names[8:] {
			tx.freed = append(tx.freed, binary.BigEndian.Uint64(names))
		}
	}
	if err := errors.Join(tx.err, rows.Close(), rows.Err()); err != nil {
		tx.err = err
		return err
	}
	tx.exec(ofShard(sqlDrop, shard), key(shard, st.cut), key(shard, upTo))
	tx.exec(sqlPutCut, shard, upTo, hash)
	st.cut = upTo
	tx.shards[shard] = st
	return nil
}

// Ledger implements advice.Source.
func (s *Source) Ledger(ctx context.Context, key string) (revision uint64, body []byte, err error) {
	if commit.IsClosing(s.closing) {
		return 0, nil, advice.Closed()
	}
	err = s.read.QueryRowContext(ctx, sqlLedger, key).Scan(&revision, &body)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, failure(ctx, "read", err)
	}
	return revision, body, nil
}

// PutLedger implements advice.Source.
func (s *Source) PutLedger(ctx context.Context, key string, revision uint64, body []byte) error {
	if err := advice.CheckLedger(key, body); err != nil {
		return err
	}
	return s.submit(ctx, len(body), func(tx *transaction) error {
		var actual uint64
		err := tx.conn.QueryRowContext(tx.ctx, sqlLedgerAt, key).Scan(&actual)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			tx.err = err
			return err
		}
		if actual != revision {
			return advice.LedgerMoved(key, revision, actual)
		}
		tx.exec(sqlPutLedger, key, revision+1, database.NotNull(body))
		return nil
	})
}

// DropLedgers implements advice.Source.
func (s *Source) DropLedgers(ctx context.Context, keys []string) error {
	return s.submit(ctx, 0, func(tx *transaction) error {
		for _, key := range keys {
			tx.exec(sqlDropLedger, key)
		}
		return nil
	})
}

// Info implements advice.Source.
func (s *Source) Info(ctx context.Context) (advice.Info, error) {
	if commit.IsClosing(s.closing) {
		return advice.Info{}, advice.Closed()
	}
	info := advice.Info{ID: s.id, Shards: len(s.shards), Place: s.dir}
	if err := s.read.QueryRowContext(ctx, sqlSize).Scan(&info.Bytes); err != nil {
		return advice.Info{}, failure(ctx, "read", err)
	}
	return info, nil
}

// Close implements advice.Source: it waits for the transaction that has begun and
// refuses the calls behind it.
func (s *Source) Close() error {
	s.once.Do(func() {
		close(s.closing)
		<-s.stopped
		s.closed = errors.Join(s.disk.Sync(s.head), s.releaseAll())
	})
	return s.closed
}
