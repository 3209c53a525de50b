package posture

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"holdfast"
)

// A file of two slots keeps one value that changes often. The slots are of one
// size; each begins with the line "<magic><SHA-256 of the rest> <sequence>
// <length>", then come so many bytes and zeroes to the end of the slot. The value
// is that of the whole slot with the higher sequence. Behind the slots stands the
// mark: a slot of one block without a body, of the newest sequence that is on disk
// for sure.
//
// The next value goes into the other slot, over bytes that the disk already has
// for the file, and is synced with one call that waits for no name and no size;
// then comes the mark, which is not waited for. A write that a crash tears spoils
// the slot that was not the value, and the value before it stays. Damage to a slot
// that was synced is told from that by the mark: there is no value then.

// block is a multiple of what a disk writes whole; slots begin at one.
const block = 4096

// room is what a slot has beyond the value it is made for: its first line, and
// some to grow.
const room = 512

// slot is a value as it was found in a file.
type slot struct {
	sequence uint64
	body     []byte
	at       int // 0 or 1
}

// Slots keeps the value of one file. Its writer has the file open and knows what
// it wrote last, so a value that changes costs two writes and one sync.
type Slots struct {
	path, magic string
	file        *os.File    // nil until the first value is kept in place
	info        os.FileInfo // after the last write
	at          int         // the slot of the value
	sequence    uint64      // of the value
	size        int         // of a slot
}

// NewSlots returns the file of slots of that name. It is opened when a value is
// saved. There may be one writer of a file at a time.
func NewSlots(path, magic string) *Slots { return &Slots{path: path, magic: magic} }

// Save makes body the value of the file. After a crash or the loss of power the
// file holds it or the value before, whole.
func (s *Slots) Save(body []byte) error {
	if s.overwrite(body) == nil {
		return nil
	}
	// There is no such file, it has no place for the value, or a part of the disk
	// takes nothing more: a new file takes the name.
	s.drop()
	s.sequence++
	size := (len(body) + room + block - 1) / block * block
	content := make([]byte, 2*size+block)
	copy(content, encodeSlot(s.magic, s.sequence, body))
	copy(content[2*size:], encodeSlot(s.magic, s.sequence, nil))
	return WriteFile(s.path, content)
}

// Close closes the file. What was saved is kept; a value may be saved again.
func (s *Slots) Close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// drop closes a file that is of no use.
func (s *Slots) drop() { _ = s.Close() }

// SaveSlots makes body the value of a file that nobody keeps open.
func SaveSlots(path, magic string, body []byte) error {
	s := NewSlots(path, magic)
	return errors.Join(s.Save(body), s.Close())
}

// maxFile bounds a file of slots in bytes: twice two of fleet's largest messages.
const maxFile = 33 << 20

// LoadSlots returns the value of the file. What is wrong with its content is an
// [ErrNoSlot].
func LoadSlots(path, magic string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := readAll(f)
	if err != nil {
		return nil, err
	}
	s, err := newest(content, magic)
	return s.body, err
}

func readAll(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().IsRegular() && info.Size() > maxFile {
		return nil, fmt.Errorf("it has more than %d bytes: %w", maxFile, ErrNoSlot)
	}
	content := make([]byte, info.Size())
	_, err = io.ReadFull(f, content)
	return content, err
}

// ErrNoSlot says that no slot of a file is whole.
var ErrNoSlot = errors.New("no slot is whole")

// overwrite writes body into the slot that is not the value.
func (s *Slots) overwrite(body []byte) error {
	if err := s.open(); err != nil {
		return err
	}
	entry := encodeSlot(s.magic, s.sequence+1, body)
	if len(entry) > s.size || s.size%block != 0 {
		return errors.New("the slots have another size")
	}
	s.sequence++ // no other value has it, even if a part of this one is written
	if _, err := s.file.WriteAt(entry, int64((1-s.at)*s.size)); err != nil {
		return err
	}
	if err := unix.Fdatasync(int(s.file.Fd())); err != nil {
		return err
	}
	s.at = 1 - s.at
	_, err := s.file.WriteAt(encodeSlot(s.magic, s.sequence, nil), int64(2*s.size))
	if err == nil {
		s.info, err = s.file.Stat()
	}
	return err
}

// open makes sure that the file that is open is the one that has the name, as it
// was left: another may have been put there, or the directory moved away.
func (s *Slots) open() error {
	named, err := os.Lstat(s.path)
	if err != nil {
		return err
	}
	if s.file != nil && os.SameFile(named, s.info) && named.Size() == s.info.Size() && named.ModTime().Equal(s.info.ModTime()) {
		return nil
	}
	s.drop()
	// What a link points to is not written over: the name is.
	if s.file, err = os.OpenFile(s.path, os.O_RDWR|unix.O_NOFOLLOW, 0); err != nil {
		return err
	}
	if s.info, err = s.file.Stat(); err != nil {
		return err
	}
	content, err := readAll(s.file)
	if err != nil {
		return err
	}
	value, err := newest(content, s.magic)
	if err != nil {
		return err
	}
	s.at, s.sequence, s.size = value.at, max(s.sequence, value.sequence), slotSize(content)
	return nil
}

func slotSize(content []byte) int { return max(0, len(content)-block) / 2 }

func encodeSlot(magic string, sequence uint64, body []byte) []byte {
	rest := fmt.Appendf(nil, "%d %d\n", sequence, len(body))
	rest = append(rest, body...)
	sum := holdfast.Hash(sha256.Sum256(rest))
	return append([]byte(magic+sum.String()+" "), rest...)
}

// newest returns the whole slot with the higher sequence, unless a newer one was
// on disk.
func newest(content []byte, magic string) (slot, error) {
	size := slotSize(content)
	var found slot
	why := errors.New("it is empty")
	for i := range 2 {
		s, err := parseSlot(content[i*size:(i+1)*size], magic)
		switch {
		case err != nil:
			why = err
		case s.sequence > found.sequence:
			found, found.at = s, i
		}
	}
	if found.sequence == 0 {
		return slot{}, fmt.Errorf("%w: %w", ErrNoSlot, why)
	}
	if mark, err := parseSlot(content[2*size:], magic); err == nil && mark.sequence > found.sequence {
		return slot{}, fmt.Errorf("%w: the newest is damaged: %w", ErrNoSlot, why)
	}
	return found, nil
}

func parseSlot(b []byte, magic string) (slot, error) {
	digits := 2 * sha256.Size
	if len(b) < len(magic)+digits+1 || string(b[:len(magic)]) != magic || b[len(magic)+digits] != ' ' {
		return slot{}, errors.New("it does not begin with " + magic + "and a hash")
	}
	var want holdfast.Hash
	if err := want.UnmarshalText(b[len(magic) : len(magic)+digits]); err != nil {
		return slot{}, err
	}
	rest := b[len(magic)+digits+1:]
	line, body, _ := bytes.Cut(rest, []byte("\n"))
	first, second, _ := bytes.Cut(line, []byte(" "))
	sequence, err := strconv.ParseUint(string(first), 10, 64)
	length, err2 := strconv.ParseUint(string(second), 10, 31)
	if err != nil || err2 != nil || length > uint64(len(body)) {
		return slot{}, errors.New("its sequence or its length cannot be read")
	}
	if sha256.Sum256(rest[:len(line)+1+int(length)]) != want {
		return slot{}, errors.New("its content does not match its hash")
	}
	return slot{sequence: sequence, body: body[:length]}, nil
}
