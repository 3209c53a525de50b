package postoffice

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestReadMail(t *testing.T) {
	t.Parallel()
	var nested string
	for i := range maxDepth + 1 {
		nested += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	nested += "\ndeep"
	_, inner, _ := strings.Cut(nested, "\n\n")
	tests := []struct {
		name, content, subject, body string
	}{
		{"plain", "Subject: s\n\nb\n", "s", "b"},
		{"base64", "Content-Type: text/plain\nContent-Transfer-Encoding: BASE64\n\n5pSv\n5LuY\n", "", "支付"},
		{"plain before html", "Subject: s\nContent-Type: multipart/alternative; boundary=x\n\n" +
			"--x\nContent-Type: text/html\n\n<p>h\n--x\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\na=3Db\n--x--\n", "s", "a=b"},
		{"html alone", "Content-Type: text/html\n\n<p>h\n", "", "<p>h"},
		{"beside a file", "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: application/pdf\n\n%PDF\n--x\n\nwith it\n--x--", "", "with it"},
		{"no end", "Content-Type: multipart/mixed; boundary=x\n\n--x\n\ncut", "", "cut"},
		{"too deep", nested, "", inner},
		{"no header", "no mail at all", "", "no mail at all"},
		{"not utf-8", "Subject: s\n\n\xa4\xa4\n", "s", "\uFFFD"},
		{"unknown charset", "Subject: =?x-none?q?s?=\n\nb", "=?x-none?q?s?=", "b"},
		{"bad boundary", "Content-Type: multipart/mixed\n\nb\n", "", "b"},
	}
	for _, tt := range tests {
		m := readMail(tt.content)
		if m.Subject != tt.subject || m.Body != tt.body {
			t.Errorf("%s: subject %q, body %q", tt.name, m.Subject, m.Body)
		}
	}
}

func FuzzReadMail(f *testing.F) {
	f.Add("Subject: =?utf-8?b?5pSv?=\r\n\r\nb")
	f.Add("Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Transfer-Encoding: base64\n\n5pSv\n--x--")
	f.Fuzz(func(t *testing.T, content string) {
		m := readMail(content)
		if len(m.Body) > 3*len(content)+utf8.UTFMax {
			t.Errorf("%d bytes became %d", len(content), len(m.Body))
		}
	})
}
