package commit

import (
	"encoding/json"
	"time"

	"holdfast"
)

// Actors are those of facts that are read. Few actors write many facts, so each
// is decoded once.
type Actors map[string]holdfast.Actor

// Complete fills in what a fact's row holds encoded: the actor, the microseconds
// since 1970, and the hashes. Position must be there.
func (a Actors) Complete(f *holdfast.Fact, actor []byte, micros int64, bodyHash, hash []byte) error {
	known, ok := a[string(actor)]
	if !ok {
		if err := json.Unmarshal(actor, &known); err != nil {
			return holdfast.Errorf(holdfast.Damaged, "the actor of the fact at position %d is not JSON", f.Position).Because(err)
		}
		a[string(actor)] = known
	}
	f.Actor, f.Time = known, time.UnixMicro(micros).UTC()
	if len(bodyHash) != len(f.BodyHash) || len(hash) != len(f.Hash) {
		return holdfast.Errorf(holdfast.Damaged, "the hashes of the fact at position %d do not have %d bytes", f.Position, len(f.Hash))
	}
	copy(f.BodyHash[:], bodyHash)
	copy(f.Hash[:], hash)
	return nil
}
