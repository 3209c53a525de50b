package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"holdfast"
	"holdfast/internal/draft"
	"holdfast/internal/plan"
)

// thread is a comment as a screen shows it, with where it leads and what its
// reader may do.
type thread struct {
	*draft.Comment
	// Acts is the address below which its forms post, Back the screen to come back
	// to.
	Acts, Back string
	// Place leads to where it stands in the reading view, Edit to the form there,
	// Changes to the change that answered it; each may be empty.
	Place, Edit, Changes string
	// Gone says that its place is there no more; Here that it concerns what the
	// page shows.
	Gone, Here bool
	// Reply and Reason are what was typed into its forms, if that was refused.
	Reply, Reason string
	// MayReply, MayResolve and MayReopen say what the reader may do.
	MayReply, MayResolve, MayReopen bool
}

// FromOutside reports whether an outside reviewer made it.
func (t thread) FromOutside() bool { return t.By.Kind == holdfast.Reviewer }

// threads shows comments of a draft to who may write, comment, or only read. base
// is the address of the draft for that reader, read that of its reading view.
func threads(d *draft.Draft, p *plan.Plan, comments []*draft.Comment, base, read, back string, mayWrite, mayComment bool) (list []thread) {
	for _, c := range comments {
		t := thread{
			Comment: c, Acts: base + "/comments/" + strconv.Itoa(c.ID), Back: back, MayReply: mayComment,
			MayResolve: mayComment && mayWrite && c.Resolved == nil, MayReopen: mayComment && c.Resolved != nil && d.State.Reviewable(),
		}
		if c.Path != "" {
			_, found := p.Find(c.Path)
			t.Gone = !found
		}
		if !t.Gone {
			t.Place = read + "#comment-" + strconv.Itoa(c.ID)
		}
		if mayWrite {
			t.Edit = base + "/chapters/" + c.Chapter
			if c.Path != "" && !t.Gone {
				t.Edit += "?" + url.Values{"on": {c.Path}}.Encode()
			}
		}
		if c.Resolved != nil && len(c.Resolved.Saves) > 0 {
			t.Changes = t.Acts + "/changes"
		}
		list = append(list, t)
	}
	return list
}

// kept puts what was typed into the forms of a comment back, after a refusal.
func (v *visit) kept(list []thread) []thread {
	for i, t := range list {
		if v.r.Method == http.MethodPost && t.ID == v.commentNumber() {
			list[i].Reply, list[i].Reason = v.form("text"), v.form("reason")
		}
	}
	return list
}

// remarks are the comments of a draft by place, as its reading view shows them:
// each under the innermost element that the view has.
type remarks struct {
	// Read is the address of the view, Acts where a new comment posts to.
	Read, Acts string
	// May says that the reader may comment; At is the place that he chose.
	May   bool
	At    string
	Typed string

	list  []thread
	shown map[int]bool
	// at has the comments on exactly a place, within those on it or inside it.
	at, within map[string][]thread
	plan       *plan.Plan
	lang       holdfast.Lang
}

func newRemarks(p *plan.Plan, lang holdfast.Lang, list []thread, read, acts string) *remarks {
	r := &remarks{Read: read, Acts: acts, list: list, at: map[string][]thread{}, within: map[string][]thread{}, plan: p, lang: lang}
	for _, t := range list {
		if t.Path == "" || t.Gone {
			continue
		}
		r.at[t.Path] = append(r.at[t.Path], t)
		for i, c := range t.Path {
			if c == '.' || c == '[' && i > 0 {
				r.within[t.Path[:i]] = append(r.within[t.Path[:i]], t)
			}
		}
		r.within[t.Path] = append(r.within[t.Path], t)
	}
	return r
}

// spot is one place of the reading view: its comments, and the way to a new one.
type spot struct {
	// Path is the place's anchor.
	Path string
	// Link opens the form for a new comment here; empty for who may not comment.
	Link    string
	Threads []thread
	Form    *remarkForm
}

// Busy reports whether there is more to show than the link.
func (s spot) Busy() bool { return len(s.Threads) > 0 || s.Form != nil }

