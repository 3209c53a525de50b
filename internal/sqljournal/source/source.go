// Package source opens the journal that a data source names, whatever the engine:
// a directory (SQLite), or a PostgreSQL database as a URL or in words:
//
//	/var/lib/holdfast
//	postgres://holdfast@db1,db2/holdfast
//	host=db1,db2 user=holdfast dbname=holdfast
//
// It also moves a journal from one to another ([Copy]).
package source

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"holdfast"
	"holdfast/internal/archive"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal"
	"holdfast/internal/sqljournal/postgres"
)

// Store is a journal with all that a control node needs of it.
type Store interface {
	journal.Store
	archive.Journal
	archive.Storage
	Durability() journal.Durability
	// AppendAll makes appends in order, many in one commit.
	AppendAll(ctx context.Context, list []journal.Append) ([]journal.Receipt, error)
}

var (
	_ Store = (*sqljournal.Store)(nil)
	_ Store = (*postgres.Store)(nil)
)

// Options say which journal to open.
type Options struct {
	// Dir is the node's own directory. The journal is there if Database is empty;
	// else the directory keeps the newest head that this node acknowledged.
	Dir string
	// Database is a PostgreSQL data source.
	Database string
	// Password, if not empty, is the database's.
	Password string
	// Fenced is that of postgres.Options.
	Fenced bool
	Now    func() time.Time
	Warn   func(message string)
	// As, if its journal is named, is the journal that an empty data source is to
	// hold a copy of.
	As holdfast.Head
}

var (
	database = regexp.MustCompile(`^postgres(ql)?://|^\s*(host|hostaddr|port|user|dbname|service|sslmode)\s*=`)
	password = regexp.MustCompile(`(?i)^[a-z]+://[^/@]*:[^/@]+@|password\s*=`)
)

// Named makes options of a data source's name as given on a command line, where
// no password may stand.
func Named(name string) (Options, error) {
	switch {
	case !database.MatchString(name):
		return Options{Dir: name}, nil
	case password.MatchString(name):
		return Options{}, holdfast.Errorf(holdfast.Invalid, "other users of the machine can read a password there: take it out of the data source, and set PGPASSWORD or write ~/.pgpass")
	}
	return Options{Database: name}, nil
}

// witnessName is the file, in a node's directory, that keeps the newest head it
// acknowledged, if the journal itself is in a database.
const witnessName = "database.head"

func (o Options) postgres() postgres.Options {
	p := postgres.Options{Source: o.Database, Password: o.Password, Fenced: o.Fenced, Now: o.Now, Warn: o.Warn, As: o.As}
	if o.Dir != "" {
		p.Witness = filepath.Join(o.Dir, witnessName)
	}
	return p
}

// Place names the data source for people.
func (o Options) Place() string {
	if o.Database != "" {
		return "the database " + o.Database
	}
	return o.Dir
}

// Open opens a journal and makes it where there is none.
func Open(ctx context.Context, o Options) (Store, error) {
	if o.Database == "" {
		s, err := sqljournal.Open(ctx, sqljournal.Options{Dir: o.Dir, Now: o.Now, Warn: o.Warn, As: o.As})
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return nil, holdfast.Errorf(holdfast.Unavailable, "the directory %s cannot be made", o.Dir).Because(err)
		}
	}
	s, err := postgres.Open(ctx, o.postgres())
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Inspection is a look at a journal that changes nothing.
type Inspection interface {
	archive.Journal
	archive.Storage
	ListDocuments(ctx context.Context, prefix, after string, limit int) ([]journal.Document, error)
	EachBlob(ctx context.Context, f func(h holdfast.Hash, b []byte) error) error
	Close() error
}

// Inspect looks at a journal: one in a directory that no process uses, or one in a
// database.
func Inspect(ctx context.Context, o Options) (Inspection, error) {
	if o.Database == "" {
		in, err := sqljournal.Inspect(ctx, o.Dir)
		if err != nil {
			return nil, err
		}
		return in, nil
	}
	in, err := postgres.Inspect(ctx, o.postgres())
	if err != nil {
		return nil, err
	}
	return in, nil
}
