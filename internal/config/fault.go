package config

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"

	"holdfast"
)

// OriginKind says what sort of place a value came from.
type OriginKind string

const (
	FromDefault     OriginKind = "default"
	FromFile        OriginKind = "file"
	FromEnvironment OriginKind = "environment"
	FromFlag        OriginKind = "flag"
)

// Origin is where a value came from.
type Origin struct {
	Kind OriginKind
	// Name is the file's, the variable's or the flag's.
	Name string
	// Line and Column count from 1 and are 0 outside a file.
	Line, Column int
}

func (o Origin) String() string {
	switch o.Kind {
	case FromFile:
		return fmt.Sprintf("%s:%d:%d", o.Name, o.Line, o.Column)
	case FromEnvironment, FromFlag:
		return fmt.Sprintf("%s %s", o.Kind, o.Name)
	default:
		return string(FromDefault)
	}
}

// Fault is one thing that is wrong with the settings.
type Fault struct {
	Origin Origin
	// Path names the setting; it is empty if the file cannot be read as YAML.
	Path    string
	Message string
}

func (f Fault) String() string {
	parts := []string{f.Message}
	if f.Path != "" {
		parts = []string{f.Path, f.Message}
	}
	if f.Origin.Kind != FromDefault {
		parts = append([]string{f.Origin.String()}, parts...)
	}
	return strings.Join(parts, ": ")
}

// Faults is all that is wrong with the settings, in the order of the file. Its
// code is holdfast.Invalid.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the faults their code.
func (f Faults) Unwrap() error {
	return holdfast.Errorf(holdfast.Invalid, "the settings have %d faults", len(f))
}

// report collects faults: first those of single values, then those of rules.
type report struct {
	file    string // "" if there is none
	origins map[string]Origin
	faults  Faults
	unread  map[string]bool // paths whose value could not be read
	env     func(string) (string, bool)
}

func newReport(opt Options) *report {
	return &report{file: opt.File, env: opt.Env, origins: map[string]Origin{}, unread: map[string]bool{}}
}

// broken records that the value of a setting or section cannot be read.
func (r *report) broken(path, format string, args ...any) {
	r.brokenAt(r.near(path), path, fmt.Sprintf(format, args...))
}

func (r *report) brokenAt(origin Origin, path, message string) {
	r.unread[path] = true
	r.faults = append(r.faults, Fault{origin, path, message})
}

// at records that a setting breaks a rule, at the place it came from or, if it
// was not given, at the nearest section around it that was. What could not be
// read breaks no rules on top.
func (r *report) at(path, format string, args ...any) {
	for around := range outwards(path) {
		if r.unread[around] {
			return
		}
	}
	r.faults = append(r.faults, Fault{r.near(path), path, fmt.Sprintf(format, args...)})
}

// outwards yields a path and the sections around it, the whole file ("") last.
func outwards(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for yield(path) && path != "" {
			path = path[:max(0, strings.LastIndexAny(path, ".["))]
		}
	}
}

func (r *report) near(path string) Origin {
	for around := range outwards(path) {
		if o, ok := r.origins[around]; ok {
			return o
		}
	}
	if r.file != "" {
		return Origin{FromFile, r.file, 1, 1}
	}
	return Origin{Kind: FromDefault}
}

// given reports whether a setting was written anywhere.
func (r *report) given(path string) bool {
	_, ok := r.origins[path]
	return ok
}

// err returns the faults in the order a reader of the file meets them, those
// outside the file last.
func (r *report) err() error {
	if len(r.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(r.faults, func(a, b Fault) int {
		inFile := func(f Fault) int {
			if f.Origin.Kind == FromFile {
				return 0
			}
			return 1
		}
		return cmp.Or(
			cmp.Compare(inFile(a), inFile(b)),
			cmp.Compare(a.Origin.Line, b.Origin.Line),
			cmp.Compare(a.Origin.Column, b.Origin.Column),
		)
	})
	return r.faults
}

// nearest returns the known word that text most likely means, or "".
func nearest(text string, known []string) string {
	best, limit := "", min(3, len(text)/2)+1
	for _, word := range known {
		if d := distance(text, word); d < limit {
			best, limit = word, d
		}
	}
	return best
}

// distance counts the letters to add, drop or change to get from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
