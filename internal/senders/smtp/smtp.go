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
//	List-Unsubscribe: <https://…>         (bulletins; RFC 8058)
//	List-Unsubscribe-Post: List-Unsubscribe=One-Click
//
// The server has the mail once it has answered 2xx to its last line. A 4xx answer
// and every fault before the mail was handed over, signing in included, are
// tried again; a 5xx answer to the sender, the receiver or the text is for good.
// A connection that is lost after the last line was sent leaves it unknown.
//
// A connection that has taken a mail is kept for a few seconds, so that a page to
// hundreds of people does not sign in hundreds of times. One that the server has
// given up meanwhile is replaced: what it did not take at the beginning of a mail,
// no server has. So is one on which the sender is refused, with 5xx or 4xx, since
// some servers answer so that one connection has had its mails; what a fresh one
// answers counts.
package smtp

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
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
	// Idle is how long a connection is kept for the next mail; default 5 s.
	Idle time.Duration
	// Roots are trusted to certify the server; nil means those of the system.
	Roots *x509.CertPool
}

// Sender delivers notices by mail. It is safe for concurrent use; a connection
// carries one mail at a time.
type Sender struct {
	opt    Options
	from   *netmail.Address
	domain string

	mu   sync.Mutex
	idle []*session
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
	if o.Limit < 0 || o.Idle < 0 {
		return nil, errors.New("smtp: the limits of a sender are not negative")
	}
	o.Limit, o.Idle = cmp.Or(o.Limit, 15*time.Second), cmp.Or(o.Idle, 5*time.Second)
	return &Sender{opt: o, from: from, domain: from.Address[strings.LastIndexByte(from.Address, '@')+1:]}, nil
}

// Send hands one mail to the server.
func (s *Sender) Send(ctx context.Context, m notify.Message) notify.Outcome {
	if _, err := s.compose(m); err != nil {
		return notify.Outcome{Result: notify.Refused, Detail: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, s.opt.Limit)
	defer cancel()
	o := s.deliver(ctx, m)
	if o.Result != notify.Sent && ctx.Err() != nil {
		o.Detail = "no answer within the time limit (" + o.Detail + ")"
	}
	return o
}

// deliver hands a mail over, on a connection that is there if the server still takes
// mails on it.
func (s *Sender) deliver(ctx context.Context, m notify.Message) notify.Outcome {
	if kept := s.take(); kept != nil {
		if o, stale := s.over(ctx, kept, m); !stale || ctx.Err() != nil {
			return o
		}
	}
	fresh, err := s.dial(ctx)
	if err != nil {
		return notify.Outcome{Result: notify.Retry, Detail: err.Error()}
	}
	o, _ := s.over(ctx, fresh, m)
	return o
}

// over hands a mail over on one connection. It is stale if the server did not let
// the mail begin.
func (s *Sender) over(ctx context.Context, c *session, m notify.Message) (o notify.Outcome, stale bool) {
	mail, err := s.compose(m)
	if err != nil {
		return notify.Outcome{Result: notify.Refused, Detail: err.Error()}, false
	}
	ended := context.AfterFunc(ctx, c.held.close)
	err = c.client.SendWithSMTPClient(c.smtp, mail)
	if on := ended(); mail.IsDelivered() {
		if on && err == nil {
			s.keep(c)
		} else {
			c.held.close()
		}
		return notify.Outcome{Result: notify.Sent, Detail: mail.ServerResponse()}, false
	}
	c.held.close()
	return failure(err), unbegun(err)
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
	if broken(m.Subject) || broken(m.ID) || strings.ContainsAny(m.ID, "<>@ ") || broken(m.Unsubscribe) || strings.ContainsAny(m.Unsubscribe, "<> ") {
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
	if m.Unsubscribe != "" {
		msg.SetGenHeader("List-Unsubscribe", "<"+m.Unsubscribe+">")
		msg.SetGenHeader("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	msg.SetBodyString(mail.TypeTextPlain, m.Body)
	return msg, nil
}

func broken(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }

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

// unbegun reports whether a server did not take even the first line of a mail, and
// may on another connection.
func unbegun(err error) bool {
	var e *mail.SendError
	return errors.As(err, &e) && (e.Reason == mail.ErrConnCheck || e.Reason == mail.ErrSMTPMailFrom)
}
