package app

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/enrolment"
	"holdfast/internal/journal"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/plandoc"
	"holdfast/internal/roster"
)

// packLook is after how long, at the latest, the packer looks again.
const packLook = 24 * time.Hour

// packer keeps the emergency pack in a directory, one file for each language:
// made anew whenever another revision comes into force, or the people and gates
// that it names change. The files are there when Holdfast is not.
type packer struct {
	dir   string
	state *journal.State
	plans *plan.Book
	who   *roster.Book
	gates *enrolment.Book
	now   func() time.Time
	zone  *time.Location
	log   *slog.Logger

	made string // what the files were made of
}

// Run keeps the files until ctx ends. A file that cannot be written is told to
// the log and tried again at the next change.
func (k *packer) Run(ctx context.Context) error {
	watch, end := k.state.WatchFacts(func(f holdfast.Fact) bool {
		noun, _ := f.Subject.Split()
		return slices.Contains([]string{"plan", "person", "party", "gate"}, noun)
	})
	defer end()
	for {
		next, err := k.make()
		if err != nil {
			k.log.Warn("the emergency pack cannot be written", "directory", k.dir, "error", err)
		}
		if next == 0 {
			next = packLook
		}
		select {
		case <-ctx.Done():
			return nil
		case <-watch:
		case <-time.After(next):
		}
	}
}

// make writes the files if they are not those of now, and returns how long it is
// until another revision comes into force, or 0.
func (k *packer) make() (next time.Duration, err error) {
	var pack plandoc.Pack
	found := false
	k.state.View(func() {
		now := k.now()
		r, ok := k.plans.Current("", now)
		if !ok {
			return
		}
		if latest, _ := k.plans.Latest(r.ID); latest.InForce.After(now) {
			next = latest.InForce.Sub(now)
		}
		found = true
		pack = plandoc.Pack{Plan: r.Plan(), People: k.who.People(), Parties: k.who.Parties(), Made: now, Zone: k.zone, Revision: r.Number, Hash: r.Hash}
		for _, g := range k.gates.Gates() {
			if run := g.Present(); run != nil && !run.Gone {
				pack.Gates = append(pack.Gates, g.Name)
			}
		}
	})
	if !found {
		return 0, nil
	}
	of, err := json.Marshal([]any{pack.Plan.ID, pack.Revision, pack.Hash, pack.People, pack.Parties, pack.Gates})
	if err != nil || string(of) == k.made {
		return next, err
	}
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return next, err
	}
	for _, lang := range holdfast.Langs {
		var b bytes.Buffer
		if err := docx.Write(&b, plandoc.EmergencyPack(pack, locale.For(lang))); err != nil {
			return next, err
		}
		if err := replaceFile(filepath.Join(k.dir, "emergency-pack-"+string(lang)+".docx"), b.Bytes()); err != nil {
			return next, err
		}
	}
	k.made = string(of)
	return next, nil
}

// replaceFile writes a file so that a reader finds the old content or the new.
func replaceFile(path string, content []byte) error {
	spare := path + ".new"
	if err := os.WriteFile(spare, content, 0o600); err != nil {
		return err
	}
	return os.Rename(spare, path)
}
