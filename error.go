package holdfast

import (
	"errors"
	"fmt"
)

// Code is the kind of an error that a caller, a program or a person can act on.
// Each transport has one table from codes to its own statuses. An error without
// a code is CodeInternal and its text is never shown outside the log.
type Code string

const (
	// Invalid: the input is wrong; the text says what, where and how to mend it.
	Invalid Code = "invalid"
	// Unauthenticated: nobody is signed in, or the token is not valid.
	Unauthenticated Code = "unauthenticated"
	// Forbidden: the actor may not do this.
	Forbidden Code = "forbidden"
	// NotFound: there is no such thing.
	NotFound Code = "not-found"
	// Conflict: the thing changed, or is not in a state that allows the act.
	Conflict Code = "conflict"
	// TooLarge: the input is over a stated limit.
	TooLarge Code = "too-large"
	// TooMany: a rate limit was met; trying later will work.
	TooMany Code = "too-many"
	// Unavailable: not now, for a cause outside the request; nothing was done.
	Unavailable Code = "unavailable"
	// Doubtful: it is not known whether the act was done. Repeating the very same
	// act, with the same id, is safe and settles it.
	Doubtful Code = "doubtful"
	// Damaged: stored data is not what was written.
	Damaged Code = "damaged"
	// Internal: a fault of Holdfast.
	Internal Code = "internal"
)

// Error is an error with a code. Its English text is also its key in the
// message catalogues: package locale renders Format in another language with
// the same Args.
type Error struct {
	Code   Code
	Format string
	Args   []any
	// Field names the input at fault, if one is: a form field, a JSON pointer.
	Field string
	// Cause is for the log; it is not shown.
	Cause error
}

// Errorf makes an error. The format takes no %w; use [Error.Because] for a cause.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Format: format, Args: args}
}

// At returns the error with the input at fault named.
func (e *Error) At(field string) *Error {
	c := *e
	c.Field = field
	return &c
}

// Because returns the error with its cause.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// Message is the English text without the cause.
func (e *Error) Message() string { return fmt.Sprintf(e.Format, e.Args...) }

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message() + ": " + e.Cause.Error()
	}
	return e.Message()
}

func (e *Error) Unwrap() error { return e.Cause }

// CodeOf returns the code of the outermost [Error] in err's chain, or Internal.
// It returns "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}
