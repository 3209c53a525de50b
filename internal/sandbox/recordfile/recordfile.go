// Package recordfile keeps JSON records in a file that is only ever appended to
// and survives kill -9.
//
// One record is one line: the CRC-32C of the JSON as 8 lower-case hexadecimal
// digits, a space, the JSON without line breaks, a line feed:
//
//	b94fc552 {"event":"done","identity":"c1-17"}
//
// Records that wait together are written and synced together. A record is
// acknowledged only after the sync, so a last line that is torn was never
// acknowledged, and opening the file removes it. A damaged line anywhere else
// is an error: after power was lost during a write of several records the file
// may need a person to look at it. One process may write a file at a time;
// others may read it meanwhile.
package recordfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"

	"holdfast"
)

// MaxRecord is the largest record, in bytes of JSON.
const MaxRecord = 64 << 10

var table = crc32.MakeTable(crc32.Castagnoli)

// File is an open record file. Its methods may be called concurrently.
type File struct {
	f *os.File

	mu     sync.Mutex
	next   *group // waits for the next write; nil if nothing waits
	busy   bool   // a write is under way
	idle   *sync.Cond
	closed bool
	// err is the first write error: from then on it is not known what the file
	// holds, so nothing more is written.
	err error
}

// group is what one write and one sync make durable.
type group struct {
	lines []byte
	done  chan struct{}
	err   error // set before done is closed
}

// Open opens or creates the file, passes every record to each in order, removes
// a torn last line and stands ready to append.
func Open(path string, each func(record []byte) error) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open record file: %w", err)
	}
	whole, err := scan(f, path, each)
	if err == nil {
		err = trim(f, path, whole)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	file := &File{f: f}
	file.idle = sync.NewCond(&file.mu)
	return file, nil
}

func trim(f *os.File, path string, whole int64) error {
	if err := f.Truncate(whole); err != nil {
		return fmt.Errorf("remove the torn end of %s: %w", path, err)
	}
	if _, err := f.Seek(whole, io.SeekStart); err != nil {
		return fmt.Errorf("find the end of %s: %w", path, err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", path, err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("open the directory of %s: %w", path, err)
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil { // or the file itself may be gone after a power loss
		return fmt.Errorf("sync the directory of %s: %w", path, err)
	}
	return nil
}

// Read passes every whole record in r to each, in order. It may be used while a
// process appends: an unfinished last line is left out. name is for errors.
func Read(r io.Reader, name string, each func(record []byte) error) error {
	_, err := scan(r, name, each)
	return err
}

// ReadFile is Read of the file at path.
func ReadFile(path string, each func(record []byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open record file: %w", err)
	}
	defer f.Close()
	return Read(f, path, each)
}

// scan returns how many bytes of whole records there are. The last line may be
// torn; any other must be whole.
func scan(r io.Reader, name string, each func(record []byte) error) (whole int64, err error) {
	lines := bufio.NewReaderSize(r, MaxRecord+16)
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		switch {
		case err == io.EOF:
			return whole, nil // what is left, if anything, has no line feed: torn
		case errors.Is(err, bufio.ErrBufferFull):
			return whole, holdfast.Errorf(holdfast.Damaged, "%s line %d: longer than a record can be", name, n)
		case err != nil:
			return whole, fmt.Errorf("read %s: %w", name, err)
		}
		record, ok := parse(line)
		if !ok {
			if _, err := lines.Peek(1); err == io.EOF {
				return whole, nil
			}
			return whole, holdfast.Errorf(holdfast.Damaged, "%s line %d: the checksum does not match; keep the file and find out what changed it", name, n)
		}
		if err := each(record); err != nil {
			return whole, fmt.Errorf("%s line %d: %w", name, n, err)
		}
		whole += int64(len(line))
	}
}

const digits = "0123456789abcdef"

func appendLine(b, record []byte) []byte {
	sum := crc32.Checksum(record, table)
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, digits[sum>>shift&15])
	}
	b = append(b, ' ')
	b = append(b, record...)
	return append(b, '\n')
}

func parse(line []byte) (record []byte, ok bool) {
	if len(line) < 10 || line[8] != ' ' {
		return nil, false
	}
	var sum uint32
	for _, c := range line[:8] {
		i := bytes.IndexByte([]byte(digits), c)
		if i < 0 {
			return nil, false
		}
		sum = sum<<4 | uint32(i)
	}
	record = line[9 : len(line)-1]
	return record, crc32.Checksum(record, table) == sum
}

// Append puts the record in line and returns a function that waits until it is
// durable. The order of records is the order of the calls. After an error it is
// not known whether the record is in the file, and no later record will be.
func (f *File) Append(record []byte) (wait func() error) {
	if len(record) > MaxRecord || bytes.IndexByte(record, '\n') >= 0 {
		err := holdfast.Errorf(holdfast.Invalid, "a record of %d bytes: it must be one line of at most %d", len(record), MaxRecord)
		return func() error { return err }
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil || f.closed {
		err := f.err
		if err == nil {
			err = os.ErrClosed
		}
		return func() error { return err }
	}
	if f.next == nil {
		f.next = &group{done: make(chan struct{})}
	}
	g := f.next
	g.lines = appendLine(g.lines, record)
	if !f.busy {
		f.busy = true
		go f.flush()
	}
	return func() error {
		<-g.done
		return g.err
	}
}

// flush writes groups until none waits.
func (f *File) flush() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.next != nil {
		g := f.next
		f.next = nil
		if g.err = f.err; g.err == nil {
			f.mu.Unlock()
			g.err = f.write(g.lines)
			f.mu.Lock()
			f.err = g.err
		}
		close(g.done)
	}
	f.busy = false
	f.idle.Broadcast()
}

func (f *File) write(lines []byte) error {
	if _, err := f.f.Write(lines); err != nil {
		return fmt.Errorf("append to %s: %w", f.f.Name(), err)
	}
	if err := f.f.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", f.f.Name(), err)
	}
	return nil
}

// Close waits for the records in line and closes the file. Later calls of Append
// fail.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	for f.busy {
		f.idle.Wait()
	}
	return f.f.Close()
}
