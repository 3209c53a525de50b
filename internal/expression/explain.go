package expression

import (
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"

	"holdfast/internal/locale"
	"holdfast/internal/payment"
)

// Explain says an expression in words, with the fields by their titles; "" for one
// that cannot be read.
func (v Vocabulary) Explain(words *locale.Printer, src string) string {
	if v.Whole && strings.TrimSpace(src) == All.source {
		return words.T("explain.all")
	}
	if len(src) > MaxSource {
		return ""
	}
	tree, err := parser.Parse(src)
	if err != nil {
		return ""
	}
	return explainer{v, words}.say(tree.Node)
}

type explainer struct {
	Vocabulary
	words *locale.Printer
}

// say puts a part into words.
func (x explainer) say(n ast.Node) string {
	switch p := n.(type) {
	case *ast.IdentifierNode:
		if title := x.Titles[p.Value]; title != "" {
			return title
		}
		return p.Value
	case *ast.StringNode:
		return x.words.T("explain.text", "a", payment.Mask(p.Value))
	case *ast.IntegerNode:
		return x.words.Int(int64(p.Value))
	case *ast.FloatNode:
		return strconv.FormatFloat(p.Value, 'f', -1, 64)
	case *ast.BoolNode:
		if p.Value {
			return x.words.T("explain.yes")
		}
		return x.words.T("explain.no")
	case *ast.MemberNode:
		return x.words.T("explain.part", "a", x.say(p.Node), "b", x.say(p.Property))
	case *ast.ArrayNode:
		var all []string
		for _, entry := range p.Nodes {
			all = append(all, x.say(entry))
		}
		return strings.Join(all, x.words.T("plan.list-mark"))
	case *ast.UnaryNode:
		return x.unary(p)
	case *ast.CallNode:
		return x.call(p)
	case *ast.BuiltinNode:
		return x.function(p.Name, p.Arguments)
	case *ast.BinaryNode:
		return x.binary(p)
	}
	return n.String()
}

// condition says a part that is true or false: a field alone is a yes or no.
func (x explainer) condition(n ast.Node, joinedBy string) string {
	switch p := n.(type) {
	case *ast.IdentifierNode:
		return x.words.T("explain.holds", "a", x.say(p))
	case *ast.BinaryNode:
		if op := joining(p.Operator); op != "" && op != joinedBy {
			return x.words.T("explain.group", "a", x.say(p))
		}
	}
	return x.say(n)
}

// joining returns and or or for the operators that join conditions.
func joining(operator string) string {
	switch operator {
	case "and", "&&":
		return "and"
	case "or", "||":
		return "or"
	}
	return ""
}

func (x explainer) unary(p *ast.UnaryNode) string {
	switch p.Operator {
	case "-":
		return "-" + x.say(p.Node)
	case "not", "!":
		if in, ok := p.Node.(*ast.BinaryNode); ok && in.Operator == "in" {
			return x.words.T("explain.not-in", "a", x.say(in.Left), "b", x.say(in.Right))
		}
		if field, ok := p.Node.(*ast.IdentifierNode); ok {
			return x.words.T("explain.fails", "a", x.say(field))
		}
		return x.words.T("explain.not", "a", x.say(p.Node))
	}
	return x.say(p.Node)
}

func (x explainer) call(p *ast.CallNode) string {
	id, ok := p.Callee.(*ast.IdentifierNode)
	if !ok {
		return p.String()
	}
	return x.function(id.Value, p.Arguments)
}

func (x explainer) function(name string, args []ast.Node) string {
	if len(args) != 1 {
		return name
	}
	a := x.say(args[0])
	switch name {
	case "len":
		return x.words.T("explain.length", "a", a)
	case "lower", "upper":
		return x.words.T("explain.any-case", "a", a)
	}
	return a
}

func (x explainer) binary(p *ast.BinaryNode) string {
	if op := joining(p.Operator); op != "" {
		a, b := x.condition(p.Left, op), x.condition(p.Right, op)
		if op == "and" {
			return x.words.T("explain.and", "a", a, "b", b)
		}
		return x.words.T("explain.or", "a", a, "b", b)
	}
	if r, ok := p.Right.(*ast.BinaryNode); ok && r.Operator == ".." {
		return x.words.T("explain.between", "a", x.say(p.Left), "b", x.say(r.Left), "c", x.say(r.Right))
	}
	a, b := x.say(p.Left), x.say(p.Right)
	switch p.Operator {
	case "==":
		return x.words.T("explain.is", "a", a, "b", b)
	case "!=":
		return x.words.T("explain.is-not", "a", a, "b", b)
	case ">":
		return x.words.T("explain.above", "a", a, "b", b)
	case ">=":
		return x.words.T("explain.at-least", "a", a, "b", b)
	case "<":
		return x.words.T("explain.below", "a", a, "b", b)
	case "<=":
		return x.words.T("explain.at-most", "a", a, "b", b)
	case "in":
		return x.words.T("explain.in", "a", a, "b", b)
	case "startsWith":
		return x.words.T("explain.starts", "a", a, "b", b)
	case "endsWith":
		return x.words.T("explain.ends", "a", a, "b", b)
	case "contains":
		return x.words.T("explain.contains", "a", a, "b", b)
	case "matches":
		return x.words.T("explain.matches", "a", a, "b", b)
	}
	return a + " " + p.Operator + " " + b
}
