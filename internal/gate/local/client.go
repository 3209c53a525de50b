package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"
	"time"

	"holdfast"
	"holdfast/internal/gate"
)

// Client commands the gate that listens on one socket. It may be used
// concurrently; a call ends after 30 seconds at the latest.
type Client struct {
	path string
	http http.Client
}

// NewClient makes a client for a socket's path, see [SocketIn]. It connects with
// each call.
func NewClient(path string) *Client {
	c := &Client{path: path}
	c.http.Timeout = patience
	c.http.Transport = &http.Transport{DisableKeepAlives: true, DialContext: c.dial}
	return c
}

// Status asks the gate about itself.
func (c *Client) Status(ctx context.Context) (gate.Status, error) {
	a, err := c.call(ctx, http.MethodGet, "/status", nil)
	if err != nil {
		return gate.Status{}, err
	}
	if a.Status == nil {
		return gate.Status{}, c.foreign(nil)
	}
	return *a.Status, nil
}

// Stop stops a scope at the gate and returns the stop's id and what was in flight.
// Drain 0 leaves the time for payments in flight to the gate.
func (c *Client) Stop(ctx context.Context, scope string, drain time.Duration) (id string, ack gate.Acknowledgement, err error) {
	req := stopRequest{Scope: scope}
	if drain != 0 {
		req.Drain = drain.String()
	}
	a, err := c.call(ctx, http.MethodPost, "/stop", req)
	if a.Acknowledgement != nil {
		ack = *a.Acknowledgement
	}
	return a.ID, ack, err
}

// Lift lifts a local stop, all of them for "".
func (c *Client) Lift(ctx context.Context, id string) error {
	_, err := c.call(ctx, http.MethodPost, "/lift", liftRequest{ID: &id})
	return err
}

// Accept makes the gate follow whatever history the control plane has now; see
// [gate.Gate.Accept].
func (c *Client) Accept(ctx context.Context) error {
	_, err := c.call(ctx, http.MethodPost, "/accept", struct{}{})
	return err
}

func (c *Client) call(ctx context.Context, method, path string, in any) (answer, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return answer{}, err
		}
	}
	// The host is only for the form: the socket is where it goes.
	req, err := http.NewRequestWithContext(ctx, method, "http://gate"+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	resp, err := c.http.Do(req)
	var refused *holdfast.Error
	switch {
	case errors.As(err, &refused):
		return answer{}, refused
	case err != nil:
		return answer{}, c.silent(method, err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer{}, c.silent(method, err)
	}
	var a answer
	if err := json.Unmarshal(content, &a); err != nil {
		return answer{}, c.foreign(err)
	}
	if a.Error == nil {
		return a, nil
	}
	return a, holdfast.Errorf(a.Error.Code, "%s", a.Error.Text).At(a.Error.Field)
}

func (c *Client) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	var conn net.Conn
	err := At(c.path, func(short string) (err error) {
		var d net.Dialer
		conn, err = d.DialContext(ctx, "unix", short)
		return err
	})
	switch {
	case err == nil:
		return conn, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, holdfast.Errorf(holdfast.Unavailable, "no gate runs on %s: check the directory, or look at the gate's log", c.path).Because(err)
	case errors.Is(err, fs.ErrPermission):
		return nil, holdfast.Errorf(holdfast.Forbidden, "%s belongs to another user: run the command as the user of the gate's process", c.path).Because(err)
	default:
		return nil, holdfast.Errorf(holdfast.Unavailable, "the gate on %s cannot be reached", c.path).Because(err)
	}
}

// silent is the error of a command that was sent and not answered.
func (c *Client) silent(method string, err error) error {
	if method == http.MethodGet {
		return holdfast.Errorf(holdfast.Unavailable, "the gate on %s does not answer", c.path).Because(err)
	}
	return holdfast.Errorf(holdfast.Doubtful, "the gate on %s did not answer: look with `holdfast gate status` whether it was done", c.path).Because(err)
}

func (c *Client) foreign(err error) error {
	return fmt.Errorf("what answers on %s is not a gate: %w", c.path, errors.Join(errors.New("its answer has another form"), err))
}
