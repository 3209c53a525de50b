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
