package console

import "holdfast/internal/view"

// passedOn are tasks in every state of being taken.
func passedOn(t view.Task) (list []view.Task) {
	add := func(id string, change func(*view.Task)) {
		t := t
		t.ID += id
		change(&t)
		list = append(list, t)
	}
	add("-free", func(t *view.Task) { t.TakeBy, t.Limit = future, &view.Limit{State: "at-risk", Due: future} })
	add("-passed", func(t *view.Task) {
		t.Limit, t.Deputised = &view.Limit{State: "breached", Due: past}, &view.Deputised{Role: &role, People: []view.Told{{Person: "lin", Name: "Lin"}, {Person: "bo", Name: "Bo"}}}
	})
	add("-nobody", func(t *view.Task) { t.Deputised = &view.Deputised{} })
	add("-waits", func(t *view.Task) { t.Status, t.After = "waiting", []view.Named{role, role} })
	return list
}
