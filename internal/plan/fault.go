package plan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"holdfast"
)

// Fault is one thing wrong with a plan's text. Package locale renders its Error
// in another language.
type Fault struct {
	// File is the name given to [Decode]; it may be empty.
	File string
	// Line and Column count from 1, columns in characters; both are 0 if the plan
	// was not read from a text.
	Line, Column int
	// Path leads to the place: procedures[0].stages[2].tasks[1].role.
	Path string
	// Rule is the stable id of the rule that is broken. docs/formats/plan.md lists
	// the rules.
	Rule string
	*holdfast.Error
}

// String gives the fault in English, as "plan.yaml:12:7: P012: …".
func (f Fault) String() string {
	place := ""
	if f.File != "" {
		place = f.File + ":"
	}
	switch {
	case f.Line > 0:
		place += fmt.Sprintf("%d:%d:", f.Line, f.Column)
	case f.Path != "":
		place += f.Path + ":"
	}
	if place != "" {
		place += " "
	}
	return place + f.Rule + ": " + f.Message()
}

// MarshalJSON writes the fault with its English message.
func (f Fault) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		File    string `json:"file,omitempty"`
		Line    int    `json:"line"`
		Column  int    `json:"column"`
		Path    string `json:"path"`
		Rule    string `json:"rule"`
		Message string `json:"message"`
	}{f.File, f.Line, f.Column, f.Path, f.Rule, f.Message()})
}

// Faults are all faults of one text, in the order of the text. As an error they
// are the cause of a refusal to publish.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

func (f Faults) sort() {
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Rule, b.Rule))
	})
}
