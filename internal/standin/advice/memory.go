package advice

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"holdfast"
)

// Memory is a [Source] without a disk: exact in everything but durability. Tests
// make it fail with [Memory.Refuse] and [Memory.Doubt].
type Memory struct {
	id string

	mu      sync.Mutex
	shards  []stream
	names   map[uint64]int
	ledgers map[string]ledger
	faults  []fault
	closed  bool
}

type stream struct {
	// cut is the revision up to which packs are gone; base is the chain there.
	cut   uint64
	base  holdfast.Hash
	packs []Pack
	heads []holdfast.Hash // after each of packs
	snaps []Snapshot      // the newest first
}

func (s *stream) revision() uint64 { return s.cut + uint64(len(s.packs)) }

func (s *stream) chain() holdfast.Hash {
	if n := len(s.heads); n > 0 {
		return s.heads[n-1]
	}
	return s.base
}

type ledger struct {
	revision uint64
	body     []byte
}

// fault is what befalls one append to come.
type fault struct {
	err   error
	write bool
}

// NewMemory makes an empty source with this id and number of shards.
func NewMemory(id string, shards int) *Memory {
	m := &Memory{id: id, shards: make([]stream, shards), names: map[uint64]int{}, ledgers: map[string]ledger{}}
	for i := range m.shards {
		m.shards[i].base = Genesis(id, i)
	}
	return m
}

// Refuse makes the next append answer err and write nothing. Faults set before it
// come first.
func (m *Memory) Refuse(err error) { m.setFault(fault{err: err}) }

// Doubt makes the next append answer with code Doubtful, written or not.
func (m *Memory) Doubt(written bool) {
	m.setFault(fault{err: holdfast.Errorf(holdfast.Doubtful, "it is not known whether the advices were written"), write: written})
}

func (m *Memory) setFault(f fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = append(m.faults, f)
}

// begin takes the lock for one operation. The caller unlocks if it returns nil.
func (m *Memory) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return holdfast.Errorf(holdfast.Unavailable, "the request ended before the advice source took it").Because(err)
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return Closed()
	}
	return nil
}

// shard takes the lock and returns a shard's stream.
func (m *Memory) shard(ctx context.Context, shard int) (*stream, error) {
	if err := CheckShard(shard, len(m.shards)); err != nil {
		return nil, err
	}
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	return &m.shards[shard], nil
}

// Append implements [Source].
func (m *Memory) Append(ctx context.Context, packs []Pack) ([]error, error) {
	if err := Check(packs, len(m.shards)); err != nil {
		return nil, err
	}
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var f fault
	if len(m.faults) > 0 {
		f, m.faults = m.faults[0], m.faults[1:]
		if !f.write {
			return nil, f.err
		}
	}
	results := make([]error, len(packs))
	for i, p := range packs {
		results[i] = m.write(p)
	}
	if f.err != nil {
		return nil, f.err
	}
	return results, nil
}

func (m *Memory) write(p Pack) error {
	s := &m.shards[p.Shard]
	if actual := s.revision(); actual != p.Expect {
		if actual > p.Expect && p.Expect >= s.cut && s.packs[p.Expect-s.cut].ID == p.ID {
			return nil
		}
		return &Moved{p.Shard, p.Expect, actual}
	}
	var brought []uint64
	for _, n := range p.Names {
		by, taken := m.names[n]
		if taken && by != p.Shard {
			return &Taken{n, by}
		}
		if !taken {
			brought = append(brought, n)
		}
	}
	for _, n := range brought {
		m.names[n] = p.Shard
	}
	p.Body, p.Names = bytes.Clone(p.Body), brought
	s.heads = append(s.heads, Link(s.chain(), p))
	s.packs = append(s.packs, p)
	return nil
}

