package expression

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr/file"

	"holdfast"
	"holdfast/internal/payment"
)

// Error is a mistake in an expression, or a value on which it cannot be
// evaluated, with its place. It wraps a [*holdfast.Error] with code Invalid.
type Error struct {
	// Line and Column count from 1, columns in characters.
	Line, Column int
	Message      string
	// Snippet is the line of the source and under it a caret, two lines of text.
	Snippet string
}

func (e *Error) Error() string { return e.coded().Error() }

func (e *Error) Unwrap() error { return e.coded() }

func (e *Error) coded() *holdfast.Error {
	return holdfast.Errorf(holdfast.Invalid, "line %d, column %d: %s\n%s", e.Line, e.Column, e.Message, e.Snippet)
}

// newError keeps the place that expr found. A source may name a card number.
func newError(at *file.Error) *Error {
	snippet := strings.ReplaceAll(strings.TrimPrefix(at.Snippet, "\n | "), "\n | ", "\n")
	return &Error{
		Line: max(at.Line, 1), Column: at.Column + 1,
		Message: payment.Mask(at.Message), Snippet: payment.Mask(snippet),
	}
}

// errorAt makes an error at a place in a source.
func errorAt(src file.Source, at file.Location, format string, args ...any) *Error {
	e := &file.Error{Location: at, Message: fmt.Sprintf(format, args...)}
	return newError(e.Bind(src))
}
