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
