package detect

import (
	"fmt"
	"math"
	"testing"
	"time"

	"holdfast/internal/payment"
	"holdfast/internal/traffic"
)

// Two things that are wrong at once are told apart: what a bank has explains what
// the route has, and leaves the rest to be found.
func TestABankAndThenAll(t *testing.T) {
	t.Parallel()
	w, d := newWorld(21, 100), New(time.UTC)
	w.faults = []fault{
		{from: began, until: began + 600, bank: "icbc", outcome: payment.NotDone, share: always(0.5)},
		{from: began + 300, until: began + 600, outcome: payment.NotDone, share: always(0.4)},
	}
	changes := w.run(d, 0, began+300, nil)
	if len(changes) != 1 || changes[0].Scope != (Scope{Route: "pay", Bank: "icbc"}) || changes[0].Kind != Failures {
		t.Fatalf("the bank: %v", changes)
	}
	changes = w.run(d, began+300, began+330, nil)
	var wide *Change
	for i := range changes {
		if changes[i].Ended.IsZero() && changes[i].Scope.Bank == "" && changes[i].Kind == Failures {
			wide = &changes[i]
		}
	}
	if wide == nil || wide.Seen > 0.55 || wide.Seen < 0.3 {
		t.Errorf("all: %v", changes)
	}
}

// While a channel has a finding, nothing is said of banks, whose payments may be the
// same; when it is over, a bank is judged again.
func TestAChannelKeepsBanksFromBeingJudged(t *testing.T) {
	t.Parallel()
	w, d := newWorld(22, 100), New(time.UTC)
	w.faults = []fault{
		{from: began, until: began + 300, channel: "qr", outcome: payment.NotDone, share: always(1)},
		{from: began + 500, until: math.MaxInt64, bank: "abc", outcome: payment.NotDone, share: always(0.6)},
	}
	for _, c := range w.run(d, 0, began+500, nil) {
		if c.Scope != qr {
			t.Errorf("found %s", describe(c))
		}
	}
	changes := w.run(d, began+500, began+540, nil)
	if len(changes) != 1 || changes[0].Scope != (Scope{Route: "pay", Bank: "abc"}) {
		t.Errorf("the bank: %v", changes)
	}
}

// A code that nobody has had before is found before the failures it comes with are
// many enough, and gives way to them.
func TestANewCodeIsFoundFirst(t *testing.T) {
	t.Parallel()
	w, d := newWorld(23, 20), New(time.UTC)
	w.faults = []fault{{from: began, until: math.MaxInt64, channel: "qr", code: "issuer-timeout", outcome: payment.NotDone, share: always(0.06)}}
	changes := w.run(d, 0, began+400, nil)
	want := Scope{Route: "pay", Channel: "qr", Code: "issuer-timeout"}
	if len(changes) == 0 || changes[0].Kind != Codes || changes[0].Scope != want || changes[0].At.After(after(began+120)) {
		t.Fatalf("found %v", changes)
	}
	if changes[0].Expected > 0.002 || changes[0].Seen < 0.03 {
		t.Errorf("%s", describe(changes[0]))
	}
	for _, c := range changes[1:] {
		if c.Scope.Code == "" && c.Kind == Failures && c.Ended.IsZero() {
			for _, open := range d.Open() {
				if open.Kind == Codes {
					t.Errorf("failures were found and the code is told as well: %v", d.Open())
				}
			}
		}
	}
}

// Banks, merchants and codes have a bounded part of the scopes, each sort of it, and
// channels keep theirs.
func TestPartsHaveAPlaceOfTheirOwn(t *testing.T) {
	t.Parallel()
	d := New(time.UTC)
	s := Second{At: 1}
	for i := range 400 {
		for _, trait := range []traffic.Trait{traffic.Bank, traffic.Merchant, traffic.Code} {
			s.Parts = append(s.Parts, traffic.PartRow{Part: traffic.Part{Trait: trait, Name: fmt.Sprint("n", i), Route: "pay", Channel: "qr", Verdict: "forward"}, Count: 1})
		}
	}
	d.Second(s)
	by := map[string]int{}
	for _, scope := range d.order {
		switch {
		case scope.Bank != "":
			by["bank"]++
		case scope.Merchant != "":
			by["merchant"]++
		case scope.Code != "":
			by["code"]++
		}
	}
	if by["bank"]+by["merchant"]+by["code"] != MaxParts || by["bank"] > MaxParts/2 || by["merchant"] > MaxParts/2 {
		t.Errorf("scopes: %v", by)
	}
	for i := range MaxScopes - MaxParts {
		if !d.known(Scope{Route: "pay", Channel: fmt.Sprint("c", i)}) {
			t.Fatalf("there is no room for channel %d", i)
		}
	}
	d.watches[Scope{Route: "pay", Bank: "n7"}].idle = idleAfter
	if d.known(Scope{Route: "pay", Code: "new"}) || !d.known(Scope{Route: "pay", Bank: "new"}) {
		t.Error("a code took the place of a bank, or a bank did not")
	}
}

// What cannot be a name is watched in no scope.
func TestPartsThatAreNotWatched(t *testing.T) {
	t.Parallel()
	for _, p := range []traffic.Part{
		{Trait: traffic.Bank, Route: "pay"}, {Trait: traffic.Bank, Name: traffic.Other, Route: "pay"}, {Trait: traffic.Code, Name: "51"},
		{Trait: traffic.Merchant, Name: "m", Route: traffic.Other}, {Trait: 9, Name: "x", Route: "pay"},
	} {
		if s, ok := partScope(&p); ok {
			t.Errorf("%+v is watched as %+v", p, s)
		}
	}
}

// What a person accepts of failures does not come back as a code.
func TestAcceptedFailuresAreNoCode(t *testing.T) {
	t.Parallel()
	w, d := newWorld(24, 100), New(time.UTC)
	w.faults = []fault{{from: began, until: math.MaxInt64, channel: "qr", code: "96", outcome: payment.NotDone, share: always(0.3)}}
	w.run(d, 0, began+120, nil)
	for _, f := range d.Open() {
		d.Accept(f)
	}
	changes := w.run(d, began+120, began+1200, nil)
	if len(d.Open()) > 0 || len(changes) > 0 {
		t.Errorf("found again: %v", changes)
	}
}
