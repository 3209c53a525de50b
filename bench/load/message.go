package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Request is one payment as the sandbox's customers send it, with a key of its
// own each time it is stamped.
type Request struct {
	text   []byte
	at     []int // where the key's digits stand
	payer  int   // where the payer's do
	payers uint64
}

// digits is the width of the number that tells one payment's key from another's,
// payerDigits of that which tells payers apart.
const (
	digits      = 12
	payerDigits = 6
)

// onlyPayer is who pays where nobody else does.
const onlyPayer = 123

// Payer is the account of one of the payers that requests come from.
func Payer(n int) string { return fmt.Sprintf("acct_%0*d", payerDigits, n) }

// NewRequest makes the request of a payment to a host, from so many payers in turn;
// with 0 all come from one.
func NewRequest(host string, payers int) *Request {
	const key = "bench-%0*d"
	id := fmt.Sprintf(key, digits, 0)
	body := `{"amount":1299,"currency":"CNY","payer":"` + Payer(onlyPayer) + `","payee":"m_001","channel":"app","method":"card","reference":"` + id + `"}`
	text := "POST /v1/payments HTTP/1.1\r\nHost: " + host +
		"\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: " + strconv.Itoa(len(body)) +
		"\r\nContent-Type: application/json\r\nIdempotency-Key: " + id + "\r\nAccept-Encoding: gzip\r\n\r\n" + body
	r := &Request{text: []byte(text), payers: uint64(payers), payer: strings.Index(text, Payer(onlyPayer)) + len(Payer(onlyPayer))}
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
		number(r.text[at:at+digits], n)
	}
	if r.payers > 0 {
		number(r.text[r.payer-payerDigits:r.payer], n%r.payers)
	}
	return r.text
}

// number writes n with as many digits as there is room for.
func number(room []byte, n uint64) {
	for i := len(room) - 1; i >= 0; i-- {
		room[i] = byte('0' + n%10)
		n /= 10
	}
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
