package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/journal"
)

// tape is a journal that holds whatever facts it is given.
type tape struct {
	genesis, head holdfast.Head
	facts         []holdfast.Fact
	fail          error // of reads after the last fact
}

func (t *tape) Genesis() holdfast.Head { return t.genesis }
func (t *tape) Head() holdfast.Head    { return t.head }

func (t *tape) Read(_ context.Context, after holdfast.Position, limit int) ([]holdfast.Fact, error) {
	i := slices.IndexFunc(t.facts, func(f holdfast.Fact) bool { return f.Position > after })
	if i < 0 {
		return nil, t.fail
	}
	return t.facts[i:min(len(t.facts), i+limit)], nil
}

// record makes a tape of n appends of two facts each, to three subjects.
func record(t testing.TB, n int) *tape {
	t.Helper()
	m := journal.NewMemory("tape")
	for i := range n {
		subject := holdfast.Subject(fmt.Sprint("thing/", i%3))
		revision := holdfast.Revision(i / 3 * 2)
		_, err := m.Append(t.Context(), journal.Append{
			ID: fmt.Sprint("append-", i), Actor: holdfast.Self("test"), Time: time.Unix(int64(i), 0),
			Facts: []journal.Draft{journal.NewDraft(subject, revision, "thing.changed", i), journal.NewDraft(subject, revision+1, "thing.changed", -i)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	facts, err := m.Read(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return &tape{genesis: m.Genesis(), head: m.Head(), facts: facts}
}

// seal chains the facts anew, as one does who changes a journal and knows how.
func (t *tape) seal() {
	head := t.genesis
	for i := range t.facts {
		f := &t.facts[i]
		f.Position = head.Position + 1
		f.Hash = journal.Link(head.Hash, f.Position, journal.Leaf(*f))
		head.Position, head.Hash = f.Position, f.Hash
	}
	t.head.Position, t.head.Hash = head.Position, head.Hash
}

// storage finds what it is told to find.
type storage struct {
	found Findings
	err   error
}

func (s storage) Check(context.Context) (Findings, error) { return s.found, s.err }

func mustVerify(t testing.TB, j Journal, s Storage) Report {
	t.Helper()
	report, err := Verify(t.Context(), j, s)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestValid(t *testing.T) {
	j := record(t, 10)
	r := mustVerify(t, j, storage{found: Findings{Blobs: 3, Documents: 4}})
	if r.Verdict != Valid || r.Facts != 20 || r.Subjects != 3 || r.Appends != 10 || r.Blobs != 3 || r.Documents != 4 || r.Head != j.head || r.TimesBack != 0 {
		t.Errorf("report %+v", r)
	}
	empty := mustVerify(t, record(t, 0), storage{})
	if empty.Verdict != Valid || empty.Facts != 0 || empty.Head.Hash != journal.Genesis("tape") {
		t.Errorf("of an empty journal: %+v", empty)
	}
	ahead := record(t, 10)
	ahead.head = record(t, 8).head
	if r := mustVerify(t, ahead, storage{}); r.Verdict != Valid {
		t.Errorf("facts past the witness are no fault: %+v", r)
	}
}

func TestInvalid(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(j *tape)
		at     []holdfast.Position
		what   string
	}{
		{"a body changed", func(j *tape) { j.facts[4].Body = json.RawMessage("7") }, []holdfast.Position{5}, "the body is not the one that was written"},
		{"an envelope changed", func(j *tape) { j.facts[4].Kind = "x" }, []holdfast.Position{5}, "does not continue the chain"},
		{"a fact removed", func(j *tape) { j.facts = slices.Delete(j.facts, 4, 5) }, []holdfast.Position{5, 6}, "has position 6: those before it are missing"},
		{"the first removed", func(j *tape) { j.facts = j.facts[6:] }, []holdfast.Position{1, 7, 9, 11}, "has position 7: those before it are missing"},
		{"the tail cut", func(j *tape) { j.facts = j.facts[:7] }, []holdfast.Position{8}, "position 20 was witnessed"},
		{"all removed", func(j *tape) { j.facts = nil }, []holdfast.Position{1}, "position 20 was witnessed"},
		{"another history", func(j *tape) { j.facts[19].Kind = "x"; head := j.head; j.seal(); j.head = head }, []holdfast.Position{20}, "these are two histories"},
		{"a revision skipped", func(j *tape) { j.facts[19].Revision++; j.seal() }, []holdfast.Position{20}, "thing/0 has revision 9, not 8"},
		{"an append torn apart", func(j *tape) { j.facts[19].Append = "append-2"; j.seal() }, []holdfast.Position{20}, "the append append-2 is torn apart"},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := record(t, 10)
			c.change(j)
			r := mustVerify(t, j, storage{})
			var at []holdfast.Position
			for _, p := range r.Problems {
				at = append(at, p.Position)
			}
			if r.Verdict != Invalid || !slices.Equal(at, c.at) || !strings.Contains(r.Problems[0].String(), c.what) {
				t.Errorf("problems %v", r.Problems)
			}
		})
	}
}

// TestEveryChangeIsFound changes any fact in any way.
func TestEveryChangeIsFound(t *testing.T) {
	whole := record(t, 10)
	rapid.Check(t, func(rt *rapid.T) {
		j := &tape{genesis: whole.genesis, head: whole.head, facts: slices.Clone(whole.facts)}
		i, k := rapid.IntRange(0, 19).Draw(rt, "i"), rapid.IntRange(0, 19).Draw(rt, "k")
		switch rapid.IntRange(0, 4).Draw(rt, "change") {
		case 0:
			j.facts = slices.Delete(j.facts, i, i+1)
		case 1:
			j.facts[i].Body = json.RawMessage(fmt.Sprint(1000 + k))
		case 2:
			j.facts[i].Time = j.facts[i].Time.Add(time.Duration(k+1) * time.Microsecond)
		case 3:
			j.facts[i].Actor.ID += "x"
		case 4:
			if i == k {
				rt.Skip("a swap with itself")
			}
			a, b := j.facts[i], j.facts[k]
			a.Position, b.Position = b.Position, a.Position
			j.facts[i], j.facts[k] = b, a
		}
		if r := mustVerify(t, j, storage{}); r.Verdict != Invalid {
			rt.Fatalf("report %+v", r)
		}
	})
}

func TestTimesBackAreNoted(t *testing.T) {
	j := record(t, 10)
	j.facts[9].Time = time.Unix(0, 0)
	j.facts[15].Time = time.Unix(1, 0)
	j.seal()
	if r := mustVerify(t, j, storage{}); r.Verdict != Valid || r.TimesBack != 2 || r.FirstTimeBack != 10 {
		t.Errorf("report %+v", r)
	}
}

func TestIncomplete(t *testing.T) {
	j := record(t, 2)
	for name, r := range map[string]Report{
		"no storage":       mustVerify(t, j, nil),
		"storage fails":    mustVerify(t, j, storage{err: errors.New("no")}),
		"storage is blind": mustVerify(t, j, storage{found: Findings{Unchecked: []string{"sums"}}}),
		"facts unreadable": mustVerify(t, &tape{genesis: j.genesis, head: j.genesis, fail: errors.New("no")}, storage{}),
	} {
		if r.Verdict != Incomplete || len(r.Unchecked) != 1 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	damaged := mustVerify(t, &tape{genesis: j.genesis, head: j.genesis, fail: holdfast.Errorf(holdfast.Damaged, "no")}, storage{})
	if damaged.Verdict != Invalid || len(damaged.Unchecked) != 1 {
		t.Errorf("damage while reading: %+v", damaged)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	j := record(t, 200)
	for i := range j.facts {
		j.facts[i].Body = json.RawMessage("null")
	}
	if r := mustVerify(t, j, storage{}); len(r.Problems) != maxProblems || r.MoreProblems != 400-maxProblems {
		t.Errorf("%d problems and %d more", len(r.Problems), r.MoreProblems)
	}
}

func TestEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Verify(ctx, record(t, 1), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestWriteText(t *testing.T) {
	j := record(t, 3)
	j.facts[1].Body = json.RawMessage("7")
	j.facts[5].Time = time.Unix(0, 0)
	r := mustVerify(t, j, storage{found: Findings{Blobs: 1, Unchecked: []string{"journal.sums is missing"}}})
	r.MoreProblems = 5
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := `INVALID

journal    tape, epoch 1
facts      6, of 3 subjects, in 3 appends
head       position 6
           hash ` + r.Head.Hash.String() + `
blobs      1
documents  0
note       dated before the fact ahead of them: 1 facts, the first at position 6; clocks may be set back, position is the order

Problems
  position 2: the body is not the one that was written
  position 6: the envelope does not continue the chain
  and 5 more

Not checked
  journal.sums is missing
`
	if b.String() != want {
		t.Errorf("the text is\n%s", b.String())
	}
	b.Reset()
	if err := mustVerify(t, record(t, 3), storage{}).WriteText(&b); err != nil || !strings.HasSuffix(b.String(), "such as at a gate: compare them.\n") {
		t.Errorf("the text is\n%s, error %v", b.String(), err)
	}
	if text, err := json.Marshal(mustVerify(t, record(t, 0), storage{})); err != nil || !strings.Contains(string(text), `"problems":[],`) {
		t.Errorf("as JSON: %s, error %v", text, err)
	}
}
