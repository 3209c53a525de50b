package web

import (
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/attachment"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
)

const (
	// unknownType is the type of bytes that nothing more is said of.
	unknownType = "application/octet-stream"
	// maxType is the longest media type in bytes.
	maxType = 100
)

// fileTypes are the types that files are served as, by the end of the name.
// None of them can run in a browser.
var fileTypes = map[string]string{
	".txt": "text/plain; charset=utf-8", ".log": "text/plain; charset=utf-8", ".yaml": "text/plain; charset=utf-8",
	".csv": "text/csv; charset=utf-8", ".json": "application/json",
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".pdf": "application/pdf",
}

// WriteFile answers with a file to be saved, never to be shown: a browser must
// not run what somebody handed in as evidence.
func WriteFile(w http.ResponseWriter, name string, content []byte) error {
	name = attachment.SafeName(name)
	kind, ok := fileTypes[strings.ToLower(path.Ext(name))]
	if !ok || strings.HasPrefix(kind, "text/") && !utf8.Valid(content) {
		kind = unknownType
	}
	return writeAs(w, name, kind, content)
}

// WriteAttachment answers with a file of a plan, an approval or a filing, as
// WriteFile does. Its type is what the content says, whatever the text that named
// it claims.
func WriteAttachment(w http.ResponseWriter, name string, content []byte) error {
	kind, err := attachment.Type(name, content)
	switch {
	case err != nil:
		kind = unknownType
	case strings.HasPrefix(kind, "text/"):
		kind += "; charset=utf-8"
	}
	return writeAs(w, attachment.SafeName(name), kind, content)
}

func writeAs(w http.ResponseWriter, name, kind string, content []byte) error {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", inHeader(name))
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	_, err := w.Write(content)
	return err
}

// inHeader gives the name twice (RFC 6266): in ASCII, and whole for those who
// understand it.
func inHeader(name string) string {
	ascii := strings.Map(func(c rune) rune {
		if c > '~' || c == '%' {
			return '_'
		}
		return c
	}, name)
	return `attachment; filename="` + ascii + `"; filename*=UTF-8''` + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}

// KeepEvidence stores a file and returns what names it from then on. The name
// and the type are the sender's word: the name is made safe, and the type serves
// for people to read, never to show the file by.
func KeepEvidence(ctx context.Context, store journal.Blobs, name, kind string, content []byte) (incident.Evidence, error) {
	switch {
	case len(content) == 0:
		return incident.Evidence{}, holdfast.Errorf(holdfast.Invalid, "the file is empty").At("file")
	case len(content) > journal.MaxBlob:
		return incident.Evidence{}, holdfast.Errorf(holdfast.TooLarge, "a file has at most %d bytes", journal.MaxBlob).At("file")
	}
	hash, err := store.PutBlob(ctx, content)
	if err != nil {
		return incident.Evidence{}, err
	}
	return incident.Evidence{Name: attachment.SafeName(name), Type: fileType(kind), Size: len(content), Hash: hash}, nil
}

func fileType(kind string) string {
	base, _, err := mime.ParseMediaType(kind)
	if err != nil || len(base) > maxType || strings.Count(base, "/") != 1 {
		return unknownType
	}
	return base
}

// Download returns what writes a file of any size as the answer. The headers are set
// with its first bytes: before them an error is still answered as one.
func Download(w http.ResponseWriter, name, kind string) io.Writer {
	return download{w, attachment.SafeName(name), kind}
}

type download struct {
	w          http.ResponseWriter
	name, kind string
}

func (d download) Write(b []byte) (int, error) {
	h := d.w.Header()
	h.Set("Content-Type", d.kind)
	h.Set("Content-Disposition", inHeader(d.name))
	return d.w.Write(b)
}
