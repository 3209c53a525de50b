package view

import (
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/enrolment"
	"holdfast/internal/gate"
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

func (q UnknownQuery) takes(u Unknown, left map[string]bool) bool {
	return (q.Text == "" || strings.Contains(strings.ToLower(u.Record.Identity), strings.ToLower(strings.TrimSpace(q.Text)))) &&
		(q.Route == "" || q.Route == u.Record.Route) && (q.Gate == "" || q.Gate == u.Gate) && (q.Stage == "" || q.Stage == u.Stage) &&
		(q.Directive == "" || left[u.Gate+" "+u.Record.Identity])
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
		left := s.leftUnknown(q.Directive)
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

// leftUnknown has the payments, by gate and identity, that the gates found in flight at
// the stop of a directive and left unknown. Call it under the state's lock.
func (s *Source) leftUnknown(id string) map[string]bool {
	left := map[string]bool{}
	d := s.Directives.Directive(id)
	if d == nil {
		return left
	}
	for _, i := range s.Gates.Concerned(d.Position) {
		stop := i.StopAt(d.Position)
		if stop == nil {
			continue
		}
		list := stop.InFlight
		if stop.Drained != nil {
			list = stop.Drained.Unknown
		}
		for _, r := range list {
			left[i.Gate+" "+r.Identity] = true
		}
	}
	return left
}

// Resolutions assembles what people said of payments of unknown outcome, newest first.
func (s *Source) Resolutions(offset, size int) (p Page[enrolment.Resolution]) {
	s.State.View(func() {
		p = paginate(s.Gates.Resolutions(), offset, size, func(r *enrolment.Resolution) enrolment.Resolution { return *r })
	})
	return p
}

// resolutionsOf lists what people said of the payments that stops left unknown, the oldest
// first. Call it under the state's lock.
func (s *Source) resolutionsOf(directives []Directive) (list []enrolment.Resolution) {
	identities := map[string]bool{}
	for _, d := range directives {
		for key := range s.leftUnknown(d.ID) {
			_, identity, _ := strings.Cut(key, " ")
			identities[identity] = true
		}
	}
	for _, r := range slices.Backward(s.Gates.Resolutions()) {
		if identities[r.Identity] {
			list = append(list, *r)
		}
	}
	return list
}
