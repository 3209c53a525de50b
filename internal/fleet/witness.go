package fleet

import (
	"context"
	"maps"

	"holdfast"
)

// A gate carries the newest head it has seen. A journal that does not contain
// it has lost facts or is another one: that is an alarm, not a start.

func (n *Node) checkWitness(ctx context.Context, name string, w holdfast.Head) error {
	head, err := n.Desk.Journal.Barrier(ctx)
	if err != nil {
		return err
	}
	return n.compareWitness(ctx, name, w, head)
}

func (n *Node) compareWitness(ctx context.Context, name string, w, head holdfast.Head) error {
	if w.Journal == "" || w.Position == 0 {
		n.note(name, holdfast.Head{})
		return nil
	}
	alarm := func(err *holdfast.Error) error {
		n.note(name, w)
		n.Log.Error("a gate has seen facts that this journal does not hold", "gate", name, "error", err)
		return err
	}
	switch {
	case w.Journal != head.Journal, w.Epoch != head.Epoch:
		return alarm(holdfast.Errorf(holdfast.Damaged, "gate %s follows journal %s in epoch %d; this is journal %s in epoch %d", name, w.Journal, w.Epoch, head.Journal, head.Epoch))
	case w.Position > head.Position:
		return alarm(holdfast.Errorf(holdfast.Damaged, "gate %s has seen position %d; this journal ends at %d", name, w.Position, head.Position))
	}
	hash, err := n.hashAt(ctx, w.Position, head)
	if err != nil {
		return err
	}
	if hash != w.Hash {
		return alarm(holdfast.Errorf(holdfast.Damaged, "gate %s has seen another fact at position %d than this journal holds", name, w.Position))
	}
	n.note(name, holdfast.Head{})
	return nil
}

// note keeps what a gate has seen that this journal does not hold; the zero head
// says that there is nothing of the kind.
func (n *Node) note(name string, w holdfast.Head) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if w.Journal == "" {
		delete(n.ahead, name)
	} else {
		n.ahead[name] = w
	}
}

// Ahead returns, by gate, the heads that gates have shown this node since it
// started and that its journal does not hold: facts up to there are lost, or the
// gate follows another journal.
func (n *Node) Ahead() map[string]holdfast.Head {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.ahead)
}

// hashAt returns the chain's hash at a position. Gates mostly carry the same
// few heads, so those are kept.
func (n *Node) hashAt(ctx context.Context, p holdfast.Position, head holdfast.Head) (holdfast.Hash, error) {
	if p == head.Position {
		return head.Hash, nil
	}
	n.mu.Lock()
	hash, ok := n.hashes[p]
	n.mu.Unlock()
	if ok {
		return hash, nil
	}
	facts, err := n.Desk.Journal.Read(ctx, p-1, 1)
	if err != nil {
		return holdfast.Hash{}, err
	}
	if len(facts) == 0 || facts[0].Position != p {
		return holdfast.Hash{}, holdfast.Errorf(holdfast.Damaged, "the journal has no fact at position %d", p)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.hashes) > 256 {
		clear(n.hashes)
	}
	n.hashes[p] = facts[0].Hash
	return facts[0].Hash, nil
}
