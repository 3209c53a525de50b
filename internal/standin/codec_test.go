package standin_test

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"holdfast"
	"holdfast/internal/standin"
)

// oneOfEach is every kind of record with every field set.
func oneOfEach() []standin.Record {
	d, reply := standin.Digest{1, 2, 3}, standin.Reply{Said: standin.SaidNotDone, Status: 999}
	filed := standin.Filed{File: "s1", Line: 7, Amount: 900, Currency: "CNY", Done: true}
	return []standin.Record{
		&standin.Opened{
			Directive: "d1", Profile: "cards", Version: d, Planned: true, OneByOne: true, Zone: -8 * time.Hour,
			Limits: []standin.Limit{{Over: standin.Whole, Currency: "CNY", Amount: 5, Count: 6, Window: time.Hour}}, At: 1,
		},
		&standin.TakenOver{Gate: "g", Boot: "b", At: 2},
		&standin.Excluded{Identity: "x", At: 3},
		&standin.Decision{
			Identity: "p1", Fingerprint: d, Kind: standin.Refund, Original: "p0", Amount: 1 << 40, Currency: "CNY", Payer: d, Payee: d,
			Channel: "app", Route: "pay", Verdict: standin.Approved, Reason: standin.Withdrawn, Cause: standin.CircuitOpen, Directive: "d1",
			Version: d, At: 4, Until: 5, Sealed: standin.Sealed{Key: "k", Data: []byte{0, 1}},
		},
		&standin.Drawn{Key: "k", UpTo: standin.Slice{Amount: 1, Count: 2}, Until: 5, Directive: "d1"},
		&standin.Attempt{Identity: "p1", N: 300, Inquiry: true, At: -6},
		&standin.Delivered{Identity: "p1", Reply: standin.Reply{Said: standin.SaidDone, Status: 201}, At: 7},
		&standin.Absent{Identity: "p1", Reply: standin.Reply{Said: standin.SaidAbsent, Status: 404}, At: 8},
		&standin.Excepted{Identity: "p1", Why: standin.FileAmount, Reply: reply, Filed: &filed, At: 9},
		&standin.Excepted{Identity: "p2", Why: standin.Expired, At: 9},
		&standin.Resolved{Identity: "p1", How: standin.Retry, By: "a", Second: "b", Note: "why", At: 10},
		&standin.Withdrew{Identity: "p1", At: 11},
		&standin.LateAnswer{Identity: "p1", Done: true, Reply: reply, Filed: &filed, At: 12},
		&standin.Ended{Directive: "d1", At: 13},
		&standin.Closed{Directive: "d1", By: "a", At: 14},
		&standin.Forgot{Before: 15, At: 16},
		&standin.TurnedDown{Identity: "p1", Reply: reply, At: 17},
		&standin.Lapsed{Identity: "p1", At: 18},
		&standin.Unanswered{Identity: "p1", Reply: standin.Reply{Said: standin.Silent}, At: 19},
		&standin.LookedAfter{Identity: "p1", Care: standin.NothingToDo, By: "a", Note: "why", At: 20},
	}
}

func TestRecordsRoundTrip(t *testing.T) {
	t.Parallel()
	want := oneOfEach()
	body := standin.Encode(want)
	got, err := standin.Decode(body)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("read %+v, %v", got, err)
	}
	// A body that ends early is a shorter one or none, never another.
	for n := range body {
		if part, err := standin.Decode(body[:n]); err == nil && !bytes.Equal(standin.Encode(part), body[:n]) {
			t.Fatalf("the first %d bytes read as something else", n)
		} else if err != nil && holdfast.CodeOf(err) != holdfast.Damaged {
			t.Fatal(err)
		}
	}
	for name, bad := range map[string][]byte{
		"another version": append([]byte{standin.RecordVersion + 1}, body[1:]...), "no record": {standin.RecordVersion},
		"another kind": {standin.RecordVersion, 99}, "a long number": {standin.RecordVersion, 3, 0x81, 0x00, 'x', 0},
		"a status of nothing said": {standin.RecordVersion, 18, 1, 'x', 0, 5, 0}, "a status above 999": {standin.RecordVersion, 18, 1, 'x', 1, 0xe8, 7, 0},
	} {
		if _, err := standin.Decode(bad); holdfast.CodeOf(err) != holdfast.Damaged {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever can be read is written the same again.
func FuzzDecode(f *testing.F) {
	f.Add(standin.Encode(oneOfEach()))
	for _, r := range oneOfEach() {
		f.Add(standin.Encode([]standin.Record{r}))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		records, err := standin.Decode(body)
		if err != nil {
			return
		}
		if again := standin.Encode(records); !bytes.Equal(again, body) {
			t.Fatalf("%x reads, and is written as %x", body, again)
		}
		// A fold of anything ends, in a state or an error.
		_ = standin.NewState().Apply(records...)
	})
}

func FuzzRestore(f *testing.F) {
	f.Add(standin.NewState().Snapshot())
	w := simulate(1)
	for n := range w.shards {
		d := &decider{w: w, held: map[int]*held{}}
		f.Add(d.load(n).s.Snapshot())
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := standin.Restore(body)
		if err == nil && !bytes.Equal(s.Snapshot(), body) {
			t.Fatal("another state was restored")
		}
	})
}