// remarkForm is the form for a new comment on a place.
type remarkForm struct{ Acts, Path, Quote, Typed, Cancel string }

// place returns what belongs to a place; inside, the comments on what is in it, too.
func (r *remarks) place(path string, inside bool) *spot {
	if r == nil || path == "" || strings.Contains(path, "[]") {
		return nil
	}
	s := &spot{Path: path}
	found := r.at[path]
	if inside {
		found = r.within[path]
	}
	for _, t := range found {
		if !r.shown[t.ID] {
			r.shown[t.ID] = true
			s.Threads = append(s.Threads, t)
		}
	}
	if r.May {
		s.Link = r.Read + "?" + url.Values{"at": {path}}.Encode() + "#say"
		if r.At == path {
			s.Form, r.At = r.form(), ""
		}
	}
	return s
}

func (r *remarks) form() *remarkForm {
	return &remarkForm{Acts: r.Acts, Path: r.At, Quote: short(r.plan.Words(r.At, r.lang)), Typed: r.Typed, Cancel: r.Read + "#place-" + r.At}
}

// Late returns the form for a place that the view leaves out. Ask for it last.
func (r *remarks) Late() *remarkForm {
	if r.At == "" {
		return nil
	}
	return r.form()
}

// Begin returns the body as it is before anything of it was shown.
func (b planBody) Begin() planBody {
	fresh := *b.Remarks
	fresh.shown = map[int]bool{}
	b.Remarks = &fresh
	return b
}

// short cuts a quote that is to be read beside its text.
func short(words string) string {
	const most = 160
	if c := []rune(words); len(c) > most {
		return string(c[:most]) + "…"
	}
	return words
}

// Rest returns the comments that no place has shown: on whole chapters, on places
// that are gone, or that the view leaves out. Ask for it last.
func (r *remarks) Rest() (list []thread) {
	for _, t := range r.list {
		if !r.shown[t.ID] {
			list = append(list, t)
		}
	}
	return list
}

// Open lists the comments that wait for an answer.
func (r *remarks) Open() (list []thread) {
	for _, t := range r.list {
		if t.Resolved == nil {
			list = append(list, t)
		}
	}
	return list
}

// choose opens the form at a place, if there is one.
func (r *remarks) choose(place, typed string) {
	if anchor, ok := r.plan.Anchor(place); ok && r.May {
		r.At, r.Typed = anchor, typed
	}
}

// hereFirst marks the comments on what a page shows, and puts them first.
func hereFirst(p *plan.Plan, at string, list []thread) []thread {
	for i, t := range list {
		path, found := p.Find(t.Path)
		list[i].Here = at != "" && found && (path == at || strings.HasPrefix(path, at+".") || strings.HasPrefix(path, at+"["))
	}
	slices.SortStableFunc(list, func(a, b thread) int {
		switch {
		case a.Here == b.Here:
			return 0
		case a.Here:
			return -1
		default:
			return 1
		}
	})
	return list
}

// comments puts the comments on the chapter at their places in the form.
func (own *chapterPage) comments(d *draft.Draft, p *plan.Plan, chapter string) {
	own.Editor.Waiting = map[string]int{}
	for _, t := range threads(d, p, d.Comments, "/drafts/"+d.ID, "/drafts/"+d.ID+"/read", chapter, true, d.State.Open()) {
		if t.Chapter != chapter {
			continue
		}
		own.Threads = append(own.Threads, t)
		if path, found := p.Find(t.Path); found && t.Resolved == nil {
			own.Editor.Waiting[path]++
		}
	}
	own.Threads = hereFirst(p, own.At, own.Threads)
}

// toPlace goes from a comment to the form of its place, or of the chapter.
func (c *Console) toPlace(v *visit, anchor string) error {
	_, p, _, err := c.theDraft(v)
	if err != nil {
		return err
	}
	place := ""
	if path, found := p.Find(anchor); found {
		place = mendAt(p, path)
	}
	return c.toChapter(v, v.path("chapter"), place, "")
}
