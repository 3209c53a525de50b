package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/expression"
)

// Mapping says how the body of one sender becomes an alert. Each field is an
// expression; an empty one is left out.
type Mapping struct {
	// Name is the sender's, and the end of the address it delivers to.
	Name string `json:"name"`
	// Firing and Resolved are conditions. A body of which neither holds is no alert
	// and is dropped; with neither written, every body is an alert that fires.
	Firing   string `json:"firing,omitempty"`
	Resolved string `json:"resolved,omitempty"`
	// Key names what is open, so that a later body can resolve it; without one each
	// body is an alert of its own.
	Key         string `json:"key,omitempty"`
	Alertname   string `json:"alertname,omitempty"`
	Severity    string `json:"severity,omitempty"`
	Summary     string `json:"summary,omitempty"`
	Description string `json:"description,omitempty"`
	Link        string `json:"link,omitempty"`
	// Labels are more labels, each as name=expression.
	Labels []string `json:"labels,omitempty"`
}

// Webhook is a compiled mapping.
type Webhook struct {
	Mapping
	firing, resolved *expression.Expression
	texts            []text
}

// text is one text of the alert: a part of it by its name, or a label.
type text struct {
	name  string
	label bool
	value *expression.Text
}

// fields are what the expressions of a mapping read.
var fields = map[string]expression.Type{"body": expression.StringMap}

// MaxLabels is how many labels a mapping adds.
const MaxLabels = 30

// CompileMapping compiles a mapping. A mistake names the field, and wraps an
// [*expression.Error] with its place.
func CompileMapping(m Mapping) (*Webhook, error) {
	w := &Webhook{Mapping: m}
	for _, c := range []struct {
		field, src string
		to         **expression.Expression
	}{{"firing", m.Firing, &w.firing}, {"resolved", m.Resolved, &w.resolved}} {
		if strings.TrimSpace(c.src) == "" {
			continue
		}
		x, err := expression.Compile(c.src, fields)
		if err != nil {
			return nil, &FieldError{c.field, err}
		}
		*c.to = x
	}
	for _, f := range []struct{ name, src string }{
		{"key", m.Key}, {"alertname", m.Alertname}, {"severity", m.Severity}, {"summary", m.Summary}, {"description", m.Description}, {"link", m.Link},
	} {
		if strings.TrimSpace(f.src) == "" {
			continue
		}
		if err := w.text(f.name, f.name, f.src, f.name == "alertname" || f.name == "severity"); err != nil {
			return nil, err
		}
	}
	if len(m.Labels) > MaxLabels {
		return nil, &FieldError{"labels", holdfast.Errorf(holdfast.TooLarge, "at most %d labels", MaxLabels)}
	}
	for _, l := range m.Labels {
		name, src, ok := strings.Cut(l, "=")
		if name = strings.TrimSpace(name); !ok || name == "" || strings.ContainsAny(name, " \"'[]") {
			return nil, &FieldError{"labels", holdfast.Errorf(holdfast.Invalid, "a label is written as name=expression, not %q", cut(l))}
		}
		if err := w.text("labels", name, src, true); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *Webhook) text(field, name, src string, label bool) error {
	x, err := expression.CompileText(src, fields)
	if err != nil {
		return &FieldError{field, err}
	}
	w.texts = append(w.texts, text{name, label, x})
	return nil
}

// FieldError is a mistake in one field of a mapping.
type FieldError struct {
	Field string
	Err   error
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

func (e *FieldError) Unwrap() error { return e.Err }

// Mistake returns the place of a mistake in an expression, if it has one.
func (e *FieldError) Mistake() (at *expression.Error, ok bool) {
	ok = errors.As(e.Err, &at)
	return at, ok
}

// Alert makes an alert of a body; ok is false for one that is none.
func (w *Webhook) Alert(body []byte, form bool) (in alert.Incoming, ok bool, err error) {
	read, err := leavesOf(body, form)
	if err != nil {
		return in, false, err
	}
	values := map[string]any{"body": read}
	in = alert.Incoming{Source: w.Name, Labels: map[string]string{}, Annotations: map[string]string{}}
	ok = w.firing == nil && w.resolved == nil
	if w.firing != nil {
		if ok, err = w.firing.Eval(values); err != nil {
			return in, false, &FieldError{"firing", err}
		}
	}
	if w.resolved != nil {
		if in.Resolved, err = w.resolved.Eval(values); err != nil {
			return in, false, &FieldError{"resolved", err}
		}
		ok = ok || in.Resolved || w.firing == nil
	}
	if !ok {
		return in, false, nil
	}
	for _, t := range w.texts {
		v, err := t.value.Eval(values)
		if err != nil {
			return in, false, &FieldError{t.name, err}
		}
		t.put(&in, v)
	}
	if in.Resolved && !in.Keyed {
		return in, false, holdfast.Errorf(holdfast.Invalid, "a body that says resolved names what is resolved: the mapping %s has no key, or it is empty here", w.Name)
	}
	if !in.Keyed { // the same body again is the same alert
		sum := sha256.Sum256(body)
		in.Fingerprint = hex.EncodeToString(sum[:16])
	}
	return in, true, nil
}

func (t text) put(in *alert.Incoming, v string) {
	switch {
	case v == "":
	case t.label:
		in.Labels[t.name] = cut(v)
	case t.name == "key":
		in.Fingerprint, in.Keyed = v, true
	case t.name == "link":
		in.Link = v
	default:
		in.Annotations[t.name] = cut(v)
	}
}

// leavesOf reads a body as JSON or as a form.
func leavesOf(body []byte, form bool) (map[string]string, error) {
	if !form {
		v, err := readJSON(body)
		if err != nil {
			return nil, err
		}
		return flatten(v, ""), nil
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "this is not a form: %v", err)
	}
	read := map[string]string{}
	for name, list := range values {
		if len(read) < maxLeaves && len(name) <= 200 && len(list) > 0 {
			read[name] = cut(list[0])
		}
	}
	return read, nil
}
