package advice_test

import (
	"errors"
	"testing"

	"holdfast"
	"holdfast/internal/standin/advice"
	"holdfast/internal/standin/advice/advicetest"
)

func TestMemory(t *testing.T) {
	advicetest.Run(t, func(*testing.T) advice.Source { return advice.NewMemory("memory", advicetest.Shards) })
}

// An append in doubt is settled by the same append again, written or not.
func TestMemoryFaults(t *testing.T) {
	for _, written := range []bool{true, false} {
		m := advice.NewMemory("memory", 1)
		m.Doubt(written)
		p := []advice.Pack{{ID: "one", Body: []byte("a"), Names: []uint64{1}}}
		if _, err := m.Append(t.Context(), p); holdfast.CodeOf(err) != holdfast.Doubtful {
			t.Fatalf("the append in doubt: %v", err)
		}
		results, err := m.Append(t.Context(), p)
		if err = errors.Join(append(results, err)...); err != nil {
			t.Fatalf("written %v: the same append again: %v", written, err)
		}
		if rev, _, _ := m.Head(t.Context(), 0); rev != 1 {
			t.Fatalf("written %v: the shard is at %d", written, rev)
		}
	}
	m := advice.NewMemory("memory", 1)
	refusal := holdfast.Errorf(holdfast.Unavailable, "no")
	m.Refuse(refusal)
	if _, err := m.Append(t.Context(), []advice.Pack{{ID: "one", Body: []byte("a")}}); !errors.Is(err, refusal) {
		t.Fatalf("the refused append: %v", err)
	}
	if rev, _, _ := m.Head(t.Context(), 0); rev != 0 {
		t.Fatal("a refused append was written")
	}
}
