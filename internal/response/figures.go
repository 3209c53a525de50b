package response

import (
	"math"
	"slices"
	"time"

	"holdfast/internal/directive"
	"holdfast/internal/expression"
	"holdfast/internal/incident"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/procedure"
	"holdfast/internal/traffic"
)

// Figures measures an incident as it stands. Call it under the state's lock.
func (s *Service) Figures(in *incident.Incident) incident.Figures {
	f := incident.Figures{
		Detected: in.Opened, Confirmed: in.Confirmed,
		Notified:  stageEnd(in, procedure.Notify),
		Convened:  stageEnd(in, procedure.Convene),
		Handled:   stageEnd(in, procedure.Handle),
		Recovered: stageEnd(in, procedure.Recover),
	}
	for _, d := range s.Directives.All() { // newest first: the first stop wins
		if d.Incident != in.ID || d.Kind != posture.Stop || d.IssuedAt.IsZero() {
			continue
		}
		f.Stopped, f.StopConfirmed = d.IssuedAt, time.Time{}
		if d.Confirmation != nil {
			f.StopConfirmed = d.Confirmation.Confirmed
		}
		t := directive.Sum(directive.Progress(d, s.Gates))
		f.InFlight += t.InFlight
		f.Done += t.Done
		f.NotDone += t.NotDone
		f.Unknown += t.Unknown
		f.NotKnown += t.NotKnown
	}
	s.countDeclined(in, &f)
	f.SourcesLost, f.Untraced, f.UntracedAmount = s.untraced([]string{in.ID})
	f.Told, f.Acknowledged = s.Notices.People(in.ID)
	f.LimitsMet, f.LimitsMissed = in.LimitCount()
	return f
}

func stageEnd(in *incident.Incident, k procedure.StageKind) time.Time {
	for i, p := range in.Procedure.Stages {
		if p.Kind == k && in.Stages[i].Status == procedure.Done {
			return in.Stages[i].Ended
		}
	}
	return time.Time{}
}

// countDeclined sums what the gates declined by directives from the first stop
// until payments were back, or now. It counts attempts: a customer who tries
// again is counted again. Counts live in memory for two days, so where a node
// was started since the stop, or a gate was not heard, the sum is a lower bound.
func (s *Service) countDeclined(in *incident.Incident, f *incident.Figures) {
	if f.Stopped.IsZero() {
		return
	}
	end := f.Recovered
	if end.IsZero() {
		end = s.Desk.Now().Add(-traffic.Settle * time.Second) // later counts are still on their way
	}
	if end.Before(f.Stopped) {
		return
	}
	totals, err := s.Series.Totals(traffic.Query{
		From: f.Stopped.Unix(), To: end.Unix() + 1,
		Where: func(k traffic.Key) bool { return k.Verdict == posture.Decline.String() && k.Kind.MovesMoney() },
	}, nil)
	if err != nil {
		f.DeclinedAtLeast = true
		return
	}
	f.DeclinedAtLeast = !totals.Complete() || s.countsBegan() > f.Stopped.Unix()
	f.DeclinedAmount = map[string]int64{}
	for _, g := range totals.Groups {
		f.Declined += g.Count
		for _, m := range g.Amounts {
			f.DeclinedAmount[m.Currency] += m.Minor
		}
	}
}

// countsBegan is the first second that any gate's counts cover here.
func (s *Service) countsBegan() int64 {
	began := s.Desk.Now().Unix()
	for _, g := range s.Series.Gates() {
		began = min(began, g.Since)
	}
	return began
}

// Preview says in numbers what a directive would do now.
type Preview struct {
	// PerSecond is the rate of payments and refunds that are forwarded now, for a lift
	// of those that are declined now; Known is false if no gate has said.
	PerSecond float64 `json:"per_second"`
	Known     bool    `json:"known"`
	// Partly means that the scope covers only some of them.
	Partly bool `json:"partly,omitempty"`
	Gates  int  `json:"gates"`
	// StandIns are those in force that keep some of the scope from the primary, StoodIn how many payments
	// a second gates approve by them now.
	StandIns []string `json:"stand_ins,omitempty"`
	StoodIn  float64  `json:"stood_in,omitempty"`
	// Pending is how many payments that gates approved wait to be delivered, whatever
	// their scope; whoever knows sets it.
	Pending int64 `json:"pending,omitempty"`
}

// StoodInPerMinute is how many payments gates approve in a minute.
func (p Preview) StoodInPerMinute() int64 { return int64(math.Round(p.StoodIn * 60)) }

// PerMinute is how many payments and refunds it is in a minute.
func (p Preview) PerMinute() int64 { return int64(math.Round(p.PerSecond * 60)) }

// previewSeconds is how many seconds the rate of a preview is taken over.
const previewSeconds = 10

// Preview measures what a directive with this scope would act on. Call it under
// the state's lock.
func (s *Service) Preview(scope string) Preview { return s.preview(scope, posture.Forward) }

// PreviewLift measures what a lift of a directive with this scope would let pass
// again, at most: other directives may decline some of it all the same. Call it under
// the state's lock.
func (s *Service) PreviewLift(scope string) Preview { return s.preview(scope, posture.Decline) }

func (s *Service) preview(scope string, now posture.Action) Preview {
	p := Preview{Gates: len(slices.Compact(s.gateProcesses())), Partly: scope != "all"}
	rate, err := s.Series.Rate(s.Desk.Now().Unix(), previewSeconds, func(k traffic.Key) bool {
		return k.Verdict == now.String() && k.Kind.MovesMoney()
	})
	if err == nil && rate.Seconds > 0 {
		p.Known, p.PerSecond = true, float64(rate.Count)/float64(rate.Seconds)
	}
	for _, d := range s.Directives.InForce("") {
		if d.StandIn != nil && !d.StandIn.OneByOne && !expression.Apart(d.Scope, scope) {
			p.StandIns = append(p.StandIns, d.ID)
		}
	}
	if len(p.StandIns) > 0 {
		rate, err := s.Series.Rate(s.Desk.Now().Unix(), previewSeconds, func(k traffic.Key) bool {
			return k.Verdict == posture.Substitute.String() && k.Outcome == payment.Done && k.Kind.MovesMoney()
		})
		if err == nil && rate.Seconds > 0 {
			p.StoodIn = float64(rate.Count) / float64(rate.Seconds)
		}
	}
	return p
}
