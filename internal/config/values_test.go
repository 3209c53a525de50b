package config

import (
	"encoding"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestValues(t *testing.T) {
	tests := []struct {
		into      encoding.TextUnmarshaler
		good, bad []string
	}{
		{new(Address), []string{"", ":0", "127.0.0.1:8800", "[::1]:80", "gate-1.local:65535"},
			[]string{"80", "localhost", ":65536", ":x", ":-1", ":+5", "a b:1", "::1:80", "http://a:1"}},
		{new(Host), []string{"a", "a.example", "10.0.0.1", "::1", "A_b"},
			[]string{"", "a:80", "http://a", "-a", "a-", "a..b", "a.", "a b", strings.Repeat("a", 64), strings.Repeat("a.", 130) + "a"}},
		{new(URL), []string{"", "http://a", "https://a:1/b/", "http://[::1]:8080"},
			[]string{"a", "ftp://a", "http://", "http://a?b", "http://a?", "http://a#", "http://u:p@a", "http://a:0", "http://a:99999", "http://a b", "//a"}},
		{new(Duration), []string{"0s", "0", "90s", "1h30m", "1.5s"}, []string{"", "5", "-1s", "soon", "1d", "99999999999h"}},
		{new(Zone), []string{"UTC", "Asia/Taipei", "Asia/Shanghai"}, []string{"", "Local", "Asia", "../etc/passwd", "CST+8"}},
		{new(Secret), []string{"", "env:A", "file:/a:b"}, []string{"a", "env:", "file:", "ENV:A", "vault:x", ":a"}},
		{new(Pattern), []string{"/", "/*", "/v1/payments", "/v1/{id}", "/{a}/{b}/*", "/付款"},
			[]string{"", "v1", "//", "/a/", "/a//b", "/*/a", "/{}", "/{Id}", "/{a}{b}", "/{a}/{a}", "/a?b", "/a*", "/../a", "/a b", "/%41", "/a#"}},
		{new(Source), []string{"", "header:Idempotency-Key", "query:key", "path:id", "json:/a/b", "json:/a~0~1/0", "form:a b", "xml:/Document/Amt", "const:a:b"},
			[]string{"a", "header", "header:", "header:a b", "query:", "path:", "path:A", "json:a", "json:", "json:/a~2", "json:/~", "xml:/", "xml:a", "xml:/a/", "xml:/a//b", "xml:/a b", "xml:/ns:a", "xml:/<a", "body:a", "form:"}},
		{new(Statuses), []string{"200", "404", "200-299", "599"},
			[]string{"", "199", "600", "2xx", "200-", "-299", "299-200", "200-299-300", "+200", "200 - 299", "99999999999999999999"}},
	}
	for _, test := range tests {
		for _, text := range test.good {
			if err := test.into.UnmarshalText([]byte(text)); err != nil {
				t.Errorf("%T %q: %v", test.into, text, err)
			}
		}
		for _, text := range test.bad {
			if err := test.into.UnmarshalText([]byte(text)); err == nil {
				t.Errorf("%T takes %q", test.into, text)
			}
		}
	}
}

func TestURLHasNoSlashAtTheEnd(t *testing.T) {
	var u URL
	if err := u.UnmarshalText([]byte("http://a/b//")); err != nil || u != "http://a/b" {
		t.Errorf("%q, %v", u, err)
	}
}

func TestPatternParams(t *testing.T) {
	if got := strings.Join(Pattern("/a/{b}/c/{d}/*").Params(), " "); got != "b d" {
		t.Errorf("%q", got)
	}
}

func TestPatternCovers(t *testing.T) {
	for _, test := range []struct {
		wide, narrow Pattern
		want         bool
	}{
		{"/a", "/a", true}, {"/a", "/b", false}, {"/a", "/a/b", false}, {"/a/b", "/a", false},
		{"/{x}/c", "/{y}/c", true}, {"/{x}", "/a", true}, {"/a", "/{x}", false}, {"/{x}", "/", false},
		{"/*", "/", true}, {"/*", "/a/{x}/*", true}, {"/a/*", "/a/b", true}, {"/a/*", "/{x}/b", false},
		{"/a/*", "/a", false}, {"/{x}", "/*", false}, {"/a/*", "/*", false}, {"/a/{x}", "/a/*", false},
	} {
		if got := test.wide.covers(test.narrow); got != test.want {
			t.Errorf("%s covers %s: %t", test.wide, test.narrow, got)
		}
	}
}

func TestSecretRead(t *testing.T) {
	dir := t.TempDir()
	at := func(name, content string) Secret {
		write(t, filepath.Join(dir, name), content)
		return Secret("file:" + filepath.Join(dir, name))
	}
	vars := env(map[string]string{"A": "x\n", "E": "", "LONG": strings.Repeat("x", MaxSecret+1)})
	for _, test := range []struct {
		secret Secret
		want   string
		ok     bool
	}{
		{"", "", true},
		{"env:A", "x\n", true},
		{"env:E", "", false},
		{"env:NONE", "", false},
		{"env:LONG", "", false},
		{at("plain", "pw"), "pw", true},
		{at("line", "pw \n"), "pw ", true},
		{at("windows", "pw\r\n"), "pw", true},
		{at("two", "pw\n\n"), "pw\n", true},
		{at("empty", "\n"), "", false},
		{at("long", strings.Repeat("x", MaxSecret+1)), "", false},
		{Secret("file:" + dir), "", false},
		{"file:/nowhere/at/all", "", false},
	} {
		got, err := test.secret.Read(vars)
		if got != test.want || (err == nil) != test.ok {
			t.Errorf("%s: %q, %v", test.secret, got, err)
		}
	}
	if _, err := Secret("env:A").Read(nil); err == nil {
		t.Error("without an environment env:A reads as something")
	}
}

// What is read from a text is written as one that reads the same.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.IntRange(200, 599).Draw(t, "first")
		s := Statuses{first, rapid.IntRange(first, 599).Draw(t, "last")}
		var again Statuses
		if err := again.UnmarshalText([]byte(s.String())); err != nil || again != s {
			t.Fatalf("%v: %v, %v", s, again, err)
		}
		from := rapid.SampledFrom([]string{"header", "query", "path", "json", "form", "xml", "const"}).Draw(t, "from")
		text := from + ":" + rapid.StringMatching(`/?[a-z][a-z0-9_]{0,8}`).Draw(t, "name")
		var source, twin Source
		if source.UnmarshalText([]byte(text)) == nil {
			if err := twin.UnmarshalText([]byte(source.String())); err != nil || twin != source {
				t.Fatalf("%s: %v, %v", text, twin, err)
			}
		}
	})
}

func TestOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) []Statuses {
			return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Statuses {
				first := rapid.IntRange(200, 220).Draw(t, "first")
				return Statuses{first, first + rapid.IntRange(0, 5).Draw(t, "more")}
			}), 0, 3).Draw(t, name)
		}
		a, b := draw("a"), draw("b")
		has := func(list []Statuses, status int) bool {
			for _, s := range list {
				if s.Has(status) {
					return true
				}
			}
			return false
		}
		want := false
		for status := 200; status <= 225; status++ {
			want = want || (has(a, status) && has(b, status))
		}
		status, got := overlap(a, b)
		if got != want || (got && !(has(a, status) && has(b, status))) {
			t.Fatalf("%v and %v: %d, %t", a, b, status, got)
		}
	})
}
