package plan

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"
)

func decoded(t testing.TB, src []byte) *Plan {
	t.Helper()
	p, faults := Decode("", src)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return p
}

func asJSON(p *Plan) string {
	b, _ := json.Marshal(p)
	return string(b)
}

// A canonical text says what the plan says, and is its own canonical text.
func TestEncode(t *testing.T) {
	t.Parallel()
	p := decoded(t, Builtin())
	text := Encode(p)
	again := decoded(t, text)
	if asJSON(p) != asJSON(again) {
		t.Error("the canonical text says something else")
	}
	if !bytes.Equal(text, Encode(again)) {
		t.Error("the canonical text is not its own")
	}
}

// Chapters hold the whole text between them, and putting them together loses
// nothing, comments included.
func TestSplitAndJoin(t *testing.T) {
	t.Parallel()
	src := bytes.Replace(Builtin(), []byte("\nroles:\n"), []byte("\n# Who does what.\nroles:\n"), 1)
	chapters, faults := Split(src)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	whole := Join(chapters)
	if asJSON(decoded(t, src)) != asJSON(decoded(t, whole)) {
		t.Error("joined, the plan says something else")
	}
	if !bytes.Contains(chapters["organisation"], []byte("# Who does what.")) {
		t.Error("a comment was lost")
	}
	again, faults := Split(whole)
	if len(faults) > 0 || !maps.EqualFunc(chapters, again, bytes.Equal) {
		t.Errorf("split again, the chapters differ: %v", faults)
	}
	if !bytes.Equal(whole, Join(again)) {
		t.Error("joined again, the text differs")
	}
	for key, text := range chapters {
		if formatted, faults := FormatChapter(key, text); len(faults) > 0 || !bytes.Equal(formatted, text) {
			t.Errorf("the chapter %s is not its own canonical form: %v", key, faults)
		}
	}
	if !bytes.Contains(chapters["procedure-2"], []byte("level: 2")) || bytes.Contains(chapters["procedure-2"], []byte("level: 1\n")) {
		t.Error("the chapter of level 2 has another procedure")
	}
}

// Every key of the file belongs to one chapter.
func TestEveryKeyHasItsChapter(t *testing.T) {
	t.Parallel()
	var keys, known []string
	for key := range fieldsOf(reflect.TypeFor[Plan]()) {
		keys = append(keys, key)
	}
	for _, c := range Chapters {
		known = append(known, c.Fields...)
	}
	slices.Sort(keys)
	slices.Sort(known)
	if !slices.Equal(keys, slices.Compact(known)) {
		t.Errorf("the file has %v, the chapters %v", keys, known)
	}
}

func TestFormatChapterRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ chapter, text, rule string }{
		"no chapter":      {"nothing", "a: 1", "P004"},
		"another's key":   {"risks", "roles: [{id: a}]", "P004"},
		"an unknown key":  {"risks", "risk: []", "P004"},
		"no YAML":         {"risks", "risks: [", "P002"},
		"a wrong value":   {"risks", "risks: [{id: a, likelihood: high}]", "P006"},
		"another's level": {"procedure-1", "procedures: [{level: 2, stages: []}]", "P004"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, faults := FormatChapter(tc.chapter, []byte(tc.text)); len(faults) == 0 || faults[0].Rule != tc.rule {
				t.Errorf("%v", faults)
			}
		})
	}
	if text, faults := FormatChapter("risks", []byte(" \n")); text != nil || faults != nil {
		t.Errorf("an empty chapter is %q, %v", text, faults)
	}
}

func TestChapterAt(t *testing.T) {
	t.Parallel()
	p := decoded(t, Builtin())
	for path, want := range map[string]string{
		"title": "general", "roles[2].name": "organisation", "probes[0].url": "recovery", "procedures[1].stages[0]": "procedure-2",
		"procedures": "procedure-1", "leak.stages": "leak", "nothing": "",
	} {
		if got := p.ChapterAt(path); got != want {
			t.Errorf("%s is in %q, not %q", path, got, want)
		}
	}
}

// FuzzSplit holds that no text makes Split panic, and that what it took apart
// goes together again.
func FuzzSplit(f *testing.F) {
	f.Add([]byte("format: holdfast-plan/1\ntitle: {en: a}\nroles:\n  - id: a # x\n"))
	f.Add([]byte("roles: []\nprocedures:\n- level: 1\n# a comment\n- level: 2\n"))
	f.Add([]byte("purpose:\n  en: |\n    procedures:\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		chapters, faults := Split(src)
		if len(faults) > 0 || len(chapters) == 0 {
			return
		}
		again, faults := Split(Join(chapters))
		if len(faults) > 0 || !maps.EqualFunc(chapters, again, bytes.Equal) {
			t.Fatalf("%q became %q: %v", chapters, again, faults)
		}
	})
}
