package sqljournal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	pageSize       = 4096
	walHeaderSize  = 32
	frameHeader    = 24
	frameSize      = frameHeader + pageSize
	walVersion     = 3007000
	walMagicLittle = 0x377f0682
	walMagicBig    = 0x377f0683
)

// walScan is what SQLite recovers from a -wal file: the frames up to the last
// commit before the first frame that is not valid. SQLite drops the rest without
// a word; the scan says where that is and why.
type walScan struct {
	// salts is the number pair that marks the frames of one run of the file.
	// SQLite changes it when it begins again at the first frame.
	salts uint64
	// frames counts the frames up to the last commit; commits the commits in them.
	frames, commits uint64
	// pages maps a page of the database to the offset of its newest image.
	pages map[uint32]int64
	// size is how many pages the database has after the last commit.
	size uint32
	// stop is the offset of the first byte that is not part of a valid frame, and
	// why says what is wrong there.
	stop int64
	why  string
}

// stopped says in words where the scan ended.
func (s walScan) stopped() string {
	if s.stop < walHeaderSize {
		return fmt.Sprintf("%s at byte %d: %s", fileWAL, s.stop, s.why)
	}
	return fmt.Sprintf("%s, frame %d at byte %d: %s", fileWAL, (s.stop-walHeaderSize)/frameSize+1, s.stop, s.why)
}

// scanWAL reads a -wal file as SQLite does when it recovers. An error means that
// the file could not be read, never that its content is wrong.
func scanWAL(r io.ReaderAt, size int64) (walScan, error) {
	s := walScan{pages: map[uint32]int64{}}
	if size == 0 {
		s.why = "the file is missing or empty"
		return s, nil
	}
	var header [walHeaderSize]byte
	if _, err := r.ReadAt(header[:], 0); errors.Is(err, io.EOF) {
		s.why = "the file ends inside its header"
		return s, nil
	} else if err != nil {
		return s, fmt.Errorf("read %s: %w", fileWAL, err)
	}
	sum, why := checkWALHeader(header[:])
	if why != "" {
		s.why = why
		return s, nil
	}
	s.salts = binary.BigEndian.Uint64(header[16:])
	frames := io.NewSectionReader(r, walHeaderSize, size-walHeaderSize)
	return s, s.scanFrames(frames, sum, header[16:24])
}

// checkWALHeader returns the checksum that the first frame continues, or what is
// wrong with the header.
func checkWALHeader(h []byte) (walSum, string) {
	var sum walSum
	switch binary.BigEndian.Uint32(h) {
	case walMagicLittle:
		sum.order = binary.LittleEndian
	case walMagicBig:
		sum.order = binary.BigEndian
	default:
		return sum, "this is not the header of a -wal file"
	}
	sum.add(h[:24])
	switch {
	case !sum.equal(h[24:]):
		return sum, "the checksum of the header does not match"
	case binary.BigEndian.Uint32(h[4:]) != walVersion:
		return sum, "the version of the -wal format is not known"
	case binary.BigEndian.Uint32(h[8:]) != pageSize:
		return sum, fmt.Sprintf("the page size is not %d", pageSize)
	}
	return sum, ""
}

func (s *walScan) scanFrames(r *io.SectionReader, sum walSum, salts []byte) error {
	buffer := make([]byte, min(64, r.Size()/frameSize+1)*frameSize)
	open := map[uint32]int64{} // frames since the last commit
	offset, frame := int64(walHeaderSize), uint64(0)
	for {
		n, err := io.ReadFull(r, buffer)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("read %s: %w", fileWAL, err)
		}
		rest := buffer[:n]
		for ; len(rest) >= frameSize; rest = rest[frameSize:] {
			if s.why = checkFrame(rest[:frameSize], &sum, salts); s.why != "" {
				s.stop = offset
				return nil
			}
			open[binary.BigEndian.Uint32(rest)] = offset
			offset, frame = offset+frameSize, frame+1
			if size := binary.BigEndian.Uint32(rest[4:]); size != 0 {
				s.frames, s.size, s.commits = frame, size, s.commits+1
				for page, at := range open {
					s.pages[page] = at
				}
				clear(open)
			}
		}
		if n < len(buffer) {
			s.stop, s.why = offset, "the file ends here"
			return nil
		}
	}
}

// checkFrame returns what is wrong with a frame, or "" after adding it to sum.
func checkFrame(b []byte, sum *walSum, salts []byte) string {
	if !bytes.Equal(b[8:16], salts) {
		return "the frame is not of this run of the file (an older one, or a damaged mark)"
	}
	if binary.BigEndian.Uint32(b) == 0 {
		return "the frame names no page"
	}
	sum.add(b[:8])
	sum.add(b[frameHeader:])
	if !sum.equal(b[16:24]) {
		return "the checksum does not match"
	}
	return ""
}

// walSum is the running checksum of a -wal file.
type walSum struct {
	order  binary.ByteOrder
	s0, s1 uint32
}

// add continues the sum over b, whose length is a multiple of 8.
func (w *walSum) add(b []byte) {
	s0, s1 := w.s0, w.s1
	if w.order == binary.LittleEndian {
		for ; len(b) >= 8; b = b[8:] {
			s0 += binary.LittleEndian.Uint32(b) + s1
			s1 += binary.LittleEndian.Uint32(b[4:]) + s0
		}
	} else {
		for ; len(b) >= 8; b = b[8:] {
			s0 += binary.BigEndian.Uint32(b) + s1
			s1 += binary.BigEndian.Uint32(b[4:]) + s0
		}
	}
	w.s0, w.s1 = s0, s1
}

func (w *walSum) equal(b []byte) bool {
	return binary.BigEndian.Uint32(b) == w.s0 && binary.BigEndian.Uint32(b[4:]) == w.s1
}
