package console

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"holdfast"
	"holdfast/internal/console/form"
	"holdfast/internal/debrief"
	"holdfast/internal/directive"
	"holdfast/internal/incident"
	"holdfast/internal/lint"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/view"
)

// inWords says what is wrong at a path of the plan. Where the text names a key of
// the file, a thing of the plan by its id, a code or a language by its tag, the reader
// gets the words that the form has for it: who writes in forms never sees the file.
func inWords(v *visit, p *plan.Plan, path string, err *holdfast.Error) string {
	path, key := withoutLang(path)
	list, _, _ := strings.Cut(key, "[")
	told := *err
	told.Args = slices.Clone(err.Args)
	for i, arg := range told.Args {
		text := ""
		if r := reflect.ValueOf(arg); r.Kind() == reflect.String {
			text = r.String()
		}
		if text == key || text == list {
			if f, ok := form.Build(p, strings.TrimSuffix(path, key)+text); ok && v.words.Has("field."+f.Label) {
				told.Args[i] = v.words.T("field." + f.Label)
			}
		} else if word := codeWord(v, arg, text, list); word != "" {
			told.Args[i] = word
		}
	}
	if !slices.Contains(inFile, list) {
		nameArgs(titlesIn(p, path, v.words.Lang()), &told, err)
	}
	return v.words.Error(&told)
}

// codeWord is the word for a code that stands in an error at a key of the plan; empty
// if it is none.
func codeWord(v *visit, arg any, text, key string) string {
	prefix := map[string]string{"directive": "choice.directive-kind.", "within": "choice.moment.", "channels": "channel."}[key]
	switch arg.(type) {
	case procedure.StageKind:
		prefix = "choice.stage."
	case procedure.Status:
		prefix = "status."
	case incident.State:
		prefix = "incident.state."
	case directive.State:
		prefix = "directive.state."
	case debrief.State:
		prefix = "debrief.state."
	case lint.Flow:
		prefix = map[bool]string{true: "choice.chapter."}[text == "leak"]
	}
	if slices.Contains(holdfast.Langs[:], holdfast.Lang(text)) {
		prefix = "choice.language."
	}
	if text == "" || prefix == "" || !v.words.Has(prefix+text) {
		return ""
	}
	return v.words.T(prefix + text)
}

// refusal says why an act was refused. What the plan names is named by its titles, the
// tasks of an incident as it runs them.
func refusal(v *visit, p *plan.Plan, running []view.Stage, err *holdfast.Error) string {
	told := *err
	told.Args = slices.Clone(err.Args)
	for i, arg := range told.Args {
		r := reflect.ValueOf(arg)
		if r.Kind() != reflect.String {
			continue
		}
		if word := codeWord(v, arg, r.String(), "directive"); word != "" {
			told.Args[i] = word
		}
	}
	titles := titlesIn(p, "", v.words.Lang())
	for _, stage := range running {
		for _, task := range stage.Tasks {
			titles[task.ID] = task.Title.In(v.words.Lang())
		}
	}
	for _, wanting := range []string{"summary", "cause", "improvement"} {
		if titles[wanting] == "" {
			titles[wanting] = v.words.T("debrief.wanting." + wanting)
		}
	}
	nameArgs(titles, &told, err)
	return v.words.Error(&told)
}

// ofPlan are the beginnings of addresses at which people act on what a plan names.
var ofPlan = []string{"/incidents/", "/directives", "/authority", "/obligations"}

// inFile are the keys of which a fault is told in the file's own words: what is typed
// there are ids.
var inFile = []string{"id", "enter", "until", "scope", "match", "expect", "eligible", "deferrable"}

// nameArgs puts titles for the ids among an error's arguments, and for lists of them.
// Two that have one title keep their ids, which tell them apart.
func nameArgs(titles map[string]string, told, was *holdfast.Error) {
	given := map[string]int{}
	for i, arg := range told.Args {
		text, ok := arg.(string)
		if !ok || was.Args[i] != arg { // it has its word already
			continue
		}
		ids := strings.Split(text, ", ")
		for n, id := range ids {
			if titles[id] != "" {
				ids[n] = titles[id]
			}
		}
		named := strings.Join(ids, ", ")
		if before, twice := given[named]; twice && named != text {
			told.Args[before] = was.Args[before]
			continue
		}
		given[named], told.Args[i] = i, named
	}
}

// titlesIn are the titles of a plan's things by their ids. A role comes before another
// thing of its id, and what is in the procedure at a path before both.
func titlesIn(p *plan.Plan, path string, lang holdfast.Lang) map[string]string {
	titles := map[string]string{}
	collectTitles(reflect.ValueOf(p), lang, titles)
	delete(titles, p.ID) // the plan's own id is no thing in it
	for _, r := range p.Roles {
		titles[r.ID] = r.Name.In(lang)
	}
	for i := range p.Procedures {
		if strings.HasPrefix(path, fmt.Sprintf("procedures[%d]", i)) {
			near := map[string]string{}
			collectTitles(reflect.ValueOf(p.Procedures[i]), lang, near)
			maps.Copy(titles, near)
		}
	}
	return titles
}

// collectTitles finds the titles of all that has an id and a title or a name. An id of
// several things has none, unless they share it. Departments are left out: often a role
// has the id of its own.
func collectTitles(v reflect.Value, lang holdfast.Lang, titles map[string]string) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			collectTitles(v.Elem(), lang, titles)
		}
	case reflect.Slice:
		for i := range v.Len() {
			collectTitles(v.Index(i), lang, titles)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[plan.Department]() {
			return
		}
		if id := v.FieldByName("ID"); id.IsValid() && id.Kind() == reflect.String && id.String() != "" {
			for _, name := range []string{"Title", "Name"} {
				f := v.FieldByName(name)
				if !f.IsValid() || f.Type() != reflect.TypeFor[holdfast.Text]() {
					continue
				}
				title := f.Interface().(holdfast.Text).In(lang)
				if before, seen := titles[id.String()]; seen && before != title {
					title = ""
				}
				titles[id.String()] = title
				break
			}
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				collectTitles(v.Field(i), lang, titles)
			}
		}
	}
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
