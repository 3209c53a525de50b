package standin

import "time"

// Record is one thing that happened in a shard. Records are folded by
// [State.Apply] in the order in which they stand in packs.
type Record interface {
	tag() byte
	// fields writes or reads the record's fields, in their order.
	fields(c *codec)
}

// Opened opens the shard for a directive. Forwarding of its payments has been
// confirmed stopped before, and what was in flight then stands in records
// [Excluded] before this one.
type Opened struct {
	Directive string
	Profile   string
	Version   Digest
	Planned   bool
	OneByOne  bool
	Zone      time.Duration
	Limits    []Limit
	At        Instant
}

// TakenOver is what a decider appends before any answer.
type TakenOver struct {
	Gate, Boot string
	At         Instant
}

// Excluded is an identity that the primary was sent, or is about to be, and
// whose outcome is not known.
type Excluded struct {
	Identity string
	At       Instant
}

// Decision is a final answer, given or about to be.
type Decision struct {
	Identity    string
	Fingerprint Digest
	Kind        Kind
	Original    string
	Amount      int64
	Currency    string
	Payer       Digest
	// Payee is zero and Channel empty if they could not be read.
	Payee     Digest
	Channel   string
	Route     string
	Verdict   Verdict
	Reason    Reason
	Cause     Cause
	Directive string
	Version   Digest
	At        Instant
	// Until is when what is queued expires; else zero.
	Until  Instant
	Sealed Sealed
}

// Drawn says how much of a limit the shard has drawn from a ledger so far.
type Drawn struct {
	Key  string
	UpTo Slice
	// Until is the end of the period; zero if the limit has none.
	Until Instant
	// Directive is of a slice without a period: it goes when that is closed.
	Directive string
}

// Attempt stands before each sending of an advice, and before each inquiry.
type Attempt struct {
	Identity string
	N        int
	Inquiry  bool
	At       Instant
}

// Delivered: the primary has done it.
type Delivered struct {
	Identity string
	Reply    Reply
	At       Instant
}

// Absent: the primary, asked, does not know the identity: it may be sent again.
type Absent struct {
	Identity string
	Reply    Reply
	At       Instant
}

// Excepted hands a payment to people.
type Excepted struct {
	Identity string
	Why      Why
	Reply    Reply
	// Filed is what a settlement file says; nil if it is not because of one.
	Filed *Filed
	At    Instant
}

// Resolved is what people decided about an exception.
type Resolved struct {
	Identity string
	How      Resolution
	By       string
	// Second is the other person, where two are needed.
	Second string
	Note   string
	At     Instant
}

// Withdrew takes back an approval that nobody received.
type Withdrew struct {
	Identity string
	At       Instant
}

// LateAnswer is what the primary turned out to have done with an identity that
// it was sent before, or beside, stand-in.
type LateAnswer struct {
	Identity string
	Done     bool
	Reply    Reply
	// Filed is the row of a settlement file that says so; nil if the primary answered.
	Filed *Filed
	At    Instant
}

// Ended: nobody new is stood in for under the directive. Payers with pending
// advices still are, until these are delivered.
type Ended struct {
	Directive string
	At        Instant
}

// Closed signs that nothing of a directive is left to explain in the shard.
type Closed struct {
	Directive string
	By        string
	At        Instant
}

// Forgot drops what was settled before a time and belongs to no directive that
// is open.
type Forgot struct {
	Before Instant
	At     Instant
}

// TurnedDown: the primary has judged what was queued, and does not do it.
type TurnedDown struct {
	Identity string
	Reply    Reply
	At       Instant
}

// Lapsed: what was queued has waited too long, and is never sent.
type Lapsed struct {
	Identity string
	At       Instant
}

// Unanswered says what came of an attempt or inquiry that settled nothing.
type Unanswered struct {
	Identity string
	Reply    Reply
	At       Instant
}

// LookedAfter is what a person did about a payment that expired in the queue.
type LookedAfter struct {
	Identity string
	Care     Care
	By       string
	Note     string
	At       Instant
}

// Why says why people must look.
type Why uint8

