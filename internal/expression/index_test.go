package expression

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"holdfast/internal/payment"
)

// The index leaves out only scopes that do not cover the payment, and visits
// none twice.
func TestIndexMissesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		scopes := make([]*Scope, rapid.IntRange(0, 12).Draw(t, "scopes"))
		for i := range scopes {
			var err error
			if scopes[i], err = CompileScope(source(t, 3, leaf)); err != nil {
				t.Fatal(err)
			}
		}
		x := NewIndex(scopes)
		p := anyPayment(t)
		p.Read = payment.Set(rapid.Uint8Range(0, uint8(everything)).Draw(t, "read"))
		visits := make([]int, len(scopes))
		x.Visit(p, func(i int) { visits[i]++ })
		for i, s := range scopes {
			if truth := s.Match(p); visits[i] > 1 || visits[i] == 0 && truth != No {
				t.Fatalf("%s is %v of %+v and was visited %d times", s, truth, p, visits[i])
			}
		}
	})
}

// What the usual shapes ask for is found without looking at the others.
func TestIndexLooksAtFew(t *testing.T) {
	var scopes []*Scope
	for i := range 50 {
		for _, shape := range []string{`payee == "m_%d"`, `amount > 7 and channel in ["c%d", "c%[1]d"] and method != "x"`} {
			s, err := CompileScope(fmt.Sprintf(shape, i))
			if err != nil {
				t.Fatal(err)
			}
			scopes = append(scopes, s)
		}
	}
	x := NewIndex(scopes)
	p := card()
	p.Payee, p.Channel = "m_7", "c9"
	var seen []int
	x.Visit(p, func(i int) { seen = append(seen, i) })
	if fmt.Sprint(seen) != "[14 19]" {
		t.Errorf("visited %v", seen)
	}
}
