package reconciliation

import (
	"cmp"
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
	keepPrefix = "standin/"
	keepEvery  = 2 * time.Second
	// keepFor is how long what a gate told is kept after it fell silent. A directive
	// is closed, and its figures stand in a fact, long before.
	keepFor = 90 * 24 * time.Hour
	maxKept = 1000
)

// Board keeps what each gate told last of each advice source: one that was made anew, with
// another source, does not take away what it told of the one before. It is safe for
// concurrent use.
type Board struct {
	mu   sync.Mutex
	kept map[string]*kept // by nameOf
	// words are the last of each shard of which all was durable, whichever gate told it; falls,
	// where one told less than the one before and that is not recorded. Of doubts it is not
	// known which gate decides, since when.
	words  map[shardOf]word
	read   bool // what was told before this node started was
	falls  []fall
	doubts map[shardOf]time.Time
}

// nameOf names what a gate tells of a source; neither has a slash.
func nameOf(gate, source string) string { return gate + "/" + source }

type kept struct {
	Told
	// revision is that of the document; dirty, that it lacks what was told.
	revision holdfast.Revision
	dirty    bool
}

// NewBoard returns an empty board.
func NewBoard() *Board {
	return &Board{kept: map[string]*kept{}, words: map[shardOf]word{}, doubts: map[shardOf]time.Time{}}
}

// put keeps what a gate told.
func (b *Board) put(gate string, s standin.Summary, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	name := nameOf(gate, s.Source)
	k := b.kept[name]
	if k == nil {
		if len(b.kept) >= maxKept {
			return
		}
		k = &kept{}
		b.kept[name] = k
	}
	k.Told, k.dirty = Told{Gate: gate, Heard: now, Summary: s}, true
	b.adopt(gate, s, true, now)
}

// Told returns what a gate told last.
func (b *Board) Told(gate string) (last Told, some bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range b.kept {
		if k.Gate == gate && (!some || k.Heard.After(last.Heard)) {
			last, some = k.Told, true
		}
	}
	return last, some
}

// Sources adds up what gates told.
func (b *Board) Sources(now time.Time) []Source {
	b.mu.Lock()
	told := make([]Told, 0, len(b.kept))
	for _, k := range b.kept {
		told = append(told, b.doubtful(k.Told))
	}
	b.mu.Unlock()
	slices.SortFunc(told, func(x, y Told) int {
		return cmp.Or(cmp.Compare(x.Gate, y.Gate), cmp.Compare(x.Summary.Source, y.Summary.Source))
	})
	return Sum(told, now)
}

// Run writes what gates told here to documents, and reads what they told to other
// nodes and before this one started, until ctx ends; then it writes once more.
func (b *Board) Run(ctx context.Context, documents journal.Documents, log *slog.Logger) error {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	failing := false
	for {
		err := errors.Join(b.load(ctx, documents), b.write(ctx, documents))
		if err != nil && !failing && ctx.Err() == nil {
			log.Warn("figures of stand-in are not kept", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return b.last(context.WithoutCancel(ctx), documents, log)
		case <-tick.C:
		}
	}
}

// last writes what was told since, at the end.
func (b *Board) last(ctx context.Context, documents journal.Documents, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, keepEvery)
	defer cancel()
	if err := b.write(ctx, documents); err != nil {
		log.Warn("the last figures of stand-in are not kept", "error", err)
	}
	return nil
}

func (b *Board) load(ctx context.Context, documents journal.Documents) error {
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
			b.mu.Lock()
			b.read = true
			b.mu.Unlock()
			return errors.Join(errs...)
		}
	}
}

// take takes a document in, if what it holds was heard later than what is known.
func (b *Board) take(d journal.Document) error {
	name := strings.TrimPrefix(d.Key, keepPrefix)
	gate, _, of := strings.Cut(name, "/")
	if !of {
		return nil // of a version that kept one source of a gate
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.kept[name]
	if k != nil && k.revision == d.Revision {
		return nil
	}
	t, err := decodeTold(d.Body)
	if err != nil {
		return err
	}
	if k == nil {
		if len(b.kept) >= maxKept {
			return nil
		}
		k = &kept{}
		b.kept[name] = k
	}
	k.revision = d.Revision
	if !t.Heard.Before(k.Heard) {
		k.Told, k.dirty = Told{Gate: gate, Heard: t.Heard, Summary: t.Summary}, false
	}
	for _, w := range t.Before {
		w.Of.Durable = true
		b.adopt(gate, standin.Summary{Source: t.Summary.Source, At: w.At, Of: []standin.ShardSummary{w.Of}}, false, t.Heard)
	}
	b.adopt(gate, t.Summary, false, t.Heard)
	return nil
}

func decodeTold(body []byte) (t Told, err error) {
	if err := json.Unmarshal(body, &t); err != nil {
		return t, fmt.Errorf("read what a gate told of stand-in: %w", err)
	}
	return t, t.Summary.Check()
}

func (b *Board) write(ctx context.Context, documents journal.Documents) error {
	b.mu.Lock()
	var list []journal.Document
	for name, k := range b.kept {
		if k.dirty {
			told := k.Told
			told.Before = b.before(told)
			body, err := json.Marshal(told)
			if len(body) > journal.MaxDocument {
				told.Before = nil
				body, err = json.Marshal(told)
			}
			if err != nil {
				b.mu.Unlock()
				return err
			}
			list = append(list, journal.Document{Key: keepPrefix + name, Revision: k.revision, Body: body, Expires: k.Heard.Add(keepFor)})
			k.dirty = false
		}
	}
	b.mu.Unlock()
	var errs []error
	for _, d := range list {
		revision, err := documents.PutDocument(ctx, d)
		b.mu.Lock()
		k := b.kept[strings.TrimPrefix(d.Key, keepPrefix)]
		switch {
		case err == nil:
			k.revision = revision
		case holdfast.CodeOf(err) == holdfast.Conflict:
			// Another node was faster, or the document has expired: what it holds is read
			// first, and what was told here since is written over it.
			k.revision, k.dirty = 0, true
		default:
			k.dirty = true
			errs = append(errs, err)
		}
		b.mu.Unlock()
	}
	return errors.Join(errs...)
}
