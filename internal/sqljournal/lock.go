package sqljournal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"holdfast/internal/sqljournal/commit"
)

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
	if err := commit.Flock(f, unix.LOCK_SH); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
