package sqljournal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/archive"
)

func verify(t *testing.T, dir string) archive.Report {
	t.Helper()
	in, err := Inspect(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	report, err := archive.Verify(t.Context(), in, in)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestInspectEveryState verifies each state as it is, and changes nothing, not
// even where nothing may be written.
func TestInspectEveryState(t *testing.T) {
	for name, d := range states(t) {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d.write(t, dir)
			report := verify(t, dir)
			if report.Verdict != archive.Valid || report.Facts == 0 || report.Blobs == 0 || report.Documents == 0 || report.Head.Hash.IsZero() {
				t.Errorf("report %+v", report)
			}
			files, err := os.ReadDir(dir)
			if err != nil || len(files) != len(d) {
				t.Errorf("files %v, error %v", files, err)
			}
			for file, after := range readDir(t, dir) {
				if !bytes.Equal(after, d[file]) {
					t.Errorf("%s was changed", file)
				}
			}
		})
	}
}

func TestInspectDamaged(t *testing.T) {
	made := states(t)
	for _, c := range []struct {
		name    string
		from    string
		change  func(d directory)
		verdict archive.Verdict
		problem string // of the first problem, or the first thing not checked
	}{
		{"a byte of a page", "closed", func(d directory) { d[fileDB][len(d[fileDB])/2] ^= 1 }, archive.Invalid, "journal.db, page"},
		{"the header of the database", "closed", func(d directory) { d[fileDB][3] ^= 1 }, archive.Invalid, "journal.db, page 1 at byte 0"},
		{"no database", "closed", func(d directory) { delete(d, fileDB) }, archive.Invalid, "journal.db: the file is missing"},
		{"the -wal", "killed after a checkpoint", func(d directory) { d[fileWAL][walHeaderSize+3*frameSize] ^= 1 }, archive.Invalid, "journal.db-wal, frame 4 at byte 12392"},
		{"no sums", "closed", func(d directory) { delete(d, fileSums) }, archive.Incomplete, "journal.sums is missing"},
		{"no witness", "closed", func(d directory) { delete(d, fileHead) }, archive.Incomplete, "journal.head is missing"},
		{"nothing but a damaged witness", "closed", func(d directory) { delete(d, fileDB); delete(d, fileSums); d[fileHead][0] ^= 1 }, archive.Invalid, "journal.db: the file is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := made[c.from].clone()
			c.change(d)
			dir := t.TempDir()
			d.write(t, dir)
			report := verify(t, dir)
			first := ""
			if len(report.Problems) > 0 {
				first = report.Problems[0].String()
			} else if len(report.Unchecked) > 0 {
				first = report.Unchecked[0]
			}
			if report.Verdict != c.verdict || !strings.Contains(first, c.problem) {
				t.Errorf("report %+v", report)
			}
			for n, p := range report.Problems {
				if slices.Contains(report.Problems[:n], p) {
					t.Errorf("listed twice: %s", p)
				}
			}
		})
	}
}

// TestInspectReadsOnPastDamage damages one fact's row and finds it by position,
// with all others checked.
func TestInspectReadsOnPastDamage(t *testing.T) {
	dir := t.TempDir()
	states(t)["closed"].write(t, dir)
	whole := verify(t, dir)
	runSQL(t, dir, `UPDATE fact SET body = CAST('{}' AS BLOB) WHERE position = 42`, `UPDATE blob SET body = x'00' WHERE hash = (SELECT min(hash) FROM blob)`)
	report := verify(t, dir)
	var at []holdfast.Position
	blob := false
	for _, p := range report.Problems {
		if p.Position != 0 {
			at = append(at, p.Position)
		}
		blob = blob || strings.HasPrefix(p.Where, "blob ")
	}
	if report.Verdict != archive.Invalid || report.Facts != whole.Facts || len(at) != 1 || at[0] != 42 || !blob {
		t.Errorf("report %+v", report)
	}
}

func TestInspectWhatIsNotThere(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "nowhere")} {
		_, err := Inspect(t.Context(), dir)
		wantCode(t, err, holdfast.NotFound)
	}
}

// TestCheckPutsOffCheckpoints shows that a long verification holds nobody up.
func TestCheckPutsOffCheckpoints(t *testing.T) {
	s := mustOpenRaw(t, t.TempDir())
	fill(t, s, 0, 5)
	s.checking.Lock()
	err := s.Checkpoint(t.Context())
	if wantCode(t, err, holdfast.Unavailable); !errors.Is(err, errChecked) {
		t.Errorf("error %v", err)
	}
	fill(t, s, 5, 10)
	s.checking.Unlock()
	if err := s.Checkpoint(t.Context()); err != nil {
		t.Error(err)
	}
	s.Close()
	_, err = s.Check(t.Context())
	wantCode(t, err, holdfast.Unavailable)
}

// TestVerifyWhileInUse verifies a journal through the process that uses it, and
// finds a byte that changes on the disk meanwhile.
func TestVerifyWhileInUse(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenRaw(t, dir)
	fill(t, s, 0, 30)
	if err := s.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	fill(t, s, 30, 40)
	check := func() archive.Report {
		t.Helper()
		report, err := archive.Verify(t.Context(), s, s)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	if report := check(); report.Verdict != archive.Valid || report.Facts != 80 {
		t.Fatalf("report %+v", report)
	}
	d := readDir(t, dir)
	scan := d.scan(t)
	page := 0
	for _, replaced := scan.pages[uint32(page+1)]; replaced; _, replaced = scan.pages[uint32(page+1)] {
		page++
	}
	for _, c := range []struct {
		file string
		at   int
	}{{fileDB, page*pageSize + 4000}, {fileWAL, walHeaderSize + frameHeader + 7}} {
		setByte(t, dir, c.file, c.at, d[c.file][c.at]^1)
		report := check()
		if report.Verdict != archive.Invalid || !strings.HasPrefix(report.Problems[0].Where, c.file) {
			t.Errorf("%s: report %+v", c.file, report)
		}
		setByte(t, dir, c.file, c.at, d[c.file][c.at])
	}
}
