package standin

import (
	"crypto/sha256"
	"encoding/json"
	"time"

	"holdfast"
	"holdfast/internal/expression"
)

// Profile is what the plan approved: who is stood in for, up to which limits, and
// how the primary is told.
type Profile struct {
	ID string `json:"id"`
	// Planned holds for an outage that was announced, Unplanned for any other.
	Planned   *Terms `json:"planned,omitempty"`
	Unplanned *Terms `json:"unplanned,omitempty"`
	// SnapshotAge is how old what is known of a payer may be.
	SnapshotAge time.Duration `json:"snapshot_age"`
	// Zone is the offset to UTC at which periods of limits begin.
	Zone time.Duration `json:"zone,omitempty"`
	// CutOff is how long after midnight in Zone the day's payments have to be with the
	// primary: above 0 and at most 24 h; 0 names no time. Gates do nothing by it; people
	// are told when the backlog will not be delivered before.
	CutOff time.Duration `json:"cut_off,omitempty"`
	// OneByOne lets a single payment be stood in for when the primary failed for it
	// before its first byte was written. It is for primaries that know our identity
	// of a payment again.
	OneByOne bool `json:"one_by_one,omitempty"`
	// KeepDeclines makes a decline final: it is kept, and the same request again is
	// declined. Else it is decided on anew.
	KeepDeclines bool       `json:"keep_declines,omitempty"`
	Forwarding   Forwarding `json:"forwarding"`
	// SecondAbove is the amount, in minor units of any currency, above which an
	// exception is resolved by two people. Writing off always takes two.
	SecondAbove int64 `json:"second_above,omitempty"`
}

// Terms are one set of parameters.
type Terms struct {
	// Eligible is an expression over the fields of [EligibilityFields].
	Eligible string  `json:"eligible"`
	Limits   []Limit `json:"limits"`
	// Queue lets what is not approved wait; nil lets nothing.
	Queue *Queue `json:"queue,omitempty"`
}

// Queue says which payments wait for the primary instead of being declined. It
// promises them nothing: the primary judges each.
type Queue struct {
	// Deferrable is an expression over the fields of [EligibilityFields].
	Deferrable string `json:"deferrable"`
	// Expires is how long a payment waits to be sent for the first time.
	Expires time.Duration `json:"expires"`
	// Limits bound what waits, over each payer or over all; they have no window.
	Limits []Limit `json:"limits"`
	// Owner is the role that looks after what has expired.
	Owner string `json:"owner"`
}

// QueueOwner is the role that looks after what expires in the queue of the terms for an
// outage that was announced, or not; "" if they have no queue.
func (p Profile) QueueOwner(planned bool) string {
	terms := p.Unplanned
	if planned {
		terms = p.Planned
	}
	if terms == nil || terms.Queue == nil {
		return ""
	}
	return terms.Queue.Owner
}

// Over is what a limit is counted over.
type Over string

const (
	EachPayment Over = "payment"
	EachPayer   Over = "payer"
	EachPayee   Over = "payee"
	EachChannel Over = "channel"
	Whole       Over = "all"
	// EachQueued and WholeQueue are what limits of the queue are counted over in a
	// shard: what waits of a payer, and all that waits.
	EachQueued Over = "queue-payer"
	WholeQueue Over = "queue"
)

// Limit bounds approvals. See the package comment for what a window means.
type Limit struct {
	Over Over `json:"over"`
	// Currency is the one that the limit is for. It is empty for a limit by count
	// over all currencies.
	Currency string `json:"currency,omitempty"`
	// Amount is in minor units, Count in payments; 0 does not limit.
	Amount int64 `json:"amount,omitempty"`
	Count  int64 `json:"count,omitempty"`
	// Window is the length of the period; 0 bounds what is outstanding.
	Window time.Duration `json:"window,omitempty"`
}

// Forwarding says how advices are sent.
type Forwarding struct {
	// Timeout is how long the primary may take for an answer.
	Timeout time.Duration `json:"timeout"`
	// Pause is the time between an attempt without an answer and the next; it
	// doubles up to LongestPause.
	Pause        time.Duration `json:"pause"`
	LongestPause time.Duration `json:"longest_pause"`
	// Attempts without an answer make an exception, and so does Expiry after the
	// decision.
	Attempts int           `json:"attempts"`
	Expiry   time.Duration `json:"expiry"`
	// Retention is how long the primary knows an identity again. After it the
	// primary is asked before anything is sent again, at most Inquiries times; 0
	// if it cannot be asked.
	Retention time.Duration `json:"retention"`
	Inquiries int           `json:"inquiries,omitempty"`
}

// Compiled is a profile's terms, ready to decide. It is immutable and safe for
// concurrent use.
type Compiled struct {
	Profile Profile
	// Planned tells which terms these are.
	Planned bool
	// Version is a hash of profile and choice: what has the same version decides
	// alike.
	Version Digest

	limits   []Limit
	eligible *expression.Condition
	reads    []string // the fields that eligible reads
	queue    *queueTerms
}

// EligibilityFields are the fields that an eligibility expression may read: those
// of the payment, and of its payer in the snapshot. seen_days is the whole days
// since the payer last paid, and not known for one who never did.
func EligibilityFields() map[string]expression.Type {
	return map[string]expression.Type{
		"kind": expression.String, "route": expression.String, "amount": expression.Int, "currency": expression.String,
		"channel": expression.String, "method": expression.String, "bank": expression.String, "merchant": expression.String,
		"payer_class": expression.String, "seen_days": expression.Int,
	}
}

// Compile checks a profile and makes its terms ready.
func (p Profile) Compile(planned bool) (*Compiled, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	terms := p.Unplanned
	if planned {
		terms = p.Planned
	}
	if terms == nil {
		return nil, holdfast.Errorf(holdfast.NotFound, "the stand-in profile %s has no terms for this kind of outage: add planned or unplanned terms", p.ID)
	}
	eligible, err := expression.CompileCondition(terms.Eligible, EligibilityFields())
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	c := &Compiled{Profile: p, Planned: planned, limits: terms.Limits, eligible: eligible, reads: eligible.Reads()}
	if c.queue, err = terms.Queue.compile(); err != nil {
		return nil, err
	}
	text = append(text, 0)
	if planned {
		text = append(text, 1)
	}
	sum := sha256.Sum256(text)
	c.Version = Digest(sum[:16])
	return c, nil
}
