package smtp

import (
	"encoding/base64"
	"errors"
	"io"
	"mime"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"holdfast"
	"holdfast/internal/notify"
)

func TestSend(t *testing.T) {
	t.Parallel()
	server := serve(t, &server{}, nil)
	m := message()
	o := sender(t, server.port).Send(t.Context(), m)
	if o.Result != notify.Sent || !strings.Contains(o.Detail, "2.0.0") {
		t.Fatalf("%+v", o)
	}
	got := server.all()[0]
	if got.from != "duty@example.org" || got.to != "mei@example.com" {
		t.Errorf("from %s to %s", got.from, got.to)
	}
	mail, err := netmail.ReadMessage(strings.NewReader(got.text))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Message-Id": "<5f0c6f1f@example.org>", "Date": "Tue, 24 Nov 2026 03:00:00 +0000", "Auto-Submitted": "auto-generated",
		"Importance": "high", "To": "<mei@example.com>", "Content-Transfer-Encoding": "base64", "Content-Type": "text/plain; charset=UTF-8",
	} {
		if value := mail.Header.Get(name); value != want {
			t.Errorf("%s: %q, want %q", name, value, want)
		}
	}
	if subject, err := new(mime.WordDecoder).DecodeHeader(mail.Header.Get("Subject")); err != nil || subject != m.Subject {
		t.Errorf("subject %q, %v", subject, err)
	}
	if from, err := mail.Header.AddressList("From"); err != nil || from[0].Name != "值班" || from[0].Address != "duty@example.org" {
		t.Errorf("from %v, %v", from, err)
	}
	body, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, mail.Body))
	if err != nil || strings.ReplaceAll(string(body), "\r\n", "\n") != m.Body {
		t.Errorf("body %q, %v", body, err)
	}
	for line := range strings.SplitSeq(got.text, "\r\n") {
		if len(line) > 78+len("Subject: ") || strings.ContainsFunc(line, func(r rune) bool { return r > 126 }) {
			t.Errorf("a line that old mail systems break: %q", line)
		}
	}
}

// A repetition is the very same mail, so that mail systems recognise it.
func TestARepetitionIsTheSameMail(t *testing.T) {
	t.Parallel()
	server := serve(t, &server{}, nil)
	s, m := sender(t, server.port), message()
	for range 2 {
		if o := s.Send(t.Context(), m); o.Result != notify.Sent {
			t.Fatalf("%+v", o)
		}
		m.Attempt++
	}
	if got := server.all(); len(got) != 2 || got[0].text != got[1].text {
		t.Errorf("the two differ: %+v", got)
	}
	calm := message()
	calm.Urgent = false
	s.Send(t.Context(), calm)
	if text := server.all()[2].text; strings.Contains(text, "Importance") {
		t.Errorf("a notice that is not urgent says it is: %s", text)
	}
}

// A bulletin can be left by the mail program itself (RFC 8058); a notice to staff
// cannot.
func TestUnsubscribe(t *testing.T) {
	t.Parallel()
	server := serve(t, &server{}, nil)
	s := sender(t, server.port)
	m := message()
	s.Send(t.Context(), m)
	m.Unsubscribe = "https://node.example.org/status/leave?key=" + strings.Repeat("0123456789abcdef", 4) + "&lang=zh-Hant"
	if o := s.Send(t.Context(), m); o.Result != notify.Sent {
		t.Fatalf("%+v", o)
	}
	for i, want := range []string{"", "<" + m.Unsubscribe + ">"} {
		mail, err := netmail.ReadMessage(strings.NewReader(server.all()[i].text))
		if err != nil {
			t.Fatal(err)
		}
		one := mail.Header.Get("List-Unsubscribe-Post")
		if got := mail.Header.Get("List-Unsubscribe"); got != want || (one == "List-Unsubscribe=One-Click") != (want != "") {
			t.Errorf("mail %d: %q, %q; want %q", i, got, one, want)
		}
	}
	m.Unsubscribe = "https://x/\r\nBcc: a@b"
	if o := s.Send(t.Context(), m); o.Result != notify.Refused {
		t.Errorf("a broken link: %+v", o)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	fault := func(code int) error {
		return &gosmtp.SMTPError{Code: code, EnhancedCode: gosmtp.EnhancedCode{code / 100, 1, 1}, Message: "because"}
	}
	tests := []struct {
		name             string
		mail, rcpt, data error
		result           notify.Result
		detail           string
	}{
		{"greylisted", nil, fault(451), nil, notify.Retry, `451 "4.1.1 because"`},
		{"mailbox busy", nil, fault(450), nil, notify.Retry, "450"},
		{"too many recipients", nil, fault(452), nil, notify.Retry, "452"},
		{"shutting down", nil, nil, fault(421), notify.Retry, "421"},
		{"no such mailbox", nil, fault(550), nil, notify.Refused, `550 "5.1.1 because"`},
		{"mailbox full for good", nil, fault(552), nil, notify.Refused, "552"},
		{"sender refused", fault(553), nil, nil, notify.Refused, "553"},
		{"sender not now", fault(454), nil, nil, notify.Retry, "454"},
		{"taken for spam", nil, nil, fault(554), notify.Refused, "554"},
		{"disk full", nil, nil, fault(452), notify.Retry, "452"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, &server{mail: tt.mail, rcpt: tt.rcpt, data: tt.data}, nil)
			o := sender(t, server.port).Send(t.Context(), message())
			if o.Result != tt.result || !strings.Contains(o.Detail, tt.detail) || strings.Contains(o.Detail, "mei@") {
				t.Errorf("%+v", o)
			}
			if len(server.all()) != 0 {
				t.Error("the server kept the mail")
			}
		})
	}
}

