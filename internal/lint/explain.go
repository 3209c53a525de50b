package lint

import (
	"embed"
	"fmt"
	"sync"

	"go.yaml.in/yaml/v4"

	"holdfast/internal/locale"
)

//go:embed examples/*.yaml
var files embed.FS

// Explanation is a rule in words.
type Explanation struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Group    string   `json:"group"`
	// Age says that the calendar alone can break it.
	Age   bool   `json:"age,omitempty"`
	Title string `json:"title"`
	Why   string `json:"why"`
	Mend  string `json:"mend"`
	// Fails and Passes are parts of a plan, in YAML, of which one breaks the rule and
	// the other keeps it. Under world stands what roster, gates and calendar say.
	Fails  string `json:"fails"`
	Passes string `json:"passes"`
}

// Explain puts a rule in words.
func Explain(r Rule, words *locale.Printer) Explanation {
	e := examples()[r.ID]
	return Explanation{
		Rule: r.ID, Severity: r.Severity, Group: r.Group(), Age: r.Age,
		Title: words.T("lint." + r.ID + ".title"), Why: words.T("lint." + r.ID + ".why"), Mend: words.T("lint." + r.ID + ".mend"),
		Fails: string(e.Fails), Passes: string(e.Passes),
	}
}

// Words lists the keys under which the catalogues speak of rules.
func Words() []string {
	var keys []string
	for _, s := range Severities {
		keys = append(keys, "lint.severity."+string(s))
	}
	for _, g := range Groups {
		keys = append(keys, "lint.group."+g)
	}
	for _, r := range rules {
		for _, part := range []string{"title", "why", "mend"} {
			keys = append(keys, "lint."+r.ID+"."+part)
		}
	}
	return keys
}

// example is the test of a rule: parts of a plan that are laid over
// examples/base.yaml.
type example struct {
	// At is the path of the finding, Here how the text at its place begins.
	At, Here      string
	Fails, Passes part
}

// part is a part of a plan, as YAML.
type part string

// UnmarshalYAML writes what was read as a person would.
func (p *part) UnmarshalYAML(n *yaml.Node) error {
	b, err := yaml.Dump(n, yaml.WithIndent(2))
	*p = part(b)
	return err
}

var examples = sync.OnceValue(func() map[string]example {
	all := map[string]example{}
	for _, group := range Groups {
		b, err := files.ReadFile("examples/" + group + ".yaml")
		if err == nil {
			err = yaml.Load(b, &all)
		}
		if err != nil {
			panic(fmt.Sprintf("lint: examples of %s: %v", group, err)) // they are part of the program; a test reads them
		}
	}
	return all
})
