package archive

import (
	"archive/zip"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/attachment"
	"holdfast/internal/journal"
)

// An evidence pack is one zip file that shows to somebody without Holdfast what
// happened in one matter, such as an incident, and that the record of it is the one
// that was written. It has
//
//	README.txt     what this is, for people
//	…              copies for people: a timeline, a debrief, assembled data
//	facts.jsonl    every fact of the matter, one in a line, as the journal holds it
//	chain.txt      the leaf hash of each fact of the journal, from the first of the
//	               matter to the head: one in a line, 64 hexadecimal digits
//	files/…        the files that those facts name, under their SHA-256
//	manifest.json  a [Manifest]: the head, and the SHA-256 of all of that
//
// [VerifyPack] needs nothing else. Other matters stand in it as leaf hashes, which
// tell nothing of them. docs/formats/evidence.md has an example and what a pack does
// not show.
const packFormat = "holdfast-evidence/1"

// Names of what every pack has.
const (
	manifestName = "manifest.json"
	factsName    = "facts.jsonl"
	chainName    = "chain.txt"
	filesDir     = "files/"
)

// Manifest says what a pack holds.
type Manifest struct {
	Format  string           `json:"format"`
	Subject holdfast.Subject `json:"subject"`
	Title   string           `json:"title,omitempty"`
	Made    time.Time        `json:"made_at"`
	By      holdfast.Actor   `json:"made_by"`
	// Before is the chain before the first leaf, Head after the last.
	Before holdfast.Head `json:"before"`
	Head   holdfast.Head `json:"head"`
	Facts  int           `json:"facts"`
	Files  []PackFile    `json:"files"`
	// Missing are files that facts name and that this journal does not hold.
	Missing []PackFile `json:"missing,omitempty"`
}

// PackFile is one file of a pack.
type PackFile struct {
	Path   string        `json:"path,omitempty"`
	SHA256 holdfast.Hash `json:"sha256"`
	Size   int64         `json:"size"`
	// Name is what people called it, where it is a file that a fact names.
	Name string `json:"name,omitempty"`
}

// Pack is what a pack is made of.
type Pack struct {
	Subject holdfast.Subject
	Title   string
	Made    time.Time
	By      holdfast.Actor
	// First is the position of the matter's first fact, Head the newest head. Of
	// reports whether a fact between is of the matter.
	First holdfast.Position
	Head  holdfast.Head
	Of    func(holdfast.Fact) bool
	// Copies are what people read. Their names are the caller's.
	Copies []Copy
}

// Copy is a file that was made for people.
type Copy struct {
	Path    string
	Content []byte
}

// Source is where a pack is taken from.
type Source interface {
	Read(ctx context.Context, after holdfast.Position, limit int) ([]holdfast.Fact, error)
	Blob(ctx context.Context, h holdfast.Hash) ([]byte, error)
}

// WritePack writes a pack. Nothing was written while the first read failed; after
// another error what was written is no whole zip file.
func WritePack(ctx context.Context, w io.Writer, j Source, p Pack) error {
	before, err := headBefore(ctx, j, p)
	if err != nil {
		return fmt.Errorf("pack %s: %w", p.Subject, err)
	}
	pw := &packWriter{zip: zip.NewWriter(w), made: p.Made, named: map[holdfast.Hash]string{}, manifest: Manifest{
		Format: packFormat, Subject: p.Subject, Title: p.Title, Made: p.Made.UTC(), By: p.By, Before: before, Head: p.Head, Files: []PackFile{},
	}}
	if err := pw.all(ctx, j, p); err != nil {
		return fmt.Errorf("pack %s: %w", p.Subject, err)
	}
	return nil
}

// headBefore is the chain before the first fact of the matter.
func headBefore(ctx context.Context, j Source, p Pack) (holdfast.Head, error) {
	before := holdfast.Head{Journal: p.Head.Journal, Epoch: p.Head.Epoch, Hash: journal.Genesis(p.Head.Journal)}
	if p.First <= 1 {
		return before, nil
	}
	facts, err := j.Read(ctx, p.First-2, 1)
	if err != nil {
		return before, err
	}
	if len(facts) == 0 || facts[0].Position != p.First-1 {
		return before, holdfast.Errorf(holdfast.Damaged, "the journal has no fact at position %d", p.First-1)
	}
	before.Position, before.Hash = facts[0].Position, facts[0].Hash
	return before, nil
}

