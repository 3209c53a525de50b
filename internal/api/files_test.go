package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/attachment"
	"holdfast/internal/view"
)

const pdf = "%PDF-1.7 the law"

func sum(content string) string {
	h := sha256.Sum256([]byte(content))
	return hex.EncodeToString(h[:])
}

// wantFile checks that an answer is a file to be saved, never to be shown.
func wantFile(t *testing.T, w *httptest.ResponseRecorder, name, kind, content string) {
	t.Helper()
	h := w.Header()
	if w.Code != 200 || w.Body.String() != content {
		t.Errorf("%s: %d %q", name, w.Code, w.Body)
	}
	if h.Get("Content-Type") != kind || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment;") || !strings.Contains(h.Get("Content-Disposition"), name) ||
		h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("%s is sent with %v", name, h)
	}
}

// A file of a draft, a scan of each approval, and both at the published revision.
func TestFilesOfAPlan(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	upload := func(status int, token, path, content string) *httptest.ResponseRecorder {
		t.Helper()
		w := o.call("POST", path, token, content)
		if w.Code != status {
			t.Fatalf("POST %s: %d %s; want %d", path, w.Code, w.Body, status)
		}
		return w
	}
	at := "/drafts/" + o.id
	upload(403, o.rob, at+"/files?entry=law&name=law.pdf", pdf)
	upload(403, o.cat, at+"/files?entry=law&name=law.pdf", pdf)
	upload(400, o.ann, at+"/files?entry=law&name=law.pdf", "<html>")
	upload(400, o.ann, at+"/files?entry=law&name=law.pdf", "")
	upload(413, o.ann, at+"/files?entry=law&name=law.pdf", strings.Repeat("a", attachment.MaxSize+1))
	upload(404, o.ann, at+"/files?material=lore&name=law.pdf", pdf)
	upload(201, o.ann, at+"/files?entry=law&name=law.pdf&title=The+law", pdf)
	wantProblem(t, "another file", o.call("POST", at+"/files?entry=law&name=law.pdf", o.ann, pdf+" of 2027"), 409, holdfast.Conflict, "over")
	upload(400, o.ann, at+"/files?entry=law&over=x&name=law.pdf", pdf+" of 2027")
	upload(201, o.ann, at+"/files?entry=law&over="+sum(pdf)+"&name=law-2027.pdf", pdf+" of 2027")

	file := "/files/" + sum(pdf+" of 2027")
	wantFile(t, o.call("GET", at+file, o.rob, ""), "law-2027.pdf", "application/pdf", pdf+" of 2027")
	wantProblem(t, "what was replaced", o.call("GET", at+"/files/"+sum(pdf), o.rob, ""), 404, holdfast.NotFound, "")
	wantProblem(t, "without a token", o.call("GET", at+file, "", ""), 401, holdfast.Unauthenticated, "")
	wantProblem(t, "no hash", o.call("GET", at+"/files/law", o.rob, ""), 400, holdfast.Invalid, "hash")
	wantProblem(t, "of no draft", o.call("GET", "/drafts/d9"+file, o.rob, ""), 404, holdfast.NotFound, "")

	// Evidence of an incident is no file of the draft, whatever its hash.
	other, err := o.store.PutBlob(t.Context(), []byte("evidence"))
	if err != nil {
		t.Fatal(err)
	}
	wantProblem(t, "evidence", o.call("GET", at+"/files/"+other.String(), o.rob, ""), 404, holdfast.NotFound, "")

	o.do(204, o.ann, "POST", "/submit", Submit{})
	scan := at + "/decisions/1/scan?name=signed.pdf"
	upload(409, o.ann, scan, "%PDF-1.7 signed")
	o.do(204, o.cat, "POST", "/approve", ApproveDraft{Hash: o.draft().Hash})
	upload(403, o.rob, scan, "%PDF-1.7 signed")
	upload(403, o.dee, scan, "%PDF-1.7 signed") // another's decision
	upload(400, o.cat, scan, "I agree")
	upload(400, o.cat, at+"/decisions/x/scan", "%PDF-1.7 signed")
	upload(201, o.cat, scan, "%PDF-1.7 signed")
	if a := o.draft().Approval; a.Complete || len(a.Given) != 1 || a.Given[0].Number != 1 || len(a.Scans) != 1 || a.Scans[0].By.ID != "cat" {
		t.Errorf("%+v", a)
	}
	o.do(204, o.dee, "POST", "/approve", ApproveDraft{Hash: o.draft().Hash})
	o.do(201, o.dee, "POST", "/publish", PublishDraft{})
	upload(201, o.ann, at+"/decisions/2/scan?name=signed2.pdf", "%PDF-1.7 signed too")

	p := get[view.Plan](t, o.node, o.rob, "/plan/revisions/2")
	i := slices.IndexFunc(p.Approvals, func(a view.PlanApproval) bool { return a.By.ID == "dee" })
	if len(p.Approvals) != 2 || p.Draft != o.id || i < 0 || p.Approvals[i].Step.Name.En != "Sign" || p.Approvals[i].Role.ID != "engineer" || len(p.Approvals[i].Scans) != 1 || p.Approvals[i].Scans[0].By.ID != "ann" {
		t.Errorf("%+v", p.Approvals)
	}
	wantFile(t, o.call("GET", "/plan/revisions/2"+file, o.rob, ""), "law-2027.pdf", "application/pdf", pdf+" of 2027")
	wantFile(t, o.call("GET", "/plan/revisions/2/files/"+sum("%PDF-1.7 signed"), o.rob, ""), "signed.pdf", "application/pdf", "%PDF-1.7 signed")
	wantProblem(t, "of the first revision", o.call("GET", "/plan/revisions/1"+file, o.rob, ""), 404, holdfast.NotFound, "")
}

