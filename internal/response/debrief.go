package response

import (
	"time"

	"holdfast/internal/debrief"
	"holdfast/internal/directive"
	"holdfast/internal/incident"
	"holdfast/internal/posture"
	"holdfast/internal/traffic"
)

// Count asks what the gates counted in a time, for a debrief, what was in flight at the
// stops, and what became of payments of unknown outcome. Counts are kept for two days; what is older is missing. Call it under
// the state's lock.
func (s *Service) Count(in *incident.Incident, from, to time.Time) debrief.Counts {
	c := debrief.Counts{From: from.UTC(), To: to.UTC(), Stop: s.inFlight(in)}
	if in.Drill {
		return c // what gates count says nothing of a rehearsal
	}
	c.Outcomes = s.outcomes(in)
	if sources, count, amounts := s.untraced(s.Incidents.Whole(in.ID)); sources > 0 {
		c.Untraced = &debrief.Sum{Count: count, Amounts: amounts}
	}
	if settled := s.Desk.Now().Add(-traffic.Settle * time.Second); to.After(settled) {
		to = settled // later counts are still on their way
	}
	late := to.Sub(from) > keptCounts || s.Desk.Now().Sub(from) > keptCounts
	if kept := s.Desk.Now().Add(-keptCounts); from.Before(kept) {
		from = kept
	}
	if !to.After(from) {
		return c
	}
	t, err := s.Series.Totals(traffic.Query{From: from.Unix(), To: to.Unix() + 1, Where: func(k traffic.Key) bool { return k.Kind.MovesMoney() }}, fate)
	if err != nil || t.Heard == 0 {
		return c
	}
	g := gathering{Service: s, in: in}
	c.Known, c.AtLeast = true, late || g.lacks(from.Unix(), t.Coverage)
	if p, err := s.Series.Payers(from.Unix(), to.Unix()+1); err == nil {
		c.Payers = &debrief.Payers{
			Declined: p.By[traffic.PayerDeclined], Failed: p.By[traffic.PayerFailed], Unknown: p.By[traffic.PayerUnknown], All: p.All,
			AtLeast: c.AtLeast || p.AtLeast,
		}
	}
	c.StoodIn = &debrief.Sum{}
	for _, group := range t.Groups {
		switch group.Name {
		case "stood-in":
			*c.StoodIn = sum(group.Sum)
		case "declined":
			c.Declined = sum(group.Sum)
		case "failed":
			c.Failed = sum(group.Sum)
		case "unknown":
			c.Unknown = sum(group.Sum)
		}
	}
	return c
}

// fate sorts payments by what a debrief says of them.
func fate(k traffic.Key) string {
	switch {
	case stoodIn(k):
		return "stood-in"
	case declined(k):
		return "declined"
	case unclear(k):
		return "unknown"
	case failed(k):
		return "failed"
	}
	return ""
}

func sum(s traffic.Sum) debrief.Sum {
	d := debrief.Sum{Count: s.Count}
	for _, m := range s.Amounts {
		if d.Amounts == nil {
			d.Amounts = map[string]int64{}
		}
		d.Amounts[m.Currency] += m.Minor
	}
	return d
}

// inFlight sums what was in flight at the stops of an incident and of what was merged
// into it; nil if nothing was stopped.
func (s *Service) inFlight(in *incident.Incident) *debrief.InFlight {
	var found *debrief.InFlight
	whole := map[string]bool{}
	for _, id := range s.Incidents.Whole(in.ID) {
		whole[id] = true
	}
	for _, d := range s.Directives.All() {
		if !whole[d.Incident] || d.Kind != posture.Stop || d.IssuedAt.IsZero() {
			continue
		}
		if found == nil {
			found = &debrief.InFlight{}
		}
		t := directive.Sum(directive.Progress(d, s.Gates))
		found.Payments += t.InFlight
		found.Done += t.Done
		found.NotDone += t.NotDone
		found.Unknown += t.Unknown
		found.NotKnown += t.NotKnown
	}
	return found
}
