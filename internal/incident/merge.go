package incident

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
)

// MergedFact makes an incident part of another, which goes on for both.
type MergedFact struct {
	Into   string `json:"into"`
	Reason string `json:"reason"`
}

// mostMoved is how many alerts go with an incident by one fact; their ids stay below what
// the body of one may have.
const mostMoved = 40_000

// Absorbed takes another incident in, with what was open there. Its alerts go with it
// by this fact alone: they may be more than facts of their own would fit in an append. Of
// more than mostMoved the rest follows in facts that have nothing else.
type Absorbed struct {
	From   string   `json:"from"`
	Reason string   `json:"reason"`
	Alerts []string `json:"alerts,omitempty"`
	// Tasks are ids of the other's procedure that were open.
	Tasks []string `json:"tasks,omitempty"`
	// Decisions are those that were open there; they go on here under new ids.
	Decisions []DecisionAsked `json:"decisions,omitempty"`
}

// Unmerged makes an incident that was merged go on by itself.
type Unmerged struct {
	Reason string `json:"reason"`
}

// Released lets an incident that was taken in go again, with its alerts; of many in as many
// facts as took them in.
type Released struct {
	From   string   `json:"from"`
	Alerts []string `json:"alerts,omitempty"`
}

// Linked says that another incident has to do with this one.
type Linked struct {
	Other  string `json:"other"`
	Reason string `json:"reason"`
}

// Link is another incident that has to do with this one.
type Link struct {
	Linked
	At time.Time
	By holdfast.Actor
}

func (MergedFact) kind() string { return "incident.merged" }
func (Absorbed) kind() string   { return "incident.absorbed" }
func (Unmerged) kind() string   { return "incident.unmerged" }
func (Released) kind() string   { return "incident.released" }
func (Linked) kind() string     { return "incident.linked" }

func (e MergedFact) fold(in *Incident, f holdfast.Fact) {
	in.alone = in.clone()
	in.stopWork(e.Reason, f)
	in.State, in.Into, in.EndReason, in.Ended, in.EndedBy = Merged, e.Into, e.Reason, f.Time, f.Actor
}

func (e Unmerged) fold(in *Incident, _ holdfast.Fact) {
	revision, links, hooks := in.Revision, in.Links, in.hooks
	*in = *in.alone
	in.Revision, in.Links, in.hooks = revision, links, hooks
}

func (e Absorbed) fold(in *Incident, f holdfast.Fact) {
	in.Parts = slices.Clone(in.Parts)
	if n := len(in.Parts) - 1; n >= 0 && in.Parts[n].From == e.From {
		in.Parts[n].Alerts = slices.Concat(in.Parts[n].Alerts, e.Alerts)
	} else {
		in.Parts = append(in.Parts, e)
	}
	in.Alerts = append(in.Alerts, e.Alerts...)
	for _, d := range e.Decisions {
		d.fold(in, f)
	}
}

func (e Released) fold(in *Incident, _ holdfast.Fact) {
	in.Parts = slices.DeleteFunc(slices.Clone(in.Parts), func(p Absorbed) bool { return p.From == e.From })
	gone := make(map[string]bool, len(e.Alerts))
	for _, a := range e.Alerts {
		gone[a] = true
	}
	in.Alerts = slices.DeleteFunc(slices.Clone(in.Alerts), func(a string) bool { return gone[a] })
}

func (e Linked) fold(in *Incident, f holdfast.Fact) {
	in.Links = append(in.Links[:len(in.Links):len(in.Links)], Link{e, f.Time, f.Actor})
}

// judged is the level an incident counts with: its own, or the one suggested.
func (in *Incident) judged() holdfast.Level {
	if in.State == Suspected {
		return in.Suggested
	}
	return in.Level
}

