package draft

import (
	"maps"

	"holdfast"
	"holdfast/internal/attachment"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

// A text names a file by its hash, and whoever writes it can write any hash: also
// that of an incident's evidence, which he may not see. So a draft gives out a file
// only if somebody handed in the file itself, to this draft, or if a revision of its
// plan names it; every other one counts as not kept.

// kindAttached is the fact that a file was handed in.
const kindAttached = "draft.attached"

type attached struct {
	File attachment.File `json:"file"`
}

func (d *Draft) applyAttached(f holdfast.Fact) error {
	var body attached
	if err := f.Decode(&body); err != nil {
		return err
	}
	if d.handed = maps.Clone(d.handed); d.handed == nil {
		d.handed = map[holdfast.Hash]bool{}
	}
	d.handed[body.File.Hash] = true
	return nil
}

// hand notes that a file was handed in, once.
func (d *Draft) hand(f attachment.File) []journal.Draft {
	if d.handed[f.Hash] || d.State == Withdrawn || d.State == Published {
		return nil
	}
	return d.fact(kindAttached, attached{f})
}

// Handed reports whether a file that the text names may be taken for the draft's
// own. Call it under the state's lock.
func (d *Draft) Handed(plans *plan.Book, h holdfast.Hash) bool {
	if d.handed[h] {
		return true
	}
	for _, r := range plans.Revisions(d.Plan) {
		if _, named := r.Plan().Names(h); named {
			return true
		}
	}
	return false
}

// File returns the file of a draft with a hash: an attachment that its text names, or
// a scan. Code NotFound if it has none.
func (s *Service) File(d *Draft, h holdfast.Hash) (attachment.File, error) {
	for _, scan := range d.Scans {
		if scan.File.Hash == h {
			return scan.File, nil
		}
	}
	return s.TextFile(d, h)
}

// TextFile returns the attachment with a hash, if the draft's text names it. Code
// NotFound if it does not.
func (s *Service) TextFile(d *Draft, h holdfast.Hash) (attachment.File, error) {
	p, _ := plan.Decode("", d.Text())
	if f, ok := p.Names(h); ok && s.handed(d, h) {
		return f, nil
	}
	return attachment.File{}, attachment.None(h)
}

func (s *Service) handed(d *Draft, h holdfast.Hash) (ok bool) {
	s.Desk.State.View(func() { ok = d.Handed(s.Nouns.Plans, h) })
	return ok
}
