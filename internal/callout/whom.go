package callout

import (
	"slices"
	"time"

	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// Why somebody is told: as a holder of the role unless it says otherwise.
const (
	// OnDuty: he is on duty for the role now.
	OnDuty = "on-duty"
	// Deputy: he stands in for one whom no notice can reach.
	Deputy = "deputy"
	// NobodyOnDuty: the role has duty times and nobody who can be reached is on duty, so
	// all who hold it are told.
	NobodyOnDuty = "nobody-on-duty"
)

// Recipient is somebody whom a notice tells.
type Recipient struct {
	roster.Person
	Why string
}

// Recipients returns whom a notice of a stage tells at an instant, each once, in the
// order of its roles. A role with duty times is told through who is on duty, covers
// counted; one without, through all its holders. Who no notice can reach is stood in
// for by his deputies. Everybody is told where the notice says so, in a stage that
// convenes, where nobody on duty can be reached, and where those on duty are fewer
// than must acknowledge.
func Recipients(b *roster.Book, stage procedure.StageKind, n procedure.Notice, now time.Time) []Recipient {
	if n.Everyone || stage == procedure.Convene {
		return recipients(b, n, true, now)
	}
	list := recipients(b, n, false, now)
	if len(list) < n.Acknowledge {
		return recipients(b, n, true, now)
	}
	return list
}

func recipients(b *roster.Book, n procedure.Notice, everyone bool, now time.Time) (list []Recipient) {
	seen := map[string]bool{}
	for _, role := range n.To {
		for _, r := range ofRole(b, role, n, everyone, now) {
			if !seen[r.ID] {
				seen[r.ID] = true
				list = append(list, r)
			}
		}
	}
	return list
}

// ofRole returns who is told as a role; nobody only if nobody holds it.
func ofRole(b *roster.Book, role string, n procedure.Notice, everyone bool, now time.Time) []Recipient {
	if everyone || !b.Scheduled(role) {
		return standIns(b, role, b.Holders(role), "", n)
	}
	duty := standIns(b, role, b.OnDuty(role, now), OnDuty, n)
	if slices.ContainsFunc(duty, func(r Recipient) bool { return Reachable(r.Person, n) }) {
		return duty
	}
	return standIns(b, role, b.Holders(role), NobodyOnDuty, n)
}

// standIns puts deputies in the place of those whom no notice can reach. Who has none
// that one can stays: the task waits until he was told by hand.
func standIns(b *roster.Book, role string, people []roster.Person, why string, n procedure.Notice) (list []Recipient) {
	for _, p := range people {
		var deputies []Recipient
		if !Reachable(p, n) {
			for _, d := range b.Deputies(p.ID, role) {
				if Reachable(d, n) {
					deputies = append(deputies, Recipient{d, Deputy})
				}
			}
		}
		if len(deputies) == 0 {
			deputies = []Recipient{{p, why}}
		}
		list = append(list, deputies...)
	}
	return list
}
