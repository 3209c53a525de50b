package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/gate"
	"holdfast/internal/journal"
)

// A gate beats at one node. Where there may be several, each hands on what its gates
// said last in a document live/<node>, so that all of them show the gate as it is. It
// is only shown: a stop is confirmed by facts and by this node's own clock.
const (
	livePrefix = "live/"
	// liveFor is how old a heartbeat may be that is handed on: gates beat every five
	// seconds at least.
	liveFor = 10 * time.Second
)

// saidLast is a heartbeat as nodes hand it on, with its age by the clock of the node
// that heard it: the nodes' clocks may differ.
type saidLast struct {
	Age       int64          `json:"age_ms"`
	Heartbeat gate.Heartbeat `json:"heartbeat"`
}

// livePlace is where a node's document of heartbeats stands.
type livePlace struct {
	revision holdfast.Revision
	// read has the revisions of the other nodes' documents that were taken over: one
	// that does not change any more is of a node that is gone.
	read map[string]holdfast.Revision
}

// heard returns the heartbeats of this node's gates that are young enough, the newest
// first.
func (n *Node) heard(now time.Time) []saidLast {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := []saidLast{}
	for _, name := range slices.Sorted(maps.Keys(n.live)) {
		l := n.live[name]
		if age := now.Sub(l.Seen); age >= 0 && age <= liveFor {
			list = append(list, saidLast{age.Milliseconds(), l.Heartbeat})
		}
	}
	slices.SortStableFunc(list, func(a, b saidLast) int { return int(a.Age - b.Age) })
	return list
}

// shareLive hands heartbeats on and takes those of other nodes over.
func (n *Node) shareLive(ctx context.Context, documents journal.Documents) error {
	own := livePrefix + n.sharing.name[len(sharePrefix):]
	return errors.Join(n.handLiveOn(ctx, documents, own), n.takeLiveOver(ctx, documents, own))
}

func (n *Node) handLiveOn(ctx context.Context, documents journal.Documents, own string) error {
	now := n.Desk.Now()
	body, err := packLive(n.heard(now))
	if err != nil {
		return err
	}
	p := &n.sharing.live
	p.revision, err = putOwn(ctx, documents, journal.Document{Key: own, Revision: p.revision, Body: body, Expires: now.Add(shareLife)})
	return err
}

func (n *Node) takeLiveOver(ctx context.Context, documents journal.Documents, own string) error {
	list, err := documents.ListDocuments(ctx, livePrefix, "", maxNodes+1)
	if err != nil {
		return err
	}
	p := &n.sharing.live
	read := map[string]holdfast.Revision{}
	var errs []error
	for _, d := range list {
		if d.Key == own {
			continue
		}
		read[d.Key] = d.Revision
		if p.read[d.Key] == d.Revision {
			continue
		}
		said, err := unpackLive(d.Body)
		if err != nil {
			errs = append(errs, fmt.Errorf("document %s: %w", d.Key, err))
			continue
		}
		n.told(said, n.Desk.Now())
	}
	p.read = read
	return errors.Join(errs...)
}

// told keeps what gates said to another node.
func (n *Node) told(said []saidLast, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range said {
		seen := now.Add(-time.Duration(s.Age) * time.Millisecond)
		if known := n.elsewhere[s.Heartbeat.Gate]; known.Seen.Before(seen) {
			n.elsewhere[s.Heartbeat.Gate] = Live{Seen: seen, Heartbeat: s.Heartbeat}
		}
	}
	maps.DeleteFunc(n.elsewhere, func(_ string, l Live) bool { return now.Sub(l.Seen) > time.Hour })
}

// packLive packs as many of the newest as fit a document.
func packLive(list []saidLast) ([]byte, error) {
	for {
		b, err := json.Marshal(list)
		if err != nil {
			return nil, fmt.Errorf("pack heartbeats for other nodes: %w", err)
		}
		if len(b) <= journal.MaxDocument || len(list) == 0 {
			return b, nil
		}
		list = list[:len(list)/2]
	}
}

func unpackLive(body []byte) (list []saidLast, err error) {
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("read heartbeats of another node: %w", err)
	}
	for _, s := range list {
		if s.Age < 0 || s.Age > liveFor.Milliseconds() || !holdfast.ValidName(s.Heartbeat.Gate) {
			return nil, errors.New("a heartbeat of another node has no such age or gate")
		}
	}
	return list, nil
}
