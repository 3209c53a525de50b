package gate

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/posture"
)

// The local stops are a set of their own: made at the gate by a person who can
// log in to its machine, in force with or without the control plane, and lifted
// only at the gate.

// everything is enforced when the local stops cannot be read: what was stopped
// by hand must not come back by a bad disk.
var everything = posture.Directive{ID: "local-unreadable", Kind: posture.Stop, Scope: "all"}

type localFile struct {
	Sum   holdfast.Hash       `json:"sum"`
	Stops []posture.Directive `json:"stops"`
}

func loadLocal(path string) ([]posture.Directive, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var f localFile
	if err == nil {
		err = json.Unmarshal(content, &f)
	}
	if err == nil && f.Sum != sumOf(f.Stops) {
		err = errors.New("its content does not match its hash")
	}
	if err != nil {
		return []posture.Directive{everything}, holdfast.Errorf(holdfast.Damaged, "%s is damaged: everything is stopped here until `holdfast gate lift`", path).Because(err)
	}
	return f.Stops, nil
}

func sumOf(stops []posture.Directive) holdfast.Hash {
	content, err := json.Marshal(stops)
	if err != nil {
		panic("gate: local stops: " + err.Error()) // our own types: cannot fail
	}
	return sha256.Sum256(content)
}

// StopLocally stops a scope at this gate at once and returns the stop's id and
// what was in flight. The stop holds over restarts until LiftLocally.
func (g *Gate) StopLocally(scope string, drain time.Duration) (string, Acknowledgement, error) {
	if _, err := expression.CompileScope(scope); err != nil {
		return "", Acknowledgement{}, fmt.Errorf("scope: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return "", Acknowledgement{}, errClosed(g.opt.Name)
	}
	if drain <= 0 {
		drain = defaultDrain
	}
	stop := posture.Directive{ID: "local-" + holdfast.NewID()[:6], Kind: posture.Stop, Scope: scope, Drain: drain}
	g.local = append(g.local[:len(g.local):len(g.local)], stop)
	number, err := g.recompile()
	if err != nil {
		// Everything is declined, this stop's scope too; it is in force all the same.
		g.opt.Log.Error("the posture cannot be enforced: payments are declined", "error", err)
	}
	g.ring.fence(number)
	ack := Acknowledgement{Posture: g.set.Head, Listed: true, Drain: drain, At: g.opt.Clock.Now().UTC()}
	ack.InFlight = g.begin(0, number, drain, nil)
	return stop.ID, ack, g.saveLocal()
}

// LiftLocally lifts a local stop, or all of them for an empty id.
func (g *Gate) LiftLocally(id string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var keep []posture.Directive
	for _, d := range g.local {
		if id != "" && d.ID != id {
			keep = append(keep, d)
		}
	}
	if len(keep) == len(g.local) {
		return holdfast.Errorf(holdfast.NotFound, "there is no local stop %q at this gate; `holdfast gate status` lists them", id)
	}
	// The file first: a stop that is lifted in memory only would come back.
	old := g.local
	g.local = keep
	if err := g.saveLocal(); err != nil {
		g.local = old
		return err
	}
	_, err := g.recompile()
	return err
}

func (g *Gate) saveLocal() error {
	content, err := json.Marshal(localFile{Sum: sumOf(g.local), Stops: g.local})
	if err == nil {
		err = posture.WriteFile(g.path("local"), content)
	}
	if err != nil {
		return fmt.Errorf("the local stops are in force but not on disk: %w", err)
	}
	g.alarm[alarmLocal] = ""
	return nil
}

// recompile puts the present set and local stops in force and returns the
// install's number, also with an error: then everything is declined.
func (g *Gate) recompile() (uint64, error) {
	p, err := g.compile()
	number := g.swap(p)
	g.notify()
	return number, err
}
