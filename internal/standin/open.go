package standin

import (
	"time"

	"holdfast"
)

// Open opens a shard for a directive. inFlight are the identities that the
// primary was sent and has not answered, of every gate; forwarding in the
// directive's scope has been confirmed stopped before.
func Open(s *State, c *Compiled, directive string, inFlight []string, now time.Time) ([]Record, error) {
	if !holdfast.ValidName(directive) {
		return nil, holdfast.Errorf(holdfast.Invalid, "stand-in is opened by a directive")
	}
	if o := s.openings[directive]; o != nil {
		if o.Version == c.Version && o.Ended == 0 {
			return nil, nil
		}
		return nil, holdfast.Errorf(holdfast.Conflict, "the directive %s was opened with other terms, or has ended", directive)
	}
	if o := s.openings[s.current]; o != nil && o.Ended == 0 {
		return nil, holdfast.Errorf(holdfast.Conflict, "the directive %s stands in already: end it first", s.current)
	}
	at := max(At(now), s.last)
	records := make([]Record, 0, len(inFlight)+1)
	for _, identity := range inFlight {
		records = append(records, &Excluded{identity, at})
	}
	return append(records, &Opened{
		Directive: directive, Profile: c.Profile.ID, Version: c.Version, Planned: c.Planned, OneByOne: c.Profile.OneByOne,
		Zone: c.Profile.Zone, Limits: c.allLimits(), At: at,
	}), nil
}

// Exclude returns the record that an identity is about to be sent to the primary
// outside of forwarding, so that it is not approved here while its outcome is not
// known.
func Exclude(s *State, identity string, now time.Time) []Record {
	if s.items[identity] != nil {
		return nil
	}
	return []Record{&Excluded{identity, max(At(now), s.last)}}
}

// TakeOver returns the record that a decider appends before it answers anything.
func TakeOver(s *State, gate, boot string, now time.Time) *TakenOver {
	return &TakenOver{Gate: gate, Boot: boot, At: max(At(now), s.last)}
}

// End ends stand-in for all but payers with pending advices.
func End(s *State, directive string, now time.Time) []Record {
	if o := s.openings[directive]; o == nil || o.Ended != 0 {
		return nil
	}
	return []Record{&Ended{directive, max(At(now), s.last)}}
}

// CloseOut signs that nothing of a directive is left to explain. It is refused as
// long as anything is pending or unresolved.
func CloseOut(s *State, directive, by string, now time.Time) ([]Record, error) {
	o := s.openings[directive]
	switch {
	case o == nil:
		return nil, holdfast.Errorf(holdfast.NotFound, "the directive %s never stood in here", directive)
	case o.Closed != 0:
		return nil, nil
	case o.Ended == 0:
		return nil, holdfast.Errorf(holdfast.Conflict, "the directive %s still stands in: end it first", directive)
	case by == "":
		return nil, holdfast.Errorf(holdfast.Invalid, "a close-out is signed by a person")
	}
	for key, b := range s.balances {
		if key.directive == directive && !b.Explained() {
			return nil, holdfast.Errorf(holdfast.Conflict, "%d payments of the directive %s are pending and %d exceptions unresolved: nothing may be left to explain",
				b.Pending.Count, directive, b.Unresolved.Count)
		}
	}
	return []Record{&Closed{Directive: directive, By: by, At: max(At(now), s.last)}}, nil
}

// Forget drops what was settled before a time, once its directive is closed. The
// same request after that is not recognised any more: before is to be longer ago
// than clients repeat.
func Forget(s *State, before, now time.Time) []Record {
	return []Record{&Forgot{Before: At(before), At: max(At(now), s.last)}}
}
