package expression

import (
	"errors"
	"maps"
	"reflect"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"holdfast"
)

// tree is a source that was read and checked: its parts are those of the
// language, its types fit, arithmetic is checked arithmetic.
type tree struct {
	source file.Source
	config *conf.Config
	root   ast.Node
}

// read parses src and checks that it is a condition of the language over the
// declared fields.
func read(src string, fields map[string]Type) (*tree, error) {
	t, err := readAny(src, fields)
	if err != nil {
		return nil, err
	}
	if kind := t.root.Type().Kind(); kind != reflect.Bool {
		return nil, errorAt(t.source, t.root.Location(), "the expression must be true or false, and this is %s: compare it with something", typeOf(kind))
	}
	return t, nil
}

// readAny parses src and checks it against the language and the declared fields.
func readAny(src string, fields map[string]Type) (*tree, error) {
	switch {
	case len(src) > MaxSource:
		return nil, holdfast.Errorf(holdfast.TooLarge, "the expression has %d bytes; %d is the limit", len(src), MaxSource)
	case !utf8.ValidString(src):
		return nil, holdfast.Errorf(holdfast.Invalid, "the expression is not valid UTF-8 text")
	case strings.TrimSpace(src) == "":
		return nil, holdfast.Errorf(holdfast.Invalid, "the expression is empty")
	}
	env, err := environment(fields)
	if err != nil {
		return nil, err
	}
	t := &tree{source: file.NewSource(src), config: &conf.Config{
		Strict: true, ShortCircuit: true, MaxNodes: MaxNodes, Functions: functions, Disabled: map[string]bool{},
	}}
	t.config.WithEnv(env)
	parsed, err := parser.ParseWithConfig(src, t.config)
	if err != nil {
		return nil, t.located(err)
	}
	g := grammar{source: t.source, fields: fields}
	if err := g.check(&parsed.Node); err != nil {
		return nil, err
	}
	if _, err := checker.Check(parsed, t.config); err != nil {
		return nil, t.located(err)
	}
	t.root = parsed.Node
	return t, nil
}

// program compiles a part of the tree for expr's machine.
func (t *tree) program(part ast.Node) (*vm.Program, error) {
	p, err := compiler.Compile(&parser.Tree{Node: part, Source: t.source}, t.config)
	if err != nil {
		return nil, t.located(err)
	}
	return p, nil
}

func (t *tree) located(err error) error {
	var at *file.Error
	if errors.As(err, &at) {
		return newError(at)
	}
	return holdfast.Errorf(holdfast.Invalid, "the expression cannot be compiled").Because(err)
}

var fieldName = regexp.MustCompile(`^[a-z][A-Za-z0-9_]{0,63}$`)

// reserved are the words of the language that a field cannot have as its name.
var reserved = []string{
	"true", "false", "nil", "not", "and", "or", "in", "matches", "contains",
	"startsWith", "endsWith", "let", "if", "else",
}

func environment(fields map[string]Type) (types.Map, error) {
	if len(fields) > MaxFields {
		return nil, holdfast.Errorf(holdfast.Invalid, "%d fields are declared; %d is the limit", len(fields), MaxFields)
	}
	kinds := map[Type]types.Type{
		String: types.String, Int: types.Int, Float: types.Float64, Bool: types.Bool,
		StringMap: types.TypeOf(map[string]string{}),
	}
	env := types.Map{}
	for name, t := range fields {
		if _, taken := functions[name]; taken || !fieldName.MatchString(name) || slices.Contains(reserved, name) {
			return nil, holdfast.Errorf(holdfast.Invalid, "%q cannot name a field: write 1 to 64 letters, digits and '_', a lower-case letter first, and no word of the language", name)
		}
		kind, known := kinds[t]
		if !known {
			return nil, holdfast.Errorf(holdfast.Invalid, "field %s has a type that does not exist", name)
		}
		env[name] = kind
	}
	return env, nil
}

// fieldsOf returns the names of the fields a part reads, each once.
func fieldsOf(part ast.Node) []string {
	found := names{}
	ast.Walk(&part, found)
	return slices.Sorted(maps.Keys(found))
}

type names map[string]struct{}

func (found names) Visit(n *ast.Node) {
	// The callee of a function is an identifier too.
	if id, ok := (*n).(*ast.IdentifierNode); ok && functions[id.Value] == nil {
		found[id.Value] = struct{}{}
	}
}

// grammar refuses what is not of the language and rewrites three things: the
// sign of a number into the number, "in 1..9" into two comparisons, arithmetic
// into calls of its checked form.
type grammar struct {
	source  file.Source
	fields  map[string]Type
	pattern int // instructions of the regular expressions so far
}

func (g *grammar) refuse(n ast.Node, format string, args ...any) error {
	return errorAt(g.source, n.Location(), format, args...)
}

func (g *grammar) check(n *ast.Node) error {
	switch p := (*n).(type) {
	case *ast.BoolNode, *ast.StringNode, *ast.IntegerNode, *ast.FloatNode:
		return nil
	case *ast.IdentifierNode:
		if _, ok := g.fields[p.Value]; !ok {
			return g.refuse(p, "there is no field %s; write one of %s", p.Value, strings.Join(slices.Sorted(maps.Keys(g.fields)), ", "))
		}
		return nil
	case *ast.UnaryNode:
		return g.unary(n, p)
	case *ast.BinaryNode:
		return g.binary(n, p)
	case *ast.MemberNode:
		return g.member(p)
	case *ast.CallNode:
		return g.call(p)
	case *ast.BuiltinNode:
		return g.refuse(p, "there is no function %s; write one of %s", p.Name, strings.Join(textFunctions, ", "))
	case *ast.ArrayNode:
		return g.refuse(p, "a list stands only after in")
	case *ast.NilNode:
		return g.refuse(p, "there is no nil: a field always has a value")
	}
	return g.refuse(*n, "this is not part of the language: write comparisons joined by and, or, not")
}

