package httpgate

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"holdfast/internal/config"
	"holdfast/internal/gate"
	"holdfast/internal/gate/httpgate/inlet"
	"holdfast/internal/payment"
)

// Primary is the payment system behind the gate, as the gate's settings
// describe it. It settles unknown outcomes by asking.
type Primary struct {
	up *pool
	// second is the primary that payments can be rerouted to; nil if there is none.
	second     *pool
	secondHost string
	// home is held while a payment that the first has goes to it under a reroute.
	home sync.Mutex
	// late is for advices: they take no connection from customers.
	late       *pool
	host       string
	routes     []*route
	testPayers map[string]bool
	channels   []string
	now        func() time.Time
}

var _ gate.Inquirer = (*Primary)(nil)

// NewPrimary makes the primary of a gate's settings.
func NewPrimary(c config.Gate, now func() time.Time) (*Primary, error) {
	p := &Primary{now: now, testPayers: map[string]bool{}}
	var err error
	if p.up, err = newPool(c.Primary); err != nil {
		return nil, err
	}
	if p.late, err = newPool(c.Primary); err != nil {
		return nil, err
	}
	p.host = hostOf(c.Primary.URL)
	if c.Second != nil {
		if p.second, err = newPool(*c.Second); err != nil {
			return nil, fmt.Errorf("second: %w", err)
		}
		p.secondHost = hostOf(c.Second.URL)
	}
	for _, payer := range c.TestPayers {
		p.testPayers[payer] = true
	}
	p.channels = c.Channels
	for _, rc := range c.Routes {
		if c.Second == nil {
			rc.Second = nil
		}
		r, err := newRoute(rc, c.Mode)
		if err != nil {
			return nil, err
		}
		p.routes = append(p.routes, r)
	}
	return p, nil
}

func hostOf(u config.URL) string {
	return strings.TrimPrefix(strings.TrimPrefix(string(u), "https://"), "http://")
}

// newPool makes a pool of connections to all addresses of the primary.
func newPool(c config.Primary) (*pool, error) {
	p := &pool{
		most: c.Connections, queue: c.Queue, queueTime: c.QueueTime.D(),
		ejectAfter: c.EjectAfter, ejectTime: c.EjectTime.D(),
	}
	for _, text := range append([]config.URL{c.URL}, c.Others...) {
		u, err := newUpstream(p, string(text), c.MutualTLS)
		if err != nil {
			return nil, fmt.Errorf("primary: %w", err)
		}
		p.addrs = append(p.addrs, u)
	}
	return p, nil
}

// newUpstream makes one address of the pool.
func newUpstream(p *pool, text string, files config.MutualTLS) (*upstream, error) {
	parsed, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	u := &upstream{addr: parsed.Host, pool: p}
	if parsed.Port() == "" {
		u.addr = net.JoinHostPort(parsed.Hostname(), map[string]string{"http": "80", "https": "443"}[parsed.Scheme])
	}
	if parsed.Scheme == "https" {
		u.tls, err = inlet.ClientKeys(inlet.Files{
			Certificate: string(files.Certificate), Key: string(files.Key), Authority: string(files.Authority),
		}, parsed.Hostname())
	}
	return u, err
}

// keys lists the certificates that may change while the gate runs.
func (p *Primary) keys() (list []*inlet.Keys) {
	all := slices.Concat(p.up.addrs, p.late.addrs)
	if p.second != nil {
		all = append(all, p.second.addrs...)
	}
	for _, u := range all {
		if u.tls != nil {
			list = append(list, u.tls)
		}
	}
	return list
}

// Routes lists the routes for the gate's enrolment.
func (p *Primary) Routes() []gate.Route {
	var list []gate.Route
	for _, r := range p.routes {
		told := gate.Route{Name: r.Name, Kind: r.kind.String(), Mode: r.mode, Fields: []string{"route", "kind"}, StandIn: r.StandIn != nil, Second: r.second != nil}
		told.Deduplicates = told.StandIn && r.StandIn.Deduplicates
		for field, source := range r.Fields.All() {
			if source.IsZero() {
				continue
			}
			told.Fields = append(told.Fields, field.String())
			switch {
			case field != payment.Channel:
			case source.From == "const":
				told.Channels = []string{source.Name}
			default:
				told.Channels = p.channels
			}
		}
		list = append(list, told)
	}
	return list
}

// Down lists the addresses that are left out since they gave no answers.
func (p *Primary) Down() []string { return p.up.down() }

// SecondDown lists those of the second primary.
func (p *Primary) SecondDown() []string {
	if p.second == nil {
		return nil
	}
	return p.second.down()
}

// Close closes the idle connections.
func (p *Primary) Close() {
	p.up.close()
	p.late.close()
	if p.second != nil {
		p.second.close()
	}
}

// classify says what a status means for a payment on this route.
func (r *route) classify(status int) payment.Outcome {
	has := func(list []config.Statuses) bool {
		return slices.ContainsFunc(list, func(s config.Statuses) bool { return s.Has(status) })
	}
	switch {
	case has(r.Outcome.Done):
		return payment.Done
	case has(r.Outcome.NotDone):
		return payment.NotDone
	default:
		return payment.Unknown
	}
}

// Inquire asks the primary about a payment by its identity.
func (p *Primary) Inquire(ctx context.Context, rec payment.Record) (payment.Outcome, string, error) {
	heard, err := p.inquire(ctx, rec.Second, p.up, rec.Route, rec.Identity, rec.At)
	switch heard.says {
	case saysDone:
		return payment.Done, heard.why, err
	case saysNotDone, saysAbsent:
		return payment.NotDone, heard.why, err
	}
	return payment.Unknown, heard.why, err
}

