package status

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/plan"
)

// Limits on what a person may write.
const (
	maxTitle   = 120  // characters
	maxText    = 2000 // characters
	maxReason  = 1000 // characters
	maxEntries = 200  // entries of one bulletin
	maxDrafts  = 500  // texts of one bulletin
	// ahead is how far ahead maintenance is announced.
	ahead = 366 * 24 * time.Hour
)

func noBulletin(id string) error {
	return holdfast.Errorf(holdfast.NotFound, "there is no bulletin %q", id)
}

// begin decides on the first text of a new bulletin and returns its id.
func (n Nouns) begin(kind Kind, on string, c Content, now time.Time) (id string, _ []journal.Draft, err error) {
	if kind.Stages() == nil {
		return "", nil, holdfast.Errorf(holdfast.Invalid, "a bulletin is on an interruption or on maintenance, not on %q", string(kind)).At("kind")
	}
	if on != "" {
		in := n.Incidents.Incident(on)
		switch {
		case in == nil:
			return "", nil, holdfast.Errorf(holdfast.NotFound, "there is no incident %q", on)
		case in.Drill:
			return "", nil, holdfast.Errorf(holdfast.Conflict, "incident %s is a drill: nothing of it goes to the public", on)
		case in.State == incident.Dismissed:
			return "", nil, holdfast.Errorf(holdfast.Conflict, "incident %s was dismissed: there is nothing to announce", on)
		}
		for _, b := range n.Book.on(on) {
			if !b.Over() && (b.Draft != nil || len(b.Entries) > 0) {
				return "", nil, holdfast.Errorf(holdfast.Conflict, "bulletin %s is on this incident already: go on with it", b.ID)
			}
		}
	}
	b := &Bulletin{ID: n.Book.nextID(), Kind: kind, Incident: on}
	if c, err = n.content(b, c, now); err != nil {
		return "", nil, err
	}
	return b.ID, []journal.Draft{journal.NewDraft(subject(b.ID), 0, kindDrafted, fact{Kind: kind, Incident: on, Content: &c})}, nil
}

// write decides on another text of a bulletin's next entry.
func (n Nouns) write(id string, c Content, now time.Time) ([]journal.Draft, error) {
	b := n.Book.Bulletin(id)
	switch {
	case b == nil:
		return nil, noBulletin(id)
	case b.Over() && c.Corrects == 0:
		return nil, holdfast.Errorf(holdfast.Conflict, "bulletin %s is over: correct one of its entries, or begin another bulletin", id)
	case len(b.Entries) >= maxEntries || b.drafts >= maxDrafts:
		return nil, holdfast.Errorf(holdfast.TooLarge, "bulletin %s has as many texts as one can have: begin another", id)
	}
	c, err := n.content(b, c, now)
	if err != nil {
		return nil, err
	}
	return []journal.Draft{journal.NewDraft(subject(id), b.revision, kindDrafted, fact{Content: &c})}, nil
}

// publish decides that the text of a number is published; number is the one that was
// read.
func (n Nouns) publish(by holdfast.Actor, id string, number int, now time.Time) ([]journal.Draft, error) {
	b, err := n.pending(id, number)
	if err != nil {
		return nil, err
	}
	switch {
	case b.Incident != "" && n.drill(b.Incident):
		return nil, holdfast.Errorf(holdfast.Conflict, "incident %s is a drill: nothing of it goes to the public", b.Incident)
	case n.SecondPerson(now) && b.Draft.By.SameParty(by):
		return nil, holdfast.Errorf(holdfast.Forbidden, "you wrote this text: the plan wants a second person to publish it")
	}
	// It may have been written before a stop.
	if err := n.honest(b.Draft.States, now); err != nil {
		return nil, err
	}
	return []journal.Draft{journal.NewDraft(subject(id), b.revision, kindPublished, fact{Draft: number})}, nil
}

// drop decides that a text is not published.
func (n Nouns) drop(id string, number int, reason string) ([]journal.Draft, error) {
	b, err := n.pending(id, number)
	if err != nil {
		return nil, err
	}
	if reason, err = worded("reason", reason, maxReason); err != nil {
		return nil, err
	}
	return []journal.Draft{journal.NewDraft(subject(id), b.revision, kindDropped, fact{Draft: number, Reason: reason})}, nil
}

func (n Nouns) pending(id string, number int) (*Bulletin, error) {
	b := n.Book.Bulletin(id)
	switch {
	case b == nil:
		return nil, noBulletin(id)
	case b.Draft == nil:
		return nil, holdfast.Errorf(holdfast.Conflict, "bulletin %s has no text that waits to be published", id)
	case b.Draft.Number != number:
		return nil, holdfast.Errorf(holdfast.Conflict, "the bulletin's text is another one by now: read it again").At("draft")
	}
	return b, nil
}

// content checks a text and returns it as it is kept.
func (n Nouns) content(b *Bulletin, c Content, now time.Time) (_ Content, err error) {
	if !slices.Contains(b.Kind.Stages(), c.Stage) {
		return c, holdfast.Errorf(holdfast.Invalid, "a bulletin on %s has no stage %q", string(b.Kind), string(c.Stage)).At("stage")
	}
	if c.Corrects < 0 || c.Corrects > len(b.Entries) {
		return c, holdfast.Errorf(holdfast.Invalid, "the bulletin has no entry %d to correct", c.Corrects).At("corrects")
	}
	if c.Title, err = everywhere("title", c.Title, maxTitle, b.Incident); err != nil {
		return c, err
	}
	for _, t := range []string{c.Title.ZhHant, c.Title.ZhHans, c.Title.En} {
		if strings.ContainsFunc(t, unicode.IsControl) {
			return c, holdfast.Errorf(holdfast.Invalid, "%s is one line: take line breaks and other control characters out", "title").At("title")
		}
	}
	if c.Text, err = everywhere("text", c.Text, maxText, b.Incident); err != nil {
		return c, err
	}
	if c, err = window(b, c, now); err != nil {
		return c, err
	}
	if c.States, err = n.states(b, c, now); err != nil {
		return c, err
	}
	return c, n.honest(c.States, now)
}

