package response

import (
	"math"
	"slices"
	"time"

	"holdfast/internal/incident"
	"holdfast/internal/payment"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
	"holdfast/internal/traffic"
)

const (
	// lately is how many seconds shares are taken over.
	lately = 60
	// enough is how many payments a share needs to say anything.
	enough = 10
	// keptCounts is how far back counts can be had.
	keptCounts = 48 * time.Hour
)

// readings gathers the measures that a plan declares, in its order. What was not
// gathered and what nobody entered is there without a value and with the reason. Call
// it under the state's lock.
func (s *Service) readings(in *incident.Incident, p *plan.Plan, now time.Time) []incident.Reading {
	g := gathering{Service: s, in: in, now: now, start: s.began(in)}
	list := make([]incident.Reading, 0, len(p.Measures))
	for _, m := range p.Measures {
		list = append(list, g.read(m))
	}
	return list
}

// Reading is one measure of an incident, at its end if it is over. Call it under the
// state's lock.
func (s *Service) Reading(in *incident.Incident, m plan.Measure, now time.Time) incident.Reading {
	if in.Over() && in.Ended.Before(now) {
		now = in.Ended
	}
	g := gathering{Service: s, in: in, now: now, start: s.began(in)}
	return g.read(m)
}

func (g *gathering) read(m plan.Measure) incident.Reading {
	r := incident.Reading{Measure: m.ID, Why: incident.NotEntered}
	if m.From != "" {
		r = g.gather(m)
		r.Measure, r.From, r.At = m.ID, m.From, g.now
	}
	if e, entered := g.in.Entered[m.ID]; entered && (r.Value == nil || r.AtLeast && reaches(e.Value, r.Value)) {
		r = incident.Reading{Measure: m.ID, Value: e.Value, By: &e.By, At: e.At}
	}
	return r
}

// reaches reports whether a number that a person entered is no less than a lower bound.
func reaches(entered, least any) bool {
	n, isNumber := entered.(float64)
	bound, isBound := least.(float64)
	return isNumber && isBound && n >= bound
}

// began is when the incident began: when its first alert did, or when it was opened.
func (s *Service) began(in *incident.Incident) time.Time { return s.firstAlert(in, in.Opened) }

// firstAlert is when the first alert of an incident began, if that is before a time; else
// that time.
func (s *Service) firstAlert(in *incident.Incident, start time.Time) time.Time {
	for _, id := range in.Alerts {
		if a := s.Alerts.Alert(id); a != nil && !a.StartsAt.IsZero() && a.StartsAt.Before(start) {
			start = a.StartsAt
		}
	}
	return start
}

// gathering gathers the measures of one incident at one time, each count once.
type gathering struct {
	*Service
	in         *incident.Incident
	now, start time.Time
	last       *recent
}

// recent is what went to the primary lately.
type recent struct {
	done, of int64
	// affected counts the channels of which less than half was done.
	affected int
	heard    bool
}

func unknown(why string) incident.Reading { return incident.Reading{Why: why} }
func number(n float64) incident.Reading   { return incident.Reading{Value: n} }
func counted(n int64, least bool) incident.Reading {
	return incident.Reading{Value: float64(n), AtLeast: least}
}
func forwarded(k traffic.Key) bool {
	return k.Verdict == posture.Forward.String() && k.Kind.MovesMoney()
}
func failed(k traffic.Key) bool {
	return forwarded(k) && (k.Outcome == payment.NotDone || k.Outcome == payment.Unknown)
}
func unclear(k traffic.Key) bool { return forwarded(k) && k.Outcome == payment.Unknown }

// declined: a gate that stands in declines for itself, too.
func declined(k traffic.Key) bool {
	byDirective := k.Verdict == posture.Decline.String() || k.Verdict == posture.Substitute.String() && k.Outcome == payment.NotDone
	return byDirective && k.Kind.MovesMoney()
}
func stoodIn(k traffic.Key) bool {
	return k.Verdict == posture.Substitute.String() && k.Outcome == payment.Done && k.Kind.MovesMoney()
}

