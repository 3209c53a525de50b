package fleet

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	"holdfast"
	"holdfast/internal/gate"
	"holdfast/internal/posture"
)

// The messages are the types of package gate as JSON; unknown fields are
// ignored, so that gates and nodes of neighbouring versions understand each
// other.
const service = "/holdfast.fleet.v1.Control/"

const (
	procEnrol  = service + "Enrol"
	procBeat   = service + "Beat"
	procFollow = service + "Follow"
	procReport = service + "Report"
)

// maxMessage bounds one message in bytes: a report with a full list of payments
// in flight is about 2 MB.
const maxMessage = 8 << 20

// compressAbove is the size in bytes from which an answer is compressed. A posture
// is mostly smaller, and while a hundred gates wait for a stop there is no time to
// compress it for each.
const compressAbove = 64 << 10

// codec carries plain Go structs as JSON under connect's name for it.
type codec struct{}

func (codec) Name() string { return "json" }

func (codec) Marshal(v any) ([]byte, error) {
	if p, ok := v.(*pushed); ok {
		return p.text, nil
	}
	return json.Marshal(v)
}

func (codec) Unmarshal(b []byte, v any) error {
	if len(bytes.TrimSpace(b)) == 0 {
		return errors.New("an empty message")
	}
	return json.Unmarshal(b, v)
}

// pushed is a posture and its message, which is made once for all gates.
type pushed struct {
	head holdfast.Head
	text []byte
}

// pusher makes messages of postures and keeps the newest.
type pusher struct{ last atomic.Pointer[pushed] }

func (p *pusher) message(set posture.Set) (*pushed, error) {
	if last := p.last.Load(); last != nil && last.head == set.Head {
		return last, nil
	}
	text, err := json.Marshal(set)
	if err != nil {
		return nil, err
	}
	m := &pushed{set.Head, text}
	p.last.Store(m)
	return m, nil
}

type followRequest struct {
	Gate string `json:"gate"`
	Boot string `json:"boot"`
}

// peerHeader carries the gate's name from its certificate to the handlers. What
// a client sends under it is thrown away.
const peerHeader = "Holdfast-Peer"

// Server returns the handler that gates reach over the network. A gate speaks
// only for the name in its certificate.
func Server(n *Node) http.Handler {
	mux := http.NewServeMux()
	var postures pusher
	opts := []connect.HandlerOption{connect.WithCodec(codec{}), connect.WithReadMaxBytes(maxMessage), connect.WithCompressMinBytes(compressAbove)}
	mux.Handle(procEnrol, unary(procEnrol, func(r *gate.Enrolment) string { return r.Gate }, n.Enrol, opts))
	mux.Handle(procBeat, unary(procBeat, func(r *gate.Heartbeat) string { return r.Gate }, n.Beat, opts))
	mux.Handle(procReport, unary(procReport, func(r *gate.Report) string { return r.Gate }, n.Report, opts))
	mux.Handle(procFollow, connect.NewServerStreamHandler(procFollow,
		func(ctx context.Context, r *connect.Request[followRequest], s *connect.ServerStream[pushed]) error {
			if err := samePeer(r.Header(), r.Msg.Gate); err != nil {
				return toConnect(err)
			}
			return toConnect(n.Follow(ctx, r.Msg.Gate, r.Msg.Boot, func(set posture.Set) error {
				m, err := postures.message(set)
				if err != nil {
					return err
				}
				return s.Send(m)
			}))
		}, opts...))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del(peerHeader)
		if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
			http.Error(w, "a gate's certificate is needed", http.StatusUnauthorized)
			return
		}
		r.Header.Set(peerHeader, r.TLS.VerifiedChains[0][0].Subject.CommonName)
		mux.ServeHTTP(w, r)
	})
}

func unary[Req, Res any](procedure string, name func(*Req) string, call func(context.Context, Req) (Res, error), opts []connect.HandlerOption) http.Handler {
	return connect.NewUnaryHandler(procedure, func(ctx context.Context, r *connect.Request[Req]) (*connect.Response[Res], error) {
		if err := samePeer(r.Header(), name(r.Msg)); err != nil {
			return nil, toConnect(err)
		}
		res, err := call(ctx, *r.Msg)
		if err != nil {
			return nil, toConnect(err)
		}
		return connect.NewResponse(&res), nil
	}, opts...)
}

func samePeer(h http.Header, claimed string) error {
	if peer := h.Get(peerHeader); peer != gatePrefix+claimed {
		return holdfast.Errorf(holdfast.Forbidden, "the certificate is for %q; it cannot speak for gate %q", peer, claimed)
	}
	return nil
}