const (
	// PrimaryRefused: the primary does not do what was approved.
	PrimaryRefused Why = iota + 1
	// Exhausted: no answer after all attempts.
	Exhausted
	// Expired: not delivered within the time.
	Expired
	// Unresolved: the primary no longer knows identities of that age, and asking it
	// settled nothing.
	Unresolved
	// DoneThoughDeclined: the primary has done what was declined.
	DoneThoughDeclined
	// DoneThoughReversed: the primary has done what was reversed here.
	DoneThoughReversed
	// NotSendable: what was sealed for the primary cannot be opened, as when the key
	// is gone.
	NotSendable
	// FileNotDone: it was delivered, and the primary's settlement file says that it was
	// not done.
	FileNotDone
	// FileAmount: the settlement file names another amount.
	FileAmount
	// FileAbsent: it was delivered, and the settlement file of the day does not have it.
	FileAbsent
)

// ofFile reports whether a settlement file says so, of what had been delivered too.
func (w Why) ofFile() bool { return w >= FileNotDone && w <= FileAbsent }

var whyNames = names{1: "primary-refused", "exhausted", "expired", "unresolved", "done-though-declined", "done-though-reversed", "not-sendable", "file-not-done", "file-amount", "file-absent"}

func (w Why) String() string { return whyNames.of(int(w)) }

// MarshalText writes the reason as its word.
func (w Why) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads the word of a reason.
func (w *Why) UnmarshalText(b []byte) error { return whyNames.read((*uint8)(w), b) }

// Resolution is how an exception ends.
type Resolution uint8

const (
	// Accept: it stays as it is, and the operator bears it.
	Accept Resolution = iota + 1
	// WriteOff is to accept a loss; it takes two people.
	WriteOff
	// Reverse: the effect was taken back, at the primary or with the customer.
	Reverse
	// Confirm: the primary turned out to have done it.
	Confirm
	// Retry sends it again.
	Retry
)

var resolutionNames = names{1: "accept", "write-off", "reverse", "confirm", "retry"}

func (r Resolution) String() string { return resolutionNames.of(int(r)) }

// MarshalText writes the resolution as its word.
func (r Resolution) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the word of a resolution.
func (r *Resolution) UnmarshalText(b []byte) error { return resolutionNames.read((*uint8)(r), b) }

func (*Opened) tag() byte      { return 1 }
func (*TakenOver) tag() byte   { return 2 }
func (*Excluded) tag() byte    { return 3 }
func (*Decision) tag() byte    { return 4 }
func (*Drawn) tag() byte       { return 5 }
func (*Attempt) tag() byte     { return 6 }
func (*Delivered) tag() byte   { return 7 }
func (*Absent) tag() byte      { return 8 }
func (*Excepted) tag() byte    { return 9 }
func (*Resolved) tag() byte    { return 10 }
func (*Withdrew) tag() byte    { return 11 }
func (*LateAnswer) tag() byte  { return 12 }
func (*Ended) tag() byte       { return 13 }
func (*Closed) tag() byte      { return 14 }
func (*Forgot) tag() byte      { return 15 }
func (*TurnedDown) tag() byte  { return 16 }
func (*Lapsed) tag() byte      { return 17 }
func (*Unanswered) tag() byte  { return 18 }
func (*LookedAfter) tag() byte { return 19 }

// newRecord returns an empty record of a tag, or nil if there is none.
func newRecord(tag byte) Record {
	switch tag {
	case 1:
		return &Opened{}
	case 2:
		return &TakenOver{}
	case 3:
		return &Excluded{}
	case 4:
		return &Decision{}
	case 5:
		return &Drawn{}
	case 6:
		return &Attempt{}
	case 7:
		return &Delivered{}
	case 8:
		return &Absent{}
	case 9:
		return &Excepted{}
	case 10:
		return &Resolved{}
	case 11:
		return &Withdrew{}
	case 12:
		return &LateAnswer{}
	case 13:
		return &Ended{}
	case 14:
		return &Closed{}
	case 15:
		return &Forgot{}
	case 16:
		return &TurnedDown{}
	case 17:
		return &Lapsed{}
	case 18:
		return &Unanswered{}
	case 19:
		return &LookedAfter{}
	}
	return nil
}
