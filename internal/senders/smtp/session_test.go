package smtp

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"holdfast/internal/notify"
)

// script is a mail server that answers line by line: a reply for each command's
// first word, or "" to say nothing, or "!" to hang up. On hears each word.
func script(t *testing.T, config *tls.Config, replies map[string]string, on func(word string)) (port int, heard func() string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { conn.Close() }()
		on("greeting")
		io.WriteString(conn, replies["greeting"])
		for in := bufio.NewReader(conn); ; {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			lines = append(lines, strings.TrimSpace(line))
			word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			on(word)
			reply, known := replies[word]
			switch {
			case reply == "!":
				return
			case known:
				io.WriteString(conn, reply)
			}
			if word == "STARTTLS" {
				conn = tls.Server(conn, config)
				in = bufio.NewReader(conn)
			}
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().(*net.TCPAddr).Port, func() string { l.Close(); <-done; return strings.Join(lines, "\n") }
}

func polite(changes ...string) map[string]string {
	replies := map[string]string{
		"greeting": "220 test\r\n", "EHLO": "250 test\r\n", "MAIL": "250 ok\r\n", "RCPT": "250 ok\r\n", "DATA": "354 go on\r\n", ".": "250 queued\r\n",
		"RSET": "250 ok\r\n", "*": "501 ended\r\n", "QUIT": "221 bye\r\n",
	}
	for i := 0; i < len(changes); i += 2 {
		replies[changes[i]] = changes[i+1]
	}
	return replies
}

func TestBrokenSessions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		replies map[string]string
		// end is the word at which the attempt is ended from outside.
		end    string
		result notify.Result
	}{
		{"all well", polite(), "", notify.Sent},
		{"no greeting", polite("greeting", ""), "greeting", notify.Retry},
		{"not now", polite("greeting", "421 busy\r\n"), "", notify.Retry},
		{"never for us", polite("greeting", "554 go away\r\n"), "", notify.Retry},
		{"silent at the receiver", polite("RCPT", ""), "RCPT", notify.Retry},
		{"hangs up at the receiver", polite("RCPT", "!"), "", notify.Retry},
		{"hangs up before the text", polite("DATA", "!"), "", notify.Retry},
		{"hangs up after the text", polite(".", "!"), "", notify.Unsure},
		{"silent after the text", polite(".", ""), ".", notify.Unsure},
		{"refuses the text", polite(".", "550 spam\r\n"), "", notify.Refused},
		{"silent at the farewell", polite("QUIT", ""), "", notify.Sent},
		{"hangs up at the farewell", polite("QUIT", "!"), "", notify.Sent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			port, heard := script(t, nil, tt.replies, func(word string) {
				if word == tt.end && word != "" {
					cancel()
				}
			})
			o := sender(t, port, func(o *Options) { o.Limit = time.Minute }).Send(ctx, message())
			if o.Result != tt.result || o.Detail == "" {
				t.Errorf("%+v", o)
			}
			heard() // and so the connection was closed
		})
	}
}

func TestTheTimeLimit(t *testing.T) {
	t.Parallel()
	port, heard := script(t, nil, polite("greeting", ""), func(string) {})
	o := sender(t, port, func(o *Options) { o.Limit = 50 * time.Millisecond }).Send(t.Context(), message())
	if o.Result != notify.Retry || !strings.Contains(o.Detail, "time limit") {
		t.Errorf("%+v", o)
	}
	heard()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if o := sender(t, port).Send(ctx, message()); o.Result != notify.Retry {
		t.Errorf("ended before it began: %+v", o)
	}
}
