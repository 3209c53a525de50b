package smtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/wneessen/go-mail"
	protocol "github.com/wneessen/go-mail/smtp"
)

// session is one connection to the server, signed in if that is wanted.
type session struct {
	client *mail.Client
	smtp   *protocol.Client
	held   *holder
	// expiry ends it when no mail has come for it.
	expiry *time.Timer
}

const (
	// farewell is how long the server may take to say goodbye.
	farewell = time.Second
	// maxIdle is how many connections are kept.
	maxIdle = 16
)

// dial begins a session.
func (s *Sender) dial(ctx context.Context) (*session, error) {
	c := &session{held: &holder{}}
	var err error
	if c.client, err = s.client(c.held); err != nil {
		return nil, err
	}
	ended := context.AfterFunc(ctx, c.held.close)
	c.smtp, err = c.client.DialToSMTPClientWithContext(ctx)
	if err == nil && !ended() {
		err = errEnded
	}
	if err != nil {
		c.held.close()
		return nil, fmt.Errorf("the mail server did not let us begin: %w", err)
	}
	return c, nil
}

// take returns the session that was used last of those that are kept, or nil.
func (s *Sender) take() *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.idle) > 0 {
		c := s.idle[len(s.idle)-1]
		s.idle = s.idle[:len(s.idle)-1]
		if c.expiry.Stop() {
			return c
		}
	}
	return nil
}

// keep keeps a session for the next mail, for a while.
func (s *Sender) keep(c *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) >= maxIdle {
		go c.quit()
		return
	}
	c.expiry = time.AfterFunc(s.opt.Idle, func() {
		s.mu.Lock()
		s.idle = slices.DeleteFunc(s.idle, func(other *session) bool { return other == c })
		s.mu.Unlock()
		c.quit()
	})
	s.idle = append(s.idle, c)
}

// quit says goodbye; the mails are handed over, whatever the answer.
func (c *session) quit() {
	c.held.hurry()
	_ = c.client.CloseWithSMTPClient(c.smtp)
	c.held.close()
}

var errEnded = errors.New("the time limit has passed")

// holder holds a connection, so that it can be closed at any
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
