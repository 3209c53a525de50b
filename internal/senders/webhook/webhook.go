// Package webhook delivers notices as signed web requests. It follows the
// Standard Webhooks specification (standardwebhooks.com), so receivers can use
// any of its libraries.
//
// A notice is one POST with a JSON body to the person's address:
//
//	webhook-id: 5f0c6f1f0d3c1f6a8f3b1d2c4e5a6b7c
//	webhook-timestamp: 1795489200
//	webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
//	content-type: application/json
//
//	{"type":"notice","timestamp":"2026-11-24T03:00:00Z","data":{
//	 "id":"5f0c6f1f0d3c1f6a8f3b1d2c4e5a6b7c","incident":"2026-1","task":"tell-superiors",
//	 "person":"mei","person_name":"梅","lang":"zh-Hant","subject":"一級事件 2026-1","text":"…",
//	 "urgent":true,"drill":false,"want_ack":true}}
//
// webhook-id and body are the same in every attempt of a notice: a receiver that
// has seen the id before takes it for a repetition. webhook-timestamp is when
// the attempt was made, in seconds since 1970; the body's timestamp is when the
// notice was asked for. The signature is base64 of HMAC-SHA256, with the secret
// as the key, over id, timestamp and body joined by full stops. The secret is
// written whsec_ and then base64 of 24 to 64 bytes.
//
// A receiver takes a notice by answering 2xx; redirects are not followed. After
// 400 to 499, but for 408 and 429, the notice is not sent there again; after
// anything else it is. The first bytes of the answer are kept.
//
// [Automation] calls the operator's own endpoints in the same way, each with a secret
// of its own.
package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"holdfast"
	"holdfast/internal/notify"
	"holdfast/internal/senders/httpcall"
)

// Options make a sender.
type Options struct {
	// Secret signs, as whsec_ and base64.
	Secret string
	Now    func() time.Time
	// Limit is how long one request may take; default 10 s.
	Limit time.Duration
}

// Sender delivers notices as signed web requests. It is safe for concurrent use.
type Sender struct {
	signer
	client *httpcall.Client
}

var _ notify.Sender = (*Sender)(nil)

// New makes a sender.
func New(o Options) (*Sender, error) {
	key, err := readKey(o.Secret, "notices.webhook.secret")
	if err != nil {
		return nil, err
	}
	client, err := httpcall.New(httpcall.Options{Now: o.Now, Limit: o.Limit, Secrets: []string{o.Secret}})
	return &Sender{signer{key}, client}, err
}

// payload is the body.
type payload struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      data      `json:"data"`
}

type data struct {
	ID         string        `json:"id"`
	Incident   string        `json:"incident"`
	Task       string        `json:"task"`
	Person     string        `json:"person"`
	PersonName string        `json:"person_name"`
	Lang       holdfast.Lang `json:"lang"`
	Subject    string        `json:"subject"`
	Text       string        `json:"text"`
	Urgent     bool          `json:"urgent"`
	Drill      bool          `json:"drill"`
	WantAck    bool          `json:"want_ack"`
}

// Send makes one request.
func (s *Sender) Send(ctx context.Context, m notify.Message) notify.Outcome {
	return s.client.Do(ctx, func(ctx context.Context) (*http.Request, error) { return s.request(ctx, m) }, judge)
}

func (s *Sender) request(ctx context.Context, m notify.Message) (*http.Request, error) {
	body, err := json.Marshal(payload{"notice", m.Asked, data{
		m.ID, m.Incident, m.Task, m.Person, m.PersonName, m.Lang, m.Subject, m.Body, m.Urgent, m.Drill, m.WantAck,
	}})
	if err != nil {
		return nil, fmt.Errorf("encode the notice: %w", err)
	}
	return s.signer.request(ctx, m.Address, m.ID, body, s.client.Now())
}

// judge goes by the status; a body that cannot be read changes nothing.
func judge(a httpcall.Answer) notify.Outcome {
	o := notify.Outcome{Result: httpcall.ByStatus(a.Status)}
	if place := a.Header.Get("Location"); a.Status/100 == 3 && place != "" {
		o.Detail = a.Line + ": redirects are not followed; this one leads to " + place
	}
	return o
}
