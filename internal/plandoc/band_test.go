package plandoc

import (
	"reflect"
	"testing"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
)

// Parts of the day are read from what was written, and from nothing like it.
func TestBands(t *testing.T) {
	t.Parallel()
	for _, lang := range holdfast.Langs {
		words := tongue{locale.For(lang)}
		title := func(s string) holdfast.Text { return in(lang, s) }
		bands := []plan.Band{
			{Title: title("尖峰 peak"), Days: []string{"mon", "tue", "sun"}, Starts: "09:00", Ends: "22:00", Enter: "failed > 5 or region == \"a → b\""},
			{Title: title("夜間 night"), Starts: "22:00", Ends: "06:00", Enter: "failed > 50"},
		}
		written := words.bands(bands)
		if got, ok := words.readBands(written); !ok || !reflect.DeepEqual(got, bands) {
			t.Errorf("%s: %q is read as %+v", lang, written, got)
		}
		for _, other := range []string{"", "failed > 5", "peak → failed > 5", "peak (9 to 5) → failed > 5", "peak（someday 09:00–22:00） → failed > 5", "peak (someday 09:00–22:00) → failed > 5"} {
			if got, ok := words.readBands(other); ok {
				t.Errorf("%s: %q is read as %+v", lang, other, got)
			}
		}
	}
}
