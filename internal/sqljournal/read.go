package sqljournal

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/commit"
	"holdfast/internal/sqljournal/database"
)

// reader reads what is committed. Its methods may run at once.
type reader struct {
	db *sql.DB
	// facts is the statement of Read, prepared; nil for one that reads once.
	facts *sql.Stmt
}

// maxRead ends a batch of facts after this many bytes of bodies.
const maxRead = 16 << 20

// Read returns facts after a position: about limit of them, whole appends.
func (r reader) Read(ctx context.Context, after holdfast.Position, limit int) ([]holdfast.Fact, error) {
	limit = max(limit, 1)
	query := func(args ...any) (*sql.Rows, error) { return r.db.QueryContext(ctx, sqlFacts, args...) }
	if r.facts != nil {
		query = func(args ...any) (*sql.Rows, error) { return r.facts.QueryContext(ctx, args...) }
	}
	rows, err := query(int64(after), limit+journal.MaxFacts)
	if err != nil {
		return nil, failure(ctx, "read facts", err)
	}
	defer rows.Close()
	facts := make([]holdfast.Fact, 0, min(limit, 2048))
	scanner := factScanner{actors: commit.Actors{}}
	size := 0
	for rows.Next() {
		f, err := scanner.scan(rows)
		if err != nil {
			return nil, failure(ctx, "read facts", err)
		}
		full := len(facts) >= limit || size >= maxRead
		if full && f.Append != facts[len(facts)-1].Append {
			break
		}
		facts = append(facts, f)
		size += len(f.Body)
	}
	if err := rows.Err(); err != nil {
		return nil, failure(ctx, "read facts", err)
	}
	return facts, nil
}

// factScanner turns rows into facts.
type factScanner struct {
	actors                commit.Actors
	actor, bodyHash, hash sql.RawBytes
}

func (s *factScanner) scan(rows *sql.Rows) (f holdfast.Fact, err error) {
	var micros int64
	if err := rows.Scan(&f.Position, &f.Append, &f.Subject, &f.Revision, &f.Kind, &s.actor, &micros, &s.bodyHash, &s.hash, &f.Body); err != nil {
		return f, err
	}
	err = s.actors.Complete(&f, s.actor, micros, s.bodyHash, s.hash)
	return f, err
}

// meta is the row that says which journal this is and how far it has come.
type meta struct {
	head holdfast.Head
	beat uint64
}

func (r reader) readMeta(ctx context.Context) (meta, error) {
	var m meta
	err := r.db.QueryRowContext(ctx, sqlMeta).Scan(&m.head.Journal, &m.head.Epoch, &m.beat)
	if err != nil {
		return m, failure(ctx, "read the state of the journal", err)
	}
	var hash []byte
	err = r.db.QueryRowContext(ctx, sqlLast).Scan(&m.head.Position, &hash)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		m.head.Hash = journal.Genesis(m.head.Journal)
	case err != nil:
		return m, failure(ctx, "read the last fact", err)
	default:
		copy(m.head.Hash[:], hash)
	}
	return m, nil
}

// hash returns the chain's hash at a position, zero if no fact is there.
func (r reader) hash(ctx context.Context, genesis holdfast.Head, p holdfast.Position) (holdfast.Hash, error) {
	if p == 0 {
		return genesis.Hash, nil
	}
	var h holdfast.Hash
	var stored []byte
	err := r.db.QueryRowContext(ctx, sqlHash, int64(p)).Scan(&stored)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return h, failure(ctx, "read a fact", err)
	}
	copy(h[:], stored)
	return h, nil
}

func scanDocument(scan func(...any) error) (journal.Document, error) {
	var d journal.Document
	var expires int64
	if err := scan(&d.Key, &d.Revision, &expires, &d.Body); err != nil {
		return d, err
	}
	if expires != 0 {
		d.Expires = time.UnixMicro(expires).UTC()
	}
	return d, nil
}

func expired(d journal.Document, now time.Time) bool {
	return !d.Expires.IsZero() && !now.Before(d.Expires)
}

func (r reader) document(ctx context.Context, key string, now time.Time) (journal.Document, error) {
	d, err := scanDocument(r.db.QueryRowContext(ctx, sqlDocument, key).Scan)
	if errors.Is(err, sql.ErrNoRows) || err == nil && expired(d, now) {
		return journal.Document{}, journal.NoDocument(key)
	}
	if err != nil {
		return journal.Document{}, failure(ctx, "read a document", err)
	}
	return d, nil
}

func (r reader) documents(ctx context.Context, prefix, after string, limit int, now time.Time) ([]journal.Document, error) {
	if limit <= 0 {
		return nil, nil
	}
	rows, err := r.db.QueryContext(ctx, sqlDocuments, max(prefix, after))
	if err != nil {
		return nil, failure(ctx, "list documents", err)
	}
	defer rows.Close()
	var list []journal.Document
	for len(list) < limit && rows.Next() {
		d, err := scanDocument(rows.Scan)
		if err != nil {
			return nil, failure(ctx, "list documents", err)
		}
		if !strings.HasPrefix(d.Key, prefix) {
			break
		}
		if d.Key > after && !expired(d, now) {
			list = append(list, d)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, failure(ctx, "list documents", err)
	}
	return list, nil
}

func (r reader) blob(ctx context.Context, h holdfast.Hash) ([]byte, error) {
	var b []byte
	err := r.db.QueryRowContext(ctx, sqlBlob, h[:]).Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, journal.NoBlob(h)
	}
	if err != nil {
		return nil, failure(ctx, "read a blob", err)
	}
	if sha256.Sum256(b) != h {
		return nil, holdfast.Errorf(holdfast.Damaged, "the blob %s is damaged: its bytes have another hash", h)
	}
	return b, nil
}

func (r reader) hasBlob(ctx context.Context, h holdfast.Hash) (found bool, err error) {
	if err := r.db.QueryRowContext(ctx, sqlHasBlob, h[:]).Scan(&found); err != nil {
		return false, failure(ctx, "look for a blob", err)
	}
	return found, nil
}

// integrity returns what SQLite's own check of its structures finds.
func (r reader) integrity(ctx context.Context) ([]string, error) {
	rows, err := r.db.QueryContext(ctx, sqlIntegrity)
	if err != nil {
		return nil, failure(ctx, "check the database", err)
	}
	defer rows.Close()
	var faults []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, failure(ctx, "check the database", err)
		}
		if line != "ok" {
			faults = append(faults, line)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, failure(ctx, "check the database", err)
	}
	return faults, nil
}

// failure gives an error of SQLite its code. An error that has one keeps it.
func failure(ctx context.Context, act string, err error) error {
	var coded *holdfast.Error
	switch {
	case errors.As(err, &coded):
		return fmt.Errorf("%s: %w", act, err)
	case ctx.Err() != nil:
		return holdfast.Errorf(holdfast.Unavailable, "the request ended before the journal answered").Because(ctx.Err())
	case errors.Is(err, sql.ErrConnDone), errors.Is(err, commit.ErrClosed):
		return commit.Closed()
	}
	switch database.Code(err) {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return holdfast.Errorf(holdfast.Damaged, "%s: %s is damaged; stop Holdfast and run holdfast archive verify", act, fileDB).Because(err)
	case sqlite3.SQLITE_FULL:
		return holdfast.Errorf(holdfast.Unavailable, "%s: the disk of the journal is full; nothing was written", act).Because(err)
	}
	return holdfast.Errorf(holdfast.Unavailable, "%s: the journal's database cannot be used now", act).Because(err)
}
