package mailbox

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/intake"
)

// box is a mailbox that keeps what it was sent.
type box struct {
	mu    sync.Mutex
	kept  []alert.Incoming
	fails error
	at    string
}

func (b *box) deliver(_ context.Context, by holdfast.Actor, d alert.Delivery) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fails != nil {
		return b.fails
	}
	if by == Sender {
		b.kept = append(b.kept, d.Members...)
	}
	return nil
}

func open(t *testing.T) *box {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &box{at: l.Addr().String()}
	m, err := New(Options{Listener: l, Allow: intake.Senders{"@bank.example"}, Deliver: b.deliver, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return b
}

// send sends a mail and returns the code that refused it, 250 for none.
func (b *box) send(t *testing.T, envelope, from, text string) int {
	t.Helper()
	c, err := smtp.Dial(b.at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = c.SendMail(envelope, []string{"holdfast@pay.example"}, strings.NewReader("From: "+from+"\r\nMessage-ID: <1@x>\r\nSubject: Down\r\n\r\n"+text+"\r\n"))
	if err == nil {
		return 250
	}
	var refused *smtp.SMTPError
	if e, ok := err.(*smtp.SMTPError); ok {
		refused = e
	} else {
		t.Fatal(err)
	}
	return refused.Code
}

func TestMailbox(t *testing.T) {
	t.Parallel()
	b := open(t)
	for name, tt := range map[string]struct {
		envelope, from, text string
		want                 int
	}{
		"allowed":                   {"noc@bank.example", "NOC <noc@bank.example>", "x", 250},
		"not in the envelope":       {"x@evil.example", "noc@bank.example", "x", 550},
		"not in From":               {"noc@bank.example", "x@evil.example", "x", 550},
		"no sender":                 {"noc@bank.example", "nobody", "x", 554},
		"larger than a mail may be": {"noc@bank.example", "noc@bank.example", strings.Repeat("a line of text\r\n", 20_000), 552},
	} {
		if got := b.send(t, tt.envelope, tt.from, tt.text); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
	if len(b.kept) != 1 || b.kept[0].Annotations["summary"] != "Down" {
		t.Errorf("kept: %+v", b.kept)
	}
	b.fails = holdfast.Errorf(holdfast.Unavailable, "the disk is full")
	if got := b.send(t, "noc@bank.example", "noc@bank.example", "x"); got != 451 {
		t.Errorf("not stored: %d; the mail server must try again", got)
	}
	b.fails = nil
}

// Connections beyond the limit are turned away, and make room again.
func TestConnections(t *testing.T) {
	t.Parallel()
	b := open(t)
	var open []*smtp.Client
	for i := range maxConnections {
		c, err := smtp.Dial(b.at)
		if err == nil {
			err = c.Hello(fmt.Sprint("c", i))
		}
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	c, err := smtp.Dial(b.at)
	if err == nil {
		err = c.Hello("one-more")
		c.Close()
	}
	if err == nil {
		t.Error("one more than the limit was let in")
	}
	for _, c := range open {
		if err := c.Quit(); err != nil {
			t.Error(err)
		}
	}
	if got := b.send(t, "noc@bank.example", "noc@bank.example", "x"); got != 250 {
		t.Errorf("after they left: %d", got)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{}); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("without anything: %v", err)
	}
}
