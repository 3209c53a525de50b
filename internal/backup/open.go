package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"holdfast"
	"holdfast/internal/archive"
)

// Backup is a backup that was opened for reading. Until Verify has returned nil
// nothing in it is to be relied upon.
type Backup struct {
	Manifest
	// Journal is its database, read where it lies, and Size that of its file.
	Journal Database
	File    io.ReaderAt
	Size    int64

	at   map[string]*io.SectionReader
	file *os.File
}

// Open opens a backup's file.
func Open(ctx context.Context, path string, open Opener) (*Backup, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "the backup cannot be opened").Because(err)
	}
	b, err := read(ctx, f, open)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open the backup %s: %w", path, err)
	}
	b.file = f
	return b, nil
}

// read finds the parts in a file.
func read(ctx context.Context, f *os.File, open Opener) (*Backup, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := &Backup{at: map[string]*io.SectionReader{}}
	file := io.NewSectionReader(f, 0, info.Size())
	for t := tar.NewReader(file); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, holdfast.Errorf(holdfast.Damaged, "the file is no whole backup of Holdfast's").Because(err)
		}
		begin, err := file.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		if b.at[h.Name] != nil || h.Typeflag != tar.TypeReg {
			return nil, holdfast.Errorf(holdfast.Damaged, "the file is no whole backup of Holdfast's").Because(fmt.Errorf("%s", h.Name))
		}
		b.at[h.Name] = io.NewSectionReader(f, begin, h.Size)
	}
	manifest, err := b.small(partManifest, maxManifest)
	if err != nil {
		return nil, err
	}
	if b.Manifest, err = decodeManifest(manifest); err != nil {
		return nil, err
	}
	journal := b.at[partJournal]
	if journal == nil {
		return nil, holdfast.Errorf(holdfast.Damaged, "the backup has no part %s", partJournal)
	}
	b.File, b.Size = journal, journal.Size()
	b.Journal, err = open(ctx, journal, journal.Size())
	return b, err
}

// small reads a part of at most limit bytes.
func (b *Backup) small(name string, limit int64) ([]byte, error) {
	part := b.at[name]
	if part == nil {
		return nil, holdfast.Errorf(holdfast.Damaged, "the backup has no part %s", name)
	}
	if part.Size() > limit {
		return nil, holdfast.Errorf(holdfast.Damaged, "the backup's part %s has more than %d bytes", name, limit)
	}
	content, err := io.ReadAll(part)
	if err != nil {
		return nil, err
	}
	_, err = part.Seek(0, io.SeekStart)
	return content, err
}

// Verify checks all of it: each part against the manifest, and the journal from
// its genesis to the head that the manifest names.
func (b *Backup) Verify(ctx context.Context) error {
	for _, part := range b.Parts {
		if err := b.sum(ctx, part); err != nil {
			return err
		}
	}
	report, err := archive.Verify(ctx, b.Journal, b.Journal)
	if err != nil {
		return err
	}
	switch {
	case report.Verdict != archive.Valid && len(report.Problems) > 0:
		return holdfast.Errorf(holdfast.Damaged, "the backup's journal is not as it was written: %s", report.Problems[0])
	case report.Verdict != archive.Valid:
		return holdfast.Errorf(holdfast.Damaged, "the backup's journal could not be checked whole")
	case report.Head != b.Head:
		return holdfast.Errorf(holdfast.Damaged, "the backup's journal ends with %s, and its manifest says %s", report.Head, b.Head)
	}
	return nil
}

func (b *Backup) sum(ctx context.Context, part Part) error {
	content := b.at[part.Name]
	if content == nil {
		return holdfast.Errorf(holdfast.Damaged, "the backup has no part %s", part.Name)
	}
	sum := sha256.New()
	buffer := make([]byte, 256<<10)
	for offset := int64(0); offset < content.Size(); {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := content.ReadAt(buffer, offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n == 0 {
			break
		}
		sum.Write(buffer[:n])
		offset += int64(n)
	}
	if content.Size() != part.Size || holdfast.Hash(sum.Sum(nil)) != part.SHA256 {
		return holdfast.Errorf(holdfast.Damaged, "the backup's part %s is not the one that was written", part.Name)
	}
	return nil
}

// Keys opens the keys of the backup; nil if it holds none.
func (b *Backup) Keys(passphrase string) (map[string][]byte, error) {
	if len(b.Sealed) == 0 {
		return nil, nil
	}
	content, err := b.small(partKeys, maxKeys)
	if err != nil {
		return nil, err
	}
	return unseal(passphrase, content)
}

func (b *Backup) close() error {
	if b.Journal == nil {
		return nil
	}
	return b.Journal.Close()
}

// Close ends the reading.
func (b *Backup) Close() error {
	return errors.Join(b.close(), b.file.Close())
}
