package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"holdfast"
	"holdfast/internal/posture"
)

// Maker makes backups of one journal.
type Maker struct {
	Source Source
	Open   Opener
	// Keys is the directory with the node's keys.
	Keys string
	// Passphrase seals the keys; without one they are left out.
	Passphrase string
	Version    string
}

// Make writes a backup into dir, reads it back whole, and only then gives it its
// name. It returns the file's path. Nothing is left behind if it fails.
func (m *Maker) Make(ctx context.Context, dir string, now time.Time) (path string, made Manifest, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", Manifest{}, err
	}
	f, err := os.CreateTemp(dir, prefix+"*"+partial)
	if err != nil {
		return "", Manifest{}, err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if made, err = m.write(ctx, f, now); err != nil {
		return "", Manifest{}, fmt.Errorf("write a backup into %s: %w", dir, err)
	}
	if err := f.Sync(); err != nil {
		return "", Manifest{}, err
	}
	b, err := read(ctx, f, m.Open)
	if err != nil {
		return "", Manifest{}, fmt.Errorf("read the backup back: %w", err)
	}
	err = b.Verify(ctx)
	if err = errors.Join(err, b.close()); err != nil {
		return "", Manifest{}, fmt.Errorf("read the backup back: %w", err)
	}
	path = filepath.Join(dir, made.Name())
	if err := os.Rename(f.Name(), path); err != nil {
		return "", Manifest{}, err
	}
	return path, made, posture.SyncDir(dir)
}

func (m *Maker) write(ctx context.Context, f *os.File, now time.Time) (Manifest, error) {
	made := Manifest{Format: Format, Made: now.UTC().Truncate(time.Second), Version: m.Version}
	keys, err := readKeys(m.Keys)
	if err != nil {
		return made, err
	}
	journal, err := writeJournal(ctx, f, m.Source, &made)
	if err != nil {
		return made, err
	}
	made.Parts = append(made.Parts, journal)
	t := tar.NewWriter(f)
	if len(keys) > 0 && m.Passphrase != "" {
		box, err := seal(m.Passphrase, keys)
		if err != nil {
			return made, err
		}
		if err := entry(t, partKeys, box, made.Made); err != nil {
			return made, err
		}
		made.Parts = append(made.Parts, Part{partKeys, int64(len(box)), sha256.Sum256(box)})
		made.Sealed = names(keys)
	} else {
		made.Apart = names(keys)
	}
	manifest, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		return made, err
	}
	if err := entry(t, partManifest, append(manifest, '\n'), made.Made); err != nil {
		return made, err
	}
	return made, t.Close()
}

// tarBlock is the size of tar's header and of what each part is filled up to.
const tarBlock = 512

// writeJournal writes the first part. Its size is known only afterwards, so its
// header is written last.
func writeJournal(ctx context.Context, f *os.File, from Source, made *Manifest) (Part, error) {
	if _, err := f.Seek(tarBlock, io.SeekStart); err != nil {
		return Part{}, err
	}
	w := &counted{w: f, sum: sha256.New()}
	head, err := from.Snapshot(ctx, w)
	if err != nil {
		return Part{}, err
	}
	made.Head = head
	if fill := -w.n % tarBlock; fill < 0 {
		if _, err := f.Write(make([]byte, tarBlock+fill)); err != nil {
			return Part{}, err
		}
	}
	var header bytes.Buffer
	if err := tar.NewWriter(&header).WriteHeader(headerOf(partJournal, w.n, made.Made)); err != nil {
		return Part{}, err
	}
	if header.Len() != tarBlock {
		return Part{}, holdfast.Errorf(holdfast.TooLarge, "the journal has %d bytes, more than one file of a backup can hold", w.n)
	}
	_, err = f.WriteAt(header.Bytes(), 0)
	return Part{partJournal, w.n, holdfast.Hash(w.sum.Sum(nil))}, err
}

func headerOf(name string, size int64, at time.Time) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: at, Format: tar.FormatGNU}
}

func entry(t *tar.Writer, name string, content []byte, at time.Time) error {
	if err := t.WriteHeader(headerOf(name, int64(len(content)), at)); err != nil {
		return err
	}
	_, err := t.Write(content)
	return err
}

// counted is a writer that counts and sums what passes.
type counted struct {
	w   io.Writer
	sum hash.Hash
	n   int64
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.sum.Write(b[:n])
	c.n += int64(n)
	return n, err
}
