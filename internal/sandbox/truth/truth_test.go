package truth

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"holdfast"
)

var start = time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)

func effect(n int) Effect {
	return Effect{
		Kind: Payment, ID: fmt.Sprintf("pay_%d", n), Key: fmt.Sprintf("k-%d", n), Amount: int64(n + 1), Currency: "CNY",
		Payer: "acct_000001", Payee: "m_001", Time: start.Add(time.Duration(n) * time.Second),
	}
}

func TestEffectsSurviveReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "truth")
	l, _ := open(t, Options{File: path})
	var want []Effect
	for n := range 10 {
		e, err := l.Record(effect(n))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, e)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, seen := open(t, Options{File: path})
	defer l.Close()
	if !slices.Equal(seen, want) || !slices.Equal(all(l), want) {
		t.Errorf("read back %v and %v, not %v", seen, all(l), want)
	}
	if e, err := l.Record(effect(10)); err != nil || e.Seq != 11 {
		t.Errorf("next effect has number %d (%v)", e.Seq, err)
	}
	if l.Count() != 11 {
		t.Errorf("count %d", l.Count())
	}
}

func TestMemoryIsBoundedAndTheHorizonSaysSo(t *testing.T) {
	const keep = 3 * chunk
	l, _ := open(t, Options{Keep: keep})
	if _, h := l.Effects(); !h.IsZero() {
		t.Errorf("horizon of an empty ledger: %v", h)
	}
	const n = 10*chunk + 17
	for i := range n {
		if _, err := l.Record(effect(i)); err != nil {
			t.Fatal(err)
		}
	}
	got := all(l)
	if len(got) < keep || len(got) >= keep+chunk {
		t.Errorf("%d effects in memory, asked to keep %d", len(got), keep)
	}
	_, horizon := l.Effects()
	first := got[0]
	if want := effect(int(first.Seq) - 2).Time; !horizon.Equal(want) {
		t.Errorf("horizon %v, but the newest effect dropped is of %v", horizon, want)
	}
	if l.Count() != n || got[len(got)-1].Seq != n {
		t.Errorf("count %d, last %d", l.Count(), got[len(got)-1].Seq)
	}
}

func TestASnapshotDoesNotMove(t *testing.T) {
	l, _ := open(t, Options{Keep: chunk})
	l.Record(effect(0))
	effects, _ := l.Effects()
	for i := range 5 * chunk {
		l.Record(effect(i + 1))
	}
	n := 0
	for e := range effects {
		n++
		if e.Seq != 1 {
			t.Errorf("effect %d is in a snapshot taken after the first", e.Seq)
		}
	}
	if n != 1 {
		t.Errorf("%d effects", n)
	}
}

func TestNumbersHaveNoGapsUnderConcurrency(t *testing.T) {
	path := filepath.Join(t.TempDir(), "truth")
	l, _ := open(t, Options{File: path})
	var wait sync.WaitGroup
	for i := range 100 {
		wait.Go(func() {
			if _, err := l.Record(effect(i)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	l.Close()
	n := uint64(0)
	if err := ReadFile(path, func(e Effect) error {
		if n++; e.Seq != n {
			t.Errorf("effect %d stands at place %d", e.Seq, n)
		}
		return nil
	}); err != nil || n != 100 {
		t.Errorf("%d effects, %v", n, err)
	}
}

func TestIdentity(t *testing.T) {
	if got := (Effect{Key: "k", Reference: "r"}).Identity(); got != "r" {
		t.Error(got)
	}
	if got := (Effect{Key: "k"}).Identity(); got != "k" {
		t.Error(got)
	}
}

func TestABadLedgerIsRefused(t *testing.T) {
	if _, err := Open(Options{Keep: 5}, nil); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("a ledger of 5: %v", err)
	}
	path := filepath.Join(t.TempDir(), "truth")
	l, _ := open(t, Options{File: path})
	l.Record(effect(0))
	l.Close()
	whole, _ := os.ReadFile(path)
	os.WriteFile(path, append(whole, whole...), 0o600) // the same effect twice in the file
	if _, err := Open(Options{File: path}, func(Effect) error { return nil }); holdfast.CodeOf(err) != holdfast.Damaged {
		t.Errorf("numbers out of order: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	good, _ := json.Marshal(Effect{Seq: 1, Kind: Refund, ID: "ref_1", Key: "k", Amount: 1, Time: start})
	f.Add(good)
	f.Add([]byte(`{"seq":1}`))
	f.Add([]byte(`{"seq":1,"kind":"payment","id":"p","key":"k","amount":9223372036854775808}`))
	f.Fuzz(func(t *testing.T, record []byte) {
		e, err := Decode(record)
		if err != nil {
			return
		}
		again, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Decode(again); err != nil || !back.Time.Equal(e.Time) {
			t.Errorf("%q was read as %+v, which reads as %+v (%v)", record, e, back, err)
		}
	})
}

func open(t *testing.T, o Options) (*Ledger, []Effect) {
	t.Helper()
	var seen []Effect
	l, err := Open(o, func(e Effect) error {
		seen = append(seen, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return l, seen
}

func all(l *Ledger) []Effect {
	effects, _ := l.Effects()
	return slices.Collect(effects)
}
