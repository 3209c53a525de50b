package httpgate

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strings"

	"holdfast/internal/payment"
)

// Headers by which a request is followed over systems. What a client sent is
// passed on if it is well formed; otherwise, and where there is none, the gate
// makes one. So each request can be found at client, gate and primary by the same
// ids.
const (
	idHeader    = "X-Request-Id"
	traceHeader = "Traceparent" // W3C Trace Context
	stateHeader = "Tracestate"
)

// maxID is the longest request id that is passed on, in bytes.
const maxID = 128

// requestID returns the request's id.
func (x *exchange) requestID() string {
	if x.trail.id != "" {
		return x.trail.id
	}
	if x.marks.named {
		if all := x.ctx.Request.Header.PeekAll(idHeader); len(all) == 1 && isID(string(all[0])) {
			x.trail.id = string(all[0])
			return x.trail.id
		}
	}
	x.scratch = appendID(x.scratch[:0], 16)
	x.trail.id = string(x.scratch)
	return x.trail.id
}

// shownID is the id of the request as answers have it. A client may have put anything
// into its own; the gate's has no run of digits that could be a card number's.
func (x *exchange) shownID() string {
	if x.marks.named {
		return payment.Mask(x.requestID())
	}
	return x.requestID()
}

// follow sets the ids that the primary gets.
func (x *exchange) follow() {
	h := &x.ctx.Request.Header
	id := x.requestID()
	if x.marks.named {
		h.Del(idHeader)
	}
	h.Set(idHeader, id)
	if x.marks.traced {
		if all := h.PeekAll(traceHeader); len(all) == 1 && isTrace(string(all[0])) {
			x.trail.trace = traceOf(all[0])
			return
		}
		h.Del(traceHeader)
		h.Del(stateHeader) // it belongs to the trace that was not taken
	}
	x.scratch = appendTrace(x.scratch[:0])
	h.SetBytesV(traceHeader, x.scratch)
	x.trail.trace = traceOf(x.scratch)
}

// appendTrace appends a traceparent of a new trace, which is not recorded here.
func appendTrace(b []byte) []byte {
	return append(appendID(append(appendID(append(b, "00-"...), 16), '-'), 8), "-00"...)
}

// traceOf returns the id of the trace of a traceparent.
func traceOf(parent []byte) string { return string(parent[3:35]) }

// appendID appends n random bytes in hex, 8 or 16. Each fourth of them ends in a
// letter: so no id looks like a card number and is masked where it is written
// down, and none is zero, which means none. An id is no secret.
func appendID(to []byte, n int) []byte {
	var b [16]byte
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], rand.Uint64())
	}
	for i := 3; i < n; i += 4 {
		b[i] = b[i]&0xf0 | 0x0a + b[i]&0x0f%6
	}
	return hex.AppendEncode(to, b[:n])
}

func isID(s string) bool {
	if s == "" || len(s) > maxID {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("-._:+=/@", c) < 0 {
			return false
		}
	}
	return true
}

// isTrace reports whether a traceparent is well formed: version, trace, parent
// and flags. Later versions may have more behind.
func isTrace(s string) bool {
	if len(s) < 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' || s[:2] == "ff" {
		return false
	}
	if len(s) > 55 && (s[:2] == "00" || s[55] != '-') {
		return false
	}
	trace, parent := s[3:35], s[36:52]
	return isHex(s[:2]) && isHex(trace) && isHex(parent) && isHex(s[53:55]) && strings.Trim(trace, "0") != "" && strings.Trim(parent, "0") != ""
}

func isHex(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
