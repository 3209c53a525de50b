package smtp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"holdfast"
	"holdfast/internal/notify"
)

// server is a real mail server on loopback that keeps what it is given.
type server struct {
	port int

	mu    sync.Mutex
	mails []received
	// sessions counts those that began; limit is how many mails one takes, if not 0, and
	// over what it answers to more.
	sessions, limit, over int
	// answers to the commands; nil takes everything.
	mail, rcpt, data error
}

type received struct {
	from, to string
	text     string
	tls      bool
}

func (s *server) NewSession(c *gosmtp.Conn) (gosmtp.Session, error) {
	_, encrypted := c.TLSConnectionState()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions++
	return &taker{s: s, got: received{tls: encrypted}}, nil
}

type taker struct {
	s     *server
	got   received
	taken int
}

func (s *taker) Mail(from string, _ *gosmtp.MailOptions) error {
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	if s.s.limit > 0 && s.taken >= s.s.limit {
		return &gosmtp.SMTPError{Code: s.s.over, Message: "too many on this connection"}
	}
	s.got.from = from
	return s.s.mail
}

func (s *taker) Rcpt(to string, _ *gosmtp.RcptOptions) error { s.got.to = to; return s.s.rcpt }

func (s *taker) Reset() {}

func (s *taker) Logout() error { return nil }

func (s *server) begun() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions
}

func (s *taker) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.s.data != nil {
		return s.s.data
	}
	s.got.text = string(text)
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	s.s.mails = append(s.s.mails, s.got)
	s.taken++
	return nil
}

func (s *server) all() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mails
}

func serve(t *testing.T, s *server, config *tls.Config) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := gosmtp.NewServer(s)
	server.Domain, server.TLSConfig, server.EnableSMTPUTF8 = "test", config, true
	server.ErrorLog = log.New(io.Discard, "", 0)
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-done; err != nil && !errors.Is(err, gosmtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Errorf("mail server: %v", err)
		}
	})
	s.port = l.Addr().(*net.TCPAddr).Port
	return s
}

// certificate returns a server's settings for 127.0.0.1, and who certifies it.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates}, roots
}

func sender(t *testing.T, port int, edit ...func(*Options)) *Sender {
	t.Helper()
	o := Options{Host: "127.0.0.1", Port: port, From: "值班 <duty@example.org>", Idle: 10 * time.Millisecond}
	for _, e := range edit {
		e(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func message() notify.Message {
	return notify.Message{
		Notice: notify.Notice{
			ID: "5f0c6f1f", Incident: "2026-1", Task: "tell", Person: "mei", Channel: "smtp", Address: "mei@example.com", Lang: holdfast.ZhHant,
			Subject: "【演練】一級事件 2026-1：支付系統已停止，請所有應急小組成員立即回覆收到並加入線上會議",
			Body:    "支付已停止。\n.\n請回覆收到：https://holdfast.example.org/incidents/2026-1\n", Urgent: true,
		},
		Asked: time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC), Attempt: 1,
	}
}
