package incident

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/procedure"
)

// Post is one of the functions in an incident that one person holds at a time.
type Post string

const (
	// Commander leads. Who confirms an incident commands it until somebody else does.
	Commander     Post = "commander"
	Technology    Post = "technology"
	Operations    Post = "operations"
	RiskControl   Post = "risk"
	Communication Post = "communication"
	Scribe        Post = "scribe"
)

// Posts lists the posts in the order in which they are shown.
var Posts = [...]Post{Commander, Technology, Operations, RiskControl, Communication, Scribe}

// Holder is who holds a post: somebody with an account.
type Holder struct {
	Account string `json:"account"`
	// Person is an id of the roster; empty if the account belongs to nobody there.
	Person string `json:"person,omitempty"`
	Name   string `json:"name,omitempty"`
}

// is reports whether the actor is the holder.
func (h Holder) is(a holdfast.Actor) bool {
	return a.Kind == holdfast.Account && h.Account != "" && a.ID == h.Account
}

// Held is a post that somebody holds.
type Held struct {
	Holder
	Since time.Time
}

// PostFilled puts a person in a post, in place of who held it before.
type PostFilled struct {
	Post   Post   `json:"post"`
	Holder Holder `json:"holder"`
	// Reason says why the command was taken without a hand-over.
	Reason string `json:"reason,omitempty"`
}

func (PostFilled) kind() string { return "incident.post-filled" }

func (e PostFilled) fold(in *Incident, f holdfast.Fact) { in.fill(e.Post, e.Holder, f.Time) }

func (in *Incident) fill(p Post, h Holder, at time.Time) {
	if in.Held == nil {
		in.Held = map[Post]Held{}
	}
	in.Held[p] = Held{h, at}
}

// Fill puts a person in a post. A command that somebody holds passes by a hand-over;
// without one it is taken only with a reason.
func Fill(in *Incident, p Post, h Holder, reason string) ([]journal.Draft, error) {
	switch {
	case in == nil || in.State != Active:
		return nil, errState(in, Active)
	case !slices.Contains(Posts[:], p):
		return nil, errPost(p)
	case h.Account == "":
		return nil, holdfast.Errorf(holdfast.Invalid, "%s has no account, and a post is held by somebody who can sign in", h.Name).At("person")
	case in.Held[p].Account == h.Account:
		return nil, nil
	}
	if p != Commander || in.Held[p].Account == "" {
		reason = ""
	} else if err := needText("reason", reason, holdfast.Errorf(holdfast.Invalid, "%s commands; hand over, or write why the command is taken without a hand-over", in.Held[p].Name)); err != nil {
		return nil, err
	}
	return in.draft(PostFilled{p, h, payment.Mask(reason)}), nil
}

func errPost(p Post) error {
	return holdfast.Errorf(holdfast.Invalid, "there is no post %q: write commander, technology, operations, risk, communication or scribe", string(p)).At("post")
}

// ShiftLimit returns until when the commander has to hand over, if the procedure
// says so. It runs as long as the emergency does.
func (in *Incident) ShiftLimit() (Limit, bool) {
	h := in.Held[Commander]
	if h.Account == "" || !in.Ongoing() {
		return Limit{}, false
	}
	return in.limit(OfPost, string(Commander), h.Since, time.Time{}, false, in.Procedure.Shift)
}

// workable lists the ids of the tasks that can be worked on now.
func (in *Incident) workable() (list []string) {
	for _, s := range in.Procedure.Stages {
		for _, t := range s.Tasks {
			if in.Tasks[t.ID].Status == procedure.Open {
				list = append(list, t.ID)
			}
		}
	}
	return list
}
