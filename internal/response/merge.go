package response

import (
	"context"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/procedure"
)

// Debriefs is what the response asks of debriefs, under the state's lock.
type Debriefs interface {
	// Ready says why an incident cannot be closed for want of a debrief; nil if it can.
	Ready(in *incident.Incident) error
	// Void decides that what was presented or accepted of an incident's debrief no longer
	// stands: a fact of the kind change gives the incident other figures.
	Void(incident, change string) []journal.Draft
}

// voiding adds to the drafts of an act that it voids the debriefs of incidents: people
// signed other figures, and are asked anew.
func (s *Service) voiding(drafts []journal.Draft, err error, change string, ids ...string) ([]journal.Draft, error) {
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		drafts = append(drafts, s.Debriefs.Void(id, change)...)
	}
	return drafts, nil
}

// AskFalseAlarm asks for an active incident to be ended as a false alarm.
func (s *Service) AskFalseAlarm(ctx context.Context, by holdfast.Actor, id, reason string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) { return incident.AskFalseAlarm(in, reason) })
}

// AnswerFalseAlarm is the second person's answer. It ends nothing that holds a
// directive.
func (s *Service) AnswerFalseAlarm(ctx context.Context, by holdfast.Actor, id string, granted bool, reason string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) {
		if in == nil || !granted {
			return incident.AnswerFalseAlarm(in, granted, reason, incident.Figures{}, by)
		}
		drafts, err := incident.AnswerFalseAlarm(in, true, reason, s.Figures(in), by)
		if err != nil {
			return nil, err
		}
		return drafts, s.nothingHeld(id)
	})
}

// Reopen makes an incident that was closed or dismissed go on.
func (s *Service) Reopen(ctx context.Context, by holdfast.Actor, id string, from procedure.StageKind, reason string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) {
		drafts, err := incident.Reopen(in, from, reason)
		if from == procedure.Review { // what is written anew there voids it
			return drafts, err
		}
		return s.voiding(drafts, err, "incident.reopened", id)
	})
}

// Merge makes an incident part of another, with its alerts and what is open.
func (s *Service) Merge(ctx context.Context, by holdfast.Actor, id, into, reason string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) {
		drafts, err := incident.Merge(in, s.Incidents.Incident(into), reason)
		return s.voiding(drafts, err, alert.KindAbsorbed, into)
	})
}

// Unmerge lets a merged incident go on by itself.
func (s *Service) Unmerge(ctx context.Context, by holdfast.Actor, id, reason string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) {
		var from *incident.Incident
		if in != nil {
			from = s.Incidents.Incident(in.Into)
		}
		drafts, err := incident.Unmerge(in, from, reason)
		if err != nil {
			return nil, err
		}
		return s.voiding(drafts, nil, alert.KindReleased, in.Into)
	})
}

// Link ties two incidents that have to do with each other.
func (s *Service) Link(ctx context.Context, by holdfast.Actor, id, other, reason string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) {
		return incident.ConnectTo(in, s.Incidents.Incident(other), reason)
	})
}
