package journaltest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

func now() time.Time { return moment }

// increment decides on one more fact of a subject that everybody shares.
func increment(c counter) func(time.Time) ([]journal.Draft, error) {
	return func(time.Time) ([]journal.Draft, error) {
		n := c["thing/shared"]
		return []journal.Draft{draft("thing/shared", holdfast.Revision(n), n+1)}, nil
	}
}

func documents(t *testing.T, s journal.Store) {
	ctx := t.Context()
	_, err := s.Document(ctx, "cursor/a")
	wantCode(t, err, holdfast.NotFound)
	for i, body := range [][]byte{[]byte("one"), {}, nil, {0, 1, 255}} {
		revision, err := s.PutDocument(ctx, journal.Document{Key: "cursor/a", Revision: holdfast.Revision(i), Body: body})
		if err != nil || revision != holdfast.Revision(i+1) {
			t.Fatalf("put %d: revision %d, error %v", i, revision, err)
		}
		d, err := s.Document(ctx, "cursor/a")
		if err != nil || d.Key != "cursor/a" || d.Revision != revision || !bytes.Equal(d.Body, body) || !d.Expires.IsZero() {
			t.Fatalf("document %+v, error %v", d, err)
		}
	}
	for _, revision := range []holdfast.Revision{0, 3, 5} {
		_, err = s.PutDocument(ctx, journal.Document{Key: "cursor/a", Revision: revision})
		wantCode(t, err, holdfast.Conflict)
	}
	_, err = s.PutDocument(ctx, journal.Document{Key: "cursor/b", Revision: 1})
	wantCode(t, err, holdfast.Conflict)
	for range 2 {
		if err := s.DeleteDocument(ctx, "cursor/a"); err != nil {
			t.Fatal(err)
		}
	}
	_, err = s.Document(ctx, "cursor/a")
	wantCode(t, err, holdfast.NotFound)
	if revision, err := s.PutDocument(ctx, journal.Document{Key: "cursor/a"}); err != nil || revision != 1 {
		t.Fatalf("put after delete: revision %d, error %v", revision, err)
	}
}

func documentsExpire(t *testing.T, s journal.Store) {
	ctx := t.Context()
	past, future := time.Now().Add(-time.Second), time.Now().Add(time.Hour)
	for range 2 { // expired is as good as absent, so revision 0 is right each time
		if revision, err := s.PutDocument(ctx, journal.Document{Key: "session/old", Expires: past}); err != nil || revision != 1 {
			t.Fatalf("revision %d, error %v", revision, err)
		}
	}
	if _, err := s.PutDocument(ctx, journal.Document{Key: "session/new", Body: []byte("x"), Expires: future}); err != nil {
		t.Fatal(err)
	}
	_, err := s.Document(ctx, "session/old")
	wantCode(t, err, holdfast.NotFound)
	_, err = s.PutDocument(ctx, journal.Document{Key: "session/old", Revision: 1})
	wantCode(t, err, holdfast.Conflict)
	d, err := s.Document(ctx, "session/new")
	if err != nil || !d.Expires.Equal(future.Truncate(time.Microsecond)) {
		t.Fatalf("document %+v, error %v", d, err)
	}
	list, err := s.ListDocuments(ctx, "session/", "", 10)
	if err != nil || len(list) != 1 || list[0].Key != "session/new" {
		t.Fatalf("list %+v, error %v", list, err)
	}
}

