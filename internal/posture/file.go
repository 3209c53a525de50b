package posture

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"holdfast"
)

// A posture file is one line "holdfast-posture/1 <SHA-256 of the rest>" and the
// set as JSON. It is what a gate enforces when it starts without the control
// plane.
const fileMagic = "holdfast-posture/1 "

// Save writes the set to path so that after a crash or the loss of power the
// file holds either the old set or the new one, whole.
func Save(path string, set Set) error {
	body, err := json.Marshal(set)
	if err != nil {
		return fmt.Errorf("save posture: %w", err)
	}
	sum := holdfast.Hash(sha256.Sum256(body))
	content := append([]byte(fileMagic+sum.String()+"\n"), body...)
	if err := RewriteFile(path, content); err != nil {
		return fmt.Errorf("save posture: %w", err)
	}
	return nil
}

// Load reads a posture file: code NotFound if there is none, Damaged if it is
// not what was saved.
func Load(path string) (Set, error) {
	content, err := readBounded(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Set{}, holdfast.Errorf(holdfast.NotFound, "there is no posture file %s", path)
	}
	if err != nil {
		return Set{}, fmt.Errorf("load posture: %w", err)
	}
	set, err := parseFile(content)
	if err != nil {
		return Set{}, holdfast.Errorf(holdfast.Damaged, "the posture file %s is damaged: payments are declined until the control plane sends the posture anew", path).Because(err)
	}
	return set, nil
}

// maxFile bounds a posture file in bytes: twice the largest message of fleet.
const maxFile = 16 << 20

// readBounded reads a file, but never more than is looked at.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

func parseFile(content []byte) (Set, error) {
	if len(content) > maxFile {
		return Set{}, fmt.Errorf("it has more than %d bytes", maxFile)
	}
	line, body, ok := bytes.Cut(content, []byte("\n"))
	if !ok || !bytes.HasPrefix(line, []byte(fileMagic)) {
		return Set{}, errors.New("it does not begin with " + fileMagic)
	}
	var want holdfast.Hash
	if err := want.UnmarshalText(line[len(fileMagic):]); err != nil {
		return Set{}, err
	}
	if sha256.Sum256(body) != want {
		return Set{}, errors.New("its content does not match its hash")
	}
	var set Set
	if err := json.Unmarshal(body, &set); err != nil {
		return Set{}, err
	}
	return set, nil
}

// WriteFile replaces path whole: it writes beside it, syncs, renames and syncs
// the directory. The file is readable by its owner only.
func WriteFile(path string, content []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return SyncDir(dir)
}

// RewriteFile replaces path whole as [WriteFile] does, for a file that is written
// often and by one writer at a time. The former content stays beside it and is
// written over the next time: the two files take turns under the name, so that
// none is made or removed, which costs more than the writing.
func RewriteFile(path string, content []byte) (err error) {
	dir, base := filepath.Split(path)
	spare := filepath.Join(dir, "."+base+".spare")
	defer func() {
		if err != nil {
			os.Remove(spare)
		}
	}()
	f, err := os.OpenFile(spare, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(content); err == nil {
		err = f.Truncate(int64(len(content)))
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := takeTurns(spare, path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// takeTurns puts spare in the place of path, and path in that of spare if there
// is one and the file system can do both at once.
func takeTurns(spare, path string) error {
	if at, err := os.Lstat(path); err == nil && at.Mode().IsRegular() {
		if unix.Renameat2(unix.AT_FDCWD, spare, unix.AT_FDCWD, path, unix.RENAME_EXCHANGE) == nil {
			return nil
		}
	}
	return os.Rename(spare, path)
}

// SyncDir makes the names in a directory durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}
