package console

import (
	"bytes"
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/locale"
	"holdfast/internal/view"
	"holdfast/internal/web"
)

// page is what the base template shows around every screen.
type page struct {
	Lang    holdfast.Lang
	Title   string
	Live    bool
	Band    view.Band
	Account string
	Nav     []navigation
	Flash   string
	Problem string
	Version string
	Zone    string
	// PrintFoot stands at the foot of each printed page.
	PrintFoot string
	// Page is the screen's own struct.
	Page any

	who   access.Principal
	typed url.Values
}

// May reports whether the reader has a right, so that a screen offers only what
// will be allowed.
func (p *page) May(right access.Action) bool { return p.who.May(right) }

// Own reports whether it was the reader who did something: where a second person
// has to consent, he is not asked.
func (p *page) Own(did *view.Actor) bool {
	return did != nil && did.Kind == string(p.who.Actor.Kind) && did.ID == p.who.Actor.ID
}

// Was returns what the reader had typed into a field of a refused form.
func (p *page) Was(field string) string { return p.typed.Get(field) }

// Ticked reports whether the reader had ticked a box of a refused form.
func (p *page) Ticked(field, value string) bool { return slices.Contains(p.typed[field], value) }

type navigation struct {
	Path, Name, Key string
	// below are the first parts of addresses that belong to it besides its own.
	below   []string
	Current bool
	Count   int
}

// visit finds out the reader's language and zone.
func (c *Console) visit(w http.ResponseWriter, r *http.Request, req web.Request) *visit {
	lang := req.Lang
	if cookie, err := r.Cookie("lang"); err == nil && known(cookie.Value) {
		lang = holdfast.Lang(cookie.Value)
	}
	if chosen := r.URL.Query().Get("lang"); known(chosen) {
		lang = holdfast.Lang(chosen)
		http.SetCookie(w, &http.Cookie{Name: "lang", Value: chosen, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	return &visit{w: w, r: r, req: req, words: locale.For(lang), zone: c.zone(r)}
}

// zoneName names a zone with its offset now, "Asia/Taipei (+08:00)".
func zoneName(zone *time.Location, now time.Time) string {
	return zone.String() + " (" + now.In(zone).Format("-07:00") + ")"
}

func known(lang string) bool { return slices.Contains(holdfast.Langs[:], holdfast.Lang(lang)) }

// zone reads the browser's time zone from the cookie that the script sets.
func (c *Console) zone(r *http.Request) *time.Location {
	cookie, err := r.Cookie("tz")
	if err != nil || len(cookie.Value) > 64 {
		return c.Zone
	}
	name, err := url.QueryUnescape(cookie.Value)
	if err != nil || name == "" || name == "Local" {
		return c.Zone
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return c.Zone
	}
	return zone
}

// show writes a screen. live says whether it follows the journal.
func (c *Console) show(v *visit, name, title string, live bool, own any) error {
	p := c.page(v, title, own)
	p.Live = live && p.Account != ""
	return c.showPage(v, name, p)
}

// showPrinted writes a screen that is printed as a document, with a foot.
func (c *Console) showPrinted(v *visit, name, title, foot string, own any) error {
	p := c.page(v, title, own)
	p.PrintFoot = foot
	return c.showPage(v, name, p)
}

func (c *Console) showPage(v *visit, name string, p *page) error {
	status := http.StatusOK
	if again, ok := v.w.(*refused); ok {
		p.Problem, p.typed, status = again.problem, v.r.PostForm, again.status
	}
	return c.write(v, name, status, p)
}

func (c *Console) page(v *visit, title string, own any) *page {
	p := &page{
		Lang: v.words.Lang(), Title: title, Page: own, Version: c.View.Version,
		Zone: zoneName(v.zone, c.Desk.Now()), who: v.who(), Account: v.who().Actor.Name,
	}
	if ok := v.query("ok"); ok != "" && v.words.Has("flash."+ok) {
		p.Flash = v.words.T("flash."+ok, "n", v.query("n"))
	}
	if v.who().Known() {
		p.Band, p.Nav = c.View.Band(), c.navigation(v)
	} else {
		p.Band = view.Band{State: "none"}
	}
	return p
}

func (c *Console) write(v *visit, name string, status int, p *page) error {
	return c.writePart(v, name, "base", status, p)
}

// part writes what a screen shows without what stands around it.
func (c *Console) part(v *visit, name string, p *page) error {
	return c.writePart(v, name, "content", http.StatusOK, p)
}

func (c *Console) writePart(v *visit, name, part string, status int, own any) error {
	t, err := c.screens.in(v, name)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, part, own); err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	_, _ = b.WriteTo(v.w) // who has gone to another page needs no answer
	return nil
}

func (c *Console) navigation(v *visit) []navigation {
	all := []navigation{
		{Path: "/", Name: "nav.posture", Key: "p"},
		{Path: "/incidents", Name: "nav.incidents", Key: "i", below: []string{"obligations", "improvements", "trends"}},
		{Path: "/alerts", Name: "nav.alerts", Key: "a", below: []string{"report"}, Count: c.View.AlertsWaiting()},
		{Path: "/bulletins", Name: "nav.bulletins", Key: "b"},
		{Path: "/directives", Name: "nav.directives", Key: "d", below: []string{"authority", "stand-in"}},
		{Path: "/gates", Name: "nav.gates", Key: "g"},
		{Path: "/plan", Name: "nav.plan", Key: "l", below: []string{"plans", "drafts", "risks", "materials", "triggers", "filings", "waivers"}, Count: len(c.awaiting(v))},
		{Path: "/people", Name: "nav.people", Key: "o", below: []string{"roles", "duty", "calendars", "parties"}},
	}
	if v.who().May(access.ManageAccess) {
		all = append(all, navigation{Path: "/accounts", Name: "nav.accounts", Key: "c"})
	}
	for i, n := range all {
		all[i].Current = n.has(v.r.URL.Path)
	}
	return all
}

// has reports whether the page at an address belongs to it.
func (n navigation) has(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first == strings.TrimPrefix(n.Path, "/") || slices.Contains(n.below, first)
}

// errorPage is the screen of an error.
type errorPage struct {
	Title, Text, ID string
	// SignIn offers to sign in beside this page.
	SignIn bool
	// Away says that the reader came by a link, and has no home here.
	Away bool
}

// byLink reports whether a page is for who came by the link of a letter, with no
// account.
func byLink(path string) bool {
	return strings.HasPrefix(path, "/review/") || strings.HasPrefix(path, "/read/") || strings.HasPrefix(path, "/confirm/")
}

// fail shows an error as a page, or sends who is not signed in to do so.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, req web.Request, err error) {
	v := c.visit(w, r, req)
	code := holdfast.CodeOf(err)
	if code == holdfast.Unauthenticated && r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/drafts/") {
		c.resend(v)
		return
	}
	if code == holdfast.Unauthenticated {
		next := "/"
		if r.Method == http.MethodGet {
			next = r.URL.RequestURI()
		}
		http.Redirect(w, r, "/sign-in?next="+url.QueryEscape(next), http.StatusSeeOther)
		return
	}
	own := errorPage{Title: v.words.T("error.title." + string(code)), Text: c.explain(v, err), Away: byLink(r.URL.Path)}
	if code == holdfast.Internal {
		own.ID = req.ID
	}
	p := c.page(v, own.Title, own)
	if err := c.write(v, "error", web.Status(err), p); err != nil {
		c.Log.Error("the page of an error cannot be shown", "error", err)
	}
}

