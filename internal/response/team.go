package response

import (
	"context"
	"slices"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
)

// Fill puts a person of the roster in a post of an incident, or, without one, the
// actor himself. A command that somebody holds is taken only with a reason.
func (s *Service) Fill(ctx context.Context, by holdfast.Actor, id string, p incident.Post, person, reason string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) {
		h, err := s.holder(by, person, "person")
		if err != nil {
			return nil, err
		}
		return incident.Fill(in, p, h, reason)
	})
}

// holder describes a person of the roster, or the actor, as who holds a post. Field
// names the input that names the person.
func (s *Service) holder(by holdfast.Actor, person, field string) (incident.Holder, error) {
	if person != "" {
		p, ok := s.Roster.Person(person)
		if !ok {
			return incident.Holder{}, holdfast.Errorf(holdfast.Invalid, "nobody of the roster is %q: name the person", person).At(field)
		}
		return incident.Holder{Account: p.Account, Person: p.ID, Name: p.Name}, nil
	}
	h := incident.Holder{Account: by.ID, Name: by.Name}
	for _, p := range s.Roster.People() {
		if p.Account == by.ID {
			h.Person, h.Name = p.ID, p.Name
		}
	}
	return h, nil
}

// Offer offers a post that the actor holds to a person of the roster, with a text on
// how things stand. It returns the number of the hand-over.
func (s *Service) Offer(ctx context.Context, by holdfast.Actor, id string, p incident.Post, to, text string) (n int, err error) {
	err = s.on(ctx, by, id, func(in *incident.Incident) (drafts []journal.Draft, err error) {
		if to == "" {
			return nil, holdfast.Errorf(holdfast.Invalid, "name the person who takes over, not yourself").At("to")
		}
		h, err := s.holder(by, to, "to")
		if err != nil {
			return nil, err
		}
		n, drafts, err = incident.Offer(in, p, h, text, by)
		return drafts, err
	})
	return n, err
}

// AnswerOffer accepts a hand-over, declines it, or takes it back.
func (s *Service) AnswerOffer(ctx context.Context, by holdfast.Actor, id string, n int, accept bool, reason string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) {
		return incident.AnswerOffer(in, n, accept, reason, by)
	})
}

// AskDecision puts a question with its options on the record, decided at once if a
// choice is given. It returns the decision's id.
func (s *Service) AskDecision(ctx context.Context, by holdfast.Actor, id, question string, options []string, c incident.Choice) (decision string, err error) {
	err = s.on(ctx, by, id, func(in *incident.Incident) (drafts []journal.Draft, err error) {
		decision, drafts, err = incident.AskDecision(in, question, options, c)
		return drafts, err
	})
	return decision, err
}

// MakeDecision records how an open decision was made.
func (s *Service) MakeDecision(ctx context.Context, by holdfast.Actor, id, decision string, c incident.Choice) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) { return incident.MakeDecision(in, decision, c) })
}

// Correct puts a correction of an entry on the timeline.
func (s *Service) Correct(ctx context.Context, by holdfast.Actor, id string, position holdfast.Position, text string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) {
		return incident.Correct(in, incident.Corrected{Position: position, Text: text}, func(p holdfast.Position) bool {
			facts, _ := s.Timeline.Of(id)
			return slices.ContainsFunc(facts, func(f holdfast.Fact) bool { return f.Position == p })
		})
	})
}
