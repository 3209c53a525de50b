package journaltest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/journal"
)

func appendIsChained(t *testing.T, s journal.Store) {
	first := mustAppend(t, s, an("a", draft("thing/1", 0, 1), draft("thing/2", 0, 2), draft("thing/1", 1, 3)))
	second := mustAppend(t, s, an("b", draft("thing/1", 2, 4)))
	if first != (journal.Receipt{First: 1, Last: 3}) || second != (journal.Receipt{First: 4, Last: 4}) {
		t.Fatalf("receipts %v and %v", first, second)
	}
	facts := mustReadAll(t, s, 100)
	if len(facts) != 4 {
		t.Fatalf("%d facts, not 4", len(facts))
	}
	for i, want := range []struct {
		append  string
		subject holdfast.Subject
		rev     holdfast.Revision
		body    string
	}{{"a", "thing/1", 1, "1"}, {"a", "thing/2", 1, "2"}, {"a", "thing/1", 2, "3"}, {"b", "thing/1", 3, "4"}} {
		f := facts[i]
		if f.Append != want.append || f.Subject != want.subject || f.Revision != want.rev || string(f.Body) != want.body {
			t.Errorf("fact %d is %s", i+1, asJSON(t, f))
		}
		if f.Kind != "thing.changed" || f.Actor != someone {
			t.Errorf("fact %d has kind %q and actor %+v", i+1, f.Kind, f.Actor)
		}
		if !f.Time.Equal(moment.Truncate(time.Microsecond)) || f.Time.Location() != time.UTC {
			t.Errorf("fact %d has time %v", i+1, f.Time)
		}
	}
	head, err := s.Barrier(t.Context())
	if err != nil || head.Position != 4 || head.Hash != facts[3].Hash {
		t.Errorf("head %v, error %v", head, err)
	}
}

// appendKeepsText shows that every text and body comes back byte for byte: the
// chain would call anything else damage.
func appendKeepsText(t *testing.T, s journal.Store) {
	texts := []string{"演練/停止支付", "a'b\"c;--", "line\nbreak\ttab", "\u2028 \ufffd <&>", strings.Repeat("長", journal.MaxName/3)}
	bodies := []string{`null`, `{"b":1,"a":[1.50,1e3,"\u00e9é"]}`, " {\n \"spaces\" : true } ", `"😀"`}
	for i, text := range texts {
		body := json.RawMessage(bodies[i%len(bodies)])
		mustAppend(t, s, journal.Append{
			ID: fmt.Sprint("id-", i), Time: time.Time{}.AddDate(i*700, 0, 0),
			Actor: holdfast.Actor{Kind: holdfast.ActorKind(text), ID: text, Name: text, Via: text},
			Facts: []journal.Draft{{Subject: holdfast.Subject(text), Kind: text, Body: body}},
		})
	}
	for i, f := range mustReadAll(t, s, 2) {
		if string(f.Subject) != texts[i] || f.Kind != texts[i] || f.Actor.Name != texts[i] || string(f.Body) != bodies[i%len(bodies)] {
			t.Errorf("fact %d came back as %+v", i+1, f)
		}
	}
}

func appendIsAllOrNothing(t *testing.T, s journal.Store) {
	mustAppend(t, s, an("a", draft("thing/1", 0, 1)))
	for i, drafts := range [][]journal.Draft{
		{draft("thing/2", 0, 1), draft("thing/1", 0, 1)},
		{draft("thing/2", 0, 1), draft("thing/2", 0, 1)},
		{draft("thing/1", 1, 1), draft("thing/1", 3, 1)},
	} {
		_, err := s.Append(t.Context(), an(fmt.Sprint("bad-", i), drafts...))
		mismatchOf(t, err)
	}
	if facts := mustReadAll(t, s, 100); len(facts) != 1 {
		t.Fatalf("%d facts, not 1", len(facts))
	}
	mustAppend(t, s, an("b", draft("thing/2", 0, 1)))
}

