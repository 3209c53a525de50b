package posture

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/payment"
)

func fields(list ...payment.Field) payment.Set {
	var s payment.Set
	for _, f := range list {
		s = s.With(f)
	}
	return s
}

var whole = fields(payment.Fields()...)

func pay(payer string) payment.Payment {
	return payment.Payment{
		Route: "pay", Kind: payment.Pay, Read: whole, Identity: "T-1", Amount: 1299, Currency: "CNY",
		Payer: payment.Sensitive(payer), Payee: "shop-7", Channel: "app", Method: "card",
	}
}

func compile(t interface {
	Helper()
	Fatal(...any)
}, directives ...Directive) *Posture {
	t.Helper()
	p, err := Compile(Set{Directives: directives}, nil, "east")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func stop(id, scope string) Directive { return Directive{ID: id, Kind: Stop, Scope: scope} }

func away(id, scope string, open bool) Directive {
	return Directive{ID: id, Kind: Reroute, Scope: scope, Open: open, Fence: "f"}
}

func limit(id, scope string, share float64, salt string) Directive {
	return Directive{ID: id, Kind: Limit, Scope: scope, Share: share, Salt: salt}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	with := func(change func(*payment.Payment)) payment.Payment {
		p := pay("acct_1")
		change(&p)
		return p
	}
	unread := func(f payment.Field) payment.Payment {
		return with(func(p *payment.Payment) { p.Read &^= fields(f) })
	}
	kind := func(k payment.Kind) payment.Payment { return with(func(p *payment.Payment) { p.Kind = k }) }
	probe := func(incident string) payment.Payment {
		return with(func(p *payment.Payment) { p.Probe = incident })
	}
	capped := limit("l", "all", 1, "")
	capped.Rates = map[string]float64{"east": 5}
	incident := stop("s", "all")
	incident.Incident = "i1"
	rerouted := away("r", "all", true)
	rerouted.Incident = "i1"
	slow := limit("l", "all", 0, "")
	slow.Incident = "i1"
	for _, test := range []struct {
		name string
		in   []Directive
		pay  payment.Payment
		want Verdict
	}{
		{"nothing in force", nil, pay("a"), Verdict{}},
		{"stop", []Directive{stop("s", "all")}, pay("a"), Verdict{Action: Decline, Reason: Stopped, Directive: "s"}},
		{"stop of refunds too", []Directive{stop("s", "all")}, kind(payment.Refund), Verdict{Action: Decline, Reason: Stopped, Directive: "s"}},
		{"an inquiry passes a stop", []Directive{stop("s", "all")}, kind(payment.Inquiry), Verdict{}},
		{"another request passes a stop", []Directive{stop("s", "all")}, kind(payment.Other), Verdict{}},
		{"inside the scope", []Directive{stop("s", `channel == "app"`)}, pay("a"), Verdict{Action: Decline, Reason: Stopped, Directive: "s"}},
		{"outside the scope", []Directive{stop("s", `channel == "qr"`)}, pay("a"), Verdict{}},
		{"an unread field counts as inside", []Directive{stop("s", `channel == "qr"`)}, unread(payment.Channel), Verdict{Action: Decline, Reason: Stopped, Directive: "s"}},
		{"an unread field counts as inside a negation", []Directive{stop("s", `not (channel == "app")`)}, unread(payment.Channel), Verdict{Action: Decline, Reason: Stopped, Directive: "s"}},
		{"an expression that fails counts as inside", []Directive{stop("s", `100 % (amount - 1299) == 1`)}, pay("a"), Verdict{Action: Decline, Reason: Stopped, Directive: "s"}},
		{"another field decides", []Directive{stop("s", `channel == "qr" and amount > 5`)}, unread(payment.Amount), Verdict{}},
		{"the first stop is named", []Directive{stop("s1", `channel == "qr"`), stop("s2", "all")}, pay("a"), Verdict{Action: Decline, Reason: Stopped, Directive: "s2"}},
		{"a stop beats a limit before it", []Directive{limit("l", "all", 1, ""), stop("s", "all")}, pay("a"), Verdict{Action: Decline, Reason: Stopped, Directive: "s"}},
		{"nobody in a share of 0", []Directive{limit("l", "all", 0, "")}, pay("a"), Verdict{Action: Decline, Reason: OutOfShare, Directive: "l"}},
		{"everybody in a share of 1", []Directive{limit("l", "all", 1, "")}, pay("a"), Verdict{}},
		{"an unread payer is in the whole", []Directive{limit("l", "all", 1, "")}, unread(payment.Payer), Verdict{}},
		{"an unread payer is in no less", []Directive{limit("l", "all", 0.999999, "")}, unread(payment.Payer), Verdict{Action: Decline, Reason: OutOfShare, Directive: "l"}},
		{"a limit elsewhere", []Directive{limit("l", `channel == "qr"`, 0, "")}, pay("a"), Verdict{}},
		{"an unread field counts as inside a limit", []Directive{limit("l", `channel == "qr"`, 0, "")}, unread(payment.Channel), Verdict{Action: Decline, Reason: OutOfShare, Directive: "l"}},
		{"the stricter of two limits", []Directive{limit("l1", "all", 1, ""), limit("l2", "all", 0, "")}, pay("a"), Verdict{Action: Decline, Reason: OutOfShare, Directive: "l2"}},
		{"a rate is to be drawn on", []Directive{capped}, pay("a"), Verdict{Draw: 1}},
		{"the third limit's bit", []Directive{limit("a", "all", 1, ""), limit("b", "all", 1, ""), capped}, pay("a"), Verdict{Draw: 4}},
		{"a probe of the incident passes its stop", []Directive{incident}, probe("i1"), Verdict{}},
		{"a probe of the incident passes its limit", []Directive{slow}, probe("i1"), Verdict{}},
		{"a probe of another incident does not", []Directive{incident}, probe("i2"), Verdict{Action: Decline, Reason: Stopped, Directive: "s"}},
		{"a probe does not pass a stop of no incident", []Directive{stop("s", "all")}, probe("i1"), Verdict{Action: Decline, Reason: Stopped, Directive: "s"}},
		{"a probe does not pass another stop", []Directive{incident, stop("s2", "all")}, probe("i1"), Verdict{Action: Decline, Reason: Stopped, Directive: "s2"}},
		{"a reroute that is not open", []Directive{away("r", "all", false)}, pay("a"), Verdict{}},
		{"a reroute", []Directive{away("r", "all", true)}, pay("a"), Verdict{Reroute: "r", Fence: "f"}},
		{"a reroute of refunds too", []Directive{away("r", "all", true)}, kind(payment.Refund), Verdict{Reroute: "r", Fence: "f"}},
		{"outside a reroute", []Directive{away("r", `channel == "qr"`, true)}, pay("a"), Verdict{}},
		{"an unread field counts as inside a reroute", []Directive{away("r", `channel == "qr"`, true)}, unread(payment.Channel), Verdict{Reroute: "r", Fence: "f"}},
		{"a stop beats a reroute", []Directive{away("r", "all", true), stop("s", "all")}, pay("a"), Verdict{Action: Decline, Reason: Stopped, Directive: "s"}},
		{"a limit holds for what is rerouted", []Directive{away("r", "all", true), capped}, pay("a"), Verdict{Draw: 1, Reroute: "r", Fence: "f"}},
		{"a probe of the incident goes to the first primary", []Directive{rerouted}, probe("i1"), Verdict{}},
		{"an advice goes to the first primary", []Directive{away("r", "all", true)}, with(func(p *payment.Payment) { p.Advice = true }), Verdict{}},
		{"a payment that is no probe", []Directive{incident}, pay("a"), Verdict{Action: Decline, Reason: Stopped, Directive: "s"}},
	} {
		if got := compile(t, test.in...).Decide(&test.pay); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

// A local stop restricts beside the directives, whoever carries a mark.
func TestLocalStopsRestrictToo(t *testing.T) {
	t.Parallel()
	p, err := Compile(Set{Directives: []Directive{limit("l", "all", 1, "")}}, []Directive{stop("local-1", `channel == "app"`)}, "east")
	if err != nil {
		t.Fatal(err)
	}
	marked := pay("a")
	marked.Probe = "i1"
	if v := p.Decide(&marked); v != (Verdict{Action: Decline, Reason: Stopped, Directive: "local-1"}) {
		t.Errorf("%+v", v)
	}
	if len(p.Set().Directives) != 1 {
		t.Errorf("the local stop became part of the set: %v", p.Set().Directives)
	}
}

// What cannot be compiled declines every payment, whatever else the set says.
func TestHazardR_WhatCannotBeCompiledDeclines(t *testing.T) {
	t.Parallel()
	rates := func(r float64) Directive {
		d := limit("d", "all", 1, "")
		d.Rates = map[string]float64{"east": r}
		return d
	}
	many := make([]Directive, MaxLimits+1)
	for i := range many {
		many[i] = limit(fmt.Sprint("l", i), "all", 1, "")
	}
	for name, directives := range map[string][]Directive{
		"no scope":            {stop("d", "")},
		"not an expression":   {stop("d", "channel ==")},
		"no such field":       {stop("d", `bank == "b1"`)},
		"not a condition":     {stop("d", "amount")},
		"a kind of later":     {{ID: "d", Kind: "mask", Scope: "all"}},
		"no fence":            {{ID: "d", Kind: Reroute, Scope: "all", Open: true}},
		"no kind":             {{ID: "d", Scope: "all"}},
		"share above 1":       {limit("d", "all", 1.01, "")},
		"share below 0":       {limit("d", "all", -0.01, "")},
		"share is no number":  {limit("d", "all", math.NaN(), "")},
		"rate below 0":        {rates(-1)},
		"rate is no number":   {rates(math.NaN())},
		"rate without end":    {rates(math.Inf(1))},
		"too many limits":     many,
		"one good, one not":   {stop("good", `channel == "qr"`), {ID: "d", Kind: "mask", Scope: "all"}},
		"a scope that is odd": {limit("d", `kind == "pay"`, 1, "")},
	} {
		p, err := Compile(Set{Head: holdfast.Head{Position: 7}, Directives: directives}, nil, "east")
		if err == nil || !strings.HasPrefix(err.Error(), "directive ") {
			t.Errorf("%s: %v, want the directive named", name, err)
		}
		for _, k := range []payment.Kind{payment.Pay, payment.Refund, payment.Inquiry, payment.Other} {
			pm := pay("a")
			pm.Kind, pm.Probe = k, "i1"
			want := Verdict{}
			if k.MovesMoney() {
				want = Verdict{Action: Decline, Reason: NoPosture}
			}
			if v := p.Decide(&pm); v != want {
				t.Errorf("%s: %s: %+v, want %+v", name, k, v, want)
			}
		}
		if !p.IsClosed() || p.Head().Position != 7 {
			t.Errorf("%s: closed %v, head %v", name, p.IsClosed(), p.Head())
		}
	}
	if _, err := Compile(Set{Directives: many[:MaxLimits]}, nil, "east"); err != nil {
		t.Errorf("%d limits: %v", MaxLimits, err)
	}
}

// The last limit has a bit of its own.
func TestEveryLimitHasItsBit(t *testing.T) {
	t.Parallel()
	var all []Directive
	for i := range MaxLimits {
		d := limit(fmt.Sprint("l", i), "all", 1, "")
		d.Rates = map[string]float64{"east": 1}
		all = append(all, d)
	}
	one := pay("a")
	if v := compile(t, all...).Decide(&one); v.Draw != math.MaxUint64 {
		t.Errorf("draws on %x", v.Draw)
	}
}

func TestRatesAreOfThisGate(t *testing.T) {
	t.Parallel()
	d := limit("l", "all", 1, "")
	for _, test := range []struct {
		rates map[string]float64
		want  float64
	}{
		{nil, -1},
		{map[string]float64{"east": 2.5, "west": 7}, 2.5},
		{map[string]float64{"west": 7}, 0},
		{map[string]float64{}, 0},
	} {
		d.Rates = test.rates
		ids, rates := compile(t, d).Limits()
		if !reflect.DeepEqual(ids, []string{"l"}) || !reflect.DeepEqual(rates, []float64{test.want}) {
			t.Errorf("%v: %v of %v, want %v", test.rates, rates, ids, test.want)
		}
	}
}

// A cap that no gate has a part of stays one on its way over the wire and disk.
func TestHazardS_AnEmptyCapStaysACap(t *testing.T) {
	t.Parallel()
	d := limit("l", "all", 1, "")
	d.Rates = map[string]float64{}
	text, err := json.Marshal(Set{Directives: []Directive{d}})
	if err != nil {
		t.Fatal(err)
	}
	var back Set
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if _, rates := compile(t, back.Directives...).Limits(); rates[0] != 0 {
		t.Errorf("%s: admits %v per second", text, rates[0])
	}
}

// Who is let in stays in as a ramp opens, and each step lets in about its share.
func TestHazardS_SharesAreNestedAndFair(t *testing.T) {
	t.Parallel()
	steps := []float64{0.01, 0.1, 0.5, 1}
	const payers = 20_000
	for _, salt := range []string{"", "2026-0007", "d12"} {
		admitted := make([]int, len(steps))
		for n := range payers {
			one := pay(fmt.Sprintf("acct_%06d", n))
			in := false
			for i, share := range steps {
				now := compile(t, limit("d", "all", share, salt)).Decide(&one).Action == Forward
				if in && !now {
					t.Fatalf("salt %q: %s is in the step before %v and not in it", salt, one.Payer.Reveal(), share)
				}
				if in = now; in {
					admitted[i]++
				}
			}
		}
		for i, share := range steps {
			if got := float64(admitted[i]) / payers; math.Abs(got-share) > 0.01 {
				t.Errorf("salt %q: a share of %v admits %v", salt, share, got)
			}
		}
	}
}

// The fraction is part of the contract between gates of different versions:
// these numbers may never change, or a ramp would let other payers in half way.
func TestFractionIsFixed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		salt, payer string
		want        float64
	}{
		{"", "", 0.722706486340339},
		{"2026-0007", "acct_000123", 0.4905803283536647},
	} {
		if got := Fraction(test.salt, test.payer); got != test.want {
			t.Errorf("Fraction(%q, %q) = %v, want %v", test.salt, test.payer, got, test.want)
		}
	}
	if Fraction("ab", "c") == Fraction("a", "bc") {
		t.Error("salt and payer run into each other")
	}
}

// fractionOf is the definition of Fraction's comment, written out again.
func fractionOf(salt, payer string) float64 {
	h := uint64(0xcbf29ce484222325)
	for _, c := range []byte(salt + "\x00" + payer) {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	for _, m := range []uint64{0xff51afd7ed558ccd, 0xc4ceb9fe1a85ec53, 1} {
		h = (h ^ h>>33) * m
	}
	return float64(h>>11) / (1 << 53)
}

func TestFractionProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		salt, payer := rapid.String().Draw(t, "salt"), rapid.String().Draw(t, "payer")
		f := Fraction(salt, payer)
		if f < 0 || f >= 1 || f != fractionOf(salt, payer) {
			t.Fatalf("Fraction(%q, %q) = %v", salt, payer, f)
		}
	})
}

