package config

import (
	"encoding/json"
	"net"
	"net/netip"
	"strings"

	"holdfast/internal/payment"
	"holdfast/internal/standin/advice"
)

// StandIn lets a gate answer payments itself while the primary is down, when a
// directive says so.
type StandIn struct {
	// Data is the directory of the advice source, for one gate.
	Data string `yaml:"data"`
	// Database is the PostgreSQL data source of one that several gates share; Password
	// and Fenced are as a journal's.
	Database string `yaml:"database"`
	Password Secret `yaml:"password"`
	Fenced   bool   `yaml:"fenced"`
	// Shards is how many a source has that is made.
	Shards int `yaml:"shards" default:"16"`
	// Key blinds payers. It stays the same as long as the source holds anything.
	Key Secret `yaml:"key"`
	// Seal are keys that seal what forwarding needs of a request: the first seals, all
	// open. Without any Key seals.
	Seal []Secret `yaml:"seal"`
	// Payers is the file of the payer snapshot.
	Payers string `yaml:"payers"`
	// Feed lets the snapshot be sent to the gate, which writes the file then.
	Feed    PayerFeed      `yaml:"feed"`
	Forward StandInForward `yaml:"forward"`
}

// PayerFeed is where the payer snapshot is taken from whoever knows the payers.
type PayerFeed struct {
	// Listen is where senders reach it; empty means that it is not there.
	Listen Address `yaml:"listen"`
	// Token is what senders show, 32 bytes or more.
	Token Secret `yaml:"token"`
	// With a pair the feed speaks TLS; without one it listens on a loopback address.
	Pair `yaml:",inline"`
}

// StandInForward is how advices are sent to the primary, once it is back.
type StandInForward struct {
	// Rate is the most advices and inquiries in a second, over at most so many
	// Connections of their own.
	Rate        int `yaml:"rate" default:"50"`
	Connections int `yaml:"connections" default:"8"`
	// Capacity is how many requests a second the primary takes from this gate in all. If
	// it is set, advices get what customers leave of it; else Rate, whatever customers send.
	Capacity int `yaml:"capacity"`
	// Headers are kept of a request beside those that its route reads.
	Headers []string `yaml:"headers"`
}

// RouteStandIn is what clients of a route are answered in place of the primary.
type RouteStandIn struct {
	// Status and Body answer what was approved. In the body stand {identity}, {amount},
	// {currency}, {kind} and {at}.
	Status int    `yaml:"status" default:"201"`
	Type   string `yaml:"type" default:"application/json"`
	Body   string `yaml:"body"`
	// Original is where a refund names the identity of what it takes back. Reversal
	// says that it takes back the whole.
	Original Source `yaml:"original"`
	Reversal bool   `yaml:"reversal"`
	// Unanswered says what becomes of an approval whose client had gone before it was
	// durable: "keep" delivers it, "reverse" takes it back, where one gate alone uses the
	// source.
	Unanswered string `yaml:"unanswered" default:"keep"`
	// Deduplicates says that the primary does a payment of the route once, however often it
	// gets its identity. Only then it is stood in for one by one.
	Deduplicates bool `yaml:"deduplicates"`
}

func (s *StandIn) check(r *report) {
	const at = "stand_in."
	r.secret(at+"password", s.Password)
	checkSource(r, "stand_in", s.Data, s.Database, s.Password, s.Fenced)
	r.count(at+"shards", s.Shards, 1, advice.MaxShards)
	r.needSecret(at+"key", s.Key)
	for i, key := range s.Seal {
		r.needSecret(index(at+"seal", i), key)
	}
	r.filled(at+"payers", s.Payers)
	s.Feed.check(r, at+"feed")
	r.count(at+"forward.rate", s.Forward.Rate, 1, 1<<20)
	r.count(at+"forward.capacity", s.Forward.Capacity, 0, 1<<20)
	r.count(at+"forward.connections", s.Forward.Connections, 1, 1<<10)
	r.distinct(at+"forward.headers", len(s.Forward.Headers), func(i int) string { return s.Forward.Headers[i] })
}

func (f *PayerFeed) check(r *report, at string) {
	r.together(at, map[string]File{"certificate": f.Certificate, "key": f.Key})
	if f.Listen == "" {
		if *f != (PayerFeed{}) {
			r.at(join(at, "listen"), "say where the payer snapshot is sent to, such as 127.0.0.1:8090")
		}
		return
	}
	r.needSecret(join(at, "token"), f.Token)
	host, _, _ := net.SplitHostPort(string(f.Listen))
	if ip, err := netip.ParseAddr(host); f.Certificate == "" && host != "localhost" && (err != nil || !ip.IsLoopback()) {
		r.at(join(at, "listen"), "who pays and the token would come in clear: listen on a loopback address, or write certificate and key")
	}
}

// check asks that what is read of a payment is enough to bound it.
func (s *RouteStandIn) check(r *report, at string, t *Route) {
	if s.Status < 200 || s.Status > 299 {
		r.at(join(at, "status"), "%d does not approve: write a status from 200 to 299", s.Status)
	}
	if s.Body == "" {
		r.at(join(at, "body"), "write what a client is to read, with {identity} where the identity goes")
	}
	if strings.HasPrefix(s.Type, "application/json") && !json.Valid([]byte(strings.ReplaceAll(s.Body, "{amount}", "1"))) {
		r.at(join(at, "body"), "this is not JSON")
	}
	kind, err := payment.ParseKind(t.Kind)
	if err == nil && (kind == payment.Refund) == s.Original.IsZero() {
		r.at(join(at, "original"), "a refund names what it takes back, and nothing else does")
	}
	if s.Original.InBody() && s.Original.From != t.Body {
		r.at(join(at, "original"), "%s is read from a body of %s, but this route's body is %s", s.Original, s.Original.From, t.Body)
	}
	if s.Deduplicates && t.Fields.Identity.IsZero() {
		r.at(join(at, "deduplicates"), "a primary knows a payment again by its identity: say where fields.identity is")
	}
	if s.Unanswered != "keep" && s.Unanswered != "reverse" {
		r.at(join(at, "unanswered"), "%q is neither keep nor reverse", s.Unanswered)
	}
	if kind != payment.Refund && s.Reversal {
		r.at(join(at, "reversal"), "only a refund takes back")
	}
	for _, f := range []struct {
		name   string
		source Source
	}{{"amount", t.Fields.Amount}, {"currency", t.Fields.Currency}, {"payer", t.Fields.Payer}} {
		if f.source.IsZero() {
			r.at(join(at, "body"), "stand-in needs the %s: say where fields.%s is", f.name, f.name)
		}
	}
}
