package standin

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// Slice is a part of a limit: an amount in minor units and a number of payments.
type Slice struct{ Amount, Count int64 }

// covers reports whether the slice is enough for what a limit counts of use.
func (l Limit) covers(slice, use Slice) bool {
	return (l.Amount == 0 || use.Amount <= slice.Amount) && (l.Count == 0 || use.Count <= slice.Count)
}

// wide reports whether what a limit counts is spread over shards.
func (l Limit) wide() bool {
	return l.Over == EachPayee || l.Over == EachChannel || l.Over == Whole || l.Over == WholeQueue
}

// shared reports whether a limit bounds what is outstanding, or waits, in all shards.
func (l Limit) shared() bool { return (l.Over == Whole || l.Over == WholeQueue) && l.Window == 0 }

func (l Limit) full() Slice { return Slice{l.Amount, l.Count} }

// applies reports whether a limit is for payments of a currency.
func (l Limit) applies(currency string) bool { return l.Currency == "" || l.Currency == currency }

type drawn struct {
	upTo      Slice
	until     Instant
	directive string
}

// counterKey tells counters apart. A window of 0 is what is outstanding.
type counterKey struct {
	over         Over
	currency     string
	window, zone time.Duration
	who          Digest
	channel      string
}

// counter counts in one period: the one that its last payment was in.
type counter struct {
	period, amount, count int64
}

// key returns the counter of a limit for a decision.
func (l Limit) key(d *Decision, zone time.Duration) counterKey {
	k := counterKey{over: l.Over, currency: l.Currency, window: l.Window}
	if l.Window != 0 {
		k.zone = zone
	}
	switch l.Over {
	case EachPayer, EachQueued:
		k.who = d.Payer
	case EachPayee:
		k.who = d.Payee
	case EachChannel:
		k.channel = d.Channel
	}
	return k
}

// period numbers the periods of a window.
func (k counterKey) period(at Instant) int64 {
	if k.window == 0 {
		return 0
	}
	n, w := int64(at)+k.zone.Microseconds(), k.window.Microseconds()
	period := n / w
	if n%w < 0 {
		period--
	}
	return period
}

// until is the end of the period that an instant is in; zero without a window.
func (k counterKey) until(at Instant) Instant {
	if k.window == 0 {
		return 0
	}
	return Instant((k.period(at)+1)*k.window.Microseconds() - k.zone.Microseconds())
}

// used is what a counter holds at an instant.
func (s *State) used(k *counterKey, at Instant) Slice {
	c := s.counters.get(k)
	if c.period < k.period(at) {
		return Slice{}
	}
	return Slice{c.amount, c.count}
}

// count adds to a counter, or takes away from what is outstanding.
func (s *State) count(k counterKey, at Instant, sign, amount int64) {
	c := s.counters.at(&k)
	if p := k.period(at); c.period < p {
		*c = counter{period: p}
	}
	c.count += sign
	if k.currency != "" {
		c.amount += sign * amount
	}
	if k.window == 0 && c.count == 0 {
		s.counters.drop(&k)
	}
}

// countOutstanding adds an item to what is outstanding, or to what waits if it is
// queued, or takes it away. Reversals take back; they are not exposed to anything.
func (s *State) countOutstanding(i *Item, sign int64) {
	if i.Kind == Reversal {
		return
	}
	for _, currency := range [...]string{i.Currency, ""} {
		for _, over := range i.countedOver() {
			s.count(Limit{Over: over, Currency: currency}.key(&i.Decision, 0), i.At, sign, i.Amount)
		}
	}
}

// countWindows adds an approval to the periods of its directive's limits.
func (s *State) countWindows(i *Item) {
	o := s.openings[i.Directive]
	if i.Kind == Reversal || o == nil {
		return
	}
	for _, l := range o.Limits {
		if l.Window != 0 && l.applies(i.Currency) {
			s.count(l.key(&i.Decision, o.Zone), i.At, 1, i.Amount)
		}
	}
}

