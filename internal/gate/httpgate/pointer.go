package httpgate

import (
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
	paths [][]string
}

func newPointers(names []string) pointers {
	var p pointers
	for _, name := range names {
		parts := strings.Split(name[1:], "/")
		for i, part := range parts {
			parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		}
		p.paths = append(p.paths, parts)
	}
	return p
}

// value is what stands at a pointer: the text of a string, or of a number as it
// is written. Other values give ok = false.
type value struct {
	text   string
	number bool
	ok     bool
}

var errJSON = errors.New("the body is not one JSON value")

// maxDepth bounds nesting; payments are flat.
const maxDepth = 64

// read returns one value per pointer.
func (p pointers) read(body []byte) ([]value, error) {
	s := scanner{src: body, values: make([]value, len(p.paths))}
	active := make([]int, len(p.paths))
	for i := range active {
		active[i] = i
	}
	if !utf8.Valid(body) {
		return nil, errJSON
	}
	s.paths = p.paths
	s.space()
	if !s.value(active, 0) {
		return nil, errJSON
	}
	if s.space(); s.pos != len(s.src) {
		return nil, errJSON
	}
	return s.values, nil
}

// scanner walks a JSON text. Its methods return false for text that is not JSON.
type scanner struct {
	src    []byte
	pos    int
	paths  [][]string
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

// value walks one value at a depth. active lists the pointers whose parts so far
// led here.
func (s *scanner) value(active []int, depth int) bool {
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
		// What is no character (half of a surrogate pair) is read in different ways.
		s.found(active, depth, value{text: text, ok: !strings.ContainsRune(text, utf8.RuneError)})
		return ok
	case c == '-' || c >= '0' && c <= '9':
		ok := s.number()
		s.found(active, depth, value{text: string(s.src[start:s.pos]), number: true, ok: true})
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

func (s *scanner) found(active []int, depth int, v value) {
	for _, i := range active {
		if len(s.paths[i]) == depth {
			s.values[i] = v
		}
	}
}

func (s *scanner) object(active []int, depth int) bool {
	s.pos++
	var seen []string // watched names met in this object, as written
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
		below := s.below(active, depth, name, &seen)
		if !s.value(below, depth+1) {
			return false
		}
		switch s.space(); s.peek() {
		case ',':
			s.pos++
		case '}':
			s.pos++
			s.spoil(active, depth, seen)
			return true
		default:
			return false
		}
	}
}

// below picks the pointers that go on through a member.
func (s *scanner) below(active []int, depth int, name string, seen *[]string) []int {
	var next []int
	watched := false
	for _, i := range active {
		if len(s.paths[i]) <= depth {
			continue
		}
		want := s.paths[i][depth]
		if name == want {
			next = append(next, i)
		}
		watched = watched || strings.EqualFold(name, want)
	}
	if watched {
		*seen = append(*seen, name)
	}
	return next
}

// spoil makes absent what an object has twice.
func (s *scanner) spoil(active []int, depth int, seen []string) {
	if len(seen) < 2 {
		return
	}
	for _, i := range active {
		if len(s.paths[i]) <= depth {
			continue
		}
		n := 0
		for _, name := range seen {
			if strings.EqualFold(name, s.paths[i][depth]) {
				n++
			}
		}
		if n > 1 {
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
		if !s.value(nil, depth+1) {
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

func (s *scanner) str() (string, bool) {
	if s.peek() != '"' {
		return "", false
	}
	start := s.pos
	plain := true
	for s.pos++; s.pos < len(s.src); s.pos++ {
		switch c := s.src[s.pos]; {
		case c == '"':
			s.pos++
			if plain {
				return string(s.src[start+1 : s.pos-1]), true
			}
			var text string
			err := json.Unmarshal(s.src[start:s.pos], &text)
			return text, err == nil
		case c == '\\':
			plain = false
			s.pos++
		case c < ' ':
			return "", false
		}
	}
	return "", false
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
