package api

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/plandoc"
)

// A program reads an operator's Word document as people do in the console, and begins
// a draft with what it gave.
func TestImportPlan(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, _ := plan.Decode("", plan.Builtin())
	var file bytes.Buffer
	if err := docx.Write(&file, plandoc.Export(p, locale.For(holdfast.ZhHant), plandoc.Record{})); err != nil {
		t.Fatal(err)
	}
	w := o.call("POST", "/plan/import?lang=zh-Hant", o.ann, file.String())
	var got ImportedPlan
	if err := json.Unmarshal(w.Body.Bytes(), &got); w.Code != 200 || err != nil {
		t.Fatal(w.Code, err, w.Body)
	}
	if !slices.Contains(got.Found, plandoc.Found{Chapter: "risks", Parts: len(p.Risks)}) || len(got.Unread) != 0 || got.Kept == nil {
		t.Errorf("found %+v, unread %q", got.Found, got.Unread)
	}
	if back, _ := plan.Decode("", []byte(got.Text)); len(back.Risks) != len(p.Risks) || back.ID != "small" && back.ID != p.ID {
		t.Errorf("the text has %d risks and is of plan %s", len(back.Risks), back.ID)
	}
	for what, test := range map[string]struct {
		token, query, body string
		status             int
	}{
		"not a document": {o.ann, "", "PK", 400}, "a picture": {o.ann, "", "\x89PNG\r\n\x1a\n", 400},
		"no such language": {o.ann, "?lang=fr", file.String(), 400}, "no author": {o.rob, "", file.String(), 403},
	} {
		if w := o.call("POST", "/plan/import"+test.query, test.token, test.body); w.Code != test.status {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
}
