// Package smtp delivers notices by mail, through one mail server.
//
// Each notice is one mail of plain text in UTF-8 to one address. Its Message-ID
// is the notice's id at the domain of the sender's address, and its Date is when
// the notice was asked for: a repetition of a notice is the same mail, which
// mail systems recognise.
//
//	From: <duty@example.org>
//	To: <mei@example.com>
//	Subject: =?UTF-8?b?…?=
//	Message-ID: <5f0c6f1f0d3c1f6a8f3b1d2c4e5a6b7c@example.org>
//	Date: Tue, 24 Nov 2026 03:00:00 +0000
//	Auto-Submitted: auto-generated
//	Importance: high                      (urgent notices)
//
// The server has the mail once it has answered 2xx to its last line. A 4xx answer
// and every fault before the mail was handed over, signing in included, are
// tried again; a 5xx answer to the sender, the receiver or the text is for good.
// A connection that is lost after the last line was sent leaves it unknown.
package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/wneessen/go-mail"

	"holdfast"
	"holdfast/internal/notify"
)

// Options make a sender.
type Options struct {
	Host string
	Port int
	// StartTLS sends only over a connection that is encrypted and whose
	// certificate names Host. Without it nothing is encrypted.
	StartTLS bool
	// Username and Password sign in, if the server wants it; only with StartTLS.
	Username, Password string
	// From is the sender: duty@example.org or Duty <duty@example.org>.
	From string

	// Limit is how long handing over one mail may take; default 15 s.
	Limit time.Duration
	// Roots are trusted to certify the server; nil means those of the system.
	Roots *x509.CertPool
}

// farewell is how long the server may take to say goodbye.
const farewell = time.Second

// Sender delivers notices by mail. It is safe for concurrent use; each mail has
// a connection of its own.
type Sender struct {
	opt    Options
	from   *netmail.Address
	domain string
}

var _ notify.Sender = (*Sender)(nil)

// New makes a sender. It does not look whether the server is there.
func New(o Options) (*Sender, error) {
	from, err := netmail.ParseAddress(o.From)
	if err != nil || broken(o.From) {
		return nil, holdfast.Errorf(holdfast.Invalid, "%q is not a mail address: write duty@example.org or Duty <duty@example.org>", o.From).At("notices.smtp.from")
	}
	if o.Host == "" || o.Port < 1 || o.Port > 65535 {
		return nil, holdfast.Errorf(holdfast.Invalid, "a mail server has a host and a port from 1 to 65535, not %q and %d", o.Host, o.Port).At("notices.smtp.host")
	}
	if o.Username != "" && !o.StartTLS {
		return nil, holdfast.Errorf(holdfast.Invalid, "signing in to the mail server without STARTTLS would show the password to the network").At("notices.smtp.starttls")
	}
	if o.Limit < 0 {
		return nil, errors.New("smtp: the limit of a sender is not negative")
	}
	if o.Limit == 0 {
		o.Limit = 15 * time.Second
	}
	return &Sender{opt: o, from: from, domain: from.Address[strings.LastIndexByte(from.Address, '@')+1:]}, nil
}

