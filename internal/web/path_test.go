package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestLocalPath(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"":                              "/",
		"/":                             "/",
		"/incidents/2026-1":             "/incidents/2026-1",
		"/alerts?waiting=1&offset=50":   "/alerts?waiting=1&offset=50",
		"/people?q=%E6%9E%97":           "/people?q=%E6%9E%97",
		"/incidents#x":                  "/incidents",
		"/people?next=//evil.example":   "/people?next=//evil.example",
		"incidents":                     "/",
		"//evil.example":                "/",
		"///evil.example":               "/",
		"/\\evil.example":               "/",
		"\\\\evil.example":              "/",
		"/\t/evil.example":              "/",
		"/\n/evil.example":              "/",
		"\t//evil.example":              "/",
		" //evil.example":               "/",
		"/.//evil.example":              "/",
		"/x/..//evil.example":           "/",
		"/a/../b":                       "/",
		"https://evil.example":          "/",
		"https:/evil.example":           "/",
		"javascript:alert(1)":           "/",
		"/%":                            "/",
		"/" + strings.Repeat("x", 2000): "/",
	} {
		if got := LocalPath(next); got != want {
			t.Errorf("LocalPath(%q) = %q, want %q", next, got, want)
		}
	}
}

// Wherever a browser is sent, it stays here: by the rules of RFC 3986, after
// what browsers do to an address first, and through http.Redirect.
func FuzzLocalPath(f *testing.F) {
	for _, s := range []string{"/incidents?x=1", "//evil", "/\\evil", "/\t/evil", "/%2f%2fevil", "/%5cevil", "/;//evil", "/?//evil", "/@evil", "/.%2e//evil", "/\u202e/evil", "/#//evil"} {
		f.Add(s)
	}
	here, _ := url.Parse("http://node.example/sign-in")
	f.Fuzz(func(t *testing.T, next string) {
		got := LocalPath(next)
		w := httptest.NewRecorder()
		http.Redirect(w, httptest.NewRequest("POST", "/sign-in", nil), got, http.StatusSeeOther)
		asBrowser := strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(strings.TrimSpace(got))
		for _, target := range []string{got, asBrowser, w.Header().Get("Location")} {
			if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") {
				t.Fatalf("LocalPath(%q) = %q leads to %q", next, got, target)
			}
			u, err := here.Parse(target)
			if err != nil || u.Host != here.Host || u.Scheme != here.Scheme {
				t.Fatalf("LocalPath(%q) = %q leads to %v, %v", next, got, u, err)
			}
		}
		if again := LocalPath(got); again != got {
			t.Fatalf("LocalPath(%q) = %q, and of that %q", next, got, again)
		}
	})
}
