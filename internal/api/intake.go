package api

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/alert"
	"holdfast/internal/expression"
	"holdfast/internal/intake"
	"holdfast/internal/locale"
	"holdfast/internal/view"
	"holdfast/internal/web"
)

// Ways are the settings of what comes in.
type Ways struct {
	Grafana  intake.Signature
	Webhooks []*intake.Webhook
	// Origins are those of CloudEvents that are awaited.
	Origins []string
}

// Regroup says where an alert belongs that was grouped wrongly; without To it gets an
// incident of its own.
type Regroup struct {
	To     string `json:"to,omitempty"`
	Reason string `json:"reason"`
}

func (a *API) regroup(c *call) (any, error) {
	in, err := body[Regroup](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Response.Regroup(c.r.Context(), c.by(), c.path("id"), in.To, in.Reason)
	return Created{id}, err
}

// maxWebhook is the largest webhook of Alertmanager in bytes: about ten
// thousand alerts.
const maxWebhook = 16 << 20

// delivered reads the body of a delivery. A body that breaks off is 503, so that the
// sender tries again.
func (c *call) delivered(most int64) ([]byte, error) {
	content, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, most))
	if over := new(http.MaxBytesError); err != nil && !errors.As(err, &over) {
		return nil, holdfast.Errorf(holdfast.Unavailable, "the alerts could not be stored; send them again").Because(err)
	} else if err != nil {
		return nil, holdfast.Errorf(holdfast.TooLarge, "a webhook has at most %d bytes; set max_alerts", most).Because(err)
	}
	return content, nil
}

// deliver stores a delivery before it is answered. Whatever keeps it from being stored
// is 503, never 429: Alertmanager tries again on 5xx alone.
func (a *API) deliver(c *call, who access.Principal, d alert.Delivery) error {
	sender := holdfast.Actor{Kind: holdfast.Sender, ID: who.Account, Name: who.Actor.Name, Via: who.Actor.Via}
	err := a.Response.Deliver(c.r.Context(), sender, d)
	if code := holdfast.CodeOf(err); err == nil || code == holdfast.Invalid || code == holdfast.TooLarge {
		return err
	}
	return holdfast.Errorf(holdfast.Unavailable, "the alerts could not be stored; send them again").Because(err)
}

func (a *API) alertmanager(c *call) (any, error) {
	content, err := c.delivered(maxWebhook)
	if err != nil {
		return nil, err
	}
	d, err := alert.DecodeAlertmanager(content)
	if err != nil {
		return nil, err
	}
	return nil, a.deliver(c, c.who, d)
}

func (a *API) grafana(c *call) (any, error) {
	content, err := c.delivered(intake.MaxGrafana)
	if err != nil {
		return nil, err
	}
	if err := a.Ways.Grafana.Verify(content, c.r.Header.Get, a.Desk.Now()); err != nil {
		return nil, err
	}
	d, err := alert.DecodeGrafana(content)
	if err != nil {
		return nil, err
	}
	return nil, a.deliver(c, c.who, d)
}

// PagerDuty is the answer to an event, as PagerDuty gives it.
type PagerDuty struct {
	Status   string   `json:"status"`
	Message  string   `json:"message"`
	DedupKey string   `json:"dedup_key,omitempty"`
	Errors   []string `json:"errors,omitempty"`
}

// pagerDuty takes an event whose routing key, or else whose header, has the token:
// senders of this format can seldom set a header.
func (a *API) pagerDuty(c *call) (any, error) {
	content, err := c.delivered(intake.MaxPagerDuty)
	if err != nil {
		return nil, err
	}
	invalid := func(errors ...string) (any, error) {
		return written, web.WriteJSON(c.w, http.StatusBadRequest, PagerDuty{Status: "invalid event", Message: "Event object is invalid", Errors: errors})
	}
	e, err := intake.DecodePagerDuty(content, holdfast.NewID)
	if err != nil {
		return invalid(err.Error())
	}
	who := c.who
	if !who.Known() && e.RoutingKey != "" {
		if who, err = a.Access.ByToken(e.RoutingKey); holdfast.CodeOf(err) == holdfast.Unauthenticated {
			return invalid("'routing_key' is not a token of a sender")
		} else if err != nil {
			return nil, err
		}
	}
	if err := who.Require(access.DeliverAlerts); err != nil {
		return nil, err
	}
	if len(e.Errors) > 0 {
		return invalid(e.Errors...)
	}
	if err := a.deliver(c, who, alert.Delivery{Members: []alert.Incoming{e.Alert}}); err != nil {
		return nil, err
	}
	return written, web.WriteJSON(c.w, http.StatusAccepted, PagerDuty{Status: "success", Message: "Event processed", DedupKey: e.DedupKey})
}