// Adding a directive never lets a payment through that was held before.
func TestMoreDirectivesNeverPermitMore(t *testing.T) {
	t.Parallel()
	scopes := rapid.SampledFrom([]string{"all", `channel == "app"`, `amount > 1000`, `payer startsWith "a"`, `not (method == "card")`})
	directive := rapid.Custom(func(t *rapid.T) Directive {
		d := Directive{ID: rapid.StringMatching(`d[1-9]`).Draw(t, "id"), Scope: scopes.Draw(t, "scope"), Kind: Stop}
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 1:
			d.Kind, d.Share, d.Salt = Limit, rapid.Float64Range(0, 1).Draw(t, "share"), "s"
		case 2:
			d = standIn(d.ID, d.Scope, rapid.Bool().Draw(t, "open"))
		}
		return d
	})
	rapid.Check(t, func(t *rapid.T) {
		few := rapid.SliceOfN(directive, 0, 4).Draw(t, "few")
		more := append(few[:len(few):len(few)], rapid.SliceOfN(directive, 1, 3).Draw(t, "more")...)
		one := pay(rapid.SampledFrom([]string{"acct_1", "b", ""}).Draw(t, "payer"))
		one.Read = payment.Set(rapid.Uint8Range(0, uint8(whole)).Draw(t, "read"))
		a, err1 := Compile(Set{Directives: few}, nil, "east")
		b, err2 := Compile(Set{Directives: more}, nil, "east")
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		before, after := a.Decide(&one), b.Decide(&one)
		if before.Action != Forward && after.Action == Forward {
			t.Fatalf("held by %v, let through with %v added", few, more[len(few):])
		}
		// What more fields tell can only free a payment.
		blind := one
		blind.Read = 0
		if v := b.Decide(&blind); v.Action == Forward && after.Action != Forward {
			t.Fatalf("let through unread, held when read: %+v", after)
		}
	})
}

