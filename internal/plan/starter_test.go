package plan

import (
	"bytes"
	"testing"

	"holdfast"
)

// A template is a sound plan, whole in its language and silent in the others.
func TestStarter(t *testing.T) {
	t.Parallel()
	whole := decoded(t, Builtin())
	for _, lang := range holdfast.Langs {
		text := Starter(lang)
		p := decoded(t, text)
		if p.Language != lang || p.Title != InOne(lang, whole.Title.In(lang)) || len(p.Risks) != len(whole.Risks) {
			t.Errorf("%s: the template is %q in %s", lang, p.Title, p.Language)
		}
		for _, other := range holdfast.Langs {
			if silent := !bytes.Contains(text, []byte(" "+string(other)+": ")); silent != (other != lang) {
				t.Errorf("the template in %s: silent in %s is %v", lang, other, silent)
			}
		}
	}
}
