package config

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Pattern is the path of a route. It begins with a slash; a segment "{name}"
// matches any one segment that is not empty, and a last segment "*" matches
// whatever follows, even nothing. The rest matches itself, letter by letter.
type Pattern string

var param = regexp.MustCompile(`^\{[a-z][a-z0-9_]*\}$`)

// UnmarshalText reads a pattern.
func (p *Pattern) UnmarshalText(text []byte) error {
	s := string(text)
	if !strings.HasPrefix(s, "/") {
		return fmt.Errorf("the path %q does not begin with a slash", s)
	}
	seen := map[string]bool{}
	segments := strings.Split(s[1:], "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		switch {
		case segment == "*" && last, segment == "" && last && s == "/":
		case param.MatchString(segment):
			if seen[segment] {
				return fmt.Errorf("the path %q has %s twice", s, segment)
			}
			seen[segment] = true
		case segment == "" || segment == "." || segment == ".." || strings.ContainsAny(segment, "{}*?#%\\ \t\r\n"):
			return fmt.Errorf("the path %q: a segment is plain text, {name} or, at the end, *; it has no ?, #, %% or space", s)
		}
	}
	*p = Pattern(s)
	return nil
}

// Params returns the names in braces, in order.
func (p Pattern) Params() []string {
	var names []string
	for segment := range strings.SplitSeq(string(p), "/") {
		if param.MatchString(segment) {
			names = append(names, segment[1:len(segment)-1])
		}
	}
	return names
}

// covers reports whether p matches every path that q matches.
func (p Pattern) covers(q Pattern) bool {
	wide, narrow := strings.Split(string(p), "/"), strings.Split(string(q), "/")
	for i, segment := range wide {
		switch {
		case i >= len(narrow):
			return false
		case segment == "*":
			return true
		case narrow[i] == "*":
			return false
		case param.MatchString(segment):
			if narrow[i] == "" {
				return false
			}
		case segment != narrow[i]:
			return false
		}
	}
	return len(wide) == len(narrow)
}

// Source says where one field is read: From is header, query, path, json, form,
// xml or const, and Name what to look for there. As text: "header:X-Request-Id",
// "query:key", "path:id", "json:/order/amount" (a JSON pointer, RFC 6901),
// "form:amount", "xml:/Document/Amt" (element names from the root, namespaces
// left out), "const:card". The zero Source reads nothing.
type Source struct {
	From, Name string
}

var (
	token   = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$") // RFC 9110, 5.6.2
	sources = map[string]func(name string) error{
		"header": func(name string) error {
			return unless(token.MatchString(name), "%q cannot be a header's name", name)
		},
		"query": notEmpty,
		"form":  notEmpty,
		"const": notEmpty,
		"path": func(name string) error {
			return unless(param.MatchString("{"+name+"}"), "%q cannot be a name in the path", name)
		},
		"json": func(name string) error {
			plain := strings.NewReplacer("~0", "", "~1", "").Replace(name)
			return unless(strings.HasPrefix(name, "/") && !strings.Contains(plain, "~"),
				"%q is not a JSON pointer: write it as /order/amount", name)
		},
		"xml": xmlPath,
	}
)

func unless(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

func notEmpty(name string) error {
	return unless(name != "", "nothing stands after the colon")
}

func xmlPath(path string) error {
	fault := fmt.Errorf("%q is not a path of XML elements: write it as /Document/Amt", path)
	if !strings.HasPrefix(path, "/") {
		return fault
	}
	for name := range strings.SplitSeq(path[1:], "/") {
		var element struct{ XMLName xml.Name }
		err := xml.Unmarshal([]byte("<"+name+"/>"), &element)
		if err != nil || element.XMLName.Local != name {
			return fault
		}
	}
	return nil
}

// UnmarshalText reads a source or nothing.
func (s *Source) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*s = Source{}
		return nil
	}
	from, name, ok := strings.Cut(string(text), ":")
	check, known := sources[from]
	if !ok || !known {
		return fmt.Errorf("%q does not say where to read: write header:, query:, path:, json:, form:, xml: or const: and a name", text)
	}
	if err := check(name); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	*s = Source{From: from, Name: name}
	return nil
}

// IsZero reports whether the source reads nothing.
func (s Source) IsZero() bool { return s == Source{} }

// InBody reports whether the body must be read for it.
func (s Source) InBody() bool { return slices.Contains([]string{"json", "form", "xml"}, s.From) }

func (s Source) String() string {
	if s.IsZero() {
		return ""
	}
	return s.From + ":" + s.Name
}

// Statuses is a range of HTTP statuses, both ends included: "404", "200-299".
type Statuses struct {
	First, Last int
}

// UnmarshalText reads a status or a range within 200 to 599. An answer of 1xx
// is never the last.
func (s *Statuses) UnmarshalText(text []byte) error {
	first, last, ranged := strings.Cut(string(text), "-")
	if !ranged {
		last = first
	}
	from, err1 := strconv.ParseUint(first, 10, 16)
	to, err2 := strconv.ParseUint(last, 10, 16)
	if errors.Join(err1, err2) != nil || from < 200 || to > 599 || from > to {
		return fmt.Errorf("%q is not a status: write 404 or a range such as 200-299, within 200 to 599", text)
	}
	*s = Statuses{int(from), int(to)}
	return nil
}

// Has reports whether the status is in the range.
func (s Statuses) Has(status int) bool { return s.First <= status && status <= s.Last }

func (s Statuses) String() string {
	if s.First == s.Last {
		return strconv.Itoa(s.First)
	}
	return fmt.Sprintf("%d-%d", s.First, s.Last)
}

// overlap returns a status that is in both lists.
func overlap(a, b []Statuses) (status int, ok bool) {
	for _, x := range a {
		for _, y := range b {
			if low := max(x.First, y.First); low <= min(x.Last, y.Last) {
				return low, true
			}
		}
	}
	return 0, false
}

// placeholder is what an inquiry's path has where the identity goes.
const placeholder = "{identity}"

// inquiryPath checks the path and query of an inquiry.
func inquiryPath(s string) error {
	switch {
	case !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//"):
		return errors.New("write the path to ask, beginning with one slash")
	case strings.Count(s, placeholder) != 1:
		return errors.New("write {identity} once, where the payment's identity goes")
	}
	if _, err := url.ParseRequestURI(strings.Replace(s, placeholder, "x", 1)); err != nil || strings.ContainsAny(s, " #") {
		return fmt.Errorf("%q is not a path with a query", s)
	}
	return nil
}
