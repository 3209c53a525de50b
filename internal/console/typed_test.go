package console

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/filing"
	"holdfast/internal/locale"
	"holdfast/internal/roster"
	"holdfast/internal/view"
	"holdfast/internal/waiver"
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
	received := filingsPage{Receiving: "f2", Offset: 50, Page: view.Page[view.Filing]{Items: []view.Filing{{Filing: filing.Filing{ID: "f1"}}, {Filing: filing.Filing{ID: "f2"}}}}}
	for _, test := range []struct {
		name  string
		own   any
		typed url.Values
		want  []string
	}{
		{"filings", filingsPage{Revision: 2}, url.Values{"title": {"T"}, "kind": {"drill-report"}, "revision": {"7"}, "filed": {"2026-11-25"}, "again": {"2027-11-24"}},
			[]string{`value="drill-report" selected`, `value="7"`, `value="2026-11-25"`, `value="2027-11-24"`}},
		{"filings", filingsPage{Revision: 2}, nil, []string{`value="2"`}},
		{"filings", received, url.Values{"number": {"N-7"}, "at": {"2026-11-25"}}, []string{`<details id="receipt-f2" open>`, `id="number-f2" name="number" maxlength="200" value="N-7"`, `id="at-f2" name="at" type="date" value="2026-11-25"`,
			`id="number-f1" name="number" maxlength="200" required`, `/filings/f2/receipt?offset=50`}},
		{"waivers", waiversPage{Page: view.Page[view.Waiver]{Items: []view.Waiver{{Waiver: waiver.Waiver{ID: "w1"}, State: waiver.Active}}}, Revoking: "w1"}, url.Values{"reason": {"because so"}},
			[]string{`<details id="revoke-w1" open>`, `maxlength="1000" value="because so"`, `required></textarea>`}},
		{"waivers", waiversPage{People: []view.Person{{Person: roster.Person{ID: "mei", Name: "Mei"}}}}, nil, []string{`<option value="">`, `<option value="mei">`, `10 to 1000`}},
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
	samples := screenSamples()
	for _, name := range []string{"posture", "alerts", "incidents"} {
		for _, may := range []bool{true, false} {
			who := access.Principal{}
			if may {
				who.Actions = access.AllActions()
			}
			if got := strings.Contains(after(t, name, samples[name][0], who, nil), `href="/report"`); got != may {
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

// Each page below a tab marks it, whatever its address begins with.
func TestTabOf(t *testing.T) {
	t.Parallel()
	plan := navigation{Path: "/plan", below: []string{"drafts"}}
	for path, want := range map[string]bool{"/plan": true, "/plan/3/files/x": true, "/drafts/d1/chapters/risks": true, "/planet": false, "/": false, "/people/plan": false} {
		if plan.has(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
	if home := (navigation{Path: "/"}); !home.has("/") || home.has("/plan") {
		t.Error("the first page is marked wrongly")
	}
}

// What a draft may begin with is told by what it holds.
func TestKindOfPlanFile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		content string
		want    planKind
	}{
		"plan.yaml": {"format: holdfast-plan/1\n", textFile}, "plan.txt": {"format: x", textFile}, "broken.docx": {"PK", wordFile},
		"map.png": {"\x89PNG\r\n\x1a\n a map", otherFile}, "plan.pdf": {"%PDF-1.7 a plan", otherFile}, "old.doc": {"\xd0\xcf\x11\xe0", otherFile}, "photo.yaml": {"\xff\xd8\xff\xe0", otherFile},
	} {
		if got := kindOf(name, []byte(test.content)); got != test.want {
			t.Errorf("%s is %d", name, got)
		}
	}
}