// The index that finds directives changes no verdict: judging one directive after
// the other, in their order, gives the same.
func TestDecideIsAsOneByOne(t *testing.T) {
	t.Parallel()
	scopes := rapid.SampledFrom([]string{
		"all", `channel == "app"`, `channel == "qr"`, `channel in ["qr", "app"] and amount > 1000`, `payee == "shop-7"`, `payee == "shop-8" or channel == "app"`,
		`amount > 1000 and payer == "acct_1"`, `not (channel == "app")`, `lower(method) == "card"`, `payer startsWith "acct"`, `kind == "refund"`,
	})
	directive := rapid.Custom(func(t *rapid.T) Directive {
		d := Directive{ID: rapid.StringMatching(`d[1-9]{4}`).Draw(t, "id"), Scope: scopes.Draw(t, "scope"), Kind: Stop}
		d.Incident = rapid.SampledFrom([]string{"", "i1"}).Draw(t, "incident")
		if rapid.IntRange(0, 2).Draw(t, "limit") > 0 {
			d.Kind, d.Share, d.Salt = Limit, rapid.SampledFrom([]float64{0, 0.5, 1, 1, 1}).Draw(t, "share"), "s"
			d.Rates = rapid.SampledFrom([]map[string]float64{nil, {"east": 5}}).Draw(t, "rates")
		} else if rapid.Bool().Draw(t, "stand-in") {
			d.Kind = StandIn
		}
		return d
	})
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(directive, 0, 8).Draw(t, "directives")
		one := pay(rapid.SampledFrom([]string{"acct_1", "b", ""}).Draw(t, "payer"))
		one.Channel = rapid.SampledFrom([]string{"app", "qr", "web"}).Draw(t, "channel")
		one.Probe = rapid.SampledFrom([]string{"", "i1"}).Draw(t, "probe")
		one.Read = payment.Set(rapid.Uint8Range(0, uint8(whole)).Draw(t, "read"))
		p := compile(t, list...)
		if got, want := p.Decide(&one), oneByOne(p, &one); got != want {
			t.Fatalf("%+v, one by one %+v", got, want)
		}
	})
}

