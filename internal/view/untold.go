package view

import (
	"time"

	"holdfast/internal/directive"
	"holdfast/internal/reconciliation"
)

// UntoldStandIn is a stand-in of which nobody tells any more: it was lifted, and no gate has told
// of its advice source for a minute, or the source was given up as gone for good; or the source
// tells less of it than it told, as one does that was restored from an older backup.
type UntoldStandIn struct {
	Directive string    `json:"directive"`
	Incident  string    `json:"incident,omitempty"`
	Source    string    `json:"source"`
	Opened    time.Time `json:"opened_at"`
	Lifted    time.Time `json:"lifted_at"`
	// Told is when the source last told of it; zero if it never did. Heard of Shards
	// were told of.
	Told   time.Time `json:"told,omitzero"`
	Shards int       `json:"shards"`
	Heard  int       `json:"heard"`
	// Gates are those in service that name the source: they can tell, and as long as
	// there is one the source is not given up.
	Gates []string `json:"gates"`
	// GoneBack says that the source tells, but less than it told. Untraced is then what is
	// missing.
	GoneBack bool `json:"gone_back,omitempty"`
	// Untraced is what would be, or was, lost track of, by kind and currency.
	Untraced []reconciliation.Untraced `json:"untraced"`
	// Decision is that the source is gone: asked for, agreed to or contradicted; nil if
	// nobody has asked.
	Decision *reconciliation.Decision `json:"decision,omitempty"`
}

// Contradicted reports whether a gate told of the source after it was given up.
func (u UntoldStandIn) Contradicted() bool {
	return u.Decision != nil && u.Decision.State == reconciliation.Contradicted
}

// GivenUp reports whether two people gave the source up, and no gate told of the stand-in since.
func (u UntoldStandIn) GivenUp() bool { return u.Decision != nil && u.Decision.GivenUp() }

// unexplained reports whether something was, or may have been, approved that nobody can account
// for: what was lost track of, and all that was approved after the last word, or without any.
func (u UntoldStandIn) unexplained() bool {
	switch {
	case u.Contradicted():
		return false // its account says what is left
	case u.GivenUp(), u.GoneBack, u.Told.IsZero():
		return true
	}
	return len(u.Untraced) > 0
}

// untold lists stand-ins of which nobody tells, the newest first. Call it under the state's
// lock.
func (s *Source) untold(sources []reconciliation.Source, now time.Time) []UntoldStandIn {
	list := []UntoldStandIn{}
	for _, d := range s.Directives.All() {
		if d.StandIn == nil || d.Opening == nil || d.LiftedAt.IsZero() {
			continue
		}
		if u, silent := s.untoldOf(d, sources, now); silent {
			list = append(list, u)
		}
	}
	return list
}

func (s *Source) untoldOf(d *directive.Directive, sources []reconciliation.Source, now time.Time) (u UntoldStandIn, silent bool) {
	nouns := s.Reconciliation.Nouns
	u = UntoldStandIn{Directive: d.ID, Incident: d.Incident, Source: d.Opening.Source, Opened: d.Opening.At, Lifted: d.LiftedAt}
	closing, closes := nouns.Book.Closing(d.ID)
	_, a := reconciliation.Find(sources, d.ID)
	back := a != nil && a.GoneBack
	if lost, some := nouns.Book.Lost(d.ID); some && (closing == lost || !nouns.Book.ClosedOut(d.ID)) && (!back || lost.State == reconciliation.Asked) {
		u.Decision, u.Untraced = lost, lost.Untraced()
		u.Told, u.Shards, u.Heard, u.GoneBack, silent = lost.Lost.Told, lost.Lost.Shards, lost.Lost.Heard, lost.Lost.GoneBack && !u.Contradicted(), true
	} else if !closes && !reconciliation.Untouched(sources, u.Source, d.ID, d.LiftedAt) {
		var l reconciliation.Lost
		l, silent = reconciliation.Known(sources, u.Source, d.ID, now)
		u.Told, u.Shards, u.Heard, u.Untraced = l.Told, l.Shards, l.Heard, l.Untraced()
		if back && !silent {
			l = reconciliation.Lost{Missing: a.Missing}
			u.GoneBack, u.Untraced, silent = true, l.Untraced(), true
		}
	}
	u.Gates = []string{}
	if silent && !u.GoneBack {
		u.Gates = nouns.Naming(d, sources)
	}
	return u, silent
}
