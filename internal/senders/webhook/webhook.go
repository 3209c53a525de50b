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
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"holdfast"
	"holdfast/internal/notify"
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
	key   []byte
	now   func() time.Time
	limit time.Duration
	http  *http.Client
}

var _ notify.Sender = (*Sender)(nil)

const (
	prefix           = "whsec_"
	minKey, maxKey   = 24, 64 // bytes, by the specification
	answerKept       = 400    // bytes of the answer's body
	answerHeaderKept = 64 << 10
)

// New makes a sender.
func New(o Options) (*Sender, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(o.Secret, prefix))
	if err != nil || !strings.HasPrefix(o.Secret, prefix) || len(key) < minKey || len(key) > maxKey {
		return nil, holdfast.Errorf(holdfast.Invalid, "the secret of webhooks is %s and then base64 of %d to %d random bytes; make one with: openssl rand -base64 32", prefix, minKey, maxKey).At("notices.webhook.secret")
	}
	if o.Now == nil || o.Limit < 0 {
		return nil, errors.New("webhook: a sender needs a clock, and a limit that is not negative")
	}
	if o.Limit == 0 {
		o.Limit = 10 * time.Second
	}
	return &Sender{key: key, now: o.Now, limit: o.Limit, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: o.Limit}).DialContext,
			TLSHandshakeTimeout:    o.Limit,
			MaxResponseHeaderBytes: answerHeaderKept,
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        30 * time.Second,
			ForceAttemptHTTP2:      true,
		},
	}}, nil
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
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	// Once there is a connection, the receiver may have the message.
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	r, err := s.request(ctx, m)
	if err != nil {
		return notify.Outcome{Result: notify.Refused, Detail: err.Error()}
	}
	answer, err := s.http.Do(r)
	if err != nil {
		o := notify.Outcome{Result: notify.Retry, Detail: plain(err)}
		if connected.Load() {
			o.Result = notify.Unsure
		}
		return o
	}
	defer answer.Body.Close()
	return s.judge(answer)
}

func (s *Sender) request(ctx context.Context, m notify.Message) (*http.Request, error) {
	u, err := url.Parse(m.Address)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("the address is not an http or https URL without a password in it")
	}
	body, err := json.Marshal(payload{"notice", m.Asked, data{
		m.ID, m.Incident, m.Task, m.Person, m.PersonName, m.Lang, m.Subject, m.Body, m.Urgent, m.Drill, m.WantAck,
	}})
	if err != nil {
		return nil, fmt.Errorf("encode the notice: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	at := strconv.FormatInt(s.now().Unix(), 10)
	r.Header = http.Header{
		"Content-Type":      {"application/json"},
		"User-Agent":        {"Holdfast"},
		"Webhook-Id":        {m.ID},
		"Webhook-Timestamp": {at},
		"Webhook-Signature": {"v1," + s.sign(m.ID, at, body)},
	}
	return r, nil
}

func (s *Sender) sign(id, at string, body []byte) string {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(id + "." + at + "."))
	h.Write(body)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// judge reads the answer. The status decides; a body that cannot be read changes
// nothing.
func (s *Sender) judge(answer *http.Response) notify.Outcome {
	text, _ := io.ReadAll(io.LimitReader(answer.Body, answerKept))
	o := notify.Outcome{Result: result(answer.StatusCode), Detail: strings.TrimSpace(answer.Status + " " + string(text))}
	if place := answer.Header.Get("Location"); answer.StatusCode/100 == 3 && place != "" {
		o.Detail = answer.Status + ": redirects are not followed; this one leads to " + place
	}
	if o.Result == notify.Retry {
		o.After = s.retryAfter(answer.Header.Get("Retry-After"))
	}
	return o
}

func result(status int) notify.Result {
	switch {
	case status >= 200 && status < 300:
		return notify.Sent
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests:
		return notify.Retry
	case status >= 400 && status < 500:
		return notify.Refused
	default:
		return notify.Retry
	}
}

// retryAfter reads the header of that name: seconds, or a time.
func (s *Sender) retryAfter(value string) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(s.now()))
	}
	return 0
}

// plain drops the method and the address, which may hold a token, from an error
// of the client.
func plain(err error) string {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer within the time limit"
	}
	return err.Error()
}
