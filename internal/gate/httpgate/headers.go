package httpgate

import (
	"bytes"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// Headers that the gate adds towards the primary.
const (
	postureHeader  = "Holdfast-Posture"
	deadlineHeader = "Holdfast-Deadline"
)

// prepare turns the client's request into the one the primary gets. Headers that
// only the gate may set are taken off, those with an underscore for the hyphen
// among them: many servers make no difference.
func (x *exchange) prepare(deadline time.Time) {
	h := &x.ctx.Request.Header
	if !x.marks.plain {
		dropOwn(h)
	}
	h.SetNoDefaultContentType(true)
	h.SetProtocol("HTTP/1.1")
	if len(h.Host()) == 0 { // HTTP/1.0
		h.SetHost(x.primary.host)
	}
	x.follow()
	x.scratch = deadline.UTC().AppendFormat(x.scratch[:0], time.RFC3339Nano)
	h.SetBytesV(deadlineHeader, x.scratch)
	x.scratch = appendClient(x.scratch[:0], x.ctx.RemoteAddr())
	h.AddBytesV(fasthttp.HeaderXForwardedFor, x.scratch)
}

// appendClient appends a client's IP address.
func appendClient(b []byte, client net.Addr) []byte {
	tcp, ok := client.(*net.TCPAddr)
	if !ok {
		return append(b, "0.0.0.0"...) // as net.IP's zero value is written
	}
	return tcp.AddrPort().Addr().Unmap().WithZone("").AppendTo(b)
}

func dropOwn(h *fasthttp.RequestHeader) {
	var own []string
	for key := range h.All() {
		if isOwn(key) {
			own = append(own, string(key))
		}
	}
	for _, name := range own {
		h.Del(name)
	}
}

func isOwn(name []byte) bool {
	const prefix = "holdfast"
	return len(name) > len(prefix) && bytes.EqualFold(name[:len(prefix)], []byte(prefix)) && (name[len(prefix)] == '-' || name[len(prefix)] == '_')
}

// tidy leaves the primary's answer as it is, but for what belongs to its
// connection.
func tidy(resp *fasthttp.Response) {
	resp.Header.SetNoDefaultContentType(true)
	for key := range resp.Header.All() {
		if isHop(key) {
			dropHop(&resp.Header)
			return
		}
	}
}

// hopHeaders belong to one connection only (RFC 9110, 7.6.1). The gate itself
// has answered an expectation before it forwards.
var hopHeaders = [...]string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Upgrade", "Proxy-Authenticate", "Proxy-Authorization", "Expect",
}

func isHop(name []byte) bool {
	for _, hop := range hopHeaders {
		if len(hop) == len(name) && bytes.EqualFold([]byte(hop), name) {
			return true
		}
	}
	return false
}

// dropHop removes hop-by-hop headers and those that Connection names, but never
// one that frames or addresses the message. It comes before fields are read: a
// key that the primary will not see is not read either.
func dropHop(h interface {
	Del(string)
	PeekAll(string) [][]byte
}) {
	var named []string
	for _, value := range h.PeekAll(fasthttp.HeaderConnection) {
		for name := range bytes.SplitSeq(value, []byte(",")) {
			named = append(named, string(bytes.TrimSpace(name)))
		}
	}
	for _, name := range named {
		if name != "" && !framing(name) {
			h.Del(name)
		}
	}
	for _, name := range hopHeaders {
		h.Del(name)
	}
}

func framing(name string) bool {
	for _, f := range [...]string{"Host", "Content-Length", "Transfer-Encoding", "Trailer", "Content-Type", "Content-Encoding"} {
		if bytes.EqualFold([]byte(name), []byte(f)) {
			return true
		}
	}
	return false
}
