package statuspage

import (
	"context"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/web"
)

// Subscriptions takes addresses. [subscription.Service] does.
type Subscriptions interface {
	Open() bool
	Ask(ctx context.Context, client netip.Addr, address string, lang holdfast.Lang) error
	// Known, Confirm and Leave report whether the key of a link holds.
	Known(ctx context.Context, purpose, key string) (bool, error)
	Confirm(ctx context.Context, key string) (bool, error)
	Leave(ctx context.Context, key string) (bool, error)
}

// form is what the pages of subscription show.
type form struct {
	// Show is subscribe, asked, confirm, confirmed, leave, left, gone or problem.
	Show, Address, Problem string
}

// types are the files' by the end of their names.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".json": "application/json", ".xml": "application/atom+xml; charset=utf-8",
}

// maxForm bounds a posted form in bytes.
const maxForm = 8 << 10

type site struct {
	w    *Writer
	subs Subscriptions
}

// Handler serves the pages below /status/, and takes subscriptions.
func Handler(s *web.Server, w *Writer, subs Subscriptions) http.Handler {
	own := &site{w, subs}
	mux := http.NewServeMux()
	handle := func(pattern string, serve func(http.ResponseWriter, *http.Request, web.Request) error) {
		mux.Handle(pattern, s.Page(func(rw http.ResponseWriter, r *http.Request, q web.Request) error {
			// Whatever the method: reading a form reads a body that came with a GET, too.
			r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
			return serve(rw, r, q)
		}, own.fail))
	}
	handle("GET /status/{path...}", own.file)
	handle("GET /status", func(rw http.ResponseWriter, r *http.Request, _ web.Request) error {
		http.Redirect(rw, r, "/status/", http.StatusFound)
		return nil
	})
	handle("GET /status/subscribe", func(rw http.ResponseWriter, r *http.Request, q web.Request) error {
		if !subs.Open() {
			return holdfast.Errorf(holdfast.NotFound, "no mail is sent from here: use the feed")
		}
		return own.show(rw, r, q, form{Show: "subscribe"})
	})
	handle("POST /status/subscribe", own.ask)
	handle("GET /status/confirm", own.asks("confirm"))
	handle("POST /status/confirm", own.acts(subs.Confirm, "confirmed"))
	handle("GET /status/leave", own.asks("leave"))
	// RFC 8058: the mail program posts List-Unsubscribe=One-Click, without a page.
	handle("POST /status/leave", own.acts(subs.Leave, "left"))
	return mux
}

func (s *site) file(rw http.ResponseWriter, r *http.Request, _ web.Request) error {
	m, err := s.w.recent()
	if err != nil {
		return err
	}
	name := r.PathValue("path")
	if name == "" || strings.HasSuffix(name, "/") {
		name += "index.html"
	}
	content, there := m.files[name]
	if !there {
		return holdfast.Errorf(holdfast.NotFound, "there is no page %s", r.URL.Path)
	}
	rw.Header().Set("Content-Type", types[path.Ext(name)])
	_, err = rw.Write(content)
	return err
}

// lang is the reader's language: the one chosen, else the browser's.
func lang(r *http.Request, q web.Request) holdfast.Lang {
	if chosen := holdfast.Lang(r.FormValue("lang")); slices.Contains(holdfast.Langs[:], chosen) {
		return chosen
	}
	return q.Lang
}

func (s *site) show(rw http.ResponseWriter, r *http.Request, q web.Request, f form) error {
	m, err := s.w.recent()
	if err != nil {
		return err
	}
	page := m.page
	page.History = nil
	content, err := render("form.html", lang(r, q), sheet{Page: page, Look: s.w.Look, Lang: lang(r, q), Of: f})
	if err != nil {
		return err
	}
	rw.Header().Set("Content-Type", types[".html"])
	_, err = rw.Write(content)
	return err
}

func (s *site) ask(rw http.ResponseWriter, r *http.Request, q web.Request) error {
	address := r.PostFormValue("address")
	if err := s.subs.Ask(r.Context(), q.Client, address, lang(r, q)); err != nil {
		code := holdfast.CodeOf(err)
		if code != holdfast.Invalid && code != holdfast.TooMany {
			return err
		}
		rw.Header().Set("Content-Type", types[".html"])
		rw.WriteHeader(web.Status(err))
		return s.show(rw, r, q, form{Show: "subscribe", Address: address, Problem: locale.For(lang(r, q)).Error(err)})
	}
	return s.show(rw, r, q, form{Show: "asked"})
}

// asks shows the button of a link.
func (s *site) asks(purpose string) func(http.ResponseWriter, *http.Request, web.Request) error {
	return func(rw http.ResponseWriter, r *http.Request, q web.Request) error {
		known, err := s.subs.Known(r.Context(), purpose, r.URL.Query().Get("key"))
		if err != nil {
			return err
		}
		f := form{Show: "gone"}
		if known {
			f.Show = purpose
		}
		return s.show(rw, r, q, f)
	}
}

// acts carries out what a link is for.
func (s *site) acts(do func(context.Context, string) (bool, error), done string) func(http.ResponseWriter, *http.Request, web.Request) error {
	return func(rw http.ResponseWriter, r *http.Request, q web.Request) error {
		held, err := do(r.Context(), r.URL.Query().Get("key"))
		if err != nil {
			return err
		}
		f := form{Show: "gone"}
		if held {
			f.Show = done
		}
		return s.show(rw, r, q, f)
	}
}

// fail shows an error in the page's own look.
func (s *site) fail(rw http.ResponseWriter, r *http.Request, q web.Request, err error) {
	rw.Header().Set("Content-Type", types[".html"])
	rw.WriteHeader(web.Status(err))
	_ = s.show(rw, r, q, form{Show: "problem", Problem: locale.For(lang(r, q)).Error(err)}) // the status says the rest
}
