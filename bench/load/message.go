package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// Request is one payment as the sandbox's customers send it, with a key of its
// own each time it is stamped.
type Request struct {
	text []byte
	at   []int // where the key's digits stand
}

// digits is the width of the number that tells one payment's key from another's.
const digits = 12

// NewRequest makes the request of a payment to a host.
func NewRequest(host string) *Request {
	const key = "bench-%0*d"
	id := fmt.Sprintf(key, digits, 0)
	body := `{"amount":1299,"currency":"CNY","payer":"acct_000123","payee":"m_001","channel":"app","method":"card","reference":"` + id + `"}`
	text := "POST /v1/payments HTTP/1.1\r\nHost: " + host +
		"\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: " + strconv.Itoa(len(body)) +
		"\r\nContent-Type: application/json\r\nIdempotency-Key: " + id + "\r\nAccept-Encoding: gzip\r\n\r\n" + body
	r := &Request{text: []byte(text)}
	for from := 0; ; {
		i := bytes.Index(r.text[from:], []byte(id))
		if i < 0 {
			return r
		}
		from += i + len(id)
		r.at = append(r.at, from-digits)
	}
}

// stamp writes the number of a payment into its key and returns the request.
func (r *Request) stamp(n uint64) []byte {
	for _, at := range r.at {
		rest := n
		for i := digits - 1; i >= 0; i-- {
			r.text[at+i] = byte('0' + rest%10)
			rest /= 10
		}
	}
	return r.text
}

// answer is what the backend says to every payment: the sandbox's answer to one
// that succeeded.
var answer = func() []byte {
	const body = `{"id":"pay_000000000001","status":"succeeded","amount":1299,"currency":"CNY","payer":"acct_000123","payee":"m_001",` +
		`"channel":"app","method":"card","bank":"bank-a","key":"bench-000000000001","reference":"bench-000000000001","created":"2026-11-25T20:09:00Z"}` + "\n"
	return []byte("HTTP/1.1 201 Created\r\nCache-Control: no-store\r\nContent-Type: application/json\r\nDate: Wed, 25 Nov 2026 20:09:00 GMT\r\nContent-Length: " +
		strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}()

var (
	created  = []byte("HTTP/1.1 201")
	declined = []byte("HTTP/1.1 503")
	blank    = []byte("\r\n\r\n")
	length   = []byte("\r\ncontent-length:")
)

// size returns how many bytes the first message in buf has; 0 means that its
// head has not come whole. Every message here says its length.
func size(buf []byte) (int, error) {
	end := bytes.Index(buf, blank)
	if end < 0 {
		return 0, nil
	}
	head := buf[:end+2]
	for at := 0; at >= 0; {
		if line := head[at:]; len(line) > len(length) && bytes.EqualFold(line[:len(length)], length) {
			value, _, _ := bytes.Cut(line[len(length):], []byte("\r"))
			n, err := strconv.Atoi(string(bytes.TrimSpace(value)))
			return end + len(blank) + n, err
		}
		next := bytes.Index(head[at+1:], length[:2])
		if next < 0 {
			break
		}
		at += next + 1
	}
	return 0, errors.New("a message without a length")
}
