package expression

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

var vocabulary = Vocabulary{
	Fields: map[string]Type{"failed": Float, "fee": Int, "region": String, "branch": String, "down": Bool, "labels": StringMap},
	Titles: map[string]string{"failed": "失敗筆數", "region": "地區"},
	Values: map[string][]string{"region": {"北區", "南區"}, "labels": {"severity", "team"}, `labels["severity"]`: {"critical"}, "fee": {"1", "2"}},
	Whole:  true,
}

// At | the writer is offered what may stand there, beginning with these.
func TestComplete(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		before, after, typed string
		want                 []string
		more                 bool
	}{
		{"", "", "", []string{"all", "branch", "down", "failed", "fee", "labels", "region", "float("}, true},
		{"f", "", "f", []string{"failed", "fee", "float("}, false},
		{"失敗", "", "失敗", []string{"failed"}, false},
		{"failed", "", "failed", nil, false},
		{"failed ", "", "", []string{">", ">=", "<", "<="}, true},
		{"failed > ", "", "", []string{"failed", "fee"}, false},
		{"failed > 3 ", "", "", []string{"and", "or"}, false},
		{"failed > 3 a", "", "a", []string{"and"}, false},
		{"failed > 3 and ", "", "", []string{"branch"}, true},
		{"failed > 3 and (re", "", "re", []string{"region"}, false},
		{"region ", "", "", []string{"==", "!=", "in", "not in"}, true},
		{"region == ", "", "", []string{`"北區"`, `"南區"`, "branch", "labels", "region"}, true},
		{`region == "`, "", `"`, []string{`"北區"`, `"南區"`}, false},
		{`region == "北`, `"`, `"北`, []string{`"北區`}, false},
		{`region in `, "", "", []string{"["}, false},
		{`region not in ["北區", `, "", "", []string{`"北區"`, `"南區"`}, false},
		{`region in ["北區"] `, "", "", []string{"and", "or"}, false},
		{`labels`, "", "labels", nil, false},
		{`labels[`, "", "", []string{`"severity"]`, `"team"]`}, false},
		{`labels["se`, "", `"se`, []string{`"severity"]`}, false},
		{`labels["severity"] `, "", "", []string{"=="}, true},
		{`labels["severity"] == `, "", "", []string{`"critical"`}, true},
		{`labels["severity"] == "critical" `, "", "", []string{"and", "or"}, false},
		{"down ", "", "", []string{"and", "or", "=="}, false},
		{"down == ", "", "", []string{"true", "false", "down"}, false},
		{"fee == ", "", "", []string{"1", "2", "failed", "fee"}, false},
		{"failed in 1..9 ", "", "", []string{"and", "or"}, false},
		{"not ", "", "", []string{"branch"}, true},
		{"nothing ", "", "", []string{"and", "or"}, false},
		{`region == 'a`, "", "", nil, false},
	} {
		typed, list := vocabulary.Complete(c.before, c.after)
		var got []string
		for _, s := range list {
			got = append(got, s.Text)
		}
		if typed != c.typed || !c.more && !slices.Equal(got, c.want) || c.more && !slices.Equal(got[:min(len(got), len(c.want))], c.want) {
			t.Errorf("%s|%s: typed %q, %q; want %q, %q", c.before, c.after, typed, got, c.typed, c.want)
		}
	}
}

// Whatever is typed gives an answer, and what is typed is the end of it.
func TestCompleteTakesAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.StringOf(rapid.SampledFrom([]rune(`failed region labels ["'\>=!<&|().,+中 and in not 1`))).Draw(t, "before")
		typed, list := vocabulary.Complete(before, "")
		if len(list) > maxSuggestions || len(typed) > len(before) || before[len(before)-len(typed):] != typed {
			t.Fatalf("typed %q, %d suggestions", typed, len(list))
		}
	})
}