func oneByOne(p *Posture, pay *payment.Payment) Verdict {
	for _, s := range p.stops.list {
		if s.covers(pay) {
			return Verdict{Action: Decline, Reason: Stopped, Directive: s.ID}
		}
	}
	for _, s := range p.stands.list {
		if s.covers(pay) {
			return Verdict{Action: Decline, Reason: Held, Directive: s.ID}
		}
	}
	var v Verdict
	for i, l := range p.limits.list {
		if !l.covers(pay) {
			continue
		}
		if !l.picks(pay) {
			return Verdict{Action: Decline, Reason: OutOfShare, Directive: l.ID}
		}
		if p.rates[i] >= 0 {
			v.Draw |= 1 << i
		}
	}
	return v
}

func TestWordsOfVerdicts(t *testing.T) {
	t.Parallel()
	if Forward.String() != "forward" || Decline.String() != "decline" || Substitute.String() != "stand-in" {
		t.Error(Forward, Decline, Substitute)
	}
	var words []string
	for r := None; r <= Held; r++ {
		words = append(words, r.String())
	}
	if got := strings.Join(words, " "); got != " stopped out-of-share over-rate no-lease no-posture unreadable full held" {
		t.Error(got)
	}
}

func BenchmarkDecide(b *testing.B) {
	p := compile(b, stop("s", `channel == "qr"`), standIn("i", `channel == "web"`, true), limit("l", "all", 0.999, "salt"))
	one := pay("acct_000123")
	b.ReportAllocs()
	for b.Loop() {
		p.Decide(&one)
	}
}
