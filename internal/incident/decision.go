package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
)

// Bounds of a decision, the texts in bytes.
const (
	maxOptions  = 20
	maxOption   = 500
	maxQuestion = 500
)

// Decision is a choice between ways to go on, open or made.
type Decision struct {
	// ID is D1, D2 and so on.
	ID       string
	Question string
	Options  []string
	Asked    time.Time
	AskedBy  holdfast.Actor
	// Made is zero while it is open.
	Made   time.Time
	MadeBy holdfast.Actor
	Choice
}

// Choice is how a decision was made.
type Choice struct {
	Chosen string `json:"chosen"`
	Why    string `json:"why"`
	// Reversible means that it can be taken back later.
	Reversible bool `json:"reversible"`
	// DecidedBy says who decided, if not the one who records it.
	DecidedBy string `json:"decided_by,omitempty"`
}

// DecisionAsked asks for a decision.
type DecisionAsked struct {
	ID       string   `json:"id"`
	Question string   `json:"question"`
	Options  []string `json:"options"`
}

// DecisionMade records which option was chosen, and why.
type DecisionMade struct {
	ID string `json:"id"`
	Choice
}

func (DecisionAsked) kind() string { return "incident.decision-asked" }
func (DecisionMade) kind() string  { return "incident.decision-made" }

func (e DecisionAsked) fold(in *Incident, f holdfast.Fact) {
	d := Decision{ID: e.ID, Question: e.Question, Options: e.Options, Asked: f.Time, AskedBy: f.Actor}
	in.Decisions = append(in.Decisions[:len(in.Decisions):len(in.Decisions)], d)
}

func (e DecisionMade) fold(in *Incident, f holdfast.Fact) {
	in.Decisions = slices.Clone(in.Decisions)
	for i := range in.Decisions {
		if d := &in.Decisions[i]; d.ID == e.ID {
			d.Made, d.MadeBy, d.Choice = f.Time, f.Actor, e.Choice
		}
	}
}

func (in *Incident) openDecisions() (list []string) {
	for _, d := range in.Decisions {
		if d.Made.IsZero() {
			list = append(list, d.ID)
		}
	}
	return list
}

// AskDecision puts a question with its options on the record; with a choice it is
// decided in the same act.
func AskDecision(in *Incident, question string, options []string, c Choice) (id string, drafts []journal.Draft, err error) {
	if in == nil || in.State != Active {
		return "", nil, errState(in, Active)
	}
	ask := DecisionAsked{ID: nextDecision(len(in.Decisions)), Question: payment.Mask(strings.TrimSpace(question))}
	for _, o := range options {
		if o = payment.Mask(strings.TrimSpace(o)); o != "" && !slices.Contains(ask.Options, o) {
			ask.Options = append(ask.Options, o)
		}
	}
	switch {
	case ask.Question == "" || len(ask.Question) > maxQuestion:
		return "", nil, holdfast.Errorf(holdfast.Invalid, "write what is to be decided, in at most %d bytes", maxQuestion).At("question")
	case len(ask.Options) < 2 || len(ask.Options) > maxOptions:
		return "", nil, holdfast.Errorf(holdfast.Invalid, "name 2 to %d options, one a line; to do nothing is one", maxOptions).At("options")
	case slices.ContainsFunc(ask.Options, func(o string) bool { return len(o) > maxOption }):
		return "", nil, holdfast.Errorf(holdfast.TooLarge, "an option is longer than %d bytes", maxOption).At("options")
	}
	events := []event{ask}
	if strings.TrimSpace(c.Chosen) != "" {
		made, err := choose(Decision{ID: ask.ID, Options: ask.Options}, c)
		if err != nil {
			return "", nil, err
		}
		events = append(events, made)
	}
	return ask.ID, in.draft(events...), nil
}

func nextDecision(before int) string { return fmt.Sprintf("D%d", before+1) }

// MakeDecision records which option of an open decision was chosen.
func MakeDecision(in *Incident, id string, c Choice) ([]journal.Draft, error) {
	if in == nil || in.State != Active {
		return nil, errState(in, Active)
	}
	i := slices.IndexFunc(in.Decisions, func(d Decision) bool { return d.ID == id })
	switch {
	case i < 0:
		return nil, holdfast.Errorf(holdfast.NotFound, "incident %s has no decision %q", in.ID, id)
	case !in.Decisions[i].Made.IsZero():
		return nil, holdfast.Errorf(holdfast.Conflict, "%s is decided already; ask anew if it has to be decided otherwise", id)
	}
	made, err := choose(in.Decisions[i], c)
	if err != nil {
		return nil, err
	}
	return in.draft(made), nil
}

func choose(d Decision, c Choice) (event, error) {
	c.Chosen = payment.Mask(strings.TrimSpace(c.Chosen))
	if !slices.Contains(d.Options, c.Chosen) {
		return nil, holdfast.Errorf(holdfast.Invalid, "choose one of the options").At("chosen")
	}
	if err := needText("why", c.Why, holdfast.Errorf(holdfast.Invalid, "write why this was chosen")); err != nil {
		return nil, err
	}
	if len(c.DecidedBy) > maxTitle {
		return nil, errLong("decided_by")
	}
	c.Why, c.DecidedBy = payment.Mask(c.Why), payment.Mask(strings.TrimSpace(c.DecidedBy))
	return DecisionMade{d.ID, c}, nil
}
