package expression

import (
	"errors"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"

	"holdfast"
)

// mistaken says what is wrong in a regular expression, and where: in our words, which
// exist in every language, and behind them what its parser says, which exists in
// English alone.
func (g *grammar) mistaken(n *ast.StringNode, err error) error {
	wrong := &syntax.Error{Code: syntax.ErrorCode(err.Error())}
	errors.As(err, &wrong)
	at := max(0, strings.Index(n.Value, wrong.Expr))
	if wrong.Code == syntax.ErrUnexpectedParen {
		at = unopened(n.Value)
	}
	if wrong.Code == syntax.ErrTrailingBackslash {
		at = len(n.Value) - 1
	}
	return g.refuse(n, "the regular expression is wrong at its character %d: %s (%q)",
		utf8.RuneCountInString(n.Value[:at])+1, patternMistake(wrong.Code), strings.TrimSuffix(string(wrong.Code)+": "+wrong.Expr, ": "))
}

// unopened is where a closing bracket stands that none opens: the parser does not say.
func unopened(pattern string) int {
	open, class := 0, false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '(':
			open++
		case c == ')':
			if open--; open < 0 {
				return i
			}
		}
	}
	return 0
}

// patternMistake puts a mistake into our words.
func patternMistake(code syntax.ErrorCode) *holdfast.Error {
	switch code {
	case syntax.ErrMissingParen:
		return holdfast.Errorf(holdfast.Invalid, "a bracket that opens here is not closed")
	case syntax.ErrUnexpectedParen:
		return holdfast.Errorf(holdfast.Invalid, "a bracket is closed here that none opens; write \\\\) for the character itself")
	case syntax.ErrMissingBracket:
		return holdfast.Errorf(holdfast.Invalid, "a set of characters that begins here has no ]")
	case syntax.ErrInvalidCharRange, syntax.ErrInvalidCharClass:
		return holdfast.Errorf(holdfast.Invalid, "this is no range or set of characters")
	case syntax.ErrMissingRepeatArgument:
		return holdfast.Errorf(holdfast.Invalid, "before the sign of repetition nothing stands that could be repeated")
	case syntax.ErrInvalidRepeatOp:
		return holdfast.Errorf(holdfast.Invalid, "two signs of repetition follow each other")
	case syntax.ErrInvalidRepeatSize:
		return holdfast.Errorf(holdfast.Invalid, "it is repeated too often or with bounds the wrong way round; 1000 is the limit")
	case syntax.ErrInvalidEscape:
		return holdfast.Errorf(holdfast.Invalid, "what stands behind the backslash means nothing there")
	case syntax.ErrTrailingBackslash:
		return holdfast.Errorf(holdfast.Invalid, "nothing stands behind the backslash")
	case syntax.ErrInvalidPerlOp, syntax.ErrInvalidNamedCapture:
		return holdfast.Errorf(holdfast.Invalid, "there is no such group; looking ahead or behind is not of the language")
	case syntax.ErrNestingDepth, syntax.ErrLarge:
		return holdfast.Errorf(holdfast.Invalid, "it is too large")
	}
	return holdfast.Errorf(holdfast.Invalid, "it cannot be read")
}
