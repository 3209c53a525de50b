package form

import (
	"net/url"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"holdfast/internal/plan"
)

// Whatever path somebody makes up, reading a form, acting on rows and looking for a
// place answer, and never change the plan that they were given.
func TestPathsThatSomebodyMadeUp(t *testing.T) {
	t.Parallel()
	p := whole(t)
	before := whole(t)
	words := append(tops(), "id", "name", "title", "stages", "tasks", "steps", "roles", "zh-Hant", "text", "limit", "after", "level", "approval", "within", "contacts", "branches", "")
	part := rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom(words).Draw(t, "word") + rapid.SampledFrom([]string{"", "", "[0]", "[1]", "[-1]", "[", "]", "[]", "[0][0]", "[99999999999999999999]", "[level=1]", "[0].", "\x00"}).Draw(t, "end")
	})
	rapid.Check(t, func(t *rapid.T) {
		path := strings.Join(rapid.SliceOfN(part, 1, 5).Draw(t, "path"), ".")
		Read(p, path, url.Values{path: {"1", "x"}, path + ".id": {"y"}, path + ".en": {"z"}})
		verb := rapid.SampledFrom([]string{Add, Up, Down, Copy, Remove, "", "drop"}).Draw(t, "verb")
		if next, _, err := Act(p, verb+" "+path); err == nil {
			plan.Decode("", plan.Encode(next))
		}
		if anchor, ok := p.Anchor(path); ok {
			if _, found := p.Find(anchor); !found {
				t.Fatalf("%q is %q, which is not found", path, anchor)
			}
			p.Words(path, "en")
		}
		if !reflect.DeepEqual(p, before) {
			t.Fatal("the plan was changed")
		}
	})
}
