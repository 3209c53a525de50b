package expression

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var measured = map[string]Type{"failed": Float, "minutes": Float, "stopped": Bool, "leaked": Bool, "region": String}

// What is known decides where it can; else what could decide it is named.
func TestDecide(t *testing.T) {
	t.Parallel()
	all := map[string]any{"failed": 20.0, "minutes": 5.0, "stopped": true, "leaked": false, "region": "north"}
	for _, c := range []struct {
		src     string
		without string
		atLeast string
		holds   Truth
		missing string
	}{
		{"failed > 10", "", "", Yes, ""},
		{"failed > 10", "failed", "", Unknown, "failed"},
		{"stopped or leaked", "leaked", "", Yes, ""},
		{"stopped or leaked", "stopped", "", Unknown, "stopped"},
		{"leaked and stopped", "stopped", "", No, ""},
		{"leaked and stopped or failed > 10 and minutes > 10", "stopped failed", "", No, ""},
		{"stopped and (failed > 100 or minutes > 10)", "failed minutes", "", Unknown, "failed minutes"},
		{"not leaked", "leaked", "", Unknown, "leaked"},
		{`region in ["north", "south"] and not leaked`, "", "", Yes, ""},
		// A lower bound shows that there are more, never that there are not.
		{"failed > 10", "", "failed", Yes, ""},
		{"failed > 100", "", "failed", Unknown, "failed"},
		{"failed < 10", "", "failed", No, ""},
		{"failed < 100", "", "failed", Unknown, "failed"},
		{"10 < failed", "", "failed", Yes, ""},
		{"failed > minutes", "", "failed", Yes, ""},
		{"failed > minutes", "", "failed minutes", Unknown, "minutes"},
		{"failed == 20", "", "failed", Unknown, "failed"},
		{"failed in 1..9", "", "failed", No, ""},
		{"failed - failed < 1", "", "failed", Unknown, "failed"},
		{"failed / 0 > 1", "", "", Unknown, "failed"},
	} {
		condition, err := CompileCondition(c.src, measured)
		if err != nil {
			t.Fatal(err)
		}
		v := Values{Known: map[string]any{}, AtLeast: map[string]bool{}}
		for name, value := range all {
			if !slices.Contains(strings.Fields(c.without), name) {
				v.Known[name] = value
			}
			v.AtLeast[name] = slices.Contains(strings.Fields(c.atLeast), name)
		}
		holds, missing := condition.Decide(v)
		if holds != c.holds || strings.Join(missing, " ") != c.missing {
			t.Errorf("%s without %q, at least %q: %v, missing %q; want %v, %q", c.src, c.without, c.atLeast, holds, missing, c.holds, c.missing)
		}
	}
}

// A value of another type than was declared is none.
func TestDecideWrongType(t *testing.T) {
	t.Parallel()
	condition, err := CompileCondition("failed > 10", measured)
	if err != nil {
		t.Fatal(err)
	}
	if holds, missing := condition.Decide(Values{Known: map[string]any{"failed": "20"}}); holds != Unknown || !slices.Equal(missing, []string{"failed"}) {
		t.Errorf("%v, missing %q", holds, missing)
	}
	if _, err := CompileCondition("failed > ", measured); err == nil {
		t.Error("half an expression was compiled")
	}
}

// What is decided without some values, or with lower bounds, is what every true value
// would have given; with all values it is what Eval says.
func TestDecideNeverGuesses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		src := drawCondition(t, 3)
		condition, err := CompileCondition(src, measured)
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		whole, err := Compile(src, measured)
		if err != nil {
			t.Fatal(err)
		}
		truth := map[string]any{
			"failed": float64(rapid.IntRange(0, 6).Draw(t, "failed")), "minutes": float64(rapid.IntRange(0, 6).Draw(t, "minutes")),
			"stopped": rapid.Bool().Draw(t, "stopped"), "leaked": rapid.Bool().Draw(t, "leaked"), "region": "north",
		}
		v := Values{Known: map[string]any{}, AtLeast: map[string]bool{}}
		partial := false
		for _, name := range []string{"failed", "minutes", "stopped", "leaked"} {
			number, isNumber := truth[name].(float64)
			switch rapid.IntRange(0, 3).Draw(t, name+" is") {
			case 0:
				partial = true
			case 1:
				v.Known[name] = truth[name]
				if isNumber {
					v.Known[name], v.AtLeast[name], partial = float64(rapid.IntRange(0, int(number)).Draw(t, "bound")), true, true
				}
			default:
				v.Known[name] = truth[name]
			}
		}
		holds, missing := condition.Decide(v)
		want, err := whole.Eval(truth)
		if err != nil {
			t.Fatal(err)
		}
		if holds != Unknown && (holds == Yes) != want {
			t.Fatalf("%s of %v, at least %v: %v; with the true values %v it is %t", src, v.Known, v.AtLeast, holds, truth, want)
		}
		if holds == Unknown && (!partial || len(missing) == 0) {
			t.Fatalf("%s of %v: not known, and missing are %q", src, v.Known, missing)
		}
	})
}

