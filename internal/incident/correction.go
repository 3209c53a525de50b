package incident

import (
	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
)

// Corrected says what is true instead of what a fact on the incident's timeline
// says. That one stays as it is, and both are shown.
type Corrected struct {
	// Position is where the corrected fact stands in the journal.
	Position holdfast.Position `json:"position"`
	Text     string            `json:"text"`
}

func (Corrected) kind() string { return "incident.corrected" }

// fold changes nothing: what was decided on a wrong entry was decided.
func (Corrected) fold(*Incident, holdfast.Fact) {}

// Correct puts a correction on the timeline, also of an incident that is over. On
// says whether a fact stands on the timeline.
func Correct(in *Incident, e Corrected, on func(holdfast.Position) bool) ([]journal.Draft, error) {
	if in == nil {
		return nil, errState(in, Active)
	}
	if !on(e.Position) {
		return nil, holdfast.Errorf(holdfast.NotFound, "entry %d is not on the timeline of incident %s", e.Position, in.ID).At("position")
	}
	if err := needText("text", e.Text, holdfast.Errorf(holdfast.Invalid, "write what is true instead")); err != nil {
		return nil, err
	}
	e.Text = payment.Mask(e.Text)
	return in.draft(e), nil
}
