package main

import (
	"strings"
	"testing"

	"holdfast/internal/posture"
)

// The directives that are measured are what they are said to be: a hundred, of
// usual shapes or of none, under which the payment of the load passes.
func TestDirectives(t *testing.T) {
	t.Parallel()
	if n := len(hundred()); n != 100 {
		t.Errorf("%d directives", n)
	}
	scopes := map[string]bool{}
	for _, d := range append(hundred(), free(3)...) {
		scopes[d.Scope] = true
		if strings.Contains(d.Scope, "%!") {
			t.Errorf("scope %s", d.Scope)
		}
	}
	if len(scopes) < 90 {
		t.Errorf("only %d scopes differ", len(scopes))
	}
	for _, list := range [][]posture.Directive{nil, {limit()}, hundred(), free(100)} {
		if _, err := posture.Compile(posture.Set{Directives: list}, nil, gateName); err != nil {
			t.Error(err)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := figures{RatioHAProxy: 0.65, RatioNginx: 0.1, RatioCaddy: 2.5, DecideEmpty: 99, Decide100: 1999}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	for name, bad := range map[string]func(*figures){
		"of HAProxy":      func(f *figures) { f.RatioHAProxy = 0.649 },
		"of Caddy":        func(f *figures) { f.RatioCaddy = 2.49 },
		"allocates":       func(f *figures) { f.DecideAllocs = 1 },
		"without":         func(f *figures) { f.DecideEmpty = 100 },
		"100 directives ": func(f *figures) { f.Decide100 = 2000 },
	} {
		f := good
		bad(&f)
		if err := f.check(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%+v: %v", f, err)
		}
	}
	if got := rounded(0.64999); got != 0.649 {
		t.Errorf("rounded up to what is required: %v", got)
	}
}