func (g *grammar) unary(n *ast.Node, p *ast.UnaryNode) error {
	switch p.Operator {
	case "not", "!":
		return g.check(&p.Node)
	case "-":
		switch number := p.Node.(type) {
		case *ast.IntegerNode:
			ast.Patch(n, &ast.IntegerNode{Value: -number.Value})
			return nil
		case *ast.FloatNode:
			ast.Patch(n, &ast.FloatNode{Value: -number.Value})
			return nil
		}
	}
	return g.refuse(p, "a sign stands only before a number; write 0 - x for the negative of x")
}

func (g *grammar) binary(n *ast.Node, p *ast.BinaryNode) error {
	if p.Operator == "in" {
		return g.in(n, p)
	}
	if err := g.check(&p.Left); err != nil {
		return err
	}
	if err := g.check(&p.Right); err != nil {
		return err
	}
	switch p.Operator {
	case "and", "&&", "or", "||", "==", "!=", "<", "<=", ">", ">=", "startsWith", "endsWith", "contains":
		return nil
	case "matches":
		return g.matches(p)
	case "+", "-", "*", "/", "%":
		callee := &ast.IdentifierNode{Value: p.Operator}
		callee.SetLocation(p.Location())
		ast.Patch(n, &ast.CallNode{Callee: callee, Arguments: []ast.Node{p.Left, p.Right}})
		return nil
	}
	return g.refuse(p, "there is no operator %s here", p.Operator)
}

func (g *grammar) in(n *ast.Node, p *ast.BinaryNode) error {
	if err := g.check(&p.Left); err != nil {
		return err
	}
	switch right := p.Right.(type) {
	case *ast.ArrayNode:
		return g.constants(right)
	case *ast.IdentifierNode:
		if g.fields[right.Value] == StringMap {
			return nil
		}
	case *ast.BinaryNode:
		if right.Operator != ".." {
			break
		}
		for _, end := range []*ast.Node{&right.Left, &right.Right} {
			if err := g.check(end); err != nil {
				return err
			}
			if _, ok := (*end).(*ast.IntegerNode); !ok {
				return g.refuse(*end, "both ends of a range are whole numbers, as in 1..9")
			}
		}
		low := &ast.BinaryNode{Operator: ">=", Left: p.Left, Right: right.Left}
		high := &ast.BinaryNode{Operator: "<=", Left: p.Left, Right: right.Right}
		low.SetLocation(p.Location())
		high.SetLocation(p.Location())
		ast.Patch(n, &ast.BinaryNode{Operator: "and", Left: low, Right: high})
		return nil
	}
	return g.refuse(p, `after in stands a list of constants, as in ["a", "b"], or a range, as in 1..9`)
}

// constants checks the list after in: texts or numbers, and at least one.
func (g *grammar) constants(a *ast.ArrayNode) error {
	if len(a.Nodes) == 0 {
		return g.refuse(a, "the list is empty, so nothing is in it")
	}
	for i := range a.Nodes {
		if err := g.check(&a.Nodes[i]); err != nil {
			return err
		}
		switch a.Nodes[i].(type) {
		case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode:
		default:
			return g.refuse(a.Nodes[i], "a list holds texts or numbers")
		}
		if reflect.TypeOf(a.Nodes[i]) != reflect.TypeOf(a.Nodes[0]) {
			return g.refuse(a.Nodes[i], "the constants of a list are all of one type")
		}
	}
	return nil
}

func (g *grammar) matches(p *ast.BinaryNode) error {
	pattern, ok := p.Right.(*ast.StringNode)
	if !ok {
		return g.refuse(p, "after matches stands a regular expression in quotes")
	}
	re, err := syntax.Parse(pattern.Value, syntax.Perl)
	if err != nil {
		return g.mistaken(pattern, err)
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return g.mistaken(pattern, err)
	}
	if g.pattern += len(prog.Inst); g.pattern > MaxPattern {
		return g.refuse(pattern, "the regular expressions are too large: %d instructions; %d is the limit", g.pattern, MaxPattern)
	}
	return nil
}

func (g *grammar) member(p *ast.MemberNode) error {
	id, ok := p.Node.(*ast.IdentifierNode)
	if !ok || g.fields[id.Value] != StringMap || p.Optional || p.Method {
		return g.refuse(p, `only a map of texts has parts, as in labels["name"]`)
	}
	return g.check(&p.Property)
}

func (g *grammar) call(p *ast.CallNode) error {
	id, ok := p.Callee.(*ast.IdentifierNode)
	if !ok || !slices.Contains(textFunctions, id.Value) {
		return g.refuse(p, "there is no such function; write one of %s", strings.Join(textFunctions, ", "))
	}
	for i := range p.Arguments {
		if err := g.check(&p.Arguments[i]); err != nil {
			return err
		}
	}
	return nil
}
