package plan

import (
	"reflect"
	"strings"

	"holdfast"
)

// isTerms reports whether what a type holds is compared key by key in the name of
// the entry around it.
func isTerms(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[*Profile](), reflect.TypeFor[*Terms](), reflect.TypeFor[Forwarding](), reflect.TypeFor[[]Limit](), reflect.TypeFor[[]Reply]():
		return true
	}
	return false
}

// terms compares what an entry holds to be carried out by: the profile of a stand-in
// and what is in it.
func (c *comparison) terms(p pair, of, key string, a, b reflect.Value, name holdfast.Text) {
	switch {
	case a.Kind() == reflect.Struct:
		c.fields(p, a, b, name)
	case a.Kind() == reflect.Slice:
		c.rows(p, noun(key), a, b, name)
	case a.IsNil():
		c.add(p, Change{Kind: Added, What: key, Of: of, Name: name}, "", b.Elem())
	case b.IsNil():
		c.add(p, Change{Kind: Removed, What: key, Of: of, Name: name}, "", a.Elem())
	default:
		c.fields(p, a.Elem(), b.Elem(), name)
	}
}

// rows compares two lists whose entries are known by what they are about: a limit by
// what it is counted over, its currency and its window, an answer by its route. Where
// they stand means nothing.
func (c *comparison) rows(p pair, what string, a, b reflect.Value, name holdfast.Text) {
	was := map[any]int{}
	for i := range a.Len() {
		was[about(a.Index(i))] = i
	}
	stays := map[int]bool{}
	for i := range b.Len() {
		e := b.Index(i)
		j, found := was[about(e)]
		if found = found && !stays[j]; !found {
			c.add(pair{b: at(p.b, i)}, Change{Kind: Added, What: what, Name: name}, "", e)
			continue
		}
		stays[j] = true
		if old := a.Index(j); !reflect.DeepEqual(old.Interface(), e.Interface()) {
			was, is := c.render(old, e)
			c.add(pair{at(p.a, j), at(p.b, i)}, Change{
				Kind: Changed, What: what, Name: name, Old: was, New: is, Was: parts(old, 0, c.a.Language), Parts: parts(e, 0, c.b.Language),
			}, "", e)
		}
	}
	for j := range a.Len() {
		if !stays[j] {
			c.add(pair{a: at(p.a, j)}, Change{Kind: Removed, What: what, Name: name}, "", a.Index(j))
		}
	}
}

func about(row reflect.Value) any {
	switch e := row.Interface().(type) {
	case Limit:
		return Limit{Over: e.Over, Currency: e.Currency, Window: e.Window}
	case Reply:
		return e.Route
	}
	panic("plan: nothing tells apart entries of " + row.Type().String())
}

// parts writes what an entry says, key by key, without its title, which names it.
func parts(entry reflect.Value, depth int, lang holdfast.Lang) (list []Part) {
	title := titleOf(entry)
	for i := range entry.NumField() {
		f := entry.Field(i)
		if t, ok := f.Interface().(holdfast.Text); f.IsZero() || ok && t == title {
			continue
		}
		key, _, _ := strings.Cut(entry.Type().Field(i).Tag.Get("yaml"), ",")
		if isTerms(f.Type()) && f.Kind() != reflect.Slice {
			list = append(list, Part{depth, kindOf(entry), key, ""})
			list = append(list, parts(reflect.Indirect(f), depth+1, lang)...)
			continue
		}
		if f.Kind() != reflect.Slice || !isTerms(f.Type()) && idOf(reflect.Zero(f.Type().Elem())) == nil {
			list = append(list, Part{depth, kindOf(entry), key, show(f, lang)})
			continue
		}
		for k := range f.Len() {
			inner := f.Index(k)
			list = append(list, Part{depth, "", noun(key), written(titleOf(inner), lang)})
			list = append(list, parts(inner, depth+1, lang)...)
		}
	}
	return list
}
