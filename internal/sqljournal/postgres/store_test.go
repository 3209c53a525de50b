package postgres_test

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/journal/journaltest"
	"holdfast/internal/sqljournal/postgres"
	"holdfast/internal/sqljournal/postgres/cluster"
)

// server is shared: each test has a schema of its own in its database.
var server *cluster.Server

func TestMain(m *testing.M) {
	var err error
	if server, err = cluster.Start(context.Background(), nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := server.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

var schemas atomic.Int64

// newSource makes an empty schema on a server and returns it as a data source.
func newSource(t testing.TB) string {
	t.Helper()
	name := fmt.Sprint("test_", schemas.Add(1))
	if err := server.Exec(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	return server.Source() + " search_path=" + name
}

func open(t testing.TB, o postgres.Options) *postgres.Store {
	t.Helper()
	if o.Warn == nil {
		o.Warn = func(m string) { t.Logf("warning: %s", m) }
	}
	s, err := postgres.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func fact(id, subject string, expect holdfast.Revision) journal.Append {
	return journal.Append{
		ID: id, Actor: holdfast.Self("test"), Time: time.Unix(1, 0),
		Facts: []journal.Draft{journal.NewDraft(holdfast.Subject(subject), expect, "thing.changed", id)},
	}
}

func wantCode(t testing.TB, err error, code holdfast.Code) {
	t.Helper()
	if got := holdfast.CodeOf(err); got != code {
		t.Fatalf("the error has code %q, not %q: %v", got, code, err)
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	journaltest.Run(t, func(t *testing.T) journal.Store {
		t.Parallel()
		return open(t, postgres.Options{Source: newSource(t)})
	})
}
