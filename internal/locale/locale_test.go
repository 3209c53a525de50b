package locale

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"holdfast"
	"holdfast/internal/locale/localetest"
)

func TestEveryTextInThreeLanguages(t *testing.T) {
	c, err := read(files)
	if err != nil {
		t.Fatal(err)
	}
	places := regexp.MustCompile(`\{[a-z_]+\}`)
	for key, text := range c.texts {
		want := sorted(places.FindAllString(text.En, -1))
		for _, lang := range holdfast.Langs {
			own := only(text, lang)
			if strings.TrimSpace(own) == "" {
				t.Errorf("%s has no text in %s", key, lang)
			}
			if got := sorted(places.FindAllString(own, -1)); !slices.Equal(got, want) {
				t.Errorf("%s in %s has the places %v, in English %v", key, lang, got, want)
			}
			if c, foreign := localetest.Foreign(lang, own); foreign && !strings.HasPrefix(key, "app.name") {
				t.Errorf("%s in %s: %q does not belong to the language", key, lang, c)
			}
		}
	}
}

func only(t holdfast.Text, lang holdfast.Lang) string {
	switch lang {
	case holdfast.ZhHant:
		return t.ZhHant
	case holdfast.ZhHans:
		return t.ZhHans
	default:
		return t.En
	}
}

func sorted(s []string) []string { slices.Sort(s); return s }

// Every message of an error that a person may see is translated, and the
// translation uses the same arguments.
func TestEveryErrorInBothChineseScripts(t *testing.T) {
	c := load()
	used := map[string]string{}
	for format, place := range formats(t, "../..") {
		used[format] = place
		text, ok := c.errors[format]
		if !ok {
			t.Errorf("%s: errors.yaml lacks %q", place, format)
			continue
		}
		for _, lang := range []holdfast.Lang{holdfast.ZhHant, holdfast.ZhHans} {
			own := only(text, lang)
			if own == "" {
				t.Errorf("%q has no text in %s", format, lang)
			}
			if got, want := verbs(own), verbs(format); !maps.Equal(got, want) {
				t.Errorf("%q in %s takes the arguments %v, in English %v", format, lang, got, want)
			}
			if c, foreign := localetest.Foreign(lang, own); foreign {
				t.Errorf("%q in %s: %q does not belong to the language", format, lang, c)
			}
		}
	}
	for format := range c.errors {
		if used[format] == "" {
			t.Errorf("errors.yaml: no code says %q", format)
		}
	}
}

// english are the packages whose own errors only the command line shows, which
// speaks English.
var english = []string{"internal/cli", "internal/client", "internal/story", "internal/sqljournal/source"}

// formats finds the formats given to Errorf of the root package, and to the
// functions named here that pass a format on to it.
func formats(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root:
			return filepath.SkipDir
		case d.IsDir() && slices.Contains(english, strings.TrimPrefix(filepath.ToSlash(path), root+"/")):
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if i := formatArgument(call, file.Name.Name); i >= 0 && i < len(call.Args) {
				format, ok := literal(call.Args[i])
				if ok {
					found[format] = set.Position(call.Pos()).String()
				} else if _, computed := call.Args[i].(*ast.BinaryExpr); computed && file.Name.Name != "traffic" { // whose faults are the gates', not a person's
					t.Errorf("%s: a format that is put together cannot be translated: write it out", set.Position(call.Pos()))
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 100 {
		t.Fatalf("only %d formats were found", len(found))
	}
	return found
}

// formatArgument returns which argument of a call is a format, or -1.
func formatArgument(call *ast.CallExpr, pkg string) int {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok && x.Name == "holdfast" && f.Sel.Name == "Errorf" {
			return 1
		}
		return passers[pkg+"."+f.Sel.Name] - 1
	case *ast.Ident:
		if pkg == "holdfast" && f.Name == "Errorf" {
			return 1
		}
		return passers[pkg+"."+f.Name] - 1
	}
	return -1
}

// passers are functions that take a format for an error, with the number of that
// argument, from 1.
var passers = map[string]int{"roster.whole": 2, "roster.invalid": 2, "directive.errState": 2, "lint.add": 2, "expression.errorAt": 3, "expression.refuse": 2}

// literal returns a string made of literals only.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil
	case *ast.BinaryExpr:
		x, ok := literal(e.X)
		y, also := literal(e.Y)
		return x + y, ok && also && e.Op == token.ADD
	}
	return "", false
}

var verb = regexp.MustCompile(`%(?:%|[-+# 0]*(?:\[(\d+)\])?[0-9.]*[a-zA-Z])`)

