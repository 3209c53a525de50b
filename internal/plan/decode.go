package plan

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"reflect"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"holdfast"
)

const (
	// MaxSize is the largest text of a plan in bytes.
	MaxSize = 1 << 20
	// MaxTasks is how many tasks the procedures of one plan may have together.
	MaxTasks = 2000
	// MaxEntries is how many entries each other list of a plan may have.
	MaxEntries = 500
	// MaxFaults is how many faults are reported at once.
	MaxFaults = 1000
	// maxDepth is how deep the text may nest. A plan needs half of it.
	maxDepth = 40
)

// Hash returns the hash that names a plan's exact text: SHA-256 over its bytes.
func Hash(src []byte) holdfast.Hash { return sha256.Sum256(src) }

// Decode reads a plan and checks it. It returns every fault at once, in the
// order of the text, under the file name given. The plan holds all that could
// be read; it is whole, and safe to publish, only if there are no faults. A text
// that is not YAML gives one fault and an empty plan.
func Decode(name string, src []byte) (*Plan, Faults) {
	p, r := decode(name, src)
	return p, r.faults
}

func decode(name string, src []byte) (*Plan, *reader) {
	p, r := read(src)
	if r.tree {
		for _, f := range Check(p) {
			if !r.isBroken(f.Path) {
				r.fault(r.find(f.Path), f.Path, f.Rule, f.Error)
			}
		}
	}
	r.faults.sort()
	if len(r.faults) == MaxFaults {
		at := r.faults[MaxFaults-1]
		r.faults[MaxFaults-1] = Fault{Line: at.Line, Column: at.Column, Rule: "P018",
			Error: holdfast.Errorf(holdfast.TooLarge, "there are %d faults or more; mend those shown, then check again", MaxFaults)}
	}
	for i := range r.faults {
		r.faults[i].File = name
	}
	return p, r
}

// read fills a plan from a text without checking what it says.
func read(src []byte) (*Plan, *reader) {
	p, r := &Plan{}, newReader()
	if len(src) > MaxSize {
		r.fault(mark{1, 1}, "", "P001", holdfast.Errorf(holdfast.TooLarge, "the plan has %d bytes; %d is the limit", len(src), MaxSize))
		return p, r
	}
	if at, ok := unprintable(src); !ok {
		r.fault(at, "", "P001", holdfast.Errorf(holdfast.Invalid, "the plan is not UTF-8 text here: save the file as UTF-8, without control characters"))
		return p, r
	}
	loader, err := yaml.NewLoader(bytes.NewReader(src), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth))))
	if err != nil {
		panic("plan: options of the YAML loader: " + err.Error()) // they are constants
	}
	var doc, second yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF):
		r.fault(mark{1, 1}, "", "P002", holdfast.Errorf(holdfast.Invalid, "the plan is empty: begin with the line format: %s", Format))
		return p, r
	case err != nil:
		r.syntax(err)
		return p, r
	}
	r.tree = true
	r.value("", doc.Content[0], reflect.ValueOf(p).Elem())
	switch err := loader.Load(&second); {
	case err == nil:
		r.fault(place(&second), "", "P003", holdfast.Errorf(holdfast.Invalid, "a second document begins here: a plan is one document; remove the line ---"))
	case !errors.Is(err, io.EOF):
		r.syntax(err)
	}
	return p, r
}

// syntax reports why the text is not YAML.
func (r *reader) syntax(err error) {
	at, what := mark{1, 1}, err.Error()
	var e *yaml.LoadError
	if errors.As(err, &e) {
		what = e.Message
		if e.ContextMsg != "" {
			what = e.ContextMsg + ": " + what
		}
		for _, m := range []yaml.Mark{e.Mark, e.ContextMark} {
			if m.Line > 0 {
				at = mark{m.Line, max(m.Column, 1)}
				break
			}
		}
	}
	r.fault(at, "", "P002", holdfast.Errorf(holdfast.Invalid, "this is not YAML: %s; look for wrong indentation, a missing quote or a colon inside a text", what))
}

// unprintable finds the first place that is not UTF-8 or holds a control
// character that YAML refuses.
func unprintable(src []byte) (at mark, ok bool) {
	at = mark{1, 1}
	for i := 0; i < len(src); {
		c, size := utf8.DecodeRune(src[i:])
		switch {
		case c == utf8.RuneError && size == 1,
			c < ' ' && c != '\t' && c != '\n' && c != '\r',
			c >= 0x7f && c < 0xa0,
			c == 0xfeff && i > 0, c == 0xfffe, c == 0xffff:
			return at, false
		case c == '\n':
			at = mark{at.line + 1, 1}
		case c != 0xfeff:
			at.column++
		}
		i += size
	}
	return mark{}, true
}
