package detect

import (
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"holdfast/internal/payment"
)

// began is when the faults of these tests begin.
const began = 600

var qr = Scope{Route: "pay", Channel: "qr"}

func TestFaultsAreFound(t *testing.T) {
	t.Parallel()
	drift := func(at int64) float64 { return min(0.2, float64(at)/6000) }
	for _, c := range []struct {
		name   string
		rate   float64
		fault  fault
		within int64
		want   Finding
	}{
		{"outage at 20/s", 20, fault{outcome: payment.NotDone, share: always(1)}, 2, Finding{Kind: Failures, Severity: Critical}},
		{"outage at 300/s", 300, fault{outcome: payment.NotDone, share: always(1)}, 1, Finding{Kind: Failures, Severity: Critical}},
		{"answers lost", 100, fault{outcome: payment.Unknown, share: always(1)}, 1, Finding{Kind: Unknowns, Severity: Critical}},
		{"half of a channel", 100, fault{channel: "qr", outcome: payment.NotDone, share: always(0.5)}, 5, Finding{Kind: Failures, Severity: Major, Scope: qr}},
		{"a tenth of a channel", 100, fault{channel: "qr", outcome: payment.NotDone, share: always(0.1)}, 45, Finding{Kind: Failures, Scope: qr}},
		{"a tenth of a channel at 20/s", 20, fault{channel: "qr", outcome: payment.NotDone, share: always(0.1)}, 240, Finding{Kind: Failures, Scope: qr}},
		{"a twentieth of a channel", 100, fault{channel: "qr", outcome: payment.NotDone, share: always(0.05)}, 180, Finding{Kind: Failures, Scope: qr}},
		{"slow drift of a channel", 100, fault{channel: "qr", outcome: payment.NotDone, share: drift}, 800, Finding{Kind: Failures, Scope: qr}},
		{"a tenth of unknown outcomes", 100, fault{channel: "qr", outcome: payment.Unknown, share: always(0.1)}, 20, Finding{Kind: Unknowns, Scope: qr}},
		{"slow channel", 100, fault{channel: "qr", slow: true, share: always(0.9)}, 10, Finding{Kind: Slow, Severity: Major, Scope: qr}},
		{"answers of a channel name other amounts", 100, fault{channel: "qr", other: true, share: always(0.1)}, 15, Finding{Kind: Amounts, Severity: Major, Scope: qr}},
		{"a wrong discount on a channel", 100, fault{channel: "qr", cheap: 0.5, share: always(1)}, 60, Finding{Kind: Value, Scope: qr}},
		{"half of a bank", 100, fault{bank: "icbc", outcome: payment.NotDone, share: always(0.5)}, 6, Finding{Kind: Failures, Severity: Major, Scope: Scope{Route: "pay", Bank: "icbc"}}},
		{"a tenth of a group of merchants", 100, fault{merchant: "travel", outcome: payment.NotDone, share: always(0.1)}, 45, Finding{Kind: Failures, Scope: Scope{Route: "pay", Merchant: "travel"}}},
		{"outcomes of a bank are unknown", 100, fault{bank: "icbc", outcome: payment.Unknown, share: always(0.3)}, 10, Finding{Kind: Unknowns, Severity: Major, Scope: Scope{Route: "pay", Bank: "icbc"}}},
		{"another code in a channel", 100, fault{channel: "qr", code: "91", outcome: payment.InFlight, share: always(1)}, 90, Finding{Kind: Codes, Severity: Minor, Scope: Scope{Route: "pay", Channel: "qr", Code: "91"}}},
		{"amounts three times as high", 100, fault{channel: "qr", cheap: 3, share: always(1)}, 40, Finding{Kind: Value, Severity: Major, Scope: qr}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(7, c.rate)
			c.fault.from, c.fault.until = began, began+900
			w.faults = []fault{c.fault}
			changes := w.run(New(time.UTC), 0, began+900+200, nil)
			if len(changes) == 0 {
				t.Fatal("nothing was found")
			}
			first := changes[0]
			if first.Kind != c.want.Kind || first.Scope != c.want.Scope || c.want.Severity != "" && first.Severity != c.want.Severity {
				t.Errorf("found %s", describe(first))
			}
			if after := first.At.Unix() - noon - began; after < 0 || after > c.within {
				t.Errorf("found after %d s; %d s are allowed", after, c.within)
			}
			for _, ch := range changes {
				if ch.Kind != c.want.Kind || ch.Scope != c.want.Scope {
					t.Errorf("one fault was found as another, too: %s", describe(ch))
				}
			}
			if last := changes[len(changes)-1]; last.Ended.IsZero() {
				t.Errorf("never ended: %s", describe(last))
			}
		})
	}
}

