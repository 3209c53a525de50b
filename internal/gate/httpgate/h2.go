package httpgate

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"holdfast/internal/gate/httpgate/inlet"
)

// maxStreams is the most requests under way on one HTTP/2 connection.
const maxStreams = 128

// newHTTP2 makes the server of HTTP/2. It only reads requests and writes
// answers: the stages are those of HTTP/1.1.
func (s *Server) newHTTP2() *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP2(true)
	return &http.Server{
		Handler: http.HandlerFunc(s.serveHTTP2), Protocols: &protocols,
		ReadHeaderTimeout: s.limits.Head, IdleTimeout: s.limits.Idle, MaxHeaderBytes: s.limits.HeadBytes,
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: maxStreams, SendPingTimeout: s.limits.Idle, PingTimeout: s.limits.Head, WriteByteTimeout: s.limits.Write},
		ErrorLog: log.New(io.Discard, "", 0), // its lines quote what clients sent
	}
}

func (s *Server) serveHTTP2(w http.ResponseWriter, r *http.Request) {
	ctx := &fasthttp.RequestCtx{}
	client, err := net.ResolveTCPAddr("tcp", r.RemoteAddr) // an address: nothing is looked up
	if err != nil {
		client = nil
	}
	ctx.Init(&fasthttp.Request{}, client, discard{})
	control := http.NewResponseController(w)
	carry(&ctx.Request, r, &pacedBody{body: r.Body, control: control, limits: s.limits})
	s.serve(ctx, "HTTP/2.0")
	defer ctx.Response.CloseBodyStream()
	if err := s.writeHTTP2(w, control, &ctx.Response); err != nil {
		panic(http.ErrAbortHandler) // the client must not take what it got for the whole
	}
}

// carry puts a request of net/http into one of fasthttp.
func carry(to *fasthttp.Request, r *http.Request, body io.Reader) {
	h := &to.Header
	h.SetMethod(r.Method)
	h.SetRequestURI(r.RequestURI)
	h.SetHost(r.Host)
	h.SetNoDefaultContentType(true)
	for name, values := range r.Header {
		if name == fasthttp.HeaderContentLength || name == fasthttp.HeaderTransferEncoding || name == fasthttp.HeaderHost {
			continue
		}
		for _, v := range values {
			h.Add(name, v)
		}
	}
	if length := r.Header.Get(fasthttp.HeaderContentLength); len(r.Trailer) > 0 || length != "" && length != strconv.FormatInt(r.ContentLength, 10) {
		h.SetMethod(" ") // no method: it is refused
	}
	if r.ContentLength != 0 {
		to.SetBodyStream(body, int(r.ContentLength))
	}
}

func (s *Server) writeHTTP2(w http.ResponseWriter, control *http.ResponseController, resp *fasthttp.Response) error {
	out := w.Header()
	out["Date"], out["Content-Type"] = nil, nil // only those of the primary
	for name, value := range resp.Header.All() {
		switch n := string(name); n {
		case fasthttp.HeaderConnection, fasthttp.HeaderTransferEncoding, fasthttp.HeaderContentLength, fasthttp.HeaderTrailer:
		default:
			out[http.CanonicalHeaderKey(n)] = append(out[http.CanonicalHeaderKey(n)], string(value))
		}
	}
	body := resp.BodyStream()
	switch length := resp.Header.ContentLength(); {
	case body == nil && !resp.SkipBody:
		out.Set(fasthttp.HeaderContentLength, strconv.Itoa(len(resp.Body())))
	case length >= 0:
		out.Set(fasthttp.HeaderContentLength, strconv.Itoa(length))
	}
	if err := control.SetWriteDeadline(time.Now().Add(s.limits.Write)); err != nil {
		return err
	}
	w.WriteHeader(resp.StatusCode())
	switch {
	case resp.SkipBody:
		return nil
	case body == nil:
		_, err := w.Write(resp.Body())
		return err
	}
	return s.streamHTTP2(w, control, body)
}

func (s *Server) streamHTTP2(w io.Writer, control *http.ResponseController, body io.Reader) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			if err := control.SetWriteDeadline(time.Now().Add(s.limits.Write)); err != nil {
				return err
			}
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
			if err := control.Flush(); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// pacedBody is a request's body that must come at the rate that is asked for.
type pacedBody struct {
	body    io.Reader
	control *http.ResponseController
	limits  inlet.Limits
	n       int64
	waited  time.Duration
}

func (p *pacedBody) Read(b []byte) (int, error) {
	begun := time.Now()
	if err := p.control.SetReadDeadline(p.limits.Until(begun, p.n, p.waited)); err != nil {
		return 0, err
	}
	n, err := p.body.Read(b)
	p.n += int64(n)
	p.waited += time.Since(begun)
	if err != nil && strings.Contains(err.Error(), "timeout") {
		err = inlet.FaultSlow
	}
	return n, err
}
