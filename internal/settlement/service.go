package settlement

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

// Service carries out acts on settlement files and hands their pages to gates. It is safe
// for concurrent use. The caller has checked the account's right.
type Service struct {
	Desk  *journal.Desk
	Nouns Nouns
	Blobs journal.Blobs
	Log   *slog.Logger

	mu sync.Mutex
	// passes are how far gates are, by gate; last is the file that was read last.
	passes map[string]*pass
	last   *Read
	lastID string
	// loading is true while a file is being read for gates: their reports do not wait.
	loading atomic.Bool
}

// pass is how far a gate is with a file.
type pass struct {
	file, boot string
	carry      bool
	next       int
	sum        Answer
	sent       time.Time
}

// againAfter is how long an answer to a page is waited for before it is sent again.
const againAfter = 30 * time.Second

// SaveMapping keeps a mapping under its name.
func (s *Service) SaveMapping(ctx context.Context, by holdfast.Actor, m Mapping) error {
	_, err := s.Desk.Do(ctx, by, func(time.Time) ([]journal.Draft, error) { return s.Nouns.save(m) })
	if err != nil {
		return fmt.Errorf("save the mapping %s: %w", m.Name, err)
	}
	return nil
}

// Offer takes a file, by the mapping of a name, and returns its id. Gates compare it by
// themselves; nothing is changed.
func (s *Service) Offer(ctx context.Context, by holdfast.Actor, mapping, day, name string, content []byte) (id string, err error) {
	var m Mapping
	var found bool
	s.Desk.State.View(func() { m, found = s.Nouns.Book.Mapping(mapping) })
	if !found {
		return "", holdfast.Errorf(holdfast.NotFound, "there is no mapping %q: save it first", mapping).At("mapping")
	}
	read, from, until, err := m.ReadDay(content, day, s.Desk.Now())
	if err != nil {
		return "", err
	}
	o := offered{
		Name: payment.Mask(shortened(name)), Size: len(content), Mapping: m, Day: day, From: from, Until: until,
		Rows: len(read.Rows), Refused: read.Refused, Ignored: read.Ignored, Repeated: read.Repeated,
	}
	if o.Hash, err = s.Blobs.PutBlob(ctx, content); err != nil {
		return "", err
	}
	id = holdfast.NewID()
	_, err = s.Desk.Do(ctx, by, func(time.Time) ([]journal.Draft, error) { return s.Nouns.offer(id, o) })
	if err != nil {
		return "", fmt.Errorf("offer the settlement file: %w", err)
	}
	return id, nil
}

// Confirm has what a file says recorded, at once or, where it takes two people, once a
// second has agreed.
func (s *Service) Confirm(ctx context.Context, by holdfast.Actor, id, note string) error {
	_, err := s.Desk.Do(ctx, by, func(time.Time) ([]journal.Draft, error) { return s.Nouns.confirm(id, note) })
	if err != nil {
		return fmt.Errorf("confirm the settlement file %s: %w", id, err)
	}
	return nil
}

// Answer is a second person's word.
func (s *Service) Answer(ctx context.Context, by holdfast.Actor, id string, granted bool, reason string) error {
	_, err := s.Desk.Do(ctx, by, func(time.Time) ([]journal.Draft, error) { return s.Nouns.answer(by, id, granted, reason) })
	if err != nil {
		return fmt.Errorf("answer the settlement file %s: %w", id, err)
	}
	return nil
}

// Withdraw takes a file back that nobody has confirmed.
func (s *Service) Withdraw(ctx context.Context, by holdfast.Actor, id, reason string) error {
	_, err := s.Desk.Do(ctx, by, func(time.Time) ([]journal.Draft, error) { return s.Nouns.withdraw(id, reason) })
	if err != nil {
		return fmt.Errorf("withdraw the settlement file %s: %w", id, err)
	}
	return nil
}

// Rows reads a file's rows again. The last one that was read is kept.
func (s *Service) Rows(ctx context.Context, f *File) (*Read, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows(ctx, f)
}

func (s *Service) rows(ctx context.Context, f *File) (*Read, error) {
	if s.last != nil && s.lastID == f.ID {
		return s.last, nil
	}
	content, err := s.Blobs.Blob(ctx, f.Hash)
	if err != nil {
		return nil, err
	}
	read, err := Decode(content, f.Mapping)
	if err != nil {
		return nil, err
	}
	s.last, s.lastID = read, f.ID
	return read, nil
}

// Progress tells how many of how many pages a gate has answered in the present pass, as
// far as this node knows.
func (s *Service) Progress(id, gate string) (done, pages int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.passes[gate]
	if p == nil || p.file != id {
		return 0, 0
	}
	if s.last != nil && s.lastID == id {
		pages = pagesOf(len(s.last.Rows))
	}
	return p.next, pages
}

