package advice

import "holdfast"

// What follows is said alike by every implementation.

// CheckShard refuses a shard that a source with this many does not have.
func CheckShard(shard, shards int) error {
	if shard < 0 || shard >= shards {
		return holdfast.Errorf(holdfast.Invalid, "there is no shard %d: the advice source has %d, from 0", shard, shards)
	}
	return nil
}

// CheckSnapshot refuses a snapshot that is too large or of no pack.
func CheckSnapshot(s Snapshot) error {
	if s.Revision == 0 || len(s.Body) > MaxSnapshot {
		return holdfast.Errorf(holdfast.Invalid, "a snapshot of advices is made after a pack and has at most %d bytes", MaxSnapshot)
	}
	return nil
}

// CheckCut refuses to drop packs that no two snapshots stand for. snaps are the
// shard's, the newest first.
func CheckCut(shard int, upTo uint64, snaps []Snapshot) error {
	if len(snaps) < 2 || upTo > snaps[len(snaps)-1].Revision {
		return holdfast.Errorf(holdfast.Conflict, "packs of shard %d up to %d cannot be cut: two snapshots made after them are needed", shard, upTo)
	}
	return nil
}

// CheckLedger refuses a ledger with no key or that is too large.
func CheckLedger(key string, body []byte) error {
	if key == "" || len(key) > MaxKey || len(body) > MaxLedger {
		return holdfast.Errorf(holdfast.Invalid, "a ledger has a key of 1 to %d bytes and a body of at most %d", MaxKey, MaxLedger)
	}
	return nil
}

// LedgerMoved is the error of a ledger that is not at the expected revision.
func LedgerMoved(key string, expect, actual uint64) error {
	return holdfast.Errorf(holdfast.Conflict, "the ledger %s changed meanwhile: it is at revision %d, not %d", key, actual, expect)
}

// IsCut is the error of packs that are gone.
func IsCut(shard int, wanted, cut uint64) error {
	return holdfast.Errorf(holdfast.NotFound, "pack %d of shard %d was cut: packs up to %d stand in a snapshot", wanted, shard, cut)
}

// OtherFormat is the error of a source, of advices or of a fence, whose tables another version
// of Holdfast made. A fence that is begun anew too early knows nothing of what was sent.
// Place is where it is, found its format, reads the one that this version reads.
func OtherFormat(place string, found, reads int) error {
	return holdfast.Errorf(holdfast.Unavailable, "what is in %s is of format %d, and this version of Holdfast reads format %d: run the version that wrote it until nothing in it counts any more (of an advice source all is delivered and closed out; of a fence its time to keep has passed since its last payment), then give the gate a new directory or database", place, found, reads)
}

// IsDamaged is the error of a pack that is not what was written.
func IsDamaged(place string, shard int, revision uint64) error {
	return holdfast.Errorf(holdfast.Damaged, "pack %d of shard %d in %s is not what was written; keep a copy as evidence and restore it from a backup", revision, shard, place)
}

// Closed is the error of a source that was closed.
func Closed() error { return holdfast.Errorf(holdfast.Unavailable, "the advice source is closed") }
