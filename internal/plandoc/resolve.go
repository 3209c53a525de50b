package plandoc

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"holdfast"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// builtin is the plan whose ids parts get where no other is given.
var builtin = sync.OnceValue(func() *plan.Plan {
	p, _ := plan.Decode("", plan.Builtin()) // a test holds it free of faults
	return p
})

// resolve gives the parts that were read their ids, and turns the names by which
// they refer to each other into these.
func (im *importer) resolve(base *plan.Plan) {
	named := base
	if named == nil {
		named = builtin()
	}
	lang := im.words.Lang()
	giveIDs(reflect.ValueOf(im.plan).Elem(), reflect.ValueOf(named).Elem(), lang)
	ids := map[string]map[string]string{}
	for list, names := range namesIn(im.plan, lang) {
		ids[list] = map[string]string{}
		for id, name := range names {
			ids[list][name] = id
		}
	}
	refer(reflect.ValueOf(im.plan).Elem(), ids, lang)
	for i := range im.out.People {
		for j, role := range im.out.People[i].Roles {
			if id, ok := ids["roles"][role]; ok {
				im.out.People[i].Roles[j] = id
			}
		}
	}
	for _, pr := range im.procedures() {
		for i := range pr.Stages {
			for j := range pr.Stages[i].Tasks {
				// A task that says nothing else is the stage's.
				if task := &pr.Stages[i].Tasks[j]; task.Role == pr.Stages[i].Role {
					task.Role = ""
				}
			}
		}
	}
	if base == nil {
		return
	}
	im.plan.ID, im.plan.Language = base.ID, base.Language
	adopt(reflect.ValueOf(im.plan).Elem(), reflect.ValueOf(base).Elem(), lang)
	at := map[string]int{}
	for i, r := range base.Risks {
		at[r.ID] = i
	}
	// A document has the risks in the order of their rank.
	slices.SortStableFunc(im.plan.Risks, func(x, y plan.Risk) int {
		i, known := at[x.ID]
		j, both := at[y.ID]
		if known && both {
			return i - j
		}
		return 0
	})
}

func (im *importer) procedures() (all []*procedure.Procedure) {
	for i := range im.plan.Procedures {
		all = append(all, &im.plan.Procedures[i])
	}
	if im.plan.Leak != nil {
		all = append(all, im.plan.Leak)
	}
	return all
}

// nameOf is what a part is called, for finding it again.
func nameOf(part reflect.Value, lang holdfast.Lang) string {
	for _, field := range []string{"Title", "Name", "Subject", "Match"} {
		v := part.FieldByName(field)
		if !v.IsValid() {
			continue
		}
		if text, ok := v.Interface().(holdfast.Text); ok {
			return strings.TrimSpace(text.In(lang))
		}
		return v.String()
	}
	return ""
}

// giveIDs gives an id to each part that has none, list by list: the one that a part
// of the same name has in like, the same list of another plan.
func giveIDs(part, like reflect.Value, lang holdfast.Lang) {
	for i := range part.NumField() {
		list := part.Field(i)
		switch {
		case list.Kind() == reflect.Pointer && !list.IsNil() && list.Elem().Kind() == reflect.Struct:
			other := reflect.Zero(list.Type().Elem())
			if like.IsValid() && !like.Field(i).IsNil() {
				other = like.Field(i).Elem()
			}
			giveIDs(list.Elem(), other, lang)
		case list.Kind() == reflect.Struct && list.Type() != textType:
			giveIDs(list, like.Field(i), lang)
		case list.Kind() == reflect.Slice && list.Type().Elem().Kind() == reflect.Struct && list.Type().Elem() != textType:
			listIDs(list, like.Field(i), lang)
		}
	}
}

