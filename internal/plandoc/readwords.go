package plandoc

import (
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

var spanPart = regexp.MustCompile(`(\d+)\s*([\p{Han}A-Za-z]+)`)

// readSpan reads a span as people write it in any language: 1 小時 30 分, 2小时,
// 90 min, 1 d.
func readSpan(text string) (procedure.Duration, bool) {
	var d time.Duration
	parts := spanPart.FindAllStringSubmatch(text, -1)
	for _, part := range parts {
		n, err := strconv.Atoi(part[1])
		unit := unitOf(strings.ToLower(part[2]))
		if err != nil || unit == 0 || int64(n) > math.MaxInt64/int64(unit)/4 {
			return 0, false
		}
		d += time.Duration(n) * unit
	}
	whole := strings.TrimSpace(spanPart.ReplaceAllString(text, "")) == ""
	return procedure.Duration(d), whole && len(parts) > 0 && d >= 0 && procedure.Duration(d) <= procedure.MaxDuration
}

func unitOf(word string) time.Duration {
	switch {
	case strings.HasPrefix(word, "d") || strings.HasPrefix(word, "天") || strings.HasPrefix(word, "日"):
		return 24 * time.Hour
	case strings.HasPrefix(word, "h") || strings.HasPrefix(word, "小時") || strings.HasPrefix(word, "小时"):
		return time.Hour
	case word == "ms":
		return time.Millisecond
	case strings.HasPrefix(word, "m") || strings.HasPrefix(word, "分"):
		return time.Minute
	case strings.HasPrefix(word, "s") || strings.HasPrefix(word, "秒"):
		return time.Second
	}
	return 0
}

func (t tongue) readBranches(text string) (list []procedure.Branch, ok bool) {
	before, after, _ := strings.Cut(t.words.T("document.bracket", "text", t.labelled(t.label("branch", "approval"), "\x00")), "\x00")
	for _, line := range strings.Split(text, "\n") {
		when, do, found := strings.Cut(line, " → ")
		if !found {
			return nil, false
		}
		b := procedure.Branch{When: strings.TrimSpace(when)}
		if at := strings.LastIndex(do, before); at >= 0 && strings.HasSuffix(do, after) {
			b.Approval = strings.TrimSpace(strings.TrimSuffix(do[at+len(before):], after))
			do = do[:at]
		}
		b.Do = in(t.words.Lang(), strings.TrimSpace(do))
		list = append(list, b)
	}
	return list, true
}

func (t tongue) readAuthority(text string) (list []plan.Authority, ok bool) {
	for _, line := range strings.Split(text, "\n") {
		a := plan.Authority{}
		line, a.Scope, _ = strings.Cut(strings.TrimSpace(line), " · "+t.words.T("plan.only-payments")+" ")
		line, a.Alone = strings.CutSuffix(strings.TrimSpace(line), " · "+t.words.T("plan.alone"))
		for l := holdfast.Level1; l <= holdfast.Level3; l++ {
			if kinds, found := strings.CutSuffix(line, t.words.T("document.bracket", "text", t.level(l))); found {
				line, a.Level = kinds, l
			}
		}
		if a.Level == holdfast.Unknown || !t.choose("authority.directives", line, reflect.ValueOf(&a.Directives).Elem()) {
			return nil, false
		}
		list = append(list, a)
	}
	return list, true
}

// read reads a field from what value wrote, and reports whether it could. A
// reference is kept as the name, for resolve to turn into an id.
func (t tongue) read(field, text string, into reflect.Value) bool {
	text = strings.TrimSpace(text)
	if text == "" {
		return true
	}
	if _, refers := references[field]; refers || field == taskReference {
		return keep(text, into)
	}
	if _, is := choices[field]; is {
		return t.choose(field, text, into)
	}
	switch x := into.Addr().Interface().(type) {
	case *holdfast.Text:
		*x = in(t.words.Lang(), text)
	case *procedure.Duration:
		return assign(x)(readSpan(text))
	case *holdfast.Level:
		return assign(x)(t.readLevel(text))
	case *[]holdfast.Level:
		for _, part := range t.parts(text) {
			l, ok := t.readLevel(part)
			if !ok {
				return false
			}
			*x = append(*x, l)
		}
	case *bool:
		*x = text == t.words.T("document.yes")
		return *x
	case *int:
		n, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
		return assign(x)(n, err == nil)
	case *float64:
		f, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
		return assign(x)(f, err == nil)
	case **procedure.Ramp:
		return assign(x)(t.readRamp(text))
	case *[]holdfast.Text:
		for _, line := range strings.Split(text, "\n") {
			*x = append(*x, in(t.words.Lang(), strings.TrimSpace(line)))
		}
	case *[]procedure.Branch:
		return assign(x)(t.readBranches(text))
	case *[]procedure.EscalationStep:
		return assign(x)(t.readEscalation(text))
	case *[]plan.Authority:
		return assign(x)(t.readAuthority(text))
	case *[]plan.Band:
		return assign(x)(t.readBands(text))
	case **plan.Profile:
		return assign(x)(t.readProfile(text))
	case **plan.Terms:
		return assign(x)(t.readTerms(text))
	case **plan.Deferral:
		return assign(x)(t.readDeferral(text))
	case *[]plan.Limit:
		return assign(x)(t.readLimits(text))
	case *plan.Forwarding:
		return assign(x)(t.readForwarding(text))
	case *plan.Date:
		return x.UnmarshalText([]byte(text)) == nil
	default:
		return keep(text, into)
	}
	return true
}

// assign sets what was read if it could be.
func assign[T any](into *T) func(T, bool) bool {
	return func(v T, ok bool) bool {
		if ok {
			*into = v
		}
		return ok
	}
}

// keep sets a string, or a list with it as the only entry.
func keep(text string, into reflect.Value) bool {
	switch {
	case into.Kind() == reflect.String:
		into.SetString(text)
	case into.Kind() == reflect.Slice && into.Type().Elem().Kind() == reflect.String:
		into.Set(reflect.Append(into, reflect.ValueOf(text).Convert(into.Type().Elem())))
	default:
		return false
	}
	return true
}

func (t tongue) parts(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("、,，;；\n", r) })
}

