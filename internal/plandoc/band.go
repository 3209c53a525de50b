package plandoc

import (
	"reflect"
	"regexp"
	"strings"

	"holdfast/internal/plan"
)

// bands writes one part of the day a line: 尖峰（週一、週二 09:00–22:00） → condition.
func (t tongue) bands(list []plan.Band) string {
	var lines []string
	for _, b := range list {
		when := strings.TrimSpace(t.value(nil, "band.days", reflect.ValueOf(b.Days)) + " " + b.Starts + "–" + b.Ends)
		lines = append(lines, strings.TrimSpace(b.Title.In(t.words.Lang()))+t.words.T("document.bracket", "text", when)+" → "+b.Enter)
	}
	return strings.Join(lines, "\n")
}

var clocks = regexp.MustCompile(`^(.*?) ?([0-9]{2}:[0-9]{2})–([0-9]{2}:[0-9]{2})$`)

func (t tongue) readBands(text string) (list []plan.Band, ok bool) {
	before, after, _ := strings.Cut(t.words.T("document.bracket", "text", "\x00"), "\x00")
	for _, line := range strings.Split(text, "\n") {
		head, enter, found := strings.Cut(line, " → ")
		title, when, inBrackets := strings.Cut(strings.TrimSuffix(strings.TrimSpace(head), after), before)
		times := clocks.FindStringSubmatch(when)
		if !found || !inBrackets || times == nil {
			return nil, false
		}
		b := plan.Band{Title: in(t.words.Lang(), strings.TrimSpace(title)), Starts: times[2], Ends: times[3], Enter: strings.TrimSpace(enter)}
		if times[1] != "" && !t.choose("band.days", times[1], reflect.ValueOf(&b.Days).Elem()) {
			return nil, false
		}
		list = append(list, b)
	}
	return list, true
}
