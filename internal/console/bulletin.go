package console

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/status"
	"holdfast/internal/subscription"
	"holdfast/internal/view"
)

// statusRoutes are the screens of what the public is told.
var statusRoutes = []route{
	{"GET /bulletins", access.Read, (*Console).bulletins, nil},
	{"GET /bulletins/-new", access.RunIncident, (*Console).newBulletin, nil},
	{"POST /bulletins/-new", access.RunIncident, (*Console).beginBulletin, (*Console).newBulletin},
	{"POST /bulletins/-erase", access.Announce, (*Console).eraseSubscriber, (*Console).bulletins},
	{"GET /bulletins/{id}", access.Read, (*Console).bulletin, nil},
	{"POST /bulletins/{id}/drafts", access.RunIncident, (*Console).writeBulletin, (*Console).bulletin},
	{"POST /bulletins/{id}/publish", access.Announce, (*Console).publishBulletin, (*Console).bulletin},
	{"POST /bulletins/{id}/drop", access.RunIncident, (*Console).dropBulletin, (*Console).bulletin},
}

// bulletinsPage answers: what is the public told now, and is it true?
type bulletinsPage struct {
	view.PublicStatus
	List  view.Page[view.Bulletin]
	Pages pages
	Count subscription.Count
	// Old says that the files are older than they may be.
	Old bool
}

func (c *Console) bulletins(v *visit) (err error) {
	own := bulletinsPage{PublicStatus: c.View.PublicStatus(), List: c.View.Bulletins(v.offset(), view.PageSize)}
	own.Pages = pagesOf(v, own.List)
	if own.Count, err = c.Subscribers.Count(v.r.Context()); err != nil {
		return err
	}
	f := own.Files
	own.Old = f.Dir != "" && f.Failing != "" && c.Desk.Now().After(own.Stale)
	return c.show(v, "bulletins", v.words.T("bulletins.title"), true, own)
}

func (c *Console) eraseSubscriber(v *visit) error {
	if err := c.Subscribers.Erase(v.r.Context(), v.form("address")); err != nil {
		return err
	}
	return v.seeOther("/bulletins", "erased")
}

// textForm is the form of a bulletin's text.
type textForm struct {
	// Action is where it is posted.
	Action   string
	Kind     status.Kind
	Incident string
	Corrects int
	Stage    status.Stage
	Stages   []status.Stage
	// Fill is the address that fills it for another stage, to be completed with it.
	Fill   string
	Fields []textField
	States []stateField
	// From and Until are as inputs write them, in the reader's zone.
	From, Until string
}

// textField is title and text in one language.
type textField struct {
	Lang        holdfast.Lang
	Title, Text string
}

// textFields are title and text of a content in every language.
func textFields(c status.Content) (list []textField) {
	for _, lang := range holdfast.Langs {
		list = append(list, textField{lang, c.Title.In(lang), c.Text.In(lang)})
	}
	return list
}

// stateField is what is said of one component; State is empty for nothing.
type stateField struct {
	Component string
	Name      holdfast.Text
	State     status.State
}

// form makes the form of a text, with what the reader typed if it was refused.
func (c *Console) textForm(v *visit, content status.Content, kind status.Kind, before []status.Said) textForm {
	f := textForm{Kind: kind, Stage: content.Stage, Stages: kind.Stages(), Corrects: content.Corrects}
	typed := v.r.PostForm
	was := func(field, value string) string {
		if typed.Has(field) {
			return typed.Get(field)
		}
		return value
	}
	f.Stage = status.Stage(was("stage", string(f.Stage)))
	for _, field := range textFields(content) {
		f.Fields = append(f.Fields, textField{field.Lang, was("title-"+string(field.Lang), field.Title), was("text-"+string(field.Lang), field.Text)})
	}
	f.From, f.Until = was("from", local(content.From, v.zone)), was("until", local(content.Until, v.zone))
	seen := map[string]bool{}
	add := func(component string, name holdfast.Text) {
		if seen[component] {
			return
		}
		seen[component] = true
		said := stateField{Component: component, Name: name}
		if i := slices.IndexFunc(content.States, func(s status.Said) bool { return s.Component == component }); i >= 0 {
			said.State = content.States[i].State
		}
		said.State = status.State(was("state-"+component, string(said.State)))
		f.States = append(f.States, said)
	}
	for _, k := range c.View.PublicStatus().Components {
		add(k.ID, k.Name)
	}
	for _, s := range before {
		add(s.Component, s.Name)
	}
	return f
}

// local writes a minute as an input does.
func local(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format("2006-01-02T15:04")
}

// content reads the form of a text.
func (v *visit) content(kind status.Kind) (c status.Content, err error) {
	c.Stage = status.Stage(v.form("stage"))
	said := map[holdfast.Lang][2]string{}
	for _, lang := range holdfast.Langs {
		said[lang] = [2]string{v.form("title-" + string(lang)), v.form("text-" + string(lang))}
	}
	c.Title = holdfast.Text{ZhHant: said[holdfast.ZhHant][0], ZhHans: said[holdfast.ZhHans][0], En: said[holdfast.En][0]}
	c.Text = holdfast.Text{ZhHant: said[holdfast.ZhHant][1], ZhHans: said[holdfast.ZhHans][1], En: said[holdfast.En][1]}
	for _, field := range slices.Sorted(maps.Keys(v.r.PostForm)) {
		component, is := strings.CutPrefix(field, "state-")
		if is && v.form(field) != "" {
			c.States = append(c.States, status.Said{Component: component, State: status.State(v.form(field))})
		}
	}
	if v.form("corrects") != "" {
		n, err := v.number("corrects")
		if err != nil {
			return c, err
		}
		c.Corrects = int(n)
	}
	if kind == status.Planned {
		if c.From, err = v.instant("from", v.zone); err != nil {
			return c, err
		}
		c.Until, err = v.instant("until", v.zone)
	}
	return c, err
}

