package plandoc

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	udiff "github.com/aymanbagabas/go-udiff"

	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
)

// TestLibreOffice opens what Export wrote in LibreOffice: it becomes a PDF of as
// many pages as such a plan has, whose contents name the page of each chapter, and
// what LibreOffice saves of it, as .docx and by way of .odt, is imported as the
// same plan. TestExportedIsImported is its short form.
func TestLibreOffice(t *testing.T) {
	if os.Getenv("HOLDFAST_SOAK") == "" {
		t.Skip("belongs to make soak: HOLDFAST_SOAK=1")
	}
	p := builtin()
	for _, lang := range holdfast.Langs {
		t.Run(string(lang), func(t *testing.T) {
			words := locale.For(lang)
			document := Export(p, words, Record{Revision: 3, Document: "支應〔2026〕7號", InForce: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Hash: plan.Hash(plan.Builtin())})
			o := newOffice(t)
			o.write("plan.docx", document)
			o.convert("plan.docx", "pdf")
			o.printed("plan.pdf", document, 20, 60)

			pack := EmergencyPack(Pack{Plan: p, Gates: []string{"east"}, Revision: 3, Hash: plan.Hash(plan.Builtin()), Made: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}, words)
			o.write("pack.docx", pack)
			o.convert("pack.docx", "pdf")
			o.printed("pack.pdf", pack, 8, 20)

			o.convert("plan.docx", "odt")
			o.convert("plan.odt", "docx:MS Word 2007 XML")
			o.samePlan("by way of .odt", p, words, document)
			o.write("plan.docx", document)
			o.convert("plan.docx", "docx:MS Word 2007 XML")
			o.samePlan("saved anew", p, words, document)
		})
	}
}

// office is LibreOffice with a directory and a profile of its own.
type office struct {
	*testing.T
	dir string
}

func newOffice(t *testing.T) office { return office{t, t.TempDir()} }

func (o office) write(name string, d docx.Document) {
	o.Helper()
	var b bytes.Buffer
	if err := docx.Write(&b, d); err != nil {
		o.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.dir, name), b.Bytes(), 0o600); err != nil {
		o.Fatal(err)
	}
}

// convert makes another form of a file, in the place of one that is there.
func (o office) convert(name, form string) {
	o.Helper()
	o.run("soffice", "-env:UserInstallation=file://"+o.dir+"/profile", "--headless", "--convert-to", form, "--outdir", filepath.Join(o.dir, "out"), name)
	ext, _, _ := strings.Cut(form, ":")
	made := strings.TrimSuffix(name, filepath.Ext(name)) + "." + ext
	if err := os.Rename(filepath.Join(o.dir, "out", made), filepath.Join(o.dir, made)); err != nil {
		o.Fatalf("LibreOffice made no %s: %v", made, err)
	}
}

// run runs a program and returns what it printed.
func (o office) run(name string, args ...string) string {
	o.Helper()
	command := exec.Command(name, args...)
	command.Dir = o.dir
	command.Env = append(os.Environ(), "HOME="+o.dir)
	out, err := command.CombinedOutput()
	if err != nil {
		o.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

var pages = regexp.MustCompile(`(?m)^Pages: +(\d+)$`)

// printed holds that the PDF has every heading, and for each of the first two
// levels a line of the contents with its page, where it then stands.
func (o office) printed(file string, d docx.Document, least, most int) {
	o.Helper()
	m := pages.FindStringSubmatch(o.run("pdfinfo", file))
	if m == nil {
		o.Fatal("the PDF has no number of pages")
	}
	if n, err := strconv.Atoi(m[1]); err != nil || n < least || n > most {
		o.Errorf("%s has %s pages", file, m[1])
	}
	sheets := strings.Split(o.run("pdftotext", "-layout", file, "-"), "\f")
	flat := func(s string) string { return strings.Join(strings.Fields(s), "") }
	var contents []string
	for line := range strings.Lines(strings.Join(sheets[:5], "\n")) {
		contents = append(contents, flat(line))
	}
	for _, b := range d.Blocks {
		if b.Kind != docx.Heading || b.Level > 2 {
			continue
		}
		line := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(flat(b.Text)) + `\.{2,}(\d+)$`).FindStringSubmatch(strings.Join(contents, "\n"))
		if line == nil {
			o.Errorf("the contents have no line for %q", b.Text)
			continue
		}
		if page, _ := strconv.Atoi(line[1]); page < 1 || page > len(sheets) || !strings.Contains(flat(sheets[page-1]), flat(b.Text)) {
			o.Errorf("%q does not stand on page %s", b.Text, line[1])
		}
	}
	for i, sheet := range sheets[1 : len(sheets)-1] {
		if !strings.Contains(flat(sheet), flat(d.Head)) || !strings.Contains(sheet, d.Foot) {
			o.Errorf("page %d lacks its head or its foot", i+2)
		}
	}
}

// samePlan imports what LibreOffice saved.
func (o office) samePlan(how string, p *plan.Plan, words *locale.Printer, document docx.Document) {
	o.Helper()
	b, err := os.ReadFile(filepath.Join(o.dir, "plan.docx"))
	if err != nil {
		o.Fatal(err)
	}
	blocks, err := docx.Read(b)
	if err != nil {
		o.Fatal(err)
	}
	got := Import(blocks, words, p)
	if len(got.Kept) > 0 || len(got.Unread) > 0 {
		o.Errorf("%s: kept as text %q, not read %v", how, got.Kept, got.Unread)
	}
	if want, text := string(plan.Encode(p)), string(plan.Encode(got.Plan)); want != text {
		o.Errorf("%s: it changed:\n%s", how, udiff.Unified("exported", "imported", want, text))
	}
}
