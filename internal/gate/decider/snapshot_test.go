package decider

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/payment"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// A snapshot is made after as many records as there are decisions, or when much was
// forgotten, and never beside one that is being written.
func TestTimely(t *testing.T) {
	t.Parallel()
	s := standin.NewState()
	profile := standin.Profile{
		ID: "all", SnapshotAge: time.Hour, KeepDeclines: true,
		Unplanned:  &standin.Terms{Eligible: "amount > 5", Limits: []standin.Limit{{Over: standin.EachPayment, Currency: "CNY", Amount: 100}, {Over: standin.Whole, Currency: "CNY", Amount: 100}}},
		Forwarding: standin.Forwarding{Timeout: time.Second, Pause: time.Second, LongestPause: time.Minute, Attempts: 3, Expiry: time.Hour, Retention: time.Hour},
	}
	c, err := profile.Compile(false)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 26, 2, 0, 0, 0, time.UTC)
	opened, err := standin.Open(s, c, "d1", nil, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(opened...); err != nil {
		t.Fatal(err)
	}
	const many = snapshotEvery + 1000
	for n := range many {
		_, records, _ := standin.Decide(s, c, &standin.Request{
			Payment: payment.Payment{Route: "pay", Kind: payment.Pay, Identity: fmt.Sprint(n), Amount: 1, Currency: "CNY", Read: ^payment.Set(0)},
			Kind:    standin.Payment, Cause: standin.Directed, Directive: "d1", Snapshot: standin.Payer{At: now, Class: "a"},
		}, now)
		if err := s.Apply(records...); err != nil || len(records) != 1 {
			t.Fatal(len(records), err)
		}
	}
	alone, shared := &Decider{}, &Decider{opt: Options{Shared: true, Gate: "east", Boot: "b"}}
	for name, c := range map[string]struct {
		shard *shard
		want  bool
	}{
		"another gate decides":    {&shard{d: shared, state: standin.NewState(), since: snapshotEvery}, false},
		"small, few records":      {&shard{d: alone, state: standin.NewState(), since: snapshotEvery - 1}, false},
		"small, enough":           {&shard{d: alone, state: standin.NewState(), since: snapshotEvery}, true},
		"large, as many as once":  {&shard{d: alone, state: s, since: snapshotEvery}, false},
		"large, as many as known": {&shard{d: alone, state: s, since: many}, true},
		"much was forgotten":      {&shard{d: alone, state: s, shrunk: true}, true},
		"one is being written":    {&shard{d: alone, state: s, since: many, shrunk: true, snapped: true}, false},
		"not read":                {&shard{since: many}, false},
	} {
		if got := c.shard.timely(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// What a process reads when it starts counts towards the next snapshot: a tail that each
// start reads again does not grow over starts.
func TestTailCounts(t *testing.T) {
	t.Parallel()
	source := advice.NewMemory("s1", 1)
	now := standin.At(time.Date(2026, 11, 26, 2, 0, 0, 0, time.UTC))
	for n := range uint64(2) {
		records := []standin.Record{&standin.TakenOver{Gate: "g", Boot: fmt.Sprint(n), At: now}, &standin.Excluded{Identity: fmt.Sprint(n), At: now}}
		results, err := source.Append(t.Context(), []advice.Pack{{Expect: n, ID: fmt.Sprint(n), Body: standin.Encode(records)}})
		if err != nil || results[0] != nil {
			t.Fatal(results, err)
		}
	}
	s := &shard{d: &Decider{opt: Options{Source: source}}}
	for range 2 {
		if err := s.load(t.Context()); err != nil || s.since != 4 {
			t.Errorf("%d records were read, %v", s.since, err)
		}
		s.drop()
	}
}

// tick is the time of a bubble.
type tick struct{ start time.Time }

func (c tick) Boot() time.Duration { return time.Since(c.start) }
func (tick) Now() time.Time        { return time.Now() }

// Snapshots of several shards that fall due together leave room between them: one takes a
// second, and then none is made for nine.
func TestSnapshotsLeaveRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 3)
		d := &Decider{opt: Options{Source: source, Clock: tick{time.Now()}}}
		due := func(n int) *shard { return &shard{d: d, n: n, state: standin.NewState(), since: snapshotEvery} }
		made := func(s *shard) func() {
			snap, kept := s.snapshot(t.Context())
			if (snap == nil) != (kept == nil) {
				t.Fatal("a snapshot is half made")
			}
			return kept
		}
		a, b, c := due(0), due(1), due(2)
		kept := made(a)
		if kept == nil || made(b) != nil {
			t.Fatal("two are made at once, or none")
		}
		time.Sleep(time.Second)
		kept()
		time.Sleep(9*time.Second - 1)
		if made(b) != nil {
			t.Error("the next follows too soon")
		}
		c.shrunk = true
		if made(c) == nil {
			t.Error("what has shrunk has to wait")
		}
		time.Sleep(time.Nanosecond)
		if made(b) == nil {
			t.Error("the next is never made")
		}
	})
}