func documentsList(t *testing.T, s journal.Store) {
	ctx := t.Context()
	for _, key := range []string{"b/2", "b/1", "a/9", "b/", "b", "b/1/x", "c/1", "b/百"} {
		if _, err := s.PutDocument(ctx, journal.Document{Key: key, Body: []byte(key)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		prefix, after string
		limit         int
		want          string
	}{
		{"b/", "", 10, "b/ b/1 b/1/x b/2 b/百"},
		{"b/", "b/1", 10, "b/1/x b/2 b/百"},
		{"b/", "b/1", 1, "b/1/x"},
		{"b/", "a", 2, "b/ b/1"},
		{"b/", "b/百", 10, ""},
		{"b/", "c", 10, ""},
		{"", "", 3, "a/9 b b/"},
		{"x", "", 3, ""},
		{"b/", "", 0, ""},
	} {
		list, err := s.ListDocuments(ctx, c.prefix, c.after, c.limit)
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, d := range list {
			keys = append(keys, d.Key)
			if string(d.Body) != d.Key || d.Revision != 1 {
				t.Errorf("document %+v", d)
			}
		}
		if got := strings.Join(keys, " "); got != c.want {
			t.Errorf("list %q after %q limit %d: %q, not %q", c.prefix, c.after, c.limit, got, c.want)
		}
	}
}

func documentsOneWinner(t *testing.T, s journal.Store) {
	for revision := range holdfast.Revision(5) {
		var won atomic.Int32
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				_, err := s.PutDocument(t.Context(), journal.Document{Key: "claim", Revision: revision, Body: fmt.Append(nil, i)})
				switch holdfast.CodeOf(err) {
				case "":
					won.Add(1)
				case holdfast.Conflict:
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d writers won revision %d", won.Load(), revision+1)
		}
	}
}

func documentLimits(t *testing.T, s journal.Store) {
	for what, c := range map[string]struct {
		d    journal.Document
		code holdfast.Code
	}{
		"no key":       {journal.Document{}, holdfast.Invalid},
		"a long key":   {journal.Document{Key: strings.Repeat("k", journal.MaxKey+1)}, holdfast.Invalid},
		"a broken key": {journal.Document{Key: "\xff"}, holdfast.Invalid},
		"a large body": {journal.Document{Key: "k", Body: make([]byte, journal.MaxDocument+1)}, holdfast.TooLarge},
		"the largest":  {journal.Document{Key: strings.Repeat("k", journal.MaxKey), Body: make([]byte, journal.MaxDocument)}, ""},
	} {
		if _, err := s.PutDocument(t.Context(), c.d); holdfast.CodeOf(err) != c.code {
			t.Errorf("%s: error %v", what, err)
		}
	}
}

func blobs(t *testing.T, s journal.Store) {
	ctx := t.Context()
	for _, b := range [][]byte{[]byte("plan"), {}, bytes.Repeat([]byte{0, 255}, 1<<19)} {
		want := holdfast.Hash(sha256.Sum256(b))
		_, err := s.Blob(ctx, want)
		wantCode(t, err, holdfast.NotFound)
		if found, err := s.HasBlob(ctx, want); err != nil || found {
			t.Fatalf("before it is put: found %v, error %v", found, err)
		}
		for range 2 {
			if h, err := s.PutBlob(ctx, b); err != nil || h != want {
				t.Fatalf("put: %s, error %v", h, err)
			}
		}
		if got, err := s.Blob(ctx, want); err != nil || !bytes.Equal(got, b) {
			t.Fatalf("%d bytes came back, error %v", len(got), err)
		}
		if found, err := s.HasBlob(ctx, want); err != nil || !found {
			t.Fatalf("after it was put: found %v, error %v", found, err)
		}
	}
	_, err := s.PutBlob(ctx, make([]byte, journal.MaxBlob+1))
	wantCode(t, err, holdfast.TooLarge)
}

func closed(t *testing.T, s journal.Store) {
	mustAppend(t, s, an("a", draft("thing/1", 0, 1)))
	waiting := make(chan error, 1)
	go func() { waiting <- s.Wait(t.Context(), 1) }()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantCode(t, <-waiting, holdfast.Unavailable)
	for name, err := range map[string]error{
		"append":  second(s.Append(t.Context(), an("b", draft("thing/1", 1, 1)))),
		"read":    second(s.Read(t.Context(), 0, 1)),
		"wait":    s.Wait(t.Context(), 0),
		"barrier": second(s.Barrier(t.Context())),
		"put":     second(s.PutDocument(t.Context(), journal.Document{Key: "k"})),
		"get":     second(s.Document(t.Context(), "k")),
		"blob":    second(s.PutBlob(t.Context(), nil)),
		"has":     second(s.HasBlob(t.Context(), holdfast.Hash{})),
	} {
		if holdfast.CodeOf(err) != holdfast.Unavailable {
			t.Errorf("%s on a closed store: %v", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}
