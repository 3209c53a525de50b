package status

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/locale"
)

// recent is how long what is over stands on the first page.
const recent = 7 * 24 * time.Hour

// Page is what the public sees. It holds nothing else: whoever writes it in some
// form cannot write what is not meant for the public.
type Page struct {
	Operator string `json:"operator"`
	// Written is the page's time; Next is when the next is written, at the latest; from
	// Stale on a reader must take every state for unknown.
	Written time.Time `json:"written"`
	Next    time.Time `json:"next"`
	Stale   time.Time `json:"stale"`
	// State is the worst of all components.
	State      State     `json:"state"`
	Components []Showing `json:"components"`
	// Open are those not over, Ahead the maintenance still to come, Recent those over
	// for at most a week; the newest first.
	Open   []Notice `json:"open"`
	Ahead  []Notice `json:"ahead"`
	Recent []Notice `json:"recent"`
	// History is all of them, newest first; months are by when they were opened.
	History []Notice `json:"-"`
}

// Showing is a component as it is shown.
type Showing struct {
	ID    string        `json:"id"`
	Name  holdfast.Text `json:"name"`
	State State         `json:"state"`
}

// Notice is a bulletin as it is shown.
type Notice struct {
	ID    string        `json:"id"`
	Kind  Kind          `json:"kind"`
	Stage Stage         `json:"stage"`
	Title holdfast.Text `json:"title"`
	// Opened is when its first entry was published, Updated when its last.
	Opened  time.Time `json:"opened"`
	Updated time.Time `json:"updated"`
	From    time.Time `json:"from,omitzero"`
	Until   time.Time `json:"until,omitzero"`
	// Entries are newest first.
	Entries []Update `json:"entries"`
}

// Update is an entry as it is shown.
type Update struct {
	Number int           `json:"number"`
	Stage  Stage         `json:"stage"`
	Title  holdfast.Text `json:"title"`
	Text   holdfast.Text `json:"text"`
	States []Said        `json:"states"`
	From   time.Time     `json:"from,omitzero"`
	Until  time.Time     `json:"until,omitzero"`
	At     time.Time     `json:"at"`
	// Corrects is the entry that it puts right; Corrected says that a later one puts
	// this one right.
	Corrects  int  `json:"corrects,omitempty"`
	Corrected bool `json:"corrected,omitempty"`
}

// Shown is the entry as it is shown.
func (e Entry) Shown() Update {
	return Update{
		Number: e.Number, Stage: e.Stage, Title: e.Title, Text: e.Text, States: e.States, From: e.From, Until: e.Until,
		At: e.At.Truncate(time.Second), Corrects: e.Corrects,
	}
}

// Rhythm says how often pages are written and when one is old.
type Rhythm struct{ Every, Stale time.Duration }

// Page makes the page of a time. Its time is the beat of the rhythm that has begun
// last or, if later, the last instant that changes what it says: an entry, a plan
// that comes into force, a maintenance that begins or whose time is over. Between
// these, two nodes with the same facts make the same page.
func (n Nouns) Page(operator string, r Rhythm, now time.Time) Page {
	slot := now.UTC().Truncate(r.Every)
	p := Page{
		Operator: operator, Written: slot, Next: slot.Add(r.Every), State: Operational,
		Components: []Showing{}, Open: []Notice{}, Ahead: []Notice{}, Recent: []Notice{},
	}
	bulletins := n.Book.All()
	for _, at := range n.changes(bulletins, now) {
		if at.After(p.Written) && !at.After(now) {
			p.Written = at.UTC()
		}
	}
	p.Stale = p.Written.Add(r.Stale)
	for _, b := range bulletins {
		if v, published := notice(b); published {
			p.sort(v)
		}
	}
	slices.SortStableFunc(p.Ahead, func(a, b Notice) int { return a.From.Compare(b.From) })
	for _, c := range n.Components(p.Written) {
		s, _ := n.Shown(c, p.Written)
		p.Components = append(p.Components, Showing{c.ID, c.Name, s})
		p.State = worse(p.State, s)
	}
	if len(p.Components) == 0 {
		p.State = Unknown
	}
	return p
}

// changes are the instants at which the page changes though no fact does, and those
// of the facts that it shows.
func (n Nouns) changes(bulletins []*Bulletin, now time.Time) (list []time.Time) {
	if r, ok := n.Plans.Current("", now); ok {
		list = append(list, r.InForce, r.At)
	}
	for _, b := range bulletins {
		if last, some := b.Last(); some {
			list = append(list, last.At, last.From, last.Until.Add(time.Second))
		}
	}
	return list
}

// sort puts a bulletin where it belongs.
func (p *Page) sort(v Notice) {
	p.History = append(p.History, v)
	switch {
	case v.Stage.Ends() && p.Written.Sub(v.Updated) <= recent:
		p.Recent = append(p.Recent, v)
	case v.Stage.Ends():
	case v.Stage == Scheduled && p.Written.Before(v.From):
		p.Ahead = append(p.Ahead, v)
	default:
		p.Open = append(p.Open, v)
	}
}

// notice shows a bulletin, unless nothing of it is published.
func notice(b *Bulletin) (v Notice, published bool) {
	last, some := b.Last()
	if !some {
		return v, false
	}
	v = Notice{
		ID: b.ID, Kind: b.Kind, Stage: last.Stage, Title: last.Title, Opened: b.Entries[0].At.Truncate(time.Second), Updated: last.At.Truncate(time.Second),
		From: last.From, Until: last.Until,
	}
	for _, e := range slices.Backward(b.Entries) {
		u := e.Shown()
		u.Corrected = b.Corrected(e.Number)
		v.Entries = append(v.Entries, u)
	}
	return v, true
}

// Plain is an entry as plain text, for feeds and mails.
func (u Update) Plain(lang holdfast.Lang, zone *time.Location) string {
	words := locale.For(lang)
	var b strings.Builder
	if u.Corrects > 0 {
		fmt.Fprintln(&b, words.T("public.corrects", "n", u.Corrects))
	}
	fmt.Fprintln(&b, u.Text.In(lang))
	for _, s := range u.States {
		fmt.Fprintf(&b, "%s%s%s\n", s.Name.In(lang), words.T("public.colon"), words.T("public.state."+string(s.State)))
	}
	if !u.From.IsZero() {
		fmt.Fprintln(&b, words.T("public.window", "from", words.Time(u.From, zone), "until", words.Time(u.Until, zone)))
	}
	return strings.TrimSpace(b.String())
}

// Report is how writing the files went last.
type Report struct {
	// Dir is where they go; empty for nowhere.
	Dir string `json:"dir,omitempty"`
	// Written is when all of them were written last, Failing why they are not now.
	Written time.Time `json:"written,omitzero"`
	Failing string    `json:"failing,omitempty"`
	// Subscribe is where addresses are taken.
	Subscribe string `json:"subscribe,omitempty"`
	URL       string `json:"url,omitempty"`
}
