package expression

import (
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
	// Problem says what is wrong and how to mend it, in any language; Message in
	// English.
	Problem *holdfast.Error
	Message string
	// Snippet is the line of the source and under it a caret, two lines of text.
	Snippet string

	behind bool
}

func (e *Error) Error() string { return e.coded().Error() }

func (e *Error) Unwrap() error { return e.coded() }

func (e *Error) coded() *holdfast.Error {
	return holdfast.Errorf(holdfast.Invalid, "line %d, column %d: %s\n%s", e.Line, e.Column, e.Problem, e.Snippet)
}

// newError keeps the place that expr found.
func newError(at *file.Error) *Error {
	problem, behind := ours(at.Message)
	e := located(at, problem)
	e.behind = behind
	return e
}

// located makes an error at the place that expr found. A source may name a card
// number.
func located(at *file.Error, problem *holdfast.Error) *Error {
	snippet := strings.ReplaceAll(strings.TrimPrefix(at.Snippet, "\n | "), "\n | ", "\n")
	for i, arg := range problem.Args {
		if text, ok := arg.(string); ok {
			problem.Args[i] = payment.Mask(text)
		}
	}
	return &Error{
		Line: max(at.Line, 1), Column: at.Column + 1,
		Problem: problem, Message: problem.Message(), Snippet: payment.Mask(snippet),
	}
}

// errorAt makes an error at a place in a source.
func errorAt(src file.Source, at file.Location, format string, args ...any) *Error {
	e := &file.Error{Location: at}
	return located(e.Bind(src), holdfast.Errorf(holdfast.Invalid, format, args...))
}

// Place is where an error stands in its source: the line up to the character, the
// character, which is empty behind the last one, and what follows.
type Place struct{ Before, At, After string }

// Place returns where the error stands, for a page that marks the character
// itself: how wide characters are, only the page knows.
func (e *Error) Place() Place {
	line, _, _ := strings.Cut(e.Snippet, "\n")
	runes := []rune(line)
	i := min(max(e.Column-1, 0), len(runes))
	if e.behind {
		i = len(runes) // what is missing belongs behind the last character
	}
	end := min(i+1, len(runes))
	return Place{string(runes[:i]), string(runes[i:end]), string(runes[end:])}
}
