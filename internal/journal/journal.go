// Package journal is the contract under both planes: an append-only sequence
// of facts in one order, documents that may be lost without harm, and blobs.
// It also holds the memory implementation, the fold ([State]) and the way every
// service writes ([Desk]). Package sqljournal implements the contract on disk;
// journaltest holds the suite that every implementation passes.
//
// # Chain
//
// Each fact carries the hash of its body and a link to the fact before:
//
//	leaf = SHA-256(0x00 ‖ len(append) append ‖ len(subject) subject ‖ revision
//	               ‖ len(kind) kind ‖ len(actor) actor ‖ time ‖ SHA-256(body))
//	hash = SHA-256(0x01 ‖ hash of the fact before ‖ position ‖ leaf)
//
// Integers are 8 bytes, big endian; time is microseconds since 1970 in UTC;
// actor is its JSON encoding. The hash before the first fact is
// SHA-256(0x02 ‖ journal id). A changed, removed, inserted or swapped fact
// breaks the chain at its position. A cut tail does not: for that, heads are
// witnessed outside the journal (the head file, the gates).
package journal

import (
	"context"
	"encoding/json"
	"time"

	"holdfast"
)

const (
	// MaxBody is the largest body of one fact in bytes.
	MaxBody = 1 << 20
	// MaxFacts is the most facts one append may hold.
	MaxFacts = 1000
	// MaxAppend is the most bytes the bodies of one append may have together.
	MaxAppend = 8 << 20
	// MaxID is the longest id of an append in bytes.
	MaxID = 64
	// MaxName is the longest subject, kind or text of an actor in bytes.
	MaxName = 256
	// MaxBlob is the largest blob in bytes.
	MaxBlob = 16 << 20
	// MaxDocument is the largest document in bytes.
	MaxDocument = 1 << 20
	// MaxKey is the longest key of a document in bytes.
	MaxKey = 512
)

// Draft is a fact about to be appended.
type Draft struct {
	Subject holdfast.Subject
	// Expect is the subject's revision before this fact: 0 if the subject must
	// not exist yet. Several drafts of one append may concern one subject; each
	// then expects the revision the one before it leaves.
	Expect holdfast.Revision
	Kind   string
	Body   json.RawMessage
}

// NewDraft encodes body as JSON. It panics if body cannot be encoded, which is a
// fault of the program: bodies are our own types.
func NewDraft(subject holdfast.Subject, expect holdfast.Revision, kind string, body any) Draft {
	b, err := json.Marshal(body)
	if err != nil {
		panic("journal: body of " + kind + ": " + err.Error())
	}
	return Draft{Subject: subject, Expect: expect, Kind: kind, Body: b}
}

// Append is a set of facts that become true together or not at all.
type Append struct {
	// ID is chosen by the caller and makes repetition safe: appending the same id
	// again answers with the first receipt and writes nothing.
	ID    string
	Actor holdfast.Actor
	// Time is truncated to microseconds.
	Time  time.Time
	Facts []Draft
}

// Receipt says where an append stands.
type Receipt struct {
	First, Last holdfast.Position
}

// Journal is the ordered sequence of facts.
type Journal interface {
	// Append writes all facts of a, durably, or none. When it returns nil the
	// facts survive a crash of the process and the loss of power.
	//
	// A subject whose revision is not the one expected answers with code
	// Conflict and a [*Mismatch] in the chain: nothing was written. Code Doubtful
	// means it is not known whether the facts were written; only repeating the
	// same append settles that. Ending ctx never cancels a commit that has begun.
	Append(ctx context.Context, a Append) (Receipt, error)

	// Read returns facts after a position in order, about limit of them: it never
	// splits an append. It returns none if there are none yet.
	Read(ctx context.Context, after holdfast.Position, limit int) ([]holdfast.Fact, error)

	// Wait returns nil once a fact after the position exists.
	Wait(ctx context.Context, after holdfast.Position) error

	// Barrier proves that this node can write now, and returns the head: every
	// append acknowledged before the call stands at or before it. It is as
	// durable as an append and takes no position. Calls that wait together are
	// served by one barrier, which begins after the last of them arrived.
	Barrier(ctx context.Context) (holdfast.Head, error)
}

// Document is a small value that may be rebuilt or lost without harm: a cursor,
// a session, a snapshot.
type Document struct {
	Key string
	// Revision counts writes of the key, from 1; 0 means it must not exist.
	Revision holdfast.Revision
	Body     []byte
	// Expires is when the document may be dropped; zero means never.
	Expires time.Time
}

// Documents is a compare-and-swap store of documents.
type Documents interface {
	// Document returns the document under key, or code NotFound. A document past
	// its expiry is not found.
	Document(ctx context.Context, key string) (Document, error)
	// PutDocument writes d if the stored revision is d.Revision, and returns the
	// new revision; otherwise code Conflict.
	PutDocument(ctx context.Context, d Document) (holdfast.Revision, error)
	// DeleteDocument removes the key. Removing what is not there is no error.
	DeleteDocument(ctx context.Context, key string) error
	// ListDocuments returns documents whose key begins with prefix and sorts
	// after the key after, in key order, at most limit.
	ListDocuments(ctx context.Context, prefix, after string, limit int) ([]Document, error)
}

// Blobs is a store of byte strings by their SHA-256.
type Blobs interface {
	// PutBlob stores b durably; storing it again is no error.
	PutBlob(ctx context.Context, b []byte) (holdfast.Hash, error)
	// Blob returns the bytes, checked against the hash: code NotFound if there
	// are none, Damaged if they are not what was stored.
	Blob(ctx context.Context, h holdfast.Hash) ([]byte, error)
	// HasBlob reports whether there are bytes under the hash, without reading them.
	HasBlob(ctx context.Context, h holdfast.Hash) (bool, error)
}

// Store is all that a data source offers. What a call was given must not be
// changed after it, even if it ended early: it may still be being written.
type Store interface {
	Journal
	Documents
	Blobs
	// Close waits for what was begun and releases the data source.
	Close() error
}

// Mismatch says which expectation of an append did not hold.
type Mismatch struct {
	Subject        holdfast.Subject
	Expect, Actual holdfast.Revision
}

func (m *Mismatch) Error() string {
	return "subject " + string(m.Subject) + " has moved on"
}

// Conflict is the error of an append whose expectation did not hold.
func Conflict(m Mismatch) error {
	return holdfast.Errorf(holdfast.Conflict, "%s changed meanwhile: it is at revision %d, not %d; load it again", m.Subject, m.Actual, m.Expect).Because(&m)
}

// NoDocument is the error of a document that is not there.
func NoDocument(key string) error {
	return holdfast.Errorf(holdfast.NotFound, "there is no document %s", key)
}

// MovedDocument is the error of a document that is not at the revision a write
// of it expects.
func MovedDocument(d Document, actual holdfast.Revision) error {
	return holdfast.Errorf(holdfast.Conflict, "the document %s changed meanwhile: it is at revision %d, not %d; load it again", d.Key, actual, d.Revision)
}

// NoBlob is the error of a blob that is not there.
func NoBlob(h holdfast.Hash) error {
	return holdfast.Errorf(holdfast.NotFound, "there is no blob %s", h)
}
