// Package advice is the contract for where decisions of stand-in are kept, and
// its memory implementation. Package advicetest holds the suite that every
// implementation passes; sqljournal/advices implements it on SQLite and
// PostgreSQL.
//
// Payers are spread over a fixed number of shards. A shard is a stream of packs,
// numbered from 1 without a gap; the number of its last pack is the shard's
// revision. A pack is written at an expected revision, so of two deciders of one
// shard the slower one is refused, whatever either believes about time: that is
// what keeps limits over restarts and fail-overs. What a pack says is the
// business of package standin; here it is bytes.
//
// # Chain
//
//	hash = SHA-256(0x03 ‖ hash before ‖ shard ‖ revision ‖ SHA-256(body))
//
// Integers are 8 bytes, big endian. The hash before a shard's first pack is
// SHA-256(0x04 ‖ id of the source ‖ shard). Packs that were cut leave their
// number and the hash of the last of them.
package advice

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	"holdfast"
)

const (
	// MaxBody is the largest body of a pack in bytes.
	MaxBody = 1 << 20
	// MaxPacks is the most packs of one append.
	MaxPacks = MaxShards
	// MaxID is the longest id of a pack, MaxKey the longest key of a ledger, in bytes.
	MaxID  = 64
	MaxKey = 256
	// MaxLedger is the largest body of a ledger in bytes, MaxSnapshot that of a snapshot.
	MaxLedger   = 64 << 10
	MaxSnapshot = 256 << 20
	// MaxShards is the most shards of a source.
	MaxShards = 1024
)

// Pack is what one append says of one shard.
type Pack struct {
	Shard int
	// Expect is the shard's revision before the pack.
	Expect uint64
	// ID is chosen by the caller and makes repetition safe: a pack with the id of
	// the shard's pack Expect+1 answers as that did.
	ID   string
	Body []byte
	// Names holds a hash of each identity that is first decided on in the pack. A
	// name belongs to the shard that brought it first, until that pack is cut.
	Names []uint64
}

// Revision is the shard's revision after the pack.
func (p Pack) Revision() uint64 { return p.Expect + 1 }

// Snapshot is a folded state of a shard. It may be lost without harm.
type Snapshot struct {
	Shard int
	// Revision and Chain say after which pack it was made.
	Revision uint64
	Chain    holdfast.Hash
	// Version is that of the fold: another fold's snapshot is not read.
	Version int
	Body    []byte
}

// Info describes a source.
type Info struct {
	// ID was made with the source. A gate with another source may not stand in.
	ID     string
	Shards int
	// Bytes is about what it takes on its disk.
	Bytes int64
	// Place says in words where it is, without secrets.
	Place string
}

// Source keeps packs, snapshots and ledgers. Its calls are safe side by side.
// What a call was given must not be changed after it, even if it ended early.
type Source interface {
	// Append writes packs durably, in one commit, each shard at most once. What
	// was written survives a crash of the process and the loss of power. The
	// results stand in the order of the packs and are independent of each other:
	// nil; [*Moved], if the shard is not at the revision that was expected; or
	// [*Taken], if another shard brought one of the names first.
	//
	// With an error there are no results: code Doubtful means that it is not known
	// what was written, and only the same append again settles that; code
	// Unavailable, that nothing was; Invalid, that a limit of this package is not
	// kept. Ending ctx never cancels a commit that has begun.
	Append(ctx context.Context, packs []Pack) ([]error, error)

	// Read returns packs of a shard after a revision, in order, at most limit of
	// them, without their names. Each is checked against the chain: code Damaged
	// names the first that is not what was written. Packs that were cut are not
	// found: code NotFound, if the next one after the revision is among them.
	Read(ctx context.Context, shard int, after uint64, limit int) ([]Pack, error)

	// Head returns a shard's revision and the chain's hash there.
	Head(ctx context.Context, shard int) (revision uint64, chain holdfast.Hash, err error)

	// Owner returns the shard that brought a name, or false if none did or its pack was
	// cut. It looks the name up, however many shards there are.
	Owner(ctx context.Context, name uint64) (shard int, there bool, err error)

	// PutSnapshot keeps a snapshot, and of the shard's older ones the newest.
	PutSnapshot(ctx context.Context, s Snapshot) error
	// Snapshots returns the snapshots of a shard, the newest first, at most two.
	Snapshots(ctx context.Context, shard int) ([]Snapshot, error)
	// Cut drops the packs of a shard up to a revision, and the names they brought.
	// The revision must not be after that of its older snapshot: code Conflict.
	Cut(ctx context.Context, shard int, upTo uint64) error

	// Ledger returns the value under a key and its revision: 0 and nil if there is
	// none. Limits that are wider than a shard are drawn from ledgers.
	Ledger(ctx context.Context, key string) (revision uint64, body []byte, err error)
	// PutLedger writes a value if its revision is the one given: code Conflict.
	// Code Doubtful means that it is not known whether it was; what the ledger says
	// must tell its writer.
	PutLedger(ctx context.Context, key string, revision uint64, body []byte) error
	// DropLedgers drops ledgers that nobody draws from any more. Keys that there are
	// none of are passed over.
	DropLedgers(ctx context.Context, keys []string) error

	// Info describes the source.
	Info(ctx context.Context) (Info, error)
	// Close waits for what was begun and releases the source.
	Close() error
}

// Moved is the result of a pack whose shard is not at the expected revision:
// another decider has written to it.
type Moved struct {
	Shard          int
	Expect, Actual uint64
}

func (m *Moved) Error() string { return "another decider has written to the shard" }

// Taken is the result of a pack with a name that another shard brought first.
type Taken struct {
	Name uint64
	// By is the shard that it belongs to.
	By int
}

func (t *Taken) Error() string { return "an identity of the pack belongs to another shard" }

// Genesis returns the hash before the first pack of a shard.
func Genesis(source string, shard int) holdfast.Hash {
	b := append([]byte{0x04}, source...)
	return sha256.Sum256(binary.BigEndian.AppendUint64(b, uint64(shard)))
}

// Link returns the chain's hash after a pack.
func Link(before holdfast.Hash, p Pack) holdfast.Hash {
	body := sha256.Sum256(p.Body)
	b := make([]byte, 0, 1+32+8+8+32)
	b = append(append(b, 0x03), before[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(p.Shard))
	b = binary.BigEndian.AppendUint64(b, p.Revision())
	return sha256.Sum256(append(b, body[:]...))
}

// Check refuses an append that does not keep the limits of a source with this
// many shards.
func Check(packs []Pack, shards int) error {
	if len(packs) == 0 || len(packs) > MaxPacks {
		return holdfast.Errorf(holdfast.Invalid, "an append of advices has 1 to %d packs, not %d", MaxPacks, len(packs))
	}
	seen := map[int]bool{}
	for _, p := range packs {
		if err := CheckShard(p.Shard, shards); err != nil {
			return err
		}
		switch {
		case seen[p.Shard]:
			return holdfast.Errorf(holdfast.Invalid, "two packs of one append are of shard %d", p.Shard)
		case p.ID == "" || len(p.ID) > MaxID:
			return holdfast.Errorf(holdfast.Invalid, "the id of a pack has 1 to %d bytes, not %d", MaxID, len(p.ID))
		case len(p.Body) == 0 || len(p.Body) > MaxBody:
			return holdfast.Errorf(holdfast.Invalid, "the body of a pack has 1 to %d bytes, not %d", MaxBody, len(p.Body))
		}
		seen[p.Shard] = true
	}
	return nil
}
