package plan

import (
	"encoding/json"
	"slices"
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
	// Draft, Document and Approvals say how it was agreed to; a revision that was
	// published directly has none.
	Draft     string     `json:"draft,omitempty"`
	Document  string     `json:"document,omitempty"`
	Approvals []Approval `json:"approvals,omitempty"`
}

// Approval is one decision that a revision was published on. It was given on the
// revision's hash.
type Approval struct {
	Step string         `json:"step"`
	Role string         `json:"role,omitempty"`
	By   holdfast.Actor `json:"by"`
	At   time.Time      `json:"at"`
}

// Approved is how a text was agreed to.
type Approved struct {
	Draft     string
	Document  string
	Approvals []Approval
	// From is when it comes into force; the zero time is now.
	From time.Time
}

func subject(id string) holdfast.Subject { return holdfast.NewSubject("plan", id) }

// Publish decides on publishing a text that was decoded without faults, and
// returns the number of the revision. It is in force from now. Once a revision
// names who approves, no text is published without them.
func Publish(b *Book, id string, src []byte, note string, now time.Time) (int, []journal.Draft, error) {
	latest, _ := b.Latest(id)
	if r, found := b.Governing(id, now); found && latest.Hash != Hash(src) {
		return 0, nil, holdfast.Errorf(holdfast.Forbidden, "revision %d of plan %s says who approves its successor: begin a draft, have it approved, and publish that", r.Number, id)
	}
	return publish(b, id, src, note, Approved{}, now)
}

// filesOf refuses attachments whose files no revision of a plan names.
func (b *Book) filesOf(id string, list []Attachment) error {
	for _, a := range list {
		f, _ := a.File()
		if !slices.ContainsFunc(b.Revisions(id), func(r *Revision) bool {
			_, named := r.Plan().Names(f.Hash)
			return named
		}) {
			return holdfast.Errorf(holdfast.Invalid, "the file %s of the attachment %q was not handed in to plan %s: hand it in to a draft, and publish that", a.Name, a.ID, id).At("attachments")
		}
	}
	return nil
}

// PublishApproved decides on publishing a text that was approved. The caller has
// made sure that the approval is complete and on this very text.
func PublishApproved(b *Book, id string, src []byte, note string, how Approved, now time.Time) (int, []journal.Draft, error) {
	if latest, found := b.Latest(id); found && !how.From.IsZero() && how.From.Before(latest.InForce) {
		return 0, nil, holdfast.Errorf(holdfast.Invalid, "revision %d comes into force on %s: the next cannot come into force before", latest.Number, latest.InForce.Format(time.RFC3339)).At("from")
	}
	return publish(b, id, src, note, how, now)
}

func publish(b *Book, id string, src []byte, note string, how Approved, now time.Time) (int, []journal.Draft, error) {
	if utf8.RuneCountInString(note) > MaxNote {
		return 0, nil, holdfast.Errorf(holdfast.TooLarge, "the note has more than %d characters; shorten it", MaxNote).At("note")
	}
	from := now
	if how.From.After(now) {
		from = how.From
	}
	p := Published{
		Number: 1, ID: id, Hash: Hash(src), Text: string(src), InForce: from.UTC().Truncate(time.Microsecond), Note: note,
		Draft: how.Draft, Document: how.Document, Approvals: how.Approvals,
	}
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
