package archive

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/journal"
)

// shelf is a tape with blobs.
type shelf struct {
	*tape
	blobs map[holdfast.Hash][]byte
}

func (s shelf) Blob(_ context.Context, h holdfast.Hash) ([]byte, error) {
	if b, ok := s.blobs[h]; ok {
		return b, nil
	}
	return nil, journal.NoBlob(h)
}

// matter is a journal with the facts of two things, and what a pack of one needs.
func matter(t testing.TB) (shelf, Pack) {
	t.Helper()
	m := journal.NewMemory("matter")
	log := []byte("what the log said")
	kept := holdfast.Hash(sha256.Sum256(log))
	gone := holdfast.Hash{1}
	append := func(subject holdfast.Subject, expect holdfast.Revision, body any) {
		if _, err := m.Append(t.Context(), journal.Append{
			ID: fmt.Sprint(subject, expect), Actor: holdfast.Self("test"), Time: time.Unix(5, 0), Facts: []journal.Draft{journal.NewDraft(subject, expect, "thing.changed", body)},
		}); err != nil {
			t.Fatal(err)
		}
	}
	append("thing/other", 0, "before")
	append("thing/mine", 0, map[string]string{"text": "<begins> & goes on 開始"})
	append("thing/other", 1, "secret of another")
	append("thing/mine", 1, map[string]any{"evidence": []any{map[string]any{"name": "log.TXT", "hash": kept, "size": len(log)}, map[string]any{"name": "lost.pdf", "hash": gone}}})
	append("thing/mine", 2, "ends")
	append("thing/other", 2, "after")
	facts, err := m.Read(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return shelf{&tape{genesis: m.Genesis(), head: m.Head(), facts: facts}, map[holdfast.Hash][]byte{kept: log}}, Pack{
		Subject: "thing/mine", Title: "轉帳中斷", Made: time.Unix(9, 0), By: holdfast.Self("test"), First: 2, Head: m.Head(),
		Of:     func(f holdfast.Fact) bool { return f.Subject == "thing/mine" },
		Copies: []Copy{{"README.txt", []byte("read me")}},
	}
}

func packed(t testing.TB, j Source, p Pack) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WritePack(t.Context(), &b, j, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verified(t testing.TB, pack []byte, witness holdfast.Head) PackReport {
	t.Helper()
	r, err := VerifyPack(bytes.NewReader(pack), int64(len(pack)), witness)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPack(t *testing.T) {
	t.Parallel()
	j, p := matter(t)
	pack := packed(t, j, p)
	r := verified(t, pack, holdfast.Head{})
	// A file that the journal lost is told, and nothing is wrong.
	if r.Verdict != Incomplete || len(r.Problems) != 0 || len(r.Missing) != 1 || r.Missing[0].Name != "lost.pdf" {
		t.Errorf("%s: problems %v, missing %v", r.Verdict, r.Problems, r.Missing)
	}
	if r.Manifest.Facts != 3 || r.Before.Position != 1 || r.Head != p.Head || r.Compared {
		t.Errorf("%d facts after %s to %s, compared %v", r.Manifest.Facts, r.Before, r.Head, r.Compared)
	}
	files := unzip(t, pack)
	if kept := "files/" + sha("what the log said") + ".txt"; files[kept] != "what the log said" {
		t.Errorf("%s says %q", kept, files[kept])
	}
	for name, content := range files {
		if strings.Contains(content, "secret of another") || strings.Contains(content, "thing/other") {
			t.Errorf("%s tells of another matter", name)
		}
	}
}

// Heads held elsewhere tell a chain that somebody made anew from the one that was
// written.
func TestPackAgainstAHead(t *testing.T) {
	t.Parallel()
	j, p := matter(t)
	held := holdfast.Head{Position: 3, Hash: j.facts[2].Hash}
	if r := verified(t, packed(t, j, p), held); !r.Compared || len(r.Problems) > 0 {
		t.Errorf("compared %v, problems %v", r.Compared, r.Problems)
	}
	if r := verified(t, packed(t, j, p), holdfast.Head{Position: 99, Hash: held.Hash}); r.Compared || len(r.Unchecked) != 2 {
		t.Errorf("a head that the pack does not reach: compared %v, unchecked %v", r.Compared, r.Unchecked)
	}
	j.facts[1].Body = json.RawMessage(`"it was otherwise"`)
	j.facts[1].BodyHash = sha256.Sum256(j.facts[1].Body)
	j.seal()
	p.Head = j.head
	pack := packed(t, j, p)
	if r := verified(t, pack, holdfast.Head{}); len(r.Problems) > 0 {
		t.Fatalf("a chain that was made anew is whole in itself, but: %v", r.Problems)
	}
	if r := verified(t, pack, held); r.Verdict != Invalid {
		t.Errorf("a chain that was made anew is %s", r.Verdict)
	}
}

// Whatever of its content is changed, and in whichever file, the pack is found out,
// also if the manifest is made to fit.
func TestPackChanged(t *testing.T) {
	t.Parallel()
	j, p := matter(t)
	whole := unzip(t, packed(t, j, p))
	rapid.Check(t, func(t *rapid.T) {
		files := map[string]string{}
		for name, content := range whole {
			files[name] = content
		}
		name := rapid.SampledFrom([]string{factsName, chainName, "README.txt", "files/" + sha("what the log said") + ".txt"}).Draw(t, "file")
		content := []byte(files[name])
		at := rapid.IntRange(0, len(content)-2).Draw(t, "at") // but the last line's end
		content[at] ^= byte(rapid.IntRange(1, 7).Draw(t, "flip"))
		files[name] = string(content)
		if rapid.Bool().Draw(t, "the manifest fits") && name != "README.txt" {
			files[manifestName] = strings.ReplaceAll(files[manifestName], sha(whole[name]), sha(files[name]))
		}
		pack := zipped(t, files)
		r, err := VerifyPack(bytes.NewReader(pack), int64(len(pack)), holdfast.Head{})
		if err == nil && r.Verdict != Invalid {
			t.Errorf("byte %d of %s was changed, and the pack is %s", at, name, r.Verdict)
		}
	})
}

func TestPackProblems(t *testing.T) {
	t.Parallel()
	j, p := matter(t)
	whole := unzip(t, packed(t, j, p))
	lines := strings.SplitAfter(whole[factsName], "\n")
	for name, c := range map[string]struct {
		change func(files map[string]string)
		want   string
	}{
		"a fact left out":         {func(f map[string]string) { f[factsName] = lines[0] + lines[2] }, "the facts between are missing"},
		"the first fact left out": {func(f map[string]string) { f[factsName] = lines[1] + lines[2] }, "the facts before it are missing"},
		"facts in another order":  {func(f map[string]string) { f[factsName] = lines[1] + lines[0] + lines[2] }, "wrong order"},
		"a file more":             {func(f map[string]string) { f["more.txt"] = "x" }, "the manifest does not list it"},
		"a file less":             {func(f map[string]string) { delete(f, "README.txt") }, "it is missing"},
		"no chain":                {func(f map[string]string) { delete(f, chainName) }, "it is missing"},
		"a shorter chain":         {func(f map[string]string) { f[chainName] = f[chainName][:65] }, "does not lead to the manifest's head"},
	} {
		files := map[string]string{}
		for name, content := range whole {
			files[name] = content
		}
		c.change(files)
		r := verified(t, zipped(t, files), holdfast.Head{})
		var text strings.Builder
		if err := r.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		if r.Verdict != Invalid || !strings.Contains(text.String(), c.want) {
			t.Errorf("%s: not told that %q:\n%s", name, c.want, &text)
		}
	}
}

// What a pack says of itself cannot command the terminal of whoever verifies it.
func TestPackText(t *testing.T) {
	t.Parallel()
	j, p := matter(t)
	p.Title = "\x1b[2J清屏"
	var text strings.Builder
	if err := verified(t, packed(t, j, p), holdfast.Head{}).WriteText(&text); err != nil || strings.Contains(text.String(), "\x1b") {
		t.Errorf("%v %q", err, text.String())
	}
}

// A journal that is damaged gives no pack.
func TestPackOfDamage(t *testing.T) {
	t.Parallel()
	for _, damage := range []func(*shelf){
		func(j *shelf) { j.facts[3].Body = json.RawMessage(`"it was otherwise"`) },
		func(j *shelf) { j.facts = j.facts[:4] },
		func(j *shelf) { j.facts = j.facts[1:] },
	} {
		j, p := matter(t)
		damage(&j)
		if err := WritePack(t.Context(), io.Discard, j, p); holdfast.CodeOf(err) != holdfast.Damaged {
			t.Errorf("the pack of a damaged journal: %v", err)
		}
	}
}

func FuzzVerifyPack(f *testing.F) {
	j, p := matter(f)
	pack := packed(f, j, p)
	f.Add(pack)
	f.Add(pack[:len(pack)/2])
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := VerifyPack(bytes.NewReader(b), int64(len(b)), holdfast.Head{})
		if err == nil && r.WriteText(io.Discard) != nil {
			t.Error("the report cannot be written")
		}
	})
}

func sha(s string) string { return holdfast.Hash(sha256.Sum256([]byte(s))).String() }

func unzip(t testing.TB, pack []byte) map[string]string {
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

func zipped(t rapid.TB, files map[string]string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		out, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(out, content)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
