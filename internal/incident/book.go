package incident

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast"
)

// Book is all incidents, folded from the journal. Use it under the state's lock.
type Book struct {
	all   map[string]*Incident
	order []*Incident // by opening
	count map[int]int // by year
}

// NewBook returns an empty book.
func NewBook() *Book { return &Book{all: map[string]*Incident{}, count: map[int]int{}} }

// Apply folds a fact.
func (b *Book) Apply(f holdfast.Fact) error {
	noun, id := f.Subject.Split()
	if noun != "incident" {
		return nil
	}
	in := b.all[id]
	if in == nil {
		in = &Incident{ID: id}
		b.all[id] = in
		b.order = append(b.order, in)
		year, n := splitID(id)
		b.count[year] = max(b.count[year], n)
	}
	decoder, ok := decoders[f.Kind]
	if !ok {
		in.Revision = f.Revision
		return nil
	}
	e, err := decoder(f)
	if err != nil {
		return err
	}
	in.apply(e, f)
	return nil
}

// Incident returns an incident, or nil.
func (b *Book) Incident(id string) *Incident { return b.all[id] }

// All returns every incident, newest first.
func (b *Book) All() []*Incident {
	all := slices.Clone(b.order)
	slices.Reverse(all)
	return all
}

// Open returns the incidents that are not over, the gravest first and of those
// the oldest.
func (b *Book) Open() []*Incident {
	var open []*Incident
	for _, in := range b.order {
		if !in.Over() {
			open = append(open, in)
		}
	}
	slices.SortStableFunc(open, func(x, y *Incident) int { return gravity(x) - gravity(y) })
	return open
}

// gravity orders incidents: by level, and one that awaits its level above all.
func gravity(in *Incident) int {
	if in.State == Suspected {
		return 0
	}
	return int(in.Level)
}

// NextID returns the id that the next incident of the year gets, 2026-1.
func (b *Book) NextID(now time.Time) string {
	year := now.UTC().Year()
	return fmt.Sprintf("%d-%d", year, b.count[year]+1)
}

func splitID(id string) (year, n int) {
	y, c, _ := strings.Cut(id, "-")
	year, _ = strconv.Atoi(y)
	n, _ = strconv.Atoi(c)
	return year, n
}
