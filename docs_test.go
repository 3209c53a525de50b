package holdfast_test

import (
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"holdfast"
	"holdfast/internal/locale/localetest"
	"holdfast/internal/plan"
)

// treeFiles lists the files of the repository with one of the endings, as slash paths.
// Directories that begin with a dot, and what is built, are left out.
func treeFiles(t *testing.T, endings ...string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "build"):
			return fs.SkipDir
		case !d.IsDir() && slices.Contains(endings, filepath.Ext(path)):
			files = append(files, filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 5 {
		t.Fatalf("only %d files were found", len(files))
	}
	return files
}

func contentOf(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// withoutCode drops fenced blocks and code in backticks.
func withoutCode(text string) string {
	var kept strings.Builder
	fenced := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		if !fenced {
			kept.WriteString(inlineCode.ReplaceAllString(line, ""))
		}
	}
	return kept.String()
}

var (
	inlineCode = regexp.MustCompile("`[^`\n]*`")
	linkTarget = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading    = regexp.MustCompile(`(?m)^(#+) +(.+)$`)
)

// headings returns the marks and texts of a page's headings.
func headings(text string) [][]string {
	var found [][]string
	fenced := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if m := heading.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil && !fenced {
			found = append(found, m)
		}
	}
	return found
}

// anchors returns the fragments that lead to a page's headings.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, h := range headings(text) {
		var b strings.Builder
		for _, r := range strings.ToLower(h[2]) {
			switch {
			case r == ' ':
				b.WriteByte('-')
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				b.WriteRune(r)
			}
		}
		found[b.String()] = true
	}
	return found
}

// badLink says what is wrong with a link of a page, or "". read returns the
// content of a file, and whether there is one; of a directory the content is "".
func badLink(page, target string, read func(string) (string, bool)) string {
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return "it is not a link"
	case u.Scheme != "" || u.Host != "":
		return "" // the test looks at no network
	}
	path := page
	if u.Path != "" {
		path = filepath.ToSlash(filepath.Join(filepath.Dir(page), u.Path))
	}
	content, there := read(path)
	switch {
	case !there:
		return "there is no " + path
	case u.Fragment != "" && !anchors(content)[u.Fragment]:
		return path + " has no heading #" + u.Fragment
	}
	return ""
}

func readTree(path string) (string, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return "", false
	}
	if info.IsDir() {
		return "", true
	}
	content, err := os.ReadFile(path)
	return string(content), err == nil
}

func TestLinksResolve(t *testing.T) {
	links := 0
	for _, page := range treeFiles(t, ".md") {
		for _, m := range linkTarget.FindAllStringSubmatch(withoutCode(contentOf(t, page)), -1) {
			links++
			if fault := badLink(page, m[1], readTree); fault != "" {
				t.Errorf("%s: %s: %s", page, m[1], fault)
			}
		}
	}
	if links < 50 {
		t.Errorf("only %d links were found", links)
	}
}

