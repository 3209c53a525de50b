package plandoc

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// A ramp is read back as it was written, whichever of its keys are given.
func TestRamp(t *testing.T) {
	t.Parallel()
	span := func(d time.Duration) procedure.Duration { return procedure.Duration(d) }
	names := func(_, id string) string { return id }
	for name, r := range map[string]procedure.Ramp{
		"one step":  {Steps: []procedure.Step{{Percent: 100}}},
		"fractions": {Steps: []procedure.Step{{Percent: 0.5, Hold: span(90 * time.Second)}, {Percent: 12.25, RatePerSecond: 0.5}, {Percent: 100}}},
		"all keys": {
			Steps: []procedure.Step{
				{Percent: 1, RatePerSecond: 20, AmountPerSecond: 1234567, Hold: span(2 * time.Minute), Sample: 50, Auto: true, Fall: procedure.FallStopped},
				{Percent: 50, Sample: 1000, Fall: procedure.FallFreeze, Success: 99.5, Unknown: 0.5, Quick: 90, Within: span(250 * time.Millisecond), Probes: []string{"a"}},
				{Percent: 60, Fall: procedure.FallStandIn}, {Percent: 100, Fall: procedure.FallPrevious},
			},
			Success: 98.5, Unknown: 0.25, Quick: 95, Within: span(time.Second), Every: span(time.Minute), Decide: span(time.Hour), Soak: span(26 * time.Hour), Currency: "CNY",
		},
	} {
		for _, lang := range holdfast.Langs {
			words := tongue{locale.For(lang)}
			text := words.ramp(names, &r)
			if got, ok := words.readRamp(text); !ok || !reflect.DeepEqual(*got, r) {
				t.Errorf("%s in %s: %s\nis read %v %+v", name, lang, text, ok, got)
			}
		}
	}
	words := tongue{locale.For(holdfast.ZhHant)}
	if got, _, _ := strings.Cut(words.ramp(names, &procedure.Ramp{Steps: []procedure.Step{{Percent: 1, Hold: span(2 * time.Minute), RatePerSecond: 20, Sample: 50, Auto: true}, {Percent: 100}}}), "\n"); got != "1% (2 分) ≤ 20/s [最少樣本（筆）：50 · 自動前進：是] → 100%" {
		t.Error(got)
	}
	for _, text := range []string{"", "all", "1% → ", "x%", "1% (soon) → 100%", "1% [何事：3] → 100%", "1% → 100%\n何事：3"} {
		if got, ok := words.readRamp(text); ok {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

// So is the profile of a stand-in; an expression may take several lines.
func TestProfile(t *testing.T) {
	t.Parallel()
	names := func(_, id string) string { return id }
	whole := *builtin().Temporary[0].Profile
	whole.KeepDeclines, whole.OneByOne = true, true
	whole.Unplanned = &plan.Terms{
		Eligible: "kind == \"payment\"\nand seen_days <= 90",
		Limits:   []plan.Limit{{Over: "payment", Currency: "CNY", Amount: 1}, {Over: "payee", Count: 3, Window: procedure.Duration(36 * time.Hour)}, {Over: "all", Currency: "CNY", Amount: 9}},
	}
	whole.Unplanned.Queue = &plan.Deferral{
		Deferrable: "channel == \"app\"\nand amount < 9", Expires: procedure.Duration(90 * time.Minute), Responsible: "operations-head",
		Limits: []plan.Limit{{Over: "payer", Currency: "CNY", Amount: 5, Count: 2}, {Over: "all", Count: 100}},
	}
	few := plan.Profile{Unplanned: &plan.Terms{Eligible: "true"}, SnapshotAge: procedure.Duration(time.Minute)}
	for _, p := range []plan.Profile{whole, few} {
		for _, lang := range holdfast.Langs {
			want := p
			want.Reason = holdfast.Text{}
			if !p.Reason.IsZero() {
				want.Reason = plan.InOne(lang, p.Reason.In(lang)) // a document has one language
			}
			words := tongue{locale.For(lang)}
			text := words.profile(names, &p)
			if got, ok := words.readProfile(text); !ok || !reflect.DeepEqual(*got, want) {
				t.Errorf("in %s: %s\nis read %v %+v", lang, text, ok, got)
			}
		}
	}
	words := tongue{locale.For(holdfast.En)}
	for _, text := range []string{"nothing known", "Forwarding: soon", "Unplanned terms:\nLimits:\nEach planet · Currency: CNY"} {
		if got, ok := words.readProfile(text); ok {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}
