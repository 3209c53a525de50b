package backup

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/archive"
	"holdfast/internal/journal"
)

const journalID = "0123456789abcdefghjkmnpqrs"

var begun = time.Date(2026, 11, 24, 1, 30, 0, 0, time.UTC)

// book is a journal in memory that is its own snapshot format.
type book struct {
	mu    sync.Mutex
	head  holdfast.Head
	facts []holdfast.Fact
	// fails, if not nil, is what copying it fails with.
	fails error
}

// fail makes copies fail with err from now on.
func (b *book) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fails = err
}

// newBook makes a journal of appends of the given sizes, one a minute.
func newBook(sizes ...int) *book {
	b := &book{head: holdfast.Head{Journal: journalID, Epoch: 1, Hash: journal.Genesis(journalID)}}
	for i, n := range sizes {
		b.append(begun.Add(time.Duration(i)*time.Minute), "thing/t", n)
	}
	return b
}

func (b *book) append(at time.Time, subject holdfast.Subject, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := journal.Append{ID: holdfast.NewID(), Actor: holdfast.Self("test"), Time: at}
	revision := holdfast.Revision(0)
	for _, f := range b.facts {
		if f.Subject == subject {
			revision = f.Revision
		}
	}
	for i := range n {
		a.Facts = append(a.Facts, journal.NewDraft(subject, revision+holdfast.Revision(i), "thing.done", i))
	}
	facts, head := journal.Seal(b.head, a)
	b.facts, b.head = append(b.facts, facts...), head
}

func (b *book) Snapshot(_ context.Context, w io.Writer) (holdfast.Head, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fails != nil {
		return holdfast.Head{}, b.fails
	}
	return b.head, gob.NewEncoder(w).Encode(b.facts)
}

func (b *book) Genesis() holdfast.Head {
	return holdfast.Head{Journal: journalID, Epoch: b.head.Epoch, Hash: journal.Genesis(journalID)}
}

func (b *book) Head() holdfast.Head { return b.head }

func (b *book) Read(_ context.Context, after holdfast.Position, _ int) ([]holdfast.Fact, error) {
	return b.facts[min(int(after), len(b.facts)):], nil
}

func (b *book) Check(context.Context) (archive.Findings, error) { return archive.Findings{}, nil }

func (b *book) Close() error { return nil }

func openBook(_ context.Context, r io.ReaderAt, size int64) (Database, error) {
	b := newBook()
	if err := gob.NewDecoder(io.NewSectionReader(r, 0, size)).Decode(&b.facts); err != nil {
		return nil, holdfast.Errorf(holdfast.Damaged, "the journal is closed").Because(err)
	}
	for _, f := range b.facts {
		b.head.Position, b.head.Hash = f.Position, f.Hash
	}
	return b, nil
}

var errNoDisk = errors.New("the disk is gone")

func wantCode(t *testing.T, err error, code holdfast.Code) {
	t.Helper()
	if err == nil || holdfast.CodeOf(err) != code {
		t.Errorf("the error has code %q, not %q: %v", holdfast.CodeOf(err), code, err)
	}
}

// keeper makes one whose backups cost nothing.
func keeper(t *testing.T, from *book, change func(*KeeperOptions)) (*Keeper, *safeBuffer) {
	t.Helper()
	log := &safeBuffer{}
	opt := KeeperOptions{
		Maker: Maker{Source: from, Open: openBook, Keys: t.TempDir(), Version: "1"}, Journal: journalID,
		Size: func() (int64, error) { return 1 << 20, nil }, Dir: t.TempDir(), Keep: 3,
		Now: time.Now, Log: slog.New(slog.NewTextHandler(log, nil)),
		Free: func(string) (int64, error) { return 1 << 40, nil },
	}
	if change != nil {
		change(&opt)
	}
	k, err := NewKeeper(opt)
	if err != nil {
		t.Fatal(err)
	}
	return k, log
}

// safeBuffer is a buffer that a log may write to while a test reads it.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
