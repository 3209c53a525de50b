package view

import (
	"testing"
	"time"

	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/standin"
	"holdfast/internal/trial"
)

// What is shown of shadow mode: what the plan tries now, with or without figures, then
// what it tried before, and what it does not try.
func TestShadow(t *testing.T) {
	t.Parallel()
	p, faults := plan.Decode("", plan.Builtin())
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	of := func(id string, percent float64) plan.Temporary {
		s := p.Temporary[0]
		profile := *s.Profile
		profile.ShadowPercent = percent
		s.ID, s.Profile = id, &profile
		return s
	}
	solutions := []plan.Temporary{of("small", 1), of("large", 0), of("new", 2)}
	now, _ := solutions[0].Trial()
	if now.Planned || now.Share != 0.01 || now.Outage != 4*time.Hour {
		t.Errorf("what is tried is %+v", now)
	}
	found := func(version, profile string, n int64) trial.Report {
		return trial.Judge(trial.Found{Version: version, Profile: profile, Lines: []standin.TrialLine{{Currency: "CNY", Band: 3, Done: standin.Tally{Count: n, Amount: 100 * n}}}})
	}
	v := shadowOf([]trial.Report{found("before", "small", 9), found("other", "gone", 8), found(now.Version(), "small", 7)}, solutions, time.Now())
	type row struct {
		profile  string
		payments int64
		current  bool
	}
	var got []row
	for _, x := range v.Trials {
		got = append(got, row{x.Profile, x.Payments, x.Current})
	}
	want := []row{{"small", 7, true}, {"new", 0, true}, {"small", 9, false}, {"gone", 8, false}}
	if len(got) != len(want) {
		t.Fatalf("shown are %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("shown are %v, want %v", got, want)
		}
	}
	if len(v.Untried) != 1 || v.Untried[0].Temporary != "large" {
		t.Errorf("not tried are %+v", v.Untried)
	}
	if l := v.Trials[0].Limits; len(l) != 3 || l[0].Over != standin.EachPayee {
		t.Errorf("limits that are not tried: %+v", l)
	}
	if list := nulls(t, v); len(list) > 0 {
		t.Errorf("null in %v", list)
	}
	if list := nulls(t, shadowOf(nil, nil, time.Now())); len(list) > 0 {
		t.Errorf("null in %v", list)
	}
}

// An outage that nobody bounds, or that lasts longer than a day, is imagined to last one.
func TestTrialOfASolution(t *testing.T) {
	t.Parallel()
	terms := &plan.Terms{Eligible: `amount < 5`}
	s := plan.Temporary{ID: "s", Kind: plan.StandIn, Profile: &plan.Profile{Planned: terms, ShadowPercent: 50}}
	for longest, want := range map[time.Duration]time.Duration{0: 24 * time.Hour, time.Hour: time.Hour, 72 * time.Hour: 24 * time.Hour} {
		s.Longest = procedure.Duration(longest)
		if got, asked := s.Trial(); !asked || got.Outage != want || !got.Planned || got.Scope != "all" || got.Share != 0.5 {
			t.Errorf("longest %v: %+v", longest, got)
		}
	}
	s.Profile.ShadowPercent = 0
	if _, asked := s.Trial(); asked {
		t.Error("nothing is asked for, and it is tried")
	}
}
