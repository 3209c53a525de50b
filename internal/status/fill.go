package status

import (
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/locale"
)

// Fill returns the next text of a bulletin on an incident, as it would be written by
// itself: from the incident's level and the directives in force. It holds no figure,
// no name of a person, and nothing of what people wrote inside.
func (n Nouns) Fill(id string, stage Stage, now time.Time) (Content, error) {
	in := n.Incidents.Incident(id)
	if in == nil {
		return Content{}, holdfast.Errorf(holdfast.NotFound, "there is no incident %q", id)
	}
	if stage == "" {
		stage = Investigating
	}
	level := in.Level
	if in.State == incident.Suspected {
		level = in.Suggested
	}
	c := Content{Stage: stage}
	for _, k := range n.Components(now) {
		s := n.effect(k)
		switch {
		case stage.Ends():
			s = Operational
		case s == Operational && level != holdfast.Level3 && stage != Monitoring:
			s = Unknown
		}
		c.States = append(c.States, Said{k.ID, k.Name, s})
	}
	c.States = concerned(c.States, stage)
	c.Title, c.Text = words(c, level)
	return c, nil
}

// Next returns the next text of a bulletin, as it would be written by itself.
func (n Nouns) Next(b *Bulletin, stage Stage, now time.Time) (Content, error) {
	if b.Incident != "" {
		c, err := n.Fill(b.Incident, stage, now)
		if last, some := b.Last(); some {
			// The matter keeps its name, and what was said of components that are well again
			// has to be taken back.
			c.Title = last.Title
			c.States = again(c.States, last.States)
			_, c.Text = words(c, n.Incidents.Incident(b.Incident).Level)
		}
		return c, err
	}
	if stage == "" {
		stage = b.Kind.Stages()[0]
	}
	c := Content{Stage: stage}
	if last, some := b.Last(); some {
		c.Title, c.States, c.From, c.Until = last.Title, last.States, last.From, last.Until
	}
	if stage.Ends() {
		c.States = well(c.States)
	}
	_, c.Text = words(c, holdfast.Level3)
	return c, nil
}

// concerned leaves out the components that are well, unless all are.
func concerned(all []Said, stage Stage) (list []Said) {
	for _, s := range all {
		if s.State != Operational || stage.Ends() {
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		return all
	}
	return list
}

// again adds what an earlier entry named and the new one leaves out, as well.
func again(now, before []Said) []Said {
	known := map[string]bool{}
	for _, s := range now {
		known[s.Component] = true
	}
	for _, s := range before {
		if !known[s.Component] {
			s.State = Operational
			now = append(now, s)
		}
	}
	return now
}

func well(states []Said) (list []Said) {
	for _, s := range states {
		s.State = Operational
		list = append(list, s)
	}
	return list
}

// words are title and text of an entry from the catalogue.
func words(c Content, level holdfast.Level) (title, text holdfast.Text) {
	worst := Operational
	for _, s := range c.States {
		worst = worse(worst, s.State)
	}
	kind := "unknown"
	switch {
	case worst == Stopped:
		kind = "stopped"
	case worst == Limited:
		kind = "limited"
	case level == holdfast.Level1:
		kind = "interrupted"
	case level == holdfast.Level3:
		kind = "unaffected"
	}
	say := func(key string) holdfast.Text {
		return locale.Everywhere(func(p *locale.Printer) string { return p.T(key, "components", Names(p, c.States)) })
	}
	return say("bulletin.title." + kind), say("bulletin.text." + string(c.Stage))
}

// Names lists the names of components in a printer's language.
func Names(p *locale.Printer, states []Said) (list string) {
	for i, s := range states {
		if i > 0 {
			list += p.T("bulletin.list-mark")
		}
		list += s.Name.In(p.Lang())
	}
	return list
}
