package expression

import (
	"slices"

	"github.com/expr-lang/expr/ast"
)

// builder turns the tree of a scope into matchers.
type builder struct {
	tree   *tree
	native bool // no part so far needs expr's machine
}

func (b *builder) build(n ast.Node) (matcher, error) {
	switch p := n.(type) {
	case *ast.BoolNode:
		return constant(truth(p.Value)), nil
	case *ast.UnaryNode: // of type bool: a not
		part, err := b.build(p.Node)
		return not{part}, err
	case *ast.BinaryNode:
		switch p.Operator {
		case "and", "&&":
			parts, err := b.parts(p, "and", "&&")
			return and(parts), err
		case "or", "||":
			parts, err := b.parts(p, "or", "||")
			return or(parts), err
		}
		if m := comparison(p); m != nil {
			return m, nil
		}
	}
	return b.residual(n)
}

// parts returns the matchers of what the operators join, flattened.
func (b *builder) parts(n ast.Node, operators ...string) ([]matcher, error) {
	p, ok := n.(*ast.BinaryNode)
	if !ok || !slices.Contains(operators, p.Operator) {
		m, err := b.build(n)
		return []matcher{m}, err
	}
	left, err := b.parts(p.Left, operators...)
	if err != nil {
		return nil, err
	}
	right, err := b.parts(p.Right, operators...)
	return append(left, right...), err
}

func (b *builder) residual(n ast.Node) (matcher, error) {
	program, err := b.tree.program(n)
	if err != nil {
		return nil, err
	}
	b.native = false
	m := &residual{program: program, texts: map[string]textField{}}
	for _, name := range fieldsOf(n) {
		if name == "amount" {
			m.amount = true
		} else {
			m.texts[name] = textFields[name]
		}
	}
	return m, nil
}

// mirrored gives for a comparison the one that says the same with its sides
// swapped.
var mirrored = map[string]string{"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

// comparison returns the matcher for a comparison of a field with constants, or
// nil if there is none.
func comparison(p *ast.BinaryNode) matcher {
	op, left, right := p.Operator, p.Left, p.Right
	if _, ok := left.(*ast.IdentifierNode); !ok && mirrored[op] != "" {
		op, left, right = mirrored[op], right, left
	}
	id, ok := left.(*ast.IdentifierNode)
	if !ok {
		return nil
	}
	if id.Value == "amount" {
		return amountComparison(op, right)
	}
	return textComparison(textFields[id.Value], op, right)
}

func textComparison(f textField, op string, right ast.Node) matcher {
	switch r := right.(type) {
	case *ast.StringNode:
		if op == "==" {
			return textEqual{f, r.Value}
		}
		if test := textTests[op]; test != nil {
			return textTest{f, test, r.Value}
		}
	case *ast.ArrayNode:
		list := make([]string, len(r.Nodes))
		for i, n := range r.Nodes {
			list[i] = n.(*ast.StringNode).Value
		}
		return newTextIn(f, list)
	}
	return nil
}

func amountComparison(op string, right ast.Node) matcher {
	switch r := right.(type) {
	case *ast.IntegerNode:
		if test := amountTests[op]; test != nil {
			return amountTest{test, int64(r.Value)}
		}
	case *ast.ArrayNode:
		list := make(amountIn, len(r.Nodes))
		for i, n := range r.Nodes {
			list[i] = int64(n.(*ast.IntegerNode).Value)
		}
		slices.Sort(list)
		return list
	}
	return nil
}
