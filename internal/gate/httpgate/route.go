package httpgate

import (
	"fmt"
	"strings"

	"holdfast/internal/config"
	"holdfast/internal/gate"
	"holdfast/internal/payment"
)

// route is one row of the route table, ready for use.
type route struct {
	config.Route
	kind     payment.Kind
	mode     gate.Mode
	segments []string
	open     bool // the path ends in "*"
	fields   []field
	body     []field // those of fields that stand in the body
	pointers pointers
	required payment.Set
	decline  *answer
}

// field is a payment field and where it is read.
type field struct {
	payment.Field
	config.Source
}

func newRoute(c config.Route, mode string) (*route, error) {
	kind, err := payment.ParseKind(c.Kind)
	if err != nil {
		return nil, fmt.Errorf("route %s: %w", c.Name, err)
	}
	if c.Mode != "" {
		mode = c.Mode
	}
	r := &route{Route: c, kind: kind, mode: gate.Mode(mode)}
	r.segments = strings.Split(string(c.Path)[1:], "/")
	if last := len(r.segments) - 1; r.segments[last] == "*" {
		r.segments, r.open = r.segments[:last], true
	}
	for _, f := range payment.Fields() {
		source := sourceOf(c.Fields, f)
		if source.IsZero() {
			continue
		}
		r.fields = append(r.fields, field{f, source})
		r.required = r.required.With(f)
		if source.InBody() {
			r.body = append(r.body, field{f, source})
		}
	}
	if c.Body == "json" {
		names := make([]string, len(r.body))
		for i, f := range r.body {
			names[i] = f.Name
		}
		r.pointers = newPointers(names)
	}
	r.decline = newAnswer(c.Decline.Status, c.Decline.Type, c.Decline.Title, c.Decline.RetryAfter.D())
	return r, nil
}

func sourceOf(all config.Fields, want payment.Field) config.Source {
	for f, s := range all.All() {
		if f == want {
			return s
		}
	}
	return config.Source{}
}

// match reports whether the route takes a method and a clean path.
func (r *route) match(method, path string) bool {
	if len(r.Methods) > 0 {
		found := false
		for _, m := range r.Methods {
			found = found || m == method
		}
		if !found {
			return false
		}
	}
	rest := path[1:]
	for i, want := range r.segments {
		got, after, more := strings.Cut(rest, "/")
		if strings.HasPrefix(want, "{") && got == "" || !strings.HasPrefix(want, "{") && got != want {
			return false
		}
		rest = after
		if !more {
			return i == len(r.segments)-1 || r.open && i == len(r.segments)-2
		}
	}
	return r.open
}

// param returns the segment that a name in the path stands for.
func (r *route) param(path, name string) string {
	got := strings.Split(path[1:], "/")
	for i, want := range r.segments {
		if want == "{"+name+"}" && i < len(got) {
			return got[i]
		}
	}
	return ""
}

// cleanPath reports whether every server reads the path alike: no empty or dot
// segment, no backslash, and no escape of a character that needs none or that
// divides. Anything else could hide a payment from the route table.
func cleanPath(raw string) bool {
	if raw == "" || raw[0] != '/' {
		return false
	}
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '\\' || c <= ' ' || c >= 0x7f:
			return false
		case c == '%':
			if i+2 >= len(raw) || !cleanEscape(raw[i+1], raw[i+2]) {
				return false
			}
		case c == '/':
			next, _, _ := strings.Cut(raw[i+1:], "/")
			if next == "." || next == ".." || next == "" && i+1 < len(raw) {
				return false
			}
		}
	}
	return true
}

func cleanEscape(hi, lo byte) bool {
	h, ok1 := unhex(hi)
	l, ok2 := unhex(lo)
	c := h<<4 | l
	unreserved := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
	return ok1 && ok2 && !unreserved && c != '/' && c != '\\' && c != 0
}

func unhex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
