package httpgate

import (
	"bytes"
	"errors"
	"net/url"
	"strings"

	"github.com/valyala/fasthttp"

	"holdfast/internal/gate/httpgate/inlet"
)

// marks are what the names of a request's headers say.
type marks struct {
	// plain: none belongs to one connection, to the gate or is unusual, and none is
	// read as one where it stands twice, so that none has to be taken off.
	plain bool
	// other: one makes some servers take another method or path than is written.
	other bool
	// expects: an answer is expected before the body.
	expects bool
	// early: the request may have come as early data (RFC 8470).
	early bool
	// traced, named: it has ids of its trace, or of itself.
	traced, named bool
	// typed, by: it has a Content-Type and a User-Agent.
	typed, by bool
}

// otherMeans are headers by which some frameworks let a client say another
// method or path: a GET that the gate takes for an inquiry would be a payment
// behind it.
var otherMeans = [...]string{
	"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL", "X-Original-URI", "X-Override-URL",
}

func readMarks(h *fasthttp.RequestHeader) marks {
	m := marks{plain: !h.ConnectionClose()} // which HTTP/1.0 means without a header
	raw := h.RawHeaders()
	if len(raw) == 0 { // HTTP/2
		for name := range h.All() {
			m.add(name)
		}
		m.plain = false
		return m
	}
	for line := range bytes.Lines(raw) {
		name, _, more := bytes.Cut(line, []byte(":"))
		if more {
			m.add(name)
		}
	}
	return m
}

func (m *marks) add(name []byte) {
	switch {
	case !isToken(name), isHop(name), isOwn(name):
		m.plain = false
		m.expects = m.expects || is(name, "Expect")
		m.other = m.other || isOther(bytes.ReplaceAll(name, []byte("_"), []byte("-")))
	case (name[0] == 'X' || name[0] == 'x') && isOther(name):
		m.other = true
	case is(name, earlyHeader):
		m.early = true
	case is(name, fasthttp.HeaderContentType):
		m.plain = m.plain && !m.typed
		m.typed = true
	case is(name, fasthttp.HeaderUserAgent):
		m.plain = m.plain && !m.by
		m.by = true
	case is(name, fasthttp.HeaderCookie):
		m.plain = false
	case is(name, traceHeader):
		m.traced = true
	case is(name, idHeader):
		m.named = true
	}
}

func is(name []byte, want string) bool {
	return len(name) == len(want) && bytes.EqualFold(name, []byte(want))
}

func isOther(name []byte) bool {
	for _, o := range otherMeans {
		if is(name, o) {
			return true
		}
	}
	return false
}

// isToken reports whether a header's name has none but the usual characters.
func isToken(name []byte) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

const earlyHeader = "Early-Data"

// clean refuses a request whose method, host or path servers read in different
// ways. What it lets through is forwarded as it was read: byte by byte.
func (x *exchange) clean() bool {
	h := &x.ctx.Request.Header
	x.marks = readMarks(h)
	target, host, ok := originForm(string(h.RequestURI()))
	if !ok || host != "" && !bytes.EqualFold([]byte(host), h.Host()) || len(h.Host()) > 0 && !inlet.ValidHost(h.Host()) {
		return x.refuse(answerTarget)
	}
	x.path, x.query, _ = strings.Cut(target, "?")
	switch {
	case !inlet.ValidMethod(h.Method()), len(h.PeekTrailerKeys()) > 0:
		return x.refuse(answerHead)
	case !cleanPath(x.path) || strings.Contains(target, "#") || strings.ContainsFunc(target, unprintable):
		return x.refuse(answerPath)
	case x.marks.other || overrides(x.query):
		return x.refuse(answerHeader)
	case x.marks.expects && !expectsContinue(h):
		return x.refuse(answerExpect)
	}
	x.ctx.Request.SetRequestURI(target)
	return true
}

func (x *exchange) refuse(a *answer) bool {
	x.answer(a, "", notForwarded)
	x.ctx.SetConnectionClose() // the body may still come
	return false
}

func unprintable(c rune) bool { return c <= ' ' || c >= 0x7f }

func expectsContinue(h *fasthttp.RequestHeader) bool {
	all := h.PeekAll(fasthttp.HeaderExpect)
	return len(all) == 0 || len(all) == 1 && bytes.EqualFold(all[0], []byte("100-continue"))
}

// overrides reports whether a query says another method, as Rails, Laravel and
// Symfony take it.
func overrides(query string) bool {
	if !strings.Contains(query, "_") && !strings.Contains(query, "%") {
		return false
	}
	for pair := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == '&' || c == ';' }) {
		name, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); err == nil && strings.EqualFold(name, "_method") {
			return true
		}
	}
	return false
}

// overridden reports whether a form that is sent to a path of a route may say the
// route's method in its body, which is not read for what moves no money.
func (x *exchange) overridden(r *route, method string) bool {
	if method != fasthttp.MethodPost || len(r.Methods) == 0 {
		return false
	}
	kind := bytes.ToLower(x.ctx.Request.Header.ContentType())
	form := bytes.Contains(kind, []byte("form"))
	return form && matchPath(r.lower, r.open, strings.ToLower(x.path))
}

// originForm turns a target of the form http://host/path into path and host.
func originForm(target string) (path, host string, ok bool) {
	for _, scheme := range [...]string{"http://", "https://"} {
		if len(target) < len(scheme) || !strings.EqualFold(target[:len(scheme)], scheme) {
			continue
		}
		rest := target[len(scheme):]
		end := strings.IndexAny(rest, "/?#")
		switch {
		case end < 0:
			path, host = "/", rest
		case rest[end] == '?':
			path, host = "/"+rest[end:], rest[:end]
		default:
			path, host = rest[end:], rest[:end]
		}
		return path, host, host != ""
	}
	return target, "", true
}

// onTime refuses a payment that came as early data: whoever records it can send
// it again.
func (x *exchange) onTime() bool {
	if !x.marks.early {
		return true
	}
	return x.refuse(answerEarly)
}

// bodyFault is the answer to a body that did not come as it should.
func bodyFault(ctx *fasthttp.RequestCtx, err error) *answer {
	switch {
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return answerLarge
	case faultOf(ctx) == inlet.FaultSlow, isTimeout(err):
		return answerSlow
	}
	return answerBody
}

// badRequest answers what is no request.
func (s *Server) badRequest(ctx *fasthttp.RequestCtx, err error) {
	x := s.newExchange(ctx, "HTTP/1.1")
	a := answerHead
	switch f := faultOf(ctx); {
	case f == inlet.FaultSlow:
		a = answerSlow
	case f == inlet.FaultLarge:
		a = answerFields
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		a = answerLarge
	case f == "" && x.ctx.Request.Header.ContentLength() > 0:
		a = answerBody
	}
	x.answer(a, "", notForwarded)
	ctx.SetConnectionClose()
	x.sound = true
	x.end()
}

// passed reports whether a process before passes the request on. Its client's next
// connection is to come here.
func passed(ctx *fasthttp.RequestCtx) bool {
	c, ok := ctx.Conn().(*inlet.Conn)
	return ok && c.Passed()
}

func faultOf(ctx *fasthttp.RequestCtx) inlet.Fault {
	if c, ok := ctx.Conn().(*inlet.Conn); ok {
		return c.Fault()
	}
	return ""
}
