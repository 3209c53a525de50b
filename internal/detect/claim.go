package detect

import (
	"context"
	"errors"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

const (
	// claimKey is the document whose holder judges.
	claimKey = "detect/judge"
	// claimLife is how long a claim holds, renewClaim after how long it is renewed:
	// a node that dies is followed by another after at most claimLife.
	claimLife  = 10 * time.Second
	renewClaim = 3 * time.Second
)

// claim lets one node judge at a time. Two that judge at once, because a clock is
// wrong, do no harm: their alerts are of the same payments, and join one incident.
type claim struct {
	documents journal.Documents
	// holder is this process.
	holder   string
	revision holdfast.Revision
	until    time.Time // as this process knows it; zero if it does not hold it
}

// holds reports whether this process judges now, and takes or renews the claim
// where it can.
func (c *claim) holds(ctx context.Context, now time.Time) (bool, error) {
	if left := c.until.Sub(now); left > claimLife-renewClaim && left <= claimLife {
		return true, nil
	}
	d := journal.Document{Key: claimKey, Revision: c.revision, Body: []byte(c.holder), Expires: now.Add(claimLife)}
	revision, err := c.documents.PutDocument(ctx, d)
	if err != nil {
		return c.lost(ctx, now, err)
	}
	c.revision, c.until = revision, d.Expires
	return true, nil
}

// lost says what a refused renewal means. A claim that cannot be renewed is held
// until it expires: nobody else can take it before.
func (c *claim) lost(ctx context.Context, now time.Time, refused error) (bool, error) {
	if holdfast.CodeOf(refused) != holdfast.Conflict {
		return now.Before(c.until), refused
	}
	c.revision, c.until = 0, time.Time{}
	d, err := c.documents.Document(ctx, claimKey)
	switch {
	case holdfast.CodeOf(err) == holdfast.NotFound:
		return false, nil // it has just expired: the next look takes it
	case err != nil:
		return false, errors.Join(refused, err)
	case string(d.Body) == c.holder: // a write whose answer was lost
		c.revision, c.until = d.Revision, d.Expires
		return true, nil
	}
	return false, nil
}

// release lets another process judge at once.
func (c *claim) release(ctx context.Context, now time.Time) error {
	if !now.Before(c.until) {
		return nil
	}
	c.until = time.Time{}
	return c.documents.DeleteDocument(ctx, claimKey)
}
