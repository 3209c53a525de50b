package expression

import (
	"maps"
	"strings"

	"github.com/expr-lang/expr/ast"

	"holdfast/internal/payment"
)

// Scope says which payments a directive covers. It is immutable and safe for
// concurrent use. Its zero value answers Unknown to every payment.
type Scope struct {
	source string
	root   matcher
	native bool
}

// All covers every payment.
var All = &Scope{source: "all", root: constant(Yes), native: true}

// ScopeFields are the fields that a scope may read.
func ScopeFields() map[string]Type { return maps.Clone(scopeFields) }

// scopeFields are the fields of a payment, as a scope names them.
var scopeFields = map[string]Type{
	"route": String, "kind": String, "identity": String, "amount": Int, "currency": String,
	"payer": String, "payee": String, "channel": String, "method": String,
}

// CompileScope makes a scope of "all" or of an expression over the fields route,
// kind, identity, amount (minor units), currency, payer, payee, channel and
// method. A constant that no payment can have (an unknown kind, a currency in
// small letters, an amount with a fraction) is an error: a stop that silently
// covers nothing must not come to be. Errors are as of [Compile].
func CompileScope(src string) (*Scope, error) {
	if strings.TrimSpace(src) == All.source {
		return All, nil
	}
	t, err := read(src, scopeFields)
	if err != nil {
		return nil, err
	}
	if err := t.checkConstants(); err != nil {
		return nil, err
	}
	b := builder{tree: t, native: true}
	root, err := b.build(t.root)
	if err != nil {
		return nil, err
	}
	return &Scope{source: src, root: root, native: b.native}, nil
}

// Match reports whether the scope covers p.
//
// A comparison that reads a field not in p.Read is Unknown; route and kind are
// always known. And, or and not are Kleene's, so Yes and No hold whatever the
// fields that could not be read say. A part that runs on expr's machine is
// Unknown if any field in it is unread or has a text of over 1024 bytes, or if
// its evaluation fails. Whoever restricts payments counts Unknown as covered;
// whoever permits counts it as not covered.
func (s *Scope) Match(p *payment.Payment) Truth {
	if s == nil || s.root == nil {
		return Unknown
	}
	return s.root.match(p)
}

// Source returns the text the scope was compiled from. It may name a card
// number; String does not.
func (s *Scope) Source() string { return s.source }

func (s *Scope) String() string { return payment.Mask(s.source) }

// Native reports whether no part of the scope runs on expr's machine: Match then
// takes some ten nanoseconds for each comparison and does not allocate.
func (s *Scope) Native() bool { return s.native }

// checkConstants refuses constants that no payment can have.
func (t *tree) checkConstants() error {
	v := &constantCheck{tree: t}
	ast.Walk(&t.root, v)
	return v.err
}

type constantCheck struct {
	tree *tree
	err  error
}

func (c *constantCheck) Visit(n *ast.Node) {
	p, ok := (*n).(*ast.BinaryNode)
	if !ok {
		return
	}
	switch p.Operator {
	case "==", "!=", "<", "<=", ">", ">=":
		c.check(p.Left, p.Right)
		c.check(p.Right, p.Left)
	case "in":
		if a, ok := p.Right.(*ast.ArrayNode); ok {
			for _, n := range a.Nodes {
				c.check(p.Left, n)
			}
		}
	}
}

func (c *constantCheck) check(field, constant ast.Node) {
	id, isField := field.(*ast.IdentifierNode)
	if !isField || c.err != nil {
		return
	}
	at := constant.Location()
	switch v := constant.(type) {
	case *ast.FloatNode:
		c.err = errorAt(c.tree.source, at, "no payment has this amount: write whole numbers of minor units, as 1250 for 12.50")
	case *ast.StringNode:
		if _, err := payment.ParseKind(v.Value); id.Value == "kind" && err != nil {
			c.err = errorAt(c.tree.source, at, "no payment has this kind: write payment, refund, inquiry or other")
		}
		if _, err := payment.ParseCurrency(v.Value); id.Value == "currency" && err != nil {
			c.err = errorAt(c.tree.source, at, "no payment has this currency: write three capital letters")
		}
	}
}