// Send hands one mail to the server.
func (s *Sender) Send(ctx context.Context, m notify.Message) notify.Outcome {
	mail, err := s.compose(m)
	if err != nil {
		return notify.Outcome{Result: notify.Refused, Detail: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, s.opt.Limit)
	defer cancel()
	var held holder
	defer held.close()
	defer context.AfterFunc(ctx, held.close)()
	o := s.deliver(ctx, mail, &held)
	if o.Result != notify.Sent && ctx.Err() != nil {
		o.Detail = "no answer within the time limit (" + o.Detail + ")"
	}
	return o
}

var (
	errAddress = errors.New("the address is not one bare mail address, such as mei@example.com")
	errHeader  = errors.New("the subject or the id has a line break or another control character; a mail header must not")
)

// compose writes the mail. What would break a header is refused.
func (s *Sender) compose(m notify.Message) (*mail.Msg, error) {
	to, err := netmail.ParseAddress(m.Address)
	if err != nil || to.Name != "" || to.Address != m.Address || broken(m.Address) {
		return nil, errAddress
	}
	if broken(m.Subject) || broken(m.ID) || strings.ContainsAny(m.ID, "<>@ ") {
		return nil, errHeader
	}
	msg := mail.NewMsg(mail.WithEncoding(mail.EncodingB64), mail.WithCharset(mail.CharsetUTF8), mail.WithNoDefaultUserAgent())
	msg.FromMailAddress(s.from)
	msg.ToMailAddress(to)
	msg.Subject(m.Subject)
	msg.SetMessageIDWithValue(m.ID + "@" + s.domain)
	msg.SetDateWithValue(m.Asked.UTC())
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	if m.Urgent {
		msg.SetImportance(mail.ImportanceHigh)
	}
	msg.SetBodyString(mail.TypeTextPlain, m.Body)
	return msg, nil
}

func broken(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }

func (s *Sender) deliver(ctx context.Context, m *mail.Msg, held *holder) notify.Outcome {
	client, err := s.client(held)
	if err != nil {
		return notify.Outcome{Result: notify.Retry, Detail: err.Error()}
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return notify.Outcome{Result: notify.Retry, Detail: "the mail server did not let us begin: " + err.Error()}
	}
	err = client.SendWithSMTPClient(session, m)
	if m.IsDelivered() {
		held.hurry()
		_ = client.CloseWithSMTPClient(session) // the mail is handed over, whatever the farewell
		return notify.Outcome{Result: notify.Sent, Detail: m.ServerResponse()}
	}
	return failure(err)
}

func (s *Sender) client(held *holder) (*mail.Client, error) {
	policy := mail.NoTLS
	if s.opt.StartTLS {
		policy = mail.TLSMandatory
	}
	options := []mail.Option{
		// The context's end comes first and closes the connection.
		mail.WithPort(s.opt.Port), mail.WithTimeout(2 * s.opt.Limit), mail.WithTLSPolicy(policy),
		mail.WithTLSConfig(&tls.Config{ServerName: s.opt.Host, RootCAs: s.opt.Roots, MinVersion: tls.VersionTLS12}),
		mail.WithoutNoop(), mail.WithoutRset(), mail.WithDialContextFunc(held.dial),
	}
	if s.opt.Username != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.opt.Username), mail.WithPassword(s.opt.Password))
	}
	return mail.NewClient(s.opt.Host, options...)
}

// failure judges an error after the session began.
func failure(err error) notify.Outcome {
	o := notify.Outcome{Result: notify.Retry, Detail: "the mail was not handed over"}
	if err != nil {
		o.Detail = err.Error()
	}
	var e *mail.SendError
	if !errors.As(err, &e) {
		return o
	}
	// What follows names the mail, which the reader of the detail knows.
	o.Detail, _, _ = strings.Cut(o.Detail, ", affected ")
	switch code := e.ErrorCode(); {
	case code >= 500:
		o.Result = notify.Refused
	case code == 0 && e.Reason == mail.ErrSMTPDataClose:
		// The last line may have arrived, and the answer been lost.
		o.Result = notify.Unsure
	}
	return o
}

var errEnded = errors.New("the time limit has passed")

// holder holds the connection of one mail, so that it can be closed at any
// moment: the client itself has a deadline for each step only, and leaves the
// connection open when a session cannot begin.
type holder struct {
	mu    sync.Mutex
	conn  net.Conn
	ended bool
}

func (h *holder) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return nil, errors.Join(errEnded, conn.Close())
	}
	h.conn = conn
	return conn, nil
}

// hurry leaves little time for what is still said.
func (h *holder) hurry() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conn != nil {
		_ = h.conn.SetDeadline(time.Now().Add(farewell)) // fails only if it is closed
	}
}

func (h *holder) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	if h.conn != nil {
		_ = h.conn.Close() // nothing is lost by a second close
	}
}
