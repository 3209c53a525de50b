// Package attachment is a file that belongs to a plan, to an approval or to a
// filing: a regulation as PDF, a network picture, a call list, a signed scan. The
// bytes are a blob of the journal, stored by their SHA-256; what names the file
// carries its [File], so that whoever approves the name has approved the content.
//
//	{"name": "支付管理辦法.pdf", "type": "application/pdf", "size": 482133, "hash": "9f86d081…"}
//
// # What is taken
//
// What a file is its content says, never its name. Taken are PDF, pictures (PNG,
// JPEG, GIF, WebP, TIFF), documents, sheets and slides of Office (OOXML) and of
// OpenDocument, and plain text in UTF-8; of text, a name that ends in .csv tells
// that it is a table. Everything else is refused, and so is what could run or be
// shown as a page when it is opened: HTML, SVG and other markup, scripts, Office
// files with macros, and the formats of Office before 2007, which hide whether they
// have any. A PDF may hold active content; it is given out to be saved, as all
// files are.
//
// A file is given the end of name that its content has, so that none poses as
// another: a text handed in as run.bat becomes run.bat.txt.
package attachment

import (
	"context"
	"crypto/sha256"
	"path"
	"slices"
	"strings"
	"unicode"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
)

// MaxSize is the largest file in bytes: 16 MiB.
const MaxSize = journal.MaxBlob

// MaxName is the longest name of a file in characters.
const MaxName = 100

// File names a file that is kept.
type File struct {
	Name string `json:"name"`
	// Type is the media type, one of [Types].
	Type string        `json:"type"`
	Size int           `json:"size"`
	Hash holdfast.Hash `json:"hash"`
}

// Of judges a file that was handed in and gives what names it. The error says what
// is taken instead.
func Of(name string, content []byte) (File, error) {
	switch {
	case len(content) == 0:
		return File{}, holdfast.Errorf(holdfast.Invalid, "the file is empty").At("file")
	case len(content) > MaxSize:
		return File{}, holdfast.Errorf(holdfast.TooLarge, "a file has at most %d bytes", MaxSize).At("file")
	}
	kind, err := Type(name, content)
	if err != nil {
		return File{}, err
	}
	return File{Name: named(SafeName(name), kind), Type: kind, Size: len(content), Hash: sha256.Sum256(content)}, nil
}

// ScanOf is Of for a signed paper that was scanned: a PDF or a picture.
func ScanOf(name string, content []byte) (File, error) {
	f, err := Of(name, content)
	if err == nil && f.Type != PDF && !strings.HasPrefix(f.Type, "image/") {
		err = holdfast.Errorf(holdfast.Invalid, "a scan is a PDF or a picture: several pages are one PDF").At("file")
	}
	if err != nil {
		return File{}, err
	}
	return f, nil
}

// Keep stores the content of a file that [Of] has judged.
func Keep(ctx context.Context, store journal.Blobs, content []byte) error {
	_, err := store.PutBlob(ctx, content)
	return err
}

// named gives a name the end that its type has, unless it has one already.
func named(name, kind string) string {
	ends := kinds[slices.IndexFunc(kinds, func(k typed) bool { return k.name == kind })].ends
	if slices.Contains(ends, strings.ToLower(path.Ext(name))) {
		return name
	}
	if c := []rune(name); len(c)+len(ends[0]) > MaxName {
		name = strings.TrimRight(string(c[:MaxName-len(ends[0])]), " .")
	}
	return name + ends[0]
}

// SafeName keeps of a name what is safe as the name of a file anywhere, and hides
// card numbers in it.
func SafeName(name string) string {
	name = strings.ToValidUTF8(name, "")
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(c rune) rune {
		switch {
		case strings.ContainsRune(`<>:"|?*;`, c):
			return '_'
		// Format characters can turn the order of what is shown around, so that
		// "exe.gpj" reads as an image.
		case unicode.In(c, unicode.C, unicode.Zl, unicode.Zp):
			return -1
		case unicode.IsSpace(c):
			return ' '
		}
		return c
	}, name)
	// Masking writes asterisks, which no Windows file may have.
	name = strings.ReplaceAll(payment.Mask(name), "*", "x")
	name = strings.TrimLeft(name, " .")
	if c := []rune(name); len(c) > MaxName {
		end := []rune(path.Ext(name))
		if len(end) > 10 {
			end = nil
		}
		name = string(c[:MaxName-len(end)]) + string(end)
	}
	if name = strings.TrimRight(name, " ."); name == "" {
		return "file"
	}
	return name
}

// None is the error of a file that does not belong to what was asked for, whether
// it is kept or not.
func None(h holdfast.Hash) error {
	return holdfast.Errorf(holdfast.NotFound, "no file with the hash %s belongs to it", h)
}
