package gate

import (
	"strings"

	"holdfast"
)

// The kinds of alarm. Each is shown until its own cause is gone.
const (
	alarmPosture = iota // the posture cannot be enforced, or not be kept on disk
	alarmHistory        // the control plane's journal is not the one the gate has followed
	alarmLocal          // the local stops could not be read
	alarms
)

// raise shows an alarm and returns it. The caller holds g.mu.
func (g *Gate) raise(kind int, err error) error {
	g.alarm[kind] = err.Error()
	g.notify()
	return err
}

// calm ends an alarm, and tells of a change. Two histories stay an alarm until a
// person has decided. The caller holds g.mu.
func (g *Gate) calm(kind int) {
	if kind != alarmHistory || len(g.other) == 0 {
		g.alarm[kind] = ""
	}
	g.notify()
}

func (g *Gate) alarmText() string {
	var all []string
	for _, text := range g.alarm {
		if text != "" {
			all = append(all, text)
		}
	}
	return strings.Join(all, "; ")
}

func (g *Gate) notify() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// judgeHistory refuses a head that belongs to another history than the one the
// gate has seen: another journal, another epoch of it, or another hash at the
// same position.
func (g *Gate) judgeHistory(head holdfast.Head) error {
	w := g.witness
	switch {
	case w.Journal == "":
		return nil
	case head.Journal != w.Journal:
		return holdfast.Errorf(holdfast.Conflict, "the control plane's journal is %s; this gate has followed %s", head.Journal, w.Journal)
	case head.Epoch != w.Epoch:
		return holdfast.Errorf(holdfast.Conflict, "the control plane's journal is in epoch %d; this gate has seen epoch %d", head.Epoch, w.Epoch)
	case head.Position == w.Position && head.Hash != w.Hash:
		return holdfast.Errorf(holdfast.Conflict, "the control plane's journal differs at position %d from what this gate has seen", head.Position)
	}
	for _, known := range []holdfast.Head{g.set.Head, g.floor, g.seen.Posture} {
		if known.Journal != "" && head.Position == known.Position && head.Hash != known.Hash {
			return holdfast.Errorf(holdfast.Conflict, "the control plane's posture at position %d differs from the one this gate enforces", head.Position)
		}
	}
	return nil
}

// judgePosture refuses the posture of another history, also one whose journal
// was put back to an older state and has grown since: by the last beat there was
// no change of posture between its two heads.
func (g *Gate) judgePosture(head holdfast.Head) error {
	if err := g.judgeHistory(head); err != nil {
		return err
	}
	if s := g.seen; g.witness.Journal != "" && s.Posture.Position < head.Position && head.Position <= s.Journal.Position {
		return errRewritten(head.Position)
	}
	return nil
}

// judgeBeat refuses a beat of another history than the one that the gate had
// seen when it sent the heartbeat. A posture may have come since that is newer
// than the beat.
func (g *Gate) judgeBeat(sent holdfast.Head, b Beat) error {
	if err := g.judgeHistory(b.Journal); err != nil {
		return err
	}
	if g.set.Head.Journal != "" && b.Posture.Position == g.set.Head.Position && b.Posture.Hash != g.set.Head.Hash {
		return errRewritten(b.Posture.Position)
	}
	sameJournal := sent.Journal == b.Journal.Journal && sent.Epoch == b.Journal.Epoch
	if sameJournal && b.Journal.Position < sent.Position {
		return holdfast.Errorf(holdfast.Conflict, "the control plane's journal ends at position %d; this gate has seen %d: facts are lost", b.Journal.Position, sent.Position)
	}
	if enforced := g.set.Head.Position; sameJournal && b.Posture.Position < enforced && enforced <= b.Journal.Position {
		return errRewritten(enforced)
	}
	return nil
}

func errRewritten(p holdfast.Position) error {
	return holdfast.Errorf(holdfast.Conflict, "the control plane's journal says otherwise than before whether the posture changed at position %d: facts were lost and others written in their place", p)
}

func errClosed(name string) error {
	return holdfast.Errorf(holdfast.Unavailable, "gate %s is closed", name)
}

func later(a, b holdfast.Head) holdfast.Head {
	if a.Journal == b.Journal && a.Epoch == b.Epoch && a.Position > b.Position {
		return a
	}
	return b
}
