package httpgate

import (
	"bufio"
	"bytes"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
)

// request writes a whole request.
type request interface {
	Write(w *bufio.Writer) error
}

// anew is a payment whose request to the primary is written from what was read.
type anew exchange

// Write implements request.
func (a *anew) Write(w *bufio.Writer) error {
	x := (*exchange)(a)
	x.scratch = strconv.AppendUint(x.scratch[:0], x.admission.Posture, 10)
	x.ctx.Request.Header.SetBytesV(postureHeader, x.scratch)
	return x.ctx.Request.Write(w)
}

// verbatim is a payment on its way to the primary that needs no change but more
// headers: those of its client go on as they came, byte by byte.
type verbatim exchange

// request prepares all of the payment's request but what its admission adds.
func (x *exchange) request(deadline time.Time) request {
	if !x.unchanged() {
		x.prepare(deadline)
		return (*anew)(x)
	}
	v := (*verbatim)(x)
	v.begin(deadline)
	return v
}

// unchanged reports whether what the primary gets of the client's headers is what
// came.
func (x *exchange) unchanged() bool {
	h := &x.ctx.Request.Header
	return x.marks.plain && !x.marks.traced && !x.marks.named &&
		len(h.RawHeaders()) > len(crlf) && len(x.body) > 0 && h.ContentLength() == len(x.body)
}

var crlf = []byte("\r\n")

// begin writes the head into the exchange's scratch, but for what admission adds.
func (v *verbatim) begin(deadline time.Time) {
	x := (*exchange)(v)
	h := &x.ctx.Request.Header
	id := x.requestID()
	b := append(x.scratch[:0], h.Method()...)
	b = append(append(b, ' '), h.RequestURI()...)
	b = append(b, " HTTP/1.1\r\n"...)
	b = append(b, bytes.TrimSuffix(h.RawHeaders(), crlf)...)
	b = append(append(b, idHeader+": "...), id...)
	b = append(b, "\r\n"+traceHeader+": "...)
	trace := len(b)
	b = appendTrace(b)
	if x.access != nil {
		x.trail.trace = traceOf(b[trace:])
	}
	b = append(b, "\r\n"+deadlineHeader+": "...)
	b = deadline.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, "\r\n"+fasthttp.HeaderXForwardedFor+": "...)
	b = appendClient(b, x.ctx.RemoteAddr())
	x.scratch = append(b, "\r\n"+postureHeader+": "...)
}

// Write implements request.
func (v *verbatim) Write(w *bufio.Writer) error {
	x := (*exchange)(v)
	x.scratch = append(strconv.AppendUint(x.scratch, x.admission.Posture, 10), "\r\n\r\n"...)
	if _, err := w.Write(x.scratch); err != nil {
		return err
	}
	_, err := w.Write(x.body)
	return err
}
