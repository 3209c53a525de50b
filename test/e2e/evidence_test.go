package e2e_test

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/archive"
	"holdfast/internal/client"
)

// evidencePack takes the pack that the incident's page offers. It is verified by
// itself against a head that was held before, and tells in each language what was done.
func (w *world) evidencePack(b *browser, incident string, held holdfast.Head) {
	w.t.Helper()
	b.open(incident)
	b.waitFor("#evidence-pack")
	b.shoot("13-evidence-pack")
	b.evaluate(`(fetch(document.querySelector("#evidence-pack").href).then((r) => { window.pack = r.status + " " + r.headers.get("Content-Type") }), "")`)
	b.waitUntil("the pack has come", "window.pack !== undefined")
	if got := b.evaluate("window.pack"); got != "200 application/zip" {
		w.t.Errorf("the pack is answered with %s", got)
	}

	var pack bytes.Buffer
	if err := w.api().Copy(context.Background(), incident+"/evidence", &pack); err != nil {
		w.t.Fatal(err)
	}
	report, err := archive.VerifyPack(bytes.NewReader(pack.Bytes()), int64(pack.Len()), held)
	if err != nil || report.Verdict != archive.Valid || !report.Compared {
		w.t.Errorf("%v: the pack is %s, compared %v: %v %v", err, report.Verdict, report.Compared, report.Problems, report.Unchecked)
	}
	files := unzip(w.t, pack.Bytes())
	for _, lang := range holdfast.Langs {
		said := files[string(lang)+"/record.txt"]
		for _, want := range []string{"備註 note with a file", "evidence.txt", "gate-1", "gate-2"} {
			if !strings.Contains(said, want) {
				w.t.Errorf("%s/record.txt does not tell of %s:\n%s", lang, want, said)
			}
		}
		if files[string(lang)+"/debrief.docx"] == "" {
			w.t.Errorf("there is no debrief in %s", lang)
		}
	}
	if files["data/plan.yaml"] == "" {
		w.t.Error("there is no plan")
	}
}

// head is the journal's newest.
func (w *world) head() holdfast.Head {
	w.t.Helper()
	s, err := client.Get[api.Status](context.Background(), w.api(), "/status")
	if err != nil {
		w.t.Fatal(err)
	}
	return s.Head
}

func unzip(t *testing.T, pack []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(pack), int64(len(pack)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(content)
	}
	return files
}
