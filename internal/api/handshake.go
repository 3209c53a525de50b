package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"holdfast"
	"holdfast/internal/access"
)

// maxEvents is how many deliveries a minute a sender of CloudEvents may make.
const maxEvents = 10_000

// handshake answers a sender that asks, before it sends, whether its CloudEvents are
// welcome here (HTTP 1.1 Web Hooks for Event Delivery, section 4: abuse protection).
// They are if the question carries a token that may deliver alerts, or if the settings
// name the sender's origin; each delivery needs a token all the same. The consent is
// in the answer at once: WebHook-Request-Callback is not called, since Holdfast calls
// no address that a stranger names.
func (a *API) handshake(c *call) (any, error) {
	origin := strings.TrimSpace(c.r.Header.Get("WebHook-Request-Origin"))
	if origin == "" || len(origin) > maxOrigin {
		return nil, holdfast.Errorf(holdfast.Invalid, "the header WebHook-Request-Origin names who wants to send, in up to %d bytes", maxOrigin)
	}
	listed := slices.ContainsFunc(a.Ways.Origins, func(o string) bool { return o == "*" || strings.EqualFold(o, origin) })
	if !listed && c.who.Require(access.DeliverAlerts) != nil {
		return nil, holdfast.Errorf(holdfast.Forbidden, "events of this origin are not awaited here: name it in intake.cloudevents.origins, or ask with a token that may deliver alerts")
	}
	answer := c.w.Header()
	answer.Set("Allow", "POST")
	answer.Set("WebHook-Allowed-Origin", origin)
	if wish := strings.TrimSpace(c.r.Header.Get("WebHook-Request-Rate")); wish != "" {
		rate := maxEvents
		if n, err := strconv.Atoi(wish); err == nil && n > 0 {
			rate = min(n, maxEvents)
		}
		answer.Set("WebHook-Allowed-Rate", strconv.Itoa(rate))
	}
	c.w.WriteHeader(http.StatusOK)
	return written, nil
}

// maxOrigin is the longest name of an origin in bytes, that of the longest host name.
const maxOrigin = 253
