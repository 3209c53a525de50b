package httpgate

import (
	"errors"
	"syscall"
	"time"

	"holdfast"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
)

// alone reports whether a payment of the route may be stood in for one by one: its
// primary does an identity once, however often it gets it.
func (x *exchange) alone() bool {
	return x.stand != nil && x.route.StandIn != nil && x.route.StandIn.Deduplicates
}

// causeOf says why there is no connection; 0 if that is the gate's own limit.
func causeOf(err error) standin.Cause {
	switch {
	case errors.Is(err, errBusy):
		return 0
	case errors.Is(err, syscall.ECONNREFUSED):
		return standin.ConnectionRefused
	}
	return standin.NothingWritten
}

// instead has stand-in answer a payment of which not one byte was written to the primary.
// It reports whether it did: what it does not approve is answered as it would be without
// it, since the primary may do it a moment later.
func (x *exchange) instead(cause standin.Cause) bool {
	if !x.falls {
		return false
	}
	x.falls = false // it is asked once
	s, v := x.gate.Substitute(x.pay, x.route.mode)
	switch {
	case v.Action == posture.Decline:
		return false
	case v.Action == posture.Substitute:
		cause = standin.Directed
	case !s.Alone: // it was lifted
		s.Drop()
		return false
	}
	a, err := x.decide(s.Directive, cause)
	if err != nil && holdfast.CodeOf(err) != holdfast.Doubtful || a.Verdict == standin.Refused || a.Verdict == standin.Forward {
		s.Drop()
		return false
	}
	x.stood(s, a, err)
	return true
}

// exclude keeps a payment whose outcome is not known from being approved, at any gate.
func (x *exchange) exclude() {
	ctx := x.patience.from(time.Now())
	if err := x.stand.Exclude(ctx, x.pay); err != nil {
		x.log.Warn("other gates cannot be told that a payment's outcome is not known", "error", err)
	}
}