// What another version wrote is refused by its version, and not taken for damage.
func TestOfAnotherVersion(t *testing.T) {
	t.Parallel()
	record := standin.Encode([]standin.Record{&standin.Ended{Directive: "d1", At: 1}})
	ledger := standin.Ledger{7: {Amount: 1, Count: 2}}.Encode()
	for _, by := range []int{-1, 1} {
		for name, read := range map[string]struct {
			body []byte
			of   func([]byte) error
			want string
		}{
			"records": {record, func(b []byte) error { _, err := standin.Decode(b); return err }, "of version %d; this build reads version %d"},
			"ledger":  {ledger, func(b []byte) error { _, err := standin.DecodeLedger(b); return err }, "of version %d, and this version of Holdfast reads version %d"},
		} {
			if err := read.of(read.body); err != nil {
				t.Fatalf("%s of this version: %v", name, err)
			}
			body := bytes.Clone(read.body)
			body[0] = byte(int(body[0]) + by)
			want := fmt.Sprintf(read.want, standin.VersionOf(body), standin.VersionOf(read.body))
			if err := read.of(body); holdfast.CodeOf(err) != holdfast.Damaged || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
}

func FuzzLedger(f *testing.F) {
	f.Add(standin.Ledger{0: {Amount: 5}, 7: {Amount: 1, Count: 2}}.Encode())
	f.Fuzz(func(t *testing.T, body []byte) {
		if l, err := standin.DecodeLedger(body); err == nil && len(body) > 0 && !bytes.Equal(l.Encode(), body) {
			t.Fatalf("%x reads, and is written as %x", body, l.Encode())
		}
	})
}

// Hazard 10: a state that was restored anywhere on the way goes on like one that
// was folded whole, and one of another fold is not read.
func TestSnapshotsGoOn(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		w := simulate(seed)
		for n := range w.shards {
			packs, err := w.source.Read(context.Background(), n, 0, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			whole, restored := standin.NewState(), standin.NewState()
			for i, p := range packs {
				if _, err := whole.Fold(p.Body); err != nil {
					t.Fatal(err)
				}
				if _, err := restored.Fold(p.Body); err != nil {
					t.Fatal(err)
				}
				if i%7 == 0 {
					if restored, err = standin.Restore(restored.Snapshot()); err != nil {
						t.Fatal(err)
					}
				}
			}
			if !bytes.Equal(whole.Snapshot(), restored.Snapshot()) {
				t.Fatalf("seed %d, shard %d: the states differ", seed, n)
			}
		}
	}
	// Slices that were drawn need not be drawn again.
	h := newShard(t, aProfile())
	h.want(pay("p1", "ann", 1), standin.Approved, standin.None)
	s, err := standin.Restore(h.s.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	_, _, want := standin.Decide(h.s, h.c, pay("p2", "ann", 1), h.now)
	if _, _, needs := standin.Decide(s, h.c, pay("p2", "ann", 1), h.now); !reflect.DeepEqual(needs, want) {
		t.Fatalf("after a restart it needs %+v, and not %+v", needs, want)
	}
	body := standin.NewState().Snapshot()
	body[0]++
	if _, err := standin.Restore(body); holdfast.CodeOf(err) != holdfast.Damaged {
		t.Fatalf("a snapshot of another fold: %v", err)
	}
}

// A record that cannot follow those before it is refused.
func TestImpossibleRecords(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(pay("p1", "ann", 1), standin.Approved, standin.None)
	again := h.log[len(h.log)-1]
	h.send(standin.NoAnswer)
	for _, r := range []standin.Record{
		&standin.Opened{Directive: "d1"}, &standin.Opened{Directive: "d2"}, again, &standin.Withdrew{Identity: "p1"},
		&standin.Attempt{Identity: "p1", N: 3}, &standin.Delivered{Identity: "p2"}, &standin.Resolved{Identity: "p1", How: standin.Accept},
		&standin.Ended{Directive: "d2"}, &standin.Closed{Directive: "d1"}, &standin.Withdrew{Identity: "p2"},
		&standin.TurnedDown{Identity: "p1"}, &standin.Lapsed{Identity: "p1"}, &standin.TurnedDown{Identity: "p2"}, &standin.Unanswered{Identity: "p2"},
		&standin.LookedAfter{Identity: "p1", Care: standin.ToldCustomer}, &standin.LookedAfter{Identity: "p2", Care: standin.ToldCustomer},
	} {
		s, err := standin.Restore(h.s.Snapshot())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Apply(r); holdfast.CodeOf(err) != holdfast.Damaged {
			t.Errorf("%T %+v: %v", r, r, err)
		}
	}
}

// What is the same in many payments is in memory once, also after a restart: a backlog may
// have a million of them.
func TestTextsAreKeptOnce(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	for _, identity := range []string{"p1", "p2"} {
		r := pay(identity, "ann", 1)
		r.Payment.Channel = strings.Clone("app")
		r.Sealed = standin.Sealed{Key: strings.Clone("a key"), Data: []byte(identity)}
		h.want(r, standin.Approved, standin.None)
	}
	restored, err := standin.Restore(h.s.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	folded := standin.NewState()
	for _, r := range h.log {
		if _, err := folded.Fold(standin.Encode([]standin.Record{r})); err != nil {
			t.Fatal(err)
		}
	}
	for name, s := range map[string]*standin.State{"decided": h.s, "restored": restored, "folded": folded} {
		a, b := s.Item("p1"), s.Item("p2")
		for _, texts := range [][2]string{{a.Channel, b.Channel}, {a.Currency, b.Currency}, {a.Sealed.Key, b.Sealed.Key}, {a.Directive, b.Directive}} {
			if texts[0] == "" || texts[0] != texts[1] || unsafe.StringData(texts[0]) != unsafe.StringData(texts[1]) {
				t.Errorf("%s: %q and %q are not the same text", name, texts[0], texts[1])
			}
		}
	}
}
