package expression

import (
	"fmt"
	"reflect"

	"github.com/expr-lang/expr/vm"

	"holdfast"
)

// Text is a compiled expression whose value is a text: a field, a name of a map, a
// constant, or a function of one of them. It is safe for concurrent use.
type Text struct {
	program *vm.Program
	reads   map[string]Type
}

// CompileText makes a text of src over the declared fields. Errors are those of
// [Compile].
func CompileText(src string, fields map[string]Type) (*Text, error) {
	t, err := readAny(src, fields)
	if err != nil {
		return nil, err
	}
	if kind := t.root.Type().Kind(); kind != reflect.String {
		return nil, errorAt(t.source, t.root.Location(), "the expression must be a text, and this is %s", typeOf(kind))
	}
	program, err := t.program(t.root)
	if err != nil {
		return nil, err
	}
	return &Text{program, t.reads(fields)}, nil
}

// Eval returns the text. Its errors are those of [Expression.Eval].
func (x *Text) Eval(values map[string]any) (string, error) {
	out, err := eval(x.program, x.reads, values)
	if err != nil {
		return "", err
	}
	s, ok := out.(string)
	if !ok {
		return "", holdfast.Errorf(holdfast.Invalid, "the expression cannot be evaluated").Because(fmt.Errorf("the result is %T", out))
	}
	return s, nil
}