// newBulletinPage is the form of a bulletin's first text.
type newBulletinPage struct {
	Form         textForm
	Incident     string
	Title        string
	SecondPerson bool
}

func (c *Console) newBulletin(v *visit) error {
	incident := cmp.Or(v.query("incident"), v.form("incident"))
	kind := status.Kind(cmp.Or(v.query("kind"), v.form("kind"), string(status.Interruption)))
	own := newBulletinPage{Incident: incident, SecondPerson: c.View.PublicStatus().SecondPerson}
	content := status.Content{Stage: status.Investigating}
	if kind == status.Planned {
		content.Stage = status.Scheduled
	}
	if incident != "" {
		var err error
		if content, err = c.View.BulletinText("", incident, status.Stage(v.query("stage"))); err != nil {
			return err
		}
		in, err := c.View.Incident(incident)
		if err != nil {
			return err
		}
		own.Title = in.Title
	}
	own.Form = c.textForm(v, content, kind, nil)
	own.Form.Action, own.Form.Incident = "/bulletins/-new", incident
	return c.show(v, "bulletinnew", v.words.T("bulletin.new."+string(kind)), false, own)
}

func (c *Console) beginBulletin(v *visit) error {
	kind := status.Kind(v.form("kind"))
	content, err := v.content(kind)
	if err != nil {
		return err
	}
	id, err := c.Status.Begin(v.r.Context(), v.by(), kind, v.form("incident"), content)
	if err != nil {
		return err
	}
	return v.seeOther("/bulletins/"+id, "saved")
}

// bulletinPage answers: what was the public told of this, and what comes next?
type bulletinPage struct {
	view.Bulletin
	// Newest are the entries, newest first.
	Newest []shownEntry
	Form   textForm
	// MayPublish says that the reader may publish the text that waits.
	MayPublish bool
	// Own says that he wrote it, where a second person is wanted.
	Own bool
	// Correcting is the entry that the form puts right.
	Correcting int
}

// shownEntry is an entry that a later one may put right.
type shownEntry struct {
	status.Entry
	Corrected bool
}

func (c *Console) bulletin(v *visit) error {
	b, err := c.View.Bulletin(v.path("id"))
	if err != nil {
		return err
	}
	own := bulletinPage{Bulletin: b}
	for _, e := range slices.Backward(b.Entries) {
		own.Newest = append(own.Newest, shownEntry{e, b.Corrected(e.Number)})
	}
	if b.Draft != nil {
		own.Own = b.SecondPerson && b.Draft.By.SameParty(v.by())
		own.MayPublish = v.who().May(access.Announce) && !own.Own
	}
	content, err := c.nextText(v, b)
	if err != nil {
		return err
	}
	var before []status.Said
	for _, e := range b.Entries {
		before = append(before, e.States...)
	}
	own.Form = c.textForm(v, content, b.Kind, before)
	own.Form.Action, own.Form.Fill = "/bulletins/"+b.ID+"/drafts", "/bulletins/"+b.ID
	own.Correcting = content.Corrects
	return c.show(v, "bulletin", v.words.T("bulletin.n", "n", b.ID), false, own)
}

// nextText is what the form of a bulletin shows: the text that waits, the entry that
// is to be corrected, or what writes itself.
func (c *Console) nextText(v *visit, b view.Bulletin) (status.Content, error) {
	for _, e := range b.Entries {
		if v.query("correct") == v.words.Int(int64(e.Number)) {
			content := e.Content
			content.Corrects = e.Number
			return content, nil
		}
	}
	stage := status.Stage(v.query("stage"))
	switch {
	case stage != "" && slices.Contains(b.Kind.Stages(), stage):
		return c.View.BulletinText(b.ID, "", stage)
	case b.Draft != nil:
		return b.Draft.Content, nil
	case len(b.Entries) > 0:
		return c.View.BulletinText(b.ID, "", b.Entries[len(b.Entries)-1].Stage)
	}
	return status.Content{Stage: b.Kind.Stages()[0]}, nil
}

func (c *Console) writeBulletin(v *visit) error {
	b, err := c.View.Bulletin(v.path("id"))
	if err != nil {
		return err
	}
	content, err := v.content(b.Kind)
	if err != nil {
		return err
	}
	if err := c.Status.Write(v.r.Context(), v.by(), b.ID, content); err != nil {
		return err
	}
	return v.seeOther("/bulletins/"+b.ID, "saved")
}

func (c *Console) publishBulletin(v *visit) error {
	n, err := v.number("draft")
	if err != nil {
		return err
	}
	if err := c.Status.Publish(v.r.Context(), v.by(), v.path("id"), int(n)); err != nil {
		return err
	}
	return v.seeOther("/bulletins/"+v.path("id"), "announced")
}

func (c *Console) dropBulletin(v *visit) error {
	n, err := v.number("draft")
	if err != nil {
		return err
	}
	if err := c.Status.Drop(v.r.Context(), v.by(), v.path("id"), int(n), v.form("reason")); err != nil {
		return err
	}
	return v.seeOther("/bulletins/"+v.path("id"), "done")
}
