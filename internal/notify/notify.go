// Package notify delivers notices to people and keeps what became of them:
// each attempt, what the receiver answered, and who acknowledged.
//
// # Life cycle
//
//	                  ┌──────────── retried, or resent ◀──────────┐
//	                  ▼                                           │
//	notice.asked ─▶ notice.sending ─┬─▶ notice.failed ────────────┤
//	                                ├─▶ notice.doubtful ──────────┘
//	                                ├─▶ notice.delivered
//	                                └─▶ notice.gave-up
//
//	notice.acknowledged, at any time: nothing more is sent to the person for the task,
//	until notice.acknowledgement-lapsed
//
// Facts stand on the subject notice/<id>. The id is a hash of what the notice is
// for ([ID]): asking for the same notice twice, or from two control nodes, makes
// one. It is also the key that a receiver sees with every attempt and by which
// it recognises a repetition.
//
//	notice.asked         the Notice
//	notice.sending       {"attempt":1,"due":"2026-11-24T03:00:00Z","until":"2026-11-24T03:00:30Z"}
//	notice.delivered     {"attempt":1,"detail":"250 2.0.0 queued as 4F1"}
//	notice.failed        {"attempt":1,"detail":"451 try again","retry":"2026-11-24T03:00:02Z"}
//	notice.doubtful      {"attempt":1,"detail":"…","retry":"2026-11-24T03:00:32Z"}
//	notice.gave-up       {"attempt":1,"detail":"550 no such mailbox"}
//	notice.acknowledged  {"person":"mei","how":"console","note":""}
//	notice.acknowledgement-lapsed  {"person":"mei","due":"2026-11-24T03:20:00Z","late":40}
//
// # Delivery
//
// A [Courier] sends what is due. Any number of control nodes may run one. The
// fact notice.sending claims the notice until a time and is written, by
// compare-and-swap on the notice's revision, before the first byte leaves; a
// courier that could not write it sends nothing. So a notice is sent at least
// once, and by one courier at a time as long as the nodes' clocks agree to within
// the claim, and no clock is set back by more than a minute; then it may be sent
// twice. A claim that runs out without a result, because a process died, is
// doubtful: it is not known whether the receiver got the notice, and it is sent
// again under the same id.
//
// A notice that is not urgent waits for the end of its person's quiet hours, and
// for its turn where the person gets many; an urgent one waits for nothing. Subject
// and text of a drill begin with a mark, and a drill to an address of an outside
// party is given up unsent.
//
// Attempts that may succeed later are repeated at due instants that move apart,
// an urgent notice sooner and for longer (see [Courier] for the times). What the
// receiver refuses for good, and what has run out of time, is given up: it is
// shown as such, and people have to be reached by hand.
package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"holdfast"
)

const (
	maxSubject = 300      // characters of a notice's subject
	maxBody    = 16 << 10 // bytes of a notice's body
	maxName    = 200      // bytes of an id or a name
	maxAddress = 500      // bytes
	maxDetail  = 500      // characters of what a receiver answered
	maxNote    = 500      // characters
	cut        = "…"      // ends a text that was too long
)

// Notice is a message to one person over one channel.
type Notice struct {
	ID string `json:"-"`
	// Incident and Task say what the notice is for.
	Incident string `json:"incident"`
	Task     string `json:"task"`
	// Person is an id of the roster; PersonName is the name as it was then.
	Person     string `json:"person"`
	PersonName string `json:"person_name,omitempty"`
	// Channel chooses the sender, Address is for it to understand.
	Channel string        `json:"channel"`
	Address string        `json:"address"`
	Lang    holdfast.Lang `json:"lang,omitempty"`
	// Subject is one line of text, Body is plain text.
	Subject string `json:"subject"`
	Body    string `json:"body"`
	// Urgent notices go first and are retried longer.
	Urgent bool `json:"urgent,omitempty"`
	Drill  bool `json:"drill,omitempty"`
	// WantAck asks the person to acknowledge.
	WantAck bool `json:"want_ack,omitempty"`
	// Once means that there is one attempt, whatever it comes to.
	Once bool `json:"once,omitempty"`
	// Why says why it goes to this person, if not as a holder of the role.
	Why string `json:"why,omitempty"`
	// Round tells apart tellings for one task of which each counts by itself: who
	// has acknowledged one has not acknowledged another. The first is 0.
	Round int `json:"round,omitempty"`
	// Again counts the repetitions of one telling: who has acknowledged one has
	// acknowledged all. The first time is 0.
	Again int `json:"again,omitempty"`
}

