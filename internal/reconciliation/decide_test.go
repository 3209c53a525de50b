package reconciliation

import (
	"strings"
	"testing"
)

// What a gate is told fits a shard, which counts bytes; what stays here has as many characters
// as its form, in any script.
func TestHowLongANoteMayBe(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		judge func(string) error
		text  string
		ok    bool
	}{
		"a note":                    {noted, strings.Repeat("a", 1000), true},
		"a Chinese note":            {noted, strings.Repeat("滅", 333), true},
		"a Chinese note, too long":  {noted, strings.Repeat("滅", 334), false},
		"a reason":                  {reasoned, strings.Repeat("a", 1000), true},
		"a Chinese reason":          {reasoned, strings.Repeat("滅", 1000), true},
		"a reason that is too long": {reasoned, strings.Repeat("滅", 1001), false},
		"no reason":                 {reasoned, "", false},
	} {
		if err := c.judge(c.text); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
