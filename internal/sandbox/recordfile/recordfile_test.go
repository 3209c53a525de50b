package recordfile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"holdfast"
)

func TestAppendAndReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records")
	f, got := open(t, path)
	if len(got) != 0 {
		t.Fatalf("a new file holds %q", got)
	}
	for _, r := range []string{`{"a":1}`, `{"b":2}`} {
		if err := f.Append([]byte(r))(); err != nil {
			t.Fatal(err)
		}
	}
	// Another process may read meanwhile.
	if got := read(t, path); !slices.Equal(got, []string{`{"a":1}`, `{"b":2}`}) {
		t.Errorf("read while open: %q", got)
	}
	closeFile(t, f)
	f, got = open(t, path)
	if !slices.Equal(got, []string{`{"a":1}`, `{"b":2}`}) {
		t.Errorf("read at open: %q", got)
	}
	if err := f.Append([]byte(`{"c":3}`))(); err != nil {
		t.Fatal(err)
	}
	closeFile(t, f)
	if got := read(t, path); len(got) != 3 {
		t.Errorf("after a second opening: %q", got)
	}
	if err := f.Append([]byte(`{}`))(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
}

func TestFormatIsFixed(t *testing.T) {
	line := string(appendLine(nil, []byte(`{"event":"done","identity":"c1-17"}`)))
	if line != "b94fc552 {\"event\":\"done\",\"identity\":\"c1-17\"}\n" {
		t.Error(line)
	}
}

func TestConcurrentAppendsShareSyncsAndKeepAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records")
	f, _ := open(t, path)
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			if err := f.Append(fmt.Appendf(nil, "%03d", i))(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	closeFile(t, f)
	got := read(t, path)
	slices.Sort(got)
	if len(got) != 200 || got[0] != "000" || got[199] != "199" {
		t.Errorf("%d records, %q", len(got), got)
	}
}

func TestCloseWaitsForWhatIsInLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records")
	f, _ := open(t, path)
	var waits []func() error
	for range 50 {
		waits = append(waits, f.Append([]byte("x")))
	}
	closeFile(t, f)
	for _, wait := range waits {
		if err := wait(); err != nil {
			t.Error(err)
		}
	}
	if got := read(t, path); len(got) != 50 {
		t.Errorf("%d records", len(got))
	}
}

// A kill at any byte of the last write leaves every earlier record readable and
// the file appendable.
func TestTornEndAtEveryByte(t *testing.T) {
	whole := appendLine(appendLine(nil, []byte("one")), []byte("two"))
	first := len(appendLine(nil, []byte("one")))
	for cut := range len(whole) {
		path := filepath.Join(t.TempDir(), "records")
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		want := []string{}
		if cut >= first {
			want = append(want, "one")
		}
		f, got := open(t, path)
		if !slices.Equal(got, want) {
			t.Fatalf("cut at %d: %q", cut, got)
		}
		if err := f.Append([]byte("three"))(); err != nil {
			t.Fatal(err)
		}
		closeFile(t, f)
		if got := read(t, path); !slices.Equal(got, append(want, "three")) {
			t.Fatalf("cut at %d, then append: %q", cut, got)
		}
	}
}

func TestDamageInTheMiddleIsAnError(t *testing.T) {
	lines := appendLine(appendLine(nil, []byte("one")), []byte("two"))
	lines[9] ^= 1
	path := filepath.Join(t.TempDir(), "records")
	if err := os.WriteFile(path, lines, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path, func([]byte) error { return nil })
	if holdfast.CodeOf(err) != holdfast.Damaged || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("%v", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(after, lines) {
		t.Error("a damaged file was changed")
	}
}

func TestLimits(t *testing.T) {
	f, _ := open(t, filepath.Join(t.TempDir(), "records"))
	defer f.Close()
	for _, r := range [][]byte{[]byte("a\nb"), make([]byte, MaxRecord+1)} {
		if err := f.Append(r)(); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%d bytes: %v", len(r), err)
		}
	}
	if err := f.Append(bytes.Repeat([]byte("x"), MaxRecord))(); err != nil {
		t.Errorf("the largest record: %v", err)
	}
	if got := read(t, f.f.Name()); len(got) != 1 {
		t.Errorf("%d records", len(got))
	}
	long := bytes.Repeat([]byte("x"), MaxRecord+100)
	if err := Read(bytes.NewReader(append(long, '\n')), "long", nil); holdfast.CodeOf(err) != holdfast.Damaged {
		t.Errorf("a line too long: %v", err)
	}
}

func TestAfterAWriteErrorNothingMoreIsWritten(t *testing.T) {
	f, _ := open(t, filepath.Join(t.TempDir(), "records"))
	f.f.Close() // the disk goes away
	if err := f.Append([]byte("one"))(); err == nil {
		t.Fatal("no error")
	}
	if err := f.Append([]byte("two"))(); err == nil {
		t.Error("a record was accepted after a failed write")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(appendLine(nil, []byte(`{"a":1}`)))
	f.Add([]byte("00000000 \n"))
	f.Add([]byte("xxxxxxxx {}\n{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		err := Read(bytes.NewReader(b), "fuzz", func(r []byte) error {
			again = appendLine(again, r)
			return nil
		})
		if !bytes.HasPrefix(b, again) {
			t.Errorf("%q was read as %q", b, again)
		}
		if err == nil && bytes.Count(b[len(again):], []byte("\n")) > 1 {
			t.Errorf("%q: more than a torn line was left out", b)
		}
	})
}

func open(t *testing.T, path string) (*File, []string) {
	t.Helper()
	got := []string{}
	f, err := Open(path, collect(&got))
	if err != nil {
		t.Fatal(err)
	}
	return f, got
}

func read(t *testing.T, path string) []string {
	t.Helper()
	got := []string{}
	if err := ReadFile(path, collect(&got)); err != nil {
		t.Fatal(err)
	}
	return got
}

func collect(into *[]string) func([]byte) error {
	return func(r []byte) error {
		*into = append(*into, string(r))
		return nil
	}
}

func closeFile(t *testing.T, f *File) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
