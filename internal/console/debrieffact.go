package console

import (
	"encoding/json"
	"strings"

	"holdfast/internal/locale"
	"holdfast/internal/view"
)

// debriefFact puts a fact of a debrief in words.
func debriefFact(words *locale.Printer, in view.Incident, e view.Event) (text, detail string, ok bool) {
	if !strings.HasPrefix(e.Kind, "debrief.") {
		return "", "", false
	}
	var b struct {
		ID, Section, Text, Why, What, Role, Reason string
		Round                                      int
	}
	_ = json.Unmarshal(e.Body, &b) // a body of another shape leaves fields empty
	section := ""
	if b.Section != "" {
		section = words.T("debrief.section." + b.Section)
	}
	detail = b.Reason
	for _, other := range []string{b.Text, b.Why, b.What} {
		if detail == "" {
			detail = other
		}
	}
	role := b.Role
	for _, s := range in.Sign {
		if s.ID == b.Role {
			role = s.Name.In(words.Lang())
		}
	}
	return words.T("fact."+e.Kind, "id", b.ID, "section", section, "n", b.Round, "role", role), detail, true
}
