package draft

import (
	"fmt"
	"slices"
	"testing"

	"holdfast/internal/roster"
)

// Before it is submitted, a draft says who could approve it and who could not.
func TestDeciders(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id, err := w.Begin(t.Context(), bob, "", small(t, countersigned))
	must(t, err)
	told := func() (list []string) {
		d, err := w.Draft(id)
		must(t, err)
		for _, one := range w.Deciders(d) {
			list = append(list, fmt.Sprintf("%s %s %s", one.Role, one.Name, one.Why))
		}
		return list
	}
	for _, line := range told() {
		if want := Vacant; line[len(line)-len(want):] != want {
			t.Errorf("nobody is on the roster: %s", line)
		}
	}
	w.hold(t, "bob", "engineer")
	w.hold(t, "cat", "engineer")
	must(t, w.people.Record(t.Context(), bob, roster.Person{ID: "p-eve", Name: "eve", Roles: []string{"engineer"}}))
	got := told()
	for _, want := range []string{"engineer bob " + Wrote, "engineer cat ", "engineer eve " + NoAccount} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not told in %q", want, got)
		}
	}
}
