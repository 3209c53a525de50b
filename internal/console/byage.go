package console

import (
	"slices"

	"holdfast/internal/view"
)

// byAge parts what is read first from what came before it: people who do not
// answer are told again and again, and a page that lists it all hides what counts.
type byAge[T any] struct{ Now, Earlier []T }

// noticesByAge reads the last notice on each channel first.
func noticesByAge(all []view.Notice) (b byAge[view.Notice]) {
	for i, n := range all {
		if slices.ContainsFunc(all[i+1:], func(later view.Notice) bool { return later.Channel == n.Channel }) {
			b.Earlier = append(b.Earlier, n)
		} else {
			b.Now = append(b.Now, n)
		}
	}
	return b
}

// roundsShown is how many rounds of a step are read first.
const roundsShown = 3

func roundsByAge(all []view.Round) byAge[view.Round] {
	first := max(0, len(all)-roundsShown)
	return byAge[view.Round]{Now: all[first:], Earlier: all[:first]}
}
