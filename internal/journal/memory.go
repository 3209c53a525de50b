package journal

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"time"

	"holdfast"
)

// Memory is a [Store] without a disk: exact in everything but durability. Tests
// and drafts of a plan use it, and tests make it fail with [Memory.Refuse] and
// [Memory.Doubt].
type Memory struct {
	// Now is the clock by which documents expire. Set it before the first use.
	Now func() time.Time

	genesis holdfast.Head

	mu        sync.Mutex
	head      holdfast.Head
	facts     []holdfast.Fact
	receipts  map[string]Receipt
	revisions map[holdfast.Subject]holdfast.Revision
	moved     chan struct{} // closed and replaced at each append
	documents map[string]Document
	blobs     map[holdfast.Hash][]byte
	faults    []fault
	closed    bool
}

// fault is what befalls one append to come.
type fault struct {
	err   error
	write bool
}

// NewMemory makes an empty store whose journal has this id and epoch 1.
func NewMemory(id string) *Memory {
	genesis := holdfast.Head{Journal: id, Epoch: 1, Hash: Genesis(id)}
	return &Memory{
		Now:       time.Now,
		genesis:   genesis,
		head:      genesis,
		receipts:  map[string]Receipt{},
		revisions: map[holdfast.Subject]holdfast.Revision{},
		moved:     make(chan struct{}),
		documents: map[string]Document{},
		blobs:     map[holdfast.Hash][]byte{},
	}
}

// Refuse makes the next append answer err and write nothing. Faults set before
// it come first.
func (m *Memory) Refuse(err error) { m.setFault(fault{err: err}) }

// Doubt makes the next append answer with code Doubtful, written or not.
func (m *Memory) Doubt(written bool) {
	m.setFault(fault{err: holdfast.Errorf(holdfast.Doubtful, "it is not known whether the facts were written"), write: written})
}

func (m *Memory) setFault(f fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = append(m.faults, f)
}

// Genesis returns the head before the first fact.
func (m *Memory) Genesis() holdfast.Head { return m.genesis }

// Head returns the head now.
func (m *Memory) Head() holdfast.Head {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.head
}

// begin takes the lock for one operation. The caller unlocks if it returns nil.
func (m *Memory) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return holdfast.Errorf(holdfast.Unavailable, "the request ended before the journal took it").Because(err)
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return holdfast.Errorf(holdfast.Unavailable, "the journal is closed")
	}
	return nil
}

// Append implements [Journal].
func (m *Memory) Append(ctx context.Context, a Append) (Receipt, error) {
	if err := Check(a); err != nil {
		return Receipt{}, err
	}
	if err := m.begin(ctx); err != nil {
		return Receipt{}, err
	}
	defer m.mu.Unlock()
	var f fault
	if len(m.faults) > 0 {
		f, m.faults = m.faults[0], m.faults[1:]
		if !f.write {
			return Receipt{}, f.err
		}
	}
	receipt, err := m.write(a)
	if f.err != nil {
		return Receipt{}, f.err
	}
	return receipt, err
}

func (m *Memory) write(a Append) (Receipt, error) {
	if receipt, known := m.receipts[a.ID]; known {
		return receipt, nil
	}
	if err := Expect(a, func(s holdfast.Subject) holdfast.Revision { return m.revisions[s] }); err != nil {
		return Receipt{}, err
	}
	facts, head := Seal(m.head, a)
	for i := range facts {
		facts[i].Body = bytes.Clone(facts[i].Body)
		m.revisions[facts[i].Subject] = facts[i].Revision
	}
	receipt := Receipt{First: m.head.Position + 1, Last: head.Position}
	m.facts, m.head, m.receipts[a.ID] = append(m.facts, facts...), head, receipt
	close(m.moved)
	m.moved = make(chan struct{})
	return receipt, nil
}

