package standin_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/standin"
)

// An alarm with a cause tells the kind of the error, and nothing of what it says.
func TestAlarmOf(t *testing.T) {
	t.Parallel()
	const secret = "password=hunter2"
	for _, test := range []struct {
		err   error
		cause string
	}{
		{errors.New(secret), "internal"},
		{holdfast.Errorf(holdfast.Unavailable, "%s", secret), "unavailable"},
		{fmt.Errorf("open: %w", holdfast.Errorf(holdfast.Damaged, "shard 3").Because(errors.New(secret))), "damaged"},
		{holdfast.Errorf(holdfast.Unauthenticated, "%s", secret), "internal"},
	} {
		for _, code := range []string{standin.AlarmSource, standin.AlarmPayers, standin.AlarmOpen, standin.AlarmDoubt} {
			a := standin.AlarmOf(code, test.err, time.Now(), "directive", "d1")
			if a.Code != code || a.Params["cause"] != test.cause || a.Params["directive"] != "d1" || !strings.HasSuffix(a.Text, ": "+test.cause) || strings.Contains(a.Text, secret) {
				t.Errorf("%v became %+v", test.err, a)
			}
		}
	}
	of := standin.AlarmOf(standin.AlarmLeft, errors.New("advices are left"), time.Now(), "route", "pay", "key", "k")
	if of.Text != "advices are left" || len(of.Params) != 2 {
		t.Errorf("one without a cause: %+v", of)
	}
}

// Whatever an error says, the alarm made of it can be told.
func TestNewAlarm(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, text := range []string{"x", "one\ntwo", "\xff\xfe", strings.Repeat("付", 200), strings.Repeat("\xff", 400)} {
		a := standin.NewAlarm(standin.AlarmSource, text, now, "cause", text)
		s := standin.Summary{Source: "s1", At: now, Shards: 1, Alarms: []standin.Alarm{a}}
		if err := s.Check(); err != nil {
			t.Errorf("%.20q: %v", text, err)
		}
		if !utf8.ValidString(a.Text) || strings.Contains(a.Text, "\n") || a.Params["cause"] != a.Text {
			t.Errorf("%.20q became %q, cause %q", text, a.Text, a.Params["cause"])
		}
	}
}
