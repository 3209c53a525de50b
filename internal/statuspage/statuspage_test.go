package statuspage

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"html"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/locale/localetest"
	"holdfast/internal/status"
)

var (
	noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	both = holdfast.Text{ZhHant: "轉帳", ZhHans: "转账", En: "Transfers"}
	look = Look{Zone: time.FixedZone("", 8*3600), URL: "https://status.example.org", Subscribe: "https://node.example.org/status"}
)

func said(s status.State) []status.Said {
	return []status.Said{{Component: "transfer", Name: both, State: s}}
}

// sample has a bulletin in every list, a correction, and text that would break a
// page that does not escape it.
func sample() status.Page {
	evil := holdfast.Text{ZhHant: `<script>alert("一")</script> & ]]>`, ZhHans: `<script>alert("一")</script> & ]]>`, En: `<script>alert("one")</script> & ]]>`}
	open := status.Notice{ID: "3", Kind: status.Interruption, Stage: status.Identified, Title: evil, Opened: noon, Updated: noon, Entries: []status.Update{
		{Number: 2, Stage: status.Identified, Title: evil, Text: evil, States: said(status.Stopped), At: noon, Corrects: 1},
		{Number: 1, Stage: status.Investigating, Title: both, Text: both, States: said(status.Unknown), At: noon.Add(-time.Minute), Corrected: true},
	}}
	ahead := status.Notice{ID: "2", Kind: status.Planned, Stage: status.Scheduled, Title: both, Opened: noon.AddDate(0, -1, 0), Updated: noon.AddDate(0, -1, 0), From: noon.Add(time.Hour), Until: noon.Add(2 * time.Hour)}
	ahead.Entries = []status.Update{{Number: 1, Stage: status.Scheduled, Title: both, Text: both, States: said(status.Maintenance), At: ahead.Opened, From: ahead.From, Until: ahead.Until}}
	over := status.Notice{ID: "1", Kind: status.Interruption, Stage: status.Resolved, Title: both, Opened: noon.AddDate(0, -2, 0), Updated: noon.AddDate(0, 0, -1)}
	over.Entries = []status.Update{{Number: 1, Stage: status.Resolved, Title: both, Text: both, States: said(status.Operational), At: over.Updated}}
	p := status.Page{
		Operator: "Bank <&>", Written: noon, Next: noon.Add(5 * time.Minute), Stale: noon.Add(15 * time.Minute), State: status.Stopped,
		Open: []status.Notice{open}, Ahead: []status.Notice{ahead}, Recent: []status.Notice{over}, History: []status.Notice{open, ahead, over},
	}
	for _, s := range status.States {
		p.Components = append(p.Components, status.Showing{ID: string(s), Name: both, State: s})
	}
	return p
}

func filesOf(t *testing.T, p status.Page) map[string][]byte {
	t.Helper()
	out, err := Files(p, look)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var (
	href     = regexp.MustCompile(`href="([^"]*)"`)
	switches = regexp.MustCompile(`<nav class="langs">.*?</nav>|<a href="[^"]*" lang[^<]*</a>`)
)

// Every page is well-formed XML, has no script and no address of others but those
// that were set, and every link within leads to a file.
func TestPages(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]status.Page{"full": sample(), "empty": {Operator: "Bank", Written: noon, Next: noon, Stale: noon, State: status.Unknown}} {
		all := filesOf(t, p)
		for file, content := range all {
			if path.Ext(file) != ".html" {
				continue
			}
			wellFormed(t, name+" "+file, content)
			html := string(content)
			for _, refused := range []string{"<script", "javascript:", "style=", " on", "ZgotmplZ", "<no value>", "%!"} {
				if refused == " on" {
					if regexp.MustCompile(`<[^>]* on[a-z]+=`).MatchString(html) {
						t.Errorf("%s %s: a handler", name, file)
					}
				} else if strings.Contains(html, refused) {
					t.Errorf("%s %s has %q", name, file, refused)
				}
			}
			for _, needed := range []string{`http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;`, `http-equiv="refresh"`, styleName} {
				if !strings.Contains(html, needed) && !strings.Contains(html, strings.ReplaceAll(needed, "&#39;", "'")) {
					t.Errorf("%s %s lacks %q", name, file, needed)
				}
			}
			for _, m := range href.FindAllStringSubmatch(html, -1) {
				if strings.HasPrefix(m[1], "https://node.example.org/status/subscribe") {
					continue
				}
				if to := path.Join(path.Dir(file), m[1]); all[to] == nil {
					t.Errorf("%s %s leads to %s, which is not there", name, file, m[1])
				}
			}
			for _, lang := range holdfast.Langs {
				if c, foreign := localetest.Foreign(lang, switches.ReplaceAllString(html, "")); foreign && path.Dir(file) == string(lang) {
					t.Errorf("%s %s: %q does not belong to the language", name, file, c)
				}
			}
		}
	}
}