// Read implements [Journal].
func (m *Memory) Read(ctx context.Context, after holdfast.Position, limit int) ([]holdfast.Fact, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if after >= m.head.Position {
		return nil, nil
	}
	rest := m.facts[after:]
	n := min(max(limit, 1), len(rest))
	for n < len(rest) && rest[n].Append == rest[n-1].Append {
		n++
	}
	facts := slices.Clone(rest[:n])
	for i := range facts {
		facts[i].Body = bytes.Clone(facts[i].Body)
	}
	return facts, nil
}

// Wait implements [Journal].
func (m *Memory) Wait(ctx context.Context, after holdfast.Position) error {
	for {
		if err := m.begin(ctx); err != nil {
			return err
		}
		position, moved := m.head.Position, m.moved
		m.mu.Unlock()
		if position > after {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
		}
	}
}

// Barrier implements [Journal].
func (m *Memory) Barrier(ctx context.Context) (holdfast.Head, error) {
	if err := m.begin(ctx); err != nil {
		return holdfast.Head{}, err
	}
	defer m.mu.Unlock()
	return m.head, nil
}

// document returns what is stored under key and has not expired.
func (m *Memory) document(key string) (Document, bool) {
	d, found := m.documents[key]
	if !found || (!d.Expires.IsZero() && !m.Now().Before(d.Expires)) {
		return Document{}, false
	}
	d.Body = bytes.Clone(d.Body)
	return d, true
}

// Document implements [Documents].
func (m *Memory) Document(ctx context.Context, key string) (Document, error) {
	if err := m.begin(ctx); err != nil {
		return Document{}, err
	}
	defer m.mu.Unlock()
	d, found := m.document(key)
	if !found {
		return Document{}, NoDocument(key)
	}
	return d, nil
}

// PutDocument implements [Documents].
func (m *Memory) PutDocument(ctx context.Context, d Document) (holdfast.Revision, error) {
	if err := CheckDocument(d); err != nil {
		return 0, err
	}
	if err := m.begin(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	stored, _ := m.document(d.Key)
	if stored.Revision != d.Revision {
		return 0, MovedDocument(d, stored.Revision)
	}
	d.Revision++
	d.Body = append([]byte{}, d.Body...)
	if !d.Expires.IsZero() {
		d.Expires = d.Expires.UTC().Truncate(time.Microsecond)
	}
	m.documents[d.Key] = d
	return d.Revision, nil
}

// DeleteDocument implements [Documents].
func (m *Memory) DeleteDocument(ctx context.Context, key string) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	delete(m.documents, key)
	return nil
}

// ListDocuments implements [Documents].
func (m *Memory) ListDocuments(ctx context.Context, prefix, after string, limit int) ([]Document, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var list []Document
	for key := range m.documents {
		if !strings.HasPrefix(key, prefix) || key <= after {
			continue
		}
		if d, found := m.document(key); found {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b Document) int { return cmp.Compare(a.Key, b.Key) })
	return list[:min(max(limit, 0), len(list))], nil
}

// PutBlob implements [Blobs].
func (m *Memory) PutBlob(ctx context.Context, b []byte) (holdfast.Hash, error) {
	if err := CheckBlob(b); err != nil {
		return holdfast.Hash{}, err
	}
	if err := m.begin(ctx); err != nil {
		return holdfast.Hash{}, err
	}
	defer m.mu.Unlock()
	h := holdfast.Hash(sha256.Sum256(b))
	m.blobs[h] = append([]byte{}, b...)
	return h, nil
}

// Blob implements [Blobs].
func (m *Memory) Blob(ctx context.Context, h holdfast.Hash) ([]byte, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	b, found := m.blobs[h]
	if !found {
		return nil, NoBlob(h)
	}
	return bytes.Clone(b), nil
}

// HasBlob implements [Blobs].
func (m *Memory) HasBlob(ctx context.Context, h holdfast.Hash) (bool, error) {
	if err := m.begin(ctx); err != nil {
		return false, err
	}
	defer m.mu.Unlock()
	_, found := m.blobs[h]
	return found, nil
}

// Close implements [Store]. Whoever waits is told that the journal is closed.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.closed = true
		close(m.moved)
	}
	return nil
}