func pagesOf(rows int) int { return max(1, (rows+standin.PageRows-1)/standin.PageRows) }

// Told takes what a gate says of the page that it had last, and returns the next one; nil
// if there is none.
func (s *Service) Told(ctx context.Context, gate, boot string, w *standin.FileWord) (*standin.FilePage, error) {
	var f *File
	var work bool
	var above int64
	s.Desk.State.View(func() {
		f, work = s.Nouns.Book.work(gate)
		above = s.Nouns.Above()
	})
	if !s.mu.TryLock() {
		return nil, nil // another gate's turn; this one reports again in a second
	}
	defer s.mu.Unlock()
	if !work {
		delete(s.passes, gate)
		return nil, nil
	}
	if s.last == nil || s.lastID != f.ID {
		s.load(ctx, f)
		return nil, nil
	}
	read := s.last
	carry, now := f.State == Ordered, s.Desk.Now()
	p := s.passes[gate]
	if p == nil || p.file != f.ID || p.carry != carry || p.boot != boot {
		p = &pass{file: f.ID, boot: boot, carry: carry, sum: Answer{Boot: boot}}
		if s.passes == nil {
			s.passes = map[string]*pass{}
		}
		s.passes[gate] = p
	}
	pages := pagesOf(len(read.Rows))
	switch {
	case w == nil || w.File != f.ID || w.Carry != carry:
		if !p.sent.IsZero() && now.Sub(p.sent) < againAfter {
			return nil, nil
		}
	case w.Again:
		p.next, p.sum = 0, Answer{Boot: boot}
	case w.Page == p.next:
		p.add(w)
	}
	if p.next >= pages {
		return nil, s.finish(ctx, gate, p)
	}
	p.sent = now
	return s.page(f, read, p.next, pages, above), nil
}

// load reads a file for the gates, without anybody waiting for it.
func (s *Service) load(ctx context.Context, f *File) {
	if !s.loading.CompareAndSwap(false, true) {
		return
	}
	ctx = context.WithoutCancel(ctx)
	go func() {
		defer s.loading.Store(false)
		if _, err := s.Rows(ctx, f); err != nil {
			s.Log.Error("a settlement file cannot be read any more", "file", f.ID, "error", err)
		}
	}()
}

// page makes a page of a file. The caller holds mu.
func (s *Service) page(f *File, read *Read, n, pages int, above int64) *standin.FilePage {
	from := n * standin.PageRows
	p := &standin.FilePage{
		File: f.ID, Carry: f.State == Ordered, Page: n, Pages: pages, Rows: read.Rows[from:min(from+standin.PageRows, len(read.Rows))],
		From: f.From, Until: f.Until, Complete: f.complete(), Above: above,
	}
	if p.Carry {
		p.By, p.Note = f.ConfirmedBy.ID, shortNote(f)
		if f.Second != nil {
			p.Second = f.Second.ID
		}
	}
	return p
}

// shortNote is what shards keep beside an exception that the file settles.
func shortNote(f *File) string { return "settlement " + f.ID + ": " + shortened(f.Note) }

// finish records what a gate said of the whole file. The caller holds mu.
func (s *Service) finish(ctx context.Context, gate string, p *pass) error {
	delete(s.passes, gate)
	_, err := s.Desk.Do(ctx, holdfast.Actor{Kind: holdfast.Gate, ID: gate}, func(time.Time) ([]journal.Draft, error) {
		return s.Nouns.told(gate, p.file, p.carry, p.sum), nil
	})
	if err != nil {
		return fmt.Errorf("record what gate %s says of the settlement file %s: %w", gate, p.file, err)
	}
	return nil
}

// mostFound bounds what stands in the fact of a gate; the tallies count all.
const mostFound = 500

func (p *pass) add(w *standin.FileWord) {
	p.next++
	a := &p.sum
	a.Known += w.Known
	a.Two += w.Two
	a.Changed += w.Changed
	for _, t := range w.Tallies {
		a.tally(t)
	}
	a.Found = append(a.Found, w.Found[:min(len(w.Found), mostFound-len(a.Found))]...)
	a.Source, a.Of = w.Source, w.Of
	a.Shards = append(a.Shards, w.Shards...)
}

func (a *Answer) tally(t standin.FileTally) {
	for i := range a.Tallies {
		if e := &a.Tallies[i]; e.Finding == t.Finding && e.Currency == t.Currency {
			e.Count += t.Count
			e.Amount += t.Amount
			return
		}
	}
	a.Tallies = append(a.Tallies, t)
}
