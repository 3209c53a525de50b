package decider

import (
	"context"
	"slices"

	"holdfast"
	"holdfast/internal/standin"
)

// filed is what this process has seen of a settlement file.
type filed struct {
	file  string
	carry bool
	next  int
	// has are the identities of the file that the shards know.
	has map[string]bool
	// of are the shards that were compared, with their epochs at the first page.
	of map[int]uint64
}

// rowsAtOnce is how many rows are carried out in one pack.
const rowsAtOnce = 200

// CompareFile compares a page of the primary's settlement file with the shards that this gate
// decides for, and carries it out if the page says so. What it says is durable then.
// Pages come in their order, from one caller.
func (d *Decider) CompareFile(ctx context.Context, p *standin.FilePage) (*standin.FileWord, error) {
	w := &standin.FileWord{File: p.File, Carry: p.Carry, Page: p.Page, Source: d.id, Of: len(d.shards)}
	if p.Page == 0 {
		d.file = d.beginFile(p)
	}
	f := d.file
	if f == nil || f.file != p.File || f.carry != p.Carry || f.next != p.Page {
		w.Again = true
		return w, nil
	}
	f.next++
	for _, s := range d.shards {
		if _, ours := f.of[s.n]; !ours {
			continue
		}
		for rows := range slices.Chunk(p.Rows, rowsAtOnce) {
			if err := d.compareRows(ctx, s, p, rows, w); err != nil {
				d.file = nil
				return nil, err
			}
		}
	}
	if p.Carry {
		d.learnFrom(p.Rows)
	}
	if p.Page < p.Pages-1 {
		return w, nil
	}
	d.file = nil
	for _, s := range d.shards {
		if epoch, ours := f.of[s.n]; ours {
			if err := d.compareAbsent(ctx, s, p, f, w); err != nil {
				return nil, err
			}
			if p.Carry || s.unmoved(epoch) { // to carry out takes a shard over
				w.Shards = append(w.Shards, s.n)
			}
		}
	}
	return w, nil
}

// learnFrom settles what was in flight when stand-in opened, at a gate that is gone too.
func (d *Decider) learnFrom(rows []standin.Row) {
	if d.opening() {
		return
	}
	for _, r := range rows {
		if r.Done {
			d.Learn(r.Identity, true)
		}
	}
}

func (d *Decider) beginFile(p *standin.FilePage) *filed {
	f := &filed{file: p.File, carry: p.Carry, has: map[string]bool{}, of: map[int]uint64{}}
	for _, s := range d.shards {
		s.mu.Lock()
		if s.state != nil && s.told() {
			_, _, f.of[s.n] = s.state.Decider()
		}
		s.mu.Unlock()
	}
	return f
}

// unmoved reports whether this gate still decides for a shard, as at an epoch.
func (s *shard) unmoved(since uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == nil || !s.told() {
		return false
	}
	_, _, epoch := s.state.Decider()
	return epoch == since
}

// compareRows has a shard compare some rows.
func (d *Decider) compareRows(ctx context.Context, s *shard, p *standin.FilePage, rows []standin.Row, w *standin.FileWord) error {
	known := s.known(rows)
	if len(known) == 0 {
		return nil
	}
	if err := d.loadProfilesOf(ctx, s, known); err != nil {
		return err
	}
	var found []standin.Found
	err := d.do(ctx, s, &job{look: !p.Carry, do: func(t *turn) error {
		found = found[:0]
		for _, r := range known {
			f, records, ok := standin.Compare(t.s.state, r, p, d.secondAbove, t.now)
			if !ok {
				continue
			}
			found = append(found, f)
			if p.Carry {
				if err := t.add(records...); err != nil {
					return err
				}
			}
		}
		return nil
	}})
	if err != nil {
		return err
	}
	for _, f := range found {
		d.file.has[f.Identity] = true
		w.Add(f)
	}
	return nil
}

// known picks the rows of which the shard knows something.
func (s *shard) known(rows []standin.Row) (list []standin.Row) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == nil {
		return rows // it is read when its turn comes
	}
	for _, r := range rows {
		if s.state.Item(r.Identity) != nil {
			list = append(list, r)
		}
	}
	return list
}

// compareAbsent has a shard look for what a complete file lacks.
func (d *Decider) compareAbsent(ctx context.Context, s *shard, p *standin.FilePage, f *filed, w *standin.FileWord) error {
	if !p.Complete {
		return nil
	}
	for more := true; more; {
		var found []standin.Found
		err := d.do(ctx, s, &job{look: !p.Carry, do: func(t *turn) error {
			var records []standin.Record
			found, records = standin.Lacking(t.s.state, p, func(identity string) bool { return f.has[identity] }, t.now)
			if !p.Carry {
				return nil
			}
			n := min(len(records), rowsAtOnce)
			found = found[:n]
			return t.add(records[:n]...)
		}})
		if err != nil {
			return err
		}
		for _, one := range found {
			w.Add(one)
		}
		more = p.Carry && len(found) == rowsAtOnce
	}
	return nil
}

// loadProfilesOf reads the profiles of the directives under which rows were decided.
func (d *Decider) loadProfilesOf(ctx context.Context, s *shard, rows []standin.Row) error {
	var missing []string
	s.mu.Lock()
	for _, r := range rows {
		if s.state == nil {
			break
		}
		if i := s.state.Item(r.Identity); i != nil && !slices.Contains(missing, i.Directive) {
			missing = append(missing, i.Directive)
		}
	}
	s.mu.Unlock()
	for _, directive := range missing {
		if d.profile(directive) == nil {
			// What was decided by terms that cannot be read any more takes two people.
			if err := d.loadProfile(ctx, directive); err != nil && holdfast.CodeOf(err) != holdfast.Damaged {
				return err
			}
		}
	}
	return nil
}

func (d *Decider) secondAbove(directive string) (amount int64, known bool) {
	if c := d.profile(directive); c != nil {
		return c.Profile.SecondAbove, true
	}
	return 0, false
}
