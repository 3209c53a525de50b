// Package api is the JSON interface for machines, under /api/v1: everything the
// console does, for programs. One table lists all routes with the right each
// needs; the OpenAPI document is made from the same table, so the two cannot
// differ.
//
// Answers are the structs of package view. Errors are problem+json (RFC 9457)
// with the error's code and the field at fault; 429 and 503 carry Retry-After. Times
// are RFC 3339 in UTC, amounts whole minor units. Lists take offset and limit
// and answer with items, total and next. Unknown members of a request are
// refused: a misspelt one must not be ignored.
package api

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/alert"
	"holdfast/internal/archive"
	"holdfast/internal/authority"
	"holdfast/internal/backup"
	"holdfast/internal/callout"
	"holdfast/internal/debrief"
	"holdfast/internal/device"
	"holdfast/internal/directive"
	"holdfast/internal/draft"
	"holdfast/internal/enrolment"
	"holdfast/internal/filing"
	"holdfast/internal/improvement"
	"holdfast/internal/journal"
	"holdfast/internal/notify"
	"holdfast/internal/obligation"
	"holdfast/internal/plan"
	"holdfast/internal/reconciliation"
	"holdfast/internal/response"
	"holdfast/internal/roster"
	"holdfast/internal/settlement"
	"holdfast/internal/status"
	"holdfast/internal/statuspage"
	"holdfast/internal/subscription"
	"holdfast/internal/trigger"
	"holdfast/internal/view"
	"holdfast/internal/waiver"
	"holdfast/internal/web"
)

// API answers programs.
type API struct {
	View         *view.Source
	Store        journal.Store
	Desk         *journal.Desk
	Access       *access.Service
	Alerts       *alert.Service
	Directives   *directive.Service
	Gates        *enrolment.Service
	Notices      *notify.Service
	Plans        *plan.Service
	Drafts       *draft.Service
	Roster       *roster.Service
	Triggers     *trigger.Service
	Filings      *filing.Service
	Waivers      *waiver.Service
	Authority    *authority.Service
	Obligations  *obligation.Service
	Improvements *improvement.Service
	Status       *status.Service
	Pages        *statuspage.Writer
	Subscribers  *subscription.Service
	Devices      *device.Service
	Debriefs     *debrief.Service
	Verifier     *callout.Verifier
	Tester       *callout.Tester
	Response     *response.Service
	Acks         *callout.Acks
	Caller       *callout.Caller
	Backups      *backup.Keeper
	Restored     *backup.Service
	// Reconciliation has people decide on what stand-in left open.
	Reconciliation *reconciliation.Service
	// Settlement takes the primary's settlement files.
	Settlement *settlement.Service
	// Evidence is what an incident's evidence pack is made of.
	Evidence func(incident string, by holdfast.Actor) (archive.Pack, error)
	// Ways are the settings of what comes in.
	Ways Ways
	Log  *slog.Logger
}

// call is one request with who makes it.
type call struct {
	w    http.ResponseWriter
	r    *http.Request
	who  access.Principal
	lang holdfast.Lang
}

func (c *call) by() holdfast.Actor { return c.who.Actor }

func (c *call) path(name string) string { return c.r.PathValue(name) }

func (c *call) query(name string) string { return c.r.URL.Query().Get(name) }

// number reads a query parameter that is a whole number, 0 if it is missing.
func (c *call) number(name string) (int, error) {
	text := c.query(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, holdfast.Errorf(holdfast.Invalid, "%s is a whole number, not %q", name, text).At(name)
	}
	return n, nil
}

// page reads offset and limit.
func (c *call) page() (offset, limit int, err error) {
	if offset, err = c.number("offset"); err != nil {
		return 0, 0, err
	}
	if limit, err = c.number("limit"); err != nil {
		return 0, 0, err
	}
	if limit > view.MaxPage {
		return 0, 0, holdfast.Errorf(holdfast.Invalid, "limit is at most %d", view.MaxPage).At("limit")
	}
	return offset, limit, nil
}

func (c *call) flag(name string) bool { v := c.query(name); return v == "1" || v == "true" }

// body reads the request's body as T.
func body[T any](c *call) (v T, err error) {
	err = web.DecodeJSON(c.w, c.r, &v)
	return v, err
}

// Created names what an act made.
type Created struct {
	ID string `json:"id"`
}

// Handler returns the handler of all routes.
func (a *API) Handler(s *web.Server) http.Handler {
	mux := http.NewServeMux()
	for _, rt := range routes {
		mux.Handle(rt.Method+" /api/v1"+rt.Path, s.Handle(func(w http.ResponseWriter, r *http.Request, req web.Request) error {
			if rt.Right != public && !rt.InBody {
				if err := require(req.Who, rt.Right); err != nil {
					return err
				}
			}
			out, err := rt.Do(a, &call{w: w, r: r, who: req.Who, lang: req.Lang})
			if err != nil || out == written {
				return err
			}
			return web.WriteJSON(w, rt.status(), out)
		}))
	}
	return s.Routes(mux)
}

func require(who access.Principal, right access.Action) error {
	if !who.Known() {
		return holdfast.Errorf(holdfast.Unauthenticated, "send a token: Authorization: Bearer hf_…")
	}
	if right == anyone {
		return nil
	}
	return who.Require(right)
}

// written is the answer of a route that has written its own.
var written = new(struct{ int })

// waitLimit is the longest a request may wait for something to happen.
const waitLimit = 30 * time.Second

// wait reads the query parameter wait, a time span up to waitLimit.
func (c *call) wait() (time.Duration, error) {
	text := c.query("wait")
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, holdfast.Errorf(holdfast.Invalid, "wait is a time span such as 20s, not %q", text).At("wait")
	}
	return min(d, waitLimit), nil
}
