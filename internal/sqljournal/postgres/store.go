package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/commit"
)

// Append implements journal.Journal.
func (s *Store) Append(ctx context.Context, a journal.Append) (journal.Receipt, error) {
	if err := journal.Check(a); err != nil {
		return journal.Receipt{}, err
	}
	r := newAppend(&a)
	if err := commit.Submit(ctx, s.writer.requests, r, s.closing, s.stopped); err != nil {
		return journal.Receipt{}, err
	}
	return r.receipt, nil
}

// AppendAll makes appends in order, many in one commit. It answers with the first
// error; what stands behind the append it concerns may have been written.
func (s *Store) AppendAll(ctx context.Context, list []journal.Append) ([]journal.Receipt, error) {
	newRequest := func(a *journal.Append) (*request, *journal.Receipt) {
		r := newAppend(a)
		return r, &r.receipt
	}
	return commit.AppendAll(ctx, s.writer.requests, list, newRequest, s.closing, s.stopped)
}

// Barrier implements journal.Journal.
func (s *Store) Barrier(ctx context.Context) (holdfast.Head, error) {
	r := &request{}
	if err := commit.Submit(ctx, s.writer.requests, r, s.closing, s.stopped); err != nil {
		return holdfast.Head{}, err
	}
	return r.head, nil
}

// writing runs a write of something that is not a fact. It is not cancelled once
// it has begun.
func (s *Store) writing(ctx context.Context, write func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return commit.Ended(err)
	}
	s.mu.Lock() // so that Close waits for what begins here, or it does not begin
	if commit.IsClosing(s.closing) {
		s.mu.Unlock()
		return commit.Closed()
	}
	s.writes.Add(1)
	s.mu.Unlock()
	done := make(chan error, 1)
	go func() {
		defer s.writes.Done()
		done <- s.write1(write)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return holdfast.Errorf(holdfast.Doubtful, "the request ended while it was being written; repeating it settles whether it was").Because(ctx.Err())
	}
}

// write1 makes attempts until one has reached the server.
func (s *Store) write1(write func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	for {
		err := write(ctx)
		var coded *holdfast.Error
		var stated *pgconn.PgError
		var unreached *pgconn.ConnectError
		switch {
		case err == nil, errors.As(err, &coded):
			return err
		case errors.As(err, &stated) && stated.SeverityUnlocalized == "ERROR" && stated.Code != "25006":
			return failure(ctx, "write", err)
		case errors.As(err, &stated) && stated.Code == "25006", pgconn.SafeToRetry(err), errors.As(err, &unreached):
			if commit.IsClosing(s.closing) || !pause(ctx, again) {
				return failure(context.Background(), "write", err)
			}
		default:
			return holdfast.Errorf(holdfast.Doubtful, "the connection to the database was lost and it is not known whether the commit was made; repeating the request settles it").Because(err)
		}
	}
}

// PutDocument implements journal.Documents.
func (s *Store) PutDocument(ctx context.Context, d journal.Document) (holdfast.Revision, error) {
	if err := journal.CheckDocument(d); err != nil {
		return 0, err
	}
	var expires int64
	if !d.Expires.IsZero() {
		expires = d.Expires.UnixMicro()
	}
	statement := sqlPutDocument
	if d.Revision == 0 {
		statement = sqlNewDocument
	}
	err := s.writing(ctx, func(ctx context.Context) error {
		now := s.opt.Now().UnixMicro()
		tag, err := s.pool.Exec(ctx, statement, d.Key, int64(d.Revision), expires, filled(d.Body), now)
		if err != nil || tag.RowsAffected() == 1 {
			return err
		}
		stored, err := scanDocument(s.pool.QueryRow(ctx, sqlDocument, d.Key, now))
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return failure(ctx, "read a document", err)
		}
		return journal.MovedDocument(d, stored.Revision)
	})
	if err != nil {
		return 0, err
	}
	return d.Revision + 1, nil
}

// DeleteDocument implements journal.Documents.
func (s *Store) DeleteDocument(ctx context.Context, key string) error {
	return s.writing(ctx, func(ctx context.Context) error {
		_, err := s.pool.Exec(ctx, sqlDeleteDocument, key)
		return err
	})
}

// PutBlob implements journal.Blobs.
func (s *Store) PutBlob(ctx context.Context, b []byte) (holdfast.Hash, error) {
	if err := journal.CheckBlob(b); err != nil {
		return holdfast.Hash{}, err
	}
	h := holdfast.Hash(sha256.Sum256(b))
	err := s.writing(ctx, func(ctx context.Context) error {
		_, err := s.pool.Exec(ctx, sqlPutBlob, h[:], filled(b))
		return err
	})
	if err != nil {
		return holdfast.Hash{}, err
	}
	return h, nil
}

const (
	// pollTime is how often the head is looked at even if nothing was notified.
	pollTime = 500 * time.Millisecond
	// saveTime is how often the witness is written, purgeTime how often expired
	// documents are removed.
	saveTime  = time.Second
	purgeTime = time.Minute
)

// watch learns what other processes write, until the store closes.
func (s *Store) watch() {
	for {
		_ = s.follow() // it says nothing that the writer does not say louder
		if !pause(s.ctx, again) {
			return
		}
	}
}

// follow listens on one session until it is lost.
func (s *Store) follow() error {
	if broken := s.broken.Load(); broken != nil {
		return broken
	}
	conn, err := s.session(s.ctx, s.config.Copy())
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(s.ctx, "LISTEN "+pgx.Identifier{"holdfast_" + s.genesis.Journal}.Sanitize()); err != nil {
		return err
	}
	timeline := s.newest()
	for {
		ctx, cancel := context.WithTimeout(s.ctx, readTime)
		m, err := readMeta(ctx, conn)
		cancel()
		if err != nil {
			return err
		}
		s.Publish(m.Head, m.Beat)
		if s.newest() != timeline {
			return nil // this may be the old primary
		}
		ctx, cancel = context.WithTimeout(s.ctx, pollTime)
		_, err = conn.WaitForNotification(ctx)
		cancel()
		if err != nil && (!pgconn.Timeout(err) || s.ctx.Err() != nil) {
			return err
		}
	}
}

// newest returns the newest timeline that was seen.
func (s *Store) newest() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.timeline
}

// keep does what time asks for, until the store closes.
func (s *Store) keep() {
	purged := s.opt.Now()
	failed := false
	for pause(s.ctx, saveTime) {
		err := s.witness.save()
		if err != nil && !failed {
			s.opt.Warn("the newest head cannot be written to " + s.opt.Witness + ": " + err.Error())
		}
		failed = err != nil
		if now := s.opt.Now(); now.Sub(purged) >= purgeTime {
			purged = now
			// What is not removed now is removed the next time.
			_, _ = s.pool.Exec(s.ctx, sqlDeleteExpired, now.UnixMicro())
		}
	}
}
