package sqljournal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"holdfast"
	"holdfast/internal/sqljournal/commit"
)

// walOf makes a -wal file with one frame per entry: the page it holds and the
// size of the database if it ends a commit.
func walOf(order binary.ByteOrder, frames ...[2]uint32) []byte {
	header := make([]byte, walHeaderSize)
	binary.BigEndian.PutUint32(header, walMagicLittle)
	if order == binary.BigEndian {
		binary.BigEndian.PutUint32(header, walMagicBig)
	}
	binary.BigEndian.PutUint32(header[4:], walVersion)
	binary.BigEndian.PutUint32(header[8:], pageSize)
	binary.BigEndian.PutUint64(header[16:], 0x0102030405060708)
	sum := walSum{order: order}
	sum.add(header[:24])
	binary.BigEndian.PutUint32(header[24:], sum.s0)
	binary.BigEndian.PutUint32(header[28:], sum.s1)
	b := header
	for i, f := range frames {
		frame := make([]byte, frameSize)
		binary.BigEndian.PutUint32(frame, f[0])
		binary.BigEndian.PutUint32(frame[4:], f[1])
		copy(frame[8:16], header[16:24])
		frame[frameHeader] = byte(i)
		sum.add(frame[:8])
		sum.add(frame[frameHeader:])
		binary.BigEndian.PutUint32(frame[16:], sum.s0)
		binary.BigEndian.PutUint32(frame[20:], sum.s1)
		b = append(b, frame...)
	}
	return b
}

