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

func TestApart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{`channel == "app"`, `channel == "card"`, true},
		{`channel == "app" && amount > 100`, `method == "wallet" and channel == "card"`, true},
		{`channel in ["app", "qr"]`, `channel == "card"`, true},
		{`channel in ["app", "qr"]`, `channel == "qr"`, false},
		{`channel == "app"`, `channel == "app"`, false},
		{`channel == "app"`, `method == "wallet"`, false},
		{`channel == "app"`, "all", false},
		{"all", "all", false},
		{`channel == "app" || amount > 5`, `channel == "card"`, false},
		{`channel != "app"`, `channel == "app"`, false}, // it does not show
		{`not a scope`, `channel == "app"`, false},
	} {
		if got := Apart(test.a, test.b); got != test.want || Apart(test.b, test.a) != got {
			t.Errorf("Apart(%s, %s) = %v", test.a, test.b, got)
		}
	}
}
