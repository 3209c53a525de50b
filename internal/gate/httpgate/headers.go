package httpgate

import (
	"bytes"
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
	var own []string
	for key := range h.All() {
		if isOwn(key) {
			own = append(own, string(key))
		}
	}
	for _, name := range own {
		h.Del(name)
	}
	h.SetNoDefaultContentType(true)
	h.SetProtocol("HTTP/1.1")
	if len(h.Host()) == 0 { // HTTP/1.0
		h.SetHost(x.primary.host)
	}
	h.Set(deadlineHeader, deadline.UTC().Format(time.RFC3339Nano))
	h.Add(fasthttp.HeaderXForwardedFor, x.ctx.RemoteIP().String())
}

func isOwn(name []byte) bool {
	const prefix = "holdfast"
	return len(name) > len(prefix) && bytes.EqualFold(name[:len(prefix)], []byte(prefix)) && (name[len(prefix)] == '-' || name[len(prefix)] == '_')
}

// tidy leaves the primary's answer as it is, but for what belongs to its
// connection.
func tidy(resp *fasthttp.Response) {
	resp.Header.SetNoDefaultContentType(true)
	dropHop(&resp.Header)
}

// hopHeaders belong to one connection only (RFC 9110, 7.6.1). The gate itself
// has answered an expectation before it forwards.
var hopHeaders = [...]string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Upgrade", "Proxy-Authenticate", "Proxy-Authorization", "Expect",
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
