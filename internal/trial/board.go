package trial

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/standin"
)

const (
	keepPrefix = "trial/"
	keepEvery  = 5 * time.Second
	// keepFor is how long the figures of a gate that is not heard any more are kept.
	keepFor  = 90 * 24 * time.Hour
	maxGates = 1000
	// maxTold is how many processes of a gate may have told what is not written yet.
	maxTold = 16
)

// Board keeps what gates found. It is safe for concurrent use.
type Board struct {
	mu    sync.Mutex
	gates map[string]*entry
}

// entry is what is known of one gate: the document as it was read or written last, and
// what was told here since, of each process of the gate the last word. Where another
// node has written meanwhile, that is read, and what was told is taken into it once
// more: [Kept.Take] counts nothing twice.
type entry struct {
	kept     Kept
	revision holdfast.Revision
	told     []told
	dirty    bool
}

type told struct {
	figures []standin.TrialFigures
	at      time.Time
}

// now is the document with what was told here.
func (e *entry) now() Kept {
	k := e.kept
	for _, t := range e.told {
		k = k.Take(t.figures, t.at)
	}
	return k
}

// hear adds what was told to what waits to be written.
func (e *entry) hear(t told) {
	if n := len(e.told); n > 0 && continues(e.told[n-1].figures, t.figures) {
		e.told = e.told[:n-1]
	}
	e.told = append(e.told, t)
	e.told = e.told[max(0, len(e.told)-maxTold):]
	e.dirty = true
}

// continues reports whether all that was told before is told again: by the same process, of
// the same trials.
func continues(before, now []standin.TrialFigures) bool {
	for _, b := range before {
		if !slices.ContainsFunc(now, func(f standin.TrialFigures) bool { return f.Version == b.Version && f.Since.Equal(b.Since) }) {
			return false
		}
	}
	return true
}

// NewBoard returns an empty board.
func NewBoard() *Board { return &Board{gates: map[string]*entry{}} }

// Put keeps what a gate tells.
func (b *Board) Put(gate string, figures []standin.TrialFigures, now time.Time) {
	if len(figures) == 0 {
		return // of a trial that has ended, the last word stays
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.entry(gate); e != nil {
		e.hear(told{figures, now})
	}
}

// entry returns the one of a gate, or nil if there are too many.
func (b *Board) entry(gate string) *entry {
	e := b.gates[gate]
	if e == nil && len(b.gates) < maxGates {
		e = &entry{}
		b.gates[gate] = e
	}
	return e
}

// Reports say what the trials of all gates come to; what was heard last comes first.
func (b *Board) Reports() []Report {
	b.mu.Lock()
	gates := make(map[string]Kept, len(b.gates))
	for name, e := range b.gates {
		gates[name] = e.now()
	}
	b.mu.Unlock()
	list := []Report{}
	for _, f := range Sum(gates) {
		list = append(list, Judge(f))
	}
	return list
}

// Run writes what gates told here to documents, and reads what they told to other nodes
// and before this one started, until ctx ends.
func (b *Board) Run(ctx context.Context, documents journal.Documents, log *slog.Logger) error {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	failing := false
	for {
		err := errors.Join(b.read(ctx, documents), b.write(ctx, documents))
		if err != nil && !failing && ctx.Err() == nil {
			log.Warn("figures of shadow mode are not kept", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (b *Board) read(ctx context.Context, documents journal.Documents) error {
	var errs []error
	for after := ""; ; {
		list, err := documents.ListDocuments(ctx, keepPrefix, after, 100)
		if err != nil {
			return err
		}
		for _, d := range list {
			after = d.Key
			if err := b.take(d); err != nil {
				errs = append(errs, fmt.Errorf("document %s: %w", d.Key, err))
			}
		}
		if len(list) < 100 {
			return errors.Join(errs...)
		}
	}
}

func (b *Board) take(d journal.Document) error {
	gate := strings.TrimPrefix(d.Key, keepPrefix)
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.gates[gate]; e != nil && e.revision == d.Revision {
		return nil
	}
	k, err := decode(d.Body)
	if err != nil {
		return err
	}
	if e := b.entry(gate); e != nil {
		e.kept, e.revision = k, d.Revision
	}
	return nil
}

func (b *Board) write(ctx context.Context, documents journal.Documents) error {
	type writing struct {
		gate string
		kept Kept
		d    journal.Document
	}
	var list []writing
	b.mu.Lock()
	for gate, e := range b.gates {
		if !e.dirty {
			continue
		}
		w := writing{gate: gate, kept: e.now()}
		body, err := json.Marshal(w.kept)
		if err != nil {
			b.mu.Unlock()
			return err
		}
		w.d = journal.Document{Key: keepPrefix + gate, Revision: e.revision, Body: body, Expires: w.kept.Heard.Add(keepFor)}
		list, e.dirty = append(list, w), false
	}
	b.mu.Unlock()
	var errs []error
	for _, w := range list {
		revision, err := documents.PutDocument(ctx, w.d)
		b.mu.Lock()
		e := b.gates[w.gate]
		switch {
		case err == nil:
			e.kept, e.revision = w.kept, revision
			e.told = e.told[len(e.told)-1:] // it may have been told since
		case holdfast.CodeOf(err) == holdfast.Conflict:
			e.revision, e.dirty = 0, true // what another node wrote is read first
		default:
			e.dirty = true
			errs = append(errs, err)
		}
		b.mu.Unlock()
	}
	return errors.Join(errs...)
}
