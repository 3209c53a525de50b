// Package client speaks to a control node's JSON API for the command line, the
// demo's story and tests, and to the control API of the simulated payment world,
// which answers in the same form. Errors come back as the *holdfast.Error that
// the other end answered with, code, text and field.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/view"
)

// Client calls one node with one token. It may be used concurrently.
type Client struct {
	base  string
	root  string // path under which the API stands
	token string
	lang  holdfast.Lang
	http  *http.Client
	// expect has a body wait until the other end wants it: what is refused is not sent.
	expect bool
}

// New makes a client for the API at base, "http://127.0.0.1:8800".
func New(base, token string, lang holdfast.Lang) (*Client, error) {
	return under("/api/v1", base, token, lang)
}

// NewSandbox makes a client for the control API of a simulated payment world at
// base.
func NewSandbox(base, token string) (*Client, error) {
	return under("/sandbox", base, token, holdfast.En)
}

// NewPayerFeed makes a client for the feed of a gate's payer snapshot at base. Its
// certificate is trusted if authority signed it; nil stands for the machine's authorities.
func NewPayerFeed(base, token string, authority *x509.CertPool) (*Client, error) {
	c, err := under("", base, token, holdfast.En)
	if err == nil {
		c.expect = true
		c.http.Transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authority},
			DisableKeepAlives: true, ExpectContinueTimeout: 5 * time.Second,
		}
	}
	return c, err
}

func under(root, base, token string, lang holdfast.Lang) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, holdfast.Errorf(holdfast.Invalid, "%q is not an address to call: write it as http://host:port", base).At("url")
	}
	return &Client{base: strings.TrimRight(base, "/"), root: root, token: token, lang: lang, http: &http.Client{}}, nil
}

// maxAnswer is the largest answer that is read, in bytes.
const maxAnswer = 64 << 20

// Do calls method and path under the API's root, sending in as JSON unless it is
// nil and reading the answer into out unless that is nil. in may be an
// [io.Reader] of a body that is sent as it is.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	body, err := c.call(ctx, method, path, in)
	if err != nil {
		return err
	}
	if raw, ok := out.(*json.RawMessage); ok {
		*raw = body
		return nil
	}
	if out == nil || len(body) == 0 {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("the answer to %s %s cannot be read: %w", method, path, err)
	}
	return nil
}

func (c *Client) call(ctx context.Context, method, path string, in any) ([]byte, error) {
	resp, err := c.send(ctx, method, path, in)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, holdfast.Errorf(holdfast.Unavailable, "the answer of %s broke off", c.base).Because(err)
	}
	if resp.StatusCode/100 != 2 {
		return nil, problem(resp.StatusCode, answer)
	}
	return answer, nil
}

// Copy writes the answer of a GET to w as it comes, until it ends or ctx does:
// files, and streams of events.
func (c *Client) Copy(ctx context.Context, path string, w io.Writer) error {
	resp, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // what is there says enough
		return problem(resp.StatusCode, answer)
	}
	if _, err := io.Copy(w, resp.Body); err != nil && ctx.Err() == nil {
		return holdfast.Errorf(holdfast.Unavailable, "the answer of %s broke off", c.base).Because(err)
	}
	return nil
}

func (c *Client) send(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	kind := "application/json"
	switch in := in.(type) {
	case nil:
	case io.Reader:
		body, kind = in, "application/octet-stream"
	default:
		text, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+c.root+path, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", kind)
	}
	if body != nil && c.expect {
		req.Header.Set("Expect", "100-continue")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	req.Header.Set("Accept-Language", string(c.lang))
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, holdfast.Errorf(holdfast.Unavailable, "%s does not answer", c.base).Because(err)
	}
	return resp, nil
}

// problem turns problem+json into the error it stands for.
func problem(status int, body []byte) error {
	var p struct {
		Title  string        `json:"title"`
		Detail string        `json:"detail"`
		Code   holdfast.Code `json:"code"`
		Field  string        `json:"field"`
	}
	if err := json.Unmarshal(body, &p); err != nil || p.Code == "" {
		return holdfast.Errorf(holdfast.Unavailable, "the address does not answer like one of Holdfast: status %d", status)
	}
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	return holdfast.Errorf(p.Code, "%s", text).At(p.Field)
}

// Get reads a value.
func Get[T any](ctx context.Context, c *Client, path string) (v T, err error) {
	err = c.Do(ctx, http.MethodGet, path, nil, &v)
	return v, err
}

// Post sends a value and reads the answer.
func Post[T any](ctx context.Context, c *Client, path string, in any) (v T, err error) {
	err = c.Do(ctx, http.MethodPost, path, in, &v)
	return v, err
}

// Created is the answer to an act that made something.
type Created struct {
	ID string `json:"id"`
}

// Directive is what a caller proposes.
type Directive struct {
	Kind         string  `json:"kind"`
	Scope        string  `json:"scope"`
	Reason       string  `json:"reason"`
	Incident     string  `json:"incident,omitempty"`
	Share        float64 `json:"share,omitempty"`
	Rate         float64 `json:"rate,omitempty"`
	DrainSeconds float64 `json:"drain_seconds,omitempty"`
}

// AwaitConfirmed waits until a directive is confirmed, or until ctx ends; then
// it returns what is known and code Unavailable.
func (c *Client) AwaitConfirmed(ctx context.Context, id string) (view.Directive, error) {
	const step = 20 * time.Second
	var last view.Directive
	for {
		d, err := Get[view.Directive](ctx, c, "/directives/"+url.PathEscape(id)+"?wait="+strconv.Itoa(int(step.Seconds()))+"s")
		switch {
		case err == nil && !d.Confirmed.IsZero():
			return d, nil
		case err == nil && d.State != string(directive.InForce) && d.State != string(directive.Proposed):
			return d, holdfast.Errorf(holdfast.Conflict, "directive %s is %s: it will not be confirmed", id, d.State)
		case err == nil:
			last = d
		case ctx.Err() == nil && holdfast.CodeOf(err) != holdfast.Unavailable:
			return last, err
		}
		if ctx.Err() != nil {
			return last, holdfast.Errorf(holdfast.Unavailable, "directive %s is issued, not confirmed", id).Because(ctx.Err())
		}
		if err != nil && !pause(ctx, time.Second) {
			return last, errors.Join(err, ctx.Err())
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
