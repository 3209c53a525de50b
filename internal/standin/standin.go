// Package standin decides on payments while their primary is down, and knows
// what became of each decision: whom the plan lets be approved and up to which
// limits, what was promised, what was forwarded, what is left to explain. It is
// pure: no clock, no lock, no I/O. Package advice keeps what it says.
//
// # One shard
//
// Payers are spread over shards ([Shard]). The [State] of a shard is folded from
// its records, by [State.Apply] alone:
//
//	records ──Apply──▶ State ──Decide, Next, Settle, Resolve …──▶ more records
//
// A decision reads the state and returns records. The caller applies them, which
// reserves what they take, adds those of other requests, appends all of them as
// one pack at the shard's expected revision, and gives no answer of any kind
// before the pack is durable. A pack in doubt is appended again as it is; its
// reservations stay. A pack that is refused means that another decider has taken
// over: the state is thrown away, and nothing of the pack is answered.
//
// # Life of a payment
//
//	             ┌─▶ declined                    (a final answer, kept as well)
//	Decide ──────┤
//	             └─▶ pending ──attempts──▶ delivered
//	                  │   ▲        └─────▶ exception ──Resolve──▶ settled in one of
//	                  │   └── retry ───────────┘                  the other classes
//	                  └─▶ reversed               (before any attempt)
//
// At every moment, for each directive, kind and currency, by count and by amount:
//
//	approved = delivered + pending + exception + reversed
//
// The answer given wins: forwarding never decides again. What the primary says
// against it becomes an exception, which a person resolves.
//
// What is not approved, and is deferrable by the profile, is queued: it waits in its
// payer's order among the advices, and the primary judges it. It has an account of
// its own:
//
//	queued = done + declined + waiting + expired + exception + withdrawn
//
// # Limits
//
// A limit without a window bounds what is outstanding: approved, and neither
// delivered, reversed nor resolved. A limit with a window bounds what is approved
// in a fixed period of that length; nothing gives it back. Limits per payment and
// per payer hold in the shard by themselves. Those that are wider are spent from
// slices, which the shard draws from a [Ledger] by compare-and-swap before it
// spends them: together they never exceed the limit, they may leave some of it
// unused. Unsure means decline.
//
// docs/formats/stand-in.md has the records, the rules and the test of each.
package standin

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/payment"
)

// Kind is what a request asks for.
type Kind uint8

const (
	Payment Kind = iota + 1
	Refund
	// Reversal takes back a payment or refund as a whole.
	Reversal
)

var kindNames = names{1: "payment", "refund", "reversal"}

func (k Kind) String() string { return kindNames.of(int(k)) }

// MarshalText writes the kind as its word.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the word of a kind.
func (k *Kind) UnmarshalText(b []byte) error { return kindNames.read((*uint8)(k), b) }

// Verdict is what the requester is to be told.
type Verdict uint8

const (
	// Approved and Declined are final; the same request again gets the same.
	Approved Verdict = iota + 1
	Declined
	// Refused: declined for now, and not kept. The same request later is decided anew.
	Refused
	// Mismatch: the identity was used before, for something else.
	Mismatch
	// Inquire: the payment is known at the primary and it is not known what became
	// of it. It is neither approved nor declined.
	Inquire
	// Done: the primary has done it.
	Done
	// Forward: nothing stands in for it; it belongs to the primary.
	Forward
	// Queued: it waits, and the primary is to judge it once it is back. Nothing was
	// approved. The same request is told so until it is known what became of it.
	Queued
)

var verdictNames = names{1: "approved", "declined", "refused", "mismatch", "inquire", "done", "forward", "queued"}

func (v Verdict) String() string { return verdictNames.of(int(v)) }

// Reason says why a verdict is not an approval.
type Reason uint8

const (
	None Reason = iota
	// NotOpen: the directive is not open in this shard, or under another profile.
	NotOpen
	// NotAlone: the primary failed for this payment only, and the profile does not
	// let it be stood in for one by one.
	NotAlone
	// Unreadable: a field that a rule needs could not be read.
	Unreadable
	// NoLimit: no limit bounds the payment itself, or the whole, in its currency.
	NoLimit
	UnknownPayer
	// Stale: what is known of the payer is older than the profile allows.
	Stale
	Blocked
	Ineligible
	OverPayment
	OverPayer
	OverPayee
	OverChannel
	OverAll
	// InFlight: it was at the primary when stand-in opened, and is not settled.
	InFlight
	// Elsewhere: the identity belongs to this shard, which has forgotten it.
	Elsewhere
	// ReversedFirst: its reversal or refund came before it.
	ReversedFirst
	// NotOfOriginal: payer or currency are not the original's, or it is a reversal.
	NotOfOriginal
	// NothingToReverse: the original was declined.
	NothingToReverse
	// AlreadyReversed: the original was reversed before.
	AlreadyReversed
	// OverOriginal: the refunds of the original would exceed it.
	OverOriginal
	// Withdrawn: nobody received the approval, and it was taken back; or what waited was.
	Withdrawn
	// PrimaryDeclined: it waited, and the primary does not do it.
	PrimaryDeclined
	// TooLate: it waited until its time was over, and was never sent.
	TooLate
	// OriginalWaits: what is to be refunded waits itself, and may be declined.
	OriginalWaits
)