func wellFormed(t *testing.T, name string, content []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(content))
	d.Strict = true
	d.Entity = map[string]string{}
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Errorf("%s is not well-formed: %v", name, err)
			return
		}
	}
}

// What a reader needs who has the file alone: when it was written, the next, from
// when it is old.
func TestPageTellsItsAge(t *testing.T) {
	t.Parallel()
	html := html.UnescapeString(string(filesOf(t, sample())["en/index.html"]))
	for _, needed := range []string{"Written <time datetime=\"2026-11-26T12:00:00Z\">2026-11-26 20:00 (UTC+08:00)", "due by 2026-11-26 20:05", "later than 2026-11-26 20:15 (UTC+08:00) now"} {
		if !strings.Contains(html, needed) {
			t.Errorf("the page lacks %q", needed)
		}
	}
	if strings.Index(html, "Written") > strings.Index(html, "Transfers") {
		t.Error("its age stands below what it says")
	}
}

var update = flag.Bool("update", false, "write testdata anew")

// The page as readers get it; a change of it is read in the difference of this file.
func TestGolden(t *testing.T) {
	t.Parallel()
	all := filesOf(t, sample())
	for _, name := range []string{"en/index.html", "zh-Hant/history-2026-11.html", "zh-Hans/feed.xml"} {
		golden := filepath.Join("testdata", strings.ReplaceAll(name, "/", "-"))
		if *update {
			if err := os.WriteFile(golden, all[name], 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, all[name]) {
			t.Errorf("%s differs from %s; if it is meant to, run go test ./internal/statuspage -update", name, golden)
		}
	}
}

func TestFeed(t *testing.T) {
	t.Parallel()
	for _, lang := range holdfast.Langs {
		content := filesOf(t, sample())[string(lang)+"/feed.xml"]
		var f struct {
			XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
			ID      string   `xml:"id"`
			Updated string   `xml:"updated"`
			Author  string   `xml:"author>name"`
			Entries []struct {
				ID      string `xml:"id"`
				Title   string `xml:"title"`
				Updated string `xml:"updated"`
				Content string `xml:"content"`
			} `xml:"entry"`
		}
		if err := xml.Unmarshal(content, &f); err != nil {
			t.Fatalf("%s: %v", lang, err)
		}
		if f.ID == "" || f.Author != "Bank <&>" || f.Updated != "2026-11-26T12:00:00Z" || len(f.Entries) != 4 {
			t.Errorf("%s: %+v", lang, f)
		}
		ids := map[string]bool{}
		for i, e := range f.Entries {
			ids[e.ID] = true
			if i > 0 && e.Updated > f.Entries[i-1].Updated {
				t.Errorf("%s: entry %d is newer than the one before", lang, i)
			}
		}
		if len(ids) != 4 || !strings.Contains(f.Entries[0].Content, "]]>") {
			t.Errorf("%s: ids %v, first %q", lang, ids, f.Entries[0].Content)
		}
	}
	// No more than fifty, the newest.
	p := sample()
	for n := range 80 {
		p.History = append(p.History, status.Notice{ID: fmt.Sprint(n), Entries: []status.Update{{Number: 1, Stage: status.Resolved, At: noon.Add(time.Duration(n) * time.Second)}}})
	}
	if n := strings.Count(string(filesOf(t, p)["en/feed.xml"]), "<entry>"); n != feedLength {
		t.Errorf("%d entries", n)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	var d struct {
		Stale   time.Time       `json:"stale"`
		State   status.State    `json:"state"`
		Open    []status.Notice `json:"open"`
		History []status.Notice `json:"history"`
	}
	if err := json.Unmarshal(filesOf(t, sample())["status.json"], &d); err != nil {
		t.Fatal(err)
	}
	if !d.Stale.Equal(noon.Add(15*time.Minute)) || d.State != status.Stopped || len(d.Open) != 1 || len(d.History) != 3 {
		t.Errorf("%+v", d)
	}
}

// tree reads all of a directory.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(os.DirFS(dir), name)
		all[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// reach follows the links of the pages in a directory from the first one, and returns
// those that lead nowhere.
func reach(there map[string]string) (broken []string) {
	seen := map[string]bool{}
	for open := []string{"index.html"}; len(open) > 0; open = open[1:] {
		name := open[0]
		if seen[name] {
			continue
		}
		seen[name] = true
		for _, m := range href.FindAllStringSubmatch(there[name], -1) {
			to := path.Join(path.Dir(name), m[1])
			switch {
			case strings.HasPrefix(m[1], "https:"):
			case there[to] == "":
				broken = append(broken, name+" leads to "+to)
			case path.Ext(to) == ".html":
				open = append(open, to)
			}
		}
	}
	return broken
}

// A process that is killed between two files, or within one, leaves every file
// whole, and every page that readers come to leads to files that are there.
func TestKilledBetweenFiles(t *testing.T) {
	t.Parallel()
	before, after := filesOf(t, sample()), sample()
	after.State, after.Written, after.History = status.Limited, noon.Add(5*time.Minute), append(slices.Clone(after.History), status.Notice{ID: "9", Opened: noon.AddDate(0, -5, 0), Entries: after.Open[0].Entries})
	next := filesOf(t, after)
	dir := t.TempDir()
	for name, content := range before {
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, path.Dir(name)), 0o755), os.WriteFile(filepath.Join(dir, name), content, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	// What was being written when it was killed.
	if err := os.WriteFile(filepath.Join(dir, temporary+"123"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.SortedFunc(maps.Keys(next), order) {
		there := tree(t, dir)
		for file, content := range there {
			if !strings.Contains(file, temporary) && content != string(before[file]) && content != string(next[file]) {
				t.Fatalf("before %s: %s is neither the old file nor the new", name, file)
			}
		}
		for _, broken := range reach(there) {
			t.Errorf("killed before %s was written, %s, which is not there", name, broken)
		}
		if err := Write(dir, map[string][]byte{name: next[name]}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "deep", "status")
	all := filesOf(t, sample())
	if err := Write(dir, all); err != nil {
		t.Fatal(err)
	}
	for name, content := range tree(t, dir) {
		if content != string(all[name]) {
			t.Errorf("%s differs", name)
		}
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: %v %v; a web server has to read it", name, info.Mode(), err)
		}
	}
	// What is the same is not written again.
	index := filepath.Join(dir, "en", "index.html")
	old := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(index, old, old); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(dir, "en", temporary+"old")
	if err := errors.Join(os.WriteFile(left, nil, 0o600), os.Chtimes(left, old, old)); err != nil {
		t.Fatal(err)
	}
	all["en/feed.xml"] = []byte("new")
	if err := Write(dir, all); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(index); err != nil || !info.ModTime().Equal(old) {
		t.Errorf("the same page was written again: %v", err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what a killed process left is still there: %v", err)
	}
	if err := Write(dir, map[string][]byte{"../out.html": nil}); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("a file outside: %v", err)
	}
}