// ID returns the id of the notice for a task to a person at an address. Round
// tells apart notices that repeat the same on purpose; the first is 0.
func ID(incident, task, person, channel, address string, round int) string {
	h := sha256.New()
	for _, part := range []string{incident, task, person, channel, address, strconv.Itoa(round)} {
		h.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// State is how far the delivery of a notice is.
type State string

const (
	// Asked: no attempt has begun.
	Asked State = "asked"
	// Sending: an attempt has begun and its claim has not run out.
	Sending State = "sending"
	// Failed: it was not delivered and will be tried again.
	Failed State = "failed"
	// Doubtful: it is not known whether it was delivered; it will be sent again.
	Doubtful State = "doubtful"
	// Delivered: the receiver, a mail server for instance, took it.
	Delivered State = "delivered"
	// GaveUp: it was not delivered and will not be tried again.
	GaveUp State = "gave-up"
	// Acknowledged: the person has acknowledged, so it need not be delivered.
	Acknowledged State = "acknowledged"
)

// final reports whether no attempt follows.
func (s State) final() bool { return s == Delivered || s == GaveUp || s == Acknowledged }

// Delivery is a notice and what became of it.
type Delivery struct {
	Notice
	Revision holdfast.Revision
	State    State
	// Asked is when it was asked for, Delivered when it was delivered, if it was.
	Asked, Delivered time.Time
	// Attempts counts those begun.
	Attempts int
	// Due is when the next attempt is due; while one runs, when its claim ends.
	Due time.Time
	// Detail is what the last attempt ended with: the receiver's answer, or what
	// went wrong.
	Detail string
	// Begun is when the first attempt began.
	Begun time.Time
	// Log has the attempts, oldest first, the newest 20 of them.
	Log []Attempt
	// Used is when its link acknowledged, if it did.
	Used time.Time
	// moved is when Due was set.
	moved time.Time
}

// skew is how far the clocks of control nodes may differ.
const skew = time.Minute

// due is when the next attempt is due. A clock that was set back to before the wait
// began ends the wait: a notice sent early is cheaper than one that waits for the
// clock to come up again.
func (d *Delivery) due(now time.Time) time.Time {
	if d.moved.After(now.Add(skew)) {
		return now
	}
	return d.Due
}

// Attempt is one try to deliver a notice.
type Attempt struct {
	Number int
	// Began is zero for a notice that was given up without one; Ended is zero while
	// it runs.
	Began, Ended time.Time
	State        State
	Detail       string
	// Next is when it is tried again, if it is.
	Next time.Time
}

// since is from when on a notice's time runs out: what had to wait for quiet hours
// or its turn has all of it left.
func (d *Delivery) since() time.Time {
	if d.Begun.IsZero() {
		return d.Asked
	}
	return d.Begun
}

// Acknowledgement is a person's word that a task's notices were noted.
type Acknowledgement struct {
	At time.Time
	By holdfast.Actor
	// How says in which way.
	How  string
	Note string
}

// How a person acknowledges.
const (
	// ByConsole: signed in, on the incident's page or over the API.
	ByConsole = "console"
	// ByPhone: another person recorded it.
	ByPhone = "phone"
	// ByLink: with the link of one notice, which is used by it.
	ByLink = "link"
	// ByCode: with the reply code of the notices, which he or another person entered.
	ByCode = "code"
)

// Person is someone who is told for a task.
type Person struct {
	ID, Name string
	// Deliveries has one entry for each way to reach the person, as asked for.
	Deliveries []*Delivery
	// Ack is nil until the person has acknowledged, and again once that has lapsed.
	Ack *Acknowledgement
	// Lapsed is when an acknowledgement lapsed last.
	Lapsed time.Time
}

// Acknowledged reports whether the person has acknowledged.
func (p *Person) Acknowledged() bool { return p.Ack != nil }

// Reached reports whether a notice was delivered on one channel at least, or the
// person has acknowledged.
func (p *Person) Reached() bool {
	for _, d := range p.Deliveries {
		if !d.Delivered.IsZero() {
			return true
		}
	}
	return p.Acknowledged()
}

// Message is what a sender sends. All attempts of one notice have the same
// content.
type Message struct {
	Notice
	// Asked is when the notice was asked for.
	Asked time.Time
	// Attempt counts from 1.
	Attempt int
	// Unsubscribe is where whoever gets it can end getting more, if he can.
	Unsubscribe string
}

// Result is how an attempt ended.
type Result int

const (
	// Sent: the receiver took the message.
	Sent Result = iota + 1
	// Retry: the receiver does not have the message; later it may take it.
	Retry
	// Refused: the receiver does not have the message and never takes it.
	Refused
	// Unsure: it is not known whether the receiver has the message.
	Unsure
)

// Outcome is how an attempt ended, and what was said.
type Outcome struct {
	Result Result
	// Detail is the receiver's answer, or what went wrong. It is shown to people,
	// cut to 500 characters.
	Detail string
	// After is how long the receiver asks to be left alone; 0 if it did not say.
	After time.Duration
}

// Sender delivers messages over one channel. The courier calls it from several
// goroutines.
type Sender interface {
	// Send delivers m, or says why not. It returns soon after ctx ends, with
	// Unsure if the receiver may have the message. The receiver is given m.ID in a
	// form by which it recognises a repetition.
	Send(ctx context.Context, m Message) Outcome
}
