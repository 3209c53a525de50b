package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

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
	if !name(a.ID, MaxID) {
		return holdfast.Errorf(holdfast.Invalid, "an append needs an id of 1 to %d characters", MaxID)
	}
	if len(a.Facts) == 0 || len(a.Facts) > MaxFacts {
		return holdfast.Errorf(holdfast.Invalid, "an append holds 1 to %d facts, not %d", MaxFacts, len(a.Facts))
	}
	for _, text := range []string{string(a.Actor.Kind), a.Actor.ID, a.Actor.Name, a.Actor.Via} {
		if text != "" && !name(text, MaxName) {
			return holdfast.Errorf(holdfast.Invalid, "the texts of an actor have at most %d characters each", MaxName)
		}
	}
	total := 0
	for _, d := range a.Facts {
		if len(d.Body) > MaxBody {
			return holdfast.Errorf(holdfast.TooLarge, "the body of %s has %d bytes; %d is the limit", d.Kind, len(d.Body), MaxBody)
		}
		if !name(string(d.Subject), MaxName) || !name(d.Kind, MaxName) || !json.Valid(d.Body) {
			return holdfast.Errorf(holdfast.Invalid, "a fact needs a subject and a kind of 1 to %d characters and a JSON body", MaxName)
		}
		total += len(d.Body)
	}
	if total > MaxAppend {
		return holdfast.Errorf(holdfast.TooLarge, "the bodies of the append have %d bytes together; %d is the limit", total, MaxAppend)
	}
	return nil
}

// CheckDocument refuses a document that no store takes.
func CheckDocument(d Document) error {
	if !name(d.Key, MaxKey) {
		return holdfast.Errorf(holdfast.Invalid, "a document needs a key of 1 to %d characters", MaxKey)
	}
	if len(d.Body) > MaxDocument {
		return holdfast.Errorf(holdfast.TooLarge, "the document %s has %d bytes; %d is the limit", d.Key, len(d.Body), MaxDocument)
	}
	return nil
}

// CheckBlob refuses a blob that no store takes.
func CheckBlob(b []byte) error {
	if len(b) > MaxBlob {
		return holdfast.Errorf(holdfast.TooLarge, "the blob has %d bytes; %d is the limit", len(b), MaxBlob)
	}
	return nil
}

// name reports whether s can be an identifying text: 1 to limit bytes of UTF-8
// without NUL. Other bytes would not come back from JSON or from every database
// as they went in, and the chain would call that damage.
func name(s string, limit int) bool {
	return s != "" && len(s) <= limit && utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}

// Expect checks what a's drafts expect. Revision gives the stored revision of a
// subject, 0 if it has none. An expectation that does not hold answers with
// [Conflict].
func Expect(a Append, revision func(holdfast.Subject) holdfast.Revision) error {
	left := make(map[holdfast.Subject]holdfast.Revision, len(a.Facts))
	for _, d := range a.Facts {
		actual, moved := left[d.Subject]
		if !moved {
			actual = revision(d.Subject)
		}
		if actual != d.Expect {
			return Conflict(Mismatch{Subject: d.Subject, Expect: d.Expect, Actual: actual})
		}
		left[d.Subject] = actual + 1
	}
	return nil
}
