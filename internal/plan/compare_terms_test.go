package plan_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// What a stand-in is carried out by is told key by key and limit by limit; where a
// limit stands means nothing.
func TestCompareTerms(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(p *plan.Plan)
		want   []string
	}{
		{"terms of a stand-in", func(p *plan.Plan) {
			limits := p.Temporary[1].Profile.Unplanned.Limits
			limits[0], limits[1] = limits[1], limits[0]
			limits[0].Amount, limits[2].Window = 600, procedure.Duration(time.Hour)
			p.Temporary[1].Profile.Forwarding.Attempts = 9
		}, []string{
			"temporary temporary[1].profile.unplanned.limits[0] changed limit Stand in (over: payer, currency: CNY, amount: 500 → over: payer, currency: CNY, amount: 600)",
			"temporary temporary[1].profile.unplanned.limits[2] added limit Stand in ( → over: payee, count: 3, window: 1h0m0s)",
			"temporary temporary[1].profile.unplanned.limits[2] removed limit Stand in (over: payee, count: 3, window: 24h0m0s → )",
			"temporary temporary[1].profile.forwarding.attempts changed attempts Stand in (5 → 9)",
		}},
		{"terms for maintenance", func(p *plan.Plan) {
			p.Temporary[1].Profile.Planned = &plan.Terms{Eligible: "amount < 10"}
		}, []string{"temporary temporary[1].profile.planned added planned Stand in ( → eligible: amount < 10)"}},
		{"what waits", func(p *plan.Plan) {
			p.Temporary[1].Profile.Unplanned.Queue = &plan.Deferral{Deferrable: "amount < 10", Expires: procedure.Duration(time.Hour), Responsible: "officer", Limits: []plan.Limit{{Over: "all", Count: 7}}}
		}, []string{"temporary temporary[1].profile.unplanned.queue added queue Stand in ( → deferrable: amount < 10, expires: 1h0m0s, limits: over: all, count: 7, responsible: officer)"}},
		{"people stand in", func(p *plan.Plan) { p.Temporary[1].Profile = nil }, []string{"temporary temporary[1].profile removed profile Stand in (" +
			"unplanned: eligible: kind == \"payment\", limits: over: payment, currency: CNY, amount: 200; over: payer, currency: CNY, amount: 500; over: payee, count: 3, window: 24h0m0s; " +
			"over: all, currency: CNY, amount: 9000, snapshot_age: 1h0m0s, zone: -03:30, forwarding: timeout: 1s, pause: 1s, longest_pause: 1m0s, attempts: 5, expiry: 48h0m0s, retention: 24h0m0s → )"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			before, _ := plan.Decode("", []byte(small+moreChapters))
			after, _ := plan.Decode("", []byte(small+moreChapters))
			test.change(after)
			var got []string
			for _, c := range plan.Compare(before, after) {
				got = append(got, fmt.Sprintf("%s %s %s %s %s (%s → %s)", c.Chapter, c.Path, c.Kind, c.What, c.Name.En, c.Old, c.New))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Of a limit that changed both sides are told, so that one sees which it is.
func TestCompareTellsLimits(t *testing.T) {
	t.Parallel()
	before, _ := plan.Decode("", []byte(small+moreChapters))
	after, _ := plan.Decode("", []byte(small+moreChapters))
	after.Temporary[1].Profile.Unplanned.Limits[1].Amount = 600
	changes := plan.Compare(before, after)
	if len(changes) != 1 {
		t.Fatal(changes)
	}
	for name, parts := range map[string][]plan.Part{"500": changes[0].Was, "600": changes[0].Parts} {
		want := []plan.Part{{Of: "limit", Key: "over", Text: "payer"}, {Of: "limit", Key: "currency", Text: "CNY"}, {Of: "limit", Key: "amount", Text: name}}
		if !slices.Equal(parts, want) {
			t.Errorf("got %v, want %v", parts, want)
		}
	}
	// A solution that is new is told to its limits.
	before.Temporary = before.Temporary[:1]
	changes = plan.Compare(before, after)
	deep := plan.Part{Depth: 3, Of: "limit", Key: "amount", Text: "600"}
	if len(changes) != 1 || !slices.Contains(changes[0].Parts, deep) {
		t.Errorf("got %v", changes)
	}
}

// The profile as gates read it says what the plan says.
func TestStandIn(t *testing.T) {
	t.Parallel()
	p, faults := plan.Decode("", []byte(small+moreChapters))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	got := p.Temporary[1].StandIn()
	if err := got.Check(); err != nil {
		t.Fatal(err)
	}
	if got.ID != "instead" || got.Planned != nil || len(got.Unplanned.Limits) != 4 || got.SnapshotAge != time.Hour || got.Zone != -(3*time.Hour+30*time.Minute) ||
		got.Forwarding.Expiry != 48*time.Hour {
		t.Errorf("got %+v", got)
	}
	if _, err := got.Compile(false); err != nil {
		t.Error(err)
	}
	builtin, _ := plan.Decode("", plan.Builtin())
	for _, planned := range []bool{true, false} {
		if _, err := builtin.Temporary[0].StandIn().Compile(planned); err != nil {
			t.Errorf("the built-in stand-in, planned %v: %v", planned, err)
		}
	}
}