// Client reaches a control node over the network.
type Client struct {
	enrol  *connect.Client[gate.Enrolment, gate.Enrolled]
	beat   *connect.Client[gate.Heartbeat, gate.Beat]
	report *connect.Client[gate.Report, gate.Reported]
	follow *connect.Client[followRequest, posture.Set]
}

var _ gate.Control = (*Client)(nil)

// NewClient makes a client for the node at url (https). The library repeats a
// call only if the node says that it did not begin it.
func NewClient(url string, conf *tls.Config) *Client {
	h := &http.Client{Transport: &http.Transport{
		TLSClientConfig:     conf,
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: 5 * time.Second,
		// A posture stream is silent for hours: pings find out that it is dead.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 5 * time.Second, PingTimeout: 5 * time.Second},
	}}
	opts := []connect.ClientOption{connect.WithCodec(codec{}), connect.WithReadMaxBytes(maxMessage)}
	return &Client{
		enrol:  connect.NewClient[gate.Enrolment, gate.Enrolled](h, url+procEnrol, opts...),
		beat:   connect.NewClient[gate.Heartbeat, gate.Beat](h, url+procBeat, opts...),
		report: connect.NewClient[gate.Report, gate.Reported](h, url+procReport, opts...),
		follow: connect.NewClient[followRequest, posture.Set](h, url+procFollow, opts...),
	}
}

// Enrol implements [gate.Control].
func (c *Client) Enrol(ctx context.Context, e gate.Enrolment) (gate.Enrolled, error) {
	return call(ctx, c.enrol, e)
}

// Beat implements [gate.Control].
func (c *Client) Beat(ctx context.Context, h gate.Heartbeat) (gate.Beat, error) {
	return call(ctx, c.beat, h)
}

// Report implements [gate.Control].
func (c *Client) Report(ctx context.Context, r gate.Report) (gate.Reported, error) {
	return call(ctx, c.report, r)
}

// Follow implements [gate.Control].
func (c *Client) Follow(ctx context.Context, name, boot string, enforce func(posture.Set) error) error {
	stream, err := c.follow.CallServerStream(ctx, connect.NewRequest(&followRequest{name, boot}))
	if err != nil {
		return fromConnect(err)
	}
	defer stream.Close()
	for stream.Receive() {
		if err := enforce(*stream.Msg()); err != nil {
			return err
		}
	}
	return fromConnect(stream.Err())
}

func call[Req, Res any](ctx context.Context, c *connect.Client[Req, Res], req Req) (Res, error) {
	res, err := c.CallUnary(ctx, connect.NewRequest(&req))
	if err != nil {
		var zero Res
		return zero, fromConnect(err)
	}
	return *res.Msg, nil
}

// codes maps Holdfast's error codes to connect's. Several may share one; the
// first that matches is used on the way back.
var codes = []struct {
	ours   holdfast.Code
	theirs connect.Code
}{
	{holdfast.Invalid, connect.CodeInvalidArgument},
	{holdfast.TooLarge, connect.CodeInvalidArgument},
	{holdfast.Unauthenticated, connect.CodeUnauthenticated},
	{holdfast.Forbidden, connect.CodePermissionDenied},
	{holdfast.NotFound, connect.CodeNotFound},
	{holdfast.Conflict, connect.CodeFailedPrecondition},
	{holdfast.TooMany, connect.CodeResourceExhausted},
	{holdfast.Unavailable, connect.CodeUnavailable},
	{holdfast.Doubtful, connect.CodeAborted},
	{holdfast.Damaged, connect.CodeDataLoss},
}

func toConnect(err error) error {
	if err == nil {
		return nil
	}
	ours := holdfast.CodeOf(err)
	for _, c := range codes {
		if c.ours == ours {
			// The cause is for this node's log; the gate is told what it can act on.
			var e *holdfast.Error
			errors.As(err, &e)
			return connect.NewError(c.theirs, errors.New(e.Message()))
		}
	}
	if errors.Is(err, context.Canceled) {
		return connect.NewError(connect.CodeCanceled, err)
	}
	return connect.NewError(connect.CodeInternal, errors.New("a fault of the control node; its log says more"))
}

func fromConnect(err error) error {
	var ce *connect.Error
	if !errors.As(err, &ce) {
		return err
	}
	for _, c := range codes {
		if c.theirs == ce.Code() {
			return holdfast.Errorf(c.ours, "%s", ce.Message()).Because(err)
		}
	}
	return err
}
