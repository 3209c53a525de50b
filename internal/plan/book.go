package plan

import (
	"slices"
	"sync"
	"time"

	"holdfast"
)

// Revision is one published revision. It never changes, so it may be kept after
// the state was read, and used by several goroutines.
type Revision struct {
	Published
	By holdfast.Actor
	// At is when it was published, in UTC.
	At time.Time

	// decode reads the text once, when it is first wanted: most revisions that a
	// journal holds are history.
	decode func() (*Plan, Faults)
}

// Plan returns the text, decoded. It must not be changed.
func (r *Revision) Plan() *Plan {
	p, _ := r.decode()
	return p
}

// Faults returns what this version of Holdfast finds wrong in the text. What an
// earlier version published stays in force whatever a later one finds.
func (r *Revision) Faults() Faults {
	_, faults := r.decode()
	return faults
}

// Book is all published plans, folded from the journal. Use it under the
// state's lock.
type Book struct {
	plans map[string]*shelf
	ids   []string // in the order of first publication
}

// shelf holds the revisions of one plan.
type shelf struct {
	revision  holdfast.Revision // of the subject, whatever the kinds of its facts
	revisions []*Revision
}

// NewBook returns an empty book.
func NewBook() *Book { return &Book{plans: map[string]*shelf{}} }

// Apply folds a fact.
func (b *Book) Apply(f holdfast.Fact) error {
	noun, id := f.Subject.Split()
	if noun != "plan" {
		return nil
	}
	s := b.plans[id]
	if s == nil {
		s = &shelf{}
		b.plans[id] = s
	}
	s.revision = f.Revision
	if f.Kind != KindPublished {
		return nil
	}
	r := &Revision{By: f.Actor, At: f.Time}
	if err := f.Decode(&r.Published); err != nil {
		return err
	}
	if Hash([]byte(r.Text)) != r.Hash || r.Number != len(s.revisions)+1 || r.ID != id {
		return holdfast.Errorf(holdfast.Damaged, "revision %d of plan %s does not match its hash or its number", r.Number, id)
	}
	r.decode = sync.OnceValues(func() (*Plan, Faults) { return Decode("", []byte(r.Text)) })
	if r.Number == 1 {
		b.ids = append(b.ids, id)
	}
	s.revisions = append(s.revisions, r)
	return nil
}

func (b *Book) revision(id string) holdfast.Revision {
	if s := b.plans[id]; s != nil {
		return s.revision
	}
	return 0
}

// Revisions returns all revisions of a plan, the first first.
func (b *Book) Revisions(id string) []*Revision {
	if s := b.plans[id]; s != nil {
		return slices.Clone(s.revisions)
	}
	return nil
}

// Revision returns one revision of a plan; the first has number 1.
func (b *Book) Revision(id string, number int) (*Revision, bool) {
	s := b.plans[id]
	if s == nil || number < 1 || number > len(s.revisions) {
		return nil, false
	}
	return s.revisions[number-1], true
}

// Latest returns the revision of a plan published last, in force or not yet.
func (b *Book) Latest(id string) (*Revision, bool) {
	if s := b.plans[id]; s != nil {
		return b.Revision(id, len(s.revisions))
	}
	return nil, false
}

// Current returns the revision of a plan that is in force: the latest whose
// date has come. An empty id asks for the plan that was published first here,
// which is the one that incidents run.
func (b *Book) Current(id string, now time.Time) (*Revision, bool) {
	if id == "" && len(b.ids) > 0 {
		id = b.ids[0]
	}
	for _, r := range slices.Backward(b.Revisions(id)) {
		if !r.InForce.After(now) {
			return r, true
		}
	}
	return nil, false
}

// Governing returns the revision that says who approves the next: the one in force
// or, where that names nobody or there is none yet, the latest, which those whom it
// names have approved for a day to come.
func (b *Book) Governing(id string, now time.Time) (*Revision, bool) {
	current, _ := b.Current(id, now)
	latest, _ := b.Latest(id)
	for _, r := range []*Revision{current, latest} {
		if r != nil && len(r.Plan().Governance.Approval) > 0 {
			return r, true
		}
	}
	return nil, false
}

// Plans returns the ids of all plans in the order of their first publication.
func (b *Book) Plans() []string { return slices.Clone(b.ids) }
