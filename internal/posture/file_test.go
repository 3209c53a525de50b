package posture

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast"
)

func sample() Set {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	return Set{
		Head:      holdfast.Head{Journal: "j", Epoch: 1, Position: 12, Hash: holdfast.Hash{1, 2}},
		Lease:     30 * time.Second,
		ProbeKeys: []ed25519.PublicKey{key},
		Directives: []Directive{
			{ID: "d1", Kind: Stop, Scope: `channel == "app"`, Incident: "2026-0001", Position: 11, Drain: time.Minute},
			{ID: "d2", Kind: Limit, Scope: "all", Share: 0.1, Salt: "s", Position: 12, Rates: map[string]float64{"east": 2.5}},
		},
	}
}

func saved(t testing.TB, set Set) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "posture")
	if err := Save(path, set); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	path := saved(t, sample())
	got, err := Load(path)
	if err != nil || !reflect.DeepEqual(got, sample()) {
		t.Fatalf("%+v, %v", got, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v: only its owner may read it", info.Mode(), err)
	}
	later := sample()
	later.Head.Position, later.Directives = 13, nil
	if err := Save(path, later); err != nil {
		t.Fatal(err)
	}
	if got, err := Load(path); err != nil || got.Head.Position != 13 || len(got.Directives) != 0 {
		t.Errorf("the second save: %+v, %v", got, err)
	}
	if names, err := os.ReadDir(filepath.Dir(path)); err != nil || len(names) != 1 {
		t.Errorf("left beside it: %v, %v", names, err)
	}
}

// A save that fails leaves the former file whole, and nothing beside it.
func TestSaveFails(t *testing.T) {
	t.Parallel()
	if err := Save(filepath.Join(t.TempDir(), "none", "posture"), sample()); err == nil {
		t.Error("saved into a directory that is not there")
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "posture", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Save(filepath.Join(dir, "posture"), sample()); err == nil {
		t.Error("saved over a directory")
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("left beside it: %v, %v", names, err)
	}
	if err := SyncDir(filepath.Join(dir, "none")); err == nil {
		t.Error("synced a directory that is not there")
	}
}

func TestHazardO_AMissingFileIsToldFromADamagedOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := Load(filepath.Join(dir, "posture")); holdfast.CodeOf(err) != holdfast.NotFound {
		t.Errorf("missing: %v", err)
	}
	if _, err := Load(dir); err == nil || holdfast.CodeOf(err) == holdfast.NotFound {
		t.Errorf("a directory: %v", err)
	}
	whole, err := os.ReadFile(saved(t, sample()))
	if err != nil {
		t.Fatal(err)
	}
	header, body, _ := bytes.Cut(whole[:slotSize(whole)], []byte("\n"))
	for name, content := range map[string][]byte{
		"empty":             {},
		"the header alone":  append(header, '\n'),
		"no header":         body,
		"no line end":       header,
		"another version":   bytes.ReplaceAll(whole, []byte("posture/2"), []byte("posture/3")),
		"a short hash":      append([]byte(fileMagic+"abcd\n"), body...),
		"too little":        whole[:slotSize(whole)],
		"zeroes":            make([]byte, len(whole)),
		"longer than taken": append(bytes.Clone(whole), make([]byte, maxFile)...),
	} {
		path := filepath.Join(t.TempDir(), "posture")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		set, err := Load(path)
		if holdfast.CodeOf(err) != holdfast.Damaged || !reflect.DeepEqual(set, Set{}) {
			t.Errorf("%s: %+v, %v", name, set, err)
		}
		if name != "longer than taken" && err != nil && (!strings.Contains(err.Error(), path) || errors.Unwrap(err) == nil) {
			t.Errorf("%s: %v does not name the file and the cause", name, err)
		}
	}
}

