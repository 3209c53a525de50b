package commit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"holdfast"
)

// Lock makes this process the only one that locks a file of a directory, until the
// file is closed or the process ends, however it ends. The file holds the process
// id.
func Lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := Flock(f, unix.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	pid := fmt.Appendf(nil, "%d\n", os.Getpid())
	if _, err = f.WriteAt(pid, 0); err == nil {
		err = f.Truncate(int64(len(pid)))
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Flock locks a file as [unix.Flock] does, at once or not at all. Its error names
// the directory and who uses it.
func Flock(f *os.File, how int) error {
	err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
	if !errors.Is(err, unix.EWOULDBLOCK) {
		return err
	}
	content, _ := os.ReadFile(f.Name())
	holder := "another process"
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	// An inspection locks without a word, so the id may be that of a process long
	// dead.
	if err == nil && pid > 0 && !errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
		holder = fmt.Sprintf("process %d", pid)
	}
	return holdfast.Errorf(holdfast.Unavailable, "the data directory %s is already in use by %s; stop it first, or name another directory", filepath.Dir(f.Name()), holder)
}
