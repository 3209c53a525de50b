package config

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/payment"
)

// check holds the rules of a gate's settings that go beyond one value.
func (g *Gate) check(r *report) {
	switch {
	case g.Name == "":
		r.filled("name", g.Name)
	case !holdfast.ValidName(g.Name):
		r.at("name", "%q cannot name a gate: use 1 to 64 small letters, digits, '-', '_' and '.', a letter or digit first", g.Name)
	}
	r.filled("data", g.Data)
	r.filled("listen.payments", string(g.Listen.Payments))
	addresses := map[string]Address{"listen.payments": g.Listen.Payments, "listen.metrics": g.Listen.Metrics}
	if g.StandIn != nil {
		addresses["stand_in.feed.listen"] = g.StandIn.Feed.Listen
	}
	r.listeners(addresses)
	g.TLS.check(r)
	g.Limits.check(r)
	g.Primary.check(r, "primary")
	r.count("access_log.megabytes", g.AccessLog.Megabytes, 1, 1<<20)
	r.distinct("test_payers", len(g.TestPayers), func(i int) string { return g.TestPayers[i] })
	r.distinct("channels", len(g.Channels), func(i int) string { return g.Channels[i] })
	g.Control.check(r)
	g.Inquiries.check(r)
	if g.StandIn != nil {
		g.StandIn.check(r)
	}
	if len(g.Routes) == 0 {
		r.at("routes", "a gate needs at least one route")
	}
	for i := range g.Routes {
		g.Routes[i].check(r, index("routes", i))
		g.clash(r, i)
	}
	g.checkSecond(r)
}

func (t *GateTLS) check(r *report) {
	r.together("tls", map[string]File{"certificate": t.Certificate, "key": t.Key})
	if t.ClientAuthority == "" {
		return
	}
	r.there("tls.client_authority", t.ClientAuthority)
	if t.Certificate == "" {
		r.at("tls.client_authority", "clients show a certificate only over TLS: write tls.certificate and tls.key, too")
	}
}

func (l *Limits) check(r *report) {
	r.count("limits.connections", l.Connections, 1, 1<<20)
	r.count("limits.client_connections", l.ClientConnections, 1, 1<<20)
	r.within("limits.header", l.Header, time.Second, 5*time.Minute)
	r.within("limits.idle", l.Idle, time.Second, time.Hour)
	r.count("limits.body_rate", l.BodyRate, 1, 1<<30)
	r.within("limits.body_grace", l.BodyGrace, time.Second, 5*time.Minute)
	r.within("limits.answer", l.Answer, time.Second, 5*time.Minute)
}

func (p *Primary) check(r *report, section string) {
	r.filled(section+".url", string(p.URL))
	secure := strings.HasPrefix(string(p.URL), "https:")
	for i, u := range append([]URL{p.URL}, p.Others...) {
		at := section + ".url"
		if i > 0 {
			at = index(section+".others", i-1)
			if u == "" || u == p.URL {
				r.at(at, "write another address of the primary than %s.url", section)
			} else if strings.HasPrefix(string(u), "https:") != secure {
				r.at(at, "all addresses of the primary are of one kind, http or https")
			}
		}
		parsed, err := url.Parse(string(u))
		if err == nil && parsed.Path != "" {
			r.at(at, "leave the path out: requests are forwarded under the path they came with")
		}
	}
	r.distinct(section+".others", len(p.Others), func(i int) string { return string(p.Others[i]) })
	r.together(section, map[string]File{"certificate": p.Certificate, "key": p.Key})
	if p.Authority != "" {
		r.there(section+".authority", p.Authority)
	}
	if !secure && p.MutualTLS != (MutualTLS{}) {
		r.at(section+".authority", "certificates are for an https primary: write its URL with https, or leave them out")
	}
	r.count(section+".connections", p.Connections, 1, 1<<20)
	r.count(section+".queue", p.Queue, 0, 1<<20)
	r.within(section+".queue_time", p.QueueTime, 0, time.Minute)
	r.count(section+".eject_after", p.EjectAfter, 1, 1<<20)
	r.within(section+".eject_time", p.EjectTime, 100*time.Millisecond, time.Hour)
}

func (q *Inquiries) check(r *report) {
	r.within("inquiries.first", q.First, 100*time.Millisecond, time.Hour)
	r.count("inquiries.most", q.Most, 0, 1<<20)
	r.count("inquiries.rate", q.Rate, 1, 1<<20)
}

