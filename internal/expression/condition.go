package expression

import (
	"maps"
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"
)

// Condition is a compiled condition over fields of which some may have no value,
// or only a lower bound. It is three-valued as [Truth] says and safe for concurrent
// use.
type Condition struct {
	root  judge
	reads map[string]Type
}

// Values are what a [Condition] is decided on. A field that is not in Known has
// no value.
type Values struct {
	Known map[string]any
	// AtLeast names numbers of Known that are lower bounds: the true value is that
	// or more.
	AtLeast map[string]bool
}

// CompileCondition makes a condition as [Compile] does, with the same errors.
func CompileCondition(src string, fields map[string]Type) (*Condition, error) {
	t, err := read(src, fields)
	if err != nil {
		return nil, err
	}
	root, err := t.judge(t.root)
	if err != nil {
		return nil, err
	}
	c := &Condition{root: root, reads: map[string]Type{}}
	for _, name := range fieldsOf(t.root) {
		c.reads[name] = fields[name]
	}
	return c, nil
}

// Reads returns the names of the fields that the condition reads, sorted.
func (c *Condition) Reads() []string { return slices.Sorted(maps.Keys(c.reads)) }

// Decide tells whether the condition holds. Where it cannot be told, missing
// names the fields whose values could decide it, sorted. A value of another type
// than was declared, and a part that cannot be worked out, count as not known.
func (c *Condition) Decide(v Values) (holds Truth, missing []string) {
	known := map[string]any{}
	for name, want := range c.reads {
		if given, there := v.Known[name]; there {
			if value, err := convert(name, given, want); err == nil {
				known[name] = value
			}
		}
	}
	wanting := names{}
	holds = c.root.judge(Values{Known: known, AtLeast: v.AtLeast}, wanting)
	if holds != Unknown {
		return holds, nil
	}
	return Unknown, slices.Sorted(maps.Keys(wanting))
}

// judge is a part of a condition. It adds to wanting what it lacks, if it cannot
// tell.
type judge interface {
	judge(v Values, wanting names) Truth
}

// judge turns a part of the tree into one that decides: and, or and not in Go, and
// what they join on expr's machine.
func (t *tree) judge(n ast.Node) (judge, error) {
	switch p := n.(type) {
	case *ast.UnaryNode: // of type bool: a not
		part, err := t.judge(p.Node)
		return negation{part}, err
	case *ast.BinaryNode:
		all := p.Operator == "and" || p.Operator == "&&"
		if !all && p.Operator != "or" && p.Operator != "||" {
			break
		}
		left, err := t.judge(p.Left)
		if err != nil {
			return nil, err
		}
		right, err := t.judge(p.Right)
		return junction{all, left, right}, err
	}
	program, err := t.program(n)
	l := claim{program: program, reads: fieldsOf(n)}
	if b, ok := n.(*ast.BinaryNode); ok {
		l.bounds = bounded(b)
	}
	return l, err
}

type negation struct{ part judge }

func (n negation) judge(v Values, wanting names) Truth { return n.part.judge(v, wanting).Not() }

type junction struct {
	all         bool // joined by and, else by or
	left, right judge
}

func (j junction) judge(v Values, wanting names) Truth {
	lacks := [2]names{{}, {}}
	left, right := j.left.judge(v, lacks[0]), j.right.judge(v, lacks[1])
	holds := left.Or(right)
	if j.all {
		holds = left.And(right)
	}
	if holds == Unknown {
		maps.Copy(wanting, lacks[0])
		maps.Copy(wanting, lacks[1])
	}
	return holds
}

// claim is a comparison, or a field that is true or false itself.
type claim struct {
	program *vm.Program
	reads   []string
	// bounds is the field that stands alone on one side of <, <=, > or >=, and
	// nowhere on the other: for such a comparison a lower bound can be enough.
	bounds string
}

// bounded returns the field whose lower bound can be enough for a comparison.
func bounded(p *ast.BinaryNode) string {
	if !slices.Contains([]string{"<", "<=", ">", ">="}, p.Operator) {
		return ""
	}
	for _, side := range [][2]ast.Node{{p.Left, p.Right}, {p.Right, p.Left}} {
		if field, ok := side[0].(*ast.IdentifierNode); ok && !slices.Contains(fieldsOf(side[1]), field.Value) {
			return field.Value
		}
	}
	return ""
}

// endless stands for a number without upper bound: more than any count or sum.
const endless = 1e300

func (l claim) judge(v Values, wanting names) Truth {
	var lower string // the field of which only a lower bound is known
	for _, name := range l.reads {
		_, known := v.Known[name]
		if known && v.AtLeast[name] && lower == "" && name == l.bounds {
			lower = name
		} else if !known || v.AtLeast[name] {
			wanting[name] = struct{}{}
		}
	}
	if len(wanting) > 0 {
		return Unknown
	}
	holds := l.run(v.Known, "")
	if lower != "" && holds != l.run(v.Known, lower) {
		holds = Unknown
	}
	if holds == Unknown {
		for _, name := range l.reads {
			wanting[name] = struct{}{}
		}
	}
	return holds
}

// run works the part out, with one field taken as endless.
func (l claim) run(known map[string]any, unbounded string) Truth {
	m := machines.Get().(*machine)
	defer m.release()
	for _, name := range l.reads {
		m.env[name] = known[name]
		if name == unbounded {
			m.env[name] = endless
		}
	}
	yes, err := m.run(l.program)
	if err != nil {
		return Unknown
	}
	return truth(yes)
}