func (a *API) cloudEvents(c *call) (any, error) {
	content, err := c.delivered(intake.MaxCloudEvents)
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range c.r.Header {
		names = append(names, strings.ToLower(name))
	}
	d, err := intake.DecodeCloudEvents(content, names, c.r.Header.Get)
	if err != nil {
		return nil, err
	}
	return nil, a.deliver(c, c.who, d)
}

func (a *API) webhook(c *call) (any, error) {
	var to *intake.Webhook
	for _, w := range a.Ways.Webhooks {
		if w.Name == c.path("name") {
			to = w
		}
	}
	if to == nil {
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no webhook %q; the settings name those there are, under intake.webhooks", c.path("name"))
	}
	content, err := c.delivered(intake.MaxWebhook)
	if err != nil {
		return nil, err
	}
	kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	in, ok, err := to.Alert(content, kind == "application/x-www-form-urlencoded")
	if err != nil || !ok {
		return nil, err
	}
	return nil, a.deliver(c, c.who, alert.Delivery{Members: []alert.Incoming{in}})
}

func (a *API) webhooks(*call) (any, error) {
	list := []intake.Mapping{}
	for _, w := range a.Ways.Webhooks {
		list = append(list, w.Mapping)
	}
	return list, nil
}

// Try is a mapping and a body to try it on. Nothing is stored.
type Try struct {
	Mapping intake.Mapping `json:"mapping"`
	Body    string         `json:"body"`
	// Form means that the body is a form, not JSON.
	Form bool `json:"form,omitempty"`
}

// Tried is the alert that a body would become. Without Alert it is none and would be
// dropped, or Problem says what is wrong: with a field of the mapping, at a line and
// column of it, or with the body.
type Tried struct {
	Alert    *view.Alert `json:"alert,omitempty"`
	Resolved bool        `json:"resolved,omitempty"`
	Field    string      `json:"field,omitempty"`
	Line     int         `json:"line,omitempty"`
	Column   int         `json:"column,omitempty"`
	Problem  string      `json:"problem,omitempty"`
}

func (a *API) try(c *call) (any, error) {
	in, err := body[Try](c)
	if err != nil {
		return nil, err
	}
	if len(in.Body) > intake.MaxWebhook {
		return nil, holdfast.Errorf(holdfast.TooLarge, "a body has at most %d bytes", intake.MaxWebhook).At("body")
	}
	words := locale.For(c.lang)
	hook, err := intake.CompileMapping(in.Mapping)
	var made alert.Incoming
	var ok bool
	if err == nil {
		made, ok, err = hook.Alert([]byte(in.Body), in.Form)
	}
	if err != nil {
		t := Tried{Problem: words.Error(err)}
		var field *intake.FieldError
		if errors.As(err, &field) {
			t.Field, t.Problem = field.Field, words.Error(field.Err)
		}
		var at *expression.Error
		if errors.As(err, &at) {
			t.Line, t.Column, t.Problem = at.Line, at.Column, words.Error(at.Problem)
		}
		return t, nil
	}
	if !ok {
		return Tried{}, nil
	}
	v := view.Trial(made)
	return Tried{Alert: &v, Resolved: made.Resolved}, nil
}

// Watchdog is how the sign of life of a monitoring system stands.
type Watchdog struct {
	// Rule is the plan's.
	Rule        string `json:"rule"`
	SpanSeconds int    `json:"span_seconds"`
	// Heard is when it last came; missing if it never did. Due is when it is missed.
	Heard time.Time `json:"heard_at,omitzero"`
	Due   time.Time `json:"due_at"`
	// Silent is the alert that is open because it was missed.
	Silent string `json:"silent,omitempty"`
}

func (a *API) watchdogs(c *call) (any, error) {
	dogs, err := a.Response.Watchdogs(c.r.Context())
	list := []Watchdog{}
	for _, w := range dogs {
		list = append(list, Watchdog{w.Rule, int(w.Span.Seconds()), w.Heard, w.Due, w.Silent})
	}
	return list, err
}
