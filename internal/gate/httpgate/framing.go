package httpgate

import "bytes"

// framed reports whether the headers say in one way only where the body ends
// (RFC 9112, section 6.3). Two servers that read the end at different places
// would see different requests, and one of them could be a payment. fasthttp
// refuses two lengths and codings it does not know, but takes a length beside a
// coding.
//
// It also reports whether the headers are plain: none belongs to one connection
// or to the gate, so that none has to be taken off.
func framed(raw []byte) (ok, plain bool) {
	lengths, codings := 0, 0
	plain = true
	for line := range bytes.Lines(raw) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		plain = plain && !isHop(name) && !isOwn(name) && isToken(name)
		switch {
		case len(line) > 0 && (line[0] == ' ' || line[0] == '\t'):
			return false, false // a header folded over lines
		case bytes.EqualFold(name, []byte("Content-Length")):
			lengths++
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			if codings++; !bytes.EqualFold(bytes.TrimSpace(value), []byte("chunked")) {
				return false, false
			}
		}
	}
	return lengths+codings <= 1, plain
}

// isToken reports whether a header's name has none but the usual characters. The
// empty line after the last header counts as one.
func isToken(name []byte) bool {
	for _, c := range bytes.TrimRight(name, "\r\n") {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
