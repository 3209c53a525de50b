package httpgate

import (
	"bufio"
	"net"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// Headers are plain only if nothing has to be taken off: in doubt they are not.
func TestPlainHeaders(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		"Host: x\r\nContent-Length: 2\r\nIdempotency-Key: k\r\n\r\n": true,
		"Host: x\r\nConnection: keep-alive\r\n\r\n":                  false,
		"Host: x\r\nkeep-alive: 5\r\n\r\n":                           false,
		"Host: x\r\nTE: trailers\r\n\r\n":                            false,
		"Host: x\r\nExpect: 100-continue\r\n\r\n":                    false,
		"Host: x\r\nHoldfast-Posture: 9\r\n\r\n":                     false,
		"Host: x\r\nholdfast_posture: 9\r\n\r\n":                     false,
		"Host: x\r\nA_b: c\r\n\r\n":                                  false,
	} {
		var h fasthttp.RequestHeader
		if err := h.Read(bufio.NewReader(strings.NewReader("POST / HTTP/1.1\r\n" + raw))); err != nil {
			t.Fatal(err)
		}
		if got := readMarks(&h).plain; got != want {
			t.Errorf("%q is plain: %v", raw, got)
		}
	}
}

// What HTTP/1.0 means without a header is not passed on either: the connection to
// the primary stays.
func TestOldClientsDoNotCloseThePrimary(t *testing.T) {
	t.Parallel()
	r := newRig(t, say(false, answerWith(201, "{}")))
	r.want(r.raw("POST /v1/quick HTTP/1.0\r\nIdempotency-Key: k\r\nContent-Length: 0\r\n\r\n"), 201, "", "")
	if got := r.back.requests(); len(got) != 1 || got[0].Close {
		t.Errorf("the primary was asked to close: %+v", got)
	}
}

func TestAppendClient(t *testing.T) {
	t.Parallel()
	for want, addr := range map[string]net.Addr{
		"192.0.2.1":   &net.TCPAddr{IP: net.ParseIP("192.0.2.1"), Port: 1},
		"2001:db8::1": &net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 1},
		"fe80::1":     &net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: 1, Zone: "eth0"},
		"0.0.0.0":     &net.UnixAddr{Name: "/x"},
	} {
		if got := string(appendClient(nil, addr)); got != want {
			t.Errorf("appendClient(%v) = %s, want %s", addr, got, want)
		}
	}
}