// gather measures one thing.
func (g *gathering) gather(m plan.Measure) incident.Reading {
	switch m.From {
	case plan.FromMinutes:
		return number(math.Floor(max(0, g.now.Sub(g.start).Minutes())))
	case plan.FromStop:
		return incident.Reading{Value: g.stopInForce()}
	}
	if g.in.Drill {
		return unknown(incident.InDrill)
	}
	switch m.From {
	case plan.FromFailed:
		return g.since(failed, "")
	case plan.FromUnknown:
		return g.since(unclear, "")
	case plan.FromDeclined:
		return g.since(declined, "")
	case plan.FromPayers:
		return g.payers()
	case plan.FromFailedAmount:
		return g.since(failed, m.Unit)
	case plan.FromAtRisk:
		return g.since(unclear, m.Unit)
	}
	lately := g.recently()
	switch {
	case !lately.heard:
		return unknown(incident.NotHeard)
	case lately.of < enough:
		return unknown(incident.TooFew)
	case m.From == plan.FromSuccess:
		return number(math.Floor(1000*float64(lately.done)/float64(lately.of)) / 10)
	case m.From == plan.FromChannels:
		return number(float64(lately.affected))
	default: // plan.FromStopped
		return incident.Reading{Value: lately.done == 0}
	}
}

func (g *gathering) stopInForce() bool {
	for _, d := range g.Directives.InForce(g.in.ID) {
		if d.Kind == posture.Stop {
			return true
		}
	}
	return false
}

// since counts payments since the incident began, or sums their amount in a
// currency. Where counts of a part of the time or of a gate are missing, it is a
// lower bound.
func (g *gathering) since(where func(traffic.Key) bool, currency string) incident.Reading {
	from, to, short := g.span()
	if to <= from {
		return counted(0, true) // no count has arrived yet
	}
	t, err := g.Series.Totals(traffic.Query{From: from, To: to, Where: where}, nil)
	if err != nil {
		return unknown(incident.NotHeard)
	}
	short = short || g.lacks(from, t.Coverage)
	var n int64
	for _, group := range t.Groups {
		if currency == "" {
			n += group.Count
			continue
		}
		for _, m := range group.Amounts {
			if m.Currency == currency {
				n += m.Minor
			}
		}
	}
	return counted(n, short)
}

// payers counts the distinct payers of what since counts.
func (g *gathering) payers() incident.Reading {
	from, to, short := g.span()
	if to <= from {
		return counted(0, true)
	}
	c, err := g.Series.Payers(from, to)
	if err != nil {
		return unknown(incident.NotHeard)
	}
	return counted(c.All, short || c.AtLeast || g.lacks(from, c.Coverage))
}

// span is the time since the incident began as far as counts of it are kept, in
// seconds since 1970, and whether that is short of it.
func (g *gathering) span() (from, to int64, short bool) {
	start, end := g.start, g.now.Add(-traffic.Settle*time.Second)
	if short = end.Sub(start) > keptCounts; short {
		start = end.Add(-keptCounts)
	}
	if !end.After(start) {
		return 0, 0, short
	}
	return start.Unix(), end.Unix() + 1, short
}

// lacks reports whether counts of a part of the time from a second on, or of a gate,
// are missing.
func (g *gathering) lacks(from int64, c traffic.Coverage) bool {
	return !c.Complete() || g.countsBegan() > from || !g.allHeard()
}

// recently counts what went to the primary in the last minute. A share is told only
// where nine tenths of what the gates were to send has arrived, and every gate in
// service is heard here: what is not known is never read as healthy.
func (g *gathering) recently() recent {
	if g.last != nil {
		return *g.last
	}
	g.last = &recent{}
	to := g.now.Unix() - traffic.Settle
	t, err := g.Series.Totals(traffic.Query{From: to - lately, To: to, Where: forwarded}, func(k traffic.Key) string {
		switch k.Outcome {
		case payment.Done:
			return "+" + k.Channel
		case payment.NotDone, payment.Unknown:
			return "-" + k.Channel
		}
		return "" // in flight
	})
	if err != nil {
		return *g.last
	}
	g.last.heard = t.Heard > 0 && t.Heard*10 >= t.Expected*9 && g.allHeard()
	done, of := map[string]int64{}, map[string]int64{}
	for _, group := range t.Groups {
		if group.Name == "" {
			continue
		}
		channel := group.Name[1:]
		of[channel] += group.Count
		g.last.of += group.Count
		if group.Name[0] == '+' {
			done[channel] += group.Count
			g.last.done += group.Count
		}
	}
	for channel, n := range of {
		if n >= enough && done[channel]*2 < n {
			g.last.affected++
		}
	}
	return *g.last
}

// allHeard reports whether this node has counts of every gate in service: from the
// gates that are with it, and from other nodes for theirs.
func (g *gathering) allHeard() bool {
	heard := g.Series.Gates()
	for _, name := range g.gateProcesses() {
		if !slices.ContainsFunc(heard, func(s traffic.GateSeen) bool { return s.Gate == name && !s.Gone }) {
			return false
		}
	}
	return len(heard) > 0
}
