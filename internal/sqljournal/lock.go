package sqljournal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"holdfast"
)

// lockDir makes this process the only one that uses dir, until the file is
// closed or the process ends, however it ends. The file holds the process id.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, fileLock), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(f, unix.LOCK_EX, dir); err != nil {
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

// lockForReading keeps writers out of dir while it is inspected, and changes
// nothing. Without a lock file nobody has ever written there, or somebody
// copied the files; then there is nothing to lock and the file is nil.
func lockForReading(dir string) (*os.File, error) {
	f, err := os.Open(filepath.Join(dir, fileLock))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := flock(f, unix.LOCK_SH, dir); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func flock(f *os.File, how int, dir string) error {
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
	return holdfast.Errorf(holdfast.Unavailable, "the data directory %s is already in use by %s; stop it first, or name another directory", dir, holder)
}
