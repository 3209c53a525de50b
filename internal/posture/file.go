package posture

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"holdfast"
)

// fileMagic begins each slot of a posture file: the set as JSON. It is what a gate
// enforces when it starts without the control plane.
const fileMagic = "holdfast-posture/2 "

// File is a posture file that its writer keeps open.
type File struct{ slots *Slots }

// NewFile returns the posture file of that name; see [NewSlots].
func NewFile(path string) *File { return &File{NewSlots(path, fileMagic)} }

// Save writes the set so that after a crash or the loss of power the file holds
// either the old set or the new one, whole.
func (f *File) Save(set Set) error {
	body, err := json.Marshal(set)
	if err == nil {
		err = f.slots.Save(body)
	}
	if err != nil {
		return fmt.Errorf("save posture: %w", err)
	}
	return nil
}

// Close closes the file; what was saved is kept.
func (f *File) Close() error { return f.slots.Close() }

// Save writes the set to a posture file that nobody keeps open.
func Save(path string, set Set) error {
	f := NewFile(path)
	return errors.Join(f.Save(set), f.Close())
}

// Load reads a posture file: code NotFound if there is none, Damaged if it is
// not what was saved.
func Load(path string) (Set, error) {
	body, err := LoadSlots(path, fileMagic)
	if errors.Is(err, fs.ErrNotExist) {
		return Set{}, holdfast.Errorf(holdfast.NotFound, "there is no posture file %s", path)
	}
	if err != nil && !errors.Is(err, ErrNoSlot) {
		return Set{}, fmt.Errorf("load posture: %w", err)
	}
	if err != nil {
		body, err = loadFirst(path, err)
	}
	var set Set
	if err == nil {
		err = json.Unmarshal(body, &set)
	}
	if err != nil {
		return Set{}, holdfast.Errorf(holdfast.Damaged, "the posture file %s is damaged: payments are declined until the control plane sends the posture anew", path).Because(err)
	}
	return set, nil
}

// firstMagic begins a posture file of the first form: one line with the SHA-256
// of the rest, and the set as JSON. Such a file is read, and replaced whole by the
// next [File.Save].
const firstMagic = "holdfast-posture/1 "

// loadFirst returns the set in a file of the first form; for any other, why it
// cannot be read.
func loadFirst(path string, why error) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := readAll(f)
	line, body, _ := bytes.Cut(content, []byte("\n"))
	if err != nil || !bytes.HasPrefix(line, []byte(firstMagic)) {
		return nil, why
	}
	var want holdfast.Hash
	if err := want.UnmarshalText(line[len(firstMagic):]); err != nil {
		return nil, err
	}
	if sha256.Sum256(body) != want {
		return nil, errors.New("its content does not match its hash")
	}
	return body, nil
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

// SyncDir makes the names in a directory durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}
