package sqljournal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
	"modernc.org/sqlite/vfs"
)

// image is the database as SQLite would see it after recovery: the pages of
// journal.db, replaced by the committed frames of the -wal. It is read through
// a read-only file system, so looking at a directory changes no byte of it, not
// even the -shm.
type image struct {
	db, wal io.ReaderAt
	scan    walScan
	size    int64
}

// open returns a database on the image, and what closes it.
func (m *image) open(ctx context.Context) (*sql.DB, func(), error) {
	name, system, err := vfs.New(m)
	if err != nil {
		return nil, nil, fmt.Errorf("show %s to SQLite: %w", fileDB, err)
	}
	db, err := sql.Open("sqlite", "file:"+fileDB+"?mode=ro&immutable=1&vfs="+name+"&_pragma=temp_store(memory)&_pragma=cache_size(-65536)")
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(1)
	end := func() {
		db.Close()
		system.Close()
	}
	if err := db.PingContext(ctx); err != nil {
		end()
		return nil, nil, err
	}
	return db, end, nil
}

// ReadAt reads from the newest image of each page.
func (m *image) ReadAt(b []byte, offset int64) (int, error) {
	read := 0
	for read < len(b) && offset < m.size {
		page, within := uint32(offset/pageSize)+1, offset%pageSize
		part := b[read:min(len(b), read+int(pageSize-within))]
		source, at := m.db, offset
		if frame, replaced := m.scan.pages[page]; replaced {
			source, at = m.wal, frame+frameHeader+within
		}
		n, err := source.ReadAt(part, at)
		if n < len(part) && !errors.Is(err, io.EOF) {
			return read, err
		}
		clear(part[n:]) // a page that was never written is a hole at the end
		readAsRollback(part, offset)
		read, offset = read+len(part), offset+int64(len(part))
	}
	if read < len(b) {
		return read, io.EOF
	}
	return read, nil
}

// readAsRollback shows the two version bytes of the database header as those of
// a database without a -wal, since the image has none.
func readAsRollback(part []byte, offset int64) {
	for at := int64(18); at <= 19; at++ {
		if offset <= at && at < offset+int64(len(part)) {
			part[at-offset] = 1
		}
	}
}

// Open implements fs.FS with one file.
func (m *image) Open(name string) (fs.File, error) {
	if filepath.Base(name) != fileDB {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &imageFile{io.NewSectionReader(m, 0, m.size)}, nil
}

type imageFile struct{ *io.SectionReader }

func (f *imageFile) Close() error               { return nil }
func (f *imageFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f *imageFile) Name() string               { return fileDB }
func (f *imageFile) Mode() fs.FileMode          { return 0o400 }
func (f *imageFile) ModTime() time.Time         { return time.Time{} }
func (f *imageFile) IsDir() bool                { return false }
func (f *imageFile) Sys() any                   { return nil }
