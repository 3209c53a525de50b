package inlet

import "bytes"

// message is what a head says of its request's body.
type message struct {
	length  int64
	chunked bool
}

// readHead judges a whole head, the empty line included.
func readHead(head []byte) (m message, fault Fault) {
	line, rest, ok := cutLine(head)
	if !ok {
		return m, FaultHead
	}
	version, ok := readRequestLine(line)
	if !ok {
		return m, FaultHead
	}
	var lengths, codings, hosts, fields int
	for {
		line, rest, ok = cutLine(rest)
		if !ok {
			return m, FaultHead
		}
		if len(line) == 0 {
			break
		}
		if fields++; fields > maxFields {
			return m, FaultLarge
		}
		name, value, ok := readField(line)
		if !ok {
			return m, FaultHead
		}
		switch {
		case is(name, "content-length"):
			lengths++
			m.length, ok = readLength(value)
		case is(name, "transfer-encoding"):
			codings++
			m.chunked = true
			ok = is(value, "chunked") && version == 1
		case is(name, "host"):
			hosts++
			ok = ValidHost(value)
		}
		if !ok {
			return m, FaultHead
		}
	}
	if len(rest) > 0 || lengths+codings > 1 || hosts > 1 || hosts == 0 && version == 1 {
		return m, FaultHead
	}
	return m, ""
}

// cutLine cuts off a line that ends in CR LF and holds no other of the two.
func cutLine(b []byte) (line, rest []byte, ok bool) {
	i := bytes.IndexByte(b, '\n')
	if i < 1 || b[i-1] != '\r' {
		return nil, nil, false
	}
	return b[:i-1], b[i+1:], true
}

// readRequestLine returns the digit behind "HTTP/1.".
func readRequestLine(line []byte) (version int, ok bool) {
	method, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok || !ValidMethod(method) {
		return 0, false
	}
	target, proto, ok := bytes.Cut(rest, []byte(" "))
	if !ok || len(target) == 0 {
		return 0, false
	}
	for _, c := range target {
		if c <= ' ' || c >= 0x7f {
			return 0, false
		}
	}
	switch string(proto) {
	case "HTTP/1.1":
		return 1, true
	case "HTTP/1.0":
		return 0, true
	}
	return 0, false
}

// ValidMethod reports whether a method is a token.
func ValidMethod(method []byte) bool {
	for _, c := range method {
		if !token[c] {
			return false
		}
	}
	return len(method) > 0
}

// readField splits "name: value". The value is trimmed.
func readField(line []byte) (name, value []byte, ok bool) {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 {
		return nil, nil, false
	}
	name, value = line[:colon], line[colon+1:]
	for _, c := range name {
		if !token[c] {
			return nil, nil, false
		}
	}
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return nil, nil, false
		}
	}
	return name, bytes.Trim(value, " \t"), true
}

// readLength reads a Content-Length: digits only, and few enough of them.
func readLength(value []byte) (n int64, ok bool) {
	if len(value) == 0 || len(value) > 15 {
		return 0, false
	}
	for _, c := range value {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, true
}

// ValidHost reports whether a Host is a name or an address, maybe with a port.
func ValidHost(value []byte) bool {
	for _, c := range value {
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && bytes.IndexByte([]byte("-._:[]"), c) < 0 {
			return false
		}
	}
	return len(value) > 0
}

// is compares without regard to letter case; small is in small letters.
func is(name []byte, small string) bool {
	if len(name) != len(small) {
		return false
	}
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != small[i] {
			return false
		}
	}
	return true
}

// token holds the characters of names and methods (RFC 9110, 5.6.2).
var token = func() (t [256]bool) {
	for c := byte('0'); c <= 'z'; c++ {
		t[c] = c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a'
	}
	for _, c := range []byte("!#$%&'*+-.^_`|~") {
		t[c] = true
	}
	return t
}()