func appendIsIdempotent(t *testing.T, s journal.Store) {
	first := an("a", draft("thing/1", 0, 1), draft("thing/2", 0, 1))
	want := mustAppend(t, s, first)
	mustAppend(t, s, an("b", draft("thing/1", 1, 2)))
	for what, again := range map[string]journal.Append{
		"the same append, whose expectations no longer hold": first,
		"the same id with an expectation that holds":         an("a", draft("thing/9", 0, 1)),
	} {
		if got := mustAppend(t, s, again); got != want {
			t.Errorf("%s: receipt %v, not %v", what, got, want)
		}
	}
	if facts := mustReadAll(t, s, 100); len(facts) != 3 {
		t.Fatalf("%d facts, not 3", len(facts))
	}
}

func appendMismatch(t *testing.T, s journal.Store) {
	mustAppend(t, s, an("a", draft("thing/1", 0, 1), draft("thing/1", 1, 1)))
	for _, c := range []struct {
		draft  journal.Draft
		actual holdfast.Revision
	}{
		{draft("thing/1", 0, 1), 2},
		{draft("thing/1", 1, 1), 2},
		{draft("thing/1", 3, 1), 2},
		{draft("thing/2", 1, 1), 0},
	} {
		_, err := s.Append(t.Context(), an("x", c.draft))
		want := journal.Mismatch{Subject: c.draft.Subject, Expect: c.draft.Expect, Actual: c.actual}
		if got := mismatchOf(t, err); got != want {
			t.Errorf("mismatch %+v, not %+v", got, want)
		}
	}
}

func appendLimits(t *testing.T, s journal.Store) {
	largest := json.RawMessage(`"` + strings.Repeat("x", journal.MaxBody-2) + `"`)
	tooLarge := json.RawMessage(`"` + strings.Repeat("x", journal.MaxBody-1) + `"`)
	many := make([]journal.Draft, journal.MaxFacts+1)
	for i := range many {
		many[i] = draft("thing/1", holdfast.Revision(i), 1)
	}
	heavy := make([]journal.Draft, journal.MaxAppend/journal.MaxBody+1)
	for i := range heavy {
		heavy[i] = journal.Draft{Subject: "thing/1", Expect: holdfast.Revision(i), Kind: "k", Body: largest}
	}
	for what, c := range map[string]struct {
		a    journal.Append
		code holdfast.Code
	}{
		"no id":            {an("", draft("thing/1", 0, 1)), holdfast.Invalid},
		"a long id":        {an(strings.Repeat("i", journal.MaxID+1), draft("thing/1", 0, 1)), holdfast.Invalid},
		"an id with NUL":   {an("a\x00", draft("thing/1", 0, 1)), holdfast.Invalid},
		"no facts":         {an("x"), holdfast.Invalid},
		"too many facts":   {an("x", many...), holdfast.Invalid},
		"no subject":       {an("x", draft("", 0, 1)), holdfast.Invalid},
		"a long subject":   {an("x", draft(strings.Repeat("s", journal.MaxName+1), 0, 1)), holdfast.Invalid},
		"a broken subject": {an("x", draft("thing/\xff", 0, 1)), holdfast.Invalid},
		"no kind":          {an("x", journal.Draft{Subject: "thing/1", Body: []byte("1")}), holdfast.Invalid},
		"no body":          {an("x", journal.Draft{Subject: "thing/1", Kind: "k"}), holdfast.Invalid},
		"a body not JSON":  {an("x", journal.Draft{Subject: "thing/1", Kind: "k", Body: []byte("{")}), holdfast.Invalid},
		"a large body":     {an("x", journal.Draft{Subject: "thing/1", Kind: "k", Body: tooLarge}), holdfast.TooLarge},
		"heavy facts":      {an("x", heavy...), holdfast.TooLarge},
		"a broken actor": {journal.Append{ID: "x", Actor: holdfast.Actor{Name: "\xff"}, Facts: []journal.Draft{draft("thing/1", 0, 1)}},
			holdfast.Invalid},
	} {
		if _, err := s.Append(t.Context(), c.a); holdfast.CodeOf(err) != c.code {
			t.Errorf("%s: error %v", what, err)
		}
	}
	if facts := mustReadAll(t, s, 100); len(facts) != 0 {
		t.Fatalf("%d facts were written", len(facts))
	}
}

