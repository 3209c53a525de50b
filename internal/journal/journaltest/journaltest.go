// Package journaltest is the suite that every implementation of journal.Store
// passes. Each promise in the contract's comments is one test here, so what
// passes the suite may stand under both planes.
package journaltest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Run runs the suite. Open makes an empty store for one test and registers its
// end with t.Cleanup; closing it twice must do no harm.
func Run(t *testing.T, open func(t *testing.T) journal.Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, journal.Store)
	}{
		{"AppendIsChained", appendIsChained},
		{"AppendKeepsText", appendKeepsText},
		{"AppendIsAllOrNothing", appendIsAllOrNothing},
		{"AppendIsIdempotent", appendIsIdempotent},
		{"AppendMismatch", appendMismatch},
		{"AppendLimits", appendLimits},
		{"AppendLargest", appendLargest},
		{"AppendModel", appendModel},
		{"ReadNeverSplits", readNeverSplits},
		{"WaitWakes", waitWakes},
		{"Barrier", barrier},
		{"EndedContext", endedContext},
		{"OneSubjectManyWriters", oneSubjectManyWriters},
		{"ManySubjectsAndFollower", manySubjectsAndFollower},
		{"SameIDManyTimesAtOnce", sameIDManyTimesAtOnce},
		{"StateFollows", stateFollows},
		{"Documents", documents},
		{"DocumentsExpire", documentsExpire},
		{"DocumentsList", documentsList},
		{"DocumentsOneWinner", documentsOneWinner},
		{"DocumentLimits", documentLimits},
		{"Blobs", blobs},
		{"Closed", closed},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

var someone = holdfast.Actor{Kind: holdfast.Account, ID: "lin", Name: "林 <&> O'Neil", Via: "token-1"}

// moment has nanoseconds, which the journal drops, and a zone, which it turns to UTC.
var moment = time.Date(2026, 11, 24, 9, 30, 0, 123456789, time.FixedZone("CST", 8*3600))

func draft(subject string, expect holdfast.Revision, body any) journal.Draft {
	return journal.NewDraft(holdfast.Subject(subject), expect, "thing.changed", body)
}

func an(id string, drafts ...journal.Draft) journal.Append {
	return journal.Append{ID: id, Actor: someone, Time: moment, Facts: drafts}
}

func mustAppend(t testing.TB, s journal.Store, a journal.Append) journal.Receipt {
	t.Helper()
	receipt, err := s.Append(t.Context(), a)
	if err != nil {
		t.Fatalf("append %s: %v", a.ID, err)
	}
	return receipt
}

func wantCode(t testing.TB, err error, code holdfast.Code) {
	t.Helper()
	if got := holdfast.CodeOf(err); got != code {
		t.Fatalf("the error has code %q, not %q: %v", got, code, err)
	}
}

// mustReadAll reads every fact in batches of limit and checks what holds for
// every reader: order, chain, whole appends.
func mustReadAll(t testing.TB, s journal.Store, limit int) []holdfast.Fact {
	t.Helper()
	head := Genesis(t, s)
	var all []holdfast.Fact
	for {
		facts, err := s.Read(t.Context(), head.Position, limit)
		if err != nil {
			t.Fatalf("read after %d: %v", head.Position, err)
		}
		if len(facts) == 0 {
			return all
		}
		if len(all) > 0 && facts[0].Append == all[len(all)-1].Append {
			t.Fatalf("the read after %d begins inside append %s", head.Position, facts[0].Append)
		}
		for _, f := range facts {
			if err := journal.Verify(head, f); err != nil {
				t.Fatal(err)
			}
			head.Position, head.Hash = f.Position, f.Hash
		}
		all = append(all, facts...)
	}
}

// Genesis returns the head before the first fact of s, found by a barrier.
func Genesis(t testing.TB, s journal.Journal) holdfast.Head {
	t.Helper()
	head, err := s.Barrier(t.Context())
	if err != nil {
		t.Fatalf("barrier: %v", err)
	}
	return holdfast.Head{Journal: head.Journal, Epoch: head.Epoch, Hash: journal.Genesis(head.Journal)}
}

func mismatchOf(t testing.TB, err error) journal.Mismatch {
	t.Helper()
	wantCode(t, err, holdfast.Conflict)
	var m *journal.Mismatch
	if !errors.As(err, &m) {
		t.Fatalf("the conflict carries no mismatch: %v", err)
	}
	return *m
}

func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
