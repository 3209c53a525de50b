package posture

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/payment"
)

func standIn(id, scope string, open bool) Directive {
	d := Directive{ID: id, Kind: StandIn, Scope: scope, Open: open}
	if open {
		d.Profile, d.Source = json.RawMessage(`{"id":"small"}`), "source-1"
	}
	return d
}

// Whoever is not stood in for is held: nothing of the scope goes to the primary.
func TestStandIn(t *testing.T) {
	t.Parallel()
	one := pay("acct_1")
	blind := one
	blind.Read = 0
	refund := one
	refund.Kind = payment.Refund
	inquiry := one
	inquiry.Kind = payment.Inquiry
	probe := one
	probe.Probe = "i1"
	late := one
	late.Advice = true
	ofIncident := standIn("i", "all", true)
	ofIncident.Incident = "i1"
	for _, test := range []struct {
		name string
		in   []Directive
		pay  payment.Payment
		want Verdict
	}{
		{"not open", []Directive{standIn("i", "all", false)}, one, Verdict{Action: Decline, Reason: Held, Directive: "i"}},
		{"open", []Directive{standIn("i", "all", true)}, one, Verdict{Action: Substitute, Reason: None, Directive: "i"}},
		{"open for refunds too", []Directive{standIn("i", "all", true)}, refund, Verdict{Action: Substitute, Reason: None, Directive: "i"}},
		{"an inquiry passes", []Directive{standIn("i", "all", true)}, inquiry, Verdict{}},
		{"a probe of the incident goes to the primary", []Directive{ofIncident}, probe, Verdict{}},
		{"a probe of another does not", []Directive{standIn("i", "all", true)}, probe, Verdict{Action: Substitute, Reason: None, Directive: "i"}},
		{"outside the scope", []Directive{standIn("i", `channel == "qr"`, true)}, one, Verdict{}},
		{"what cannot be read is inside", []Directive{standIn("i", `channel == "qr"`, true)}, blind, Verdict{Action: Substitute, Reason: None, Directive: "i"}},
		{"a stop is stronger", []Directive{standIn("i", "all", true), stop("s", "all")}, one, Verdict{Action: Decline, Reason: Stopped, Directive: "s"}},
		{"a limit is weaker", []Directive{limit("l", "all", 0, ""), standIn("i", "all", true)}, one, Verdict{Action: Substitute, Reason: None, Directive: "i"}},
		{"a limit beside it", []Directive{limit("l", "all", 0, ""), standIn("i", `channel == "qr"`, true)}, one, Verdict{Action: Decline, Reason: OutOfShare, Directive: "l"}},
		{"an advice waits while it is open", []Directive{standIn("i", "all", true)}, late, Verdict{Action: Decline, Reason: Held, Directive: "i"}},
		{"an advice waits for the end of a stop", []Directive{stop("s", "all")}, late, Verdict{Action: Decline, Reason: Stopped, Directive: "s"}},
		{"limits are not for advices", []Directive{limit("l", "all", 0, "")}, late, Verdict{}},
		{"the first is named", []Directive{standIn("i", "all", false), standIn("j", "all", true)}, one, Verdict{Action: Decline, Reason: Held, Directive: "i"}},
	} {
		if got := compile(t, test.in...).Decide(&test.pay); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

// Another history's directives restrict; they never let a gate stand in.
func TestStandInOfAnotherHistoryIsNotOpen(t *testing.T) {
	t.Parallel()
	p, err := Compile(Set{}, []Directive{standIn("i", "all", true)}, "east")
	if err != nil {
		t.Fatal(err)
	}
	one := pay("acct_1")
	if v := p.Decide(&one); v != (Verdict{Action: Decline, Reason: Held, Directive: "i"}) {
		t.Errorf("%+v", v)
	}
}

func TestStandInThatSaysTooLittleIsNotCompiled(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Directive){
		"no source":        func(d *Directive) { d.Source = "" },
		"no profile":       func(d *Directive) { d.Profile = nil },
		"a time before":    func(d *Directive) { d.Lasts = -time.Second },
		"too many at once": func(d *Directive) { d.Excluded = make([]string, MaxExcluded+1) },
	} {
		d := standIn("i", "all", true)
		change(&d)
		if p, err := Compile(Set{Directives: []Directive{d}}, nil, "east"); err == nil || !p.IsClosed() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What the gate finds on its disk is what it was sent, with as many identities
// excluded as there may be.
func TestStandInIsKept(t *testing.T) {
	t.Parallel()
	d := standIn("i", "all", true)
	d.Planned, d.Lasts, d.Ends = true, time.Hour, time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
	for i := range MaxExcluded {
		d.Excluded = append(d.Excluded, fmt.Sprintf("ORDER-%034d", i))
	}
	set := Set{Head: holdfast.Head{Position: 7}, Directives: []Directive{d}}
	if got, err := Load(saved(t, set)); err != nil || !reflect.DeepEqual(got, set) {
		t.Fatalf("%d directives, %v", len(got.Directives), err)
	}
}

// One by one forwards: it says who stands in if the primary fails, and only for what is
// surely in its scope.
func TestOneByOne(t *testing.T) {
	t.Parallel()
	one := pay("acct_1")
	blind := one
	blind.Read = 0
	probe := one
	probe.Probe = "i1"
	late := one
	late.Advice = true
	each := func(scope string, open bool) Directive {
		d := standIn("e", scope, open)
		d.Kind, d.Incident = OneByOne, "i1"
		return d
	}
	for _, test := range []struct {
		name string
		in   []Directive
		pay  payment.Payment
		want Verdict
	}{
		{"open", []Directive{each("all", true)}, one, Verdict{Directive: "e"}},
		{"not open", []Directive{each("all", false)}, one, Verdict{}},
		{"outside the scope", []Directive{each(`channel == "qr"`, true)}, one, Verdict{}},
		{"what cannot be read is outside", []Directive{each(`channel == "qr"`, true)}, blind, Verdict{}},
		{"a probe is the primary's", []Directive{each("all", true)}, probe, Verdict{}},
		{"an advice is forwarded", []Directive{each("all", true)}, late, Verdict{}},
		{"a stop is stronger", []Directive{each("all", true), stop("s", "all")}, one, Verdict{Action: Decline, Reason: Stopped, Directive: "s"}},
		{"so is a limit", []Directive{each("all", true), limit("l", "all", 0, "")}, one, Verdict{Action: Decline, Reason: OutOfShare, Directive: "l"}},
	} {
		if got := compile(t, test.in...).Decide(&test.pay); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
	if p, err := Compile(Set{}, []Directive{each("all", true)}, "g"); err != nil || p.Decide(&one).Directive != "" {
		t.Errorf("another history opens it: %v", err)
	}
}
