// Package expression is the one expression language of Holdfast: scopes of
// directives, alert rules, expectations of probes, criteria of levels.
// docs/formats/expression.md explains it to operators.
//
// The language is a part of github.com/expr-lang/expr, chosen so that every
// expression ends, costs little and means one thing:
//
//	expression  comparisons joined by and, or, not (also &&, ||, !)
//	comparison  == != < <= > >=, in [constants], in 1..9, startsWith, endsWith,
//	            contains, matches "regular expression"; also "not in" and so on
//	value       a field, labels["name"], a text, a number, true, false,
//	            + - * / % of numbers, a function of one text:
//	            len lower upper trim int float
//
// Everything else of expr is refused when an expression is compiled: its own
// functions (those that iterate allocate without bound, the rest are not
// needed), variables, conditionals, nil, slices, maps. So evaluation visits each
// part of an expression at most once.
//
// Arithmetic that leaves the range of whole numbers, division by zero and text
// that is not a number are errors of evaluation, never a wrong value. Text that
// may hold a card number is masked in every error.
//
// # Limits
//
// A source has at most [MaxSource] bytes and [MaxNodes] parts; its regular
// expressions together have at most [MaxPattern] instructions. A text that an
// expression reads has at most [MaxText] bytes.
//
// # Scopes
//
// A [Scope] says which payments a directive covers. It is three-valued: see
// [Truth] and [Scope.Match]. The usual comparisons become plain Go that neither
// allocates nor calls expr; what remains runs on expr's machine.
package expression

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"holdfast"
)

const (
	// MaxSource is the longest source in bytes.
	MaxSource = 4 << 10
	// MaxNodes is how many parts (fields, constants, operators) a source may have.
	MaxNodes = 1000
	// MaxPattern is how many instructions the regular expressions of one source
	// may have together. With MaxText it bounds the time of matching.
	MaxPattern = 500
	// MaxText is the longest text in bytes that an Expression reads.
	MaxText = 64 << 10
	// MaxFields is how many fields may be declared.
	MaxFields = 200
)

// Type is the type of a declared field.
type Type uint8

const (
	// String is text, given as a string.
	String Type = iota + 1
	// Int is a whole number, given as an int or an int64.
	Int
	// Float is a finite number, given as a float64.
	Float
	// Bool is true or false.
	Bool
	// StringMap maps names to texts, given as a map[string]string; a name that is
	// not in it reads as "".
	StringMap
)

// Expression is a compiled condition over declared fields. It is safe for
// concurrent use.
type Expression struct {
	source  string
	program *vm.Program
	reads   map[string]Type
}

// Compile makes a condition of src over the declared fields. Errors are an
// [*Error] with the place of the mistake, or have code Invalid or TooLarge.
func Compile(src string, fields map[string]Type) (*Expression, error) {
	t, err := read(src, fields)
	if err != nil {
		return nil, err
	}
	program, err := t.program(t.root)
	if err != nil {
		return nil, err
	}
	return &Expression{source: src, program: program, reads: t.reads(fields)}, nil
}

func (t *tree) reads(fields map[string]Type) map[string]Type {
	reads := map[string]Type{}
	for _, name := range fieldsOf(t.root) {
		reads[name] = fields[name]
	}
	return reads
}

// Source returns the text the expression was compiled from.
func (x *Expression) Source() string { return x.source }

// Eval evaluates the condition. Every field that it reads must have a value of
// the declared type, whether or not the outcome depends on it; other values are
// ignored. Errors have code Invalid, or TooLarge for a text over [MaxText].
func (x *Expression) Eval(values map[string]any) (bool, error) {
	out, err := eval(x.program, x.reads, values)
	if err != nil {
		return false, err
	}
	yes, ok := out.(bool)
	if !ok {
		return false, holdfast.Errorf(holdfast.Invalid, "the expression cannot be evaluated").Because(fmt.Errorf("the result is %T", out))
	}
	return yes, nil
}

// eval runs a program on the values of the fields that it reads.
func eval(program *vm.Program, reads map[string]Type, values map[string]any) (any, error) {
	m := machines.Get().(*machine)
	defer m.release()
	for _, name := range slices.Sorted(maps.Keys(reads)) {
		v, given := values[name]
		if !given {
			return nil, holdfast.Errorf(holdfast.Invalid, "the expression reads %s, which has no value", name).At(name)
		}
		v, err := convert(name, v, reads[name])
		if err != nil {
			return nil, err
		}
		m.env[name] = v
	}
	out, err := m.vm.Run(program, m.env)
	if err != nil {
		var at *file.Error
		if errors.As(err, &at) {
			return nil, newError(at)
		}
		return nil, holdfast.Errorf(holdfast.Invalid, "the expression cannot be evaluated").Because(err)
	}
	return out, nil
}

// convert returns v as the machine wants it, or says why it is not of the type.
func convert(name string, v any, want Type) (any, error) {
	switch v := v.(type) {
	case string:
		if want == String {
			return v, fits(name, v)
		}
	case int:
		if want == Int {
			return v, nil
		}
	case int64:
		if want == Int {
			return int(v), nil
		}
	case float64:
		if want == Float && finite(v) {
			return v, nil
		}
	case bool:
		if want == Bool {
			return v, nil
		}
	case map[string]string:
		if want == StringMap {
			for _, text := range v {
				if err := fits(name, text); err != nil {
					return nil, err
				}
			}
			return v, nil
		}
	}
	return nil, holdfast.Errorf(holdfast.Invalid, "%s must be %s, and what was given is not", name, want).At(name)
}

func fits(name, text string) error {
	if len(text) > MaxText {
		return holdfast.Errorf(holdfast.TooLarge, "%s has %d bytes; an expression reads at most %d", name, len(text), MaxText).At(name)
	}
	return nil
}

func (t Type) String() string {
	switch t {
	case String:
		return "a text"
	case Int:
		return "a whole number"
	case Float:
		return "a finite number"
	case Bool:
		return "true or false"
	case StringMap:
		return "a map of texts"
	}
	return "of a type that does not exist"
}