// What the whole does is one finding, wherever it was seen first.
func TestVolume(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		part float64
		want Kind
	}{{"no payments come", 0, Drop}, {"a third is left", 0.3, Drop}, {"everybody pays twice", 2, ""}, {"a flood", 8, Surge}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(3, 60)
			w.rate = func(at int64) float64 {
				if at >= began && at < began+300 {
					return 60 * c.part
				}
				return 60
			}
			changes := w.run(New(time.UTC), 0, began+450, nil)
			if c.want == "" {
				for _, ch := range changes {
					t.Error(describe(ch))
				}
				return
			}
			if len(changes) < 2 || changes[0].Kind != c.want || changes[0].Scope != (Scope{}) || changes[0].At.After(after(began+10)) {
				t.Fatalf("changes: %v", changes)
			}
			if last := changes[len(changes)-1]; last.Ended.IsZero() {
				t.Errorf("never ended: %s", describe(last))
			}
		})
	}
}

// While a directive holds payments back, fewer are no finding, and when they come
// back nothing is known of volumes for a while.
func TestHeldBack(t *testing.T) {
	t.Parallel()
	w := newWorld(4, 60)
	d := New(time.UTC)
	held := func(at int64) bool { return at >= began && at < began+900 }
	w.rate = func(at int64) float64 {
		if held(at) {
			return 0
		}
		return 60
	}
	if changes := w.run(d, 0, began+1200, func(s *Second) { s.Held = held(s.At - noon) }); len(changes) > 0 {
		t.Errorf("found %s", describe(changes[0]))
	}
}

// A second of an incident teaches nothing: what failed for an hour of it is found
// again at once, and what is usual is as before.
func TestNothingIsLearnedInAnIncident(t *testing.T) {
	t.Parallel()
	w, d := newWorld(5, 30), New(time.UTC)
	w.run(d, 0, began, nil)
	w.faults = []fault{{until: math.MaxInt64, channel: "qr", outcome: payment.NotDone, share: always(0.008)}} // too slight to be found
	usual := d.watches[qr].base.share(Failures)
	w.run(d, began, began+1800, func(s *Second) { s.Quiet = false })
	if got := d.watches[qr].base.share(Failures); got != usual {
		t.Errorf("the usual share went from %.4f to %.4f in an incident", usual, got)
	}
	w.run(d, began+1800, began+1800+lastingly+100, nil)
	if got := d.watches[qr].base.share(Failures); got <= usual {
		t.Errorf("the usual share stayed at %.4f when it was over", got)
	}
}

