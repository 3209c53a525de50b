package httpgate

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"holdfast"
	"holdfast/internal/gate"
	"holdfast/internal/gate/forwarder"
	"holdfast/internal/gate/httpgate/accesslog"
	"holdfast/internal/gate/seal"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
)

// Headers that an advice has towards the primary, beside those of a payment.
const (
	// adviceHeader is when it was stood in for (RFC 3339): the customer has its
	// answer, and the primary is to do it, not to judge it.
	adviceHeader = "Holdfast-Advice"
	// repeatHeader is the number of an attempt after the first: it may be done
	// already.
	repeatHeader = "Holdfast-Repeat"
)

// Advices seals what forwarding needs of a payment that is stood in for, and
// delivers it later over HTTP, on connections of its own.
type Advices struct {
	gate    *gate.Gate
	primary *Primary
	keys    Sealer
	keep    []string
	access  *accesslog.Log // nil if there is none
}

var _ forwarder.Primary = (*Advices)(nil)

// Sealer seals requests and opens them again, and makes what stands for an identity in a
// link; see [seal.Keys] and [seal.Vault].
type Sealer interface {
	Seal(identity string, r seal.Request) standin.Sealed
	Open(ctx context.Context, identity string, s standin.Sealed) (seal.Request, error)
	Token(identity string) string
	Identity(token string) (string, bool)
}

// NewAdvices makes the advices of a gate. Headers names those that are kept of a
// request beside what its route reads and what says how its body is written.
func NewAdvices(p *Primary, g *gate.Gate, k Sealer, headers []string) *Advices {
	keep := []string{fasthttp.HeaderContentType, fasthttp.HeaderContentEncoding, fasthttp.HeaderAccept}
	return &Advices{gate: g, primary: p, keys: k, keep: append(keep, headers...)}
}

// seal keeps a request as it came, but for the headers that forwarding does not need.
func (a *Advices) seal(r *route, identity string, req *fasthttp.Request, body []byte) standin.Sealed {
	kept := seal.Request{Method: methodOf(&req.Header), Target: string(req.RequestURI()), Body: body}
	kept.Headers = make([]seal.Header, 0, len(a.keep)+len(r.fields))
	add := func(name string) {
		if slices.ContainsFunc(kept.Headers, func(h seal.Header) bool { return strings.EqualFold(h.Name, name) }) {
			return // it was named before
		}
		for _, value := range req.Header.PeekAll(name) {
			kept.Headers = append(kept.Headers, seal.Header{Name: name, Value: string(value)})
		}
	}
	for _, name := range a.keep {
		add(name)
	}
	for _, f := range r.fields {
		if f.From == "header" {
			add(f.Name)
		}
	}
	return a.keys.Seal(identity, kept)
}

// May reports whether the posture lets an advice pass, as far as its item tells: what
// stands blinded in it counts as inside every scope that asks for it.
//
// While payments find the primary dead an advice waits, and loses no attempt.
func (a *Advices) May(i *standin.Item) bool {
	if a.primary.up.dead() {
		return false
	}
	r := a.primary.route(i.Route)
	if r == nil || r.mode == gate.Observe {
		return true
	}
	p := payment.Payment{Route: r.Name, Kind: r.kind, Identity: i.Identity, Amount: i.Amount, Currency: i.Currency, Channel: i.Channel, Advice: true}
	p.Read = p.Read.With(payment.Identity).With(payment.Amount).With(payment.Currency)
	if i.Channel != "" {
		p.Read = p.Read.With(payment.Channel)
	}
	return a.gate.Decide(&p, r.mode).Action == posture.Forward
}

// Deliver sends an advice or asks about it, and writes it down in the access log.
func (a *Advices) Deliver(ctx context.Context, w standin.Work) (standin.Came, error) {
	begun := time.Now()
	came, err := a.deliver(ctx, w)
	if a.access != nil {
		a.access.Write(adviceLine(begun, w, came))
	}
	return came, err
}

func (a *Advices) deliver(ctx context.Context, w standin.Work) (standin.Came, error) {
	ctx, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	came := standin.Came{Identity: w.Item.Identity}
	if w.Attempt.Inquiry {
		return a.ask(ctx, w, came)
	}
	req := fasthttp.AcquireRequest()
	defer fasthttp.ReleaseRequest(req)
	r, p, err := a.open(ctx, w, req)
	switch {
	case holdfast.CodeOf(err) == holdfast.Unavailable: // the source, not the advice
		return came, err
	case err != nil:
		came.Of = standin.Unsendable
		return came, err
	}
	c, err := a.primary.late.get(ctx)
	if err != nil {
		came.Reply.Said = standin.Unreached
		return came, err
	}
	came.Of, came.Reply, err = a.send(ctx, c, r, p, req)
	return came, err
}