func TestStartTLS(t *testing.T) {
	t.Parallel()
	config, roots := certificate(t)
	secure := func(o *Options) { o.StartTLS, o.Roots = true, roots }
	encrypted := serve(t, &server{}, config)
	if o := sender(t, encrypted.port, secure).Send(t.Context(), message()); o.Result != notify.Sent || !encrypted.all()[0].tls {
		t.Errorf("%+v", o)
	}
	plain := serve(t, &server{}, nil)
	if o := sender(t, plain.port, secure).Send(t.Context(), message()); o.Result != notify.Retry || !strings.Contains(o.Detail, "STARTTLS") || len(plain.all()) != 0 {
		t.Errorf("a server without encryption: %+v", o)
	}
	stranger := sender(t, encrypted.port, func(o *Options) { o.StartTLS = true })
	if o := stranger.Send(t.Context(), message()); o.Result != notify.Retry || !strings.Contains(o.Detail, "certificate") || len(encrypted.all()) != 1 {
		t.Errorf("a certificate nobody vouches for: %+v", o)
	}
	if o := sender(t, encrypted.port).Send(t.Context(), message()); o.Result != notify.Sent || encrypted.all()[1].tls {
		t.Errorf("encryption not wanted: %+v", o)
	}
}

func TestSigningIn(t *testing.T) {
	t.Parallel()
	config, roots := certificate(t)
	secure := func(o *Options) {
		o.StartTLS, o.Roots, o.Username, o.Password = true, roots, "duty", "hunter2"
	}
	replies := func(auth string) map[string]string {
		return polite("EHLO", "250-test\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n", "STARTTLS", "220 go on\r\n", "AUTH", auth)
	}
	port, heard := script(t, config, replies("235 welcome\r\n"), func(string) {})
	if o := sender(t, port, secure).Send(t.Context(), message()); o.Result != notify.Sent {
		t.Errorf("%+v", o)
	}
	if said, want := heard(), "AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00duty\x00hunter2")); !strings.Contains(said, "STARTTLS") || !strings.Contains(said, want) {
		t.Errorf("said\n%s\nwithout %s", said, want)
	}
	// A wrong password is not the notice's fault: it is tried until it is mended.
	port, heard = script(t, config, replies("535 no\r\n"), func(string) {})
	if o := sender(t, port, secure).Send(t.Context(), message()); o.Result != notify.Retry || !strings.Contains(o.Detail, "535") || strings.Contains(o.Detail, "hunter2") {
		t.Errorf("%+v", o)
	}
	heard()
}

