package expression

import (
	"maps"
	"slices"
	"testing"
)

func TestConstants(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]map[string][]string{
		"all":              {},
		`channel == "app"`: {"channel": {"app"}},
		`"app" != channel and channel in ["card", "app"] or not (route == "pay")`: {"channel": {"app", "card"}, "route": {"pay"}},
		`channel startsWith "a" and amount > 100`:                                 {"channel": nil, "amount": nil},
		`lower(channel) == "app"`:                                                 {"channel": nil},
	} {
		got, err := Constants(src)
		if err != nil || !maps.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%s: got %v, %v; want %v", src, got, err, want)
		}
	}
	if _, err := Constants(`chanel == "app"`); err == nil {
		t.Error("an unknown field is taken")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	if got, err := Names(`failed > 10 and (minutes > 5 or failed < 3)`); err != nil || !slices.Equal(got, []string{"failed", "minutes"}) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := Names("failed >"); err == nil {
		t.Error("a broken text is taken")
	}
}

func TestMentions(t *testing.T) {
	t.Parallel()
	got := Mentions(`labels["severity"] in ["critical", "page"] and labels["severity"] == "page" and source != "report"`)
	want := map[string][]string{"labels": {"severity"}, `labels["severity"]`: {"critical", "page"}, "source": {"report"}}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := Mentions("source =="); len(got) != 0 {
		t.Errorf("a broken text mentions %v", got)
	}
}