func TestScanWAL(t *testing.T) {
	frame := func(n int) int64 { return walHeaderSize + int64(n-1)*frameSize }
	good := [][2]uint32{{1, 0}, {2, 2}, {2, 0}, {3, 3}, {1, 0}}
	for _, c := range []struct {
		name            string
		wal             []byte
		frames, commits uint64
		size            uint32
		stop            int64
		why             string
	}{
		{"empty", nil, 0, 0, 0, 0, "the file is missing or empty"},
		{"short", make([]byte, 31), 0, 0, 0, 0, "the file ends inside its header"},
		{"zeros", make([]byte, 5000), 0, 0, 0, 0, "this is not the header of a -wal file"},
		{"header only", walOf(binary.LittleEndian), 0, 0, 0, frame(1), "the file ends here"},
		{"two commits and a rest", walOf(binary.LittleEndian, good...), 4, 2, 3, frame(6), "the file ends here"},
		{"of a big endian machine", walOf(binary.BigEndian, good...), 4, 2, 3, frame(6), "the file ends here"},
		{"no commit", walOf(binary.LittleEndian, good[:1]...), 0, 0, 0, frame(2), "the file ends here"},
		{"cut", walOf(binary.LittleEndian, good...)[:frame(4)+100], 2, 1, 2, frame(4), "the file ends here"},
		{"page 0", walOf(binary.LittleEndian, [2]uint32{1, 1}, [2]uint32{0, 1}), 1, 1, 1, frame(2), "the frame names no page"},
	} {
		s, err := scanWAL(bytes.NewReader(c.wal), int64(len(c.wal)))
		if err != nil {
			t.Fatal(err)
		}
		if s.frames != c.frames || s.commits != c.commits || s.size != c.size || s.stop != c.stop || s.why != c.why {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
	wal := walOf(binary.LittleEndian, good...)
	s, err := scanWAL(bytes.NewReader(wal), int64(len(wal)))
	if err != nil || s.pages[1] != frame(1) || s.pages[2] != frame(3) || s.pages[3] != frame(4) || len(s.pages) != 3 {
		t.Errorf("pages %v, error %v", s.pages, err)
	}
	if got := s.stopped(); got != "journal.db-wal, frame 6 at byte 20632: the file ends here" {
		t.Errorf("it says %q", got)
	}
}

// TestScanAgreesWithSQLite damages and cuts a -wal at random places and lets
// SQLite recover: it must come to the state that the image shows.
func TestScanAgreesWithSQLite(t *testing.T) {
	d := states(t)["killed after a checkpoint"]
	random := rand.New(rand.NewPCG(3, 4))
	for range 25 {
		c := d.clone()
		at := random.IntN(len(c[fileWAL]))
		if random.IntN(2) == 0 {
			c[fileWAL] = c[fileWAL][:at]
		} else {
			c[fileWAL][at] ^= 1 << random.IntN(8)
		}
		dir := t.TempDir()
		c.write(t, dir)
		e, err := examine(dir)
		if err != nil {
			t.Fatal(err)
		}
		e.problems, e.sums, e.witness = nil, nil, nil
		v, err := e.look(t.Context())
		if err != nil || v == nil {
			t.Fatalf("byte %d: error %v, problems %v", at, err, e.problems)
		}
		shown := v.meta
		v.end()
		e.close()
		if read := metaBySQLite(t, dir); shown != read {
			t.Errorf("byte %d: the image shows %v, SQLite reads %v", at, shown, read)
		}
	}
}

func metaBySQLite(t *testing.T, dir string) meta {
	db := openRaw(t, filepath.Join(dir, fileDB))
	defer db.Close()
	m, err := reader{db: db}.readMeta(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func FuzzScanWAL(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(walOf(binary.LittleEndian))
	f.Add(walOf(binary.LittleEndian, [2]uint32{1, 0}, [2]uint32{2, 2}))
	f.Add(walOf(binary.BigEndian, [2]uint32{1, 1})[:walHeaderSize+frameSize-1])
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := scanWAL(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		end := walHeaderSize + int64(s.frames)*frameSize
		if s.frames > 0 && end > int64(len(b)) || s.commits > s.frames || s.why == "" || s.stop > int64(len(b)) {
			t.Fatalf("%+v of %d bytes", s, len(b))
		}
		for page, at := range s.pages {
			if page == 0 || at < walHeaderSize || at+frameSize > end {
				t.Fatalf("page %d at %d, and the commits end at %d", page, at, end)
			}
		}
		if s.frames == 0 {
			return
		}
		again, err := scanWAL(bytes.NewReader(b[:end]), end)
		if err != nil || again.frames != s.frames || again.commits != s.commits || len(again.pages) != len(s.pages) {
			t.Fatalf("without what follows the last commit: %+v, not %+v", again, s)
		}
	})
}

func FuzzDecodeSums(f *testing.F) {
	id := holdfast.NewID()
	f.Add([]byte(nil))
	f.Add(sums{journal: id}.encode())
	f.Add(sums{journal: id, beat: 7, salts: 9, commits: 3, pages: []uint32{1, 2, 3}}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeSums(b)
		if err != nil {
			return
		}
		if again, err := decodeSums(s.encode()); err != nil || again.beat != s.beat || len(again.pages) != len(s.pages) {
			t.Fatalf("%+v became %+v, error %v", s, again, err)
		}
	})
}

// TestDocumentShowsTheWitness keeps the example of docs/formats/journal.md true.
func TestDocumentShowsTheWitness(t *testing.T) {
	w := commit.Witness{Head: holdfast.Head{Journal: "0123456789abcdefghjkmnpqrs", Epoch: 1, Position: 2}, Beat: 1}
	if err := w.Head.Hash.UnmarshalText([]byte("901da140ef12346033b8be897c350de8a2319ede98377030e6b089f1dc0e52fb")); err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile("../../docs/formats/journal.md")
	if err != nil {
		t.Fatal(err)
	}
	line := w.Encode()
	if !bytes.Contains(document, line) || !bytes.Contains(document, fmt.Appendf(nil, "One line of %d bytes", len(line))) {
		t.Errorf("docs/formats/journal.md does not show %q of %d bytes", line, len(line))
	}
}

func FuzzDecodeWitness(f *testing.F) {
	w := commit.Witness{Head: holdfast.Head{Journal: holdfast.NewID(), Epoch: 1, Position: 907, Hash: holdfast.Hash{1, 2}}, Beat: 33}
	f.Add([]byte(nil))
	f.Add(w.Encode())
	f.Add(bytes.ToUpper(w.Encode()))
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := commit.DecodeWitness(b)
		if err == nil && !bytes.Equal(w.Encode(), b) {
			t.Fatalf("%q has two spellings", b)
		}
	})
}