// A page to many people signs in once, and a connection that the server has given
// up is replaced without anybody noticing.
func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	server := serve(t, &server{}, nil)
	s := sender(t, server.port, func(o *Options) { o.Idle = time.Minute })
	for i := range 20 {
		if o := s.Send(t.Context(), message()); o.Result != notify.Sent {
			t.Fatalf("%+v", o)
		}
		if i == 10 {
			s.idle[0].held.close() // as a server does that waits no longer
		}
	}
	if mails, begun := len(server.all()), server.begun(); mails != 20 || begun != 2 {
		t.Errorf("%d mails on %d connections", mails, begun)
	}
	for _, code := range []int{421, 451, 503, 554} { // one that takes so many on a connection, and no more
		server.mu.Lock()
		server.limit, server.over = 1, code
		server.mu.Unlock()
		for range 3 {
			if o := s.Send(t.Context(), message()); o.Result != notify.Sent {
				t.Fatalf("after %d: %+v", code, o)
			}
		}
	}
	begun, mails := server.begun(), len(server.all())
	server.mu.Lock()
	server.limit, server.mail = 0, &gosmtp.SMTPError{Code: 550, Message: "not from you"}
	server.mu.Unlock()
	if o := s.Send(t.Context(), message()); o.Result != notify.Refused || !strings.Contains(o.Detail, "not from you") {
		t.Errorf("a sender that is refused on a fresh connection, too: %+v", o)
	}
	if server.begun() != begun+1 || len(server.all()) != mails {
		t.Errorf("a refused sender took %d connections more", server.begun()-begun)
	}
	if s.take() != nil {
		t.Error("the refused connection is kept")
	}
}

// What would add headers or receivers is refused before anything is sent.
func TestHeaderInjection(t *testing.T) {
	t.Parallel()
	server := serve(t, &server{}, nil)
	s := sender(t, server.port)
	for name, edit := range map[string]func(*notify.Message){
		"subject":            func(m *notify.Message) { m.Subject = "hello\r\nBcc: thief@example.com" },
		"subject, bare LF":   func(m *notify.Message) { m.Subject = "hello\nBcc: thief@example.com" },
		"subject, NUL":       func(m *notify.Message) { m.Subject = "hello\x00" },
		"id":                 func(m *notify.Message) { m.ID = "x>\r\nBcc: thief@example.com" },
		"id, brackets":       func(m *notify.Message) { m.ID = "x@y> <z" },
		"address, lines":     func(m *notify.Message) { m.Address = "mei@example.com\r\nRCPT TO:<thief@example.com>" },
		"address, list":      func(m *notify.Message) { m.Address = "mei@example.com, thief@example.com" },
		"address, name":      func(m *notify.Message) { m.Address = "Mei <mei@example.com>" },
		"address, brackets":  func(m *notify.Message) { m.Address = "<mei@example.com>" },
		"address, none":      func(m *notify.Message) { m.Address = "" },
		"address, no domain": func(m *notify.Message) { m.Address = "mei" },
		"address, a URL":     func(m *notify.Message) { m.Address = "https://im.example.com/" },
	} {
		m := message()
		edit(&m)
		if o := s.Send(t.Context(), m); o.Result != notify.Refused || o.Detail == "" {
			t.Errorf("%s: %+v", name, o)
		}
	}
	// In the text, the same is only text.
	m := message()
	m.Body = "\r\n.\r\nMAIL FROM:<thief@example.com>\r\n"
	if o := s.Send(t.Context(), m); o.Result != notify.Sent || len(server.all()) != 1 {
		t.Errorf("%+v, %d mails", o, len(server.all()))
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	good := Options{Host: "mail.example.org", Port: 587, StartTLS: true, Username: "duty", Password: "hunter2", From: "Duty <duty@example.org>"}
	if s, err := New(good); err != nil || s.domain != "example.org" {
		t.Fatal(s, err)
	}
	for field, edit := range map[string]func(*Options){
		"notices.smtp.from":     func(o *Options) { o.From = "duty" },
		"notices.smtp.host":     func(o *Options) { o.Host = "" },
		"notices.smtp.starttls": func(o *Options) { o.StartTLS = false },
	} {
		o := good
		edit(&o)
		_, err := New(o)
		var e *holdfast.Error
		if !errors.As(err, &e) || e.Code != holdfast.Invalid || e.Field != field || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, edit := range []func(*Options){
		func(o *Options) { o.Port = 0 }, func(o *Options) { o.Port = 65536 }, func(o *Options) { o.Limit = -1 },
		func(o *Options) { o.From = "duty@example.org\r\nX: y" },
	} {
		o := good
		edit(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}
