package httpgate

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What is filled in comes out as strings.Replacer makes it.
func TestFillIn(t *testing.T) {
	t.Parallel()
	piece := rapid.SampledFrom([]string{"{identity}", "{amount}", "{", "}", "{at}", "{identity", `"a":`, "{unknown}", " "})
	rapid.Check(t, func(t *rapid.T) {
		body := strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "body"), "")
		places := map[string]string{"identity": "k-{amount}", "amount": "1299", "at": ""}
		var pairs []string
		for word, text := range places {
			pairs = append(pairs, "{"+word+"}", text)
		}
		known := func(word string) (string, bool) {
			text, there := places[word]
			return text, there
		}
		if got, want := string(fillIn(body, known)), strings.NewReplacer(pairs...).Replace(body); got != want {
			t.Fatalf("%q became %q, not %q", body, got, want)
		}
	})
}

// A text of any kind stands in JSON as encoding/json writes it.
func TestJSONText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z"\\<>&/ -]*`), rapid.Just("\xff\x7f")).Draw(t, "text")
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := `"` + jsonText(s) + `"`; got != string(want) {
			t.Fatalf("%q became %s, not %s", s, got, want)
		}
	})
}

func BenchmarkFillIn(b *testing.B) {
	places := map[string]string{"identity": "k-1", "amount": "1299", "currency": "CNY"}
	known := func(word string) (string, bool) {
		text, there := places[word]
		return text, there
	}
	b.ReportAllocs()
	for b.Loop() {
		fillIn(`{"id":"{identity}","status":"approved","amount":{amount},"currency":"{currency}"}`, known)
	}
}
