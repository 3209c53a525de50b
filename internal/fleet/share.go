package fleet

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/traffic"
)

// Gates send what they counted to one node. Where there may be several nodes, each
// hands it on to the others, so that each has the counts of all gates: documents
// traffic/<node> hold what the node's gates sent in the last seconds, gzipped. One
// that is lost, or does not fit, leaves seconds of those gates missing at the
// other nodes, and what is missing is known to be. See sharelive.go for heartbeats.
const (
	sharePrefix = "traffic/"
	shareEvery  = time.Second
	// shareFor is how long a snapshot stays in the document: a node that reads each
	// second reads it several times, and a Series counts it once.
	shareFor = 6 * time.Second
	// shareLife ends the document of a node that is gone.
	shareLife = 20 * time.Second
	// maxShared is the most bytes that a document may hold unpacked.
	maxShared = 32 << 20
	// maxNodes is how many other nodes are listened to.
	maxNodes = 16
)

// handed is a snapshot as nodes hand it on.
type handed struct {
	Gate   string           `json:"gate"`
	Counts traffic.Snapshot `json:"counts"`

	came time.Time
}

// sharing is what a node hands on. Without a name it does not.
type sharing struct {
	name     string
	lately   []handed
	revision holdfast.Revision
	live     livePlace
}

// hand notes a snapshot that a gate of this node sent.
func (n *Node) hand(gate string, counts traffic.Snapshot, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.sharing.name != "" {
		n.sharing.lately = append(n.sharing.lately, handed{gate, counts, now})
	}
}

// lately returns what gates sent in the last seconds, the newest first.
func (n *Node) lately(now time.Time) []handed {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := &n.sharing
	s.lately = slices.DeleteFunc(s.lately, func(h handed) bool { return now.Sub(h.came) > shareFor })
	list := slices.Clone(s.lately)
	slices.Reverse(list)
	return list
}

// Share hands counts on between the nodes of one journal until ctx ends.
func (n *Node) Share(ctx context.Context, documents journal.Documents) error {
	n.mu.Lock()
	n.sharing.name = sharePrefix + holdfast.NewID()
	n.mu.Unlock()
	tick := time.NewTicker(shareEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := errors.Join(n.handOn(ctx, documents), n.takeOver(ctx, documents), n.shareLive(ctx, documents))
		if err != nil && !failing && ctx.Err() == nil {
			n.Log.Warn("counts and heartbeats are not shared with the other control nodes", "error", err)
		}
		failing = err != nil
	}
}

// handOn writes this node's document.
func (n *Node) handOn(ctx context.Context, documents journal.Documents) error {
	now := n.Desk.Now()
	body, err := packHanded(n.lately(now))
	if err != nil {
		return err
	}
	s := &n.sharing // name and revision are this loop's alone
	s.revision, err = putOwn(ctx, documents, journal.Document{Key: s.name, Revision: s.revision, Body: body, Expires: now.Add(shareLife)})
	return err
}

// putOwn writes a document that only this node writes, and returns the revision that
// the next write of it expects.
func putOwn(ctx context.Context, documents journal.Documents, d journal.Document) (holdfast.Revision, error) {
	revision, err := documents.PutDocument(ctx, d)
	switch {
	case err == nil:
		return revision, nil
	case holdfast.CodeOf(err) != holdfast.Conflict:
		return d.Revision, err
	}
	// It has expired, or a write was not known to be done.
	stored, err := documents.Document(ctx, d.Key)
	if holdfast.CodeOf(err) == holdfast.NotFound {
		err = nil
	}
	return stored.Revision, err
}

// takeOver takes in what other nodes hand on.
func (n *Node) takeOver(ctx context.Context, documents journal.Documents) error {
	list, err := documents.ListDocuments(ctx, sharePrefix, "", maxNodes+1)
	if err != nil {
		return err
	}
	var errs []error
	for _, d := range list {
		if d.Key == n.sharing.name {
			continue
		}
		all, err := unpackHanded(d.Body)
		if err != nil {
			errs = append(errs, fmt.Errorf("document %s: %w", d.Key, err))
			continue
		}
		for _, h := range all {
			if err := n.Series.Add(n.Desk.Now().Unix(), h.Gate, h.Counts); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// packHanded packs as many of the newest as fit a document.
func packHanded(list []handed) ([]byte, error) {
	for {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		err := json.NewEncoder(z).Encode(list)
		if err = errors.Join(err, z.Close()); err != nil {
			return nil, fmt.Errorf("pack counts for other nodes: %w", err)
		}
		if b.Len() <= journal.MaxDocument || len(list) == 0 {
			return b.Bytes(), nil
		}
		list = list[:len(list)/2]
	}
}

func unpackHanded(body []byte) (list []handed, err error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("unpack counts of another node: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(z, maxShared+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("unpack counts of another node: %w", err)
	case len(b) > maxShared:
		return nil, fmt.Errorf("counts of another node have over %d bytes", maxShared)
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, fmt.Errorf("read counts of another node: %w", err)
	}
	return list, nil
}