// Merge makes an incident part of another. Both go on until then; what runs at a
// level is never put under one that does less.
func Merge(in, into *Incident, reason string) ([]journal.Draft, error) {
	switch {
	case in == nil || in.Over():
		return nil, errState(in, Active)
	case into == nil || into.Over():
		return nil, holdfast.Errorf(holdfast.Invalid, "name an incident that is not over to merge into").At("into")
	case in.ID == into.ID:
		return nil, holdfast.Errorf(holdfast.Invalid, "an incident cannot be merged into itself").At("into")
	case in.State == Active && (into.State != Active || Graver(in.Level, into.Level)):
		return nil, holdfast.Errorf(holdfast.Conflict, "incident %s runs a graver procedure than %s: merge that one into this, or raise its level first", in.ID, into.ID)
	case in.State == Suspected && into.State == Active && Graver(in.judged(), into.Level):
		return nil, holdfast.Errorf(holdfast.Conflict, "incident %s runs a graver procedure than %s: merge that one into this, or raise its level first", in.ID, into.ID)
	case in.Ongoing() && !into.Ongoing(): // nobody looks there any more, and nothing would be done
		return nil, holdfast.Errorf(holdfast.Conflict, "incident %s only awaits its debrief; what happens now is another incident", into.ID)
	}
	if err := needText("reason", reason, holdfast.Errorf(holdfast.Invalid, "write why the two are one")); err != nil {
		return nil, err
	}
	reason = payment.Mask(reason)
	first, rest := portions(in.Alerts)
	took := Absorbed{From: in.ID, Reason: reason, Alerts: first}
	if in.State == Active {
		took.Tasks = in.workable()
		for _, d := range in.Decisions {
			if d.Made.IsZero() {
				id := nextDecision(len(into.Decisions) + len(took.Decisions))
				took.Decisions = append(took.Decisions, DecisionAsked{id, cut("("+in.ID+") "+d.Question, maxQuestion), d.Options})
			}
		}
	}
	taken := []event{took}
	for _, alerts := range rest {
		taken = append(taken, Absorbed{From: in.ID, Reason: reason, Alerts: alerts})
	}
	return slices.Concat(in.draft(MergedFact{into.ID, reason}), into.draft(taken...)), nil
}

// Unmerge lets an incident that was merged go on by itself, as it was, with its
// alerts.
func Unmerge(in, from *Incident, reason string) ([]journal.Draft, error) {
	if in == nil || in.State != Merged {
		return nil, errState(in, Merged)
	}
	if from == nil || from.Over() {
		return nil, holdfast.Errorf(holdfast.Conflict, "incident %s is over; open it again before it lets %s go", in.Into, in.ID)
	}
	if err := needText("reason", reason, holdfast.Errorf(holdfast.Invalid, "write why the two are not one")); err != nil {
		return nil, err
	}
	var alerts []string
	for _, p := range from.Parts {
		if p.From == in.ID {
			alerts = p.Alerts
		}
	}
	first, rest := portions(alerts)
	released := []event{Released{in.ID, first}}
	for _, alerts := range rest {
		released = append(released, Released{in.ID, alerts})
	}
	return slices.Concat(in.draft(Unmerged{payment.Mask(reason)}), from.draft(released...)), nil
}

// portions cuts ids of alerts into what goes with one fact each.
func portions(alerts []string) (first []string, rest [][]string) {
	all := slices.Collect(slices.Chunk(alerts, mostMoved))
	if len(all) == 0 {
		return nil, nil
	}
	return all[0], all[1:]
}

// ConnectTo links two incidents, in whatever state they are, both ways.
func ConnectTo(in, other *Incident, reason string) ([]journal.Draft, error) {
	switch {
	case in == nil:
		return nil, errState(in, Active)
	case other == nil || other.ID == in.ID:
		return nil, holdfast.Errorf(holdfast.Invalid, "name another incident to link with").At("other")
	case slices.ContainsFunc(in.Links, func(l Link) bool { return l.Other == other.ID }):
		return nil, nil
	}
	if err := needText("reason", reason, holdfast.Errorf(holdfast.Invalid, "write what the two have to do with each other")); err != nil {
		return nil, err
	}
	reason = payment.Mask(reason)
	return slices.Concat(in.draft(Linked{other.ID, reason}), other.draft(Linked{in.ID, reason})), nil
}

// Whole returns the ids of an incident and of all that were merged into it, at
// whatever remove.
func (b *Book) Whole(id string) []string {
	list := []string{id}
	for i := 0; i < len(list); i++ {
		in := b.all[list[i]]
		if in == nil {
			continue
		}
		for _, p := range in.Parts {
			if !slices.Contains(list, p.From) {
				list = append(list, p.From)
			}
		}
	}
	return list
}
