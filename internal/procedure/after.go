package procedure

import (
	"fmt"

	"holdfast"
)

// after checks that what the tasks of a stage wait for is in the stage, and that
// no task waits for itself, by whatever way round.
func (c *checker) after(path string, s Stage) {
	index := make(map[string]int, len(s.Tasks))
	for i, t := range s.Tasks {
		if _, twice := index[t.ID]; !twice {
			index[t.ID] = i
		}
	}
	const walking, walked = 1, 2
	state := make([]int, len(s.Tasks))
	var walk func(i int)
	walk = func(i int) {
		state[i] = walking
		for j, id := range s.Tasks[i].After {
			at := fmt.Sprintf("%s.tasks[%d].after[%d]", path, i, j)
			next, found := index[id]
			switch {
			case !found:
				c.add(at, "P012", holdfast.Errorf(holdfast.Invalid, "the stage has no task %q to come after: name a task of the same stage", id))
			case state[next] == walking:
				c.add(at, "P029", holdfast.Errorf(holdfast.Invalid, "task %q would wait for itself, for %q comes after it too: remove one of the two", s.Tasks[i].ID, id))
			case state[next] != walked:
				walk(next)
			}
		}
		state[i] = walked
	}
	for i := range s.Tasks {
		if state[i] == 0 {
			walk(i)
		}
	}
}
