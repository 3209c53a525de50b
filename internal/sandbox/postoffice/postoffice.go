// Package postoffice receives the mail and webhooks that Holdfast sends, and
// delivers none of it: it stands for the mailboxes and chat of the people in a
// demo, a drill or a test.
//
// It takes mail by SMTP, without sign-in or encryption, for any recipient, and
// webhooks by POST to http://HTTP/im/PERSON. A webhook is checked as Standard
// Webhooks say: Webhook-Signature holds, separated by spaces, "v1," and the
// base64 of HMAC-SHA256(key, id "." timestamp "." body), id and timestamp (Unix
// seconds, at most five minutes off) being the headers Webhook-Id and
// Webhook-Timestamp, and the key the base64 after "whsec_". One that does not
// pass is answered 401, and kept all the same for people to see.
//
// What is sent again to the same recipient, by Message-ID or Webhook-Id, is kept
// once, with the number of times it came.
//
// What was received is kept in memory, up to [Kept] messages; the oldest give way.
// A person reads it at http://HTTP/, all of it or one recipient's, a program as
// JSON at http://HTTP/messages, newest first:
//
//	[{"id":"n-17","by":"webhook","to":["wang.zhiban"],"subject":"Level 1: …","body":"{…}",
//	  "time":"2026-11-24T03:00:05Z","last":"2026-11-24T03:00:05Z","times":1,"signature":"verified"}]
//
// Both take ?to=RECIPIENT, a person or a mail address.
package postoffice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/emersion/go-smtp"

	"holdfast"
)

// Bounds on what is taken.
const (
	// Kept is how many messages are kept.
	Kept = 1000
	// MaxMessage is the largest mail or webhook, in bytes.
	MaxMessage = 1 << 20
	// maxShown is how much of a body is kept, in bytes.
	maxShown      = 32 << 10
	maxRecipients = 50
	patience      = 30 * time.Second
)

// Options open an office.
type Options struct {
	// SMTP and HTTP are the addresses to listen on; "" is a free port of 127.0.0.1.
	SMTP, HTTP string
	// Secret is the key of the webhooks, "whsec_" and base64; "" checks none.
	Secret string
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// Office receives mail and webhooks.
type Office struct {
	box
	key        []byte
	mail, http net.Listener
}

// Open listens; messages are taken once Run is called. Whoever does not call Run
// must call Close.
func Open(opt Options) (*Office, error) {
	key, err := readSecret(opt.Secret)
	if err != nil {
		return nil, err
	}
	o := &Office{key: key, box: box{now: opt.Now, changed: make(chan struct{})}}
	if o.now == nil {
		o.now = time.Now
	}
	if o.mail, err = listen(opt.SMTP); err != nil {
		return nil, fmt.Errorf("listen for mail: %w", err)
	}
	if o.http, err = listen(opt.HTTP); err != nil {
		return nil, errors.Join(fmt.Errorf("listen for webhooks: %w", err), o.Close())
	}
	return o, nil
}

func listen(address string) (net.Listener, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	return net.Listen("tcp", address)
}

// SMTPAddr is where mail is taken, "127.0.0.1:2525".
func (o *Office) SMTPAddr() string { return o.mail.Addr().String() }

// HTTPAddr is where webhooks are taken and the page is served.
func (o *Office) HTTPAddr() string { return o.http.Addr().String() }

// Run takes messages until ctx ends. Whoever is sending then is cut off and will
// send again.
func (o *Office) Run(ctx context.Context) error {
	mail := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{office: o}, nil }))
	mail.Domain, mail.EnableSMTPUTF8, mail.ErrorLog = "postoffice.invalid", true, log.New(io.Discard, "", 0)
	mail.MaxMessageBytes, mail.MaxRecipients = MaxMessage, maxRecipients
	mail.ReadTimeout, mail.WriteTimeout = patience, patience
	web := &http.Server{
		Handler: o.routes(), ReadTimeout: patience, WriteTimeout: patience, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: log.New(io.Discard, "", 0),
	}
	ended := make(chan error, 2)
	go func() { ended <- mail.Serve(o.mail) }()
	go func() { ended <- web.Serve(o.http) }()
	var errs []error
	select {
	case err := <-ended:
		errs = append(errs, fmt.Errorf("serve the post office: %w", errors.Join(err, errors.New("it ended by itself"))))
		ended <- nil
	case <-ctx.Done():
	}
	errs = append(errs, mail.Close(), web.Close(), o.Close())
	for range 2 {
		<-ended // it says no more than that it was closed
	}
	var failed []error
	for _, err := range errs {
		if err != nil && !errors.Is(err, net.ErrClosed) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// Close stops listening. Run does it at its end.
func (o *Office) Close() error {
	var errs []error
	for _, l := range []net.Listener{o.mail, o.http} {
		if l == nil {
			continue
		}
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// tooLarge is the error of what is over MaxMessage.
func tooLarge() error {
	return holdfast.Errorf(holdfast.TooLarge, "a message has at most %d bytes", MaxMessage)
}
