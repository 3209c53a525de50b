package attachment

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"holdfast"
)

// The types that the code names; the others stand in kinds.
const (
	PDF  = "application/pdf"
	Text = "text/plain"
	CSV  = "text/csv"
	Word = office + "wordprocessingml.document"
)

// typed is a media type and the ends of names that it goes by, the usual one
// first.
type typed struct {
	name string
	ends []string
}

const (
	office = "application/vnd.openxmlformats-officedocument."
	open   = "application/vnd.oasis.opendocument."
)

var kinds = []typed{
	{PDF, []string{".pdf"}},
	{"image/png", []string{".png"}}, {"image/jpeg", []string{".jpg", ".jpeg"}}, {"image/gif", []string{".gif"}},
	{"image/webp", []string{".webp"}}, {"image/tiff", []string{".tif", ".tiff"}},
	{Word, []string{".docx"}}, {office + "spreadsheetml.sheet", []string{".xlsx"}},
	{office + "presentationml.presentation", []string{".pptx"}},
	{open + "text", []string{".odt"}}, {open + "spreadsheet", []string{".ods"}},
	{open + "presentation", []string{".odp"}}, {open + "graphics", []string{".odg"}},
	{Text, []string{".txt", ".log", ".md", ".yaml", ".json"}}, {CSV, []string{".csv"}},
}

// Types lists the media types that are taken.
func Types() []string {
	var list []string
	for _, k := range kinds {
		list = append(list, k.name)
	}
	return list
}

// Ends lists the ends of names that files which are taken have, for a form to offer.
func Ends() []string {
	var list []string
	for _, k := range kinds {
		list = append(list, k.ends...)
	}
	return list
}

// magics are how files of a type begin.
var magics = []struct{ begins, kind string }{
	{"%PDF-", PDF}, {"\x89PNG\r\n\x1a\n", "image/png"}, {"\xff\xd8\xff", "image/jpeg"}, {"GIF87a", "image/gif"}, {"GIF89a", "image/gif"},
	{"II*\x00", "image/tiff"}, {"MM\x00*", "image/tiff"},
}