var reasonNames = names{
	"", "not-open", "not-alone", "unreadable", "no-limit", "unknown-payer", "stale", "blocked", "ineligible",
	"over-payment", "over-payer", "over-payee", "over-channel", "over-all", "in-flight", "elsewhere", "reversed-first",
	"not-of-original", "nothing-to-reverse", "already-reversed", "over-original", "withdrawn",
	"primary-declined", "expired", "original-waits",
}

func (r Reason) String() string { return reasonNames.of(int(r)) }

// Cause says why the primary was not asked.
type Cause uint8

const (
	// Directed: a directive stands in for all payments of its scope.
	Directed Cause = iota + 1
	// ConnectionRefused, NothingWritten and CircuitOpen: the primary failed for
	// this payment before its first byte was written.
	ConnectionRefused
	NothingWritten
	CircuitOpen
	// Behind: its payer has advices that are not delivered, and a fresh payment does not
	// overtake them.
	Behind
)

var causeNames = names{1: "directed", "connection-refused", "nothing-written", "circuit-open", "behind"}

func (c Cause) String() string { return causeNames.of(int(c)) }

// names are those of an enumeration, by number.
type names []string

func (n names) of(i int) string {
	if i < 0 || i >= len(n) {
		return strconv.Itoa(i)
	}
	return n[i]
}

// read finds the number of a word.
func (n names) read(into *uint8, word []byte) error {
	for i, name := range n {
		if name != "" && name == string(word) {
			*into = uint8(i)
			return nil
		}
	}
	var known []string
	for _, name := range n {
		if name != "" {
			known = append(known, name)
		}
	}
	return holdfast.Errorf(holdfast.Invalid, "stand-in has no word %q here: write one of %s", string(word[:min(len(word), longest)]), strings.Join(known, ", "))
}

// Digest stands for a text that is not kept, or for a whole value.
type Digest [16]byte

// MarshalText writes the digest in hexadecimal digits.
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Shard returns the shard of a payer.
func Shard(payer Digest, shards int) int {
	return int(binary.BigEndian.Uint64(payer[:]) % uint64(shards))
}

// Names returns the identities that belong to the shard of the records from now
// on, for [advice.Pack.Names]: what is decided on, and what that takes back, unless that
// was decided on here. If the source names another shard as the owner of either, the
// request is its. s is the shard's state after the records.
func Names(s *State, records []Record) []uint64 {
	var list []uint64
	for _, r := range records {
		if d, ok := r.(*Decision); ok {
			list = append(list, Name(d.Identity))
			if d.Original != "" && s.Item(d.Original) == nil {
				list = append(list, Name(d.Original))
			}
		}
	}
	return list
}

// Name returns what stands for an identity in [advice.Pack.Names].
func Name(identity string) uint64 {
	sum := sha256.Sum256([]byte(identity))
	return binary.BigEndian.Uint64(sum[:])
}

// Instant is a time in microseconds since 1970, UTC. Zero is none.
type Instant int64

// At returns the instant of a time.
func At(t time.Time) Instant { return Instant(t.UnixMicro()) }

// Time returns the instant as a time in UTC.
func (i Instant) Time() time.Time { return time.UnixMicro(int64(i)).UTC() }

// Add returns the instant after a duration.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d.Microseconds()) }

// Sealed is what forwarding needs of a request, encrypted by the gate under a
// key that it knows by reference. It is dropped once the payment is settled.
type Sealed struct {
	Key  string
	Data []byte
}

// Payer is what the payer snapshot says of a payer.
type Payer struct {
	// At is when it was true; zero if the payer is not in the snapshot.
	At time.Time
	// Class is the balance class, in the words of the operator.
	Class   string
	Blocked bool
	// Seen is when the payer last paid; zero if never.
	Seen time.Time
}

// Request is a payment, refund or reversal to be decided on. Its Payment is as
// the gate read it; whoever asks has judged it under the posture, and does so
// again before answering.
type Request struct {
	Payment payment.Payment
	Kind    Kind
	// Original is the identity that a refund or reversal takes back.
	Original string
	// Payer and Payee are the blinded ones of Payment.
	Payer, Payee Digest
	// Directive is the id of the one that stands in; Cause why.
	Directive string
	Cause     Cause
	Snapshot  Payer
	Sealed    Sealed
	// Drawn says that what slices could be drawn for the request has been: what they
	// do not cover is declined.
	Drawn bool
	// Elsewhere says that another shard was asked, and the source named this one as
	// the owner of the request's own identity.
	Elsewhere bool
	// Away says the same of its original alone: this is not the payer's shard.
	Away bool
}

// Fingerprint tells requests with one identity apart: kind, original, amount,
// currency, payer and payee are in it.
func (r *Request) Fingerprint() Digest {
	b := make([]byte, 0, 128)
	b = append(b, byte(r.Kind))
	b = binary.BigEndian.AppendUint64(b, uint64(r.Payment.Amount))
	b = append(b, r.Payer[:]...)
	b = append(b, r.Payee[:]...)
	b = append(b, r.Payment.Currency...)
	b = append(b, 0)
	b = append(b, r.Original...)
	sum := sha256.Sum256(b)
	return Digest(sum[:16])
}
