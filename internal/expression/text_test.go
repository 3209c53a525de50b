package expression

import (
	"errors"
	"testing"

	"holdfast"
)

func TestText(t *testing.T) {
	t.Parallel()
	fields := map[string]Type{"body": StringMap, "n": Int}
	values := map[string]any{"body": map[string]string{"a.b": " Hot "}, "n": 5}
	for src, want := range map[string]string{
		`body["a.b"]`: " Hot ", `lower(trim(body["a.b"]))`: "hot", `"fixed"`: "fixed", `body["none"]`: "",
	} {
		x, err := CompileText(src, fields)
		if err != nil {
			t.Fatal(src, err)
		}
		if got, err := x.Eval(values); err != nil || got != want {
			t.Errorf("%s is %q, %v", src, got, err)
		}
	}
	for src, column := range map[string]int{`n`: 1, `body["a"] == "b"`: 11, `bod["a"]`: 4, `body["a"] + body["b"]`: 11, `len(body["a"])`: 1} {
		_, err := CompileText(src, fields)
		var at *Error
		if !errors.As(err, &at) || at.Column != column {
			t.Errorf("%s: %v", src, err)
		}
	}
	x, _ := CompileText(`body["a"]`, fields)
	if _, err := x.Eval(nil); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("without values: %v", err)
	}
}
