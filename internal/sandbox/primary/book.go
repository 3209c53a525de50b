package primary

import (
	"holdfast"
	"holdfast/internal/sandbox/truth"
	"holdfast/internal/sandbox/world"
)

// book holds the balances. Money only ever moves from one party to another, so
// the sum of all balances of a currency never changes.
type book struct {
	parties    map[string]*party
	currencies map[string]int // place of a currency in balances
}

type party struct {
	account  *world.Account // nil for a merchant
	balances []int64        // minor units, by currency
}

func newBook(w *world.World) book {
	b := book{parties: map[string]*party{}, currencies: map[string]int{}}
	for i, c := range w.Currencies() {
		b.currencies[c] = i
	}
	accounts := w.Accounts()
	for i := range accounts {
		p := &party{account: &accounts[i], balances: make([]int64, len(b.currencies))}
		for c := range p.balances {
			p.balances[c] = accounts[i].Opening
		}
		b.parties[accounts[i].ID] = p
	}
	for _, m := range w.Merchants() {
		b.parties[m] = &party{balances: make([]int64, len(b.currencies))}
	}
	return b
}

func (b book) account(id string) *world.Account {
	if p := b.parties[id]; p != nil {
		return p.account
	}
	return nil
}

func (b book) bank(account string) string {
	if a := b.account(account); a != nil {
		return a.Bank
	}
	return ""
}

func (b book) merchant(id string) bool {
	p := b.parties[id]
	return p != nil && p.account == nil
}

// move moves the amount, or reports that from does not have it.
func (b book) move(from, to, currency string, amount int64) bool {
	c := b.currencies[currency]
	if b.parties[from].balances[c] < amount {
		return false
	}
	b.parties[from].balances[c] -= amount
	b.parties[to].balances[c] += amount
	return true
}

// apply moves the money of an effect.
func (b book) apply(e truth.Effect) bool {
	if e.Kind == truth.Refund {
		return b.move(e.Payee, e.Payer, e.Currency, e.Amount)
	}
	return b.move(e.Payer, e.Payee, e.Currency, e.Amount)
}

// force moves the money of an effect, though a balance may pass below zero.
func (b book) force(e truth.Effect) {
	from, to := b.parties[e.Payer], b.parties[e.Payee]
	if e.Kind == truth.Refund {
		from, to = to, from
	}
	c := b.currencies[e.Currency]
	from.balances[c] -= e.Amount
	to.balances[c] += e.Amount
}

// restore applies an effect read from a file. Effects stand there in the order
// in which they became durable, so a balance may pass below zero on the way.
func (b book) restore(e truth.Effect) error {
	if _, ok := b.currencies[e.Currency]; !ok || b.parties[e.Payer] == nil || b.parties[e.Payee] == nil {
		return holdfast.Errorf(holdfast.Conflict, "effect %d is of %s from %s to %s, who are not in this world; use the truth file with the world it was written in", e.Seq, e.Currency, e.Payer, e.Payee)
	}
	b.force(e)
	return nil
}
