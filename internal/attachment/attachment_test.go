package attachment

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/journal"
)

// entry is one part of a packed document.
type entry struct{ name, content string }

// zipped packs parts in their order; mimetype is stored, as OpenDocument has it.
func zipped(t *testing.T, parts ...entry) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range parts {
		method := zip.Deflate
		if p.name == "mimetype" {
			method = zip.Store
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: p.name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(p.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// index is the part by which an Office document says what it is.
func index(kind string) entry {
	return entry{"[Content_Types].xml", `<Types><Override PartName="/word/document.xml" ContentType="` + kind + `"/></Types>`}
}

const word = office + "wordprocessingml.document"

// What a file is, its content says; its name changes nothing but whether a text is
// a table.
func TestType(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ file, content, kind string }{
		"PDF":                    {"a.pdf", "%PDF-1.7\n%\xe2\xe3", PDF},
		"PDF by another name":    {"a.exe", "%PDF-1.7", PDF},
		"PNG":                    {"a.png", "\x89PNG\r\n\x1a\n\x00\x00", "image/png"},
		"JPEG":                   {"a.html", "\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"},
		"GIF":                    {"a", "GIF89a\x01\x00", "image/gif"},
		"WebP":                   {"a.webp", "RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"},
		"TIFF, little endian":    {"a.tif", "II*\x00\x08", "image/tiff"},
		"TIFF, big endian":       {"a.tif", "MM\x00*\x00", "image/tiff"},
		"Word":                   {"a.docx", zipped(t, index(word+".main+xml"), entry{"word/document.xml", "<w/>"}), word},
		"Excel":                  {"a.docx", zipped(t, entry{"xl/workbook.xml", "<x/>"}, index(office+"spreadsheetml.sheet.main+xml")), office + "spreadsheetml.sheet"},
		"PowerPoint":             {"a.zip", zipped(t, index(office+"presentationml.presentation.main+xml")), office + "presentationml.presentation"},
		"OpenDocument text":      {"a.odt", zipped(t, entry{"mimetype", open + "text"}, entry{"content.xml", "<o/>"}), open + "text"},
		"OpenDocument sheet":     {"a.ods", zipped(t, entry{"mimetype", open + "spreadsheet"}), open + "spreadsheet"},
		"text":                   {"a.txt", "應急電話 02-1234\r\n\t一二三", Text},
		"text with a BOM":        {"a.txt", "\ufeff甲", Text},
		"text of comparisons":    {"a.txt", "a <b and 1 < 2; x<- y", Text},
		"text in brackets":       {"a.txt", "<甲> said", Text},
		"table":                  {"a.CSV", "name,phone\n甲,1", CSV},
		"table by a text":        {"a.csv.txt", "name,phone", Text},
		"HTML":                   {"a.txt", "<!DOCTYPE html><title>x", ""},
		"HTML after space":       {"a.txt", "\ufeff \n <p>x", ""},
		"HTML in the middle":     {"a.csv", "name,<ScRiPt>alert(1)</script>", ""},
		"SVG":                    {"a.png", `<svg onload="alert(1)">`, ""},
		"SVG with a head":        {"a.svg", `<?xml version="1.0"?><svg/>`, ""},
		"XML":                    {"a.xml", "<plan/>", ""},
		"script of a shell":      {"a.txt", "#!/bin/sh\nrm -rf /", ""},
		"PHP":                    {"a.txt", "x <?php system($_GET[0]) ?>", ""},
		"program":                {"a.pdf", "MZ\x90\x00\x03\x00", ""},
		"ELF":                    {"a.txt", "\x7fELF\x02", ""},
		"PDF later on":           {"a.pdf", "\x00%PDF-1.7", ""},
		"Word with macros":       {"a.docx", zipped(t, index(word+".main+xml"), entry{"word/vbaProject.bin", "x"}), ""},
		"macros in a folder":     {"a.docx", zipped(t, index(word+".main+xml"), entry{`word\VBAPROJECT.BIN`, "x"}), ""},
		"Word made for macros":   {"a.docx", zipped(t, index("application/vnd.ms-word.document.macroEnabled.main+xml")), ""},
		"macros by another name": {"a.docx", zipped(t, entry{"[Content_Types].xml", `<Types><Default Extension="bin" ContentType="application/vnd.ms-office.vbaProject"/><Override ContentType="` + word + `.main+xml"/></Types>`}, entry{"word/x.bin", "x"}), ""},
		"macros in disguise":     {"a.docx", zipped(t, entry{"[Content_Types].xml", `<Types><!--"` + word + `.main+xml"--><Override ContentType="application/vnd.ms-word.document.macro&#69;nabled.main+xml"/></Types>`}), ""},
		"Word in a remark":       {"a.docx", zipped(t, entry{"[Content_Types].xml", `<Types><!--"` + word + `.main+xml"--></Types>`}), ""},
		"OpenDocument program":   {"a.odt", zipped(t, entry{"mimetype", open + "text"}, entry{"Basic/Standard/m.xml", "x"}), ""},
		"OpenDocument of rumour": {"a.odt", zipped(t, entry{"mimetype", open + "text-master"}), ""},
		"EPUB":                   {"a.odt", zipped(t, entry{"mimetype", "application/epub+zip"}), ""},
		"any archive":            {"a.docx", zipped(t, entry{"a.txt", "x"}), ""},
		"broken archive":         {"a.docx", "PK\x03\x04 and nothing else", ""},
		"index of a gigabyte":    {"a.docx", zipped(t, entry{"[Content_Types].xml", strings.Repeat(" ", maxIndex) + `"` + word + `.main+xml"`}), ""},
		"old Word":               {"a.doc", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ""},
		"Big5":                   {"a.txt", "\xa4\xa4\xa4\xe5", ""},
		"text with a NUL":        {"a.txt", "a\x00b", ""},
		"escape sequences":       {"a.txt", "\x1b]0;x\x07", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind, err := Type(test.file, []byte(test.content))
			if kind != test.kind || test.kind == "" && holdfast.CodeOf(err) != holdfast.Invalid || test.kind != "" && err != nil {
				t.Errorf("%q, %v, want %q", kind, err, test.kind)
			}
		})
	}
}

// A refusal says what to do instead.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "save it as .docx", "\xa4\xa4\xa4\xe5": "UTF-8", "<html>": "PDF or a picture", "MZ\x00": "attach a PDF",
		zipped(t, entry{"word/vbaProject.bin", ""}): "without them",
	} {
		if _, err := Of("a", []byte(content)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.8q: %v, want advice on %q", content, err, want)
		}
	}
}