// heard is what an inquiry brought: what the primary says, in words too, the status of its
// answer, 0 if none came, and whether a byte was written to it.
type heard struct {
	says   says
	why    string
	status int
	asked  bool
}

// says is what an answer to an inquiry says.
type says uint8

const (
	saysNothing says = iota
	saysDone
	saysNotDone
	// saysAbsent: the primary does not know it, and it can no longer be on its way.
	saysAbsent
)

// inquire asks about a payment that was last sent at a time: over connections of up, or
// the second primary.
func (p *Primary) inquire(ctx context.Context, second bool, up *pool, name, identity string, at time.Time) (heard, error) {
	r, host := p.route(name), p.host
	if second {
		if r == nil || r.second == nil || p.second == nil {
			return heard{}, nil // the settings have changed since
		}
		r, up, host = r.second.as, p.second, p.secondHost
	}
	if r == nil || r.Inquiry == nil || identity == "" {
		return heard{}, nil // nothing to ask by: a person must find out
	}
	q := r.Inquiry
	target, ok := inquiryTarget(q.Path, identity)
	if !ok {
		return heard{}, nil
	}
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.Header.SetMethod(q.Method)
	req.SetRequestURI(target)
	req.Header.SetHost(host)
	asked, err := ask(ctx, up, req, resp)
	if err != nil {
		return heard{asked: asked}, fmt.Errorf("inquire: %w", err)
	}
	h := heard{status: resp.StatusCode(), asked: true}
	h.says, h.why = judgeInquiry(q, h.status, resp.Body(), p.now().Sub(at))
	return h, nil
}

// route returns the route of a name, or nil.
func (p *Primary) route(name string) *route {
	if i := slices.IndexFunc(p.routes, func(r *route) bool { return r.Name == name }); i >= 0 {
		return p.routes[i]
	}
	return nil
}

// inquiryTarget puts an identity into the path or the query to ask by. It returns
// false where that would ask about something else: "." and ".." in a path.
func inquiryTarget(pattern, identity string) (string, bool) {
	const place = "{identity}"
	path, query, asked := strings.Cut(pattern, "?")
	if strings.Contains(path, place) {
		path = strings.Replace(path, place, url.PathEscape(identity), 1)
	} else {
		query = strings.Replace(query, place, url.QueryEscape(identity), 1)
	}
	if asked {
		return path + "?" + query, cleanPath(path)
	}
	return path, cleanPath(path)
}

// ask sends an inquiry and reads its whole answer. It reports whether a byte was written.
func ask(ctx context.Context, up *pool, req *fasthttp.Request, resp *fasthttp.Response) (asked bool, _ error) {
	c, err := up.get(ctx)
	if err != nil {
		return false, err
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(connectTimeout)
	}
	if err := c.send(req, resp, time.Now(), deadline); err != nil {
		c.Close()
		return c.written > 0, err
	}
	return true, c.readWhole(resp)
}

// readWhole reads the body of an answer that nobody else gets, and gives the
// connection back.
func (c *conn) readWhole(resp *fasthttp.Response) error {
	err := fasthttp.ErrBodyTooLarge
	if resp.Header.ContentLength() <= maxBuffered {
		err = resp.ReadBody(c.r, maxBuffered)
	}
	if err != nil {
		c.Close()
		return err
	}
	return c.up.release(c, resp)
}

// judgeInquiry compares an inquiry's answer with what the route says it means.
// That a payment is absent settles it only once it can no longer be on its way.
func judgeInquiry(q *config.Inquiry, status int, body []byte, age time.Duration) (says, string) {
	switch {
	case answers(q.Done, status, body):
		return saysDone, fmt.Sprintf("inquiry: the primary says it is done (status %d)", status)
	case answers(q.NotDone, status, body):
		return saysNotDone, fmt.Sprintf("inquiry: the primary says it is not done (status %d)", status)
	case slices.ContainsFunc(q.Absent, func(s config.Statuses) bool { return s.Has(status) }) && age >= q.SettledAfter.D():
		return saysAbsent, fmt.Sprintf("inquiry: the primary does not know it (status %d) %v after it was sent", status, q.SettledAfter)
	default:
		return saysNothing, fmt.Sprintf("inquiry: the primary cannot say yet (status %d)", status)
	}
}

func answers(a config.Answer, status int, body []byte) bool {
	if !slices.ContainsFunc(a.Status, func(s config.Statuses) bool { return s.Has(status) }) {
		return false
	}
	if a.Field.IsZero() {
		return true
	}
	text, ok := readAnswer(a.Field, body)
	return ok && slices.Contains(a.Is, text)
}

func readAnswer(f config.Source, body []byte) (string, bool) {
	switch f.From {
	case "json":
		values, err := newPointers([]string{f.Name}).read(body)
		return firstValue(values), err == nil && values[0].ok
	case "xml":
		found, err := readXML(body, []field{{Source: f}})
		return firstText(found), err == nil && found[0].count == 1
	case "form":
		return only(parseForm(string(body)), f.Name)
	}
	return "", false
}

func firstText(found []element) string {
	if len(found) == 0 {
		return ""
	}
	return found[0].text
}

func firstValue(values []value) string {
	if len(values) == 0 {
		return ""
	}
	return string(values[0].text)
}
