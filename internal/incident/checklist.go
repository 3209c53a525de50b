package incident

import (
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
)

// ItemTicked ticks an item of a task's checklist, or takes the tick back.
type ItemTicked struct {
	Task string `json:"task"`
	// N counts the items from 1.
	N      int    `json:"n"`
	Ticked bool   `json:"ticked"`
	Note   string `json:"note,omitempty"`
}

func (ItemTicked) kind() string { return "incident.item-ticked" }

// Tick is how an item of a checklist stands; the time is zero while nobody has said
// anything of it.
type Tick struct {
	Ticked bool
	Note   string
	At     time.Time
	By     holdfast.Actor
}

func (e ItemTicked) fold(in *Incident, f holdfast.Fact) {
	t := in.Tasks[e.Task]
	items := append([]Tick(nil), t.Items...)
	for len(items) < e.N {
		items = append(items, Tick{})
	}
	items[e.N-1] = Tick{e.Ticked, e.Note, f.Time, f.Actor}
	t.Items = items
	in.Tasks[e.Task] = t
}

// ticked counts the items of a task that are.
func (t Task) ticked() (n int) {
	for _, item := range t.Items {
		if item.Ticked {
			n++
		}
	}
	return n
}

// TickItem ticks an item of an open task's checklist, or takes the tick back with a
// reason. With the last one the task is done, unless it needs evidence.
func TickItem(in *Incident, e ItemTicked) ([]journal.Draft, error) {
	t, err := in.OpenTask(e.Task)
	if err != nil {
		return nil, err
	}
	e.Note = strings.TrimSpace(e.Note)
	before := Tick{}
	if items := in.Tasks[e.Task].Items; e.N > 0 && e.N <= len(items) {
		before = items[e.N-1]
	}
	switch {
	case e.N < 1 || e.N > len(t.Checklist):
		return nil, holdfast.Errorf(holdfast.NotFound, "the checklist of task %s has %d items; there is no item %d", e.Task, len(t.Checklist), e.N)
	case len(e.Note) > maxText:
		return nil, errLong("note")
	case e.Ticked == before.Ticked:
		return nil, nil
	case !e.Ticked && e.Note == "":
		return nil, holdfast.Errorf(holdfast.Invalid, "write why the item is not so after all").At("note")
	}
	e.Note = payment.Mask(e.Note)
	events := []event{e}
	n := in.Tasks[e.Task].ticked()
	if e.Ticked && n+1 == len(t.Checklist) && !t.Evidence {
		events = append(events, TaskDone{Task: e.Task, Note: "every item is ticked"})
	}
	return in.draft(events...), nil
}
