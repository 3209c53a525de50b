package posture

import (
	"testing"

	"holdfast/internal/payment"
)

// Two histories use the same ids for different directives. Neither may hide the
// other's.
func TestUnionKeepsBothMeaningsOfAnID(t *testing.T) {
	t.Parallel()
	ours := Set{Directives: []Directive{{ID: "d1", Kind: Limit, Scope: "all", Share: 1, Position: 11}}}
	theirs := Set{Directives: []Directive{{ID: "d1", Kind: Stop, Scope: "all", Position: 11}}}
	for _, both := range []Set{ours.Union(theirs), theirs.Union(ours)} {
		p, err := Compile(both, nil, "east")
		if err != nil {
			t.Fatal(err)
		}
		if v := p.Decide(&payment.Payment{Kind: payment.Pay}); v.Reason != Stopped {
			t.Errorf("%v: the stop is lost: %+v", both.Directives, v)
		}
		if again := both.Union(theirs); len(again.Directives) != len(both.Directives) {
			t.Errorf("a directive that is there was added again: %v", again.Directives)
		}
	}
	if len(ours.Directives) != 1 || len(theirs.Directives) != 1 {
		t.Error("a union changed what it was made of")
	}
}
