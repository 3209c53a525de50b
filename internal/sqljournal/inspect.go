package sqljournal

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"holdfast"
	"holdfast/internal/archive"
	"holdfast/internal/journal"
)

// Inspection is a look at a data directory that no process uses. It changes no
// file and works on a damaged directory as far as that can be read. It is what
// archive.Verify takes, as the journal and as the storage.
type Inspection struct {
	dir      string
	evidence *evidence
	view     *view // nil if the database cannot be opened
	lock     *os.File
}

// Inspect opens a data directory for verification. While a running process uses
// it the error says which, with code Unavailable: that process can verify its
// own journal, for it is archive.Journal and archive.Storage as well.
func Inspect(ctx context.Context, dir string) (_ *Inspection, err error) {
	fresh, err := isFresh(dir)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) || err == nil && fresh {
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no journal in %s", dir)
	}
	in := &Inspection{dir: dir}
	defer func() {
		if err != nil {
			in.Close()
		}
	}()
	if in.lock, err = lockForReading(dir); err != nil {
		return nil, err
	}
	if in.evidence, err = examine(dir); err != nil {
		return nil, err
	}
	if in.view, err = in.evidence.look(ctx); err != nil {
		return nil, err
	}
	return in, nil
}

// Close ends the look.
func (in *Inspection) Close() error {
	if in.view != nil {
		in.view.end()
	}
	if in.evidence != nil {
		in.evidence.close()
	}
	if in.lock != nil {
		return in.lock.Close()
	}
	return nil
}

// Genesis implements archive.Journal.
func (in *Inspection) Genesis() holdfast.Head {
	if in.view == nil {
		return holdfast.Head{}
	}
	return in.view.Genesis()
}

// Head implements archive.Journal: the witness if it can be read, else what the
// database says.
func (in *Inspection) Head() holdfast.Head {
	switch {
	case in.evidence.witness != nil:
		return in.evidence.witness.Head
	case in.view != nil:
		return in.view.Head()
	}
	return holdfast.Head{}
}

// Read implements archive.Journal.
func (in *Inspection) Read(ctx context.Context, after holdfast.Position, limit int) ([]holdfast.Fact, error) {
	if in.view == nil {
		return nil, holdfast.Errorf(holdfast.Damaged, "%s cannot be opened", fileDB)
	}
	return in.view.Read(ctx, after, limit)
}

// ListDocuments is that of journal.Documents.
func (in *Inspection) ListDocuments(ctx context.Context, prefix, after string, limit int) ([]journal.Document, error) {
	if in.view == nil {
		return nil, holdfast.Errorf(holdfast.Damaged, "%s cannot be opened", fileDB)
	}
	return in.view.documents(ctx, prefix, after, limit, time.Now())
}

// EachBlob calls f with every blob, as stored.
func (in *Inspection) EachBlob(ctx context.Context, f func(h holdfast.Hash, b []byte) error) error {
	if in.view == nil {
		return holdfast.Errorf(holdfast.Damaged, "%s cannot be opened", fileDB)
	}
	return in.view.eachBlob(ctx, f)
}

// Check implements archive.Storage: pages, -wal, sums and witness, SQLite's own
// structures, every blob.
func (in *Inspection) Check(ctx context.Context) (archive.Findings, error) {
	var found archive.Findings
	var err error
	if in.view != nil {
		found, err = in.view.findings(ctx, true)
	}
	found.Problems = append(in.evidence.problems, found.Problems...)
	for _, name := range in.evidence.missing {
		found.Unchecked = append(found.Unchecked, fmt.Sprintf("%s is missing: what it would show could not be compared", name))
	}
	return found, err
}

// findings reads all that is not a fact.
func (r reader) findings(ctx context.Context, structures bool) (archive.Findings, error) {
	var found archive.Findings
	if structures {
		faults, err := r.integrity(ctx)
		if err != nil {
			return found, err
		}
		for _, fault := range faults {
			found.Problems = append(found.Problems, archive.Problem{Where: fileDB, What: "SQLite's check: " + fault})
		}
	}
	if err := r.db.QueryRowContext(ctx, sqlCountDocuments).Scan(&found.Documents); err != nil {
		return found, failure(ctx, "count documents", err)
	}
	err := r.eachBlob(ctx, func(hash holdfast.Hash, body []byte) error {
		if sha256.Sum256(body) != hash {
			found.Problems = append(found.Problems, archive.Problem{Where: fmt.Sprintf("blob %s", hash), What: "its bytes have another hash"})
		}
		found.Blobs++
		return nil
	})
	return found, err
}

func (r reader) eachBlob(ctx context.Context, f func(h holdfast.Hash, b []byte) error) error {
	rows, err := r.db.QueryContext(ctx, sqlBlobs)
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
