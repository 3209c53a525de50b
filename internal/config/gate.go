package config

import (
	_ "embed"
	"iter"

	"holdfast/internal/payment"
)

// DefaultGateYAML is the settings file of a gate in front of the sandbox's
// payment API. It is also the example to start from.
//
//go:embed gate.yaml
var DefaultGateYAML string

// Gate holds the settings of a gate.
type Gate struct {
	// Name is the gate's own, for life: see holdfast.ValidName.
	Name string `yaml:"name"`
	// Data is the gate's own directory.
	Data    string     `yaml:"data" default:"holdfast-gate"`
	Listen  GateListen `yaml:"listen"`
	TLS     GateTLS    `yaml:"tls"`
	Limits  Limits     `yaml:"limits"`
	Primary Primary    `yaml:"primary"`
	// Second is the primary that payments can be rerouted to; Fence keeps every identity
	// from both. Without them none is.
	Second  *Primary `yaml:"second"`
	Fence   *Fence   `yaml:"fence"`
	Control Control  `yaml:"control"`
	// Inquiries is the budget in which payments of unknown outcome are asked about.
	Inquiries Inquiries `yaml:"inquiries"`
	// Mode says what the gate does without a lease, where the route does not.
	Mode string `yaml:"mode" default:"static" one:"static strict observe"`
	// Routes are tried in order; the first that matches takes the request.
	Routes []Route `yaml:"routes"`
	// TestPayers are the test accounts: only their payments may carry the mark of
	// a probe, which passes the stop of its incident.
	TestPayers []string `yaml:"test_payers"`
	// Channels are the channels that payments can come by, where the routes read one.
	// Nothing is declined for them: control nodes check the plan's scopes against
	// them. None means that any may come.
	Channels []string `yaml:"channels"`
	// StandIn lets the gate answer payments itself; without it, it never does.
	StandIn   *StandIn  `yaml:"stand_in"`
	AccessLog AccessLog `yaml:"access_log"`
	Log       Log       `yaml:"log"`

	origins map[string]Origin
}

// GateListen says where a gate listens. Port 0 takes a free port.
type GateListen struct {
	// Payments serves the clients of the payment API.
	Payments Address `yaml:"payments" default:"127.0.0.1:8080"`
	// Metrics serves Prometheus metrics; empty means none.
	Metrics Address `yaml:"metrics"`
}

// GateTLS is what the gate shows the clients of the payment API. Without a
// certificate it speaks HTTP/1.1 in clear; with one TLS 1.2 and newer, HTTP/2
// and HTTP/1.1.
type GateTLS struct {
	Pair `yaml:",inline"`
	// ClientAuthority, if set, must have signed a certificate of each client.
	ClientAuthority File `yaml:"client_authority"`
}

// Limits bound what clients may take.
type Limits struct {
	// Connections is the most client connections at once, ClientConnections of one
	// address (an IPv6 /64 counts as one).
	Connections       int `yaml:"connections" default:"16384"`
	ClientConnections int `yaml:"client_connections" default:"4096"`
	// Header is how long a client may take to send the head of a request.
	Header Duration `yaml:"header" default:"10s"`
	// Idle is how long a connection may wait for its next request.
	Idle Duration `yaml:"idle" default:"75s"`
	// A body must come at BodyRate bytes a second on average, once BodyGrace of
	// waiting for it is used up.
	BodyRate  int      `yaml:"body_rate" default:"1024"`
	BodyGrace Duration `yaml:"body_grace" default:"10s"`
	// Answer is how long a client may take for each 64 KiB of an answer.
	Answer Duration `yaml:"answer" default:"30s"`
}

// Primary is the payment system behind the gate.
type Primary struct {
	// URL has no path: requests are forwarded under the path they came with.
	URL URL `yaml:"url"`
	// Others are more addresses of the same payment system.
	Others []URL `yaml:"others"`
	// Authority signed the certificate of an https primary; empty trusts what the
	// machine trusts. Certificate and Key are what the gate shows it, if anything.
	MutualTLS `yaml:",inline"`
	// Connections is the most requests under way at one address. Queue is how many
	// more may wait for one to end, each for at most QueueTime; what is over is
	// declined as "busy".
	Connections int      `yaml:"connections" default:"1024"`
	Queue       int      `yaml:"queue" default:"1024"`
	QueueTime   Duration `yaml:"queue_time" default:"2s"`
	// EjectAfter attempts in a row without an answer, an address is left out for
	// EjectTime; then one request tries it.
	EjectAfter int      `yaml:"eject_after" default:"5"`
	EjectTime  Duration `yaml:"eject_time" default:"10s"`
}

// Inquiries is the budget of inquiries about payments of unknown outcome.
type Inquiries struct {
	// First is how long a payment is left before it is asked about.
	First Duration `yaml:"first" default:"1s"`
	// Most is how many inquiries about an attempt the primary answers before it is
	// left to the settlement file and to people; 0 sets no limit.
	Most int `yaml:"most" default:"0"`
	// Rate is the most inquiries in any second.
	Rate int `yaml:"rate" default:"40"`
}

// AccessLog writes a line for each request. Card numbers are masked.
type AccessLog struct {
	// Path of the file; empty means no log.
	Path string `yaml:"path"`
	// Megabytes is the size at which the file is put aside as PATH.1, which is
	// replaced.
	Megabytes int `yaml:"megabytes" default:"100"`
}

// Control says which control nodes the gate follows. With no URL it follows
// none and takes only local commands.
type Control struct {
	URLs      []URL `yaml:"urls"`
	MutualTLS `yaml:",inline"`
}

