package detect

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/traffic"
)

// What is usual outlives a restart: a tenth of one channel is found as soon as
// without it, and nothing else is.
func TestMemory(t *testing.T) {
	t.Parallel()
	w, before := newWorld(11, 100), New(time.UTC)
	w.run(before, 0, began, nil)
	for _, gap := range []int64{5, 3 * 3600} {
		d := New(time.UTC)
		if err := d.Restore(before.Memory(), noon+began+gap); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(New(time.UTC).Memory(), []byte(`{"at":0,"scopes":[]}`)) {
			t.Error("a new detector remembers something")
		}
		if steady := d.watches[qr].base.steady(); steady != (gap < pause) {
			t.Errorf("after %d s volumes are known: %v", gap, steady)
		}
		w.faults = []fault{{from: began + gap, until: math.MaxInt64, channel: "qr", outcome: payment.NotDone, share: always(0.1)}}
		changes := w.run(d, began+gap, began+gap+60, nil)
		if len(changes) == 0 || changes[0].Scope != qr {
			t.Errorf("after %d s: %v", gap, changes)
		}
	}
}

// The largest memory fits a document.
func TestMemoryFits(t *testing.T) {
	t.Parallel()
	d := New(time.UTC)
	for i := range MaxScopes {
		s := Scope{Route: strings.Repeat("r", traffic.MaxText-4) + fmt.Sprint(i), Channel: strings.Repeat("c", traffic.MaxText)}
		switch {
		case i >= MaxScopes-MaxParts/2:
			s.Code = strings.Repeat("c", traffic.MaxText)
		case i >= MaxScopes-MaxParts:
			s.Channel, s.Bank = "", strings.Repeat("b", traffic.MaxText)
		}
		if !d.known(s) {
			t.Fatal("there is no room")
		}
		b := d.watches[s].base
		if s.Code != "" {
			b.Shares[Codes], b.Spreads[Codes].Mean = mean{math.Pi, math.E * 1e9}, mean{math.Pi, math.E * 1e9}
			continue
		}
		for k, m := range map[Kind]mean{Failures: {math.Pi * 1e6, math.E * 1e9}, Unknowns: {math.Pi, math.E * 1e9}, Slow: {1. / 3, 1e10 / 3}, Amounts: {1. / 7, 1e10 / 7}} {
			b.Shares[k] = m
			b.Spreads[k].Mean = m
		}
		for i := range b.Buckets {
			b.Buckets[i] = 1e9 / float64(i+3)
		}
		for i := 0; b.Season != nil && i < hours; i++ {
			b.Season.Rates[i] = 1e5 / float32(i+3)
		}
		b.Amount, b.Variance, b.Short, b.Long, b.Ten = mean{1e15 / 3, 1e9 / 7}, mean{1e18 / 7, 1e9 / 3}, mean{1e9 / 7, 1e9 / 3}, mean{1e9 / 7, 1e9 / 3}, mean{1e9 / 7, 1e9 / 3}
		for range maxTens {
			b.Tens = append(b.Tens, 1e5/7)
		}
	}
	if d.known(Scope{Route: "one more"}) {
		t.Error("there is room for one more")
	}
	if n := len(d.Memory()); n > journal.MaxDocument {
		t.Errorf("%d bytes; a document may have %d", n, journal.MaxDocument)
	}
	if err := New(time.UTC).Restore(d.Memory(), 1); err != nil {
		t.Error(err)
	}
}

// A scope that nothing comes of any more gives its place.
func TestScopesGiveTheirPlace(t *testing.T) {
	t.Parallel()
	d := New(time.UTC)
	for i := range MaxScopes {
		d.known(Scope{Route: fmt.Sprint(i)})
	}
	d.watches[Scope{Route: "7"}].idle = idleAfter
	if !d.known(Scope{Route: "new"}) || d.watches[Scope{Route: "7"}] != nil || len(d.order) != MaxScopes {
		t.Errorf("%d scopes", len(d.order))
	}
}

func TestMemoryThatIsRefused(t *testing.T) {
	t.Parallel()
	w, d := newWorld(12, 10), New(time.UTC)
	w.run(d, 0, 5, nil)
	good := string(d.Memory())
	if err := New(time.UTC).Restore([]byte(good), noon); err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2]string{
		"not JSON":      {"{", "["},
		"below zero":    {`"steady":5`, `"steady":-5`},
		"no figures":    {`"currency":"CNY"`, `"currency":"` + strings.Repeat("C", 65) + `"`},
		"no spread":     {`"spreads":{`, `"spreads":{},"x":{`},
		"too long":      {`"route":"pay"`, `"route":"` + strings.Repeat("p", 65) + `"`},
		"no such hour":  {`"now":`, `"now":9`},
		"over one":      {`"failures":{"s":`, `"failures":{"s":99`},
		"season amiss":  {`"season":`, `"season":null,"x":`},
		"not a finding": {`"at":`, `"at":"x","y":`},
	} {
		bad := strings.Replace(good, pair[0], pair[1], 1)
		d := New(time.UTC)
		if bad == good {
			t.Errorf("%s: the text does not hold %s: %s", what, pair[0], good[:300])
		} else if err := d.Restore([]byte(bad), noon); err == nil || len(d.watches) > 0 {
			t.Errorf("%s: was taken, %v", what, err)
		}
	}
}

// What is taken can be judged with and saved again.
func FuzzRestore(f *testing.F) {
	w, d := newWorld(13, 20), New(time.UTC)
	w.run(d, 0, 100, nil)
	f.Add(d.Memory())
	f.Add([]byte(`{"at":5,"scopes":[{"route":"pay"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := New(time.UTC)
		if d.Restore(b, noon+100) != nil {
			return
		}
		w := newWorld(14, 20)
		w.run(d, 100, 103, nil)
		again := New(time.UTC)
		if err := again.Restore(d.Memory(), noon+103); err != nil {
			t.Fatalf("%s became %s: %v", b, d.Memory(), err)
		}
	})
}
