package roster

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"holdfast"
)

// Fault is one thing wrong with a file of people.
type Fault struct {
	// File is the name given to [DecodePeople].
	File string
	// Line and Column count from 1; both are 0 for a fault of the whole file.
	Line, Column int
	// Err says what is wrong. Its field is the path of the place, as
	// people[2].contacts[0].address, if that is known.
	Err *holdfast.Error
}

// Error gives the fault in English, as "people.yaml:12:7: …".
func (f Fault) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Err.Message())
}

func (f Fault) Unwrap() error { return f.Err }

// Faults are all faults of one file, in the order of the text.
type Faults []Fault

// Error gives one fault a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns each fault.
func (f Faults) Unwrap() []error {
	errs := make([]error, len(f))
	for i, fault := range f {
		errs[i] = fault
	}
	return errs
}

// document is the file as a whole.
type document struct {
	Format string   `yaml:"format"`
	People []Person `yaml:"people"`
}

// DecodePeople reads a file of people; name is what faults call it. The error
// is a [Faults] with everything wrong with the file by itself. Whether it agrees
// with the roster is for [Service.Record].
func DecodePeople(name string, src []byte) ([]Person, error) {
	whole := func(code holdfast.Code, format string, args ...any) error {
		return Faults{{File: name, Err: holdfast.Errorf(code, format, args...)}}
	}
	if len(src) > MaxFile {
		return nil, whole(holdfast.TooLarge, "the file has %d bytes; %d is the limit", len(src), MaxFile)
	}
	var file document
	faults := loadFaults(name, yaml.Load(src, &file, yaml.WithKnownFields()))
	var root yaml.Node
	if yaml.Load(src, &root) != nil {
		return nil, faults // the text is not YAML, or not one document
	}
	at := func(path string, e *holdfast.Error) {
		n := find(&root, path)
		faults = append(faults, Fault{File: name, Line: n.Line, Column: n.Column, Err: e.At(path)})
	}
	if len(faults) == 0 && file.Format != Format {
		at("format", holdfast.Errorf(holdfast.Invalid, "the file's format is %q; write %q", file.Format, Format))
	}
	if len(file.People) > MaxPeople {
		return nil, whole(holdfast.TooLarge, "the file has %d people; %d is the limit", len(file.People), MaxPeople)
	}
	// What could not be loaded is missing from its person, and to say so again
	// would mislead; so such a person is checked no further.
	loading := faults
	for i, p := range file.People {
		path := fmt.Sprintf("people[%d]", i)
		if n := find(&root, path); slices.ContainsFunc(loading, func(f Fault) bool { return n.Line <= f.Line && f.Line <= lastLine(n) }) {
			continue
		}
		for _, e := range slices.Concat(check(p), checkUnique(p, file.People[:i])) {
			at(path+"."+e.Field, e)
		}
	}
	if len(faults) > 0 {
		slices.SortStableFunc(faults, func(a, b Fault) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		return nil, faults
	}
	return file.People, nil
}

// loadFaults turns the errors of package yaml into faults.
func loadFaults(name string, err error) Faults {
	var one *yaml.LoadError
	var all *yaml.LoadErrors
	switch {
	case errors.As(err, &all):
	case errors.As(err, &one):
		all = &yaml.LoadErrors{Errors: []*yaml.LoadError{one}}
	case err != nil:
		return Faults{{File: name, Err: holdfast.Errorf(holdfast.Invalid, "the file cannot be read as YAML").Because(err)}}
	default:
		return nil
	}
	var faults Faults
	for _, e := range all.Errors {
		faults = append(faults, Fault{File: name, Line: e.Mark.Line, Column: e.Mark.Column, Err: loadError(e.Message)})
	}
	return faults
}

var (
	unknownKey = regexp.MustCompile(`^field (.*) not found in type `)
	wrongType  = regexp.MustCompile(`^cannot construct .* into (\S+)$`)
	wrongTime  = regexp.MustCompile(`^parsing time `)
)

const day = "a day, as 2026-10-01"

// wanted says in words what stands where a Go type is loaded.
var wanted = map[string]string{
	"roster.document":  "the keys format and people",
	"string":           "a text",
	"[]string":         "a list of texts",
	"[]roster.Person":  "a list of people",
	"roster.Person":    "a person: keys with values",
	"[]roster.Contact": "a list of contacts",
	"roster.Contact":   "a contact: keys with values",
	"roster.Channel":   "smtp, webhook or phone",
	"holdfast.Lang":    "zh-Hant, zh-Hans or en",
	"time.Time":        day,
}

// loadError says what package yaml says, in words that do not need Go.
func loadError(message string) *holdfast.Error {
	if m := unknownKey.FindStringSubmatch(message); m != nil {
		return holdfast.Errorf(holdfast.Invalid, "there is no key %q here; correct or remove it", m[1])
	}
	want := ""
	if m := wrongType.FindStringSubmatch(message); m != nil {
		want = wanted[m[1]]
	} else if wrongTime.MatchString(message) {
		want = day
	}
	if want != "" {
		return holdfast.Errorf(holdfast.Invalid, "the value does not fit; write %s", want)
	}
	return holdfast.Errorf(holdfast.Invalid, "the file cannot be read as people in YAML: %s", message)
}

// find returns the node at a path as people[2].contacts[0].address, or the
// nearest one around it.
func find(n *yaml.Node, path string) *yaml.Node {
	if n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
		n = n.Content[0]
	}
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune(".[]", r) }) {
		next := child(n, step)
		if next == nil {
			break
		}
		n = next
	}
	return n
}

func child(n *yaml.Node, step string) *yaml.Node {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i]
		}
	}
	return nil
}

// lastLine returns the line on which the last part of a node begins.
func lastLine(n *yaml.Node) int {
	last := n.Line
	for _, c := range n.Content {
		last = max(last, lastLine(c))
	}
	return last
}
