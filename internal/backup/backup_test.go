package backup

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
)

const phrase = "sixteen letters!"

// withKeys makes a directory with a node's keys.
func withKeys(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range KeyFiles {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("secret of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func makeOne(t *testing.T, from *book, passphrase string) (string, Manifest) {
	t.Helper()
	m := Maker{Source: from, Open: openBook, Keys: withKeys(t), Passphrase: passphrase, Version: "1.2"}
	path, made, err := m.Make(t.Context(), t.TempDir(), begun.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return path, made
}

func TestABackupSaysWhatItIs(t *testing.T) {
	t.Parallel()
	from := newBook(1, 3, 2)
	path, made := makeOne(t, from, phrase)
	if filepath.Base(path) != "holdfast-01234567-20261124T023000Z-6.backup.tar" {
		t.Errorf("it is named %s", path)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, error %v", info.Mode(), err)
	}
	b, err := Open(t.Context(), path, openBook)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b.Head != from.head || b.Head != made.Head || !b.Made.Equal(begun.Add(time.Hour)) || b.Version != "1.2" || len(b.Apart) > 0 || !slices.Equal(b.Sealed, KeyFiles) {
		t.Errorf("%+v", b.Manifest)
	}
	keys, err := b.Keys(phrase)
	if err != nil || len(keys) != len(KeyFiles) || string(keys["probe.key"]) != "secret of probe.key" {
		t.Errorf("%d keys, error %v", len(keys), err)
	}
	_, err = b.Keys("sixteen letters?")
	wantCode(t, err, holdfast.Forbidden)
	content, err := os.ReadFile(path)
	if err != nil || bytes.Contains(content, []byte("secret of")) {
		t.Errorf("a key stands in the file in the clear; error %v", err)
	}
}

func TestWithoutAPassphraseKeysAreKeptApart(t *testing.T) {
	t.Parallel()
	path, made := makeOne(t, newBook(1), "")
	if len(made.Sealed) > 0 || !slices.Equal(made.Apart, KeyFiles) {
		t.Errorf("%+v", made)
	}
	content, err := os.ReadFile(path)
	if err != nil || bytes.Contains(content, []byte("secret of")) {
		t.Errorf("a key stands in the file; error %v", err)
	}
}

// A byte changed anywhere that a restore reads is found, or the backup still
// says and holds the same.
func TestEveryChangedByteIsFound(t *testing.T) {
	t.Parallel()
	path, made := makeOne(t, newBook(1, 2), phrase)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir, passed := t.TempDir(), 0
	for at := 0; at < len(content); at += 7 {
		changed := bytes.Clone(content)
		changed[at] ^= 0x20
		file := filepath.Join(dir, "x.tar")
		if err := os.WriteFile(file, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := Open(t.Context(), file, openBook)
		if err != nil {
			continue
		}
		if b.Verify(t.Context()) == nil {
			passed++
			if b.Head != made.Head {
				t.Errorf("byte %d: the backup is now of %s", at, b.Head)
			}
		}
		b.Close()
	}
	if passed > len(content)/14 {
		t.Errorf("%d changes of %d pass", passed, len(content)/7)
	}
}

func TestATornBackupIsNone(t *testing.T) {
	t.Parallel()
	path, _ := makeOne(t, newBook(5, 5), "")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 100, 512, 700, len(content) / 2, len(content) - 2048} {
		if err := os.WriteFile(path, content[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := Open(t.Context(), path, openBook)
		if err == nil {
			err = b.Verify(t.Context())
			b.Close()
		}
		wantCode(t, err, holdfast.Damaged)
	}
	if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "none"), openBook); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Error(err)
	}
}

// What cannot be copied or read back leaves nothing behind.
func TestAFailedBackupLeavesNothing(t *testing.T) {
	t.Parallel()
	broken := newBook(2)
	broken.facts[1].Body = []byte(`"changed"`)
	for name, from := range map[string]*book{"no source": {fails: errNoDisk}, "a source that is damaged": broken} {
		dir := t.TempDir()
		m := Maker{Source: from, Open: openBook, Version: "1"}
		if _, _, err := m.Make(t.Context(), dir, begun); err == nil {
			t.Errorf("%s: a backup was made", name)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: %v is left, error %v", name, left, err)
		}
	}
}

func TestManifestsOfOtherFormatsAreRefused(t *testing.T) {
	t.Parallel()
	for text, code := range map[string]holdfast.Code{
		``:                               holdfast.Damaged,
		`{"format":"holdfast-backup/2"}`: holdfast.Invalid,
		`{"format":"holdfast-backup/1"}`: holdfast.Damaged,
		`{"format":"holdfast-backup/1","made":"2026-11-24T01:30:00Z","head":{"journal":"j"},"parts":[{"name":"journal.db"}],"more":1}`: holdfast.Damaged,
	} {
		_, err := decodeManifest([]byte(text))
		wantCode(t, err, code)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"format":"holdfast-backup/1","made":"2026-11-24T01:30:00Z","version":"1","head":{"journal":"j","epoch":1,"position":2,"hash":"` + strings.Repeat("0", 64) + `"},"parts":[{"name":"journal.db","size":1,"sha256":"` + strings.Repeat("0", 64) + `"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeManifest(b)
		if err == nil && (m.Format != Format || m.Parts[0].Name != partJournal || m.Made.IsZero()) {
			t.Errorf("%+v", m)
		}
	})
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte(`{"format":"holdfast-keys/1","time":1,"memory_kib":8,"threads":1,"salt":"AAAA","nonce":"AAAAAAAAAAAAAAAA","box":"AAAA"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4096 || bytes.Contains(b, []byte(`memory_kib`)) && !bytes.Contains(b, []byte(`"memory_kib":8,`)) {
			return // what would only cost time
		}
		if keys, err := unseal(phrase, b); err == nil && len(keys) > 0 {
			t.Errorf("opened to %d keys", len(keys))
		}
	})
}

func FuzzName(f *testing.F) {
	f.Add("holdfast-01234567-20261124T023000Z-6.backup.tar")
	f.Add("holdfast-x-y-z.backup.tar")
	f.Fuzz(func(t *testing.T, name string) {
		journal, made, position, ok := parseName(name)
		if !ok || len(journal) != 8 || strings.Contains(journal, "-") || made.Year() < 1000 || made.Year() > 9999 {
			return
		}
		m := Manifest{Made: made, Head: holdfast.Head{Journal: journal + "rest", Position: position}}
		if m.Name() != name {
			t.Errorf("%q is read as %q", name, m.Name())
		}
	})
}

func TestDecide(t *testing.T) {
	t.Parallel()
	from := newBook(1, 3, 2) // positions 1, 2–4, 5–6, a minute apart
	from.append(begun.Add(3*time.Minute), subject(journalID), 1)
	path, made := makeOne(t, from, "")
	b, err := Open(t.Context(), path, openBook)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	at := func(epoch uint32, p holdfast.Position) holdfast.Head {
		return holdfast.Head{Journal: journalID, Epoch: epoch, Position: p}
	}
	holds := func(heads ...holdfast.Head) There { return There{Heads: heads, Sound: true} }
	fresh, forced := There{Fresh: true}, func(w Wish) Wish { w.Force, w.Reason = true, "the disk died"; return w }
	other := holdfast.Head{Journal: "other", Epoch: 9, Position: 1}
	for name, test := range map[string]struct {
		wish     Wish
		there    There
		cut      holdfast.Position
		revision holdfast.Revision
		epoch    uint32
		code     holdfast.Code // "" if it is done
	}{
		"all":                           {Wish{}, fresh, 7, 1, 2, ""},
		"to a position":                 {Wish{Position: 4}, fresh, 4, 0, 2, ""},
		"to a position inside":          {Wish{Position: 3}, fresh, 0, 0, 0, holdfast.Invalid},
		"beyond the end":                {Wish{Position: 8}, fresh, 0, 0, 0, holdfast.Invalid},
		"to a time":                     {Wish{Until: begun.Add(90 * time.Second)}, fresh, 4, 0, 2, ""},
		"to the time of an append":      {Wish{Until: begun.Add(2 * time.Minute)}, fresh, 6, 0, 2, ""},
		"to a time after all":           {Wish{Until: begun.Add(time.Hour)}, fresh, 7, 1, 2, ""},
		"to a time before all":          {Wish{Until: begun.Add(-time.Second)}, fresh, 0, 0, 0, holdfast.Invalid},
		"to both":                       {Wish{Until: begun, Position: 1}, fresh, 0, 0, 0, holdfast.Invalid},
		"over the same":                 {Wish{}, holds(at(1, 7)), 7, 1, 2, ""},
		"over an older one":             {Wish{}, holds(at(1, 5)), 7, 1, 2, ""},
		"over a newer one":              {Wish{}, holds(at(1, 8)), 0, 0, 0, holdfast.Conflict},
		"over a newer witness":          {Wish{}, holds(at(1, 8), at(1, 3)), 0, 0, 0, holdfast.Conflict},
		"over what the cut leaves out":  {Wish{Position: 4}, holds(at(1, 7)), 0, 0, 0, holdfast.Conflict},
		"over a later epoch":            {Wish{}, holds(at(3, 2)), 0, 0, 0, holdfast.Conflict},
		"over a later epoch, forced":    {forced(Wish{}), holds(at(3, 2)), 7, 1, 4, ""},
		"over a newer one, forced":      {forced(Wish{}), holds(at(1, 9)), 7, 1, 2, ""},
		"over another, forced":          {forced(Wish{}), holds(other), 7, 1, 2, ""},
		"over another":                  {Wish{}, holds(other), 0, 0, 0, holdfast.Conflict},
		"over what cannot be read":      {Wish{}, There{}, 0, 0, 0, holdfast.Conflict},
		"forced over what is not known": {forced(Wish{}), There{}, 7, 1, 2, ""},
		"forced without a reason":       {Wish{Force: true, Reason: " "}, fresh, 0, 0, 0, holdfast.Invalid},
	} {
		r, revision, err := b.Decide(t.Context(), test.wish, test.there)
		if test.code != "" {
			if holdfast.CodeOf(err) != test.code {
				t.Errorf("%s: %+v, error %v", name, r, err)
			}
			continue
		}
		if err != nil || r.Cut != test.cut || revision != test.revision || r.Epoch != test.epoch || r.From != made.Head {
			t.Errorf("%s: %+v at revision %d, error %v", name, r, revision, err)
		}
	}
}

func TestLost(t *testing.T) {
	t.Parallel()
	ours := holdfast.Head{Journal: "j", Epoch: 1, Position: 10}
	newer := holdfast.Head{Journal: "j", Epoch: 1, Position: 15}
	other := holdfast.Head{Journal: "k", Epoch: 1, Position: 99}
	for name, test := range map[string]struct {
		r        Restored
		from, to holdfast.Position
		any      bool
	}{
		"nothing":           {Restored{From: ours, Cut: 10}, 11, 10, false},
		"cut":               {Restored{From: ours, Cut: 4}, 5, 10, true},
		"a newer directory": {Restored{From: ours, Cut: 10, Replaced: newer}, 11, 15, true},
		"another journal":   {Restored{From: ours, Cut: 10, Replaced: other}, 11, 10, false},
	} {
		if from, to, any := test.r.Lost(); from != test.from || to != test.to || any != test.any {
			t.Errorf("%s: %d to %d, %v", name, from, to, any)
		}
	}
}

func TestBook(t *testing.T) {
	t.Parallel()
	from := newBook(2)
	b := NewBook()
	fold := func() {
		t.Helper()
		for _, f := range from.facts {
			if f.Position > holdfast.Position(len(from.facts)) {
				continue
			}
			if err := b.Apply(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	fold()
	if b.Open() != nil || len(b.All()) != 0 {
		t.Fatal("nothing was restored")
	}
	_, err := b.settle("a reason")
	wantCode(t, err, holdfast.Conflict)

	a := Begin(Restored{Epoch: 2, From: from.head, Cut: 2, Reason: "the disk died"}, 0, holdfast.Self("restore"), begun)
	apply := func(drafts ...holdfast.Fact) {
		t.Helper()
		for _, f := range drafts {
			if err := b.Apply(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	d := a.Facts[0]
	apply(holdfast.Fact{Position: 3, Subject: d.Subject, Revision: 1, Kind: d.Kind, Body: d.Body, Time: begun})
	if r := b.Open(); r == nil || r.Epoch != 2 || r.Position != 3 || r.Restored.Reason != "the disk died" {
		t.Fatalf("%+v", b.Open())
	}
	_, err = b.settle(" ")
	wantCode(t, err, holdfast.Invalid)
	drafts, err := b.settle("all four gates are back")
	if err != nil || drafts[0].Expect != 1 {
		t.Fatalf("%+v, error %v", drafts, err)
	}
	apply(holdfast.Fact{Position: 4, Subject: drafts[0].Subject, Revision: 2, Kind: drafts[0].Kind, Body: drafts[0].Body, Time: begun.Add(time.Hour)})
	if all := b.All(); b.Open() != nil || len(all) != 1 || all[0].Reason != "all four gates are back" || !all[0].Settled.Equal(begun.Add(time.Hour)) {
		t.Errorf("%+v", all)
	}
}

func TestCopyNeedsTheNameOfABackup(t *testing.T) {
	t.Parallel()
	k, _ := keeper(t, newBook(1), nil)
	if _, err := k.Make(context.Background()); err != nil {
		t.Fatal(err)
	}
	list, err := k.List()
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	var b bytes.Buffer
	if err := k.Copy(list[0].Name, &b); err != nil || int64(b.Len()) != list[0].Size {
		t.Errorf("%d bytes, error %v", b.Len(), err)
	}
	for _, name := range []string{"", "../../etc/passwd", "holdfast-01234567-20261124T023000Z-6.backup.tar/..", "holdfast-01234567-20261124T023000Z-99.backup.tar"} {
		wantCode(t, k.Copy(name, &b), holdfast.NotFound)
	}
}
