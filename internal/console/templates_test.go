package console

import (
	"fmt"
	"html/template"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/locale"
	"holdfast/internal/locale/localetest"
	"holdfast/internal/view"
)

// heard collects what templates ask for.
type heard struct {
	mu   sync.Mutex
	keys map[string]bool
}

var place = regexp.MustCompile(`\{[a-z_]+\}`)

// t stands for the templates' t: it reports a key without a text, and a text
// that was not given what it has places for.
func (h *heard) t(t *testing.T, p *locale.Printer) func(string, ...any) string {
	return func(key string, pairs ...any) string {
		h.mu.Lock()
		h.keys[key] = true
		h.mu.Unlock()
		text := p.T(key, pairs...)
		if !p.Has(key) {
			t.Errorf("there is no text %s", key)
		} else if left := place.FindString(text); left != "" {
			t.Errorf("%s is shown with %s left in it: %q", key, left, text)
		}
		return text
	}
}

// rooms are the pages around a screen: for a reader with every right after an
// act, for one with none who was refused, and for nobody signed in.
func rooms() (list []page) {
	all := access.Principal{Actor: holdfast.Actor{Kind: holdfast.Account, ID: "mei"}, Actions: access.AllActions()}
	nav := []navigation{{Path: "/", Name: "nav.posture", Key: "p", Current: true, Count: 2}}
	for _, state := range bands {
		list = append(list, page{
			Title: "Title", Live: true, Account: "Mei", Nav: nav, Flash: "It is done.", Version: "1", Zone: "UTC", PrintFoot: "Foot", who: all,
			Band: view.Band{State: state, Percent: 25, Confirmed: state != "stopped", Incident: "INC-1", Drill: true, Alarm: true, Glass: &view.BandGlass{Name: "Mei", Until: future}},
		})
	}
	stopped := list[0]
	stopped.Band.Confirmed, stopped.who, stopped.Flash, stopped.Problem = true, access.Principal{}, "", "It was refused."
	return append(list, stopped, page{Title: "Title", Version: "1", Zone: "UTC", Band: view.Band{State: "none"}})
}

// Every screen can be shown in every language, filled and empty, to readers with
// and without rights: each text it asks for exists, and the page is one that a
// keyboard and a screen reader can use.
func TestScreens(t *testing.T) {
	t.Parallel()
	var s screens
	if err := s.parse(); err != nil {
		t.Fatal(err)
	}
	samples := screenSamples()
	h := &heard{keys: map[string]bool{}}
	t.Run("in", func(t *testing.T) {
		for _, name := range slices.Sorted(maps.Keys(s.sources)) {
			for _, lang := range holdfast.Langs {
				t.Run(name+"/"+string(lang), func(t *testing.T) {
					t.Parallel()
					if len(samples[name]) == 0 {
						t.Fatal("there is no sample of this screen")
					}
					v := &visit{words: locale.For(lang), zone: time.UTC}
					made, err := s.in(v, name)
					if err != nil {
						t.Fatal(err)
					}
					made.Funcs(template.FuncMap{"t": h.t(t, v.words)})
					for i, own := range samples[name] {
						around := rooms()
						if i > 0 { // the bands, and nobody signed in, were seen around the first
							around = around[len(around)-3 : len(around)-1]
						}
						for j, p := range around {
							p.Lang, p.Page = lang, own
							html := shown(t, i, made, &p)
							checkMarks(t, i, html)
							if j > 0 {
								continue // one page of each sample shows its texts
							}
							if c, foreign := localetest.Foreign(lang, marked.ReplaceAllString(link.ReplaceAllString(html, ""), "")); foreign {
								t.Errorf("sample %d: %q does not belong to the language", i, c)
							}
						}
					}
				})
			}
		}
	})
	for key, file := range screenTexts(t) {
		if !h.keys[key] {
			t.Errorf("%s: no sample shows the text %s", file, key)
		}
	}
}

var (
	link = regexp.MustCompile(`<a href="\?lang=[^<]*</a>`)
	// A field, or a source, that says which language its text is in holds that language.
	marked = regexp.MustCompile(`<(?:input|textarea|span) [^>]*lang="[^"]*"[^>]*>[^<]*`)
)

func shown(t *testing.T, i int, made *template.Template, p *page) string {
	t.Helper()
	var b strings.Builder
	if err := made.ExecuteTemplate(&b, "base", p); err != nil {
		t.Fatalf("sample %d: %v", i, err)
	}
	return b.String()
}

// checkMarks holds that no two elements have one id, that each label is for
// something, and that no link or value was left out.
func checkMarks(t *testing.T, i int, html string) {
	t.Helper()
	for _, bad := range badMarks(html) {
		t.Errorf("sample %d: %s", i, bad)
	}
}

func badMarks(html string) (list []string) {
	for _, hole := range []string{"ZgotmplZ", "<no value>"} {
		if strings.Contains(html, hole) {
			list = append(list, "the page holds "+hole)
		}
	}
	for to := range values(html, "href") {
		if to != "" && !strings.ContainsAny(to[:1], "/h#?t") || to != "" && to[0] == 't' && !strings.HasPrefix(to, "te") {
			list = append(list, fmt.Sprintf("a link leads to %q", to))
		}
	}
	ids := map[string]bool{}
	for id := range values(html, "id") {
		if ids[id] {
			list = append(list, fmt.Sprintf("two elements have the id %q", id))
		}
		ids[id] = true
	}
	for id := range values(html, "for") {
		if !ids[id] {
			list = append(list, fmt.Sprintf("a label is for %q, which is not there", id))
		}
	}
	return list
}

// values are those of an attribute, also where its name follows a hyphen. A regular
// expression would find them at fifty times the cost, over some thousand pages.
func values(html, attribute string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			before, after, found := strings.Cut(html, attribute+`="`)
			if !found {
				return
			}
			value, rest, _ := strings.Cut(after, `"`)
			longer := before != "" && (before[len(before)-1]|0x20 >= 'a' && before[len(before)-1]|0x20 <= 'z')
			if !longer && !yield(value) {
				return
			}
			html = rest
		}
	}
}

func TestBadMarks(t *testing.T) {
	t.Parallel()
	for html, want := range map[string]string{
		`<a id="a" href="/x"><b id="b"><label for="b"><a href="tel:1"><a href=""><a href="#a"><a href="?x"><a href="https://x">`: "",
		`<p grid="a"><p id="a">`:       "",
		`<p id="a"><p id="a">`:         `two elements have the id "a"`,
		`<p data-id="a"><p id="a">`:    `two elements have the id "a"`,
		`<p id="a"><label for="b">`:    `a label is for "b", which is not there`,
		`<a href="javascript:x">`:      `a link leads to "javascript:x"`,
		`<a href="t">`:                 `a link leads to "t"`,
		`<a href="#ZgotmplZ">`:         "the page holds ZgotmplZ",
		`<p title="<no value>">`:       "the page holds <no value>",
		`<p id=""><i id="x"><i id="">`: `two elements have the id ""`,
	} {
		if got := strings.Join(badMarks(html), "; "); got != want {
			t.Errorf("%s: %q, want %q", html, got, want)
		}
	}
}

// screenTexts are the whole keys in the templates, each with its file.
func screenTexts(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range whole.FindAllSubmatch(b, -1) {
			found[string(m[1])] = name
		}
	}
	return found
}
