package expression

import (
	"maps"
	"reflect"
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"
)

// Condition is a compiled condition over fields of which some may have no value,
// or only a lower bound. It is three-valued as [Truth] says and safe for concurrent
// use.
type Condition struct {
	root  judge
	reads []declared
}

// declared is a field with its type.
type declared struct {
	name string
	want Type
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
	c := &Condition{root: root}
	for _, name := range fieldsOf(t.root) {
		c.reads = append(c.reads, declared{name, fields[name]})
	}
	return c, nil
}

// Reads returns the names of the fields that the condition reads, sorted.
func (c *Condition) Reads() []string {
	list := make([]string, len(c.reads))
	for i, r := range c.reads {
		list[i] = r.name
	}
	slices.Sort(list)
	return list
}

// Decide tells whether the condition holds. Where it cannot be told, missing
// names the fields whose values could decide it, sorted. A value of another type
// than was declared, and a part that cannot be worked out, count as not known.
func (c *Condition) Decide(v Values) (holds Truth, missing []string) {
	if !c.ready(v.Known) {
		v.Known = c.converted(v.Known)
	}
	holds, wanting := c.root.judge(v)
	if holds != Unknown {
		return holds, nil
	}
	return Unknown, slices.Sorted(maps.Keys(wanting))
}

// ready reports whether each value that there is and the condition reads is as the
// machine wants it.
func (c *Condition) ready(known map[string]any) bool {
	for _, r := range c.reads {
		ok := false
		switch v := known[r.name].(type) {
		case nil:
			_, there := known[r.name]
			ok = !there
		case string:
			ok = r.want == String && len(v) <= MaxText
		case int:
			ok = r.want == Int
		case float64:
			ok = r.want == Float && finite(v)
		case bool:
			ok = r.want == Bool
		}
		if !ok {
			return false
		}
	}
	return true
}

// converted returns what the condition reads as the machine wants it, without what
// is of another type.
func (c *Condition) converted(given map[string]any) map[string]any {
	known := map[string]any{}
	for _, r := range c.reads {
		if v, there := given[r.name]; there {
			if value, err := convert(r.name, v, r.want); err == nil {
				known[r.name] = value
			}
		}
	}
	return known
}

// judge is a part of a condition. Where it cannot tell, it says what it lacks.
type judge interface {
	judge(v Values) (holds Truth, wanting names)
}

// judge turns a part of the tree into one that decides: and, or, not and comparisons of
// a field with constants in Go, all else on expr's machine.
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
		l.bounds, l.native = bounded(b), nativeClaim(b)
	}
	return l, err
}

type negation struct{ part judge }

func (n negation) judge(v Values) (Truth, names) {
	holds, wanting := n.part.judge(v)
	return holds.Not(), wanting
}

type junction struct {
	all         bool // joined by and, else by or
	left, right judge
}

func (j junction) judge(v Values) (Truth, names) {
	decides := Yes // whatever the other part says
	if j.all {
		decides = No
	}
	left, wanting := j.left.judge(v)
	if left == decides {
		return left, nil
	}
	right, more := j.right.judge(v)
	switch {
	case right == decides || left == right && left != Unknown:
		return right, nil
	case wanting == nil:
		wanting = more
	default:
		maps.Copy(wanting, more)
	}
	return Unknown, wanting
}

// claim is a comparison, or a field that is true or false itself.
type claim struct {
	program *vm.Program
	reads   []string
	// bounds is the field that stands alone on one side of <, <=, > or >=, and
	// nowhere on the other: for such a comparison a lower bound can be enough.
	bounds string
	// native works it out without the machine, if that can be.
	native func(value any) bool
}

// nativeClaim returns what compares a text or a whole number with constants, or nil if
// the comparison is another one. The value is as [Condition.converted] makes it.
func nativeClaim(p *ast.BinaryNode) func(value any) bool {
	field, ok := p.Left.(*ast.IdentifierNode)
	if !ok || field.Type() == nil {
		return nil
	}
	switch kind := field.Type().Kind(); right := p.Right.(type) {
	case *ast.StringNode:
		test := textTests[p.Operator]
		switch {
		case kind != reflect.String:
		case p.Operator == "==":
			return func(v any) bool { return v == right.Value }
		case test != nil:
			return func(v any) bool { return test(v.(string), right.Value) }
		}
	case *ast.IntegerNode:
		if test := amountTests[p.Operator]; kind == reflect.Int && test != nil {
			return func(v any) bool { return test(int64(v.(int)), int64(right.Value)) }
		}
	case *ast.ArrayNode:
		return nativeIn(kind, p.Operator, right.Nodes)
	}
	return nil
}

// nativeIn looks for a text among few.
func nativeIn(kind reflect.Kind, operator string, nodes []ast.Node) func(value any) bool {
	if kind != reflect.String || operator != "in" || len(nodes) > fewTexts {
		return nil
	}
	list := make([]any, len(nodes))
	for i, n := range nodes {
		text, ok := n.(*ast.StringNode)
		if !ok {
			return nil
		}
		list[i] = text.Value
	}
	return func(v any) bool { return slices.Contains(list, v) }
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

func (l claim) judge(v Values) (Truth, names) {
	var lower string // the field of which only a lower bound is known
	var wanting names
	for _, name := range l.reads {
		_, known := v.Known[name]
		if known && v.AtLeast[name] && lower == "" && name == l.bounds {
			lower = name
		} else if !known || v.AtLeast[name] {
			wanting = wanting.with(name)
		}
	}
	if len(wanting) > 0 {
		return Unknown, wanting
	}
	if l.native != nil && lower == "" {
		return truth(l.native(v.Known[l.reads[0]])), nil
	}
	holds := l.run(v.Known, "")
	if lower != "" && holds != l.run(v.Known, lower) {
		holds = Unknown
	}
	if holds == Unknown {
		for _, name := range l.reads {
			wanting = wanting.with(name)
		}
	}
	return holds, wanting
}

// with adds a name.
func (n names) with(name string) names {
	if n == nil {
		n = names{}
	}
	n[name] = struct{}{}
	return n
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
