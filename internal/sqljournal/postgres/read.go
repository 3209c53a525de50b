package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"holdfast"
	"holdfast/internal/archive"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/commit"
)

// maxRead ends a batch of facts after this many bytes of bodies.
const maxRead = 16 << 20

const (
	// readTime bounds one attempt to read, readPatience all attempts. A read that
	// meets a fail-over is begun anew and does not show it.
	readTime     = 10 * time.Second
	readPatience = 30 * time.Second
)

// reading runs a read, again if the database could not be used.
func (s *Store) reading(ctx context.Context, act string, read func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return commit.Ended(err)
	}
	ctx, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	for {
		if commit.IsClosing(s.closing) {
			return commit.Closed()
		}
		s.mu.Lock()
		era := s.era
		s.mu.Unlock()
		attempt, end := context.WithTimeout(ctx, readTime)
		release := context.AfterFunc(era, end)
		err := read(attempt)
		release()
		end()
		if err == nil {
			return nil
		}
		if err = failure(ctx, act, err); holdfast.CodeOf(err) != holdfast.Unavailable || !pause(ctx, again) {
			return err
		}
	}
}

// Read implements journal.Journal. It returns less than limit where the bodies
// are many bytes.
func (s *Store) Read(ctx context.Context, after holdfast.Position, limit int) (facts []holdfast.Fact, err error) {
	limit = max(limit, 1)
	err = s.reading(ctx, "read facts", func(ctx context.Context) error {
		rows, err := s.pool.Query(ctx, sqlFacts, int64(after), limit, maxRead, journal.MaxFacts)
		if err != nil {
			return err
		}
		defer rows.Close()
		facts = make([]holdfast.Fact, 0, min(limit, 2048))
		actors := commit.Actors{}
		for rows.Next() {
			f, err := scanFact(rows, actors)
			if err != nil {
				return err
			}
			facts = append(facts, f)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return facts, nil
}

func scanFact(rows pgx.Rows, actors commit.Actors) (f holdfast.Fact, err error) {
	var position, revision, micros int64
	var actor, bodyHash, hash []byte
	if err := rows.Scan(&position, &f.Append, (*string)(&f.Subject), &revision, &f.Kind, &actor, &micros, &bodyHash, &hash, (*[]byte)(&f.Body)); err != nil {
		return f, err
	}
	f.Position, f.Revision = holdfast.Position(position), holdfast.Revision(revision)
	err = actors.Complete(&f, actor, micros, bodyHash, hash)
	return f, err
}

func scanDocument(row pgx.Row) (d journal.Document, err error) {
	var revision, expires int64
	if err := row.Scan(&d.Key, &revision, &expires, &d.Body); err != nil {
		return d, err
	}
	d.Revision = holdfast.Revision(revision)
	if expires != 0 {
		d.Expires = time.UnixMicro(expires).UTC()
	}
	return d, nil
}

// Document implements journal.Documents.
func (s *Store) Document(ctx context.Context, key string) (d journal.Document, err error) {
	err = s.reading(ctx, "read a document", func(ctx context.Context) (err error) {
		d, err = scanDocument(s.pool.QueryRow(ctx, sqlDocument, key, s.opt.Now().UnixMicro()))
		if errors.Is(err, pgx.ErrNoRows) {
			return journal.NoDocument(key)
		}
		return err
	})
	return d, plain(err)
}

// plain takes the act off an error that is an ordinary answer.
func plain(err error) error {
	var coded *holdfast.Error
	if errors.As(err, &coded) && (coded.Code == holdfast.NotFound || coded.Code == holdfast.Conflict) {
		return coded
	}
	return err
}

// ListDocuments implements journal.Documents.
func (s *Store) ListDocuments(ctx context.Context, prefix, after string, limit int) (list []journal.Document, err error) {
	err = s.reading(ctx, "list documents", func(ctx context.Context) error {
		rows, err := s.pool.Query(ctx, sqlDocuments, prefix, after, s.opt.Now().UnixMicro(), max(limit, 0))
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (journal.Document, error) { return scanDocument(row) })
		return err
	})
	return list, err
}

// Blob implements journal.Blobs.
func (s *Store) Blob(ctx context.Context, h holdfast.Hash) (b []byte, err error) {
	err = s.reading(ctx, "read a blob", func(ctx context.Context) error {
		err := s.pool.QueryRow(ctx, sqlBlob, h[:]).Scan(&b)
		if errors.Is(err, pgx.ErrNoRows) {
			return journal.NoBlob(h)
		}
		return err
	})
	if err != nil {
		return nil, plain(err)
	}
	if sha256.Sum256(b) != h {
		return nil, holdfast.Errorf(holdfast.Damaged, "the blob %s is damaged: its bytes have another hash", h)
	}
	return b, nil
}

// HasBlob implements journal.Blobs.
func (s *Store) HasBlob(ctx context.Context, h holdfast.Hash) (found bool, err error) {
	err = s.reading(ctx, "look for a blob", func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, sqlHasBlob, h[:]).Scan(&found)
	})
	return found, plain(err)
}

// Check implements archive.Storage: every blob against its hash, and the last
// fact against the table meta.
func (s *Store) Check(ctx context.Context) (archive.Findings, error) {
	var found archive.Findings
	_, err := readEnd(ctx, s.pool)
	switch {
	case holdfast.CodeOf(err) == holdfast.Damaged:
		found.Problems = append(found.Problems, archive.Problem{Where: "table meta", What: err.Error()})
	case err != nil:
		return found, failure(ctx, "check the database", err)
	}
	if err := s.pool.QueryRow(ctx, sqlCountDocuments).Scan(&found.Documents); err != nil {
		return found, failure(ctx, "count documents", err)
	}
	err = s.eachBlob(ctx, func(hash holdfast.Hash, body []byte) error {
		if sha256.Sum256(body) != hash {
			found.Problems = append(found.Problems, archive.Problem{Where: fmt.Sprintf("blob %s", hash), What: "its bytes have another hash"})
		}
		found.Blobs++
		return nil
	})
	return found, err
}

// eachBlob calls f with every blob, as stored.
func (s *Store) eachBlob(ctx context.Context, f func(h holdfast.Hash, b []byte) error) error {
	rows, err := s.pool.Query(ctx, sqlBlobs)
	if err != nil {
		return failure(ctx, "read blobs", err)
	}
	defer rows.Close()
	for rows.Next() {
		var h holdfast.Hash
		var hash, body []byte
		if err := rows.Scan(&hash, &body); err != nil {
			return failure(ctx, "read blobs", err)
		}
		copy(h[:], hash)
		if err := f(h, body); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return failure(ctx, "read blobs", err)
	}
	return nil
}
