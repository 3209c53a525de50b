package filing

import (
	"context"
	"fmt"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/attachment"
	"holdfast/internal/journal"
)

const kindScanned = "filing.scanned"

// Of is what a scan shows.
type Of string

const (
	// Filed is what was handed in; Received is the receipt that came back.
	Filed    Of = "filing"
	Received Of = "receipt"
)

// maxScans is how many scans one filing may have.
const maxScans = 20

type scanned struct {
	Of   Of              `json:"of"`
	File attachment.File `json:"file"`
}

// Scan is a paper that was scanned, and by whom. Of several of one thing the newest
// counts; earlier ones stay to be seen.
type Scan struct {
	Of   Of              `json:"of"`
	File attachment.File `json:"file"`
	By   holdfast.Actor  `json:"by"`
	At   time.Time       `json:"at"`
}

// ScansOf lists the scans of one thing, the newest first.
func (f *Filing) ScansOf(of Of) (list []Scan) {
	for _, s := range slices.Backward(f.Scans) {
		if s.Of == of {
			list = append(list, s)
		}
	}
	return list
}

// File returns the scan with a hash, or code NotFound.
func (f *Filing) File(h holdfast.Hash) (attachment.File, error) {
	for _, s := range f.Scans {
		if s.File.Hash == h {
			return s.File, nil
		}
	}
	return attachment.File{}, attachment.None(h)
}

// scan decides on a scan. The newest told again gives no fact.
func scan(b *Book, id string, of Of, file attachment.File) ([]journal.Draft, error) {
	f := b.filings[id]
	switch {
	case f == nil:
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no filing %q", id)
	case of != Filed && of != Received:
		return nil, holdfast.Errorf(holdfast.Invalid, "a scan is of the filing or of its receipt, not of %q", string(of)).At("of")
	case of == Received && f.Receipt == nil:
		return nil, holdfast.Errorf(holdfast.Conflict, "filing %s has no receipt yet: record it first, then attach its scan", id)
	}
	scans := f.ScansOf(of)
	switch {
	case len(scans) > 0 && scans[0].File.Hash == file.Hash:
		return nil, nil
	case len(f.Scans) >= maxScans:
		return nil, holdfast.Errorf(holdfast.TooLarge, "filing %s has %d scans, which is the limit: put all pages into one file", id, maxScans)
	}
	return []journal.Draft{journal.NewDraft(subject(id), f.revision, kindScanned, scanned{of, file})}, nil
}

// Scan keeps the scan of a filing or of its receipt. What is refused is not kept.
func (s *Service) Scan(ctx context.Context, by holdfast.Actor, id string, of Of, name string, content []byte) (file attachment.File, err error) {
	if file, err = attachment.ScanOf(name, content); err != nil {
		return file, err
	}
	s.Desk.State.View(func() { _, err = scan(s.Book, id, of, file) })
	if err == nil {
		err = attachment.Keep(ctx, s.Files, content)
	}
	if err == nil {
		_, err = s.Desk.Do(ctx, by, func(time.Time) ([]journal.Draft, error) { return scan(s.Book, id, of, file) })
	}
	if err != nil {
		return attachment.File{}, fmt.Errorf("keep a scan of filing %s: %w", id, err)
	}
	return file, nil
}

// Filing returns a filing, or code NotFound.
func (s *Service) Filing(id string) (f *Filing, err error) {
	found := false
	s.Desk.State.View(func() { f, found = s.Book.Filing(id) })
	if !found {
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no filing %q", id)
	}
	return f, nil
}
