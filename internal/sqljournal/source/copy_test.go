package source_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/postgres/cluster"
	"holdfast/internal/sqljournal/source"
)

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

func schema(t *testing.T, name string) source.Options {
	t.Helper()
	if err := server.Exec(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	return named(t, server.Source()+" search_path="+name)
}

func named(t *testing.T, name string) source.Options {
	t.Helper()
	o, err := source.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// fill writes appends of one to three facts, blobs and documents.
func fill(t *testing.T, o source.Options, appends int) holdfast.Head {
	t.Helper()
	s, err := source.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range appends {
		a := journal.Append{ID: fmt.Sprint("a-", i), Actor: holdfast.Actor{Kind: holdfast.Account, ID: "lin", Name: "林 <O'Neil>"}, Time: time.Unix(int64(i), 7_000)}
		for r := range 1 + i%3 {
			a.Facts = append(a.Facts, journal.NewDraft(holdfast.NewSubject("thing", fmt.Sprint(i)), holdfast.Revision(r), "thing.changed", fmt.Sprint("身 ", r)))
		}
		if _, err := s.Append(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		if _, err := s.PutBlob(t.Context(), fmt.Append(nil, "blob ", i)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.PutDocument(t.Context(), journal.Document{Key: fmt.Sprint("cursor/", i), Body: []byte{byte(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	head := s.Head()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return head
}

// TestCopyThereAndBack moves a journal from SQLite to PostgreSQL and back.
func TestCopyThereAndBack(t *testing.T) {
	t.Parallel()
	first := named(t, t.TempDir())
	head := fill(t, first, 60)
	places := []source.Options{first, schema(t, "there"), named(t, filepath.Join(t.TempDir(), "back"))}
	for i, to := range places[1:] {
		for range 2 { // what was copied already is left as it is
			c, err := source.Copy(t.Context(), places[i], to)
			if err != nil {
				t.Fatal(err)
			}
			if want := (source.Copied{Head: head, Facts: 120, Appends: 60, Blobs: 3, Documents: 3}); c != want {
				t.Errorf("%+v, not %+v", c, want)
			}
		}
	}
	s, err := source.Open(t.Context(), places[2])
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Head() != head {
		t.Errorf("the head is %v, not %v", s.Head(), head)
	}
	if d, err := s.Document(t.Context(), "cursor/2"); err != nil || string(d.Body) != "\x02" {
		t.Errorf("document %+v, error %v", d, err)
	}
}

func TestCopyContinues(t *testing.T) {
	t.Parallel()
	from, to := schema(t, "whole"), schema(t, "part")
	head := fill(t, from, 20)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := source.Copy(ctx, from, to); err == nil {
		t.Fatal("a copy under an ended context succeeded")
	}
	s, err := source.Open(t.Context(), source.Options{Database: to.Database, As: head})
	if err != nil {
		t.Fatal(err)
	}
	in, err := source.Inspect(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	facts, err := in.Read(t.Context(), 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	f := facts[0]
	a := journal.Append{ID: f.Append, Actor: f.Actor, Time: f.Time, Facts: []journal.Draft{{Subject: f.Subject, Kind: f.Kind, Body: f.Body}}}
	if _, err := s.Append(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if c, err := source.Copy(t.Context(), from, to); err != nil || c.Head != head {
		t.Fatalf("%+v, error %v", c, err)
	}
}

func TestCopyRefuses(t *testing.T) {
	t.Parallel()
	from, other := named(t, t.TempDir()), schema(t, "other")
	fill(t, from, 3)
	fill(t, other, 3)
	_, err := source.Copy(t.Context(), from, other)
	if holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("a copy over another journal: %v", err)
	}
	_, err = source.Copy(t.Context(), named(t, t.TempDir()), other)
	if holdfast.CodeOf(err) != holdfast.NotFound {
		t.Errorf("a copy of nothing: %v", err)
	}
	if err := server.Exec(t.Context(), `UPDATE other.fact SET kind = 'x' WHERE position = 2`); err != nil {
		t.Fatal(err)
	}
	_, err = source.Copy(t.Context(), other, named(t, t.TempDir()))
	if holdfast.CodeOf(err) != holdfast.Damaged {
		t.Errorf("a copy of a damaged journal: %v", err)
	}
}

func TestNamed(t *testing.T) {
	for name, database := range map[string]bool{
		"postgres://holdfast@db1,db2/holdfast": true,
		"postgresql:///holdfast":               true,
		"host=db1 dbname=x":                    true,
		"/var/lib/holdfast":                    false,
		"holdfast-data":                        false,
		"dir=with-a-sign":                      false,
	} {
		o := named(t, name)
		if (o.Database == name) != database || (o.Dir == name) == database {
			t.Errorf("%s: %+v", name, o)
		}
	}
	for _, name := range []string{"postgres://holdfast:geheim@db1/holdfast", "host=db1 password=geheim", "host=db1 Password = geheim"} {
		if _, err := source.Named(name); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
