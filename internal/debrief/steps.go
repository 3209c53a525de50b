package debrief

import (
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/notify"
	"holdfast/internal/procedure"
)

// steps lists the stages of the plan and their tasks: all of the present level, and of
// those that the incident has left what was closed there.
func (w *worker) steps() (list []Step) {
	phases := w.phases()
	for n, p := range phases {
		last := n == len(phases)-1
		for i, def := range p.Procedure.Stages {
			if i >= len(p.Stages) {
				break
			}
			st := p.Stages[i]
			s := Step{Level: p.Level, Stage: string(def.Kind), Title: def.Title, Status: string(st.Status), Opened: st.Opened, Ended: st.Ended, Why: st.Note}
			if st.Skip != nil && st.Skip.Granted {
				s.By, s.Consent = st.Skip.By.String(), st.Skip.GrantedBy.String()
			}
			if last || here(p, n, st.Status, st.Ended) {
				list = append(list, s)
			}
			for _, t := range def.Tasks {
				task := p.Tasks[t.ID]
				if last || here(p, n, task.Status, task.Ended) {
					list = append(list, taskStep(p.Level, def, t, task, st))
				}
			}
		}
	}
	return list
}

func taskStep(level holdfast.Level, def procedure.Stage, t procedure.Task, task incident.Task, st incident.Stage) Step {
	s := Step{Level: level, Stage: string(def.Kind), Task: t.ID, Title: t.Title, Status: string(task.Status), Opened: task.Opened, Ended: task.Ended, Why: task.Note}
	if task.Status == procedure.Skipped && s.Why == "" {
		s.Why = st.Note
	}
	if task.EndedBy != (holdfast.Actor{}) {
		s.By = task.EndedBy.String()
	}
	return s
}

// here reports whether something was closed in the n-th phase itself.
func here(p incident.Phase, n int, status procedure.Status, ended time.Time) bool {
	return status.Closed() && (n == 0 || ended.After(p.Began))
}

// limits lists the limits that have run, at each level, and the commands that lasted
// longer than the plan lets them.
func (w *worker) limits() (list []Limit) {
	for n, p := range w.in.Past {
		for i, def := range p.Procedure.Stages {
			if i >= len(p.Stages) {
				break
			}
			st := p.Stages[i]
			list = append(list, pastLimit(p, n, incident.OfStage, string(def.Kind), def.Title, def.Limit, st.Status, st.Opened, st.Ended)...)
			for _, t := range def.Tasks {
				task := p.Tasks[t.ID]
				list = append(list, pastLimit(p, n, incident.OfTask, t.ID, t.Title, t.Limit, task.Status, task.Opened, task.Ended)...)
			}
		}
	}
	for _, l := range w.in.Limits() {
		if l.Of == incident.OfPost {
			continue
		}
		v := Limit{Level: w.in.Level, Of: l.Of, ID: l.ID, Title: w.titleOf(l.LimitKey), Due: l.Due, Ended: l.Ended, Result: Open}
		switch {
		case !l.Breached.IsZero() || !l.Ended.IsZero() && l.Ended.After(l.Due):
			v.Result = Missed
		case l.Skipped:
			v.Result = Skipped
		case !l.Ended.IsZero():
			v.Result = Met
		}
		list = append(list, v)
	}
	return append(list, w.shifts...)
}

// pastLimit is a limit of a level that the incident has left, if it ran there.
func pastLimit(p incident.Phase, n int, of incident.LimitOf, id string, title holdfast.Text, span procedure.Duration, status procedure.Status, opened, ended time.Time) []Limit {
	if span == 0 || opened.IsZero() || n > 0 && status.Closed() && !ended.After(p.Began) {
		return nil
	}
	l := Limit{Level: p.Level, Of: of, ID: id, Title: title, Due: opened.Add(span.D()), Ended: ended, Result: Open}
	switch until := ended; {
	case until.IsZero() && !p.Left.After(l.Due):
		return nil // the level was left before
	case until.IsZero() || until.After(l.Due):
		l.Result = Missed
	case status == procedure.Skipped:
		l.Result = Skipped
	default:
		l.Result = Met
	}
	return []Limit{l}
}

func (w *worker) titleOf(k incident.LimitKey) holdfast.Text {
	for _, s := range w.in.Procedure.Stages {
		if k.Of == incident.OfStage && string(s.Kind) == k.ID {
			return s.Title
		}
	}
	_, t, _ := w.in.Procedure.Task(k.ID)
	return t.Title
}

// people lists everyone who was told, each once.
func (w *worker) people() (list []Told) {
	at := map[string]int{}
	of := func(id, name string) *Told {
		i, known := at[id]
		if !known {
			i, at[id] = len(list), len(list)
			list = append(list, Told{Person: id, Name: name})
		}
		return &list[i]
	}
	for _, in := range w.whole {
		for _, p := range w.notices.Everyone(in.ID) {
			told := of(p.ID, p.Name)
			for _, d := range p.Deliveries {
				told.notice(d)
			}
			if p.Ack != nil {
				told.acknowledge(p.Ack.At, p.Ack.How)
			}
		}
		for _, c := range in.Calls {
			told := of(c.Person, c.Name)
			told.Calls++
			if c.Result == incident.Reached {
				told.reach(c.At, "call")
				told.acknowledge(c.At, notify.ByPhone)
			}
		}
	}
	return list
}

func (t *Told) notice(d *notify.Delivery) {
	t.Notices++
	if t.Asked.IsZero() || d.Asked.Before(t.Asked) {
		t.Asked = d.Asked
	}
	if d.State == notify.GaveUp {
		t.Failed++
	}
	if !d.Delivered.IsZero() {
		t.reach(d.Delivered, d.Channel)
	}
}

func (t *Told) reach(at time.Time, channel string) {
	if t.Reached.IsZero() || at.Before(t.Reached) {
		t.Reached, t.Channel = at, channel
	}
}

func (t *Told) acknowledge(at time.Time, how string) {
	if t.Acknowledged.IsZero() || at.Before(t.Acknowledged) {
		t.Acknowledged, t.How = at, how
	}
}
