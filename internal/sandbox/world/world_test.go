package world

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"holdfast"
)

func TestSameOptionsGiveTheSameWorld(t *testing.T) {
	a, b := newWorld(t, Options{Seed: 7}), newWorld(t, Options{Seed: 7})
	if !slices.Equal(a.Accounts(), b.Accounts()) || !slices.Equal(a.Merchants(), b.Merchants()) {
		t.Error("two worlds with one seed differ")
	}
	if c := newWorld(t, Options{Seed: 8}); slices.Equal(a.Accounts(), c.Accounts()) {
		t.Error("the seed changes nothing")
	}
}

func TestPopulation(t *testing.T) {
	w := newWorld(t, Options{Seed: 1})
	if len(w.Customers()) != 10_000 || len(w.Accounts()) != 10_020 || len(w.Shops()) != 200 || len(w.Merchants()) != 205 {
		t.Errorf("%d customers, %d accounts, %d shops, %d merchants", len(w.Customers()), len(w.Accounts()), len(w.Shops()), len(w.Merchants()))
	}
	if first := w.Customers()[0].ID; first != "acct_000001" {
		t.Errorf("first account is %s", first)
	}
	if w.Shops()[0] != "m_001" || w.Merchants()[204] != "m_test_05" {
		t.Errorf("merchants %s … %s", w.Shops()[0], w.Merchants()[204])
	}
	blocked, empty, perBank := 0, 0, map[string]int{}
	for _, a := range w.Customers() {
		perBank[a.Bank]++
		if a.Test {
			t.Errorf("%s is a test account among the customers", a.ID)
		}
		if a.Blocked {
			blocked++
		}
		if a.Opening == poor {
			empty++
		}
	}
	if blocked < 25 || blocked > 80 || empty < 150 || empty > 250 {
		t.Errorf("%d blocked and %d nearly empty of 10,000", blocked, empty)
	}
	for _, b := range Banks() {
		if n := perBank[b]; n < 1800 || n > 2200 {
			t.Errorf("%s holds %d of 10,000 accounts", b, n)
		}
	}
	for _, a := range w.Accounts()[10_000:] {
		if !a.Test || a.Blocked || a.Opening != rich {
			t.Errorf("test account %+v", a)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]Options{
		"negative accounts":  {Accounts: -1},
		"too many accounts":  {Accounts: 1_000_000},
		"too many merchants": {Merchants: 1_000_000},
		"bad currency":       {Currencies: []string{"cny"}},
		"currency twice":     {Currencies: []string{"CNY", "CNY"}},
		"many currencies":    {Currencies: []string{"AAA", "AAB", "AAC", "AAD", "AAE", "AAF", "AAG", "AAH", "AAI"}},
	} {
		if _, err := New(o); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The values are part of the format: a drill that is run again must hit the
// same payments.
func TestHashIsFixed(t *testing.T) {
	if got := Hash(1, "acct_000001"); got != 0x53f6219864742bc8 {
		t.Errorf("%#x", got)
	}
}

func TestHashIsEven(t *testing.T) {
	const n = 100_000
	for _, share := range []float64{0.001, 0.1, 0.5} {
		hits := 0
		for i := range n {
			if Share(Hash(3, fmt.Sprintf("c1-%d", i))) < share {
				hits++
			}
		}
		if sigma := math.Sqrt(n * share * (1 - share)); math.Abs(float64(hits)-n*share) > 4*sigma {
			t.Errorf("share %v hits %d of %d", share, hits, n)
		}
	}
}

func newWorld(t *testing.T, o Options) *World {
	t.Helper()
	w, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// Banks and groups of merchants are the same for everybody who asks, and each has
// its share.
func TestBanksAndGroups(t *testing.T) {
	w, err := New(Options{Seed: 7, Accounts: 500, Merchants: 200})
	if err != nil {
		t.Fatal(err)
	}
	byBank, byGroup := map[string]int{}, map[string]int{}
	for _, a := range w.Accounts() {
		if w.Bank(a.ID) != a.Bank {
			t.Fatalf("%s is held at %s and %s", a.ID, a.Bank, w.Bank(a.ID))
		}
		byBank[a.Bank]++
	}
	for _, m := range w.Merchants() {
		byGroup[w.Group(m)]++
	}
	if len(byBank) != len(Banks()) || len(byGroup) != len(groups) {
		t.Errorf("banks %v, groups %v", byBank, byGroup)
	}
}
