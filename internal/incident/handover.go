package incident

import (
	"slices"
	"strconv"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/procedure"
)

// Handover passes a post from one person to the next.
type Handover struct {
	// N counts the incident's hand-overs from 1.
	N        int
	Post     Post
	From, To Holder
	// Text says how things stand.
	Text string
	// Decisions and Tasks are what was open when it was offered.
	Decisions []string
	Tasks     []string
	Offered   time.Time
	OfferedBy holdfast.Actor
	// Accepted is zero until who takes over has accepted.
	Accepted time.Time
	// Ended is when it was declined or taken back, and Reason why.
	Ended   time.Time
	EndedBy holdfast.Actor
	Reason  string
}

// Open reports whether the hand-over waits for an answer.
func (h Handover) Open() bool { return h.Accepted.IsZero() && h.Ended.IsZero() }

// HandoverOffered offers a post to the next person, with what is open.
type HandoverOffered struct {
	N         int      `json:"n"`
	Post      Post     `json:"post"`
	From      Holder   `json:"from"`
	To        Holder   `json:"to"`
	Text      string   `json:"text"`
	Decisions []string `json:"decisions,omitempty"`
	Tasks     []string `json:"tasks,omitempty"`
}

// HandoverAccepted makes who was offered the post its holder.
type HandoverAccepted struct {
	N int `json:"n"`
}

// HandoverEnded declines an offer, or takes it back.
type HandoverEnded struct {
	N      int    `json:"n"`
	Reason string `json:"reason"`
}

func (HandoverOffered) kind() string  { return "incident.handover-offered" }
func (HandoverAccepted) kind() string { return "incident.handover-accepted" }
func (HandoverEnded) kind() string    { return "incident.handover-ended" }

func (e HandoverOffered) fold(in *Incident, f holdfast.Fact) {
	in.Handovers = append(in.Handovers[:len(in.Handovers):len(in.Handovers)], Handover{
		N: e.N, Post: e.Post, From: e.From, To: e.To, Text: e.Text, Decisions: e.Decisions, Tasks: e.Tasks, Offered: f.Time, OfferedBy: f.Actor,
	})
}

func (e HandoverAccepted) fold(in *Incident, f holdfast.Fact) {
	h := in.handover(e.N)
	h.Accepted = f.Time
	in.fill(h.Post, h.To, f.Time)
	for id, t := range in.Tasks { // what the one did, the other goes on with
		if t.Status == procedure.Open && h.From.is(t.Owner) {
			t.Owner, t.Taken = f.Actor, f.Time
			in.Tasks[id] = t
		}
	}
}

func (e HandoverEnded) fold(in *Incident, f holdfast.Fact) {
	h := in.handover(e.N)
	h.Ended, h.EndedBy, h.Reason = f.Time, f.Actor, e.Reason
}

// handover returns a hand-over to change, in a list of the incident's own.
func (in *Incident) handover(n int) *Handover {
	in.Handovers = slices.Clone(in.Handovers)
	return &in.Handovers[n-1]
}

// OpenHandover returns the hand-over of a post that waits for an answer.
func (in *Incident) OpenHandover(p Post) (Handover, bool) {
	for _, h := range in.Handovers {
		if h.Post == p && h.Open() {
			return h, true
		}
	}
	return Handover{}, false
}

// Offer offers a post to the person who takes over. Its holder does so; the record
// lists the decisions and tasks that are open now.
func Offer(in *Incident, p Post, to Holder, text string, by holdfast.Actor) (n int, drafts []journal.Draft, err error) {
	if in == nil || in.State != Active {
		return 0, nil, errState(in, Active)
	}
	held := in.Held[p]
	switch h, waits := in.OpenHandover(p); {
	case !slices.Contains(Posts[:], p):
		return 0, nil, errPost(p)
	case !held.is(by):
		return 0, nil, holdfast.Errorf(holdfast.Forbidden, "only who holds the post hands it over; you do not")
	case waits:
		return 0, nil, holdfast.Errorf(holdfast.Conflict, "hand-over %d of this post waits for the answer of %s; take it back first", h.N, h.To.Name)
	case to.Account == "":
		return 0, nil, holdfast.Errorf(holdfast.Invalid, "%s has no account, and a post is held by somebody who can sign in", to.Name).At("to")
	case to.Account == held.Account:
		return 0, nil, holdfast.Errorf(holdfast.Invalid, "name the person who takes over, not yourself").At("to")
	}
	if err := needText("text", text, holdfast.Errorf(holdfast.Invalid, "write how things stand for the one who takes over")); err != nil {
		return 0, nil, err
	}
	n = len(in.Handovers) + 1
	return n, in.draft(HandoverOffered{
		N: n, Post: p, From: held.Holder, To: to, Text: payment.Mask(text), Decisions: in.openDecisions(), Tasks: in.workable(),
	}), nil
}

// AnswerOffer accepts a hand-over, or ends it: who takes over accepts or declines;
// who offered it may take it back. Ending needs a reason.
func AnswerOffer(in *Incident, n int, accept bool, reason string, by holdfast.Actor) ([]journal.Draft, error) {
	if in == nil || in.State != Active {
		return nil, errState(in, Active)
	}
	if n < 1 || n > len(in.Handovers) {
		return nil, holdfast.Errorf(holdfast.NotFound, "incident %s has no hand-over %s", in.ID, strconv.Itoa(n))
	}
	h := in.Handovers[n-1]
	switch {
	case !h.Open():
		return nil, holdfast.Errorf(holdfast.Conflict, "hand-over %d is answered already", n)
	case accept && !h.To.is(by):
		return nil, holdfast.Errorf(holdfast.Forbidden, "only %s can accept this hand-over", h.To.Name)
	case accept && in.Held[h.Post].Account != h.From.Account:
		return nil, holdfast.Errorf(holdfast.Conflict, "%s holds the post no more; take it yourself", h.From.Name)
	case accept:
		return in.draft(HandoverAccepted{n}), nil
	case !h.To.is(by) && !h.From.is(by):
		return nil, holdfast.Errorf(holdfast.Forbidden, "only those between whom the post passes can end this hand-over")
	}
	if err := needText("reason", reason, holdfast.Errorf(holdfast.Invalid, "write why the hand-over does not take place")); err != nil {
		return nil, err
	}
	return in.draft(HandoverEnded{n, payment.Mask(reason)}), nil
}
