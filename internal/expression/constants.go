package expression

import (
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"

	"holdfast"
)

// Constants returns the fields that the source of a scope reads, each with the
// texts it is compared with for equality (==, !=, in), in the order they stand.
// Whoever knows which values a field can have tells from it whether a scope
// means one that does not exist.
func Constants(src string) (map[string][]string, error) {
	found := constants{}
	if s, err := CompileScope(src); err != nil || s == All {
		return found, err
	}
	t, err := read(src, scopeFields)
	if err != nil {
		return nil, err
	}
	for _, name := range fieldsOf(t.root) {
		found[name] = nil
	}
	ast.Walk(&t.root, found)
	return found, nil
}

type constants map[string][]string

func (c constants) Visit(n *ast.Node) {
	p, ok := (*n).(*ast.BinaryNode)
	if !ok {
		return
	}
	switch p.Operator {
	case "==", "!=":
		c.compared(p.Left, p.Right)
		c.compared(p.Right, p.Left)
	case "in":
		if list, ok := p.Right.(*ast.ArrayNode); ok {
			c.compared(p.Left, list.Nodes...)
		}
	}
}

func (c constants) compared(field ast.Node, with ...ast.Node) {
	id, ok := field.(*ast.IdentifierNode)
	if !ok {
		return
	}
	for _, n := range with {
		if s, ok := n.(*ast.StringNode); ok && !slices.Contains(c[id.Value], s.Value) {
			c[id.Value] = append(c[id.Value], s.Value)
		}
	}
}

// Mentions returns the texts that a source compares a field with, labels["name"]
// under that name, and under the name of a map the names in it. A source that
// cannot be read mentions nothing.
func Mentions(src string) map[string][]string {
	found := mentions{}
	if len(src) > MaxSource {
		return nil
	}
	if tree, err := parser.Parse(src); err == nil {
		ast.Walk(&tree.Node, found)
	}
	return found
}

type mentions map[string][]string

func (m mentions) Visit(n *ast.Node) {
	switch p := (*n).(type) {
	case *ast.BinaryNode:
		right := []ast.Node{p.Right}
		if list, ok := p.Right.(*ast.ArrayNode); ok {
			right = list.Nodes
		}
		for _, value := range right {
			if text, ok := value.(*ast.StringNode); ok {
				m.add(operandNamed(p.Left), text.Value)
			}
		}
	case *ast.MemberNode:
		if key, ok := p.Property.(*ast.StringNode); ok {
			m.add(operandNamed(p.Node), key.Value)
		}
	}
}

func (m mentions) add(name, value string) {
	if name != "" && !slices.Contains(m[name], value) {
		m[name] = append(m[name], value)
	}
}

// operandNamed names a field or a part of a map, or nothing.
func operandNamed(n ast.Node) string {
	switch p := n.(type) {
	case *ast.IdentifierNode:
		return p.Value
	case *ast.MemberNode:
		key, isText := p.Property.(*ast.StringNode)
		if id, ok := p.Node.(*ast.IdentifierNode); ok && isText {
			return id.Value + `["` + key.Value + `"]`
		}
	}
	return ""
}

// Names returns the names of the fields that a source reads, declared or not,
// each once.
func Names(src string) ([]string, error) {
	if len(src) > MaxSource {
		return nil, holdfast.Errorf(holdfast.TooLarge, "the expression has %d bytes; %d is the limit", len(src), MaxSource)
	}
	t, err := parser.Parse(src)
	if err != nil {
		return nil, err
	}
	return fieldsOf(t.Node), nil
}
