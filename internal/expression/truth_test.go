package expression

import "testing"

func TestKleene(t *testing.T) {
	const N, U, Y = No, Unknown, Yes
	for _, c := range []struct{ a, b, and, or Truth }{
		{N, N, N, N}, {N, U, N, U}, {N, Y, N, Y},
		{U, N, N, U}, {U, U, U, U}, {U, Y, U, Y},
		{Y, N, N, Y}, {Y, U, U, Y}, {Y, Y, Y, Y},
	} {
		if got := c.a.And(c.b); got != c.and {
			t.Errorf("%v and %v = %v, want %v", c.a, c.b, got, c.and)
		}
		if got := c.a.Or(c.b); got != c.or {
			t.Errorf("%v or %v = %v, want %v", c.a, c.b, got, c.or)
		}
	}
	for a, want := range map[Truth]Truth{N: Y, U: U, Y: N} {
		if a.Not() != want {
			t.Errorf("not %v = %v, want %v", a, a.Not(), want)
		}
	}
	if zero := *new(Truth); zero != Unknown || zero.String() != "unknown" || No.String() != "no" || Yes.String() != "yes" {
		t.Error("the zero value must be Unknown, and each value must have its name")
	}
}
