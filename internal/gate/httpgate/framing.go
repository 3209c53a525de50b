package httpgate

import "bytes"

// framed reports whether the headers say in one way only where the body ends
// (RFC 9112, section 6.3). Two servers that read the end at different places
// would see different requests, and one of them could be a payment. fasthttp
// refuses two lengths and codings it does not know, but takes a length beside a
// coding.
func framed(raw []byte) bool {
	lengths, codings := 0, 0
	for line := range bytes.Lines(raw) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case len(line) > 0 && (line[0] == ' ' || line[0] == '\t'):
			return false // a header folded over lines
		case bytes.EqualFold(name, []byte("Content-Length")):
			lengths++
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			if codings++; !bytes.EqualFold(bytes.TrimSpace(value), []byte("chunked")) {
				return false
			}
		}
	}
	return lengths+codings <= 1
}
