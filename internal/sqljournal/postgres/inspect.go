package postgres

import (
	"context"

	"holdfast"
	"holdfast/internal/archive"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/commit"
)

// Inspection is a look at a database, in use or not. It changes nothing and works
// on a damaged one as far as that can be read. It is what archive.Verify takes,
// as the journal and as the storage.
type Inspection struct {
	store   *Store
	head    holdfast.Head // as witnessed
	problem []archive.Problem
}

// Inspect opens a database for verification. Of the options it needs the source
// and, to notice lost facts, the witness.
func Inspect(ctx context.Context, o Options) (_ *Inspection, err error) {
	known, err := readWitness(o.Witness)
	if err != nil {
		return nil, err
	}
	o.Witness = ""
	s, err := prepare(o)
	if err != nil {
		return nil, err
	}
	in := &Inspection{store: s, head: known.Head}
	if s.pool, err = s.newPool(); err != nil {
		s.end()
		return nil, failure(ctx, "open the journal", err)
	}
	defer func() {
		if err != nil {
			in.Close()
		}
	}()
	format, err := readFormat(ctx, s.pool)
	switch {
	case err != nil:
		return nil, failure(ctx, "open the journal", err)
	case format == 0:
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no journal in this database")
	case format != len(migrations):
		return nil, formatError(format)
	}
	m, err := readMeta(ctx, s.pool)
	if holdfast.CodeOf(err) == holdfast.Damaged {
		in.problem = append(in.problem, archive.Problem{Where: "table meta", What: err.Error()})
		m = commit.Witness{Head: known.Head}
	} else if err != nil {
		return nil, failure(ctx, "open the journal", err)
	}
	s.genesis = holdfast.Head{Journal: m.Head.Journal, Epoch: m.Head.Epoch, Hash: journal.Genesis(m.Head.Journal)}
	in.compare(m.Head)
	return in, nil
}

// compare holds what the table meta says to the witness. That the chain passes
// through the witness is for the archive to check, that it ends where meta says
// for the storage.
func (in *Inspection) compare(says holdfast.Head) {
	switch w := in.head; {
	case w.Journal == "":
		in.head = says
	case w.Journal != says.Journal || w.Epoch != says.Epoch:
		in.problem = append(in.problem, archive.Problem{Where: "table meta", What: "this is journal " + says.String() + ", and " + w.String() + " was witnessed"})
		in.head = says
	}
}

// Genesis implements archive.Journal.
func (in *Inspection) Genesis() holdfast.Head { return in.store.genesis }

// Head implements archive.Journal: the witness if there is one, else what the
// table meta says.
func (in *Inspection) Head() holdfast.Head { return in.head }

// Read implements archive.Journal.
func (in *Inspection) Read(ctx context.Context, after holdfast.Position, limit int) ([]holdfast.Fact, error) {
	return in.store.Read(ctx, after, limit)
}

// ListDocuments is that of journal.Documents.
func (in *Inspection) ListDocuments(ctx context.Context, prefix, after string, limit int) ([]journal.Document, error) {
	return in.store.ListDocuments(ctx, prefix, after, limit)
}

// EachBlob calls f with every blob, as stored.
func (in *Inspection) EachBlob(ctx context.Context, f func(h holdfast.Hash, b []byte) error) error {
	return in.store.eachBlob(ctx, f)
}

// Check implements archive.Storage.
func (in *Inspection) Check(ctx context.Context) (archive.Findings, error) {
	found, err := in.store.Check(ctx)
	found.Problems = append(in.problem, found.Problems...)
	return found, err
}

// Close ends the look.
func (in *Inspection) Close() error {
	in.store.end()
	in.store.pool.Close()
	return nil
}
