package standin_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"holdfast/internal/standin"
)

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
