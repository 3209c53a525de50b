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
	return peopleYAML(name, src).result()
}

func peopleYAML(name string, src []byte) listing[Person] {
	var file document
	r, err := open(name, src, Format, &file)
	if err == nil && len(file.People) > MaxPeople {
		err = r.whole(holdfast.TooLarge, "the file has %d people; %d is the limit", len(file.People), MaxPeople)
	}
	return listingOf(r, err, "people", file.People, func(i int, p Person) []*holdfast.Error {
		return slices.Concat(check(p), checkUnique(p, file.People[:i]))
	})
}

// listingOf checks the entries of a file in YAML. err is why the file is refused as a
// whole.
func listingOf[T any](r *reader, err error, key string, entries []T, check func(int, T) []*holdfast.Error) (s listing[T]) {
	if err != nil {
		s.faults, _ = err.(Faults)
		return s
	}
	s.entries = entries
	for i, e := range entries {
		at := fmt.Sprintf("%s[%d]", key, i)
		s.lines = append(s.lines, find(&r.root, at).Line)
		r.check(at, func() []*holdfast.Error { return check(i, e) })
	}
	s.faults = sortFaults(r.faults)
	return s
}

// EncodePeople writes people as [DecodePeople] reads them.
func EncodePeople(people []Person) []byte {
	b, err := yaml.Dump(document{Format: Format, People: people}, yaml.WithIndent(2))
	if err != nil {
		panic("roster: people in YAML: " + err.Error()) // they are our own types
	}
	return b
}

// reader is one file being read.
type reader struct {
	name string
	root yaml.Node
	// loading are the faults of the text as such, faults all of them.
	loading, faults Faults
}

// open loads a strict file of a format. An error means that it is not one YAML
// document; lesser faults are kept for [reader.result].
func open(name string, src []byte, format string, file any) (*reader, error) {
	r := &reader{name: name}
	if len(src) > MaxFile {
		return nil, r.whole(holdfast.TooLarge, "the file has %d bytes; %d is the limit", len(src), MaxFile)
	}
	r.loading = loadFaults(name, yaml.Load(src, file, yaml.WithKnownFields()))
	r.faults = slices.Clone(r.loading)
	if yaml.Load(src, &r.root) != nil {
		return nil, r.loading
	}
	if len(r.loading) == 0 {
		got := ""
		if n := find(&r.root, "format"); n.Kind == yaml.ScalarNode {
			got = n.Value
		}
		if got != format {
			r.at("format", holdfast.Errorf(holdfast.Invalid, "the file's format is %q; write %q", got, format))
		}
	}
	return r, nil
}

// whole makes the error of a file as a whole.
func (r *reader) whole(code holdfast.Code, format string, args ...any) error {
	return Faults{{File: r.name, Err: holdfast.Errorf(code, format, args...)}}
}

func (r *reader) at(path string, e *holdfast.Error) {
	n := find(&r.root, path)
	r.faults = append(r.faults, Fault{File: r.name, Line: n.Line, Column: n.Column, Err: e.At(path)})
}

// check adds what is wrong with the entry at a path. What could not be loaded is
// missing from its entry, and to say so again would mislead; so such an entry is
// checked no further.
func (r *reader) check(path string, faults func() []*holdfast.Error) {
	n := find(&r.root, path)
	if slices.ContainsFunc(r.loading, func(f Fault) bool { return n.Line <= f.Line && f.Line <= lastLine(n) }) {
		return
	}
	for _, e := range faults() {
		r.at(path+"."+e.Field, e)
	}
}

// result returns all faults in the order of the text, or nil.
func (r *reader) result() error {
	if len(r.faults) == 0 {
		return nil
	}
	return sortFaults(r.faults)
}

func sortFaults(faults Faults) Faults {
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return faults
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
	"holdfast.Text":    "texts with the keys zh-Hant, zh-Hans and en",
	"time.Time":        day,

	"[]roster.Deputy": "a list of deputies", "roster.Deputy": "a deputy: keys with values",
	"roster.partyDocument": "the keys format and parties", "[]roster.Party": "a list of parties", "roster.Party": "a party: keys with values",
	"roster.dutyDocument": "the keys format and schedules", "[]roster.Schedule": "a list of schedules", "roster.Schedule": "a schedule: keys with values",
	"[]roster.Rotation": "a list of rotations", "roster.Rotation": "a rotation: keys with values",
	"roster.calendarDocument": "the keys format and years", "[]roster.Year": "a list of years", "roster.Year": "a year: keys with values",
	"[]roster.Holiday": "a list of holidays", "roster.Holiday": "a holiday: keys with values", "int": "a whole number",
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
