// Package httpcall makes the one web request of an attempt, for senders that
// speak HTTP, and says how far it came: whether there was an answer, and if not,
// whether the receiver may have the message all the same.
//
// Redirects are not followed: what is judged is the answer of the place that was
// meant, and a message with what it holds goes nowhere else. Without a connection
// the receiver has nothing (Retry); with one and without an answer nobody knows
// (Unsure). An answer is judged by the sender, which knows its provider. What is
// kept of it is its beginning, with the sender's secrets and all that looks like
// a card number blotted out; the numbers of mobile phones with a country code
// look like one.
package httpcall

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"holdfast/internal/notify"
	"holdfast/internal/payment"
)

// Options make a client.
type Options struct {
	Now func() time.Time
	// Limit is how long one request may take; default 10 s.
	Limit time.Duration
	// Secrets never appear in what is kept of an answer.
	Secrets []string
}

// Client makes requests. It is safe for concurrent use.
type Client struct {
	now     func() time.Time
	limit   time.Duration
	secrets []string
	http    *http.Client
}

const (
	standardLimit = 10 * time.Second
	maxAnswer     = 64 << 10 // bytes of a body that are read
	maxHeader     = 64 << 10
	answerKept    = 400 // bytes of a body
	leastSecret   = 6   // bytes; what is shorter would blot out ordinary text
	blot          = "•••"
)

// New makes a client.
func New(o Options) (*Client, error) {
	if o.Now == nil || o.Limit < 0 {
		return nil, errors.New("httpcall: a client needs a clock, and a limit that is not negative")
	}
	if o.Limit == 0 {
		o.Limit = standardLimit
	}
	c := &Client{now: o.Now, limit: o.Limit, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: o.Limit}).DialContext,
			TLSHandshakeTimeout:    o.Limit,
			MaxResponseHeaderBytes: maxHeader,
			MaxIdleConnsPerHost:    8,
			IdleConnTimeout:        30 * time.Second,
			ForceAttemptHTTP2:      true,
		},
	}}
	for _, s := range o.Secrets {
		if len(s) >= leastSecret {
			c.secrets = append(c.secrets, s, url.QueryEscape(s))
		}
	}
	return c, nil
}

// Now is the client's clock.
func (c *Client) Now() time.Time { return c.now() }

// Answer is what came back.
type Answer struct {
	Status int
	// Line is the status with its words, as "200 OK".
	Line   string
	Header http.Header
	// Body is at most 64 KiB of the body, or as much as could be read.
	Body []byte
}

// JSON reads the body into v and reports whether it is JSON of that form.
func (a Answer) JSON(v any) bool { return json.Unmarshal(a.Body, v) == nil }

// Text is the answer in one line: status and the beginning of the body.
func (a Answer) Text() string {
	return strings.TrimSpace(a.Line + " " + string(a.Body[:min(len(a.Body), answerKept)]))
}

// Do makes a request and judges the answer. A request that cannot be made is
// Refused. Where judge leaves the detail empty it is the answer's text; where it
// leaves a Retry without a time, Retry-After counts.
func (c *Client) Do(ctx context.Context, request func(context.Context) (*http.Request, error), judge func(Answer) notify.Outcome) notify.Outcome {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	// Once there is a connection, the receiver may have the message.
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	r, err := request(ctx)
	if err != nil {
		return notify.Outcome{Result: notify.Refused, Detail: c.clean(err.Error())}
	}
	r.Header.Set("User-Agent", "Holdfast")
	answer, err := c.http.Do(r)
	if err != nil {
		o := notify.Outcome{Result: notify.Retry, Detail: c.clean(plain(err))}
		if connected.Load() {
			o.Result = notify.Unsure
		}
		return o
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer)) // what is missing is for judge to notice
	a := Answer{Status: answer.StatusCode, Line: answer.Status, Header: answer.Header, Body: body}
	o := judge(a)
	if o.Detail == "" {
		o.Detail = a.Text()
	}
	o.Detail = c.clean(o.Detail)
	if o.Result == notify.Retry && o.After == 0 {
		o.After = c.retryAfter(a.Header.Get("Retry-After"))
	}
	return o
}

// Post makes a request with a body of JSON.
func Post(address string, body any) func(context.Context) (*http.Request, error) {
	return func(ctx context.Context) (*http.Request, error) {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(body); err != nil {
			return nil, err
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, &b)
		if err != nil {
			return nil, errors.New(plain(err))
		}
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		return r, nil
	}
}

// ByStatus is what a status says where nothing else does.
func ByStatus(status int) notify.Result {
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

// OfProvider is [ByStatus] for a provider that we have an account with: that it
// does not know us, or does not let us, is for people to mend there, and the
// message is still wanted then.
func OfProvider(status int) notify.Result {
	if status == http.StatusUnauthorized || status == http.StatusPaymentRequired || status == http.StatusForbidden {
		return notify.Retry
	}
	return ByStatus(status)
}

// Strange is the outcome of an answer that is none of the provider's: something
// between us, a proxy perhaps, has answered, or it broke off.
func Strange(a Answer) notify.Outcome {
	return notify.Outcome{Result: notify.Unsure, Detail: "not an answer of this provider, so it is not known whether it has the message: " + a.Text()}
}

// retryAfter reads the header of that name: seconds, or a time.
func (c *Client) retryAfter(value string) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(c.now()))
	}
	return 0
}

// clean blots out what must not be kept.
func (c *Client) clean(s string) string {
	for _, secret := range c.secrets {
		s = strings.ReplaceAll(s, secret, blot)
	}
	return payment.Mask(s)
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
