// Package statuspage writes the public status page: as files that a plain web server
// or a CDN serves while Holdfast itself is down, and over HTTP from the node.
//
// The files of one page, the same bytes on every node for the same facts and the
// same beat of the rhythm:
//
//	index.html                      the three languages
//	zh-Hant/index.html              how things are now; so for zh-Hans and en
//	zh-Hant/history.html            the months
//	zh-Hant/history-2026-11.html    what was published on bulletins opened then
//	zh-Hant/feed.xml                Atom (RFC 4287), the newest 50 entries
//	status.json                     all of it, for programs
//	style-1a2b3c4d.css              its name is of its content
//
// There is no script. Each page says when it was written, when the next one is due,
// and from when on nobody may rely on it: that is all a file can say of its age
// without a script once nobody writes it any more.
//
// Each file is replaced whole, the style sheet first and the pages that lead to
// others last, so whoever kills the process leaves pages that are whole and that go
// together: the old ones, or new ones beside old ones.
package statuspage

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"path"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/status"
)

//go:embed templates/*.html templates/style.css
var files embed.FS

// pages are the templates, once for each language.
var pages = func() map[holdfast.Lang]*template.Template {
	made := map[holdfast.Lang]*template.Template{}
	for _, lang := range holdfast.Langs {
		p := locale.For(lang)
		made[lang] = template.Must(template.New("").Funcs(template.FuncMap{
			"t":     func(key any, pairs ...any) string { return p.T(fmt.Sprint(key), pairs...) },
			"x":     func(t holdfast.Text) string { return t.In(lang) },
			"names": func(states []status.Said) string { return status.Names(p, states) },
		}).ParseFS(files, "templates/*.html"))
	}
	return made
}()

var (
	style     = must(files.ReadFile("templates/style.css"))
	styleName = "style-" + digest(style) + ".css"
)

func must(b []byte, err error) []byte {
	if err != nil {
		panic("statuspage: " + err.Error()) // they are part of the program
	}
	return b
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:4])
}

// Look is what a page needs besides what it says.
type Look struct {
	// Zone is the operator's.
	Zone *time.Location
	// URL is where the public finds the pages; empty if that is not known.
	URL string
	// Subscribe is where a node takes addresses, as https://status.example.org/status;
	// empty where there is no mail.
	Subscribe string
}

// Time writes a time as the pages do.
func (l Look) Time(t time.Time) string {
	return t.In(l.Zone).Format("2006-01-02 15:04") + " (UTC" + t.In(l.Zone).Format("-07:00") + ")"
}

// Files writes all files of a page, by their paths.
func Files(p status.Page, look Look) (map[string][]byte, error) {
	out := map[string][]byte{styleName: style}
	text, err := json.MarshalIndent(document{p, p.History}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write status.json: %w", err)
	}
	out["status.json"] = append(text, '\n')
	if out["index.html"], err = render("root.html", holdfast.En, sheet{Page: p, Look: look}); err != nil {
		return nil, err
	}
	for _, lang := range holdfast.Langs {
		if err := language(out, p, look, lang); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// document is status.json.
type document struct {
	status.Page
	History []status.Notice `json:"history"`
}

// language writes the files of one language.
func language(out map[string][]byte, p status.Page, look Look, lang holdfast.Lang) (err error) {
	name := func(file string) string { return path.Join(string(lang), file) }
	own := sheet{Page: p, Look: look, Lang: lang, Months: months(p.History, look.Zone)}
	for file, as := range map[string]string{"index.html": "index.html", "history.html": "history.html"} {
		own.File = file
		if out[name(file)], err = render(as, lang, own); err != nil {
			return err
		}
	}
	for _, m := range own.Months {
		own.File, own.Month = "history-"+m.Name+".html", m
		if out[name(own.File)], err = render("month.html", lang, own); err != nil {
			return err
		}
	}
	out[name("feed.xml")], err = feed(p, look, lang)
	return err
}

// sheet is what a template sees.
type sheet struct {
	status.Page
	Look
	Lang holdfast.Lang
	// File is the page's name within its language.
	File   string
	Months []month
	Month  month
	// Of is the form on the pages of subscription.
	Of form
}

// Style is the style sheet's name.
func (sheet) Style() string { return styleName }

// Langs are the languages there are.
func (sheet) Langs() []holdfast.Lang { return holdfast.Langs[:] }

// With is a notice for its template.
func (s sheet) With(n status.Notice) shown { return shown{n, s.Look} }

// shown is what the template of a notice sees.
type shown struct {
	status.Notice
	Look
}

// In is the sheet for another language, for the page of all three.
func (s sheet) In(lang holdfast.Lang) tongue { return tongue{locale.For(lang), s, lang} }

// tongue says things in a language of its own.
type tongue struct {
	words *locale.Printer
	Sheet sheet
	Lang  holdfast.Lang
}

// T is a text of the catalogue.
func (t tongue) T(key string) string { return t.words.T(key) }

// month is a month of the history, as 2026-11.
type month struct {
	Name    string
	Notices []status.Notice
}

// months splits the history, the newest month first.
func months(all []status.Notice, zone *time.Location) (list []month) {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b status.Notice) int { return b.Opened.Compare(a.Opened) })
	for _, v := range all {
		name := v.Opened.In(zone).Format("2006-01")
		if len(list) == 0 || list[len(list)-1].Name != name {
			list = append(list, month{Name: name})
		}
		last := &list[len(list)-1]
		last.Notices = append(last.Notices, v)
	}
	return list
}

// render makes a page in a language.
func render(name string, lang holdfast.Lang, own sheet) ([]byte, error) {
	var b bytes.Buffer
	if err := pages[lang].ExecuteTemplate(&b, name, own); err != nil {
		return nil, fmt.Errorf("write the status page %s: %w", name, err)
	}
	return b.Bytes(), nil
}
