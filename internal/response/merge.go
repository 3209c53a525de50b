package response

import (
	"context"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/procedure"
)

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
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) { return incident.Reopen(in, from, reason) })
}

// Merge makes an incident part of another, with its alerts and what is open.
func (s *Service) Merge(ctx context.Context, by holdfast.Actor, id, into, reason string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) {
		return incident.Merge(in, s.Incidents.Incident(into), reason)
	})
}

// Unmerge lets a merged incident go on by itself.
func (s *Service) Unmerge(ctx context.Context, by holdfast.Actor, id, reason string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) {
		var from *incident.Incident
		if in != nil {
			from = s.Incidents.Incident(in.Into)
		}
		return incident.Unmerge(in, from, reason)
	})
}

// Link ties two incidents that have to do with each other.
func (s *Service) Link(ctx context.Context, by holdfast.Actor, id, other, reason string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) {
		return incident.ConnectTo(in, s.Incidents.Incident(other), reason)
	})
}