// A text that came without its file is red until the very file is kept: the
// revision in force, and a draft of it, which is not submitted so.
func TestFileThatIsNotKept(t *testing.T) {
	t.Parallel()
	o := &office{node: newNode(t), t: t}
	o.ann = o.member(t, "ann", []access.Role{access.Author})
	o.rob = o.member(t, "rob", []access.Role{access.Viewer})
	src, err := os.ReadFile("../plan/testdata/small.yaml")
	if err != nil {
		t.Fatal(err)
	}
	named := "attachments:\n  - { id: law, title: { en: Law }, name: law.pdf, hash: " + sum(pdf) + " }\n"
	if _, err := o.api.Plans.Publish(t.Context(), access.Self("test").Actor, append(src, named...), ""); err != nil {
		t.Fatal(err)
	}
	o.id = created(t, o.call("POST", "/drafts", o.ann, "{}"))
	o.save(200, o.ann, 0, "Else.")
	red := func() bool {
		t.Helper()
		judged := o.call("GET", "/plan/lint", o.rob, "")
		if judged.Code != 200 {
			t.Fatalf("%d %s", judged.Code, judged.Body)
		}
		return strings.Contains(judged.Body.String(), `"rule":"L129"`)
	}
	if !red() {
		t.Error("the revision in force is not red")
	}
	wantProblem(t, "submit", o.call("POST", "/drafts/"+o.id+"/submit", o.ann, "{}"), 400, holdfast.Invalid, "attachments")
	wantProblem(t, "download", o.call("GET", "/drafts/"+o.id+"/files/"+sum(pdf), o.rob, ""), 404, holdfast.NotFound, "")
	wantProblem(t, "no such revision", o.call("POST", "/plan/revisions/9/files", o.ann, pdf), 404, holdfast.NotFound, "")
	wantProblem(t, "another file", o.call("POST", "/plan/revisions/1/files", o.ann, pdf+"!"), 400, holdfast.Invalid, "file")
	wantProblem(t, "without the right", o.call("POST", "/plan/revisions/1/files", o.rob, pdf), 403, holdfast.Forbidden, "")
	hash := o.draft().Hash
	if w := o.call("POST", "/plan/revisions/1/files?name=renamed.pdf", o.ann, pdf); w.Code != 201 || !strings.Contains(w.Body.String(), `"name":"law.pdf"`) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if red() {
		t.Error("it is still red")
	}
	if o.draft().Hash != hash {
		t.Error("the text has changed")
	}
	wantFile(t, o.call("GET", "/plan/revisions/1/files/"+sum(pdf), o.rob, ""), "law.pdf", "application/pdf", pdf)
	o.do(204, o.ann, "POST", "/submit", Submit{})
}

// Whoever may publish a plan can name, without a draft, no file that is kept for
// something else; one that a revision of the plan has may be named again.
func TestPublishNamesNoForeignFile(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	may := n.member(t, "ann", []access.Role{access.Author, access.Superior, access.Admin})
	evidence, err := n.store.PutBlob(t.Context(), []byte("evidence"))
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile("../plan/testdata/small.yaml")
	if err != nil {
		t.Fatal(err)
	}
	publish := func(hash, remark string) *httptest.ResponseRecorder {
		text := string(src) + "attachments:\n  - { id: law, title: { en: Law" + remark + " }, name: law.pdf, hash: " + hash + " }\n"
		body, err := json.Marshal(Publish{Text: text})
		if err != nil {
			t.Fatal(err)
		}
		return n.call("POST", "/plan", may, string(body))
	}
	wantProblem(t, "evidence", publish(evidence.String(), ""), 400, holdfast.Invalid, "attachments")
	wantProblem(t, "evidence in capitals", publish(strings.ToUpper(evidence.String()), ""), 400, holdfast.Invalid, "attachments")
	if w := publish(sum(pdf), ""); w.Code != 201 {
		t.Fatalf("what is not kept yet: %d %s", w.Code, w.Body)
	}
	if w := n.call("POST", "/plan/revisions/1/files", may, pdf); w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := publish(sum(pdf), " of 2027"); w.Code != 201 {
		t.Errorf("what the revision before has: %d %s", w.Code, w.Body)
	}
}

func TestScansOfFilings(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	id := created(t, o.call("POST", "/filings", o.dee, `{"kind":"plan","revision":1,"title":"t","recipient":"r","filed":"`+clock().Format(time.RFC3339Nano)+`"}`))
	at := "/filings/" + id
	wantProblem(t, "without the right", o.call("POST", at+"/scans?of=filing", o.rob, pdf), 403, holdfast.Forbidden, "")
	wantProblem(t, "of nothing", o.call("POST", at+"/scans?of=it", o.dee, pdf), 400, holdfast.Invalid, "of")
	wantProblem(t, "of no receipt", o.call("POST", at+"/scans?of=receipt", o.dee, pdf), 409, holdfast.Conflict, "")
	if w := o.call("POST", at+"/scans?of=filing&name=filed.pdf", o.dee, pdf); w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if list := get[view.Page[view.Filing]](t, o.node, o.rob, "/filings"); len(list.Items[0].Scans) != 1 || list.Items[0].Scans[0].File.Name != "filed.pdf" {
		t.Errorf("%+v", list)
	}
	wantFile(t, o.call("GET", at+"/files/"+sum(pdf), o.rob, ""), "filed.pdf", "application/pdf", pdf)
	wantProblem(t, "of another filing", o.call("GET", "/filings/f9/files/"+sum(pdf), o.rob, ""), 404, holdfast.NotFound, "")
	wantProblem(t, "of another hash", o.call("GET", at+"/files/"+sum("x"), o.rob, ""), 404, holdfast.NotFound, "")
}
