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
		lines = append(lines, line+strings.Join(t.keyed(name, "escalationstep", escalationKeys, reflect.ValueOf(s)), " · "))
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
			if !t.readKeyed("escalationstep", escalationKeys, strings.TrimSpace(part), reflect.ValueOf(&s).Elem()) {
				return nil, false
			}
		}
		list = append(list, s)
	}
	return list, true
}
