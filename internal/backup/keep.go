package backup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"holdfast"
)

// Entry is a backup that lies in a directory.
type Entry struct {
	Name     string            `json:"name"`
	Made     time.Time         `json:"made"`
	Position holdfast.Position `json:"position"`
	Size     int64             `json:"size"`
}

// List returns the backups of a journal in a directory, newest first. Other
// files are left alone. A directory that is not there holds none.
func List(dir, journal string) ([]Entry, error) {
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	list := []Entry{}
	for _, f := range files {
		of, made, position, ok := parseName(f.Name())
		if !ok || of != short(journal) || !f.Type().IsRegular() {
			continue
		}
		info, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		list = append(list, Entry{f.Name(), made, position, info.Size()})
	}
	slices.SortFunc(list, func(a, b Entry) int {
		if n := b.Made.Compare(a.Made); n != 0 {
			return n
		}
		return strings.Compare(b.Name, a.Name)
	})
	return list, nil
}

// Due returns when a backup is due after one made at last: at the next multiple
// of every since 1970 UTC. Without one it is due at once.
func Due(last time.Time, every time.Duration) time.Time {
	if last.IsZero() {
		return time.Time{}
	}
	n := int64(every / time.Second)
	return time.Unix((last.Unix()/n+1)*n, 0).UTC()
}

// surplus returns those of a list, newest first, that are beyond the number to
// keep.
func surplus(list []Entry, keep int) []Entry { return list[min(keep, len(list)):] }

// clear removes what earlier runs left unfinished.
func clearPartial(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, prefix+"*"+partial))
	for _, path := range left {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// roomFor refuses to begin a backup of about need bytes where the disk would
// have less left than as much again: the journal may lie on the same disk.
func roomFor(free, need int64, dir string) error {
	if free >= 2*need {
		return nil
	}
	return holdfast.Errorf(holdfast.Unavailable, "there are %d MB free in %s, and a backup of %d MB is not begun with less than twice that: make room, or keep fewer backups", free>>20, dir, need>>20+1)
}

func freeIn(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * s.Bsize, nil
}