func (c *Control) check(r *report) {
	r.distinct("control.urls", len(c.URLs), func(i int) string { return string(c.URLs[i]) })
	for i, u := range c.URLs {
		if u == "" || strings.HasPrefix(string(u), "http:") {
			r.at(index("control.urls", i), "write an https URL: gates and control nodes know each other by certificate")
		}
	}
	if len(c.URLs) > 0 && c.MutualTLS == (MutualTLS{}) {
		r.at("control", "the gate and the control nodes know each other by certificate: write authority, certificate and key")
	}
	r.together("control", c.files())
}

// clash reports a route that has the name of an earlier one, or that is never
// reached: behind a route that passes everything, no payment would be stopped.
func (g *Gate) clash(r *report, i int) {
	at, this := index("routes", i), g.Routes[i]
	for j, earlier := range g.Routes[:i] {
		if this.Name != "" && this.Name == earlier.Name {
			r.at(join(at, "name"), "routes[%d] is named %s already", j, this.Name)
		}
		if this.Path != "" && earlier.Path.covers(this.Path) && earlier.takes(this.Methods) {
			r.at(join(at, "path"), "this route is never reached: routes[%d] takes all its methods and paths; put this one before it", j)
		}
	}
}

// takes reports whether the route takes all of the methods.
func (t *Route) takes(methods []string) bool {
	if len(t.Methods) == 0 {
		return true
	}
	return len(methods) > 0 && !slices.ContainsFunc(methods, func(m string) bool { return !slices.Contains(t.Methods, m) })
}

func (t *Route) check(r *report, at string) {
	switch {
	case t.Name == "":
		r.at(join(at, "name"), "a route needs a name")
	case !holdfast.ValidName(t.Name):
		r.at(join(at, "name"), "%q cannot name a route: use 1 to 64 small letters, digits, '-', '_' and '.', a letter or digit first", t.Name)
	}
	if t.Path == "" {
		r.at(join(at, "path"), "a route needs a path")
	}
	if t.Kind == "" {
		r.at(join(at, "kind"), "say what the route is: payment, refund, inquiry or other")
	}
	r.distinct(join(at, "methods"), len(t.Methods), func(i int) string { return t.Methods[i] })
	r.within(join(at, "timeout"), t.Timeout, 100*time.Millisecond, 5*time.Minute)
	t.checkFields(r, at)
	if !t.MovesMoney() {
		t.checkQuiet(r, at)
		return
	}
	if status, both := overlap(t.Outcome.Done, t.Outcome.NotDone); both {
		r.at(join(at, "outcome.not_done"), "%d is among the statuses of done, too", status)
	}
	t.Decline.check(r, join(at, "decline"))
	switch {
	case t.AnswerAmount.IsZero():
	case t.AnswerAmount.From != "json":
		r.at(join(at, "answer_amount"), "%s: the amount of an answer is read by json:", t.AnswerAmount)
	case t.Fields.Amount.IsZero():
		r.at(join(at, "answer_amount"), "there is no amount to compare it with; say where fields.amount is, too")
	}
	if c := t.AnswerCode; !c.IsZero() && c.From != "json" && c.From != "header" {
		r.at(join(at, "answer_code"), "%s: the code of an answer is read by json: or header:", c)
	}
	if t.Inquiry != nil {
		t.Inquiry.check(r, join(at, "inquiry"), t)
	}
	r.within(join(at, "retention"), t.Retention, 0, 365*24*time.Hour)
	if t.StandIn != nil {
		t.StandIn.check(r, join(at, "stand_in"), t)
	}
}

// MovesMoney reports whether the route's requests are subject to directives.
func (t *Route) MovesMoney() bool {
	kind, err := payment.ParseKind(t.Kind)
	return err == nil && kind.MovesMoney()
}

// checkQuiet refuses what means nothing where no money moves.
func (t *Route) checkQuiet(r *report, at string) {
	if t.Kind == "" {
		return
	}
	for _, name := range []string{"mode", "body", "unreadable", "outcome", "counted", "answer_amount", "answer_code", "decline", "inquiry", "stand_in", "retention"} {
		if path := join(at, name); r.given(path) {
			r.at(path, "only routes of kind payment and refund have this; this one is of kind %s", t.Kind)
		}
	}
}

