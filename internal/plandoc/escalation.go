package plandoc

import (
	"reflect"
	"strings"

	"holdfast/internal/procedure"
)

// escalation writes one step a line: 指揮、上級領導 → 等候時限：5 分鐘；再次通知：2 分鐘.
func (t tongue) escalation(name names, list []procedure.EscalationStep) string {
	var lines []string
	for _, s := range list {
		line := t.value(name, "escalationstep.to", reflect.ValueOf(s.To)) + " → "
		var parts []string
		for _, key := range escalationKeys {
			if text := t.value(name, "escalationstep."+key, fieldOf(reflect.ValueOf(s), key)); text != "" {
				parts = append(parts, t.labelled(t.label("escalationstep", key), text))
			}
		}
		lines = append(lines, line+strings.Join(parts, " · "))
	}
	return strings.Join(lines, "\n")
}

var escalationKeys = []string{"within", "again", "acknowledge", "everyone"}

func (t tongue) readEscalation(text string) (list []procedure.EscalationStep, ok bool) {
	for _, line := range strings.Split(text, "\n") {
		to, rest, found := strings.Cut(line, " → ")
		if !found {
			return nil, false
		}
		s := procedure.EscalationStep{To: []string{strings.TrimSpace(to)}}
		for _, part := range strings.Split(rest, " · ") {
			if !t.readPart(&s, strings.TrimSpace(part)) {
				return nil, false
			}
		}
		list = append(list, s)
	}
	return list, true
}

func (t tongue) readPart(s *procedure.EscalationStep, part string) bool {
	for _, key := range escalationKeys {
		before, after, _ := strings.Cut(t.labelled(t.label("escalationstep", key), "\x00"), "\x00")
		if text, found := strings.CutPrefix(part, before); found {
			return t.read("escalationstep."+key, strings.TrimSuffix(text, after), fieldOf(reflect.ValueOf(s).Elem(), key))
		}
	}
	return false
}
