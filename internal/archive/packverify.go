package archive

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"holdfast"
	"holdfast/internal/journal"
)

// PackReport is what a verification of an evidence pack found.
type PackReport struct {
	Verdict Verdict `json:"verdict"`
	Manifest
	// Fingerprint is the SHA-256 of the manifest: who has it recognises the pack.
	Fingerprint holdfast.Hash `json:"fingerprint"`
	Problems    []Problem     `json:"problems"`
	Unchecked   []string      `json:"unchecked"`
	// Late counts subjects whose first facts were before the pack's.
	Late int `json:"begun_before,omitempty"`
	// Compared says that the chain passes through the head that was given.
	Compared bool `json:"compared,omitempty"`
}

// Bounds of a pack that is read.
const (
	maxManifest    = 64 << 20
	maxPackEntries = 200_000
	maxFactLine    = 4 << 20
)

// VerifyPack checks an evidence pack by itself: each file against the manifest, each
// fact against the chain, and the chain from its begin to the head. witness, if it
// names a position, is a head that somebody else holds: the chain has to pass through
// it.
//
// It shows that no fact in the pack was changed, added or taken out of the middle of
// its subject after the head was made. Who makes a whole chain anew is found out by a
// head held elsewhere only.
func VerifyPack(r io.ReaderAt, size int64, witness holdfast.Head) (PackReport, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return PackReport{}, holdfast.Errorf(holdfast.Invalid, "this is no evidence pack: it is no whole zip file")
	}
	v := &packVerifier{entries: map[string]*zip.File{}, revisions: map[holdfast.Subject]holdfast.Revision{}}
	if len(z.File) > maxPackEntries {
		return PackReport{}, holdfast.Errorf(holdfast.Invalid, "this is no evidence pack: it has more than %d files", maxPackEntries)
	}
	for _, f := range z.File {
		if v.entries[f.Name] != nil {
			v.problem(f.Name, "there are two of it")
		}
		v.entries[f.Name] = f
	}
	if err := v.manifest(); err != nil {
		return PackReport{}, err
	}
	v.files()
	v.chain(witness)
	v.report.judge()
	return v.report, nil
}

func (r *PackReport) judge() {
	whole := Report{Problems: r.Problems, Unchecked: r.Unchecked}
	whole.judge()
	r.Verdict, r.Problems, r.Unchecked = whole.Verdict, whole.Problems, whole.Unchecked
}

type packVerifier struct {
	report    PackReport
	entries   map[string]*zip.File
	revisions map[holdfast.Subject]holdfast.Revision
}

func (v *packVerifier) problem(where, format string, args ...any) {
	if len(v.report.Problems) < maxProblems {
		v.report.Problems = append(v.report.Problems, Problem{Where: where, What: fmt.Sprintf(format, args...)})
	}
}

func (v *packVerifier) at(p holdfast.Position, format string, args ...any) {
	if len(v.report.Problems) < maxProblems {
		v.report.Problems = append(v.report.Problems, Problem{Position: p, Where: fmt.Sprintf("position %d", p), What: fmt.Sprintf(format, args...)})
	}
}

func (v *packVerifier) manifest() error {
	text, err := v.read(manifestName, maxManifest)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &v.report.Manifest); err != nil || v.report.Format != packFormat {
		return holdfast.Errorf(holdfast.Invalid, "this is no evidence pack of the format %s", packFormat)
	}
	v.report.Fingerprint = sha256.Sum256(text)
	return nil
}

func (v *packVerifier) read(name string, most int64) ([]byte, error) {
	f := v.entries[name]
	if f == nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "this is no evidence pack: it has no %s", name)
	}
	in, err := f.Open()
	if err != nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "this is no evidence pack: %s cannot be read", name)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil || int64(len(text)) > most {
		return nil, holdfast.Errorf(holdfast.Invalid, "this is no evidence pack: %s cannot be read", name)
	}
	return text, nil
}