// Read implements [Source].
func (m *Memory) Read(ctx context.Context, shard int, after uint64, limit int) ([]Pack, error) {
	s, err := m.shard(ctx, shard)
	if err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if after < s.cut {
		return nil, IsCut(shard, after+1, s.cut)
	}
	from := min(after-s.cut, uint64(len(s.packs)))
	list := slices.Clone(s.packs[from:min(from+uint64(limit), uint64(len(s.packs)))])
	for i := range list {
		list[i].Names = nil
	}
	return list, nil
}

// Head implements [Source].
func (m *Memory) Head(ctx context.Context, shard int) (uint64, holdfast.Hash, error) {
	s, err := m.shard(ctx, shard)
	if err != nil {
		return 0, holdfast.Hash{}, err
	}
	defer m.mu.Unlock()
	return s.revision(), s.chain(), nil
}

// Owner implements [Source].
func (m *Memory) Owner(ctx context.Context, name uint64) (int, bool, error) {
	if _, err := m.shard(ctx, 0); err != nil {
		return 0, false, err
	}
	defer m.mu.Unlock()
	shard, there := m.names[name]
	return shard, there, nil
}

// PutSnapshot implements [Source].
func (m *Memory) PutSnapshot(ctx context.Context, snap Snapshot) error {
	if err := CheckSnapshot(snap); err != nil {
		return err
	}
	s, err := m.shard(ctx, snap.Shard)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	snap.Body = bytes.Clone(snap.Body)
	s.snaps = slices.DeleteFunc(s.snaps, func(o Snapshot) bool { return o.Revision >= snap.Revision })
	s.snaps = append([]Snapshot{snap}, s.snaps[:min(1, len(s.snaps))]...)
	return nil
}

// Snapshots implements [Source].
func (m *Memory) Snapshots(ctx context.Context, shard int) ([]Snapshot, error) {
	s, err := m.shard(ctx, shard)
	if err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return slices.Clone(s.snaps), nil
}

// Cut implements [Source].
func (m *Memory) Cut(ctx context.Context, shard int, upTo uint64) error {
	s, err := m.shard(ctx, shard)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	if err := CheckCut(shard, upTo, s.snaps); err != nil {
		return err
	}
	if upTo <= s.cut {
		return nil
	}
	n := upTo - s.cut
	for _, p := range s.packs[:n] {
		for _, name := range p.Names {
			delete(m.names, name)
		}
	}
	s.base, s.cut = s.heads[n-1], upTo
	s.packs, s.heads = slices.Clone(s.packs[n:]), slices.Clone(s.heads[n:])
	return nil
}

// Ledger implements [Source].
func (m *Memory) Ledger(ctx context.Context, key string) (uint64, []byte, error) {
	if err := m.begin(ctx); err != nil {
		return 0, nil, err
	}
	defer m.mu.Unlock()
	l := m.ledgers[key]
	return l.revision, bytes.Clone(l.body), nil
}

// PutLedger implements [Source].
func (m *Memory) PutLedger(ctx context.Context, key string, revision uint64, body []byte) error {
	if err := CheckLedger(key, body); err != nil {
		return err
	}
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if actual := m.ledgers[key].revision; actual != revision {
		return LedgerMoved(key, revision, actual)
	}
	m.ledgers[key] = ledger{revision + 1, bytes.Clone(body)}
	return nil
}

// DropLedgers implements [Source].
func (m *Memory) DropLedgers(ctx context.Context, keys []string) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	for _, key := range keys {
		delete(m.ledgers, key)
	}
	return nil
}

// Info implements [Source].
func (m *Memory) Info(ctx context.Context) (Info, error) {
	if err := m.begin(ctx); err != nil {
		return Info{}, err
	}
	defer m.mu.Unlock()
	info := Info{ID: m.id, Shards: len(m.shards), Place: "memory"}
	for _, s := range m.shards {
		for _, p := range s.packs {
			info.Bytes += int64(len(p.Body))
		}
	}
	return info, nil
}

// Close implements [Source].
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}