// No byte of a set can be changed, and none cut off, without being noticed.
func TestHazardO_EveryByteCounts(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(saved(t, sample()))
	if err != nil {
		t.Fatal(err)
	}
	s, err := parseSlot(whole[:slotSize(whole)], fileMagic)
	if err != nil {
		t.Fatal(err)
	}
	used := bytes.IndexByte(whole, '\n') + 1 + len(s.body)
	for i := range used {
		if _, err := parseSlot(whole[:i], fileMagic); err == nil {
			t.Errorf("cut at %d: read", i)
		}
		for bit := range 8 {
			flipped := bytes.Clone(whole)
			flipped[i] ^= 1 << bit
			got, err := newest(flipped, fileMagic)
			// A digit of the hash in the other letter case says the same.
			if err == nil && !(bytes.Equal(got.body, s.body) && bytes.EqualFold(flipped, whole)) {
				t.Errorf("byte %d, bit %d flipped: read", i, bit)
			}
		}
	}
}

// What a loaded set is compiled to is never more open than the file: either it
// is what was saved, or it is refused.
func FuzzLoad(f *testing.F) {
	whole, err := os.ReadFile(saved(f, sample()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(fileMagic))
	f.Add(append(encodeSlot(fileMagic, 3, []byte("{}")), make([]byte, 2*block)...))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "posture")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		set, err := Load(path)
		if err != nil {
			if !reflect.DeepEqual(set, Set{}) {
				t.Errorf("an error and a set: %+v", set)
			}
			return
		}
		if err := Save(path, set); err != nil {
			t.Fatal(err)
		}
		again, err := Load(path)
		if err != nil {
			t.Fatalf("saved anew it cannot be read: %v", err)
		}
		p, err1 := Compile(set, nil, "east")
		q, err2 := Compile(again, nil, "east")
		one := pay("acct_1")
		if (err1 == nil) != (err2 == nil) || p.Decide(&one) != q.Decide(&one) {
			t.Errorf("saved anew it judges otherwise: %+v, %+v", set, again)
		}
	})
}

// FuzzSet takes what a control node might send.
func FuzzSet(f *testing.F) {
	f.Add(`{"head":{"journal":"j","epoch":1,"position":3,"hash":"` + strings.Repeat("0", 64) + `"},"directives":[{"id":"d","kind":"stop","scope":"all"}]}`)
	f.Add(`{"directives":[{"id":"d","kind":"limit","scope":"all","share":0.5,"rates":{"east":1e308}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var set Set
		if err := json.Unmarshal([]byte(text), &set); err != nil {
			return
		}
		p, err := Compile(set, nil, "east")
		one := pay("acct_1")
		v := p.Decide(&one)
		switch {
		case err != nil && v.Reason != NoPosture:
			t.Errorf("not compiled (%v), but judged: %+v", err, v)
		case err == nil && p.IsClosed():
			t.Error("closed without a reason")
		}
		for _, d := range set.Directives {
			if err == nil && d.Kind == Stop && d.Scope == "all" && v.Reason != Stopped {
				t.Errorf("a stop of everything is in %s: %+v", text, v)
			}
		}
	})
}

// first writes a file of the first form.
func first(t *testing.T, path string, set Set) []byte {
	t.Helper()
	body, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	content := append([]byte(firstMagic+holdfast.Hash(sha256.Sum256(body)).String()+"\n"), body...)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return content
}

// A file of the first form is read, each byte of it counts, and the next save
// replaces it whole.
func TestTheFirstFormIsRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "posture")
	content := first(t, path, sample())
	if got, err := Load(path); err != nil || !reflect.DeepEqual(got, sample()) {
		t.Fatalf("%+v, %v", got, err)
	}
	for i := range content {
		broken := bytes.Clone(content)
		broken[i] ^= 1
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); holdfast.CodeOf(err) != holdfast.Damaged {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	first(t, path, sample())
	later := sample()
	later.Head.Position = 13
	if err := Save(path, later); err != nil {
		t.Fatal(err)
	}
	if body, err := LoadSlots(path, fileMagic); err != nil || !bytes.Contains(body, []byte("13")) {
		t.Errorf("after a save: %q, %v", body, err)
	}
}