// files compares each with its hash. What the manifest does not list is a problem too.
func (v *packVerifier) files() {
	listed := map[string]bool{manifestName: true}
	for _, f := range v.report.Files {
		if listed[f.Path] {
			v.problem(f.Path, "the manifest lists it twice")
		}
		listed[f.Path] = true
		entry := v.entries[f.Path]
		if entry == nil {
			v.problem(f.Path, "it is missing")
			continue
		}
		if got, err := sum(entry, f.Size); err != nil || got != f.SHA256 {
			v.problem(f.Path, "it is not the file that was packed")
		}
		if hash, ok := strings.CutPrefix(f.Path, filesDir); ok && !strings.HasPrefix(hash, f.SHA256.String()) {
			v.problem(f.Path, "it is under another hash than its own")
		}
	}
	for name := range v.entries {
		if !listed[name] {
			v.problem(name, "the manifest does not list it")
		}
	}
	for _, f := range v.report.Missing {
		v.report.Unchecked = append(v.report.Unchecked, fmt.Sprintf("%s (%s) was named by a fact and is not in the pack", f.Name, f.SHA256))
	}
}

// sum hashes as much of a file as it should have and one byte more.
func sum(entry *zip.File, size int64) (h holdfast.Hash, err error) {
	in, err := entry.Open()
	if err != nil {
		return h, err
	}
	defer in.Close()
	s := sha256.New()
	_, err = io.Copy(s, io.LimitReader(in, max(size, 0)+1))
	return holdfast.Hash(s.Sum(nil)), err
}

// chain walks the leaves with the facts beside them.
func (v *packVerifier) chain(witness holdfast.Head) {
	leaves, closeLeaves := v.lines(chainName, 128)
	defer closeLeaves()
	facts, closeFacts := v.lines(factsName, maxFactLine)
	defer closeFacts()
	if leaves == nil || facts == nil {
		return
	}
	at := v.report.Before
	if at.Position == 0 && at.Hash != journal.Genesis(at.Journal) {
		v.problem(manifestName, "the chain does not begin at the journal's begin")
	}
	passed := v.passes(at, witness)
	next, count := v.fact(facts), 0
	for leaves.Scan() {
		var leaf holdfast.Hash
		if err := leaf.UnmarshalText(leaves.Bytes()); err != nil {
			v.problem(chainName, "line %d is no hash", at.Position-v.report.Before.Position+1)
			return
		}
		at.Position++
		at.Hash = journal.Link(at.Hash, at.Position, leaf)
		for next != nil && next.Position <= at.Position {
			v.compare(*next, at, leaf)
			next, count = v.fact(facts), count+1
		}
		passed = v.passes(at, witness) || passed
	}
	if next != nil {
		v.at(next.Position, "the fact is not within the chain")
	}
	if count != v.report.Facts {
		v.problem(factsName, "there are %d facts, and the manifest says %d", count, v.report.Facts)
	}
	if at.Position != v.report.Head.Position || at.Hash != v.report.Head.Hash || at.Journal != v.report.Head.Journal {
		v.problem(chainName, "the chain does not lead to the manifest's head: it ends at position %d", at.Position)
	}
	v.witnessed(witness, passed)
}

func (v *packVerifier) passes(at, witness holdfast.Head) bool {
	return witness.Position > 0 && at.Position == witness.Position && at.Hash == witness.Hash
}

func (v *packVerifier) witnessed(witness holdfast.Head, passed bool) {
	switch {
	case witness.Position == 0:
	case witness.Position < v.report.Before.Position || witness.Position > v.report.Head.Position:
		v.report.Unchecked = append(v.report.Unchecked, fmt.Sprintf("the head you hold is at position %d, and the pack's chain goes from %d to %d", witness.Position, v.report.Before.Position, v.report.Head.Position))
	case !passed:
		v.at(witness.Position, "the chain's hash is not the one that you hold: these are two histories")
	default:
		v.report.Compared = true
	}
}

