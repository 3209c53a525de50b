package console

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/locale"
)

// after is a screen in English as a reader sees it, after the refusal of what he
// typed if there was one.
func after(t *testing.T, name string, own any, who access.Principal, typed url.Values) string {
	t.Helper()
	var s screens
	if err := s.parse(); err != nil {
		t.Fatal(err)
	}
	made, err := s.in(&visit{words: locale.For(holdfast.En), zone: time.UTC}, name)
	if err != nil {
		t.Fatal(err)
	}
	return shown(t, 0, made, &page{Title: "Title", Lang: holdfast.En, Page: own, who: who, Account: "mei", typed: typed})
}

// What was typed or chosen in a form stands in it again when it is refused.
func TestRefusedFormsKeepWhatWasTyped(t *testing.T) {
	t.Parallel()
	all := access.Principal{Actions: access.AllActions()}
	for _, test := range []struct {
		name  string
		own   any
		typed url.Values
		want  []string
	}{
		{"filings", filingsPage{Revision: 2}, url.Values{"title": {"T"}, "kind": {"drill-report"}, "revision": {"7"}, "filed": {"2026-11-25"}, "again": {"2027-11-24"}},
			[]string{`value="drill-report" selected`, `value="7"`, `value="2026-11-25"`, `value="2027-11-24"`}},
		{"filings", filingsPage{Revision: 2}, nil, []string{`value="2"`}},
		{"accounts", accountsPage{Roles: []access.Role{access.Author, access.Viewer}}, url.Values{"name": {"n"}, "role": {"viewer"}}, []string{`value="author">`, `value="viewer" checked`}},
		{"drafts", draftsPage{Published: true, Langs: holdfast.Langs[:]}, url.Values{"from": {"file"}, "lang": {"zh-Hans"}}, []string{`value="file" checked`, `value="zh-Hans" selected`}},
		{"drafts", draftsPage{Published: true, Langs: holdfast.Langs[:]}, nil, []string{`name="from" value="" checked`, `value="en" selected`}},
		{"drafts", draftsPage{Langs: holdfast.Langs[:]}, url.Values{"from": {"builtin"}}, []string{`value="builtin" checked`}},
		{"drafts", draftsPage{Langs: holdfast.Langs[:]}, nil, []string{`value="empty" checked`}},
	} {
		html := after(t, test.name, test.own, all, test.typed)
		for _, want := range test.want {
			if !strings.Contains(html, want) {
				t.Errorf("%s after %v lacks %s", test.name, test.typed, want)
			}
		}
		if test.name == "drafts" && strings.Count(html, " checked") != 1 {
			t.Errorf("drafts after %v has %d bases chosen", test.typed, strings.Count(html, " checked"))
		}
	}
}

// To report what is wrong is offered to those who may, and to nobody else.
func TestReportIsOfferedToWhoMay(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"posture", "alerts", "incidents"} {
		for _, may := range []bool{true, false} {
			who := access.Principal{}
			if may {
				who.Actions = access.AllActions()
			}
			if got := strings.Contains(after(t, name, screenSamples()[name][0], who, nil), `href="/report"`); got != may {
				t.Errorf("%s offers to report: %v, to one who may: %v", name, got, may)
			}
		}
	}
}

// Who came by the link of a letter is not sent to a page that asks him to sign in.
func TestByLink(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{"/read/p/2/amy": true, "/review/d1/o1": true, "/confirm/a1": true, "/readings": false, "/plan/2": false, "/": false} {
		if got := byLink(path); got != want {
			t.Errorf("%s is by link: %v, want %v", path, got, want)
		}
	}
}
