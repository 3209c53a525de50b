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
	case reflect.TypeFor[*Profile](), reflect.TypeFor[*Terms](), reflect.TypeFor[*Deferral](), reflect.TypeFor[Forwarding](), reflect.TypeFor[[]Limit]():
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
		c.limits(p, a.Interface().([]Limit), b.Interface().([]Limit), name)
	case a.IsNil():
		c.add(p, Change{Kind: Added, What: key, Of: of, Name: name}, "", b.Elem())
	case b.IsNil():
		c.add(p, Change{Kind: Removed, What: key, Of: of, Name: name}, "", a.Elem())
	default:
		c.fields(p, a.Elem(), b.Elem(), name)
	}
}

// limits compares two lists of limits, each known by what it is counted over, its
// currency and its window. Where they stand means nothing.
func (c *comparison) limits(p pair, a, b []Limit, name holdfast.Text) {
	about := func(l Limit) Limit { return Limit{Over: l.Over, Currency: l.Currency, Window: l.Window} }
	was := map[Limit]int{}
	for i, l := range a {
		was[about(l)] = i
	}
	stays := map[int]bool{}
	for i, l := range b {
		is := reflect.ValueOf(l)
		j, found := was[about(l)]
		if !found || stays[j] {
			c.add(pair{b: at(p.b, i)}, Change{Kind: Added, What: "limit", Name: name}, "", is)
			continue
		}
		stays[j] = true
		if old := reflect.ValueOf(a[j]); a[j] != l {
			c.add(pair{at(p.a, j), at(p.b, i)}, Change{
				Kind: Changed, What: "limit", Name: name, Old: show(old, c.a.Language), New: show(is, c.b.Language),
				Was: parts(old, 0, c.a.Language), Parts: parts(is, 0, c.b.Language),
			}, "", is)
		}
	}
	for j, l := range a {
		if !stays[j] {
			c.add(pair{a: at(p.a, j)}, Change{Kind: Removed, What: "limit", Name: name}, "", reflect.ValueOf(l))
		}
	}
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
