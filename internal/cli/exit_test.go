package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"holdfast"
)

// Every kind of error has an exit code of its own kind, and a line.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	known := map[int]bool{}
	for i, e := range ExitCodes {
		if e.Code != i || e.Means == "" {
			t.Errorf("exit code %d is listed as %+v", i, e)
		}
		known[e.Code] = true
	}
	for _, test := range []struct {
		err  error
		code int
		text string
	}{
		{holdfast.Errorf(holdfast.Invalid, "the scope cannot be used").At("scope"), exitInvalid, "holdfast: the scope cannot be used\n"},
		{holdfast.Errorf(holdfast.Invalid, "write why").At("reason"), exitInvalid, "holdfast: write why (reason)\n"},
		{fmt.Errorf("publish: %w", holdfast.Errorf(holdfast.TooLarge, "too long")), exitInvalid, "holdfast: publish: too long\n"},
		{holdfast.Errorf(holdfast.NotFound, "none"), exitConflict, "holdfast: none\n"},
		{holdfast.Errorf(holdfast.Conflict, "closed"), exitConflict, "holdfast: closed\n"},
		{holdfast.Errorf(holdfast.Unauthenticated, "who"), exitRefused, "holdfast: who\n"},
		{holdfast.Errorf(holdfast.Forbidden, "no right"), exitRefused, "holdfast: no right\n"},
		{holdfast.Errorf(holdfast.Unavailable, "silent").Because(errors.New("refused")), exitUnavailable, "holdfast: silent: refused\n"},
		{holdfast.Errorf(holdfast.TooMany, "later"), exitUnavailable, "holdfast: later\n"},
		{fmt.Errorf("wait: %w", context.DeadlineExceeded), exitUnavailable, "holdfast: wait: context deadline exceeded\n"},
		{holdfast.Errorf(holdfast.Damaged, "page 3"), exitDamaged, "holdfast: page 3\n"},
		{holdfast.Errorf(holdfast.Doubtful, "maybe"), exitDoubtful, "holdfast: maybe\n"},
		{errors.New("disk full"), exitInternal, "holdfast: disk full\n"},
		{&ending{exitUnconfirmed, "a\nb"}, exitUnconfirmed, "holdfast: a\nholdfast: b\n"},
		{&silent{&ending{exitInvalid, "said already"}}, exitInvalid, ""},
	} {
		var stderr bytes.Buffer
		(&shell{Options: Options{Stderr: &stderr}}).complain(test.err)
		if code := exitCode(test.err); code != test.code || stderr.String() != test.text || !known[code] {
			t.Errorf("%v: code %d and %q, want %d and %q", test.err, code, stderr.String(), test.code, test.text)
		}
	}
}

// Cells keep to one line, and what is not known is a dash.
func TestCells(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		in   any
		want string
	}{{"", "-"}, {"a\tb\nc", "a b c"}, {3, "3"}, {time.Time{}, "-"}} {
		if got := cell(test.in); got != test.want {
			t.Errorf("cell(%v) = %q, want %q", test.in, got, test.want)
		}
	}
}
