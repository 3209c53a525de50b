package view

import (
	"slices"
	"time"

	"holdfast/internal/incident"
	"holdfast/internal/reconciliation"
)

// StoodIn is what became of the payments that gates approved by a directive of an
// incident.
type StoodIn struct {
	Directive string    `json:"directive"`
	Opened    time.Time `json:"opened_at"`
	Ended     time.Time `json:"ended_at,omitzero"`
	// Account is as gates told last; nil if none tells of it.
	Account *reconciliation.Account `json:"account,omitempty"`
	// AsOf is when the oldest of its figures was heard.
	AsOf time.Time `json:"as_of,omitzero"`
	// Pending is how many wait to be delivered, Unresolved how many are for people to
	// decide on.
	Pending    int64 `json:"pending"`
	Unresolved int64 `json:"unresolved"`
	// CloseOut was asked for or, once Signed, carries the figures that two people signed.
	CloseOut *reconciliation.Decision `json:"close_out,omitempty"`
	Signed   bool                     `json:"signed"`
	// Lost is that its advice source is gone for good: asked for, agreed to or contradicted;
	// nil if nobody has asked. Untraced is what was lost track of.
	Lost     *reconciliation.Decision  `json:"lost,omitempty"`
	Untraced []reconciliation.Untraced `json:"untraced,omitempty"`
	// Untouched means that no gate stood in by it: there is nothing to sign.
	Untouched bool `json:"untouched,omitempty"`
}

// GivenUp reports whether it was closed out with its source gone for good.
func (s StoodIn) GivenUp() bool { return s.Lost != nil && s.Lost.GivenUp() }

// Contradicted reports whether a gate told of its source after that.
func (s StoodIn) Contradicted() bool {
	return s.Lost != nil && s.Lost.State == reconciliation.Contradicted
}

// LostTrack is how many approved payments, at least, were lost track of.
func (s StoodIn) LostTrack() (n int64) {
	for _, u := range s.Untraced {
		n += u.Count
	}
	return n
}

// stoodIn assembles what became of an incident's stand-ins, the oldest first. Call it
// under the state's lock.
func (s *Source) stoodIn(in *incident.Incident) (list []StoodIn) {
	var sources []reconciliation.Source
	whole := s.Incidents.Whole(in.ID)
	for _, d := range s.Directives.All() {
		if d.StandIn == nil || d.Opening == nil || !slices.Contains(whole, d.Incident) {
			continue
		}
		if sources == nil {
			sources = s.Reconciliation.Sources(s.Now())
		}
		v := StoodIn{Directive: d.ID, Opened: d.Opening.At, Ended: d.Opening.Ended}
		if v.Ended.IsZero() {
			v.Ended = d.LiftedAt
		}
		if of, account := reconciliation.Find(sources, d.ID); account != nil {
			v.Account, v.AsOf, v.Unresolved = account, of.AsOf, account.Unresolved
			for _, l := range account.Lines {
				v.Pending += l.Pending.Count
			}
		}
		if c, some := s.Reconciliation.Nouns.Book.Closing(d.ID); some {
			v.CloseOut, v.Signed = c, c.State != reconciliation.Asked
		}
		if l, some := s.Reconciliation.Nouns.Book.Lost(d.ID); some {
			v.Lost, v.Untraced = l, l.Untraced()
		}
		v.Untouched = reconciliation.Untouched(sources, d.Opening.Source, d.ID, d.LiftedAt)
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b StoodIn) int { return a.Opened.Compare(b.Opened) })
	return list
}

// decisions lists what people decided on the exceptions of stand-ins, and their
// close-outs, the oldest first. Call it under the state's lock.
func (s *Source) decisions(of []StoodIn) (list []reconciliation.Decision) {
	for _, d := range slices.Backward(s.Reconciliation.Nouns.Book.All()) {
		if slices.ContainsFunc(of, func(v StoodIn) bool { return v.Directive == d.Directive }) {
			list = append(list, *d)
		}
	}
	return list
}
