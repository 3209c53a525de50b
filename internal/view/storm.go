package view

import (
	"strings"

	"holdfast"
)

// AlertsShown is how many alerts of an incident are shown with it.
const AlertsShown = 100

// stormShown is how many facts of alerts a timeline shows from its begin, and as many
// from its end.
const stormShown = 100

// withoutStorm leaves out of a timeline the facts of alerts in the middle of a storm:
// they would bury what people did. The list of alerts has them.
func withoutStorm(facts []holdfast.Fact) []holdfast.Fact {
	total := 0
	for _, f := range facts {
		if ofAlert(f) {
			total++
		}
	}
	if total <= 2*stormShown {
		return facts
	}
	kept, n := make([]holdfast.Fact, 0, len(facts)-total+2*stormShown), 0
	for _, f := range facts {
		if ofAlert(f) {
			if n++; n > stormShown && n <= total-stormShown {
				continue
			}
		}
		kept = append(kept, f)
	}
	return kept
}

func ofAlert(f holdfast.Fact) bool { return strings.HasPrefix(string(f.Subject), "alert/") }
