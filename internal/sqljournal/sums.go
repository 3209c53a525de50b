package sqljournal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"

	"holdfast/internal/sqljournal/commit"
)

// sums is the content of journal.sums: one checksum per page of journal.db, as
// the page stood after a complete checkpoint. Between checkpoints nothing
// changes journal.db.
//
//	offset  bytes
//	0       16     "holdfast-sums/1\n"
//	16      26     journal id
//	42      6      zero
//	48      8      beat: the number of the last commit in journal.db
//	56      8      salts of the -wal file that was checkpointed
//	64      8      how many commits that file had then
//	72      4      page size, 4096
//	76      4      n, the number of pages
//	80      4n     CRC-32C of each page
//	80+4n   4      CRC-32C of all bytes before
//
// Integers are big endian.
type sums struct {
	journal string
	beat    uint64
	salts   uint64
	commits uint64
	pages   []uint32
}

const (
	sumsMagic  = "holdfast-sums/1\n"
	sumsHeader = 80
	idLength   = 26 // of holdfast.NewID
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// zeroPage is the checksum of a page that was never written: a hole in the file.
var zeroPage = checksum(make([]byte, pageSize))

func (s sums) encode() []byte {
	b := make([]byte, sumsHeader, sumsHeader+4*len(s.pages)+4)
	copy(b, sumsMagic)
	copy(b[16:16+idLength], s.journal)
	binary.BigEndian.PutUint64(b[48:], s.beat)
	binary.BigEndian.PutUint64(b[56:], s.salts)
	binary.BigEndian.PutUint64(b[64:], s.commits)
	binary.BigEndian.PutUint32(b[72:], pageSize)
	binary.BigEndian.PutUint32(b[76:], uint32(len(s.pages)))
	for _, p := range s.pages {
		b = binary.BigEndian.AppendUint32(b, p)
	}
	return binary.BigEndian.AppendUint32(b, checksum(b))
}

// decodeSums returns what the file says, even where it is damaged, so that the
// damage can be located; the error says what is wrong.
func decodeSums(b []byte) (sums, error) {
	if len(b) < sumsHeader+4 || string(b[:16]) != sumsMagic {
		return sums{}, fmt.Errorf("bytes 0 to 15 are not the mark %q", sumsMagic)
	}
	s := sums{
		journal: string(b[16 : 16+idLength]),
		beat:    binary.BigEndian.Uint64(b[48:]),
		salts:   binary.BigEndian.Uint64(b[56:]),
		commits: binary.BigEndian.Uint64(b[64:]),
	}
	entries := b[sumsHeader : len(b)-4]
	s.pages = make([]uint32, len(entries)/4)
	for i := range s.pages {
		s.pages[i] = binary.BigEndian.Uint32(entries[4*i:])
	}
	if n := binary.BigEndian.Uint32(b[76:]); int64(len(entries)) != 4*int64(n) {
		return s, fmt.Errorf("the file has %d bytes, but bytes 76 to 79 announce %d pages, that is %d bytes", len(b), n, sumsHeader+4*int64(n)+4)
	}
	if checksum(b[:len(b)-4]) != binary.BigEndian.Uint32(b[len(b)-4:]) {
		return s, fmt.Errorf("the file does not match its own checksum in bytes %d to %d", len(b)-4, len(b)-1)
	}
	if binary.BigEndian.Uint32(b[72:]) != pageSize {
		return s, fmt.Errorf("bytes 72 to 75 are not the page size %d", pageSize)
	}
	return s, nil
}

// write replaces the file at once: a crash leaves the old one or the new one.
func (s sums) write(disk commit.Disk, dir string) error {
	return commit.ReplaceFile(disk, filepath.Join(dir, fileSums), s.encode())
}

// beatWith returns the beat of journal.db seen through the commits of a -wal.
// Those that were checkpointed already count once.
func (s sums) beatWith(scan walScan) uint64 {
	beat := s.beat + scan.commits
	if scan.salts == s.salts && scan.commits > 0 {
		beat -= s.commits
	}
	return beat
}

// after returns the sums of journal.db once the commits of a -wal are in it.
func (s sums) after(scan walScan, wal io.ReaderAt) (sums, error) {
	if scan.commits == 0 {
		return s, nil
	}
	next := sums{journal: s.journal, beat: s.beatWith(scan), salts: scan.salts, commits: scan.commits}
	next.pages = make([]uint32, scan.size)
	for i := copy(next.pages, s.pages); i < len(next.pages); i++ {
		next.pages[i] = zeroPage
	}
	page := make([]byte, pageSize)
	for number, at := range scan.pages {
		if number > scan.size {
			continue
		}
		if _, err := wal.ReadAt(page, at+frameHeader); err != nil {
			return s, fmt.Errorf("read %s: %w", fileWAL, err)
		}
		next.pages[number-1] = checksum(page)
	}
	return next, nil
}
