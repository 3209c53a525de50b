package view

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/enrolment"
	"holdfast/internal/gate"
	"holdfast/internal/response"
	"holdfast/internal/settlement"
)

// Unknown is a payment whose outcome is, or was, unknown.
type Unknown struct {
	enrolment.Unknown
	// Key stands for the identity in addresses and forms.
	Key string `json:"key"`
	// Stage says who is to tell next: asked, file, person or unheard. Empty once settled.
	Stage string `json:"stage,omitempty"`
	// Asked is how far the gate is with asking; nil if it has not told this node.
	Asked *gate.Asked `json:"asked,omitempty"`
	// Resolution is the newest of it that people made.
	Resolution *enrolment.Resolution `json:"resolution,omitempty"`
}

// The stages of a payment of unknown outcome.
const (
	// StageAsked: the gate asks the primary.
	StageAsked = "asked"
	// StageFile: inquiries are spent, or there is nothing to ask by; the settlement file
	// of its day is waited for.
	StageFile = "file"
	// StagePerson: a file that goes beyond it was carried out and did not settle it.
	StagePerson = "person"
	// StageUnheard: the gate has not told this node how far it is, or is gone.
	StageUnheard = "unheard"
)

// Stages lists the stages in their order.
var Stages = []string{StageAsked, StageFile, StagePerson, StageUnheard}

// stage says who is to tell next what became of a payment that was sent at a time. filed
// is up to when settlement files were carried out.
func stage(a gate.Asked, told bool, sent, filed time.Time) string {
	switch {
	case !told:
		return StageUnheard
	case !a.Over:
		return StageAsked
	case filed.After(sent):
		return StagePerson
	}
	return StageFile
}

// UnknownQuery chooses payments of unknown outcome; the zero value takes all that are open.
type UnknownQuery struct {
	// Settled takes those that were settled instead.
	Settled bool
	// Text leaves those in whose identity it stands, in any case; Route, Gate and Stage
	// those of one; Directive those that a stop found in flight and left unknown, or that
	// were in flight then as long as it drains.
	Text, Route, Gate, Stage, Directive string
}

func (q UnknownQuery) takes(u Unknown, left map[response.GatePayment]bool) bool {
	return (q.Text == "" || strings.Contains(strings.ToLower(u.Record.Identity), strings.ToLower(strings.TrimSpace(q.Text)))) &&
		(q.Route == "" || q.Route == u.Record.Route) && (q.Gate == "" || q.Gate == u.Gate) && (q.Stage == "" || q.Stage == u.Stage) &&
		(q.Directive == "" || left[response.GatePayment{Gate: u.Gate, Identity: u.Record.Identity}])
}

// Unknowns assembles the payments of unknown outcome that are asked for, oldest first, or
// those that were settled, newest first.
func (s *Source) Unknowns(q UnknownQuery, offset, size int) (p Page[Unknown]) {
	s.State.View(func() {
		list, total := s.Gates.Unresolved(), 0
		if q.Settled {
			list, total = s.Gates.Settled()
		}
		if q == (UnknownQuery{Settled: q.Settled}) {
			filed := s.filedUntil()
			p = paginate(list, offset, size, func(u enrolment.Unknown) Unknown { return s.unknown(u, filed) })
			p.Total = max(p.Total, total)
			return
		}
		left := s.Response.LeftUnknown(q.Directive)
		some, filed := []Unknown{}, s.filedUntil()
		for _, u := range list {
			if v := s.unknown(u, filed); q.takes(v, left) {
				some = append(some, v)
			}
		}
		p = paginate(some, offset, size, func(u Unknown) Unknown { return u })
	})
	return p
}

// UnknownCalled returns the open payment whose identity a key stands for.
func (s *Source) UnknownCalled(key string) (v Unknown, err error) {
	err = holdfast.Errorf(holdfast.NotFound, "no gate lists this payment as unknown any more")
	s.State.View(func() {
		for _, u := range s.Gates.Unresolved() {
			if exceptionKey(u.Record.Identity) == key {
				v, err = s.unknown(u, s.filedUntil()), nil
				return
			}
		}
	})
	return v, err
}

