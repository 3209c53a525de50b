package expression

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// Within reports whether every payment that the scope narrow covers is one of wide.
// It is told from how they are written: narrow is all of wide and maybe more,
// joined by and. It says no where that does not show, so whoever may act on wide
// alone never acts on more.
func Within(narrow, wide string) bool {
	if strings.TrimSpace(wide) == All.source {
		return true
	}
	parts, err := conjuncts(narrow)
	if err != nil {
		return false
	}
	demanded, err := conjuncts(wide)
	if err != nil {
		return false
	}
	for _, d := range demanded {
		if !slices.Contains(parts, d) {
			return false
		}
	}
	return true
}

// conjuncts returns the parts of a scope that are joined by and at its top, each
// written in one way.
func conjuncts(src string) (parts []string, err error) {
	if strings.TrimSpace(src) == All.source {
		return nil, nil
	}
	t, err := read(src, scopeFields)
	if err != nil {
		return nil, err
	}
	for open := []ast.Node{t.root}; len(open) > 0; open = open[1:] {
		if p, ok := open[0].(*ast.BinaryNode); ok && (p.Operator == "&&" || p.Operator == "and") {
			open = append(open, p.Left, p.Right)
			continue
		}
		parts = append(parts, open[0].String())
	}
	return parts, nil
}

// Apart reports whether no payment is covered by both scopes. It is told from how
// they are written: each demands another constant of one field, joined by and. It
// says no where that does not show.
func Apart(a, b string) bool {
	left, right := demands(a), demands(b)
	for field, values := range left {
		others, both := right[field]
		if both && !slices.ContainsFunc(values, func(v string) bool { return slices.Contains(others, v) }) {
			return true
		}
	}
	return false
}

// demands returns, for the fields of which a scope demands one of some constants,
// those constants.
func demands(src string) map[string][]string {
	if strings.TrimSpace(src) == All.source {
		return nil
	}
	t, err := read(src, scopeFields)
	if err != nil {
		return nil
	}
	found := map[string][]string{}
	for open := []ast.Node{t.root}; len(open) > 0; open = open[1:] {
		p, ok := open[0].(*ast.BinaryNode)
		if !ok {
			continue
		}
		field, named := p.Left.(*ast.IdentifierNode)
		switch {
		case p.Operator == "&&" || p.Operator == "and":
			open = append(open, p.Left, p.Right)
		case named && p.Operator == "==":
			if v, ok := p.Right.(*ast.StringNode); ok && found[field.Value] == nil {
				found[field.Value] = []string{v.Value}
			}
		case named && p.Operator == "in":
			list, ok := p.Right.(*ast.ArrayNode)
			if !ok || found[field.Value] != nil {
				continue
			}
			for _, n := range list.Nodes {
				if v, ok := n.(*ast.StringNode); ok {
					found[field.Value] = append(found[field.Value], v.Value)
				} else {
					delete(found, field.Value)
					break
				}
			}
		}
	}
	return found
}
