package sqljournal

import (
	"context"
	"crypto/sha256"
	"sync"

	"holdfast"
	"holdfast/internal/archive"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/commit"
	"holdfast/internal/sqljournal/database"
)

// Genesis returns the head before the first fact: where a journal.State begins.
func (s *Store) Genesis() holdfast.Head { return s.genesis }

// Append implements journal.Journal.
func (s *Store) Append(ctx context.Context, a journal.Append) (journal.Receipt, error) {
	if err := journal.Check(a); err != nil {
		return journal.Receipt{}, err
	}
	r := newAppend(&a)
	if err := s.submit(ctx, r); err != nil {
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

// Durability says what facts survive: they lie on this machine alone.
func (s *Store) Durability() journal.Durability { return journal.OneMachine("sqlite") }

// Barrier implements journal.Journal.
func (s *Store) Barrier(ctx context.Context) (holdfast.Head, error) {
	var tx *transaction
	err := s.submit(ctx, &request{apply: func(t *transaction) error {
		tx, t.dirty = t, true
		return nil
	}})
	if err != nil {
		return holdfast.Head{}, err
	}
	return tx.head, nil
}

// beginReading takes the right to read, until the function it returns is called.
func (s *Store) beginReading(ctx context.Context) (func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, failure(ctx, "read", err)
	}
	s.reading.RLock()
	if commit.IsClosing(s.closing) {
		s.reading.RUnlock()
		return nil, commit.Closed()
	}
	return s.reading.RUnlock, nil
}

// Read implements journal.Journal. It returns less than limit where the bodies
// are many bytes.
func (s *Store) Read(ctx context.Context, after holdfast.Position, limit int) ([]holdfast.Fact, error) {
	end, err := s.beginReading(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	return s.reader.Read(ctx, after, limit)
}

// Document implements journal.Documents.
func (s *Store) Document(ctx context.Context, key string) (journal.Document, error) {
	end, err := s.beginReading(ctx)
	if err != nil {
		return journal.Document{}, err
	}
	defer end()
	return s.document(ctx, key, s.now())
}

// PutDocument implements journal.Documents.
func (s *Store) PutDocument(ctx context.Context, d journal.Document) (holdfast.Revision, error) {
	if err := journal.CheckDocument(d); err != nil {
		return 0, err
	}
	var revision holdfast.Revision
	err := s.submit(ctx, &request{Call: commit.Call{Size: len(d.Body)}, apply: func(tx *transaction) (err error) {
		revision, err = tx.putDocument(d)
		return err
	}})
	if err != nil {
		return 0, err
	}
	return revision, nil
}

// DeleteDocument implements journal.Documents.
func (s *Store) DeleteDocument(ctx context.Context, key string) error {
	return s.submit(ctx, &request{apply: func(tx *transaction) error {
		tx.exec(tx.st.deleteDocument, key)
		tx.dirty = true
		return nil
	}})
}

// ListDocuments implements journal.Documents.
func (s *Store) ListDocuments(ctx context.Context, prefix, after string, limit int) ([]journal.Document, error) {
	end, err := s.beginReading(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	return s.documents(ctx, prefix, after, limit, s.now())
}

// PutBlob implements journal.Blobs.
func (s *Store) PutBlob(ctx context.Context, b []byte) (holdfast.Hash, error) {
	if err := journal.CheckBlob(b); err != nil {
		return holdfast.Hash{}, err
	}
	h := holdfast.Hash(sha256.Sum256(b))
	err := s.submit(ctx, &request{Call: commit.Call{Size: len(b)}, apply: func(tx *transaction) error {
		tx.exec(tx.st.putBlob, h[:], database.NotNull(b))
		tx.dirty = true
		return nil
	}})
	if err != nil {
		return holdfast.Hash{}, err
	}
	return h, nil
}

// Blob implements journal.Blobs.
func (s *Store) Blob(ctx context.Context, h holdfast.Hash) ([]byte, error) {
	end, err := s.beginReading(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	return s.blob(ctx, h)
}

// HasBlob implements journal.Blobs.
func (s *Store) HasBlob(ctx context.Context, h holdfast.Hash) (bool, error) {
	end, err := s.beginReading(ctx)
	if err != nil {
		return false, err
	}
	defer end()
	return s.hasBlob(ctx, h)
}

// Checkpoint moves all commits into journal.db and writes its sums, as happens
// by itself when the -wal is large or nothing is written for 5 seconds. If
// nothing is written meanwhile, a copy of the directory made afterwards is whole
// without the -wal.
func (s *Store) Checkpoint(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case s.writer.checkpoints <- answer:
	case <-s.closing:
		return commit.Closed()
	case <-ctx.Done():
		return failure(ctx, "checkpoint", ctx.Err())
	}
	if err := <-answer; err != nil {
		return holdfast.Errorf(holdfast.Unavailable, "the checkpoint of the journal in %s could not be completed", s.dir).Because(err)
	}
	return nil
}

// Check implements archive.Storage for a journal in use. Checkpoints are put off
// until it ends; nothing else waits. Closing the store ends it.
func (s *Store) Check(ctx context.Context) (archive.Findings, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.checking.Lock()
	defer s.checking.Unlock()
	if commit.IsClosing(s.closing) {
		return archive.Findings{}, commit.Closed()
	}
	go func() {
		select {
		case <-s.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	problems, err := s.writer.checkFiles()
	if err != nil {
		return archive.Findings{}, failure(ctx, "check files", err)
	}
	found, err := s.findings(ctx, true)
	found.Problems = append(problems, found.Problems...)
	return found, err
}

// Close implements journal.Store: it waits for the transaction that has begun
// and refuses the calls behind it. An error means that the next start has more
// to do, not that anything acknowledged is lost.
func (s *Store) Close() error {
	s.close.Do(func() {
		close(s.closing)
		<-s.stopped
		pass(&s.reading) // those that come later see that it is closing
		pass(&s.checking)
		err := s.writer.finish()
		if released := s.writer.release.run(); err == nil {
			err = released
		}
		if err != nil {
			s.closed = holdfast.Errorf(holdfast.Unavailable, "close the journal in %s", s.dir).Because(err)
		}
	})
	return s.closed
}

// pass returns once nobody is inside a lock.
func pass(l sync.Locker) {
	l.Lock()
	defer l.Unlock()
}