func TestLinksFindsFaults(t *testing.T) {
	tree := map[string]string{"docs": "", "docs/a.md": "# A page\n## What it's for, then\n```\n# no heading\n```\n"}
	read := func(path string) (string, bool) { content, there := tree[path]; return content, there }
	for target, want := range map[string]string{
		"../docs":                "",
		"a.md":                   "",
		"a.md#what-its-for-then": "",
		"#a-page":                "",
		"https://example.org/x":  "",
		"b.md":                   "there is no docs/b.md",
		"a.md#no-heading":        "docs/a.md has no heading #no-heading",
		"../docs/a.md/x":         "there is no docs/a.md/x",
		"images/posture.png":     "there is no docs/images/posture.png",
	} {
		if got := badLink("docs/a.md", target, read); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}

// A page that code or a document names is there.
func TestNamedDocumentsExist(t *testing.T) {
	named := regexp.MustCompile(`docs/[a-z0-9/-]+\.md`)
	found := 0
	for _, file := range treeFiles(t, ".go", ".md", ".yaml") {
		if file == "docs_test.go" {
			continue
		}
		for _, path := range named.FindAllString(contentOf(t, file), -1) {
			found++
			if _, there := readTree(path); !there {
				t.Errorf("%s names %s, which is not there", file, path)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d names were found", found)
	}
}

// Each decision that is cited has its page, and each page its form.
func TestDecisions(t *testing.T) {
	pages := map[string]bool{}
	entries, err := os.ReadDir("docs/decisions")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		number, _, _ := strings.Cut(e.Name(), "-")
		if pages[number] {
			t.Errorf("there are two decisions %s", number)
		}
		pages[number] = true
		text := contentOf(t, "docs/decisions/"+e.Name())
		if !strings.HasPrefix(text, "# "+number+" ") {
			t.Errorf("%s does not begin with its number", e.Name())
		}
		var parts []string
		for _, h := range headings(text)[1:] {
			parts = append(parts, h[2])
		}
		if want := []string{"Context", "Decision", "Consequences", "Alternatives"}; !slices.Equal(parts, want) {
			t.Errorf("%s has the parts %q, not %q", e.Name(), parts, want)
		}
	}
	cited := regexp.MustCompile(`[Dd]ecision ([0-9]{4})`)
	found := 0
	for _, file := range treeFiles(t, ".go", ".md", ".yaml") {
		for _, m := range cited.FindAllStringSubmatch(contentOf(t, file), -1) {
			found++
			if !pages[m[1]] {
				t.Errorf("%s cites decision %s, which has no page", file, m[1])
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d citations were found", found)
	}
}

// What stop.md names of the code is there: "package.Name", "type.method" or the
// kind of a fact.
func TestStopNamesWhatIsThere(t *testing.T) {
	page := contentOf(t, "docs/formats/stop.md")
	code, packages := map[string]string{}, map[string]bool{}
	var all strings.Builder
	for _, file := range treeFiles(t, ".go") {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		name := filepath.Base(filepath.Dir(file))
		text := contentOf(t, file)
		code[name] += text
		packages[name] = true
		all.WriteString(text)
	}
	code[""] = all.String()
	named := regexp.MustCompile("`([a-z]+)((?:\\.[A-Za-z]+)*)\\.([A-Za-z-]+)`")
	checked := 0
	for _, m := range named.FindAllStringSubmatch(page, -1) {
		token := strings.Trim(m[0], "`")
		if slices.Contains([]string{"go", "md", "json", "lock"}, m[3]) {
			continue // a file
		}
		checked++
		where := ""
		if packages[m[1]] {
			where = m[1]
		}
		word := regexp.MustCompile(`\b` + regexp.QuoteMeta(m[3]) + `\b`)
		if !strings.Contains(code[""], strconv.Quote(token)) && !word.MatchString(code[where]) {
			t.Errorf("docs/formats/stop.md names %s, which the code does not have", token)
		}
	}
	if checked < 30 {
		t.Errorf("only %d names were found", checked)
	}
}

// docs/formats/plan.md has a row for each rule that a plan is checked by, and
// for no other.
func TestPlanRulesAreDocumented(t *testing.T) {
	broken := map[string]bool{}
	for _, file := range treeFiles(t, ".go") {
		if dir := filepath.Dir(file); dir == "internal/plan" || dir == "internal/procedure" {
			if !strings.HasSuffix(file, "_test.go") {
				for _, rule := range regexp.MustCompile(`"(P[0-9]{3})"`).FindAllStringSubmatch(contentOf(t, file), -1) {
					broken[rule[1]] = true
				}
			}
		}
	}
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| (P[0-9]{3}) \|`).FindAllStringSubmatch(contentOf(t, "docs/formats/plan.md"), -1) {
		if documented[row[1]] {
			t.Errorf("rule %s has two rows", row[1])
		}
		documented[row[1]] = true
	}
	if len(broken) < 20 || !maps.Equal(broken, documented) {
		t.Errorf("the code knows %q, docs/formats/plan.md %q", slices.Sorted(maps.Keys(broken)), slices.Sorted(maps.Keys(documented)))
	}
}

// docs/formats/plan.md names every key of the file.
func TestPlanKeysAreDocumented(t *testing.T) {
	page := contentOf(t, "docs/formats/plan.md")
	seen := map[reflect.Type]bool{reflect.TypeFor[holdfast.Text](): true} // explained as a form
	keys := 0
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Slice || typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] {
			return
		}
		seen[typ] = true
		for i := range typ.NumField() {
			key, _, _ := strings.Cut(typ.Field(i).Tag.Get("yaml"), ",")
			keys++
			if !regexp.MustCompile("[`.]" + key + "(\\[\\])?`").MatchString(page) {
				t.Errorf("%s: docs/formats/plan.md does not name the key %s", typ, key)
			}
			walk(typ.Field(i).Type)
		}
	}
	walk(reflect.TypeFor[plan.Plan]())
	if keys < 40 {
		t.Errorf("only %d keys were found", keys)
	}
}

// The READMEs are twins: the same parts, the same links in the same order, each
// in its own script.
func TestReadmesAreTwins(t *testing.T) {
	en, zh := contentOf(t, "README.md"), contentOf(t, "README.zh-Hant.md")
	marks := func(text string) (list []string) {
		for _, h := range headings(text) {
			list = append(list, h[1])
		}
		return list
	}
	if a, b := marks(en), marks(zh); len(a) < 5 || !slices.Equal(a, b) {
		t.Errorf("the headings are %q and %q", a, b)
	}
	links := func(text string) (list []string) {
		for _, m := range linkTarget.FindAllStringSubmatch(text, -1) {
			if !strings.HasPrefix(m[1], "README") {
				list = append(list, m[1])
			}
		}
		return list
	}
	if a, b := links(en), links(zh); !slices.Equal(a, b) {
		t.Errorf("the links are\n%q and\n%q", a, b)
	}
	// The names of the other language are written in its own script.
	zh = strings.NewReplacer("简体中文", "").Replace(zh)
	if c, foreign := localetest.Foreign(holdfast.ZhHant, zh); foreign {
		t.Errorf("README.zh-Hant.md has %q, which Traditional texts do not use", c)
	}
}
