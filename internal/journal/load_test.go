package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"holdfast"
)

// moody is a journal whose reads are sometimes short, as those of large bodies
// are, and that may have lost facts.
type moody struct {
	*Memory
	short func(after holdfast.Position) int // at most so many facts of a read; 0 for all
	gone  map[holdfast.Position]bool
	fails holdfast.Position // a read from here on fails
}

func (m *moody) Read(ctx context.Context, after holdfast.Position, limit int) ([]holdfast.Fact, error) {
	if m.fails != 0 && after >= m.fails {
		return nil, errors.New("the disk is on fire")
	}
	for {
		facts, err := m.Memory.Read(ctx, after, limit)
		if err != nil || len(facts) == 0 {
			return facts, err
		}
		if n := m.short(after); n > 0 && n < len(facts) {
			for n < len(facts) && facts[n].Append == facts[n-1].Append {
				n++
			}
			facts = facts[:n]
		}
		after = facts[len(facts)-1].Position
		kept := facts[:0]
		for _, f := range facts {
			if !m.gone[f.Position] {
				kept = append(kept, f)
			}
		}
		if len(kept) > 0 {
			return kept, nil
		}
	}
}

// TestLoadFoldsInOrder is the law that however reads come, a load folds every fact
// once and in order, up to the first that is damaged or missing.
func TestLoadFoldsInOrder(t *testing.T) {
	t.Parallel()
	const inOne, facts = 20, 3*20 + 5
	whole := NewMemory("m")
	for n := 0; n < facts; {
		drafts := make([]Draft, 1+n%7)
		for i := range drafts {
			drafts[i] = NewDraft(holdfast.NewSubject("thing", fmt.Sprint(n)), holdfast.Revision(i), "k", i)
		}
		write(t, whole, fmt.Sprint(n), drafts...)
		n += len(drafts)
	}
	rapid.Check(t, func(rt *rapid.T) {
		m := &moody{Memory: NewMemory("m"), gone: map[holdfast.Position]bool{}}
		m.facts, m.head = append([]holdfast.Fact(nil), whole.facts...), whole.head
		every := rapid.IntRange(0, 3).Draw(rt, "short reads")
		m.short = func(after holdfast.Position) int {
			if every == 0 || int(after)%(every+1) != 0 {
				return 0
			}
			return 1 + int(after)%15
		}
		wrong := holdfast.Position(rapid.IntRange(1, len(m.facts)).Draw(rt, "wrong"))
		what := rapid.SampledFrom([]string{"nothing", "changed", "removed", "read"}).Draw(rt, "what")
		switch what {
		case "changed":
			m.facts[wrong-1].Body = json.RawMessage(`"other"`)
		case "removed":
			m.gone[wrong] = true
		case "read":
			m.fails = wrong
		}
		var folded order
		s := NewState(m, m.Genesis(), &folded)
		s.batch = inOne
		err := s.Load(t.Context())
		switch what {
		case "nothing":
			if err != nil || folded.last != m.head.Position {
				rt.Fatalf("folded to %d of %d, error %v", folded.last, m.head.Position, err)
			}
		case "read":
			if err == nil || !strings.Contains(err.Error(), "read the journal: the disk is on fire") {
				rt.Fatalf("error %v", err)
			}
		default:
			if wrong == m.head.Position && what == "removed" {
				return // a cut tail, which no chain shows
			}
			if holdfast.CodeOf(err) != holdfast.Damaged || folded.last != wrong-1 || !strings.Contains(err.Error(), fmt.Sprintf("at position %d ", wrong)) {
				rt.Fatalf("%s at %d: folded to %d, error %v", what, wrong, folded.last, err)
			}
		}
		if folded.fault != "" {
			rt.Fatal(folded.fault)
		}
	})
}

// order is a projection that sees whether facts come in order.
type order struct {
	last  holdfast.Position
	fault string
}

func (o *order) Apply(f holdfast.Fact) error {
	if f.Position != o.last+1 {
		o.fault = fmt.Sprintf("position %d was folded after %d", f.Position, o.last)
	}
	o.last = f.Position
	return nil
}
