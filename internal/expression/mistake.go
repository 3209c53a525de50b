package expression

import (
	"reflect"
	"regexp"
	"strings"

	"holdfast"
)

// The sentences of the parser and the checker of expr are put into our own, which
// say how to mend the mistake and exist in every language.

// sentence turns one of expr's into one of ours.
type sentence struct {
	theirs *regexp.Regexp
	ours   func(m []string) *holdfast.Error
	// behind says that what is wrong is missing behind the last character.
	behind bool
}

func says(pattern string, ours func(m []string) *holdfast.Error) sentence {
	return sentence{theirs: regexp.MustCompile(`(?s)^(?:` + pattern + `)$`), ours: ours}
}

func misses(pattern string, ours func(m []string) *holdfast.Error) sentence {
	s := says(pattern, ours)
	s.behind = true
	return s
}

var sentences = []sentence{
	misses(`unexpected token EOF|unexpected end of expression`, func([]string) *holdfast.Error {
		return holdfast.Errorf(holdfast.Invalid, "the expression ends too early: a value, a condition or a closing bracket is missing here")
	}),
	says(`unexpected token Operator\("="\)`, func([]string) *holdfast.Error {
		return holdfast.Errorf(holdfast.Invalid, "a single = does not compare: write ==")
	}),
	says(`unexpected token Identifier\("(AND|OR|NOT|IN|And|Or|Not|In)"\)`, func(m []string) *holdfast.Error {
		return holdfast.Errorf(holdfast.Invalid, "write %s in small letters", m[1])
	}),
	says(`unexpected token \w+\("(.*)"\)`, func(m []string) *holdfast.Error {
		if english := inEnglish[m[1]]; english != "" {
			return holdfast.Errorf(holdfast.Invalid, "%s is not of the language: write %s", m[1], english)
		}
		return holdfast.Errorf(holdfast.Invalid, "%s is not expected here: join conditions with and, or; put commas between the entries of a list", m[1])
	}),
	says(`unrecognized character: .*'(.)'`, func(m []string) *holdfast.Error {
		if half := halfWidth[m[1]]; half != "" {
			return holdfast.Errorf(holdfast.Invalid, "%s is not of the language: write %s", m[1], half)
		}
		return holdfast.Errorf(holdfast.Invalid, "%s is not of the language: texts stand in quotes, names are as declared", m[1])
	}),
	misses(`literal not terminated`, func([]string) *holdfast.Error {
		return holdfast.Errorf(holdfast.Invalid, "the text does not end: write a quote behind it")
	}),
	says(`bad number syntax: "(.*)"`, func(m []string) *holdfast.Error {
		return holdfast.Errorf(holdfast.Invalid, "%s is no number: write digits, with a point before decimals", m[1])
	}),
	says(`(?:invalid \w+ literal|\w+ literal is too large).*`, func([]string) *holdfast.Error {
		return holdfast.Errorf(holdfast.Invalid, "the number is too large")
	}),
	says(`invalid char escape|unable to unescape.*`, func([]string) *holdfast.Error {
		return holdfast.Errorf(holdfast.Invalid, `a backslash in a text is written twice: \\`)
	}),
	misses(`unclosed comment`, func([]string) *holdfast.Error {
		return holdfast.Errorf(holdfast.Invalid, "the remark does not end: write */ behind it")
	}),
	says(`invalid operation: (and|or|&&|\|\|) \(mismatched types .*\)`, func(m []string) *holdfast.Error {
		return holdfast.Errorf(holdfast.Invalid, "both sides of %s must be true or false: write a comparison there", m[1])
	}),
	says(`invalid operation: (startsWith|endsWith|contains|matches) \(mismatched types .*\)`, func(m []string) *holdfast.Error {
		return holdfast.Errorf(holdfast.Invalid, "both sides of %s must be texts", m[1])
	}),
	says(`invalid operation: (?:not|!) \(mismatched type .*\)`, func([]string) *holdfast.Error {
		return holdfast.Errorf(holdfast.Invalid, "after not stands what is true or false: write not (…) around a comparison")
	}),
	says(`invalid operation: (\S+) \(mismatched types (\S+) and (\S+)\)`, func(m []string) *holdfast.Error {
		return holdfast.Errorf(holdfast.Invalid, "%s compares %s with %s: both sides must be of one type", m[1], typeNamed(m[2]), typeNamed(m[3]))
	}),
	says(`cannot use (\S+) as type (\S+) in array`, func(m []string) *holdfast.Error {
		return holdfast.Errorf(holdfast.Invalid, "%s is looked for in a list of another type", typeNamed(m[1]))
	}),
	says(`cannot use \S+ to get an element from .*`, func([]string) *holdfast.Error {
		return holdfast.Errorf(holdfast.Invalid, `in the brackets stands a text, as in labels["name"]`)
	}),
	says(`(\w+) takes one text`, func(m []string) *holdfast.Error {
		return holdfast.Errorf(holdfast.Invalid, "%s takes one text in brackets", m[1])
	}),
	says(`(\S) takes two numbers.*`, func(m []string) *holdfast.Error {
		return holdfast.Errorf(holdfast.Invalid, "%s takes two numbers", m[1])
	}),
}

// halfWidth are signs of a Chinese keyboard with what the language has for them.
var halfWidth = map[string]string{
	"＝": "==", "＞": ">", "＜": "<", "≥": ">=", "≤": "<=", "≠": "!=", "（": "(", "）": ")", "，": ",", "、": ",", "。": ".", "［": "[", "］": "]",
	"【": "[", "】": "]", "“": `"`, "”": `"`, "「": `"`, "」": `"`, "‘": `"`, "’": `"`, "＂": `"`, "！": "not", "＋": "+", "－": "-", "×": "*", "÷": "/", "％": "%", "　": "a space",
}

// inEnglish are Chinese words with those of the language.
var inEnglish = map[string]string{
	"或": "or", "或者": "or", "且": "and", "和": "and", "並且": "and", "并且": "and", "而且": "and", "非": "not", "不": "not", "等於": "==", "等于": "==",
	"大於": ">", "大于": ">", "小於": "<", "小于": "<",
}

// ours puts a sentence of expr into one of ours.
func ours(message string) (problem *holdfast.Error, behind bool) {
	for _, s := range sentences {
		if m := s.theirs.FindStringSubmatch(message); m != nil {
			return s.ours(m), s.behind
		}
	}
	return holdfast.Errorf(holdfast.Invalid, "it cannot be read: %s", message), false
}

// typeNamed names a type of expr in words.
func typeNamed(name string) *holdfast.Error {
	switch name {
	case "string":
		return holdfast.Errorf(holdfast.Invalid, "a text")
	case "int", "float64":
		return holdfast.Errorf(holdfast.Invalid, "a number")
	case "bool":
		return holdfast.Errorf(holdfast.Invalid, "yes or no")
	default:
		return holdfast.Errorf(holdfast.Invalid, "a list or map")
	}
}

func typeOf(kind reflect.Kind) *holdfast.Error { return typeNamed(strings.ToLower(kind.String())) }
