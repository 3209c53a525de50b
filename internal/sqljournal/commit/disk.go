package commit

import (
	"os"
	"path/filepath"
)

// Disk is what journal.sums and journal.head are changed through, what puts a restored
// journal in its place, and what makes files durable. A test puts one in the place of [OS] that knows what a loss of
// power would leave.
type Disk interface {
	// Open opens a file with the flags of os.OpenFile; one that it makes has mode
	// 0600.
	Open(path string, flag int) (*os.File, error)
	Write(f *os.File, b []byte, at int64) error
	// Sync makes the content of a file durable, or the names in a directory.
	Sync(f *os.File) error
	Rename(from, to string) error
	Remove(path string) error
	// Link gives a file a second name.
	Link(path, second string) error
}

// OS is the machine's disk.
type OS struct{}

// Open implements Disk.
func (OS) Open(path string, flag int) (*os.File, error) { return os.OpenFile(path, flag, 0o600) }

// Write implements Disk.
func (OS) Write(f *os.File, b []byte, at int64) error {
	_, err := f.WriteAt(b, at)
	return err
}

// Sync implements Disk.
func (OS) Sync(f *os.File) error { return f.Sync() }

// Rename implements Disk.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove implements Disk.
func (OS) Remove(path string) error { return os.Remove(path) }

// Link implements Disk.
func (OS) Link(path, second string) error { return os.Link(path, second) }

// ReplaceFile writes content beside path, syncs it, and renames it to path.
func ReplaceFile(disk Disk, path string, content []byte) error {
	tmp := path + ".new"
	f, err := disk.Open(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY)
	if err != nil {
		return err
	}
	err = disk.Write(f, content, 0)
	if err == nil {
		err = disk.Sync(f)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = disk.Rename(tmp, path)
	}
	if err != nil {
		return err
	}
	return SyncDir(disk, filepath.Dir(path))
}

// SyncDir makes the names in a directory durable.
func SyncDir(disk Disk, dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return disk.Sync(d)
}
