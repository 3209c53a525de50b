package access

import (
	"context"
	"sync"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/journal/journaltest"
)

// store is a store in memory with faults on demand.
type store struct {
	*journal.Memory
	clock *clock
	// fail, if set, is asked before each act: "append", "put", "delete".
	fail func(act string) error
}

func newStore() *store {
	s := &store{Memory: journal.NewMemory("test"), clock: newClock()}
	s.Now = s.clock.Now
	return s
}

func (s *store) failing(act string) error {
	if s.fail == nil {
		return nil
	}
	return s.fail(act)
}

func (s *store) Append(ctx context.Context, a journal.Append) (journal.Receipt, error) {
	if err := s.failing("append"); err != nil {
		return journal.Receipt{}, err
	}
	return s.Memory.Append(ctx, a)
}

func (s *store) PutDocument(ctx context.Context, d journal.Document) (holdfast.Revision, error) {
	if err := s.failing("put"); err != nil {
		return 0, err
	}
	return s.Memory.PutDocument(ctx, d)
}

func (s *store) DeleteDocument(ctx context.Context, key string) error {
	if err := s.failing("delete"); err != nil {
		return err
	}
	return s.Memory.DeleteDocument(ctx, key)
}

// documents lists the documents whose key begins with prefix.
func (s *store) documents(t *testing.T, prefix string) []journal.Document {
	t.Helper()
	all, err := s.ListDocuments(t.Context(), prefix, "", 10_000)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// lose drops all documents.
func (s *store) lose(t *testing.T) {
	t.Helper()
	for _, d := range s.documents(t, "") {
		if err := s.DeleteDocument(t.Context(), d.Key); err != nil {
			t.Fatal(err)
		}
	}
}

// facts returns the whole journal.
func (s *store) facts(t *testing.T) []holdfast.Fact {
	t.Helper()
	all, err := s.Read(t.Context(), 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// clock is a control node's clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// cheap is the least that Argon2id can cost.
var cheap = Cost{Memory: 8, Passes: 1, Lanes: 1}

const (
	right = "correct horse battery"
	wrong = "incorrect horse battery"
)

// node is one control node over a store.
type node struct {
	*Service
	store *store
	clock *clock
}

func newNode(t *testing.T, s *store) *node {
	t.Helper()
	book := NewBook()
	state := journal.NewState(s, s.Genesis(), book)
	if err := state.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	journaltest.Follow(t, state)
	svc, err := New(Options{Desk: &journal.Desk{Journal: s, State: state, Now: s.clock.Now}, Book: book, Documents: s, Cost: cheap})
	if err != nil {
		t.Fatal(err)
	}
	return &node{Service: svc, store: s, clock: s.clock}
}

// reach waits until the node has folded everything.
func (n *node) reach(t *testing.T) {
	t.Helper()
	if err := n.desk.State.Reach(t.Context(), n.store.Head().Position); err != nil {
		t.Fatal(err)
	}
}

// boss is an admin that is not an account.
var boss = Self("test")

func (n *node) create(t *testing.T, name string, roles ...Role) {
	t.Helper()
	if err := n.CreateAccount(t.Context(), boss, NewAccount{Name: name, Roles: roles}, right); err != nil {
		t.Fatal(err)
	}
}

func (n *node) signIn(t *testing.T, name string) string {
	t.Helper()
	secret, _, err := n.SignIn(t.Context(), Attempt{Account: name, Password: right, Client: client})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func (n *node) principal(t *testing.T, secret string) Principal {
	t.Helper()
	p, _, err := n.BySession(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func wantCode(t *testing.T, err error, want holdfast.Code) {
	t.Helper()
	if got := holdfast.CodeOf(err); got != want {
		t.Fatalf("error %v has code %q, not %q", err, got, want)
	}
}
