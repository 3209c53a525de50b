package api

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/roster"
	"holdfast/internal/view"
)

// member makes an account with roles of access, a person of the roster with roles
// of the plan, and returns a token with all that the account may do.
func (n *node) member(t *testing.T, name string, may []access.Role, fills ...string) string {
	t.Helper()
	self := access.Self("test")
	if err := n.api.Access.CreateAccount(t.Context(), self, access.NewAccount{Name: name, Roles: may, Person: "p-" + name}, ""); err != nil {
		t.Fatal(err)
	}
	if err := n.api.Roster.Record(t.Context(), self.Actor, roster.Person{ID: "p-" + name, Name: name, Account: name, Roles: fills}); err != nil {
		t.Fatal(err)
	}
	text, _, err := n.api.Access.IssueToken(t.Context(), self, access.NewToken{Account: name, Name: "test", Scopes: access.Grants(may...)})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// office is a node with a plan whose revisions an officer, cat, and an engineer,
// dee, countersign. Ann writes; rob may read.
type office struct {
	*node
	t                  *testing.T
	ann, cat, dee, rob string
	id                 string
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{node: newNode(t), t: t}
	o.ann = o.member(t, "ann", []access.Role{access.Author, access.Superior}, "officer") // she could do all
	o.cat = o.member(t, "cat", []access.Role{access.Superior}, "officer")
	o.dee = o.member(t, "dee", []access.Role{access.Superior}, "engineer")
	o.rob = o.member(t, "rob", []access.Role{access.Viewer})
	src, err := os.ReadFile("../plan/testdata/small.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(src) + `governance:
  approval:
    - { id: sign, title: { en: Sign }, mode: all, roles: [officer, engineer] }
  distribution: [engineer]
`
	if _, err := o.api.Plans.Publish(t.Context(), access.Self("test").Actor, []byte(text), "first"); err != nil {
		t.Fatal(err)
	}
	o.id = created(t, o.call("POST", "/drafts", o.ann, `{"note":"second"}`))
	return o
}

// do calls a path under the draft and wants a status.
func (o *office) do(status int, token, method, path string, body any) *httptest.ResponseRecorder {
	o.t.Helper()
	text := ""
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			o.t.Fatal(err)
		}
		text = string(b)
	}
	w := o.call(method, "/drafts/"+o.id+path, token, text)
	if w.Code != status {
		o.t.Fatalf("%s %s: %d %s; want %d", method, path, w.Code, w.Body, status)
	}
	return w
}

func (o *office) draft() view.Draft { return get[view.Draft](o.t, o.node, o.rob, "/drafts/"+o.id) }

func purpose(text string) string {
	return "format: holdfast-plan/1\nid: small\nlanguage: en\ntitle: { en: A small plan }\npurpose: { en: " + text + " }\n"
}

func (o *office) save(status int, token string, base int, text string) *httptest.ResponseRecorder {
	o.t.Helper()
	return o.do(status, token, "PUT", "/chapters/general", SaveChapter{Base: base, Text: purpose(text)})
}

// From the first save to the last reader, by programs alone.
func TestRevisionByPrograms(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.save(200, o.ann, 0, "One.")
	w := o.save(409, o.ann, 0, "Two.")
	var conflict struct {
		Code holdfast.Code    `json:"code"`
		More view.ChapterText `json:"more"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &conflict); err != nil || conflict.Code != holdfast.Conflict || conflict.More.Save != 1 || !strings.Contains(conflict.More.Text, "One.") {
		t.Errorf("the conflict tells %s", w.Body)
	}
	o.save(200, o.ann, 1, "Two.")
	o.do(204, o.ann, "POST", "/chapters/general/restore", RestoreChapter{Base: 2, Save: 1})
	chapter := get[view.ChapterText](t, o.node, o.rob, "/drafts/"+o.id+"/chapters/general")
	if chapter.Save != 3 || len(chapter.Saves) != 3 || !strings.Contains(chapter.Text, "One.") {
		t.Errorf("chapter %+v", chapter)
	}

	o.do(403, o.rob, "POST", "/comments", Remark{Chapter: "general", Text: "Hm."})
	o.do(404, o.ann, "POST", "/reviewers", AccountRef{"nobody"})
	o.do(204, o.ann, "POST", "/reviewers", AccountRef{"rob"})
	o.do(204, o.ann, "POST", "/review", nil)
	o.do(204, o.rob, "POST", "/comments", Remark{Chapter: "general", Quote: "One.", Text: "Hm."})
	o.do(204, o.ann, "POST", "/comments/1/replies", Reply{"What?"})
	o.do(409, o.ann, "POST", "/submit", Submit{})
	o.do(400, o.ann, "POST", "/comments/1/resolve", Resolve{})
	o.do(204, o.ann, "POST", "/comments/1/resolve", Resolve{"It stays."})
	o.do(204, o.rob, "POST", "/comments/1/reopen", nil)
	o.save(200, o.ann, 3, "Three.")
	o.do(204, o.ann, "POST", "/comments/1/resolve", Resolve{})
	o.do(404, o.rob, "POST", "/comments/x/replies", Reply{"And?"})
	o.do(204, o.ann, "POST", "/reviewers/rob/dismiss", nil)

	o.do(204, o.ann, "POST", "/submit", Submit{"No. 7"})
	if d := o.draft().Deciders; len(d) == 0 || d[0].Role != "engineer" && d[0].Role != "officer" {
		t.Errorf("deciders %+v", d)
	}
	hash := o.draft().Hash
	o.do(204, o.cat, "POST", "/approve", ApproveDraft{Hash: hash})
	if a := o.draft().Approval; a.Complete || a.Step != "sign" || fmt.Sprint(a.Missing) != "[engineer]" || len(a.Given) != 1 {
		t.Errorf("approval %+v", a)
	}
	o.do(204, o.dee, "POST", "/return", Reason{"Not so."})
	o.do(204, o.ann, "POST", "/submit", Submit{"No. 8"})
	o.do(204, o.cat, "POST", "/approve", ApproveDraft{Hash: hash})
	o.do(204, o.dee, "POST", "/approve", ApproveDraft{Hash: hash})
	o.do(201, o.dee, "POST", "/publish", PublishDraft{})
	d := o.draft()
	if p := get[view.Plan](t, o.node, o.rob, "/plan"); p.Revision != 2 || p.Text != d.Text || d.Revision != 2 || d.State != "published" {
		t.Errorf("revision %d, draft %+v", p.Revision, d.DraftHead)
	}

	if w := o.call("POST", "/plan/revisions/2/acknowledge", o.dee, ""); w.Code != 204 {
		t.Errorf("acknowledge: %d %s", w.Code, w.Body)
	}
	if r := get[[]view.Reading](t, o.node, o.rob, "/plan/revisions/2/readings"); len(r) != 1 || r[0].Person != "p-dee" || r[0].At.IsZero() {
		t.Errorf("readings %+v", r)
	}
	if list := get[[]view.DraftHead](t, o.node, o.rob, "/drafts"); len(list) != 1 || list[0].ID != o.id {
		t.Errorf("drafts %+v", list)
	}
	next := created(t, o.call("POST", "/drafts", o.ann, "{}"))
	if w := o.call("POST", "/drafts/"+next+"/withdraw", o.ann, `{"reason":"Enough."}`); w.Code != 204 {
		t.Errorf("withdraw: %d %s", w.Code, w.Body)
	}
	o.do(409, o.ann, "POST", "/withdraw", Reason{"It is published."})
}

// No token gets a text published that its holders have not approved.
func TestApprovalIsNotForged(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.save(200, o.ann, 0, "One.")
	o.do(204, o.ann, "POST", "/submit", Submit{})
	seen := o.draft().Hash
	other := seen
	other[0] ^= 1

	o.do(403, o.ann, "POST", "/approve", ApproveDraft{Hash: seen})                  // her own text
	o.do(403, o.rob, "POST", "/approve", ApproveDraft{Hash: seen})                  // no right
	o.do(409, o.cat, "POST", "/approve", ApproveDraft{Hash: other})                 // another text
	o.do(409, o.cat, "POST", "/approve", ApproveDraft{})                            // no text
	o.do(403, o.rob, "POST", "/return", Reason{"I say so."})                        // neither author nor superior
	o.do(409, o.dee, "POST", "/publish", PublishDraft{})                            // nobody has approved
	o.save(409, o.ann, 1, "ONE.")                                                   // in approval
	o.do(400, o.cat, "POST", "/approve", map[string]any{"hash": seen, "by": "dee"}) // for another
	wantProblem(t, "past the ladder", o.call("POST", "/plan", o.cat, `{"text":`+quoted(t, o.draft().Text)+`}`), 403, holdfast.Forbidden, "")

	// One byte changed after approval.
	o.do(204, o.cat, "POST", "/approve", ApproveDraft{Hash: seen})
	o.do(204, o.dee, "POST", "/approve", ApproveDraft{Hash: seen})
	o.do(204, o.ann, "POST", "/return", Reason{"A slip."})
	o.save(200, o.ann, 1, "ONE.")
	o.do(409, o.dee, "POST", "/publish", PublishDraft{})
	o.do(204, o.ann, "POST", "/submit", Submit{})
	o.do(409, o.dee, "POST", "/publish", PublishDraft{})
	o.do(409, o.cat, "POST", "/approve", ApproveDraft{Hash: seen}) // what was seen before
	o.do(204, o.cat, "POST", "/approve", ApproveDraft{Hash: o.draft().Hash})

	// Replayed on another draft.
	o.do(204, o.ann, "POST", "/withdraw", Reason{"Anew."})
	old := o.id
	o.id = created(t, o.call("POST", "/drafts", o.ann, "{}"))
	o.save(200, o.ann, 0, "Else.")
	o.do(204, o.ann, "POST", "/submit", Submit{})
	o.do(409, o.cat, "POST", "/approve", ApproveDraft{Hash: seen})
	o.do(409, o.dee, "POST", "/publish", PublishDraft{})
	if w := o.call("POST", "/drafts/"+old+"/publish", o.dee, "{}"); w.Code != 409 {
		t.Errorf("what was withdrawn is published: %d", w.Code)
	}
	if p := get[view.Plan](t, o.node, o.rob, "/plan"); p.Revision != 1 {
		t.Errorf("revision %d is in force", p.Revision)
	}
}

// Who has approved and then loses the right, the role or the account has not.
func TestApprovalLapsesWithTheRight(t *testing.T) {
	t.Parallel()
	disabled := true
	for name, lose := range map[string]func(o *office) error{
		"the right": func(o *office) error {
			return o.api.Access.ChangeAccount(o.t.Context(), access.Self("test"), "cat", access.Changes{Roles: &[]access.Role{access.Viewer}})
		},
		"the account": func(o *office) error {
			return o.api.Access.ChangeAccount(o.t.Context(), access.Self("test"), "cat", access.Changes{Disabled: &disabled})
		},
		"the role": func(o *office) error {
			return o.api.Roster.Record(o.t.Context(), access.Self("test").Actor, roster.Person{ID: "p-cat", Name: "cat", Account: "cat"})
		},
		"the post": func(o *office) error {
			return o.api.Roster.Leave(o.t.Context(), access.Self("test").Actor, "p-cat", "Retired.")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.save(200, o.ann, 0, "One.")
			o.do(204, o.ann, "POST", "/submit", Submit{})
			hash := o.draft().Hash
			o.do(204, o.cat, "POST", "/approve", ApproveDraft{Hash: hash})
			o.do(204, o.dee, "POST", "/approve", ApproveDraft{Hash: hash})
			if err := lose(o); err != nil {
				t.Fatal(err)
			}
			if o.draft().Approval.Complete {
				t.Error("it is shown as approved")
			}
			o.do(409, o.dee, "POST", "/publish", PublishDraft{})
		})
	}
}
