package expression

import (
	"errors"
	"math"
	"strings"
	"testing"

	"holdfast"
)

var answer = map[string]Type{
	"status": Int, "millis": Int, "body": String, "share": Float, "fresh": Bool, "labels": StringMap,
}

func values() map[string]any {
	return map[string]any{
		"status": 200, "millis": int64(150), "body": `{"state":"ok"}`, "share": 0.25, "fresh": true,
		"labels": map[string]string{"severity": "critical", "count": "12"}, "unused": struct{}{},
	}
}

func TestEval(t *testing.T) {
	for src, want := range map[string]bool{
		`status == 200 and millis < 2000 and body contains "ok"`: true,
		`labels["severity"] == "critical"`:                       true,
		`labels.severity in ["critical", "page"]`:                true,
		`labels["team"] == ""`:                                   true,
		`"severity" in labels and "team" not in labels`:          true,
		`int(labels["count"]) > 11`:                              true,
		`labels[lower("COUNT")] == "12"`:                         true,
		`share > -0.5 and millis > -1`:                           true,
		`share * 100 > 25`:                                       false,
		`share + 1 == 1.25 and 1 - share == 0.75`:                true,
		`millis / 100 == 1.5 and millis % 100 == 50`:             true,
		`fresh and not (status in 500..599)`:                     true,
		`fresh == false`:                                         false,
		`body matches "\"state\":\"(ok|done)\""`:                 true,
		`len("金額") == 2`:                                         true,
	} {
		x, err := Compile(src, answer)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got, err := x.Eval(values()); got != want || err != nil {
			t.Errorf("%s = %v, %v; want %v", src, got, err, want)
		}
		if x.Source() != src {
			t.Errorf("Source() = %q", x.Source())
		}
	}
}

func TestEvalIsStrict(t *testing.T) {
	for _, c := range []struct {
		what, src, field string
		change           any
		code             holdfast.Code
	}{
		{"missing", `fresh or status == 200`, "status", nil, holdfast.Invalid},
		{"text for a number", `status == 200`, "status", "200", holdfast.Invalid},
		{"fraction for a whole number", `status == 200`, "status", 200.0, holdfast.Invalid},
		{"whole number for a fraction", `share > 0`, "share", 1, holdfast.Invalid},
		{"not a number", `share > 0`, "share", math.NaN(), holdfast.Invalid},
		{"infinite", `share > 0`, "share", math.Inf(1), holdfast.Invalid},
		{"number for text", `body == ""`, "body", 5, holdfast.Invalid},
		{"number for bool", `fresh`, "fresh", 1, holdfast.Invalid},
		{"another map", `labels["a"] == ""`, "labels", map[string]any{}, holdfast.Invalid},
		{"long text", `body == ""`, "body", strings.Repeat("b", MaxText+1), holdfast.TooLarge},
		{"long text in a map", `labels["a"] == ""`, "labels", map[string]string{"b": strings.Repeat("b", MaxText+1)}, holdfast.TooLarge},
	} {
		x, err := Compile(c.src, answer)
		if err != nil {
			t.Fatal(err)
		}
		given := values()
		if given[c.field] = c.change; c.change == nil {
			delete(given, c.field)
		}
		_, err = x.Eval(given)
		var coded *holdfast.Error
		if !errors.As(err, &coded) || coded.Code != c.code || coded.Field != c.field {
			t.Errorf("%s: got %v", c.what, err)
		}
	}
	x, err := Compile(`status == 200`, answer)
	if err != nil {
		t.Fatal(err)
	}
	const want = "status must be a whole number, and what was given is not"
	if _, err := x.Eval(map[string]any{"status": "6222021234567890123"}); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestEvalFailureHasAPlace(t *testing.T) {
	for src, column := range map[string]int{
		`fresh and int(labels["none"]) > 1`:                11,
		`millis * 9223372036854775807 > 1`:                 8,
		`status + 9223372036854775807 > 1`:                 8,
		`0 - 9223372036854775807 - status > 1`:             25,
		`status / (millis - 150) > 1`:                      8,
		`status % (millis - 150) > 1`:                      8,
		`float(body) > 1`:                                  1,
		`float("1e300") * float("1e300") > 1`:              16,
		`float("-inf") < 1`:                                1,
		`int("99999999999999999999") > 1 and share == 0.1`: 1,
	} {
		x, err := Compile(src, answer)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		_, err = x.Eval(values())
		var at *Error
		if !errors.As(err, &at) || at.Column != column || holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%s: got %v, want column %d", src, err, column)
		}
	}
}

func TestDeclaredFields(t *testing.T) {
	many := map[string]Type{}
	for i := range MaxFields + 1 {
		many["f"+strings.Repeat("x", i%60)+string(rune('a'+i/60))] = Int
	}
	for what, fields := range map[string]map[string]Type{
		"a word of the language": {"contains": String},
		"a function":             {"len": Int},
		"a capital first":        {"Status": Int},
		"not a word":             {"a-b": Int},
		"an empty name":          {"": Int},
		"too long":               {strings.Repeat("a", 65): Int},
		"no type":                {"a": 0},
		"too many":               many,
	} {
		if _, err := Compile("true", fields); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%s: got %v", what, err)
		}
	}
	// Names that mean something to expr and nothing here.
	x, err := Compile(`count > 1 and all and now == "x"`, map[string]Type{"count": Int, "all": Bool, "now": String})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := x.Eval(map[string]any{"count": 2, "all": true, "now": "x"}); !got || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestArithmeticAtTheEdges(t *testing.T) {
	const most, least = math.MaxInt, math.MinInt
	for _, c := range []struct {
		op   func(a, b int) (int, bool)
		a, b int
		want int
		ok   bool
	}{
		{addInt, most, 0, most, true}, {addInt, most, 1, 0, false}, {addInt, least, -1, 0, false},
		{addInt, least, most, -1, true}, {addInt, 2, -5, -3, true}, {addInt, 0, 0, 0, true},
		{subInt, least, 1, 0, false}, {subInt, most, -1, 0, false}, {subInt, least, least, 0, true},
		{subInt, 2, 5, -3, true}, {subInt, -1, least, most, true}, {subInt, 0, least, 0, false},
		{mulInt, most, 2, 0, false}, {mulInt, least, -1, 0, false}, {mulInt, -3, 4, -12, true},
		{mulInt, -most, -1, most, true}, {mulInt, 0, least, 0, true}, {mulInt, 1 << 32, 1 << 31, 0, false},
		{modInt, 7, 0, 0, false}, {modInt, -7, 3, -1, true}, {modInt, least, -1, 0, true},
	} {
		if got, ok := c.op(c.a, c.b); ok != c.ok || ok && got != c.want {
			t.Errorf("%d and %d: got %d, %v; want %d, %v", c.a, c.b, got, ok, c.want, c.ok)
		}
	}
}