// window checks the time of a maintenance.
func window(b *Bulletin, c Content, now time.Time) (Content, error) {
	c.From, c.Until = c.From.UTC().Truncate(time.Second), c.Until.UTC().Truncate(time.Second)
	switch {
	case b.Kind != Planned:
		c.From, c.Until = time.Time{}, time.Time{}
	case c.From.IsZero() || !c.Until.After(c.From):
		return c, holdfast.Errorf(holdfast.Invalid, "say when the maintenance begins and when it ends, in this order").At("until")
	case c.Until.After(now.Add(ahead)):
		return c, holdfast.Errorf(holdfast.Invalid, "a maintenance is announced at most a year ahead").At("until")
	case c.Stage == Scheduled && !c.Until.After(now):
		return c, holdfast.Errorf(holdfast.Invalid, "the maintenance lies in the past: a scheduled one is still to come").At("until")
	}
	return c, nil
}

// states checks what is said of components, and gives each the name it has now.
func (n Nouns) states(b *Bulletin, c Content, now time.Time) (list []Said, err error) {
	if len(c.States) == 0 {
		return nil, holdfast.Errorf(holdfast.Invalid, "say of one component at least how it is").At("states")
	}
	components := n.Components(now)
	for _, said := range c.States {
		i := slices.IndexFunc(components, func(k plan.Component) bool { return k.ID == said.Component })
		switch {
		case slices.ContainsFunc(list, func(o Said) bool { return o.Component == said.Component }):
			return nil, holdfast.Errorf(holdfast.Invalid, "component %q stands here twice", said.Component).At("states")
		case !slices.Contains(States[:], said.State):
			return nil, holdfast.Errorf(holdfast.Invalid, "a component is operational, maintenance, unknown, limited or stopped, not %q", string(said.State)).At("states")
		case c.Stage.Ends() && said.State != Operational:
			return nil, holdfast.Errorf(holdfast.Invalid, "what is over leaves every component operational: choose another stage, or say that it is").At("states")
		case i >= 0:
			said.Name = components[i].Name
		default:
			old, known := n.saidBefore(b, said.Component)
			if !known {
				return nil, holdfast.Errorf(holdfast.Invalid, "the plan in force has no component %q", said.Component).At("states")
			}
			said.Name = old.Name
		}
		list = append(list, said)
	}
	return list, nil
}

// saidBefore finds a component of an earlier entry, which the plan may not have any
// more.
func (n Nouns) saidBefore(b *Bulletin, component string) (Said, bool) {
	for _, e := range slices.Backward(b.Entries) {
		if i := slices.IndexFunc(e.States, func(o Said) bool { return o.Component == component }); i >= 0 {
			return e.States[i], true
		}
	}
	return Said{}, false
}

// honest refuses good news of a component whose payments a directive holds back.
func (n Nouns) honest(states []Said, now time.Time) error {
	for _, c := range n.Components(now) {
		good := slices.ContainsFunc(states, func(s Said) bool { return s.Component == c.ID && s.State == Operational })
		if good && n.effect(c) != Operational {
			return holdfast.Errorf(holdfast.Conflict, "a directive in force holds back payments of component %q: it cannot be announced as operational", c.ID).At("states")
		}
	}
	return nil
}

// everywhere checks a text that the public reads in three languages.
func everywhere(field string, t holdfast.Text, most int, incident string) (_ holdfast.Text, err error) {
	for _, one := range []struct {
		lang holdfast.Lang
		text *string
	}{{holdfast.ZhHant, &t.ZhHant}, {holdfast.ZhHans, &t.ZhHans}, {holdfast.En, &t.En}} {
		if *one.text, err = worded(field+"."+string(one.lang), *one.text, most); err != nil {
			return t, err
		}
		if incident != "" && names(*one.text, incident) {
			return t, holdfast.Errorf(holdfast.Invalid, "the text names incident %s, which is known inside only: take it out", incident).At(field + "." + string(one.lang))
		}
	}
	return t, nil
}

// names reports whether a text has an id in it, which may also be the beginning of a
// date: 2026-1.
func names(text, id string) bool {
	return regexp.MustCompile(`(^|[^0-9-])` + regexp.QuoteMeta(id) + `($|[^0-9-])`).MatchString(text)
}

// worded returns a text without space around it and without card numbers.
func worded(field, text string, most int) (string, error) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	switch {
	case text == "":
		return "", holdfast.Errorf(holdfast.Invalid, "%s is empty: write it", field).At(field)
	case utf8.RuneCountInString(text) > most:
		return "", holdfast.Errorf(holdfast.TooLarge, "%s has more than %d characters; shorten it", field, most).At(field)
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' || r == utf8.RuneError }):
		return "", holdfast.Errorf(holdfast.Invalid, "%s holds characters that no page can show: take them out", field).At(field)
	}
	return payment.Mask(text), nil
}