// ledgerKey names the ledger from which slices of a limit are drawn. For what is
// outstanding it is the directive's.
func (k counterKey) ledgerKey(at Instant, directive string) string {
	b := append(make([]byte, 0, 96), k.over...)
	b = append(append(b, '/'), k.currency...)
	b = strconv.AppendInt(append(b, '/'), int64(k.window/time.Second), 10)
	if k.window == 0 {
		return string(append(append(b, '/'), directive...))
	}
	b = strconv.AppendInt(append(b, '/'), int64(k.zone/time.Second), 10)
	b = strconv.AppendInt(append(b, '/'), k.period(at), 10)
	switch k.over {
	case EachPayee:
		b = hex.AppendEncode(append(b, '/'), k.who[:])
	case EachChannel:
		sum := sha256.Sum256([]byte(k.channel))
		b = hex.AppendEncode(append(b, '/'), sum[:16])
	}
	return string(b)
}

// Need is a slice that must be drawn before a request can be approved.
type Need struct {
	Key string
	// Limit is the whole, Used what the shard has spent, Want what its slice must
	// come to.
	Limit, Used, Want Slice
	Until             Instant
	Directive         string
}

// outstanding reports whether the need is of a limit without a window.
func (n Need) outstanding() bool { return n.Until == 0 }

// namedLedger is the ledger that a limit of the profile was last spent from: most
// payments spend from the same, and its name is long in the making.
type namedLedger struct {
	counterKey
	period    int64
	directive string
	name      string
}

// ledgerKey names the ledger of a limit, the one with number i, for a decision.
func (s *State) ledgerKey(i int, k *counterKey, d *Decision) string {
	for len(s.ledgers) <= i {
		s.ledgers = append(s.ledgers, namedLedger{})
	}
	n := &s.ledgers[i]
	if period := k.period(d.At); n.counterKey != *k || n.period != period || n.directive != d.Directive {
		*n = namedLedger{*k, period, d.Directive, k.ledgerKey(d.At, d.Directive)}
	}
	return n.name
}

// need returns what a limit lacks for a use, and true if it lacks nothing.
func (s *State) need(l Limit, k *counterKey, key string, d *Decision, used, want Slice) (Need, bool) {
	if l.covers(s.slices[key].upTo, want) {
		return Need{}, true
	}
	n := Need{Key: key, Limit: l.full(), Used: used, Want: want, Until: k.until(d.At)}
	if n.outstanding() {
		n.Directive = d.Directive
	}
	return n, false
}

// Over returns the directives that the state will not know any more once it has
// forgotten what is before a time, and the ledgers that nobody draws from then: see
// [Forget].
func (s *State) Over(before time.Time) (directives, ledgers []string) {
	for key, d := range s.slices {
		if d.until != 0 && d.until < At(before) {
			ledgers = append(ledgers, key)
		}
	}
	lasting := s.lasting(At(before))
	for directive, o := range s.openings {
		if !s.forgettable(o, At(before), lasting) {
			continue
		}
		directives = append(directives, directive)
		for _, l := range o.Limits {
			if l.shared() {
				ledgers = append(ledgers, counterKey{over: l.Over, currency: l.Currency}.ledgerKey(0, directive))
			}
		}
	}
	return directives, ledgers
}

// Registrations returns what a shard must draw when it opens, before any shard
// gets more than it has already spent of a limit on what is outstanding: what it
// has approved before counts.
func (s *State) Registrations(directive string) []Need {
	var needs []Need
	o := s.openings[directive]
	if o == nil {
		return nil
	}
	for _, l := range o.Limits {
		if !l.shared() {
			continue
		}
		k := counterKey{over: l.Over, currency: l.Currency}
		used := s.used(&k, 0)
		key := k.ledgerKey(0, directive)
		if _, registered := s.slices[key]; !registered {
			needs = append(needs, Need{Key: key, Limit: l.full(), Used: used, Want: used, Directive: directive})
		}
	}
	return needs
}