func (t *Route) checkFields(r *report, at string) {
	f := t.Fields
	read := t.checkCounted(r, join(at, "counted"))
	read = read || t.StandIn != nil && t.StandIn.Original.InBody() || t.Second != nil && t.Second.readsBody()
	for name, source := range f.All() {
		path := join(join(at, "fields"), name.String())
		read = read || source.InBody()
		switch {
		case source.InBody() && source.From != t.Body:
			r.at(path, "%s is read from a body of %s, but this route's body is %s", source, source.From, t.Body)
		case source.From == "path" && t.Path != "" && !slices.Contains(t.Path.Params(), source.Name):
			r.at(path, "the path %s has no {%s}", t.Path, source.Name)
		case source.From == "const" && (name == payment.Identity || name == payment.Amount || name == payment.Payer):
			r.at(path, "a constant would be the same for every payment")
		}
	}
	if t.MovesMoney() && t.Body != "opaque" && !read {
		r.at(join(at, "body"), "no field is read from the body; leave this out")
	}
	if !t.MovesMoney() {
		return
	}
	if f.Identity.IsZero() {
		r.at(join(at, "fields.identity"), "say where the identity is: without it a payment in flight can be neither listed nor asked about")
	}
	if f.Amount.IsZero() != f.Currency.IsZero() {
		r.at(join(at, "fields.currency"), "amount and currency go together: write both or neither (const:CNY where there is only one)")
	}
}

// checkCounted checks what payments are counted by, and reports whether any of it
// stands in the body.
func (t *Route) checkCounted(r *report, at string) (read bool) {
	for name, source := range map[string]Source{"bank": t.Counted.Bank, "merchant": t.Counted.Merchant} {
		read = read || source.InBody()
		switch {
		case source.InBody() && source.From != t.Body:
			r.at(join(at, name), "%s is read from a body of %s, but this route's body is %s", source, source.From, t.Body)
		case source.From == "path" && t.Path != "" && !slices.Contains(t.Path.Params(), source.Name):
			r.at(join(at, name), "the path %s has no {%s}", t.Path, source.Name)
		}
	}
	return read
}

func (d *Decline) check(r *report, at string) {
	if d.Status < 400 || d.Status > 599 {
		r.at(join(at, "status"), "%d does not decline: write a status from 400 to 599", d.Status)
	}
	if _, err := url.Parse(d.Type); err != nil || d.Type == "" {
		r.at(join(at, "type"), "%q is not a URI (RFC 9457)", d.Type)
	}
	r.within(join(at, "retry_after"), d.RetryAfter, 0, 24*time.Hour)
	if d.RetryAfter.D()%time.Second != 0 {
		r.at(join(at, "retry_after"), "%s is not a number of whole seconds", d.RetryAfter)
	}
}

func (q *Inquiry) check(r *report, at string, t *Route) {
	if err := inquiryPath(q.Path); err != nil {
		r.at(join(at, "path"), "%v", err)
	}
	if len(q.Done.Status) == 0 {
		r.at(join(at, "done"), "say which answer means that the payment was done: its statuses at least")
	} else {
		q.Done.check(r, join(at, "done"))
	}
	q.NotDone.check(r, join(at, "not_done"))
	if status, both := overlap(q.Done.Status, q.NotDone.Status); both && !q.apart() {
		r.at(join(at, "not_done"), "an answer with status %d means done, too: tell them apart by a field", status)
	}
	if status, both := overlap(q.Absent, append(slices.Clone(q.Done.Status), q.NotDone.Status...)); both {
		r.at(join(at, "absent"), "%d is among the statuses of done or not_done, too", status)
	}
	r.within(join(at, "settled_after"), q.SettledAfter, 0, 30*24*time.Hour)
	if q.SettledAfter < t.Timeout {
		r.at(join(at, "settled_after"), "%s is shorter than the route's timeout, %s: the attempt may still be on its way", q.SettledAfter, t.Timeout)
	}
}

// apart reports whether no answer can mean both done and not done.
func (q *Inquiry) apart() bool {
	return !q.Done.Field.IsZero() && q.Done.Field == q.NotDone.Field &&
		!slices.ContainsFunc(q.Done.Is, func(v string) bool { return slices.Contains(q.NotDone.Is, v) })
}

func (a *Answer) check(r *report, at string) {
	if !a.Field.IsZero() && !a.Field.InBody() {
		r.at(join(at, "field"), "%s: an answer is read by json:, form: or xml:", a.Field)
	}
	if a.Field.IsZero() != (len(a.Is) == 0) {
		r.at(join(at, "is"), "field and is go together: write both or neither")
	}
	if len(a.Status) == 0 && !a.Field.IsZero() {
		r.at(join(at, "status"), "say which statuses such an answer has")
	}
}