func TestOf(t *testing.T) {
	t.Parallel()
	pdf := []byte("%PDF-1.7")
	f, err := Of("C:\\法規\\管理辦法.pdf", pdf)
	if want := (File{"管理辦法.pdf", PDF, len(pdf), sha256.Sum256(pdf)}); err != nil || f != want {
		t.Errorf("%+v, %v", f, err)
	}
	for size, code := range map[int]holdfast.Code{0: holdfast.Invalid, 1: "", MaxSize: "", MaxSize + 1: holdfast.TooLarge} {
		if _, err := Of("a.txt", bytes.Repeat([]byte("a"), size)); holdfast.CodeOf(err) != code {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	// None poses as something else.
	for name, want := range map[string]string{
		"run.bat": "run.bat.txt", "page.html": "page.html.txt", "log.LOG": "log.LOG", "": "file.txt", "noend": "noend.txt", "a.csv": "a.csv",
		strings.Repeat("長", 200) + ".exe": strings.Repeat("長", 96) + ".txt", "invoice.pdf": "invoice.pdf.txt",
	} {
		if f, err := Of(name, []byte("text")); err != nil || f.Name != want {
			t.Errorf("%q became %q, want %q (%v)", name, f.Name, want, err)
		}
	}
}

func TestScanOf(t *testing.T) {
	t.Parallel()
	for content, code := range map[string]holdfast.Code{"%PDF-1.4": "", "\xff\xd8\xff": "", "I sign": holdfast.Invalid, "<svg>": holdfast.Invalid, "": holdfast.Invalid} {
		if f, err := ScanOf("a", []byte(content)); holdfast.CodeOf(err) != code || (err != nil) != (f == File{}) {
			t.Errorf("%q: %+v, %v", content, f, err)
		}
	}
}

// Whatever a name is, what is kept has one that is safe anywhere, of bounded
// length, and with an end that its type has.
func TestNamesAreSafe(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z./\\ <>:"|?*;%\x00-\x20]{0,150}\.[a-z]{0,12}`)).Draw(t, "name")
		content := rapid.SampledFrom([]string{"%PDF-", "GIF89a", "text"}).Draw(t, "content")
		f, err := Of(name, []byte(content))
		if err != nil {
			t.Fatal(err)
		}
		if n := utf8.RuneCountInString(f.Name); n == 0 || n > MaxName || strings.ContainsAny(f.Name, "/\\<>:\"|?*;\x00\r\n") || strings.HasPrefix(f.Name, ".") {
			t.Fatalf("%q became %q", name, f.Name)
		}
		if again, err := Of(f.Name, []byte(content)); err != nil || again != f {
			t.Fatalf("%q is not kept as it is: %q (%v)", f.Name, again.Name, err)
		}
	})
}

func TestKeep(t *testing.T) {
	t.Parallel()
	store, content := journal.NewMemory("test"), []byte("%PDF-1.7")
	f, err := Of("a.pdf", content)
	if err != nil {
		t.Fatal(err)
	}
	if err := Keep(t.Context(), store, content); err != nil {
		t.Fatal(err)
	}
	if got, err := store.Blob(t.Context(), f.Hash); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestTypesAreOnce(t *testing.T) {
	t.Parallel()
	list := Types()
	if slices.Sort(list); len(slices.Compact(slices.Clone(list))) != len(list) || slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, "html") || strings.Contains(s, "svg") }) {
		t.Errorf("%v", list)
	}
}

// Whatever is handed in, it is refused or has a type that is taken; nothing that
// begins like a page is given one.
func FuzzType(f *testing.F) {
	for _, seed := range []string{"%PDF-", "PK\x03\x04", "<svg", "a,b", "\ufeff<!doctype", "RIFF....WEBP"} {
		f.Add("a.csv", []byte(seed))
	}
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		kind, err := Type(name, content)
		if (err == nil) != taken(kind) {
			t.Fatalf("%q, %v", kind, err)
		}
		if low := bytes.ToLower(content); strings.HasPrefix(kind, "text/") && (bytes.Contains(low, []byte("<script")) || bytes.Contains(low, []byte("<svg"))) {
			t.Fatalf("%q is taken for text", content)
		}
	})
}