type packWriter struct {
	zip      *zip.Writer
	made     time.Time
	manifest Manifest
	// named are the files that facts name, in the order of order.
	named map[holdfast.Hash]string
	order []holdfast.Hash
}

func (w *packWriter) all(ctx context.Context, j Source, p Pack) error {
	for _, c := range p.Copies {
		if err := w.file(c.Path, "", c.Content); err != nil {
			return err
		}
	}
	var leaves []holdfast.Hash
	if err := w.stream(factsName, func(out io.Writer) (err error) { leaves, err = w.facts(ctx, j, p, out); return err }); err != nil {
		return err
	}
	if err := w.stream(chainName, func(out io.Writer) error { return writeLeaves(out, leaves) }); err != nil {
		return err
	}
	for _, h := range w.order {
		content, err := j.Blob(ctx, h)
		switch name := w.named[h]; {
		case holdfast.CodeOf(err) == holdfast.NotFound:
			w.manifest.Missing = append(w.manifest.Missing, PackFile{SHA256: h, Name: name})
		case err != nil:
			return err
		default:
			if err := w.file(filesDir+h.String()+extension(name), name, content); err != nil {
				return err
			}
		}
	}
	text, err := json.MarshalIndent(w.manifest, "", "  ")
	if err != nil {
		return err
	}
	if err := w.stream(manifestName, func(out io.Writer) error { _, err := out.Write(text); return err }); err != nil {
		return err
	}
	return w.zip.Close()
}

// facts writes those of the matter, and collects the leaves of all.
func (w *packWriter) facts(ctx context.Context, j Source, p Pack, out io.Writer) (leaves []holdfast.Hash, err error) {
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false) // a body is hashed byte for byte
	for at := w.manifest.Before; at.Position < p.Head.Position; {
		facts, err := j.Read(ctx, at.Position, readBatch)
		if err != nil {
			return nil, err
		}
		if len(facts) == 0 {
			return nil, holdfast.Errorf(holdfast.Damaged, "the journal has no fact at position %d", at.Position+1)
		}
		for _, f := range facts {
			if at.Position == p.Head.Position {
				break
			}
			if err := journal.Verify(at, f); err != nil {
				return nil, err
			}
			at.Position, at.Hash = f.Position, f.Hash
			leaves = append(leaves, journal.Leaf(f))
			if !p.Of(f) {
				continue
			}
			if err := lines.Encode(f); err != nil {
				return nil, err
			}
			w.manifest.Facts++
			w.names(f.Body)
		}
	}
	return leaves, nil
}

func writeLeaves(out io.Writer, leaves []holdfast.Hash) error {
	lines := bufio.NewWriter(out)
	for _, h := range leaves {
		fmt.Fprintln(lines, h)
	}
	return lines.Flush()
}

// names finds the files that a body names: objects with a hash and a name.
func (w *packWriter) names(body json.RawMessage) {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			text, _ := v["hash"].(string)
			name, _ := v["name"].(string)
			var h holdfast.Hash
			if name != "" && h.UnmarshalText([]byte(text)) == nil && w.named[h] == "" {
				w.named[h], w.order = name, append(w.order, h)
			}
			for _, key := range slices.Sorted(maps.Keys(v)) {
				walk(v[key])
			}
		}
	}
	walk(v)
}

func (w *packWriter) file(name, called string, content []byte) error {
	if err := w.stream(name, func(out io.Writer) error { _, err := out.Write(content); return err }); err != nil {
		return err
	}
	w.manifest.Files[len(w.manifest.Files)-1].Name = called
	return nil
}

// stream writes a file and notes it in the manifest, but for the manifest itself.
func (w *packWriter) stream(name string, write func(io.Writer) error) error {
	out, err := w.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: w.made})
	if err != nil {
		return err
	}
	sum := sha256.New()
	counted := &counter{w: io.MultiWriter(out, sum)}
	if err := write(counted); err != nil {
		return err
	}
	if name != manifestName {
		w.manifest.Files = append(w.manifest.Files, PackFile{Path: name, SHA256: holdfast.Hash(sum.Sum(nil)), Size: counted.n})
	}
	return nil
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// extension is a name's, if it has letters and digits only.
func extension(name string) string {
	ext := strings.ToLower(path.Ext(attachment.SafeName(name)))
	if len(ext) < 2 || len(ext) > 6 || strings.Trim(ext[1:], "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return ""
	}
	return ext
}