func appendLargest(t *testing.T, s journal.Store) {
	many := make([]journal.Draft, journal.MaxFacts)
	for i := range many {
		many[i] = draft(fmt.Sprint("thing/", i%7), holdfast.Revision(i/7), i)
	}
	mustAppend(t, s, an("many", many...))
	heavy := make([]journal.Draft, journal.MaxAppend/journal.MaxBody)
	body := json.RawMessage(`"` + strings.Repeat("x", journal.MaxBody-2) + `"`)
	for i := range heavy {
		heavy[i] = journal.Draft{Subject: "thing/heavy", Expect: holdfast.Revision(i), Kind: "k", Body: body}
	}
	mustAppend(t, s, an("heavy", heavy...))
	facts := mustReadAll(t, s, 10)
	if len(facts) != len(many)+len(heavy) || !bytes.Equal(facts[len(facts)-1].Body, body) {
		t.Fatalf("%d facts", len(facts))
	}
}

// appendModel compares random appends with the plainest model of the contract.
func appendModel(t *testing.T, s journal.Store) {
	run := 0
	head := holdfast.Position(0)
	rapid.Check(t, func(rt *rapid.T) {
		run++
		revisions := map[string]holdfast.Revision{}
		receipts := map[string]journal.Receipt{}
		for range rapid.IntRange(1, 6).Draw(rt, "appends") {
			id := fmt.Sprintf("%d-%d", run, rapid.IntRange(0, 9).Draw(rt, "id"))
			left := map[string]holdfast.Revision{}
			holds := true
			var drafts []journal.Draft
			for range rapid.IntRange(1, 3).Draw(rt, "facts") {
				subject := fmt.Sprintf("run-%d/%d", run, rapid.IntRange(0, 1).Draw(rt, "subject"))
				actual, ok := left[subject]
				if !ok {
					actual = revisions[subject]
				}
				expect := actual
				if rapid.IntRange(0, 4).Draw(rt, "right") == 0 {
					expect = holdfast.Revision(rapid.IntRange(0, 4).Draw(rt, "expect"))
				}
				holds = holds && expect == actual
				left[subject] = actual + 1
				drafts = append(drafts, draft(subject, expect, run))
			}
			got, err := s.Append(t.Context(), an(id, drafts...))
			known, repeated := receipts[id]
			switch {
			case repeated:
				if err != nil || got != known {
					rt.Fatalf("repeated %s: %v, error %v, not %v", id, got, err, known)
				}
			case holds:
				want := journal.Receipt{First: head + 1, Last: head + holdfast.Position(len(drafts))}
				if err != nil || got != want {
					rt.Fatalf("append %s: %v, error %v, not %v", id, got, err, want)
				}
				head, receipts[id] = want.Last, want
				for subject, r := range left {
					revisions[subject] = r
				}
			default:
				if holdfast.CodeOf(err) != holdfast.Conflict {
					rt.Fatalf("append %s: error %v, not a conflict", id, err)
				}
			}
		}
	})
	mustReadAll(t, s, 50)
}

func readNeverSplits(t *testing.T, s journal.Store) {
	var sizes []int
	for i, n := range []int{1, 3, 1, 5, 2} {
		drafts := make([]journal.Draft, n)
		for j := range drafts {
			drafts[j] = draft(fmt.Sprint("thing/", i), holdfast.Revision(j), j)
		}
		mustAppend(t, s, an(fmt.Sprint("a", i), drafts...))
		sizes = append(sizes, n)
	}
	for _, c := range []struct {
		after holdfast.Position
		limit int
		want  int
	}{{0, 1, 1}, {0, 2, 4}, {0, 4, 4}, {0, 5, 5}, {1, 1, 3}, {1, 3, 3}, {1, 4, 4}, {5, 1, 5}, {5, 100, 7}, {0, 100, 12}, {12, 5, 0}, {99, 5, 0}, {0, 0, 1}} {
		facts, err := s.Read(t.Context(), c.after, c.limit)
		if err != nil || len(facts) != c.want {
			t.Errorf("read after %d with limit %d: %d facts, error %v, not %d (appends of %v)", c.after, c.limit, len(facts), err, c.want, sizes)
		}
	}
	mustReadAll(t, s, 1)
}
