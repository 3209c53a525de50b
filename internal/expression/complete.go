package expression

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Vocabulary is what whoever writes an expression may use.
type Vocabulary struct {
	Fields map[string]Type
	// Titles name the fields in the writer's language.
	Titles map[string]string
	// Values are known values of a field, of labels["name"] under that name, and
	// the names in a map under the map's.
	Values map[string][]string
	// Whole says that the one word all is an expression, too.
	Whole bool
}

// Know adds values of a field to those that are known.
func (v Vocabulary) Know(field string, values ...string) {
	for _, value := range values {
		if value != "" && !slices.Contains(v.Values[field], value) {
			v.Values[field] = append(v.Values[field], value)
		}
	}
}

// Suggestion is something that may stand at the cursor.
type Suggestion struct {
	// Text is what is written.
	Text string
	// Kind is field, function, operator or value; Title names a field.
	Kind, Title string
}

// The kinds of suggestion.
const (
	OfField    = "field"
	OfFunction = "function"
	OfOperator = "operator"
	OfValue    = "value"
)

// maxSuggestions bounds what is offered at once.
const maxSuggestions = 40

// Complete returns what may stand at the end of an expression's beginning, and
// how much of its end that replaces. A field is found by its name or a part of
// its title. after is what follows; a quote there is not written twice.
func (v Vocabulary) Complete(before, after string) (typed string, list []Suggestion) {
	if len(before) > MaxSource {
		return "", nil
	}
	ts := scan(before)
	typed = ts.cut()
	inText := strings.HasPrefix(typed, `"`)
	if n := len(ts); n > 0 && ts[n-1].kind == openText {
		return "", nil // in other quotes
	}
	for _, s := range v.offers(ts) {
		if s.Kind == OfValue && strings.HasPrefix(after, `"`) {
			s.Text = strings.TrimSuffix(s.Text, `"`)
		}
		want := strings.ToLower(strings.Trim(typed, `"`))
		if inText && !strings.HasPrefix(s.Text, `"`) {
			continue
		}
		fits := strings.HasPrefix(strings.ToLower(strings.TrimPrefix(s.Text, `"`)), want) || s.Title != "" && strings.Contains(strings.ToLower(s.Title), want)
		if fits && s.Text != typed && len(list) < maxSuggestions {
			list = append(list, s)
		}
	}
	return typed, list
}

// token is a word, a number, a text in quotes, or a sign.
type token struct {
	text string
	kind tokenKind
}

type tokenKind uint8

const (
	sign tokenKind = iota
	word
	quotedText
	openText
)

type tokens []token

// scan takes a beginning apart; its last token may be unfinished.
func scan(src string) (ts tokens) {
	runes := []rune(src)
	for i := 0; i < len(runes); {
		c, from := runes[i], i
		switch {
		case c == '"' || c == '\'' || c == '`':
			for i++; i < len(runes) && runes[i] != c; i++ {
				if runes[i] == '\\' && c != '`' {
					i++
				}
			}
			if i >= len(runes) {
				return append(ts, token{string(runes[from:]), openText})
			}
			i++
			ts = append(ts, token{string(runes[from:i]), quotedText})
		case isWord(c):
			for i < len(runes) && isWord(runes[i]) {
				i++
			}
			ts = append(ts, token{string(runes[from:i]), word})
		case unicode.IsSpace(c):
			for i < len(runes) && unicode.IsSpace(runes[i]) {
				i++
			}
			if i == len(runes) {
				ts = append(ts, token{}) // nothing is typed yet behind the space
			}
		default:
			for i < len(runes) && strings.ContainsRune("=!<>&|", c) && strings.ContainsRune("=!<>&|", runes[i]) {
				i++
			}
			i = max(i, from+1)
			ts = append(ts, token{string(runes[from:i]), sign})
		}
	}
	return ts
}

func isWord(c rune) bool { return c == '_' || c == '.' || unicode.IsLetter(c) || unicode.IsDigit(c) }

// cut takes the unfinished token off and returns what of it stands there.
func (ts *tokens) cut() string {
	n := len(*ts)
	if n == 0 {
		return ""
	}
	switch last := (*ts)[n-1]; {
	case last == token{}, last.kind == word, last.kind == openText && strings.HasPrefix(last.text, `"`):
		*ts = (*ts)[:n-1]
		return last.text
	}
	return ""
}

// last returns the i-th token from the end, counted from 1.
func (ts tokens) last(i int) string {
	if i > len(ts) {
		return ""
	}
	return ts[len(ts)-i].text
}

var comparing = []string{"==", "!=", "<", "<=", ">", ">=", "startsWith", "endsWith", "contains", "matches"}

