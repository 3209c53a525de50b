package trigger

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"holdfast"
	"holdfast/internal/improvement"
	"holdfast/internal/journal"
)

// fromImprovement decides on the trigger of an improvement that changes the plan. It
// is written with the improvement's link to it; asked again it is the same trigger.
func (n Nouns) fromImprovement(id string, now time.Time) (string, []journal.Draft, error) {
	im, found := n.Improvements.Improvement(id)
	switch {
	case !found:
		return "", nil, holdfast.Errorf(holdfast.NotFound, "there is no improvement %q", id)
	case im.Trigger != "":
		return im.Trigger, nil, nil
	case im.End != nil:
		return "", nil, holdfast.Errorf(holdfast.Conflict, "improvement %s is %s already", id, string(im.End.State))
	case im.Chapter == "":
		return "", nil, holdfast.Errorf(holdfast.Invalid, "improvement %s names no chapter of the plan: there is nothing to update", id)
	}
	current, err := n.inForce(now)
	if err != nil {
		return "", nil, err
	}
	r := Report{
		Kind: Other, Title: shortened(firstLine(im.Text), maxTitle), Source: "Holdfast", Reference: im.Incident + " " + im.ID, Text: im.Text,
		Role: im.Role, Person: im.Person, Due: im.Ends(n.Zone),
	}
	if im.Risk != "" {
		r.Kind = Risk
	}
	if n.checkOwner(r, current) != nil {
		r.Role, r.Person = cmp.Or(current.Governance.Owner, n.Roster.Answering(current.Team, now)), ""
	}
	if !r.Due.After(now) {
		r.Due = now.Add(DefaultDue)
	}
	trigger, drafts, err := n.open(opened{Report: r, Improvement: im.ID}, now)
	if err != nil {
		return "", nil, err
	}
	return trigger, append(drafts, im.LinkTrigger(trigger)), nil
}

// firstLine is a text's beginning on one line.
func firstLine(text string) string {
	line := []rune(text)
	for i, r := range line {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			line[i] = ' '
		}
	}
	return string(line)
}

// FromImprovement opens the trigger of an improvement that changes the plan, and
// returns its id. Asked again it returns the same and writes nothing.
func (s *Service) FromImprovement(ctx context.Context, by holdfast.Actor, improvement string) (id string, err error) {
	_, err = s.Desk.Do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = s.Nouns.fromImprovement(improvement, now)
		return drafts, err
	})
	if err != nil {
		return "", fmt.Errorf("open a trigger for improvement %s: %w", improvement, err)
	}
	return id, nil
}

// wanted lists the improvements that ask for a trigger and have none.
func (n Nouns) wanted() (ids []string) {
	for _, im := range n.Improvements.All() {
		if wants(im) {
			ids = append(ids, im.ID)
		}
	}
	return ids
}

func wants(im *improvement.Improvement) bool {
	return im.Revise && im.Trigger == "" && im.End == nil && im.Chapter != ""
}

const (
	// lookAgain is how long the loop waits for a fact at most.
	lookAgain = 10 * time.Minute
	// retryAfter is when it tries again what could not be opened, such as while no plan is
	// in force; the facts of a storm in between would not help.
	retryAfter = 5 * time.Second
)

// Run opens the triggers that improvements ask for, until ctx ends.
func (s *Service) Run(ctx context.Context, log *slog.Logger) error {
	watch, end := s.Desk.State.Watch()
	defer end()
	for {
		var ids []string
		signal, wait := watch, lookAgain
		s.Desk.State.View(func() { ids = s.Nouns.wanted() })
		for _, id := range ids { // one by one: what is wrong with one must not keep the others back
			if _, err := s.FromImprovement(ctx, holdfast.Self("trigger"), id); err != nil && ctx.Err() == nil {
				log.Warn("a trigger cannot be opened now", "improvement", id, "error", err)
				signal, wait = nil, retryAfter
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-signal:
		case <-time.After(wait):
		}
	}
}