// resend answers who wrote on a draft until the session ended: nothing is lost,
// for a reload of this page posts the form again.
func (c *Console) resend(v *visit) {
	own := errorPage{Title: v.words.T("error.title." + string(holdfast.Unauthenticated)), Text: v.words.T("editor.resend"), SignIn: true}
	if err := c.write(v, "error", http.StatusUnauthorized, c.page(v, own.Title, own)); err != nil {
		c.Log.Error("the page of an ended session cannot be shown", "error", err)
	}
}

// explain says in the reader's words what is wrong.
func (c *Console) explain(v *visit, err error) string {
	var wait access.Wait
	if errors.As(err, &wait) {
		return v.words.Error(err) + " (" + v.words.Span(wait.RetryAfter()) + ")"
	}
	var why *holdfast.Error
	if !errors.As(err, &why) {
		return v.words.Error(err)
	}
	if why.Code == holdfast.Forbidden {
		told := *why
		told.Args = v.rightsInWords(why.Args)
		why = &told
	}
	if slices.ContainsFunc(ofPlan, func(begin string) bool { return strings.HasPrefix(v.r.URL.Path, begin) }) {
		in, _ := c.View.Incident(v.path("id")) // of none, nothing is known besides the plan
		return refusal(v, c.View.Organisation(), in.Stages, why)
	}
	return v.words.Error(why)
}

// rightsInWords puts the reader's words for rights and account roles.
func (v *visit) rightsInWords(args []any) []any {
	args = slices.Clone(args)
	for i, arg := range args {
		switch arg := arg.(type) {
		case access.Action:
			args[i] = v.words.T("right.name." + string(arg))
		case access.RoleList:
			var names []string
			for _, r := range arg {
				names = append(names, v.words.T("account.role."+string(r)))
			}
			args[i] = strings.Join(names, ", ")
		}
	}
	return args
}

// pages links to the neighbours of a page of a list.
type pages struct{ Prev, Next string }

func pagesOf[T any](v *visit, p view.Page[T]) pages {
	var links pages
	at := func(offset int) string {
		q := v.r.URL.Query()
		q.Del("ok")
		q.Set("offset", strconv.Itoa(offset))
		return cmp.Or(v.r.URL.Path, "/") + "?" + q.Encode()
	}
	if v.r.Method != http.MethodGet {
		return links
	}
	if n := v.offset(); n > 0 {
		links.Prev = at(max(0, n-view.PageSize))
	}
	if p.Next > 0 {
		links.Next = at(p.Next)
	}
	return links
}
