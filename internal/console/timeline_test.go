package console

import (
	"slices"
	"testing"

	"holdfast"
)

// Rounds that only tell the same step again are one line, where the newest stands;
// another step, another act and what was corrected stay.
func TestRoundsAreFolded(t *testing.T) {
	t.Parallel()
	folded := foldRounds([]line{
		{Position: 9, Round: "tell 1"}, {Position: 8}, {Position: 7, Round: "tell 1"}, {Position: 6, Round: "tell 0"},
		{Position: 5, Round: "tell 1", CorrectedBy: []holdfast.Position{8}}, {Position: 4, Round: "tell 1"}, {Position: 3, Round: "tell 0"},
	})
	at := func(list []line) (positions []holdfast.Position) {
		for _, l := range list {
			positions = append(positions, l.Position)
		}
		return positions
	}
	if got := at(folded); !slices.Equal(got, []holdfast.Position{9, 8, 6, 5}) {
		t.Fatalf("the lines are %v", got)
	}
	if l := folded[0]; l.Again() != 3 || l.Oldest() != 4 || !slices.Equal(at(l.Earlier), []holdfast.Position{7, 4}) {
		t.Errorf("told %d times since %d: %v", l.Again(), l.Oldest(), at(l.Earlier))
	}
	if l := folded[1]; l.Again() != 1 || l.Oldest() != 8 {
		t.Errorf("an act by itself: %+v", l)
	}
}
