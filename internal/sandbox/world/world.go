// Package world describes the simulated payment world: who exists in it and
// what they hold when it opens. It has no state; the same options give the same
// world on every machine, so that a drill can be run again.
//
// Accounts are acct_000001, acct_000002 …; each is held at one of five banks,
// bank_01 to bank_05. Of every 1,000 accounts about 5 are blocked and about 20
// are nearly empty, so that a healthy day has its share of declines. Merchants
// are m_001, m_002 ….
//
// For probes and for trying things by hand there are 20 test accounts,
// acct_test_01 to acct_test_20, never blocked and never empty, and 5 test
// merchants, m_test_01 to m_test_05. Simulated customers never use them.
package world

import (
	"fmt"
	"slices"

	"holdfast"
	"holdfast/internal/payment"
)

// Channels are the ways a payment reaches the primary.
var Channels = [...]string{"app", "card", "qr", "transfer"}

// Methods are the means a customer pays by.
var Methods = [...]string{"card", "balance", "bank"}

const (
	banks         = 5
	testAccounts  = 20
	testMerchants = 5

	// maxParties bounds accounts and merchants: their names have six digits.
	maxParties    = 999_999
	maxCurrencies = 8

	// rich and poor are opening balances in minor units of every currency:
	// enough for days of demonstration traffic, and enough for one small payment.
	rich = 100_000_000
	poor = 2_000
)

// Options say how large the world is. Zero values take the defaults.
type Options struct {
	// Seed decides which accounts are blocked, poor, and at which bank.
	Seed uint64
	// Accounts is how many ordinary accounts there are; default 10,000.
	Accounts int
	// Merchants is how many ordinary merchants there are; default 200.
	Merchants int
	// Currencies are ISO 4217 codes; every account can hold each. Default CNY.
	Currencies []string
}

// Account is one party that can pay.
type Account struct {
	ID      string
	Bank    string
	Blocked bool
	// Test marks an account for probes and for trying things by hand.
	Test bool
	// Opening is the balance when the world opens, in minor units, the same in
	// every currency.
	Opening int64
}

// World is the description.
type World struct {
	seed       uint64
	accounts   []Account
	merchants  []string
	currencies []string
	ordinary   struct{ accounts, merchants int }
}

// New checks the options and works the description out.
func New(o Options) (*World, error) {
	if o.Accounts == 0 {
		o.Accounts = 10_000
	}
	if o.Merchants == 0 {
		o.Merchants = 200
	}
	if len(o.Currencies) == 0 {
		o.Currencies = []string{"CNY"}
	}
	if o.Accounts < 1 || o.Accounts > maxParties || o.Merchants < 1 || o.Merchants > maxParties {
		return nil, holdfast.Errorf(holdfast.Invalid, "sandbox: %d accounts and %d merchants: give 1 to %d of each", o.Accounts, o.Merchants, maxParties)
	}
	if len(o.Currencies) > maxCurrencies {
		return nil, holdfast.Errorf(holdfast.Invalid, "sandbox: %d currencies are more than %d", len(o.Currencies), maxCurrencies)
	}
	for i, c := range o.Currencies {
		if _, err := payment.ParseCurrency(c); err != nil || slices.Contains(o.Currencies[:i], c) {
			return nil, holdfast.Errorf(holdfast.Invalid, "sandbox: currency %q: write each ISO 4217 code once, in capitals", c)
		}
	}
	w := &World{seed: o.Seed, currencies: slices.Clone(o.Currencies)}
	w.ordinary.accounts, w.ordinary.merchants = o.Accounts, o.Merchants
	w.populate()
	return w, nil
}

func (w *World) populate() {
	for i := 1; i <= w.ordinary.accounts; i++ {
		a := Account{ID: fmt.Sprintf("acct_%06d", i), Opening: rich}
		h := Hash(w.seed, a.ID)
		a.Bank = w.Bank(a.ID)
		switch draw := h >> 32 % 1000; {
		case draw < 5:
			a.Blocked = true
		case draw < 25:
			a.Opening = poor
		}
		w.accounts = append(w.accounts, a)
	}
	for i := 1; i <= testAccounts; i++ {
		id := fmt.Sprintf("acct_test_%02d", i)
		w.accounts = append(w.accounts, Account{ID: id, Bank: w.Bank(id), Test: true, Opening: rich})
	}
	for i := 1; i <= w.ordinary.merchants; i++ {
		w.merchants = append(w.merchants, fmt.Sprintf("m_%03d", i))
	}
	for i := 1; i <= testMerchants; i++ {
		w.merchants = append(w.merchants, fmt.Sprintf("m_test_%02d", i))
	}
}

func bank(h uint64) string { return fmt.Sprintf("bank_%02d", h%banks+1) }

// Seed returns the seed the world was made with.
func (w *World) Seed() uint64 { return w.seed }

// Accounts returns all accounts, test accounts last. The caller must not change
// the slice.
func (w *World) Accounts() []Account { return w.accounts }

// Merchants returns the names of all merchants, test merchants last. The caller
// must not change the slice.
func (w *World) Merchants() []string { return w.merchants }

// Currencies returns the currencies in use. The caller must not change the slice.
func (w *World) Currencies() []string { return w.currencies }

// Customers returns the accounts that simulated customers pay from.
func (w *World) Customers() []Account { return w.accounts[:w.ordinary.accounts] }

// Shops returns the merchants that simulated customers pay to.
func (w *World) Shops() []string { return w.merchants[:w.ordinary.merchants] }

// Bank returns the bank of an account.
func (w *World) Bank(account string) string { return bank(Hash(w.seed, account)) }

// groups are what merchants sell.
var groups = [...]string{"food", "goods", "travel", "online"}

// Group returns the group of a merchant.
func (w *World) Group(merchant string) string {
	return groups[Hash(w.seed, merchant)%uint64(len(groups))]
}

// Banks lists the banks.
func Banks() []string {
	names := make([]string, banks)
	for i := range names {
		names[i] = bank(uint64(i))
	}
	return names
}

// Hash spreads text evenly over 64 bits, differently for each seed: FNV-1a with
// the finaliser of splitmix64. It hides nothing; it only has to be the same
// everywhere and for ever, since it says which payments a fault hits.
func Hash(seed uint64, text string) uint64 {
	h := 14695981039346656037 ^ seed*0x9e3779b97f4a7c15
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// Share turns a hash into a number from 0 up to, not including, 1.
func Share(h uint64) float64 { return float64(h>>11) / (1 << 53) }