// verbs counts which argument each verb of a format takes.
func verbs(format string) map[int]int {
	count, next := map[int]int{}, 1
	for _, m := range verb.FindAllStringSubmatch(format, -1) {
		if m[0] == "%%" {
			continue
		}
		if m[1] != "" {
			next, _ = strconv.Atoi(m[1])
		}
		count[next]++
		next++
	}
	return count
}

func TestT(t *testing.T) {
	if got := For(holdfast.En).T("incident.plan", "n", 3); got != "Plan revision 3" {
		t.Errorf("got %q", got)
	}
	if got := For(holdfast.ZhHans).T("nav.gates"); got != "支付闸门" {
		t.Errorf("got %q", got)
	}
	if got := For("fr").T("nav.gates"); got != "Gates" {
		t.Errorf("another language: got %q", got)
	}
	if got := For(holdfast.En).T("no.such.key"); got != "no.such.key" {
		t.Errorf("a missing key: got %q", got)
	}
	if got := fill("{a} {b}", []any{"a", "{b}", "b", 2}); got != "{b} 2" {
		t.Errorf("a value must not be filled in turn: got %q", got)
	}
}

func TestError(t *testing.T) {
	secret := errors.New("disk sda1 at 10.0.0.7")
	for _, err := range []error{secret, holdfast.Errorf(holdfast.Internal, "pointer %x", 7)} {
		if got := For(holdfast.En).Error(err); got != For(holdfast.En).T("error.internal") {
			t.Errorf("an internal error shows %q", got)
		}
	}
	err := fmt.Errorf("confirm: %w", holdfast.Errorf(holdfast.Invalid, "level %q: write 1, 2 or 3", "9").Because(secret))
	for _, lang := range holdfast.Langs {
		got := For(lang).Error(err)
		if !strings.Contains(got, `"9"`) || strings.Contains(got, "sda1") {
			t.Errorf("%s: %q", lang, got)
		}
	}
	if got := For(holdfast.ZhHant).Error(err); got == err.Error() || strings.Contains(got, "write") {
		t.Errorf("not translated: %q", got)
	}
}

func TestReadRefusesDoubles(t *testing.T) {
	entry := []byte("a.b:\n  en: x\n")
	_, err := read(fstest.MapFS{"catalogue/a.yaml": {Data: entry}, "catalogue/b.yaml": {Data: entry}})
	if err == nil || !strings.Contains(err.Error(), "a.b is written twice") {
		t.Errorf("got %v", err)
	}
}

func TestMatch(t *testing.T) {
	tests := map[string]holdfast.Lang{
		"": holdfast.En, "zh-TW,zh;q=0.9": holdfast.ZhHant, "zh-HK": holdfast.ZhHant, "zh-CN": holdfast.ZhHans, "zh": holdfast.ZhHans,
		"zh-Hant": holdfast.ZhHant, "de-CH": holdfast.En, "de, zh-TW;q=0.5": holdfast.ZhHant, "!!": holdfast.En,
	}
	for header, want := range tests {
		if got := Match(header); got != want {
			t.Errorf("Match(%q) = %s, want %s", header, got, want)
		}
	}
}

func TestFormats(t *testing.T) {
	en, zh := For(holdfast.En), For(holdfast.ZhHant)
	zone := time.FixedZone("", 8*3600)
	tests := map[string]string{
		en.Int(1234567):    "1,234,567",
		en.Decimal(312.04): "312",
		en.Percent(12.5):   "12.5\u00a0%",
		zh.Percent(50):     "50%",
		en.Money(holdfast.Money{Minor: 129900, Currency: "CNY"}):      "CNY\u00a01,299.00",
		en.Money(holdfast.Money{Minor: -5, Currency: "CNY"}):          "CNY\u00a0−0.05",
		en.Money(holdfast.Money{Minor: 1299, Currency: "JPY"}):        "JPY\u00a01,299",
		en.Money(holdfast.Money{Minor: 7, Currency: "?"}):             "7 ?",
		en.Time(time.Date(2026, 11, 23, 19, 0, 5, 0, time.UTC), zone): "2026-11-24 03:00:05 +08:00",
		en.Time(time.Time{}, zone):                                    "–",
		en.Span(90 * time.Minute):                                     "1 h 30 min",
		zh.Span(45 * time.Second):                                     "45 秒",
		en.Span(250 * time.Millisecond):                               "250 ms",
		en.Span(-2 * time.Second):                                     "−2 s",
		en.Span(24*time.Hour + time.Minute):                           "1 d",
	}
	for got, want := range tests {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
