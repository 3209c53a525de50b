package httpgate

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// pointers reads the values that JSON pointers (RFC 6901) name out of a body,
// without building the document. It is strict where servers differ: text that
// is not one valid JSON value gives nothing, and a member that stands twice in
// its object, or once more in other letter case, is ambiguous and counts as
// absent, since the primary may take the other one.
type pointers struct {
	paths [][][]byte // the parts of each; at most as many as a payment has fields
}

func newPointers(names []string) pointers {
	var p pointers
	for _, name := range names {
		parts := strings.Split(name[1:], "/")
		path := make([][]byte, len(parts))
		for i, part := range parts {
			path[i] = []byte(strings.NewReplacer("~1", "/", "~0", "~").Replace(part))
		}
		p.paths = append(p.paths, path)
	}
	return p
}

// value is what stands at a pointer: the text of a string, or of a number as it
// is written, which may lie in the body. Other values give ok = false.
type value struct {
	text   []byte
	number bool
	ok     bool
}

var errJSON = errors.New("the body is not one JSON value")

// maxDepth bounds nesting; payments are flat.
const maxDepth = 64

// read returns one value per pointer.
func (p pointers) read(body []byte) ([]value, error) {
	values := make([]value, len(p.paths))
	return values, p.into(values, body)
}

// into is read into values, one per pointer. It does not allocate unless a text
// with escapes stands in the body.
func (p pointers) into(values []value, body []byte) error {
	if !utf8.Valid(body) {
		return errJSON
	}
	s := scanner{src: body, paths: p.paths, values: values}
	s.space()
	if !s.value(1<<len(p.paths)-1, 0) {
		return errJSON
	}
	if s.space(); s.pos != len(s.src) {
		return errJSON
	}
	return nil
}

// group is some of the pointers, bit i for pointer i.
type group uint16

// scanner walks a JSON text. Its methods return false for text that is not JSON.
type scanner struct {
	src    []byte
	pos    int
	paths  [][][]byte
	values []value
}

func (s *scanner) space() {
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) peek() byte {
	if s.pos < len(s.src) {
		return s.src[s.pos]
	}
	return 0
}

// value walks one value at a depth. active are the pointers whose parts so far led
// here.
func (s *scanner) value(active group, depth int) bool {
	if depth > maxDepth {
		return false
	}
	start := s.pos
	switch c := s.peek(); {
	case c == '{':
		return s.object(active, depth)
	case c == '[':
		return s.array(depth)
	case c == '"':
		text, ok := s.str()
		s.found(active, depth, text, false)
		return ok
	case c == '-' || c >= '0' && c <= '9':
		ok := s.number()
		s.found(active, depth, s.src[start:s.pos], true)
		return ok
	default:
		for _, word := range [...]string{"true", "false", "null"} {
			if strings.HasPrefix(string(s.src[s.pos:min(len(s.src), s.pos+5)]), word) {
				s.pos += len(word)
				return true
			}
		}
		return false
	}
}

func (s *scanner) found(active group, depth int, text []byte, number bool) {
	if active == 0 {
		return
	}
	for i := range s.paths {
		if active&(1<<i) != 0 && len(s.paths[i]) == depth {
			// What is no character (half of a surrogate pair) is read in different ways.
			s.values[i] = value{text: text, number: number, ok: number || !bytes.ContainsRune(text, utf8.RuneError)}
		}
	}
}

func (s *scanner) object(active group, depth int) bool {
	s.pos++
	var met, again group // those whose member stood here once, and more than once
	for first := true; ; first = false {
		s.space()
		if s.peek() == '}' && first {
			s.pos++
			return true
		}
		name, ok := s.str()
		if !ok {
			return false
		}
		if s.space(); s.peek() != ':' {
			return false
		}
		s.pos++
		s.space()
		here, below := s.below(active, depth, name)
		met, again = met|here, again|met&here
		if !s.value(below, depth+1) {
			return false
		}
		switch s.space(); s.peek() {
		case ',':
			s.pos++
		case '}':
			s.pos++
			s.spoil(again)
			return true
		default:
			return false
		}
	}
}

// below picks the pointers that go on through a member: here in any letter case,
// exact as it is written.
func (s *scanner) below(active group, depth int, name []byte) (here, exact group) {
	if active == 0 {
		return 0, 0
	}
	for i, path := range s.paths {
		switch {
		case active&(1<<i) == 0 || len(path) <= depth:
		case bytes.Equal(name, path[depth]):
			here, exact = here|1<<i, exact|1<<i
		case alike(name, path[depth]) && bytes.EqualFold(name, path[depth]):
			here |= 1 << i
		}
	}
	return here, exact
}

// alike reports whether two names may differ in letter case only, which takes less
// than to find out: such names begin with one letter and are of one length, or
// hold letters beyond ASCII.
func alike(a, b []byte) bool {
	if len(a) == len(b) && len(a) > 0 && a[0]|0x20 == b[0]|0x20 {
		return true
	}
	return !ascii(a) || !ascii(b)
}

func ascii(text []byte) bool {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// spoil makes absent what an object has twice.
func (s *scanner) spoil(again group) {
	for i := range s.values {
		if again&(1<<i) != 0 {
			s.values[i] = value{}
		}
	}
}

// array is walked but never looked into: no field of a payment is one of many.
func (s *scanner) array(depth int) bool {
	s.pos++
	for first := true; ; first = false {
		s.space()
		if s.peek() == ']' && first {
			s.pos++
			return true
		}
		if !s.value(0, depth+1) {
			return false
		}
		switch s.space(); s.peek() {
		case ',':
			s.pos++
		case ']':
			s.pos++
			return true
		default:
			return false
		}
	}
}

// str returns the characters of a string, which may lie in src.
func (s *scanner) str() ([]byte, bool) {
	if s.peek() != '"' {
		return nil, false
	}
	start := s.pos
	plain := true
	for at := start + 1; at < len(s.src); at++ {
		switch c := s.src[at]; {
		case c > '"' && c != '\\': // most are
		case c == '"':
			if s.pos = at + 1; plain {
				return s.src[start+1 : at], true
			}
			var text string
			err := json.Unmarshal(s.src[start:s.pos], &text)
			return []byte(text), err == nil
		case c == '\\':
			plain = false
			at++
		case c < ' ':
			return nil, false
		}
	}
	return nil, false
}

// number follows RFC 8259, section 6.
func (s *scanner) number() bool {
	if s.peek() == '-' {
		s.pos++
	}
	switch c := s.peek(); {
	case c == '0':
		s.pos++
	case c >= '1' && c <= '9':
		s.digits()
	default:
		return false
	}
	if s.peek() == '.' {
		s.pos++
		if !s.digits() {
			return false
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	start := s.pos
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.pos++
	}
	return s.pos > start
}
