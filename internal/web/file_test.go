package web

import (
	"bytes"
	"mime"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/attachment"
	"holdfast/internal/journal"
)

func TestWriteFile(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, content, kind, saved string }{
		{"notes.txt", "x", "text/plain; charset=utf-8", "notes.txt"},
		{"plan-r3.yaml", "a: 演練", "text/plain; charset=utf-8", "plan-r3.yaml"},
		{"notes.txt", "\xff\xfe", "application/octet-stream", "notes.txt"},
		{"page.html", "<script>alert(1)</script>", "application/octet-stream", "page.html"},
		{"picture.svg", "<svg onload=alert(1)>", "application/octet-stream", "picture.svg"},
		{"x.PNG", "\x89PNG", "image/png", "x.PNG"},
		{"", "x", "application/octet-stream", "file"},
		{"螢幕 截圖.png", "x", "image/png", "螢幕 截圖.png"},
		{`a"; filename="evil.exe`, "x", "application/octet-stream", `a__ filename=_evil.exe`},
		{"a\r\nSet-Cookie: x=1", "x", "application/octet-stream", "aSet-Cookie_ x=1"},
		{"100%.txt", "x", "text/plain; charset=utf-8", "100%.txt"},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		if err := WriteFile(w, tt.name, []byte(tt.content)); err != nil {
			t.Fatal(err)
		}
		h := w.Header()
		if h.Get("Content-Type") != tt.kind || w.Body.String() != tt.content {
			t.Errorf("%q: %s", tt.name, h.Get("Content-Type"))
		}
		whole := h.Get("Content-Disposition")
		plain, extended, _ := strings.Cut(whole, "; filename*=")
		kind, params, err := mime.ParseMediaType("attachment; filename*=" + extended)
		if err != nil || kind != "attachment" || params["filename"] != tt.saved {
			t.Errorf("%q: %s: %v %v", tt.name, whole, params, err)
		}
		if kind, _, err := mime.ParseMediaType(plain); err != nil || kind != "attachment" || strings.ContainsFunc(whole, func(c rune) bool { return c > '~' || c < ' ' }) {
			t.Errorf("%q: for the old: %s: %v", tt.name, plain, err)
		}
		if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "sandbox") || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%q: %v", tt.name, h)
		}
	}
}

func TestKeepEvidence(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, kind, wantName, wantType string }{
		{"log.txt", "text/plain; charset=big5", "log.txt", "text/plain"},
		{"../../etc/passwd", "", "passwd", "application/octet-stream"},
		{`C:\Users\mei\日誌.log`, "TEXT/Plain", "日誌.log", "text/plain"},
		{"..", "nonsense", "file", "application/octet-stream"},
		{".htaccess", "a/b/c", "htaccess", "application/octet-stream"},
		{"photo\u202egnp.exe", "image/png\r\nX: y", "photognp.exe", "application/octet-stream"},
		{"a\x00b\x1f\x7f.txt", "image/png", "ab.txt", "image/png"},
		{"bad\xffbytes.bin", "text/" + strings.Repeat("x", 200), "badbytes.bin", "application/octet-stream"},
		{"card 4111 1111 1111 1111.png", "image/png", "card 4111 11xx xxxx 1111.png", "image/png"},
		{"a<b>c:d|e?f*g.txt. . ", "image/png", "a_b_c_d_e_f_g.txt", "image/png"},
	}
	store := journal.NewMemory("test")
	for _, tt := range tests {
		e, err := KeepEvidence(t.Context(), store, tt.name, tt.kind, []byte("content"))
		if err != nil {
			t.Fatal(err)
		}
		if e.Name != tt.wantName || e.Type != tt.wantType || e.Size != 7 {
			t.Errorf("%q of type %q is kept as %+v", tt.name, tt.kind, e)
		}
		if b, err := store.Blob(t.Context(), e.Hash); err != nil || !bytes.Equal(b, []byte("content")) {
			t.Errorf("%q: %q, %v", tt.name, b, err)
		}
	}
	long, err := KeepEvidence(t.Context(), store, strings.Repeat("長", 300)+".tar", "", []byte("x"))
	if err != nil || utf8.RuneCountInString(long.Name) != attachment.MaxName || !strings.HasSuffix(long.Name, "長.tar") {
		t.Errorf("a long name: %q, %v", long.Name, err)
	}
}

func TestKeepEvidenceRefuses(t *testing.T) {
	t.Parallel()
	store := journal.NewMemory("test")
	for code, content := range map[holdfast.Code][]byte{holdfast.Invalid: {}, holdfast.TooLarge: make([]byte, journal.MaxBlob+1)} {
		if _, err := KeepEvidence(t.Context(), store, "x", "", content); holdfast.CodeOf(err) != code {
			t.Errorf("%d bytes: %v", len(content), err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := KeepEvidence(t.Context(), store, "x", "", []byte("x")); holdfast.CodeOf(err) != holdfast.Unavailable {
		t.Errorf("with the store closed: %v", err)
	}
}
