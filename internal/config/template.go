package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Template is a text with places in braces that stand for something of a payment, as
// {identity} does. Braces around anything but a word in small letters are the text's own.
//
//	{identity} {amount} {amount:decimal} {currency} {payer} {payee} {channel} {method}
//	{original} {kind} {at} {status} {json:/pointer}
//
// An amount is in minor units; as decimal it has as many digits behind the point as its
// currency (ISO 4217). {original} is what a refund takes back, {at} the time (RFC 3339, UTC),
// {status} that of the second primary's answer, and {json:/pointer} (RFC 6901) the value
// that stands there in the JSON that is mapped, as JSON.
type Template string

// Part is a part of a template: a text, or the word of a place.
type Part struct{ Text, Place string }

var (
	placeIn = regexp.MustCompile(`\{[a-z][^{}"\s]*\}`)
	words   = []string{"identity", "amount", "amount:decimal", "currency", "payer", "payee", "channel", "method", "original", "kind", "at", "status"}
)

// JSONPlace begins the word of a place that stands for a value of the JSON that is mapped.
const JSONPlace = "json:"

// UnmarshalText refuses a template with a place that there is not.
func (t *Template) UnmarshalText(b []byte) error {
	*t = Template(b)
	for _, p := range t.Parts() {
		pointer, json := strings.CutPrefix(p.Place, JSONPlace)
		switch {
		case p.Place == "" || slices.Contains(words, p.Place):
		case json && strings.HasPrefix(pointer, "/"):
		case json:
			return fmt.Errorf("{%s}: a pointer begins with a slash, as {json:/memo}", p.Place)
		default:
			return fmt.Errorf("{%s} stands for nothing; places are {%s} and {json:/pointer}", p.Place, strings.Join(words, "}, {"))
		}
	}
	return nil
}

// MarshalText returns the template.
func (t Template) MarshalText() ([]byte, error) { return []byte(t), nil }

// Parts takes a template apart.
func (t Template) Parts() (list []Part) {
	rest := string(t)
	for _, at := range placeIn.FindAllStringIndex(rest, -1) {
		list = append(list, Part{Place: rest[at[0]+1 : at[1]-1]})
	}
	texts := placeIn.Split(rest, -1)
	whole := []Part{}
	for i, text := range texts {
		if text != "" {
			whole = append(whole, Part{Text: text})
		}
		if i < len(list) {
			whole = append(whole, list[i])
		}
	}
	return whole
}