func (t tongue) readLevel(text string) (holdfast.Level, bool) {
	text = strings.TrimSpace(text)
	for l := holdfast.Unknown; l <= holdfast.Level3; l++ {
		if text == t.level(l) {
			return l, true
		}
	}
	l := levelIn(text)
	return l, l != holdfast.Unknown
}

// choose reads values that the program has words for.
func (t tongue) choose(field, text string, into reflect.Value) bool {
	c := choices[field]
	known := map[string]string{}
	for _, value := range c.values {
		known[t.words.T("choice."+c.kind+"."+value)] = value
	}
	for _, name := range split(text, slices.Collect(maps.Keys(known))) {
		value, ok := known[name]
		if !ok && (field != "notice.channels" || !holdfast.ValidName(name)) {
			return false
		} else if !ok {
			value = name
		}
		if !keep(value, into) {
			return false
		}
	}
	return true
}

// split cuts a list into its entries. Names that are known are found whole, even
// if they hold a mark that parts entries; the longest that fits counts.
func split(text string, known []string) (entries []string) {
	slices.SortFunc(known, func(x, y string) int { return len(y) - len(x) })
	isMark := func(r rune) bool { return strings.ContainsRune("、,，;； \n", r) }
	for text = strings.TrimLeftFunc(text, isMark); text != ""; text = strings.TrimLeftFunc(text, isMark) {
		i := slices.IndexFunc(known, func(name string) bool {
			rest, ok := strings.CutPrefix(text, name)
			return ok && name != "" && (rest == "" || strings.ContainsAny(string([]rune(rest)[:1]), "、,，;；\n"))
		})
		if i >= 0 {
			entries, text = append(entries, known[i]), text[len(known[i]):]
			continue
		}
		end := strings.IndexAny(text, "、,，;；\n")
		if end < 0 {
			end = len(text)
		}
		entries, text = append(entries, strings.TrimSpace(text[:end])), text[end:]
	}
	return entries
}
