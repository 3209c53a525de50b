package draft

import (
	"bytes"
	"context"
	"crypto/sha256"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"holdfast"
	"holdfast/internal/attachment"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

var (
	pdf     = []byte("%PDF-1.7 the law")
	picture = []byte("\x89PNG\r\n\x1a\n a map")
)

// rests is a chapter of one material.
const rests = "materials:\n  - { id: law, title: { en: The law }, kind: regulation }\n"

func (w *world) text(t failer, id string) *plan.Plan {
	t.Helper()
	p, faults := plan.Decode("", w.draft(t, id).Text())
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return p
}

func (w *world) attach(t failer, id string, a Attaching, name string, content []byte) string {
	t.Helper()
	entry, _, err := w.Attach(context.Background(), ann, id, a, name, content)
	must(t, err)
	return entry
}

// A file that is uploaded is named by the text with all that says what it is, and
// its bytes are kept.
func TestAttach(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id := start(t, w, rests)
	before := w.hash(t, id)
	entry := w.attach(t, id, Attaching{Title: "The map"}, `C:\map.png`, picture)
	p := w.text(t, id)
	a, found := p.Attachment(entry)
	if want := holdfast.Hash(sha256.Sum256(picture)); !found || a.Name != "map.png" || a.Type != "image/png" || a.Size != len(picture) || a.Hash != want.String() || a.Title.En != "The map" {
		t.Errorf("%+v", a)
	}
	if w.hash(t, id) == before {
		t.Error("the approved hash does not cover the file")
	}
	f, _ := a.File()
	if got, err := w.Files.Blob(t.Context(), f.Hash); err != nil || !bytes.Equal(got, picture) {
		t.Errorf("%q, %v", got, err)
	}
	// Of a material, under its id and title, and the material names it.
	if entry := w.attach(t, id, Attaching{Material: "law"}, "law.pdf", pdf); entry != "law" {
		t.Errorf("the attachment is called %q", entry)
	}
	p = w.text(t, id)
	if a, _ := p.Attachment("law"); p.Materials[0].File != "law" || a.Title.En != "The law" || len(p.Attachments) != 2 {
		t.Errorf("%+v %+v", p.Materials, p.Attachments)
	}
	if d := w.draft(t, id); len(d.Saves) != 3 || len(d.SavesOf("attachments")) != 2 || len(d.SavesOf("materials")) != 1 || !d.Author(ann) {
		t.Errorf("saves %+v", d.Saves)
	}
}

// The same file again is no change; another in its place only by who says which one
// he means to replace.
func TestAttachAgain(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id := start(t, w, rests)
	w.attach(t, id, Attaching{Entry: "law", Material: "law"}, "law.pdf", pdf)
	saves := len(w.draft(t, id).Saves)
	w.attach(t, id, Attaching{Entry: "law", Material: "law"}, "again.pdf", pdf)
	w.attach(t, id, Attaching{}, "and-again.pdf", pdf)
	if n := len(w.draft(t, id).Saves); n != saves {
		t.Errorf("%d saves more for a file that is there", n-saves)
	}
	_, _, err := w.Attach(t.Context(), bob, id, Attaching{Entry: "law"}, "new.pdf", []byte("%PDF-1.7 new"))
	wantCode(t, "another file", err, holdfast.Conflict)
	if kept, err := w.Files.HasBlob(t.Context(), sha256.Sum256([]byte("%PDF-1.7 new"))); kept || err != nil {
		t.Errorf("a refused file is kept (%v)", err)
	}
	w.attach(t, id, Attaching{Entry: "law", Over: sha256.Sum256(pdf)}, "new.pdf", []byte("%PDF-1.7 new"))
	if a, _ := w.text(t, id).Attachment("law"); a.Name != "new.pdf" {
		t.Errorf("%+v", a)
	}
	// A material that has a file gets no second one by a slip.
	_, _, err = w.Attach(t.Context(), bob, id, Attaching{Material: "law"}, "other.pdf", []byte("%PDF-1.7 other"))
	wantCode(t, "another file of the material", err, holdfast.Conflict)
}

func TestAttachRefuses(t *testing.T) {
	t.Parallel()
	w, id := approvable(t)
	for name, test := range map[string]struct {
		id      string
		a       Attaching
		content string
		code    holdfast.Code
	}{
		"no such draft":    {"d9", Attaching{}, "text", holdfast.NotFound},
		"in approval":      {id, Attaching{}, "text", holdfast.Conflict},
		"no such material": {id, Attaching{Material: "lore"}, "text", holdfast.NotFound},
		"id that is none":  {id, Attaching{Entry: "The Law"}, "text", holdfast.Invalid},
		"a page":           {id, Attaching{}, "<html>", holdfast.Invalid},
		"nothing":          {id, Attaching{}, "", holdfast.Invalid},
		"too large":        {id, Attaching{}, strings.Repeat("a", attachment.MaxSize+1), holdfast.TooLarge},
		"long title":       {id, Attaching{Title: strings.Repeat("長", maxTitle+1)}, "text", holdfast.TooLarge},
	} {
		_, _, err := w.Attach(t.Context(), ann, test.id, test.a, "a.txt", []byte(test.content))
		wantCode(t, name, err, test.code)
	}
	if kept, _ := w.Files.HasBlob(t.Context(), sha256.Sum256([]byte("text"))); kept {
		t.Error("a refused file is kept")
	}
}

// Ten authors upload at once, another writes materials: each file is in the text.
func TestAttachAtOnce(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id := start(t, w, rests)
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			if _, _, err := w.Attach(context.Background(), someone("author"), id, Attaching{Entry: string(rune('a' + i))}, "a.txt", []byte{byte('a' + i)}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(w.text(t, id).Attachments); n != 10 {
		t.Errorf("%d of 10 files are in the text", n)
	}
}

// A text that names a file that is not kept is not approved; the very file mends
// it, without a change of the text.
func TestSubmitNeedsTheFiles(t *testing.T) {
	t.Parallel()
	w := memory(t)
	hash := holdfast.Hash(sha256.Sum256(pdf))
	_, err := w.plans.Publish(t.Context(), dee, small(t, "attachments:\n  - { id: law, title: { en: Law }, name: law.pdf, hash: "+hash.String()+" }\n"), "")
	must(t, err)
	id, err := w.Begin(t.Context(), ann, "", nil)
	must(t, err)
	w.put(t, ann, id, "general", general("it"))
	wantCode(t, "without the file", w.Submit(t.Context(), ann, id, ""), holdfast.Invalid)
	_, err = w.KeepAgain(t.Context(), "small", 1, "law.pdf", []byte("%PDF-1.7 another law"))
	wantCode(t, "another file", err, holdfast.Invalid)
	_, err = w.KeepAgain(t.Context(), "small", 2, "law.pdf", pdf)
	wantCode(t, "no such revision", err, holdfast.NotFound)
	text := w.hash(t, id)
	w.attach(t, id, Attaching{}, "renamed.pdf", pdf)
	if w.hash(t, id) != text {
		t.Error("the text has changed")
	}
	must(t, w.Submit(t.Context(), ann, id, ""))
	f, err := w.KeepAgain(t.Context(), "small", 1, "x.pdf", pdf)
	if must(t, err); f.Name != "law.pdf" {
		t.Errorf("%+v", f)
	}
}

// A scan stands beside a decision and changes nothing that was decided.
func TestScan(t *testing.T) {
	t.Parallel()
	w, id := approvable(t)
	keep := func(by holdfast.Actor, decision int, content string) error {
		_, err := w.Scan(t.Context(), by, id, decision, "signed.pdf", []byte(content))
		return err
	}
	wantCode(t, "before any decision", keep(ann, 1, "%PDF-1"), holdfast.Conflict)
	must(t, w.Approve(t.Context(), cat, id, w.hash(t, id)))
	wantCode(t, "on a decision to come", keep(dee, 2, "%PDF-1"), holdfast.Conflict)
	wantCode(t, "by another approver", keep(dee, 1, "%PDF-1"), holdfast.Forbidden)
	wantCode(t, "by a stranger", keep(someone("eve"), 1, "%PDF-1"), holdfast.Forbidden)
	wantCode(t, "that is a text", keep(cat, 1, "I, cat, agree"), holdfast.Invalid)
	_, err := w.Scan(t.Context(), ann, "d9", 1, "a.pdf", pdf)
	wantCode(t, "no such draft", err, holdfast.NotFound)
	place, complete, _ := w.Place(w.draft(t, id), dee)
	must(t, keep(cat, 1, "%PDF-1 by the approver"))
	must(t, keep(cat, 1, "%PDF-1 by the approver"))
	must(t, keep(ann, 1, "%PDF-1 by an author"))
	d := w.draft(t, id)
	if list := d.ScansOf(1); len(list) != 2 || !list[0].By.SameParty(ann) || !list[1].By.SameParty(cat) || list[0].File.Name != "signed.pdf" || !list[0].At.Equal(w.clock()) {
		t.Errorf("%+v", d.Scans)
	}
	if p, c, _ := w.Place(d, dee); p.Step != place.Step || c != complete || c {
		t.Error("a scan counts as a decision")
	}
	// It may come after publication, too.
	must(t, w.Approve(t.Context(), dee, id, w.hash(t, id)))
	must(t, w.publish(t, id))
	must(t, keep(dee, 2, "%PDF-1 later"))
	if list := w.draft(t, id).ScansOf(2); len(list) != 1 {
		t.Errorf("%+v", list)
	}
}

// A decision that is void takes no scan, and its scan is not that of the decision
// given in its place.
func TestScanOfAVoidDecision(t *testing.T) {
	t.Parallel()
	w, id := approvable(t)
	must(t, w.Approve(t.Context(), cat, id, w.hash(t, id)))
	_, err := w.Scan(t.Context(), cat, id, 1, "a.pdf", pdf)
	must(t, err)
	must(t, w.Return(t.Context(), ann, id, "A slip."))
	_, err = w.Scan(t.Context(), cat, id, 1, "a.pdf", []byte("%PDF-late"))
	wantCode(t, "after it was returned", err, holdfast.Conflict)
	must(t, w.Submit(t.Context(), ann, id, ""))
	must(t, w.Approve(t.Context(), cat, id, w.hash(t, id)))
	d := w.draft(t, id)
	if n := d.Decisions[0].Number; n != 2 || len(d.ScansOf(n)) != 0 {
		t.Errorf("decision %d has the scans %+v", n, d.ScansOf(n))
	}
	_, err = w.Scan(t.Context(), cat, id, 1, "a.pdf", []byte("%PDF-late"))
	wantCode(t, "on the former decision", err, holdfast.Conflict)
	must(t, w.Withdraw(t.Context(), ann, id, "No need."))
	_, err = w.Scan(t.Context(), cat, id, 2, "a.pdf", pdf)
	wantCode(t, "withdrawn", err, holdfast.Conflict)
}

func TestScansAreBounded(t *testing.T) {
	t.Parallel()
	w, id := approvable(t)
	must(t, w.Approve(t.Context(), cat, id, w.hash(t, id)))
	for i := range maxScans {
		_, err := w.Scan(t.Context(), cat, id, 1, "a.pdf", append(pdf, byte(i)))
		must(t, err)
	}
	_, err := w.Scan(t.Context(), cat, id, 1, "a.pdf", append(pdf, "more"...))
	wantCode(t, "one more", err, holdfast.TooLarge)
}

// Only what the text names now, and scans, are files of a draft.
func TestFile(t *testing.T) {
	t.Parallel()
	w, id := approvable(t)
	other, err := w.Files.PutBlob(t.Context(), []byte("evidence of an incident"))
	must(t, err)
	must(t, w.Return(t.Context(), ann, id, "One more file."))
	w.attach(t, id, Attaching{Entry: "law"}, "law.pdf", pdf)
	w.attach(t, id, Attaching{Entry: "law", Over: sha256.Sum256(pdf)}, "map.png", picture)
	must(t, w.Submit(t.Context(), ann, id, ""))
	must(t, w.Approve(t.Context(), cat, id, w.hash(t, id)))
	signed := []byte("%PDF-1.7 signed")
	_, err = w.Scan(t.Context(), cat, id, 1, "signed.pdf", signed)
	must(t, err)
	d := w.draft(t, id)
	for what, test := range map[string]struct {
		hash holdfast.Hash
		name string
	}{
		"attachment": {sha256.Sum256(picture), "map.png"}, "scan": {sha256.Sum256(signed), "signed.pdf"},
		"replaced": {sha256.Sum256(pdf), ""}, "of an incident": {other, ""}, "nothing": {holdfast.Hash{}, ""},
	} {
		if f, err := w.File(d, test.hash); (err == nil) != (test.name != "") || f.Name != test.name {
			t.Errorf("%s: %+v, %v", what, f, err)
		}
	}
}

// Whoever writes the hash of a file that is kept for something else gets no file by
// it: not by a save, not by a text that was brought in, and it is not approved. The
// file itself, handed in, is the draft's own.
func TestHashIsNoFile(t *testing.T) {
	t.Parallel()
	w := memory(t)
	secret := []byte("%PDF-1.7 evidence of an incident")
	h, err := w.Files.PutBlob(t.Context(), secret)
	must(t, err)
	id := start(t, w)
	names := "attachments:\n  - { id: law, title: { en: Law }, name: law.pdf, type: application/pdf, size: 9, hash: " + h.String() + " }\n"
	w.put(t, ann, id, "attachments", []byte(names))
	has := func(want bool) {
		t.Helper()
		d := w.draft(t, id)
		_, one := w.File(d, h)
		_, two := w.TextFile(d, h)
		if (one == nil) != want || (two == nil) != want {
			t.Errorf("given out: %v, %v; want %v", one, two, want)
		}
	}
	has(false)
	wantCode(t, "submitted", w.Submit(t.Context(), ann, id, ""), holdfast.Invalid)
	text := w.hash(t, id)
	w.attach(t, id, Attaching{}, "law.pdf", secret)
	w.attach(t, id, Attaching{}, "law.pdf", secret)
	has(true)
	if d := w.draft(t, id); w.hash(t, id) != text || d.revision != 3 {
		t.Errorf("revision %d of the draft, hash %s before %s", d.revision, w.hash(t, id), text)
	}
	must(t, w.Submit(t.Context(), ann, id, ""))
	must(t, w.Withdraw(t.Context(), ann, id, "Anew."))
	// What was handed in to one draft is not another's.
	id, err = w.Begin(t.Context(), ann, "", small(t, names))
	must(t, err)
	has(false)
	w.attach(t, id, Attaching{}, "law.pdf", secret)
	must(t, w.Submit(t.Context(), ann, id, ""))
	must(t, w.Approve(t.Context(), bob, id, w.hash(t, id)))
	must(t, w.publish(t, id))
	// What a revision names, each later draft may name.
	id, err = w.Begin(t.Context(), ann, "", nil)
	must(t, err)
	has(true)
}

// On the real engine, files and scans are there after a restart.
func TestFilesOutliveTheProcess(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "journal")
	s := engine(t, dir)
	w := newWorld(t, s)
	id := start(t, w)
	w.attach(t, id, Attaching{Entry: "law"}, "law.pdf", pdf)
	must(t, w.Submit(t.Context(), ann, id, ""))
	must(t, w.Approve(t.Context(), cat, id, w.hash(t, id)))
	_, err := w.Scan(t.Context(), ann, id, 1, "signed.png", picture)
	must(t, err)
	want := w.draft(t, id)
	must(t, s.Close())

	next := newWorld(t, reopened(t, dir))
	got := next.draft(t, id)
	if len(got.Scans) != 1 || got.Scans[0].File != want.Scans[0].File || !bytes.Equal(got.Text(), want.Text()) {
		t.Errorf("%+v", got.Scans)
	}
	if _, err := next.TextFile(got, sha256.Sum256(pdf)); err != nil {
		t.Error(err)
	}
	for _, content := range [][]byte{pdf, picture} {
		if kept, err := next.Files.Blob(t.Context(), sha256.Sum256(content)); err != nil || !bytes.Equal(kept, content) {
			t.Errorf("%q, %v", kept, err)
		}
	}
}

// The bytes cannot be kept: then nothing names them.
func TestNothingNamesWhatIsNotKept(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id := start(t, w)
	w.Files = full{w.Files}
	_, _, err := w.Attach(t.Context(), ann, id, Attaching{}, "law.pdf", pdf)
	wantCode(t, "a full disk", err, holdfast.Unavailable)
	if n := len(w.draft(t, id).Saves); n != 0 {
		t.Errorf("%d saves", n)
	}
}

// full keeps nothing.
type full struct{ journal.Blobs }

func (full) PutBlob(context.Context, []byte) (holdfast.Hash, error) {
	return holdfast.Hash{}, holdfast.Errorf(holdfast.Unavailable, "the disk is full")
}