// offers lists all that may stand behind some tokens.
func (v Vocabulary) offers(ts tokens) []Suggestion {
	switch last := ts.last(1); {
	case last == "" || slices.Contains([]string{"and", "or", "not", "&&", "||", "!", "("}, last):
		return v.conditions(len(ts) == 0)
	case slices.Contains(comparing, last):
		return append(v.valuesOf(ts[:len(ts)-1].operand()), v.fields(v.typeOf(ts[:len(ts)-1].operand()))...)
	case last == "in":
		return operators("[")
	case last == "[" || last == ",":
		return v.entries(ts)
	case slices.Contains([]string{"+", "-", "*", "/", "%"}, last):
		return v.fields(Float)
	case ts.compared():
		return operators("and", "or")
	}
	switch v.typeOf(ts.operand()) {
	case String:
		return operators("==", "!=", "in", "not in", "startsWith", "endsWith", "contains", "matches")
	case StringMap:
		return operators("[")
	case Bool:
		return operators("and", "or", "==")
	case Int, Float:
		return operators(">", ">=", "<", "<=", "==", "!=", "in", "+", "-", "*", "/")
	}
	return operators("and", "or")
}

// operand is the field at the end of some tokens, channel or labels["name"].
func (ts tokens) operand() string {
	if ts.last(1) == "]" && ts.last(3) == "[" {
		return ts.last(4) + "[" + ts.last(2) + "]"
	}
	if ts.last(1) == "not" {
		return ts[:len(ts)-1].operand()
	}
	return ts.last(1)
}

// compared reports whether a comparison ends here.
func (ts tokens) compared() bool {
	n := 1
	switch ts.last(1) {
	case "]":
		for n < len(ts) && ts.last(n) != "[" {
			n++
		}
		if ts.last(n+1) != "in" {
			n++ // labels["name"]
		} else {
			return true
		}
	case ")":
		return true
	}
	return slices.Contains(comparing, ts.last(n+1)) || ts.last(n+1) == ".." || strings.Contains(ts.last(1), "..")
}

// entries lists what may stand in the list or the map that is open.
func (v Vocabulary) entries(ts tokens) []Suggestion {
	for i := len(ts) - 1; i > 0; i-- {
		if ts[i].text != "[" {
			continue
		}
		if ts[i-1].text == "in" {
			return v.valuesOf(ts[:i-1].operand())
		}
		list := v.valuesOf(ts[i-1].text)
		for j := range list {
			list[j].Text += "]"
		}
		return list
	}
	return nil
}

// typeOf returns the type of an operand, 0 for none known.
func (v Vocabulary) typeOf(operand string) Type {
	if name, _, isMap := strings.Cut(operand, "["); isMap && v.Fields[name] == StringMap {
		return String
	}
	return v.Fields[operand]
}

func (v Vocabulary) conditions(first bool) (list []Suggestion) {
	if first && v.Whole {
		list = append(list, Suggestion{Text: "all", Kind: OfValue})
	}
	list = append(list, v.fields(0)...)
	return append(list, operators("not", "(")...)
}

// fields lists the fields of a type, or all, and the functions where texts or
// numbers may stand.
func (v Vocabulary) fields(of Type) (list []Suggestion) {
	number := func(t Type) bool { return t == Int || t == Float }
	for _, name := range slices.Sorted(maps.Keys(v.Fields)) {
		if t := v.Fields[name]; of == 0 || t == of || number(t) && number(of) || t == StringMap && of == String {
			list = append(list, Suggestion{name, OfField, v.Titles[name]})
		}
	}
	if of == 0 || of == String {
		for _, name := range textFunctions {
			list = append(list, Suggestion{Text: name + "(", Kind: OfFunction})
		}
	}
	return list
}

func (v Vocabulary) valuesOf(operand string) (list []Suggestion) {
	switch v.typeOf(operand) {
	case Bool:
		return []Suggestion{{Text: "true", Kind: OfValue}, {Text: "false", Kind: OfValue}}
	case Int, Float:
		for _, value := range v.Values[operand] {
			list = append(list, Suggestion{Text: value, Kind: OfValue})
		}
		return list
	}
	for _, value := range v.Values[operand] {
		if !strings.ContainsAny(value, "\"\\\n") {
			list = append(list, Suggestion{Text: fmt.Sprintf(`"%s"`, value), Kind: OfValue})
		}
	}
	return list
}

func operators(texts ...string) (list []Suggestion) {
	for _, text := range texts {
		list = append(list, Suggestion{Text: text, Kind: OfOperator})
	}
	return list
}
