package expression

import (
	"fmt"
	"math"
	"math/bits"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"
)

// functions are all that an expression can call. The operators among them are
// called by the rewritten form of arithmetic only: no source can spell them so.
var functions = conf.FunctionsTable{
	"len":   ofText("len", intType, func(s string) (any, error) { return utf8.RuneCountInString(s), nil }),
	"lower": ofText("lower", textType, func(s string) (any, error) { return strings.ToLower(s), nil }),
	"upper": ofText("upper", textType, func(s string) (any, error) { return strings.ToUpper(s), nil }),
	"trim":  ofText("trim", textType, func(s string) (any, error) { return strings.TrimSpace(s), nil }),
	"int":   ofText("int", intType, parseInt),
	"float": ofText("float", floatType, parseFloat),

	"+": arithmetic("+", addInt, func(a, b float64) float64 { return a + b }),
	"-": arithmetic("-", subInt, func(a, b float64) float64 { return a - b }),
	"*": arithmetic("*", mulInt, func(a, b float64) float64 { return a * b }),
	"/": arithmetic("/", nil, func(a, b float64) float64 { return a / b }),
	"%": arithmetic("%", modInt, nil),
}

var textFunctions = []string{"float", "int", "len", "lower", "trim", "upper"}

// Whole numbers of expr are ints, and amounts need 64 bits: on a machine with
// smaller ints this does not compile.
var _ [strconv.IntSize - 64]struct{}

var (
	intType   = reflect.TypeFor[int]()
	floatType = reflect.TypeFor[float64]()
	textType  = reflect.TypeFor[string]()
)

func ofText(name string, result reflect.Type, f func(string) (any, error)) *builtin.Function {
	return &builtin.Function{
		Name: name,
		Func: func(args ...any) (any, error) { return f(args[0].(string)) },
		Validate: func(args []reflect.Type) (reflect.Type, error) {
			if len(args) != 1 || args[0] != textType {
				return result, fmt.Errorf("%s takes one text", name)
			}
			return result, nil
		},
	}
}

// arithmetic makes an operator on numbers. Two whole numbers go to onInts, any
// others to onFloats; where onInts is nil all go to onFloats, where onFloats is
// nil only whole numbers are taken.
func arithmetic(op string, onInts func(a, b int) (int, bool), onFloats func(a, b float64) float64) *builtin.Function {
	return &builtin.Function{
		Name: op,
		Func: func(args ...any) (any, error) {
			a, isInt := args[0].(int)
			b, isInt2 := args[1].(int)
			if isInt && isInt2 && onInts != nil {
				if n, ok := onInts(a, b); ok {
					return n, nil
				}
			} else if f := onFloats(number(args[0]), number(args[1])); finite(f) {
				return f, nil
			}
			return nil, fmt.Errorf("%s has no result here that can be held", op)
		},
		Validate: func(args []reflect.Type) (reflect.Type, error) {
			ints := 0
			for _, t := range args {
				if t == intType {
					ints++
				} else if t != floatType || onFloats == nil {
					return intType, fmt.Errorf("%s takes two numbers, and not %s %s %s", op, args[0], op, args[1])
				}
			}
			if ints == 2 && onInts != nil {
				return intType, nil
			}
			return floatType, nil
		},
	}
}

// finite reports whether comparisons with f make sense.
func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

func number(v any) float64 {
	if n, ok := v.(int); ok {
		return float64(n)
	}
	return v.(float64)
}

func addInt(a, b int) (int, bool) {
	sum := a + b
	return sum, (sum > a) == (b > 0)
}

func subInt(a, b int) (int, bool) {
	diff := a - b
	return diff, (diff < a) == (b > 0)
}

func mulInt(a, b int) (int, bool) {
	high, low := bits.Mul64(magnitude(a), magnitude(b))
	negative := (a < 0) != (b < 0)
	switch {
	case high != 0 || low > math.MaxInt64:
		return 0, false
	case negative:
		return -int(low), true
	}
	return int(low), true
}

func magnitude(n int) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

func modInt(a, b int) (int, bool) {
	if b == 0 {
		return 0, false
	}
	return a % b, true
}

func parseInt(s string) (any, error) {
	n, err := strconv.Atoi(s)
	if err != nil {
		return nil, fmt.Errorf("int takes a text that is a whole number, and this is not")
	}
	return n, nil
}

func parseFloat(s string) (any, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !finite(f) {
		return nil, fmt.Errorf("float takes a text that is a finite number, and this is not")
	}
	return f, nil
}