// Route is one kind of request of the payment API.
type Route struct {
	Name string `yaml:"name"`
	// Methods of HTTP; empty means every method.
	Methods []string `yaml:"methods" one:"GET HEAD POST PUT PATCH DELETE OPTIONS"`
	Path    Pattern  `yaml:"path"`
	Kind    string   `yaml:"kind" one:"payment refund inquiry other"`
	// Mode is the gate's unless it stands here.
	Mode string `yaml:"mode" one:"static strict observe"`
	// Body says how fields are read from the body of a payment or refund.
	Body   string `yaml:"body" default:"opaque" one:"opaque json form xml"`
	Fields Fields `yaml:"fields"`
	// Counted says what else payments are counted by.
	Counted Counted `yaml:"counted"`
	// Unreadable says what becomes of a payment when a field the route names
	// cannot be read from it.
	Unreadable string  `yaml:"unreadable" default:"decline" one:"decline forward"`
	Outcome    Outcome `yaml:"outcome"`
	// AnswerAmount is where the answer to a payment that was done names its amount,
	// as json:/amount. How many name another than was asked for is counted.
	AnswerAmount Source `yaml:"answer_amount"`
	// AnswerCode is where the answer to a payment that was not done, or whose outcome
	// it leaves unknown, has its error code, as json:/code or header:Error-Code.
	AnswerCode Source `yaml:"answer_code"`
	// Timeout is how long the primary may take to answer, from 100 ms to 5 min.
	Timeout Duration `yaml:"timeout" default:"10s"`
	Decline Decline  `yaml:"decline"`
	// Inquiry settles unknown outcomes; without it a person must.
	Inquiry *Inquiry `yaml:"inquiry"`
	// Retention is how long the primary knows an identity again; 0 is for ever. It counts
	// where there is a second one: what is older is not sent again.
	Retention Duration `yaml:"retention" default:"0s"`
	// Second says how the second primary takes the route's requests; without it they are
	// held while they would be rerouted.
	Second *RouteSecond `yaml:"second"`
	// StandIn answers in place of the primary; without it the route's payments are
	// held while stand-in covers them.
	StandIn *RouteStandIn `yaml:"stand_in"`
}

// Fields says where each field of a payment stands.
type Fields struct {
	Identity Source `yaml:"identity"`
	Amount   Source `yaml:"amount"`
	Currency Source `yaml:"currency"`
	Payer    Source `yaml:"payer"`
	Payee    Source `yaml:"payee"`
	Channel  Source `yaml:"channel"`
	Method   Source `yaml:"method"`
}

// Counted says where a payment names what it is counted by, and nothing else hangs
// on. One that does not name it is not counted so, and never declined for it.
type Counted struct {
	Bank Source `yaml:"bank"`
	// Merchant is a group of merchants: a trade, a category code, an acquirer.
	Merchant Source `yaml:"merchant"`
}

// All yields each field of a payment with its source, the zero Source included,
// in the order of payment.Fields.
func (f Fields) All() iter.Seq2[payment.Field, Source] {
	sources := map[payment.Field]Source{
		payment.Identity: f.Identity, payment.Amount: f.Amount, payment.Currency: f.Currency,
		payment.Payer: f.Payer, payment.Payee: f.Payee, payment.Channel: f.Channel, payment.Method: f.Method,
	}
	return func(yield func(payment.Field, Source) bool) {
		for _, field := range payment.Fields() {
			if !yield(field, sources[field]) {
				return
			}
		}
	}
}

// Outcome says what the statuses of the primary's answers mean. A status in
// neither list means that the outcome is unknown.
type Outcome struct {
	Done    []Statuses `yaml:"done" default:"200, 201"`
	NotDone []Statuses `yaml:"not_done" default:"400-407, 410-499"`
}

// Decline is the answer to a payment that is not admitted: problem+json.
type Decline struct {
	Status int    `yaml:"status" default:"503"`
	Type   string `yaml:"type" default:"about:blank"`
	Title  string `yaml:"title" default:"Payments are suspended"`
	// RetryAfter is sent in whole seconds; 0 means that it is not sent.
	RetryAfter Duration `yaml:"retry_after" default:"30s"`
}

// Inquiry asks the primary what became of a payment. The answer is compared with
// Done, then NotDone, then Absent; if none holds, the outcome stays unknown.
type Inquiry struct {
	Method string `yaml:"method" default:"GET" one:"GET POST"`
	// Path and query to ask, with {identity} where the identity goes.
	Path    string `yaml:"path"`
	Done    Answer `yaml:"done"`
	NotDone Answer `yaml:"not_done"`
	// Absent statuses say that the primary knows no such payment. They mean "not
	// done" once the last attempt is SettledAfter old, and nothing before: the
	// attempt may still be on its way.
	Absent       []Statuses `yaml:"absent" default:"404"`
	SettledAfter Duration   `yaml:"settled_after" default:"2m"`
}

// Answer describes answers: the status is one of Status and, if Field is set,
// that field reads as one of Is.
type Answer struct {
	Status []Statuses `yaml:"status"`
	Field  Source     `yaml:"field"`
	Is     []string   `yaml:"is"`
}

// LoadGate reads the settings of a gate. The error is [Faults] if settings are
// at fault; the Gate must not be used then.
func LoadGate(opt Options) (Gate, error) {
	var g Gate
	origins, err := load(opt, &g, g.check)
	g.origins = origins
	return g, err
}

// Explain lists every setting with its value and where it came from.
func (g Gate) Explain() []Setting { return explain(g, g.origins) }
