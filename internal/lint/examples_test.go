package lint

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"holdfast/internal/enrolment"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

// Each rule's failing example has exactly its finding, at the right place of the
// text, and its passing example has none.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, r := range Rules() {
		t.Run(r.ID, func(t *testing.T) {
			t.Parallel()
			e, found := examples()[r.ID]
			if !found || e.Fails == "" || e.Passes == "" {
				t.Fatal("the rule has no example")
			}
			text, in := laid(t, e.Fails)
			got := Check(in)
			if len(got) != 1 || got[0].Rule != r.ID || got[0].Path != e.At {
				t.Fatalf("fails: want %s at %s, got %v", r.ID, e.At, got)
			}
			f := got[0]
			if line := strings.Split(text, "\n")[f.Line-1]; !strings.HasPrefix(string([]rune(line)[f.Column-1:]), e.Here) {
				t.Errorf("line %d column %d of %q does not begin with %q", f.Line, f.Column, line, e.Here)
			}
			if f.Severity != r.Severity || f.Severity == Error && (!f.Blocks || r.Age) {
				t.Errorf("%s: severity %s, blocks %v, age %v", f, f.Severity, f.Blocks, r.Age)
			}
			if _, in := laid(t, e.Passes); len(Check(in)) > 0 {
				// A waiver's passing example is a finding that is waived.
				if got := Check(in); len(got) != 1 || got[0].Waived == nil {
					t.Errorf("passes: got %v", got)
				}
			}
		})
	}
	for id := range examples() {
		if _, found := Lookup(id); !found {
			t.Errorf("there is an example of %s, and no such rule", id)
		}
	}
}

func TestBasePasses(t *testing.T) {
	t.Parallel()
	_, in := laid(t, "{}")
	if got := Check(in); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}

// world is what the examples say of roster, gates and calendar.
type world struct {
	Now     string          `yaml:"now"`
	People  []roster.Person `yaml:"people"`
	Left    []roster.Person `yaml:"left"`
	Parties []string        `yaml:"parties"`
	Gates   []struct {
		Gate   string            `yaml:"gate"`
		Routes []enrolment.Route `yaml:"routes"`
	} `yaml:"gates"`
	Checked  string            `yaml:"checked"`
	Drilled  map[string]string `yaml:"drilled"`
	Triggers []string          `yaml:"triggers"`
	Lost     []string          `yaml:"lost"`
	// Endpoints are those of the configuration.
	Endpoints []string `yaml:"endpoints"`
	Waivers   []struct {
		Rule, Path, Owner, Reason, Expires string
	} `yaml:"waivers"`
}

// laid lays a part of a plan over the small one and reads the whole.
func laid(t *testing.T, over part) (text string, in Input) {
	t.Helper()
	change := parse(t, []byte(over))
	outside := take(change, "world")
	base := load(t, "examples/base.yaml")
	lay(base, change)
	b, err := yaml.Marshal(base)
	if err != nil {
		t.Fatal(err)
	}
	p, places, faults := plan.Read("", b)
	if len(faults) > 0 {
		t.Fatalf("the example cannot be read: %v", faults)
	}
	around := load(t, "examples/world.yaml")
	if outside != nil {
		lay(around, outside)
	}
	var w world
	if err := around.Decode(&w); err != nil {
		t.Fatal(err)
	}
	in = Input{Plan: p, Places: places, Now: date(t, w.Now), People: &People{Here: w.People, Left: w.Left, Parties: w.Parties}, Gates: &Gates{}, Lost: w.Lost, Endpoints: w.Endpoints}
	for _, g := range w.Gates {
		in.Gates.Live = append(in.Gates.Live, &enrolment.Incarnation{Gate: g.Gate, Routes: g.Routes})
	}
	in.Governance = Governance{Triggers: w.Triggers, Checked: date(t, w.Checked)}
	for id, on := range w.Drilled {
		if in.Governance.Drilled == nil {
			in.Governance.Drilled = map[string]time.Time{}
		}
		in.Governance.Drilled[id] = date(t, on)
	}
	for _, v := range w.Waivers {
		in.Waivers = append(in.Waivers, Waiver{v.Rule, v.Path, v.Owner, v.Reason, date(t, v.Expires)})
	}
	return string(b), in
}

func date(t *testing.T, s string) time.Time {
	t.Helper()
	if s == "" {
		return time.Time{}
	}
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func load(t *testing.T, name string) *yaml.Node {
	t.Helper()
	b, err := files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, b)
}

func parse(t *testing.T, b []byte) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Load(b, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Content[0]
}

// take removes a key of a mapping and returns its value.
func take(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			v := n.Content[i+1]
			n.Content = slices.Delete(n.Content, i, i+2)
			return v
		}
	}
	return nil
}

func value(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// lay puts a mapping over another: null takes a key away, and entries of lists
// that have a name go over the entry of that name.
func lay(over, part *yaml.Node) {
	for i := 0; i+1 < len(part.Content); i += 2 {
		key, v := part.Content[i], part.Content[i+1]
		old := value(over, key.Value)
		switch {
		case v.ShortTag() == "!!null":
			take(over, key.Value)
		case old == nil:
			over.Content = append(over.Content, key, v)
		case old.Kind == yaml.MappingNode && v.Kind == yaml.MappingNode:
			lay(old, v)
		case old.Kind == yaml.SequenceNode && len(v.Content) > 0 && entryName(v.Content[0]) != "":
			layList(old, v)
		default:
			*old = *v
		}
	}
}

func layList(over, part *yaml.Node) {
	for _, v := range part.Content {
		i := slices.IndexFunc(over.Content, func(n *yaml.Node) bool { return entryName(n) == entryName(v) })
		switch {
		case value(v, "remove") != nil:
			over.Content = slices.Delete(over.Content, i, i+1)
		case i < 0:
			over.Content = append(over.Content, v)
		default:
			lay(over.Content[i], v)
		}
	}
}

func entryName(n *yaml.Node) string {
	for _, key := range []string{"id", "level", "stage", "gate", "name"} {
		if v := value(n, key); v != nil && v.Kind == yaml.ScalarNode {
			return key + " " + v.Value
		}
	}
	return ""
}
