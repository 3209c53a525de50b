package posture

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const testMagic = "test/1 "

func read(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func saveSlots(t testing.TB, path, body string) {
	t.Helper()
	if err := SaveSlots(path, testMagic, []byte(body)); err != nil {
		t.Fatal(err)
	}
}

func loads(t testing.TB, path, want string) {
	t.Helper()
	if got, err := LoadSlots(path, testMagic); err != nil || string(got) != want {
		t.Errorf("loaded %q, %v; want %q", got, err, want)
	}
}

// The value is the one saved last, whatever the lengths; a file that has no place
// for it is replaced by a larger one.
func TestSlotsKeepTheLast(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		path := filepath.Join(dir, "f")
		for _, n := range rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 600, 3500, 3584, 3585, 4096, 9000}), 1, 8).Draw(r, "lengths") {
			body := strings.Repeat("x", n) + rapid.StringN(0, 3, 3).Draw(r, "end")
			if err := SaveSlots(path, testMagic, []byte(body)); err != nil {
				r.Fatal(err)
			}
			if got, err := LoadSlots(path, testMagic); err != nil || string(got) != body {
				r.Fatalf("loaded %d bytes, %v; want %d", len(got), err, len(body))
			}
		}
	})
}

// A writer that keeps the file open writes to the file that has the name, whatever
// became of the one it wrote before, and another that opens it goes on from there.
func TestAnOpenFileIsTheOneOfTheName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, spare := filepath.Join(dir, "f"), filepath.Join(dir, "spare")
	acts := map[string]func() error{
		"nothing":   func() error { return nil },
		"removed":   func() error { return os.Remove(path) },
		"replaced":  func() error { return errors.Join(os.WriteFile(spare, read(t, path), 0o600), os.Rename(spare, path)) },
		"cut":       func() error { return os.Truncate(path, 100) },
		"put back":  func() error { return SaveSlots(path, testMagic, []byte("old")) },
		"of others": func() error { return os.WriteFile(path, []byte("{}"), 0o600) },
	}
	rapid.Check(t, func(r *rapid.T) {
		writer := NewSlots(path, testMagic)
		defer func() { _ = writer.Close() }()
		for range rapid.IntRange(1, 8).Draw(r, "saves") {
			body := strings.Repeat("x", rapid.SampledFrom([]int{0, 600, 5000}).Draw(r, "length")) + rapid.StringN(0, 3, 3).Draw(r, "end")
			if err := writer.Save([]byte(body)); err != nil {
				r.Fatal(err)
			}
			if got, err := LoadSlots(path, testMagic); err != nil || string(got) != body {
				r.Fatalf("loaded %d bytes, %v; want %d", len(got), err, len(body))
			}
			act := rapid.SampledFrom([]string{"nothing", "removed", "replaced", "cut", "put back", "of others"}).Draw(r, "then it is")
			if err := acts[act](); err != nil {
				r.Fatal(err)
			}
			if rapid.Bool().Draw(r, "another writer") {
				if err := writer.Close(); err != nil {
					r.Fatal(err)
				}
				writer = NewSlots(path, testMagic)
			}
		}
	})
}

// While the name leads nowhere nothing is saved; what is saved after is the value.
func TestADirectoryThatIsAway(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "f")
	writer := NewSlots(path, testMagic)
	defer func() { _ = writer.Close() }()
	for _, body := range []string{"one", "two"} {
		if err := writer.Save([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	if err := writer.Save([]byte("lost")); err == nil {
		t.Error("saved where nothing is")
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	loads(t, path, "two")
	if err := writer.Save([]byte("three")); err != nil {
		t.Fatal(err)
	}
	loads(t, path, "three")
}

// A write that is torn at any byte, before the mark says that it was synced,
// leaves the value before it; once the mark says so, the same is damage.
func TestHazardO_ATornSlotIsToldFromADamagedOne(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	saveSlots(t, path, "one")
	saveSlots(t, path, "the second value")
	before := read(t, path)
	saveSlots(t, path, "and the third, which is longer")
	after := read(t, path)
	size := slotSize(after)
	written := len(encodeSlot(testMagic, 3, []byte("and the third, which is longer")))
	for n := range written + 1 {
		torn := bytes.Clone(before)
		copy(torn[:size], after[:n])
		want := "the second value"
		if n == written {
			want = "and the third, which is longer"
		}
		if s, err := newest(torn, testMagic); err != nil || string(s.body) != want {
			t.Errorf("torn at %d: %q, %v; want %q", n, s.body, err, want)
		}
		copy(torn[2*size:], after[2*size:])
		if _, err := newest(torn, testMagic); (n < written) != errors.Is(err, ErrNoSlot) {
			t.Errorf("damaged at %d: %v", n, err)
		}
	}
	// A mark that was lost, or torn itself, takes nothing away.
	copy(after[2*size:], make([]byte, 20))
	if s, err := newest(after, testMagic); err != nil || s.sequence != 3 {
		t.Errorf("without the mark: %+v, %v", s, err)
	}
}

// Saving over what a crash or a neighbour left works, and what a link points to
// stays as it is.
func TestSlotsAreWrittenOverAnything(t *testing.T) {
	t.Parallel()
	for name, content := range map[string][]byte{
		"empty": {}, "another format": []byte("{}"), "zeroes": make([]byte, 3*block),
		"odd": append(encodeSlot(testMagic, 7, []byte("old")), make([]byte, 9000)...),
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		saveSlots(t, path, "new")
		loads(t, path, "new")
		saveSlots(t, path, "newer")
		loads(t, path, "newer")
	}
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	saveSlots(t, target, "kept")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	saveSlots(t, link, "new")
	loads(t, link, "new")
	loads(t, target, "kept")
}