// Type returns the media type of a content, or why it is not taken. The name
// decides only whether a text is a table.
func Type(name string, content []byte) (string, error) {
	for _, m := range magics {
		if bytes.HasPrefix(content, []byte(m.begins)) {
			return m.kind, nil
		}
	}
	switch {
	case bytes.HasPrefix(content, []byte("RIFF")) && len(content) >= 12 && string(content[8:12]) == "WEBP":
		return "image/webp", nil
	case bytes.HasPrefix(content, []byte("PK\x03\x04")):
		return packed(content)
	case bytes.HasPrefix(content, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
		return "", errOldOffice
	}
	if err := plainText(content); err != nil {
		return "", err
	}
	if strings.EqualFold(path.Ext(name), ".csv") {
		return CSV, nil
	}
	return Text, nil
}

// What is not taken, and what to do.
var (
	errNotTaken  = holdfast.Errorf(holdfast.Invalid, "files of this kind are not taken: attach a PDF, a picture, a document of Office or OpenDocument, a text or a .csv").At("file")
	errMacros    = holdfast.Errorf(holdfast.Invalid, "the document has macros, which could run when it is opened: save it without them and attach it again").At("file")
	errOldOffice = holdfast.Errorf(holdfast.Invalid, "this is a file of Office before 2007, which cannot be checked for macros: save it as .docx, .xlsx or .pptx, or as PDF").At("file")
	errEncoding  = holdfast.Errorf(holdfast.Invalid, "the text is not in UTF-8: save it so and attach it again").At("file")
	errRuns      = holdfast.Errorf(holdfast.Invalid, "pages, drawings and scripts are not taken, for they could run: attach a PDF or a picture of them").At("file")
)

// The most that a packed document may have.
const (
	maxEntries = 10_000
	maxIndex   = 1 << 20 // bytes of the part that says what the document is
)

// packed tells a document of Office or OpenDocument by the part that says what it
// is. Nothing else is unpacked.
func packed(content []byte) (string, error) {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil || len(archive.File) == 0 || len(archive.File) > maxEntries {
		return "", errNotTaken
	}
	for _, f := range archive.File {
		if runs(f.Name) {
			return "", errMacros
		}
	}
	if first := archive.File[0]; first.Name == "mimetype" {
		kind := string(unpack(first, 100))
		if strings.HasPrefix(kind, open) && taken(kind) {
			return kind, nil
		}
		return "", errNotTaken
	}
	for _, f := range archive.File {
		if f.Name != "[Content_Types].xml" {
			continue
		}
		return indexed(unpack(f, maxIndex))
	}
	return "", errNotTaken
}

// indexed tells an Office document by the types that its index gives to its parts.
// A program may stand under any name; its type says what it is.
func indexed(index []byte) (kind string, err error) {
	for parts := xml.NewDecoder(bytes.NewReader(index)); ; {
		token, err := parts.Token()
		if errors.Is(err, io.EOF) && kind != "" {
			return kind, nil
		}
		if err != nil {
			return "", errNotTaken
		}
		part, _ := token.(xml.StartElement)
		for _, a := range part.Attr {
			if a.Name.Local != "ContentType" {
				continue
			}
			of := strings.ToLower(a.Value)
			if strings.Contains(of, "macroenabled") || strings.Contains(of, "vbaproject") {
				return "", errMacros
			}
			if name, main := strings.CutSuffix(of, ".main+xml"); main && strings.HasPrefix(name, office) && taken(name) {
				kind = name
			}
		}
	}
}

// runs reports whether an entry of a packed document holds a program.
func runs(entry string) bool {
	entry = strings.ToLower(strings.ReplaceAll(entry, `\`, "/"))
	return path.Base(entry) == "vbaproject.bin" || strings.HasPrefix(entry, "basic/") || strings.HasPrefix(entry, "scripts/")
}

// unpack returns a part that is not larger than a limit, or nothing.
func unpack(f *zip.File, limit int64) []byte {
	r, err := f.Open()
	if err != nil {
		return nil
	}
	defer func() { _ = r.Close() }() // it was only read
	part, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil || int64(len(part)) > limit {
		return nil
	}
	return part
}

func taken(kind string) bool {
	return slices.ContainsFunc(kinds, func(k typed) bool { return k.name == kind })
}

// markup are words by which a browser, or another program, would take a text for
// something that runs.
var markup = [...]string{"<script", "<svg", "<html", "<!doctype", "<iframe", "<object", "<embed", "<body", "<?xml", "<?php"}

// plainText refuses what is no text, and a text that could run.
func plainText(content []byte) error {
	text := bytes.TrimPrefix(content, []byte("\ufeff"))
	if !utf8.Valid(text) {
		if legible(text) {
			return errEncoding
		}
		return errNotTaken
	}
	if bytes.ContainsFunc(text, control) {
		return errNotTaken
	}
	begin := bytes.TrimLeftFunc(text, unicode.IsSpace)
	if bytes.HasPrefix(begin, []byte("#!")) || len(begin) > 1 && begin[0] == '<' && (begin[1] == '!' || begin[1] == '?' || begin[1] == '/' || letter(begin[1])) {
		return errRuns
	}
	low := bytes.ToLower(text)
	for _, m := range markup {
		if bytes.Contains(low, []byte(m)) {
			return errRuns
		}
	}
	return nil
}

// control reports characters that no text has.
func control(c rune) bool { return c < ' ' && !strings.ContainsRune("\t\n\r\f", c) || c == 0x7f }

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// legible reports whether bytes may be text in an older encoding, such as Big5 or
// GB18030, which have no control characters either.
func legible(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return control(rune(c)) })
}