func listIDs(list, like reflect.Value, lang holdfast.Lang) {
	known, taken := map[string]string{}, map[string]bool{}
	partOf := map[string]reflect.Value{}
	of := list.Type().Elem()
	_, has := of.FieldByName("ID")
	for i := range like.Len() {
		name := nameOf(like.Index(i), lang)
		partOf[name] = like.Index(i)
		if has {
			known[name] = like.Index(i).FieldByName("ID").String()
		}
	}
	for i := range list.Len() {
		part := list.Index(i)
		name := nameOf(part, lang)
		if has {
			if id := part.FieldByName("ID"); id.String() == "" {
				id.SetString(newID(ownerOf(of), name, known[name], taken))
			}
			taken[part.FieldByName("ID").String()] = true
		}
		other, ok := partOf[name]
		if !ok {
			other = reflect.Zero(of)
		}
		giveIDs(part, other, lang)
	}
}

// refer turns the names in references into ids. A name that no part has stays, for
// the plan's check to report.
func refer(part reflect.Value, ids map[string]map[string]string, lang holdfast.Lang) {
	owner := ownerOf(part.Type())
	if pr, ok := part.Interface().(procedure.Procedure); ok {
		ids = maps.Clone(ids)
		ids["tasks"] = map[string]string{}
		for _, s := range pr.Stages {
			for _, t := range s.Tasks {
				ids["tasks"][strings.TrimSpace(t.Title.In(lang))] = t.ID
			}
		}
	}
	for i := range part.NumField() {
		v := part.Field(i)
		field := owner + "." + keyOf(part.Type().Field(i))
		list, refers := references[field]
		if field == taskReference {
			list, refers = "tasks", true
		}
		switch {
		case refers && v.Kind() == reflect.String:
			if id, ok := ids[list][v.String()]; ok {
				v.SetString(id)
			}
		case refers:
			v.Set(reflect.ValueOf(idsOf(v.Interface().([]string), ids[list])))
		case v.Kind() == reflect.Pointer && !v.IsNil() && v.Elem().Kind() == reflect.Struct:
			refer(v.Elem(), ids, lang)
		case v.Kind() == reflect.Struct && v.Type() != textType:
			refer(v, ids, lang)
		case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct && v.Type().Elem() != textType:
			for j := range v.Len() {
				refer(v.Index(j), ids, lang)
			}
		}
	}
}

func idsOf(texts []string, ids map[string]string) (list []string) {
	for _, text := range texts {
		for _, name := range split(text, slices.Collect(maps.Keys(ids))) {
			if id, ok := ids[name]; ok {
				name = id
			}
			list = append(list, name)
		}
	}
	return list
}

// adopt takes from base what a document in one language cannot say: the other
// languages of a text that is the same in this one.
func adopt(part, base reflect.Value, lang holdfast.Lang) {
	switch part.Kind() {
	case reflect.Struct:
		if text, is := part.Interface().(holdfast.Text); is {
			before := base.Interface().(holdfast.Text)
			if said := strings.TrimSpace(text.In(lang)); said != "" && said == strings.TrimSpace(before.In(lang)) {
				part.Set(base)
			}
			return
		}
		for i := range part.NumField() {
			adopt(part.Field(i), base.Field(i), lang)
		}
	case reflect.Pointer:
		if !part.IsNil() && !base.IsNil() {
			adopt(part.Elem(), base.Elem(), lang)
		}
	case reflect.Slice:
		if part.Type().Elem().Kind() != reflect.Struct {
			return
		}
		for i := range part.Len() {
			if j := same(part.Index(i), base, i); j >= 0 {
				adopt(part.Index(i), base.Index(j), lang)
			}
		}
	}
}

// same finds the entry of a list that is the same part: by id, by level, or by its
// place.
func same(part, list reflect.Value, at int) int {
	for _, key := range []string{"ID", "Level"} {
		if key == "Level" && part.Type() != reflect.TypeFor[plan.Level]() && part.Type() != reflect.TypeFor[procedure.Procedure]() {
			continue
		}
		v := part.FieldByName(key)
		if !v.IsValid() {
			continue
		}
		for j := range list.Len() {
			if list.Index(j).FieldByName(key).Equal(v) {
				return j
			}
		}
		return -1
	}
	if at < list.Len() {
		return at
	}
	return -1
}
