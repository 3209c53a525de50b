package webhook

import (
	"context"
	"net/http"
	"slices"
	"time"

	"holdfast/internal/incident"
	"holdfast/internal/notify"
	"holdfast/internal/response"
	"holdfast/internal/senders/httpcall"
)

// Endpoint is a place of the operator's automation.
type Endpoint struct {
	Name, URL string
	// Secret signs, as whsec_ and base64; Setting names it in errors.
	Secret, Setting string
}

// Automation calls the operator's endpoints. It is safe for concurrent use.
type Automation struct {
	places map[string]place
}

var _ response.Automation = (*Automation)(nil)

type place struct {
	signer
	url    string
	client *httpcall.Client
}

// longest is more than any call that a plan allows.
const longest = 3 * time.Minute

// NewAutomation makes what calls these endpoints.
func NewAutomation(now func() time.Time, endpoints []Endpoint) (*Automation, error) {
	a := &Automation{map[string]place{}}
	for _, e := range endpoints {
		key, err := readKey(e.Secret, e.Setting)
		if err != nil {
			return nil, err
		}
		client, err := httpcall.New(httpcall.Options{Now: now, Limit: longest, Secrets: []string{e.Secret}})
		if err != nil {
			return nil, err
		}
		a.places[e.Name] = place{signer{key}, e.URL, client}
	}
	return a, nil
}

// Endpoints lists the names, sorted.
func (a *Automation) Endpoints() []string {
	names := make([]string, 0, len(a.places))
	for name := range a.places {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Call makes one request. What nobody has received, and what the endpoint put off
// (429), may safely be sent again; so may what this node has no endpoint for, since
// another may have it.
func (a *Automation) Call(ctx context.Context, endpoint, key string, body []byte, limit time.Duration) incident.WebhookEnded {
	p, known := a.places[endpoint]
	if !known {
		return incident.WebhookEnded{Result: incident.HookFailed, Safe: true, Answer: "the configuration of this node has no endpoint " + endpoint}
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	status := 0
	o := p.client.Do(ctx, func(ctx context.Context) (*http.Request, error) {
		return p.request(ctx, p.url, key, body, p.client.Now())
	},
		func(answer httpcall.Answer) notify.Outcome {
			status = answer.Status
			return judge(answer)
		})
	e := incident.WebhookEnded{Status: status, Answer: o.Detail}
	switch o.Result {
	case notify.Sent:
		e.Result = incident.HookDone
	case notify.Refused:
		e.Result = incident.HookRefused
	case notify.Unsure:
		e.Result = incident.HookUnknown
	default:
		e.Result, e.Safe = incident.HookFailed, status == 0 || status == http.StatusTooManyRequests
	}
	return e
}
