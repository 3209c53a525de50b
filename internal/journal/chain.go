package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"holdfast"
)

// Genesis is the hash before the first fact of the journal with this id.
func Genesis(journal string) holdfast.Hash {
	return sha256.Sum256(append([]byte{2}, journal...))
}

// Leaf is the hash of a fact's envelope without its place in the chain. It
// reads BodyHash, not Body.
func Leaf(f holdfast.Fact) holdfast.Hash {
	actor, err := json.Marshal(f.Actor)
	if err != nil {
		panic("journal: actor: " + err.Error()) // strings only: cannot fail
	}
	b := make([]byte, 0, 256)
	b = append(b, 0)
	b = appendString(b, f.Append)
	b = appendString(b, string(f.Subject))
	b = binary.BigEndian.AppendUint64(b, uint64(f.Revision))
	b = appendString(b, f.Kind)
	b = appendString(b, string(actor))
	b = binary.BigEndian.AppendUint64(b, uint64(f.Time.UnixMicro()))
	b = append(b, f.BodyHash[:]...)
	return sha256.Sum256(b)
}

// Link is the hash of the fact at position, given the hash of the fact before.
func Link(before holdfast.Hash, position holdfast.Position, leaf holdfast.Hash) holdfast.Hash {
	var b [1 + 32 + 8 + 32]byte
	b[0] = 1
	copy(b[1:], before[:])
	binary.BigEndian.PutUint64(b[33:], uint64(position))
	copy(b[41:], leaf[:])
	return sha256.Sum256(b[:])
}

func appendString(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(len(s)))
	return append(b, s...)
}

// Verify checks that f is the fact after the one with the given position and
// hash: its place, its body and its link. The error has code Damaged and says
// where and what.
func Verify(before holdfast.Head, f holdfast.Fact) error {
	damaged := func(what string) error {
		return holdfast.Errorf(holdfast.Damaged, "the journal is damaged at position %d (%s of %s): %s", before.Position+1, f.Kind, f.Subject, what)
	}
	switch {
	case f.Position != before.Position+1:
		return damaged(fmt.Sprintf("the fact found there says its position is %d", f.Position))
	case sha256.Sum256(f.Body) != f.BodyHash:
		return damaged("the body is not the one that was written")
	case Link(before.Hash, f.Position, Leaf(f)) != f.Hash:
		return damaged("the envelope does not continue the chain")
	}
	return nil
}

// Seal turns the drafts of an append into facts that follow head, and returns
// them with the new head. It checks limits, not expectations.
func Seal(head holdfast.Head, a Append) ([]holdfast.Fact, holdfast.Head) {
	facts := make([]holdfast.Fact, len(a.Facts))
	for i, d := range a.Facts {
		f := holdfast.Fact{
			Position: head.Position + 1,
			Append:   a.ID,
			Subject:  d.Subject,
			Revision: d.Expect + 1,
			Kind:     d.Kind,
			Actor:    a.Actor,
			Time:     a.Time.UTC().Truncate(time.Microsecond),
			BodyHash: sha256.Sum256(d.Body),
			Body:     d.Body,
		}
		f.Hash = Link(head.Hash, f.Position, Leaf(f))
		head.Position, head.Hash = f.Position, f.Hash
		facts[i] = f
	}
	return facts, head
}

// Check refuses an append that no journal takes.
func Check(a Append) error {
	if a.ID == "" || len(a.ID) > 64 {
		return holdfast.Errorf(holdfast.Invalid, "an append needs an id of 1 to 64 characters")
	}
	if len(a.Facts) == 0 || len(a.Facts) > MaxFacts {
		return holdfast.Errorf(holdfast.Invalid, "an append holds 1 to %d facts, not %d", MaxFacts, len(a.Facts))
	}
	for _, d := range a.Facts {
		if len(d.Body) > MaxBody {
			return holdfast.Errorf(holdfast.TooLarge, "the body of %s has %d bytes; %d is the limit", d.Kind, len(d.Body), MaxBody)
		}
		if d.Subject == "" || d.Kind == "" || !json.Valid(d.Body) {
			return holdfast.Errorf(holdfast.Invalid, "a fact needs a subject, a kind and a JSON body")
		}
	}
	return nil
}
