// Package mailbox takes in mail over SMTP and delivers what allowed senders wrote as
// alerts. It is meant for the operator's own mail server, on the same machine or a
// private network: it speaks no TLS, asks for no password, relays nothing, and takes
// the sender at his word, so the mail server before it must have checked who that is.
//
// A mail is answered with 250 only once its alert is stored; what cannot be stored now
// is answered with 451, and the mail server sends it again. Both the sender of the
// envelope and the one in From must be allowed, else the answer is 550. A mail that
// comes twice, known by its Message-ID, is one alert.
package mailbox

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/intake"
)

// Options is what a [Mailbox] is made of.
type Options struct {
	Listener net.Listener
	// Allow lists who may send; there must be somebody.
	Allow intake.Senders
	// Deliver stores an alert.
	Deliver func(context.Context, holdfast.Actor, alert.Delivery) error
	Log     *slog.Logger
}

// Limits of the listener.
const (
	maxRecipients  = 20
	maxConnections = 20
	patience       = 30 * time.Second
	storing        = 10 * time.Second
)

// Mailbox is a listener for mail.
type Mailbox struct {
	opt    Options
	server *smtp.Server
	places chan struct{} // one for each connection
}

// New makes a mailbox.
func New(o Options) (*Mailbox, error) {
	if o.Listener == nil || o.Deliver == nil || o.Log == nil || len(o.Allow) == 0 {
		return nil, holdfast.Errorf(holdfast.Invalid, "a mailbox needs a listener, somebody who may send, where to deliver, and a log")
	}
	m := &Mailbox{opt: o, places: make(chan struct{}, maxConnections)}
	m.server = smtp.NewServer(m)
	m.server.Domain = "holdfast"
	m.server.MaxMessageBytes, m.server.MaxRecipients, m.server.MaxLineLength = intake.MaxMail, maxRecipients, 4000
	m.server.ReadTimeout, m.server.WriteTimeout = patience, patience
	m.server.ErrorLog = slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug)
	return m, nil
}

// Run takes mail until ctx ends.
func (m *Mailbox) Run(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- m.server.Serve(m.opt.Listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		_ = m.server.Close() // the listener may be closed already
		<-failed
		return nil
	}
}

// NewSession begins a connection; implements [smtp.Backend].
func (m *Mailbox) NewSession(*smtp.Conn) (smtp.Session, error) {
	select {
	case m.places <- struct{}{}:
		return &session{box: m}, nil
	default:
		return nil, &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "too many connections; try again"}
	}
}

// session is one connection.
type session struct {
	box   *Mailbox
	leave sync.Once
}

func (s *session) Reset() {}

func (s *session) Logout() error {
	s.leave.Do(func() { <-s.box.places })
	return nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if !s.box.opt.Allow.Allow(from) {
		return refused
	}
	return nil
}

func (s *session) Rcpt(string, *smtp.RcptOptions) error { return nil }

var refused = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "this sender may not send here"}

// Sender is who a mail's facts are by.
var Sender = holdfast.Actor{Kind: holdfast.Sender, ID: "mail"}

func (s *session) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err // the server's own: too large, broken off
	}
	in, from, err := intake.DecodeMail(content)
	if err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "this mail cannot be read"}
	}
	if !s.box.opt.Allow.Allow(from) {
		return refused
	}
	ctx, cancel := context.WithTimeout(context.Background(), storing)
	defer cancel()
	err = s.box.opt.Deliver(ctx, Sender, alert.Delivery{Members: []alert.Incoming{in}})
	var coded *holdfast.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &coded) && (coded.Code == holdfast.Invalid || coded.Code == holdfast.TooLarge):
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "this mail cannot become an alert"}
	}
	s.box.opt.Log.Warn("a mail could not be stored; it will be sent again", "error", err)
	return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "it could not be stored; send it again"}
}