// compare checks a fact against its place in the chain and its subject's others.
func (v *packVerifier) compare(f holdfast.Fact, at holdfast.Head, leaf holdfast.Hash) {
	switch {
	case f.Position != at.Position:
		v.at(f.Position, "the fact stands in the wrong order")
	case sha256.Sum256(f.Body) != f.BodyHash:
		v.at(f.Position, "the body is not the one that was written")
	case journal.Leaf(f) != leaf || f.Hash != at.Hash:
		v.at(f.Position, "the envelope is not the one in the chain")
	}
	before, seen := v.revisions[f.Subject]
	switch {
	case !seen && f.Revision > 1 && f.Subject == v.report.Subject:
		v.at(f.Position, "%s begins with revision %d: the facts before it are missing", f.Subject, f.Revision)
	case !seen && f.Revision > 1:
		v.report.Late++
	case seen && f.Revision != before+1:
		v.at(f.Position, "%s has revision %d after %d: the facts between are missing", f.Subject, f.Revision, before)
	}
	v.revisions[f.Subject] = f.Revision
}

// lines opens a file of lines; nil, with the problem told, if it cannot be read.
func (v *packVerifier) lines(name string, longest int) (*bufio.Scanner, func()) {
	f := v.entries[name]
	if f == nil {
		v.problem(name, "it is missing")
		return nil, func() {}
	}
	in, err := f.Open()
	if err != nil {
		v.problem(name, "it cannot be read")
		return nil, func() {}
	}
	s := bufio.NewScanner(in)
	s.Buffer(nil, longest)
	return s, func() { in.Close() }
}

// fact reads the next; nil after the last, and after one that cannot be read.
func (v *packVerifier) fact(lines *bufio.Scanner) *holdfast.Fact {
	if !lines.Scan() {
		if err := lines.Err(); err != nil {
			v.problem(factsName, "it cannot be read to its end")
		}
		return nil
	}
	var f holdfast.Fact
	if err := json.Unmarshal(bytes.TrimSpace(lines.Bytes()), &f); err != nil {
		v.problem(factsName, "a line is no fact")
		return nil
	}
	return &f
}

// WriteText writes the report for people to read.
func (r PackReport) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", r.Verdict)
	fmt.Fprintf(&b, "pack       of %s %s\n", r.Subject, r.Title)
	fmt.Fprintf(&b, "made       %s by %s\n", r.Made.UTC().Format("2006-01-02 15:04:05 UTC"), r.By)
	fmt.Fprintf(&b, "journal    %s, epoch %d\n", r.Head.Journal, r.Head.Epoch)
	fmt.Fprintf(&b, "facts      %d, in a chain of positions %d to %d\n", r.Manifest.Facts, r.Before.Position+1, r.Head.Position)
	fmt.Fprintf(&b, "head       position %d\n", r.Head.Position)
	fmt.Fprintf(&b, "           hash %s\n", r.Head.Hash)
	fmt.Fprintf(&b, "files      %d\n", len(r.Files))
	fmt.Fprintf(&b, "manifest   SHA-256 %s\n", r.Fingerprint)
	if r.Late > 0 {
		fmt.Fprintf(&b, "note       things that were there before this matter began: %d\n", r.Late)
	}
	section(&b, "Problems", len(r.Problems), func(i int) string { return r.Problems[i].String() })
	section(&b, "Not checked", len(r.Unchecked), func(i int) string { return r.Unchecked[i] })
	if r.Verdict == Valid && r.Compared {
		b.WriteString("\nThe facts are those of the history whose head you hold.\n")
	} else if r.Verdict == Valid {
		b.WriteString("\nNothing in the pack was changed. That the whole chain is the one that was written shows only in a head held elsewhere: compare one with --head POSITION:HASH.\n")
	}
	// A pack comes from elsewhere: what it says must not command a terminal.
	_, err := io.WriteString(w, strings.Map(func(c rune) rune {
		if c != '\n' && unicode.IsControl(c) {
			return unicode.ReplacementChar
		}
		return c
	}, b.String()))
	return err
}
