package source

import (
	"context"
	"fmt"

	"holdfast"
	"holdfast/internal/archive"
	"holdfast/internal/journal"
)

// Copied says what a copy moved.
type Copied struct {
	Head      holdfast.Head `json:"head"`
	Facts     uint64        `json:"facts"`
	Appends   int           `json:"appends"`
	Blobs     int           `json:"blobs"`
	Documents int           `json:"documents"`
}

// Copy moves a journal into an empty data source: facts, blobs and documents. The
// copy has the same id and epoch, and every fact the same position and hash. No
// process may write to either meanwhile.
//
// Each fact is verified on reading, and the copy's chain must end as the
// original's; then the copy is verified whole, by reading it again. A copy that
// broke off is continued by the same call: appends are known by their ids.
func Copy(ctx context.Context, from, to Options) (c Copied, err error) {
	in, err := Inspect(ctx, from)
	if err != nil {
		return c, fmt.Errorf("open what to copy: %w", err)
	}
	defer in.Close()
	if err := sound(ctx, in, in, "what to copy"); err != nil {
		return c, err
	}
	to.As = in.Genesis()
	s, err := Open(ctx, to)
	if err != nil {
		return c, fmt.Errorf("open where to copy: %w", err)
	}
	defer func() {
		if closed := s.Close(); err == nil {
			err = closed
		}
	}()
	if s.Genesis() != in.Genesis() {
		return c, holdfast.Errorf(holdfast.Conflict, "there is another journal where to copy, %s; a copy needs an empty place", s.Genesis().Journal)
	}
	if c.Head, err = c.facts(ctx, in, s); err != nil {
		return c, fmt.Errorf("copy facts: %w", err)
	}
	if err := c.others(ctx, in, s); err != nil {
		return c, err
	}
	if s.Head() != c.Head {
		return c, holdfast.Errorf(holdfast.Damaged, "the copy ends with %s, the original with %s: empty the copy and begin again", s.Head(), c.Head)
	}
	return c, sound(ctx, s, s, "the copy")
}

// sound verifies a journal.
func sound(ctx context.Context, j archive.Journal, storage archive.Storage, what string) error {
	report, err := archive.Verify(ctx, j, storage)
	if err != nil {
		return err
	}
	if report.Verdict == archive.Invalid {
		return holdfast.Errorf(holdfast.Damaged, "%s is not as it was written: %s; holdfast archive verify tells all", what, report.Problems[0])
	}
	if report.Verdict != archive.Valid {
		return holdfast.Errorf(holdfast.Unavailable, "%s could not be checked whole: %s", what, report.Unchecked[0])
	}
	return nil
}

// copyBatch is how many facts are read at once.
const copyBatch = 5000

func (c *Copied) facts(ctx context.Context, in archive.Journal, s Store) (holdfast.Head, error) {
	head := in.Genesis()
	for {
		facts, err := in.Read(ctx, head.Position, copyBatch)
		if err != nil || len(facts) == 0 {
			return head, err
		}
		for _, f := range facts {
			if err := journal.Verify(head, f); err != nil {
				return head, err
			}
			head.Position, head.Hash = f.Position, f.Hash
		}
		list, want := appends(facts)
		got, err := s.AppendAll(ctx, list)
		if err != nil {
			return head, err
		}
		for i := range want {
			if got[i] != want[i] {
				return head, holdfast.Errorf(holdfast.Damaged, "append %s stands at position %d and was copied to position %d: empty the copy and begin again", list[i].ID, want[i].First, got[i].First)
			}
		}
		c.Facts += uint64(len(facts))
		c.Appends += len(list)
	}
}

// appends makes of facts the appends that wrote them, with where they stand. A
// read never splits one.
func appends(facts []holdfast.Fact) (list []journal.Append, at []journal.Receipt) {
	for _, f := range facts {
		if n := len(list); n == 0 || list[n-1].ID != f.Append {
			list = append(list, journal.Append{ID: f.Append, Actor: f.Actor, Time: f.Time})
			at = append(at, journal.Receipt{First: f.Position})
		}
		n := len(list) - 1
		list[n].Facts = append(list[n].Facts, journal.Draft{Subject: f.Subject, Expect: f.Revision - 1, Kind: f.Kind, Body: f.Body})
		at[n].Last = f.Position
	}
	return list, at
}

// others copies blobs and documents. A document's revision begins anew.
func (c *Copied) others(ctx context.Context, in Inspection, s Store) error {
	err := in.EachBlob(ctx, func(_ holdfast.Hash, b []byte) error {
		c.Blobs++
		_, err := s.PutBlob(ctx, b)
		return err
	})
	if err != nil {
		return fmt.Errorf("copy blobs: %w", err)
	}
	const page = 500
	for after := ""; ; {
		list, err := in.ListDocuments(ctx, "", after, page)
		if err != nil {
			return fmt.Errorf("copy documents: %w", err)
		}
		for _, d := range list {
			after = d.Key
			c.Documents++
			if err := replace(ctx, s, d); err != nil {
				return fmt.Errorf("copy the document %s: %w", d.Key, err)
			}
		}
		if len(list) < page {
			return nil
		}
	}
}

// replace puts a document in place of what a copy that broke off left.
func replace(ctx context.Context, s Store, d journal.Document) error {
	if err := s.DeleteDocument(ctx, d.Key); err != nil {
		return err
	}
	d.Revision = 0
	_, err := s.PutDocument(ctx, d)
	return err
}
