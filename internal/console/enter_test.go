package console

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"holdfast"
)

// What strangers post is read before anything is known of them, so a form of theirs
// is small; the longest comment fits, in the writing that takes most bytes.
func TestFormsOfStrangersAreSmall(t *testing.T) {
	t.Parallel()
	longest := "text=" + strings.Repeat("%F0%A0%80%8B", 4000) // characters, as drafts take
	for name, test := range map[string]struct {
		kind, form string
		code       holdfast.Code
	}{
		"the longest comment": {"application/x-www-form-urlencoded", longest, ""},
		"too long":            {"application/x-www-form-urlencoded", "text=" + strings.Repeat("a", maxOpenForm), holdfast.TooLarge},
		"a file": {
			"multipart/form-data; boundary=b",
			"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n" + strings.Repeat("a", maxOpenForm) + "\r\n--b--\r\n", holdfast.TooLarge,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "/review/d1/o1/comments", strings.NewReader(test.form))
			r.Header.Set("Content-Type", test.kind)
			err := new(Console).enter(route{right: public}, &visit{w: httptest.NewRecorder(), r: r})
			if holdfast.CodeOf(err) != test.code {
				t.Errorf("%v, want code %q", err, test.code)
			}
		})
	}
}
