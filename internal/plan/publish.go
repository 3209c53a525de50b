package plan

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/journal"
)

// KindPublished is the fact that puts a revision in force.
const KindPublished = "plan.published"

// MaxNote is the longest note to a publication, in characters.
const MaxNote = 1000

// Published is the body of the fact plan.published.
type Published struct {
	// Number is the revision's, from 1 without gaps.
	Number int    `json:"number"`
	ID     string `json:"plan"`
	// Hash is that of Text, which is the exact text published.
	Hash holdfast.Hash `json:"hash"`
	Text string        `json:"text"`
	// InForce is when the revision comes into force, in UTC.
	InForce time.Time `json:"in_force_from"`
	Note    string    `json:"note,omitempty"`
}

func subject(id string) holdfast.Subject { return holdfast.NewSubject("plan", id) }

// Publish decides on publishing a text that was decoded without faults, and
// returns the number of the revision. It is in force from now.
func Publish(b *Book, id string, src []byte, note string, now time.Time) (int, []journal.Draft, error) {
	if utf8.RuneCountInString(note) > MaxNote {
		return 0, nil, holdfast.Errorf(holdfast.TooLarge, "the note has more than %d characters; shorten it", MaxNote).At("note")
	}
	p := Published{Number: 1, ID: id, Hash: Hash(src), Text: string(src), InForce: now.UTC().Truncate(time.Microsecond), Note: note}
	if latest, found := b.Latest(id); found {
		if latest.Hash == p.Hash {
			return 0, nil, holdfast.Errorf(holdfast.Conflict, "this text is revision %d of plan %s, the latest already: there is nothing to publish", latest.Number, id)
		}
		p.Number = latest.Number + 1
	}
	body, err := json.Marshal(p)
	if err != nil {
		return 0, nil, err // an InForce that JSON cannot write
	}
	if len(body) > journal.MaxBody {
		return 0, nil, holdfast.Errorf(holdfast.TooLarge, "the plan takes %d bytes in the journal; %d is the limit; shorten its text", len(body), journal.MaxBody)
	}
	return p.Number, []journal.Draft{{Subject: subject(id), Expect: b.revision(id), Kind: KindPublished, Body: body}}, nil
}