func (s *Source) unknown(u enrolment.Unknown, filed time.Time) Unknown {
	v := Unknown{Unknown: u, Key: exceptionKey(u.Record.Identity)}
	if r, some := s.Gates.ResolutionOf(u.Record.Identity); some {
		v.Resolution = r
	}
	if u.Outcome.Settled() {
		return v
	}
	a, told := s.Node.Asked(u.Gate, u.Record.Identity)
	if told {
		v.Asked = &a
	}
	v.Stage = stage(a, told, u.Record.At, filed)
	return v
}

// Unheard reports whether a gate that lists a payment has not told this node how far it is, or
// is gone: then nothing may check what people say of it.
func (s *Source) Unheard(identity string) (unheard bool) {
	s.State.View(func() {
		for _, u := range s.Gates.UnresolvedOf(identity) {
			unheard = unheard || s.Stage(u) == StageUnheard
		}
	})
	return unheard
}

// Stage says who is to tell next what became of a payment of unknown outcome. Call it under
// the state's lock.
func (s *Source) Stage(u enrolment.Unknown) string { return s.unknown(u, s.filedUntil()).Stage }

// filedUntil is up to when settlement files were carried out. Call it under the state's
// lock.
func (s *Source) filedUntil() (until time.Time) {
	for _, f := range s.Settlement.Nouns.Book.All() {
		if f.State == settlement.Done && f.Until.After(until) {
			until = f.Until
		}
	}
	return until
}

// Resolutions assembles what people said of payments of unknown outcome, newest first.
func (s *Source) Resolutions(offset, size int) (p Page[enrolment.Resolution]) {
	s.State.View(func() {
		p = paginate(s.Gates.Resolutions(), offset, size, func(r *enrolment.Resolution) enrolment.Resolution { return *r })
	})
	return p
}

// resolutionsOf lists what people said of the payments that an incident, and what was
// merged into it, left unknown, the oldest first. Call it under the state's lock.
func (s *Source) resolutionsOf(id string) (list []enrolment.Resolution) {
	whole := s.Incidents.Whole(id)
	for _, r := range slices.Backward(s.Gates.Resolutions()) {
		if r.Of(whole) {
			list = append(list, *r)
		}
	}
	return list
}

// The kinds of events on a timeline that say what gates told of a resolution. Their bodies
// are [enrolment.ResolutionEnd]; their positions those of gates' facts, of which they are a
// part.
const (
	// ResolutionCarried: a gate settled the payment by it.
	ResolutionCarried = "resolution.carried"
	// ResolutionCounted: it was counted without a gate that was gone for good.
	ResolutionCounted = "resolution.counted"
	// ResolutionUnlisted: it was counted without a gate that does not list the payment.
	ResolutionUnlisted = "resolution.unlisted"
	// ResolutionOvertaken: something else settled it, as people said.
	ResolutionOvertaken = "resolution.overtaken"
	// ResolutionContradicted: something else settled it, otherwise.
	ResolutionContradicted = "resolution.contradicted"
)

// withEnds adds to a timeline what gates told of the resolutions that stand in it. Call it
// under the state's lock.
func (s *Source) withEnds(timeline []Event) []Event {
	told := false
	for _, e := range timeline {
		noun, id := holdfast.Subject(e.Subject).Split()
		if noun != "resolution" || e.Kind != enrolment.ResolutionAskedKind {
			continue
		}
		r, some := s.Gates.Resolution(id)
		if !some {
			continue
		}
		for _, end := range r.Ends {
			timeline, told = append(timeline, endEvent(r, end)), true
		}
	}
	if told {
		slices.SortStableFunc(timeline, func(a, b Event) int { return cmp.Compare(a.Position, b.Position) })
	}
	return timeline
}

func endEvent(r *enrolment.Resolution, end enrolment.ResolutionEnd) Event {
	e := Event{
		Position: end.Position, At: end.At, Kind: ResolutionOvertaken, Subject: string(holdfast.NewSubject("resolution", r.ID)),
	}
	switch {
	case end.Unlisted:
		e.Kind = ResolutionUnlisted
	case end.Gone:
		e.Kind = ResolutionCounted
	case r.Carries(end):
		e.Kind = ResolutionCarried
	case end.Outcome != r.Outcome:
		e.Kind = ResolutionContradicted
	}
	e.Body, _ = json.Marshal(end) // its fields are texts, numbers and times
	return e
}