func TestSilentGates(t *testing.T) {
	t.Parallel()
	w, d := newWorld(6, 20), New(time.UTC)
	gate := func(at int64, name string, silences ...int64) Gate {
		for _, from := range silences {
			if at >= from && at < from+100 {
				return Gate{name, noon + from - 1, false}
			}
		}
		return Gate{name, noon + at, true}
	}
	w.gates = func(at int64) []Gate { return []Gate{gate(at, "east", 100, 300), gate(at, "west", 300)} }
	changes := w.run(d, 0, 500, nil)
	var got []string
	for _, c := range changes {
		state := "silent"
		if !c.Ended.IsZero() {
			state = "back"
		}
		got = append(got, fmt.Sprintf("%s %s %s at %d", c.Severity, c.Gate, state, max(c.At.Unix(), c.Ended.Unix())-noon))
	}
	want := []string{
		"minor east silent at 114", "minor east back at 200",
		"major east silent at 314", "major west silent at 314", "major east back at 400", "major west back at 400",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
}

// A gate that is not heard of any more makes the rest no drop.
func TestMissingCountsAreNoDrop(t *testing.T) {
	t.Parallel()
	w := newWorld(8, 60)
	w.gates = func(at int64) []Gate {
		west := Gate{"west", noon + at, true}
		if at >= began {
			west = Gate{"west", noon + began - 1, false}
		}
		return []Gate{{"east", noon + at, true}, west}
	}
	w.rate = func(at int64) float64 {
		if at >= began {
			return 6
		}
		return 60
	}
	changes := w.run(New(time.UTC), 0, began+600, nil)
	if len(changes) != 1 || changes[0].Kind != Silent {
		t.Errorf("changes: %v", changes)
	}
}

// A person's word that a finding is as it should be ends it and makes it usual.
func TestAccept(t *testing.T) {
	t.Parallel()
	w, d := newWorld(9, 100), New(time.UTC)
	w.faults = []fault{{from: began, until: math.MaxInt64, channel: "qr", outcome: payment.NotDone, share: always(0.3)}}
	w.run(d, 0, began+60, nil)
	open := d.Open()
	if len(open) != 1 || open[0].Scope != qr {
		t.Fatalf("open: %v", open)
	}
	d.Accept(open[0])
	if changes := w.run(d, began+60, began+400, nil); len(d.Open()) > 0 || len(changes) > 0 {
		t.Errorf("found again: %v", changes)
	}
}

// Usual traffic with its nights and a pay-day burst holds no finding; nor does
// usual traffic that fails more than most. The long form is three days of each.
func TestUsualTrafficHoldsNoFinding(t *testing.T) {
	t.Parallel()
	length := int64(2 * 3600)
	if os.Getenv("HOLDFAST_SOAK") != "" {
		length = 3 * 86400
	}
	day := func(mean float64) func(int64) float64 {
		return func(at int64) float64 {
			rate := mean * (1 + 0.9*math.Cos(float64(at%86400)/86400*2*math.Pi))
			if at%86400 >= 3600 && at%86400 < 5400 { // everybody pays at once
				rate = max(rate, mean) * 4
			}
			return rate
		}
	}
	for i, mean := range []float64{3, 20} {
		for _, failing := range []float64{0.01, 0.15} {
			t.Run(fmt.Sprintf("%v per second, %v failing", mean, failing), func(t *testing.T) {
				t.Parallel()
				w := newWorld(uint64(i), mean)
				w.rate, w.failing = day(mean), failing
				for _, c := range w.run(New(time.UTC), 0, length, nil) {
					t.Error(describe(c))
				}
			})
		}
	}
	t.Run("failures that have their hours", func(t *testing.T) {
		t.Parallel()
		w := newWorld(6, 20)
		w.rate = func(at int64) float64 {
			w.failing = 0.02 * (1 + 0.5*math.Sin(2*math.Pi*float64(at)/86400))
			return day(20)(at)
		}
		for _, c := range w.run(New(time.UTC), 0, length/3, nil) {
			t.Error(describe(c))
		}
	})
	t.Run("channels that have their own hours", func(t *testing.T) {
		t.Parallel()
		w := newWorld(5, 12)
		w.rate = day(12)
		w.mix = func(channel int, at int64) float64 {
			return 0.5 + 0.3*math.Sin(2*math.Pi*(float64(at)/86400+float64(channel)/5))
		}
		for _, c := range w.run(New(time.UTC), 0, length, nil) {
			t.Error(describe(c))
		}
	})
}