// What is compared in Go comes out as on the machine.
func TestNativeClaimsAgreeWithExpr(t *testing.T) {
	t.Parallel()
	fields := map[string]Type{"amount": Int, "class": String, "rate": Float}
	for _, src := range []string{
		`class == "a"`, `"a" == class`, `class != "a"`, `class in ["a", "b"]`, `class not in ["a", "b"]`, `class startsWith "a"`, `class endsWith "b"`,
		`class contains "a"`, `class in ["1", "2", "3", "4", "5", "6", "7", "8", "a"]`, `class < "b"`, `class matches "^a"`,
		"amount == 3", "amount != 3", "amount < 3", "amount <= 3", "amount > 3", "amount >= 3", "3 < amount", "amount in [1, 3]", "amount in 2..4", "amount < 3.5",
		"rate == 3", "rate != 3", "rate < 3", "rate >= 3", "rate in [3]", `amount <= 3 and class in ["a", "b"]`, `not (amount > 3 or class == "b")`,
	} {
		condition, err := CompileCondition(src, fields)
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		whole, err := Compile(src, fields)
		if err != nil {
			t.Fatal(err)
		}
		for _, class := range []string{"", "a", "b", "ab", "c"} {
			for _, amount := range []int{-1, 2, 3, 4} {
				values := map[string]any{"amount": amount, "class": class, "rate": float64(amount)}
				want, err := whole.Eval(values)
				if err != nil {
					t.Fatal(err)
				}
				if holds, missing := condition.Decide(Values{Known: values}); holds != truth(want) || missing != nil {
					t.Errorf("%s of %v: %v, missing %q; expr says %t", src, values, holds, missing, want)
				}
			}
		}
	}
}

// Conditions as profiles have them are decided without waste: each payment is.
func TestDecideDoesNotAllocate(t *testing.T) {
	condition, err := CompileCondition(`kind == "payment" and class in ["a", "b"] and amount <= 50000`, map[string]Type{"kind": String, "class": String, "amount": Int})
	if err != nil {
		t.Fatal(err)
	}
	v := Values{Known: map[string]any{"kind": "payment", "class": "a", "amount": 1299}}
	if n := testing.AllocsPerRun(100, func() { condition.Decide(v) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func drawCondition(t *rapid.T, depth int) string {
	if depth == 0 || rapid.IntRange(0, 2).Draw(t, "leaf") == 0 {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return rapid.SampledFrom([]string{"stopped", "leaked", "stopped == leaked"}).Draw(t, "truth")
		case 1:
			return "failed " + rapid.SampledFrom([]string{"<", ">", "==", "!="}).Draw(t, "operator") + " minutes"
		default:
			field := rapid.SampledFrom([]string{"failed", "minutes"}).Draw(t, "field")
			op := rapid.SampledFrom([]string{"<", "<=", ">", ">=", "==", "!="}).Draw(t, "operator")
			return fmt.Sprintf("%s %s %d", field, op, rapid.IntRange(0, 6).Draw(t, "n"))
		}
	}
	left, right := drawCondition(t, depth-1), drawCondition(t, depth-1)
	switch rapid.IntRange(0, 2).Draw(t, "join") {
	case 0:
		return "(" + left + " and " + right + ")"
	case 1:
		return "(" + left + " or " + right + ")"
	default:
		return "not (" + left + ")"
	}
}