// results are what an inquiry says of an advice, replies how people are told of it.
var (
	results = map[says]standin.Result{
		saysNothing: standin.NoAnswer, saysDone: standin.Did, saysNotDone: standin.Refuses, saysAbsent: standin.DoesNotKnow,
	}
	replies = map[says]standin.Said{
		saysNothing: standin.SaidUnclear, saysDone: standin.SaidDone, saysNotDone: standin.SaidNotDone, saysAbsent: standin.SaidAbsent,
	}
)

func (a *Advices) ask(ctx context.Context, w standin.Work, came standin.Came) (standin.Came, error) {
	heard, err := a.primary.inquire(ctx, false, a.primary.late, w.Item.Route, w.Item.Identity, w.Before.Time())
	came.Of = results[heard.says]
	switch {
	case err != nil && !heard.asked:
		came.Reply.Said = standin.Unreached
	case err != nil:
		came.Reply.Said = standin.Silent
	case heard.status != 0:
		came.Reply = replyOf(replies[heard.says], heard.status)
	}
	return came, err
}

// replyOf is what the primary said with a status; one that HTTP does not have is left out.
func replyOf(said standin.Said, status int) standin.Reply {
	if status < 0 || status > 999 {
		status = 0
	}
	return standin.Reply{Said: said, Status: uint16(status)}
}

// open makes the request of an advice and reads it as its route does.
func (a *Advices) open(ctx context.Context, w standin.Work, req *fasthttp.Request) (*route, *payment.Payment, error) {
	i := w.Item
	r := a.primary.route(i.Route)
	if r == nil {
		return nil, nil, fmt.Errorf("this gate has no route %s", i.Route)
	}
	kept, err := a.keys.Open(ctx, i.Identity, i.Sealed)
	if err != nil {
		return nil, nil, err
	}
	h := &req.Header
	h.SetMethod(kept.Method)
	req.SetRequestURI(kept.Target)
	h.SetHost(a.primary.host)
	h.SetNoDefaultContentType(true)
	for _, k := range kept.Headers {
		h.Add(k.Name, k.Value)
	}
	req.SetBodyRaw(kept.Body)
	path, query, _ := strings.Cut(kept.Target, "?")
	p := r.read(h, path, query, kept.Body)
	if p.Identity != i.Identity || p.Amount != i.Amount || p.Currency != i.Currency {
		return nil, nil, fmt.Errorf("route %s no longer reads in the request what was approved", r.Name)
	}
	p.Advice = true
	if i.Verdict != standin.Queued { // that the primary judges
		h.Set(adviceHeader, i.At.Time().Format(time.RFC3339))
	}
	if w.Repeat {
		h.Set(repeatHeader, strconv.Itoa(w.Attempt.N))
	}
	return r, p, nil
}

// send admits an advice as a payment is admitted, writes it and says what came of it.
func (a *Advices) send(ctx context.Context, c *conn, r *route, p *payment.Payment, req *fasthttp.Request) (standin.Result, standin.Reply, error) {
	now := time.Now()
	deadline := now.Add(r.Timeout.D())
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	admission, v := a.gate.Admit(p, r.mode)
	if v.Action != posture.Forward {
		c.up.put(c)
		return standin.NoAnswer, standin.Reply{}, forwarder.ErrHeld
	}
	outcome, why := payment.Unknown, "a fault of the gate after it was admitted"
	defer func() { admission.Finish(outcome, why) }()
	h := &req.Header
	h.SetBytesV(postureHeader, strconv.AppendUint(nil, admission.Posture, 10))
	h.Set(deadlineHeader, deadline.UTC().Format(time.RFC3339Nano))
	resp := fasthttp.AcquireResponse()
	defer fasthttp.ReleaseResponse(resp)
	stop := context.AfterFunc(ctx, func() { c.Conn.Close() }) // the gate ends
	err := c.send(req, resp, now, deadline)
	if !stop() && err == nil {
		err = ctx.Err() // its connection is closed, or about to be
	}
	if err != nil {
		said := standin.Silent
		if c.written == 0 {
			said, outcome, why = standin.Unreached, payment.NotDone, "nothing was written to the primary"
		} else {
			why = "no answer to an advice"
		}
		c.Close()
		return standin.NoAnswer, standin.Reply{Said: said}, err
	}
	status := resp.StatusCode()
	reply := replyOf(standin.SaidUnclear, status)
	outcome, why = r.classify(status), answered(status)
	if err := c.readWhole(resp); err != nil && outcome == payment.Unknown {
		return standin.NoAnswer, reply, err
	}
	switch outcome {
	case payment.Done:
		reply.Said = standin.SaidDone
		return standin.Did, reply, nil
	case payment.NotDone:
		reply.Said = standin.SaidNotDone
		return standin.Refuses, reply, nil
	}
	return standin.NoAnswer, reply, fmt.Errorf("the primary answered with status %d", status)
}
