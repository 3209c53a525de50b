package console

import (
	"slices"
	"strings"

	"holdfast"
	"holdfast/internal/console/form"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// inWords says what is wrong at a path of the plan. Where the text names a key of
// the file or a language by its tag, the reader gets the words that the form has
// for it: who writes in forms never sees the file.
func inWords(v *visit, p *plan.Plan, path string, err *holdfast.Error) string {
	path, key := withoutLang(path)
	list, _, _ := strings.Cut(key, "[")
	told := *err
	told.Args = slices.Clone(err.Args)
	for i, arg := range told.Args {
		if stage, ok := arg.(procedure.StageKind); ok {
			told.Args[i] = v.words.T("choice.stage." + string(stage))
		}
		text, _ := arg.(string)
		switch {
		case text == "":
		case slices.Contains(holdfast.Langs[:], holdfast.Lang(text)):
			told.Args[i] = v.words.T("choice.language." + text)
		case text == key || text == list:
			if f, ok := form.Build(p, strings.TrimSuffix(path, key)+text); ok && v.words.Has("field."+f.Label) {
				told.Args[i] = v.words.T("field." + f.Label)
			}
		}
	}
	return v.words.Error(&told)
}

// withoutLang returns the path of a whole text, if the path is of the text in one
// language, and the last key of it.
func withoutLang(path string) (whole, key string) {
	key = path[strings.LastIndexByte(path, '.')+1:]
	if slices.Contains(holdfast.Langs[:], holdfast.Lang(key)) {
		return withoutLang(strings.TrimSuffix(path, "."+key))
	}
	return path, key
}

// placeIn names the place of a finding: the chapter, then where in it.
func placeIn(v *visit, p *plan.Plan, chapter, path string) string {
	if chapter == "" {
		return ""
	}
	place := v.words.T("choice.chapter." + chapter)
	if inside := placeName(v, p, path); inside != "" {
		place += " › " + inside
	}
	return place
}

// chapterOf returns the chapter in which something at a path is mended. What is
// wrong with the list of procedures is that the one of some level is missing.
func chapterOf(p *plan.Plan, path string, err *holdfast.Error) string {
	if path == "procedures" {
		for _, arg := range err.Args {
			if level, ok := arg.(holdfast.Level); ok {
				return "procedure-" + level.String()
			}
		}
	}
	return p.ChapterAt(path)
}
