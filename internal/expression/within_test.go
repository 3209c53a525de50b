package expression

import "testing"

func TestWithin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		narrow, wide string
		want         bool
	}{
		{"all", "all", true},
		{`channel == "qr"`, "all", true},
		{"all", `channel == "qr"`, false},
		{`channel == "qr"`, `channel=="qr"`, true},
		{`channel == "qr" and amount > 100`, `channel == "qr"`, true},
		{`amount > 100 && (channel == "qr" && route == "pay")`, `channel == "qr" and amount > 100`, true},
		{`channel == "qr" or amount > 100`, `channel == "qr"`, false},
		{`not (channel == "qr")`, `channel == "qr"`, false},
		{`channel == "app"`, `channel == "qr"`, false},
		{`channel == `, `channel == "qr"`, false},
		{`channel == "qr"`, `channel == `, false},
	} {
		if got := Within(tt.narrow, tt.wide); got != tt.want {
			t.Errorf("%s within %s: %t", tt.narrow, tt.wide, got)
		}
	}
}
