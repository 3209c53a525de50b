package httpgate

import (
	"fmt"
	"slices"
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
	lower    []string // segments in lower case
	open     bool     // the path ends in "*"
	fields   []field
	body     []field // those of fields that stand in the body
	pointers pointers
	answered pointers // to the amount in an answer
	coded    pointers // to the error code in an answer
	required payment.Set
	decline  *answer
	second   *secondRoute // nil if the second primary has no such route
}

// What a payment is only counted by, and what it takes back, is read as its fields are
// and is none of them.
const (
	bankField payment.Field = 0x40 + iota
	merchantField
	originalField
)

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
	for _, s := range r.segments {
		r.lower = append(r.lower, strings.ToLower(s))
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
	beside := map[payment.Field]config.Source{bankField: c.Counted.Bank, merchantField: c.Counted.Merchant}
	if c.Second != nil {
		beside[originalField] = c.Second.Original
	}
	if c.StandIn != nil {
		beside[originalField] = c.StandIn.Original
	}
	for f, source := range beside {
		if source.IsZero() {
			continue
		}
		r.fields = append(r.fields, field{f, source})
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
	r.readAnswers()
	r.decline = newAnswer(c.Decline.Status, c.Decline.Type, c.Decline.Title, c.Decline.RetryAfter.D())
	if c.Second != nil {
		r.second = newSecond(r)
	}
	return r, nil
}

// readAnswers makes ready what is read of answers.
func (r *route) readAnswers() {
	r.answered, r.coded = pointers{}, pointers{}
	if !r.AnswerAmount.IsZero() {
		r.answered = newPointers([]string{r.AnswerAmount.Name})
	}
	if r.AnswerCode.From == "json" {
		r.coded = newPointers([]string{r.AnswerCode.Name})
	}
}

func sourceOf(all config.Fields, want payment.Field) config.Source {
	for f, s := range all.All() {
		if f == want {
			return s
		}
	}
	return config.Source{}
}

// match reports whether the route takes a method and a clean path. A slash at
// the end makes no difference, as with most servers.
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
	return matchPath(r.segments, r.open, path)
}

func matchPath(segments []string, open bool, path string) bool {
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	rest := path[1:]
	for i, want := range segments {
		got, after, more := strings.Cut(rest, "/")
		if strings.HasPrefix(want, "{") && got == "" || !strings.HasPrefix(want, "{") && got != want {
			return false
		}
		rest = after
		if !more {
			return i == len(segments)-1
		}
	}
	return open
}

// near reports whether the route would take the request on a server that makes
// no difference between letter cases, leaves out parameters behind a semicolon
// (Tomcat) or takes an ending for the form of the answer (Rails). The gate makes
// a difference, so such a request could pass it as something else.
func (r *route) near(method, path string) bool {
	if len(r.Methods) > 0 && !slices.Contains(r.Methods, strings.ToUpper(method)) {
		return false
	}
	got := strings.Split(strings.ToLower(path), "/")
	for i := range got {
		got[i], _, _ = strings.Cut(got[i], ";")
	}
	last := &got[len(got)-1]
	plain, _, _ := strings.Cut(*last, ".")
	path = strings.Join(got, "/")
	*last = plain
	return matchPath(r.lower, r.open, path) || matchPath(r.lower, r.open, strings.Join(got, "/"))
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
		case c == '\\' || c == '?' || c == '#' || c <= ' ' || c >= 0x7f:
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
