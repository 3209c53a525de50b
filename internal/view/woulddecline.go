package view

import (
	"holdfast/internal/enrolment"
	"holdfast/internal/expression"
	"holdfast/internal/payment"
)

// WouldDecline is a gate that would hold payments of a stand-in instead of answering
// them.
type WouldDecline struct {
	Gate string `json:"gate"`
	// NoSource: it keeps no decisions, so it answers nothing. Else Routes are those whose
	// payments it has no answer for.
	NoSource bool     `json:"no_source,omitempty"`
	Routes   []string `json:"routes,omitempty"`
}

// wouldDecline lists the gates in service that would decline payments of a scope while
// others stand in. Call it under the state's lock.
func (s *Source) wouldDecline(scope string) []WouldDecline {
	list := []WouldDecline{}
	compiled, err := expression.CompileScope(scope)
	if err != nil {
		return list // package plan reports it
	}
	sources := s.Node.Sources()
	for _, i := range s.Gates.Live() {
		w := WouldDecline{Gate: i.Gate, NoSource: sources[i.Boot] == ""}
		for _, r := range i.Routes {
			if !w.NoSource && !r.StandIn && covers(compiled, r) {
				w.Routes = append(w.Routes, r.Name)
			}
		}
		if w.NoSource || len(w.Routes) > 0 {
			list = append(list, w)
		}
	}
	return list
}

// covers reports whether a scope may hold for payments of a route.
func covers(scope *expression.Scope, r enrolment.Route) bool {
	for _, kind := range []payment.Kind{payment.Pay, payment.Refund} {
		if kind.String() == r.Kind {
			return scope.Match(&payment.Payment{Kind: kind, Route: r.Name}) != expression.No
		}
	}
	return false
}
