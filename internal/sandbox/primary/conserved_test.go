package primary

import (
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"holdfast/internal/sandbox/fault"
	"holdfast/internal/sandbox/truth"
	"holdfast/internal/sandbox/world"
)

// Whatever is asked, concurrently and under faults that change effects: no money
// appears or disappears, no balance is negative, no more is refunded than was
// paid, and the balances are those that the ledger of truth tells.
func TestMoneyIsConserved(t *testing.T) {
	t.Parallel()
	w := bigWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		inj := fault.NewInjector(seed)
		p, err := New(Options{World: w, Faults: inj})
		if err != nil {
			rt.Fatal(err)
		}
		defer p.Close()
		for _, f := range []fault.Fault{{Kind: fault.EffectTwice, Share: 0.2, Seconds: 60}, {Kind: fault.WrongEffect, Share: 0.1, Delta: -50, Seconds: 60}} {
			if _, err := inj.Start(f); err != nil {
				rt.Fatal(err)
			}
		}
		defer inj.EndAll()
		n := rapid.IntRange(1, 200).Draw(rt, "requests")
		var wait sync.WaitGroup
		for worker := range 4 {
			wait.Go(func() {
				for i := range n {
					// Workers share keys, so that they meet on them.
					p.work(world.Hash(seed, fmt.Sprint(i+worker%2)))
				}
			})
		}
		wait.Wait()
		checkConservation(rt, p, w)
	})
}

// work does what the hash says: a payment or refund among few parties, so that
// accounts run dry and refunds meet their limit.
func (p *Primary) work(h uint64) {
	key := fmt.Sprint("k", h%64)
	customers := p.o.World.Customers()
	a := ask{
		kind: truth.Payment, amount: int64(h>>8%20_000) + 1, currency: "CNY", payer: customers[h>>24%40].ID,
		payee: p.o.World.Shops()[h>>32%3], channel: "app",
	}
	if h>>40%3 == 0 {
		a = ask{kind: truth.Refund, payment: fmt.Sprintf("pay_%012d", h>>44%20+1), amount: int64(h>>8%9_000) + 1}
	}
	p.move(key, a, false, p.o.Faults.Decide(fault.Operation{Kind: string(a.kind), Identity: key, Channel: "app"}))
}

func checkConservation(t *rapid.T, p *Primary, w *world.World) {
	want := map[string]int64{}
	sum := int64(0)
	for _, a := range w.Accounts() {
		want[a.ID] = a.Opening
		sum += a.Opening
	}
	paid, refunded := map[string]int64{}, map[string]int64{}
	effects, _ := p.Ledger().Effects()
	for e := range effects {
		amount := e.Amount
		if e.Kind == truth.Refund {
			refunded[e.Payment+e.Key] += amount
			amount = -amount
		} else {
			paid[e.ID] = amount
		}
		want[e.Payer] -= amount
		want[e.Payee] += amount
	}
	total := int64(0)
	for id, has := range allBalances(p) {
		total += has
		if has < 0 || has != want[id] {
			t.Errorf("%s holds %d, the ledger of truth says %d", id, has, want[id])
		}
	}
	if total != sum {
		t.Errorf("all together hold %d, not %d", total, sum)
	}
	for _, i := range p.memory.ids {
		if i.refunded > i.ask.amount {
			t.Errorf("of %s, %d was refunded of %d", i.id, i.refunded, i.ask.amount)
		}
	}
}

func allBalances(p *Primary) map[string]int64 {
	all := map[string]int64{}
	for id := range p.book.parties {
		all[id], _ = p.Balance(id, "CNY")
	}
	return all
}
