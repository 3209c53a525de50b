// Package traffic counts payments: at a gate per second ([Counter]), at a
// control node over gates and time ([Series]).
//
// A gate adds each payment to its Counter and takes a [Snapshot] once per
// second. Snapshots go to a control node, maybe late, maybe twice. The Series
// counts each once and keeps one-second points for an hour and one-minute points
// for 48 hours.
//
// # Promises
//
// No payment is lost from a count. Every bound is kept by folding: what is one
// too many is counted under [Other], channel and method first. Channels, methods
// and currencies come from requests, so whoever writes requests chooses how many
// there are; he can blur the split by channel for as long as he writes, and
// nothing else.
//
// A second for which a gate sent nothing is missing, never zero: each answer of
// a Series says by its [Coverage] how much of the time asked for it rests on. A
// second without payments is a Snapshot without rows.
//
// # Numbers
//
// Times are seconds since 1970 in UTC. Amounts are minor units and are only ever
// summed within one currency. Sums stop at the largest int64 and do not wrap.
//
// # Format
//
// A snapshot is JSON: {"boot":…,"sequence":…,"second":…,"folded":…,"rows":[…]},
// where a row is
//
//	["pay","card","visa","payment","forward","","done","CNY",12,60000,[9,3]]
//
// that is route, channel, method, kind, verdict, reason, outcome, currency,
// payments, amount, and payments by latency as in [Latency], without the zeros
// at its end. Where answers were seen to name amounts, "answers" holds
// [place of the row, Named, Differ] for each such row; it stands beside the rows
// because control nodes from before it read rows of this length only. So do
// "parts", payments of customers by bank, by group of merchants and by the code of
// an answer:
//
//	["bank","icbc","pay","","forward","","done",12,[9,3]]
//
// that is [Trait], name, route, channel (of codes only), verdict, reason, outcome,
// payments, and payments by latency. "payers" holds, by [Fate], a sketch of the payers
// whose payments were not done, in base64, and whether some payer could not be read; it
// is there, and may be empty, if who sent the snapshot counts payers:
//
//	"payers":{"declined":"ACEB4g==","unknown":"AUM=","unread":true}
package traffic

import (
	"cmp"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast/internal/payment"
)

// Other stands for the values that were folded together. In a row whose currency
// is Other the amount is always 0: sums over currencies mean nothing.
const Other = "other"

// Rerouted is the reason of what is forwarded to the second primary of its route.
const Rerouted = "reroute"

// MaxText is the longest value of a key in bytes; a longer one is folded.
const MaxText = 64

// Key is what payments are counted by. An empty channel, method or currency
// means that it could not be read.
type Key struct {
	Route    string
	Channel  string
	Method   string
	Kind     payment.Kind
	Verdict  string
	Reason   string // why the verdict; empty if it needs none
	Outcome  payment.Outcome
	Currency string
}

// Latencies are the upper bounds of the buckets of a [Latency] in milliseconds,
// inclusive; the last bucket has none.
var Latencies = [...]int64{10, 50, 100, 250, 1000, 5000, 30000}

// Latency counts payments by how long the answer took: Latency[i] is how many
// took at most Latencies[i] and more than the bound before.
type Latency [len(Latencies) + 1]int64

func (l *Latency) add(m *Latency) {
	for i, n := range m {
		l[i] = plus(l[i], n)
	}
}

// short is l without the zeros at its end.
func (l *Latency) short() []int64 {
	end := len(l)
	for end > 0 && l[end-1] == 0 {
		end--
	}
	return l[:end]
}

// sum is how many payments were measured; ok is false if a bucket is below 0.
func (l *Latency) sum() (all int64, ok bool) {
	for _, n := range l {
		if n < 0 {
			return 0, false
		}
		all = plus(all, n)
	}
	return all, true
}

func bucket(took time.Duration) int {
	for i, bound := range Latencies {
		if took <= time.Duration(bound)*time.Millisecond {
			return i
		}
	}
	return len(Latencies)
}

// Within returns the bound in milliseconds that at least the share (0 to 1) of
// the payments kept: Within(0.99) is 250 if 99 % took at most 250 ms. It returns
// false if there are none, or if the last bucket is reached, which has no bound.
func (l Latency) Within(share float64) (int64, bool) {
	var all, sum int64
	for _, n := range l {
		all = plus(all, n)
	}
	for i, bound := range Latencies {
		if sum = plus(sum, l[i]); all > 0 && float64(sum) >= share*float64(all) {
			return bound, true
		}
	}
	return 0, false
}

// Cell is what is counted under a key.
type Cell struct {
	Count   int64
	Amount  int64 // minor units of the key's currency
	Latency Latency
	// Named is how many payments' answers were seen to name an amount, Differ how
	// many of them another one than was asked for. They are counted when the
	// answer has been read, maybe a second after the payment.
	Named, Differ int64
}

func (c *Cell) add(d *Cell) {
	c.Count = plus(c.Count, d.Count)
	c.Amount = plus(c.Amount, d.Amount)
	c.Latency.add(&d.Latency)
	c.Named, c.Differ = plus(c.Named, d.Named), plus(c.Differ, d.Differ)
}

// plus adds two numbers that are not negative.
func plus(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// fits reports whether no value is too long to be looked up.
func (k *Key) fits() bool {
	return len(k.Channel) <= MaxText && len(k.Method) <= MaxText && len(k.Currency) <= MaxText &&
		len(k.Route) <= MaxText && len(k.Verdict) <= MaxText && len(k.Reason) <= MaxText
}

// clean returns k with what must not be kept replaced by Other: values that are
// too long, not text, or like a card number. It shares no memory with a request.
func (k Key) clean() Key {
	for _, s := range []*string{&k.Route, &k.Channel, &k.Method, &k.Verdict, &k.Reason, &k.Currency} {
		*s = cleanText(*s)
	}
	if k.Kind > payment.Inquiry {
		k.Kind = payment.Other
	}
	if k.Outcome > payment.Unknown {
		k.Outcome = payment.Unknown
	}
	return k
}

func cleanText(s string) string {
	if len(s) > MaxText || !utf8.ValidString(s) || payment.Mask(s) != s {
		return Other
	}
	return strings.Clone(s)
}

// tiers is how many ways of folding there are, the first being not to.
const tiers = 4

func (k Key) fold(tier int) Key {
	if tier >= 1 {
		k.Channel, k.Method = Other, Other
	}
	if tier >= 2 {
		k.Currency = Other
	}
	if tier >= 3 {
		k.Route, k.Verdict, k.Reason = Other, Other, Other
	}
	return k
}

const (
	// unfoldable is how many keys are left when all is folded: kinds by outcomes.
	unfoldable = 4 * 4
	// minKeys keeps the rooms of the tiers in rising order.
	minKeys = 128
)

// place returns the key under which the clean key k is counted where rows keys
// are known already and limit is the most there may be. Each tier leaves room
// for the ones after it, and the last always has room.
func place(k Key, rows, limit int, known func(Key) bool) Key {
	room := [tiers]int{limit * 3 / 4, limit * 7 / 8, limit - unfoldable, limit}
	tier := 0
	for ; tier < tiers-1; tier++ {
		if f := k.fold(tier); known(f) || rows < room[tier] {
			return f
		}
	}
	return k.fold(tier)
}

// compare orders keys, so that the same counts have one encoding.
func (k *Key) compare(l *Key) int {
	return cmp.Or(
		strings.Compare(k.Route, l.Route), strings.Compare(k.Channel, l.Channel), strings.Compare(k.Method, l.Method),
		cmp.Compare(k.Kind, l.Kind), strings.Compare(k.Verdict, l.Verdict), strings.Compare(k.Reason, l.Reason),
		cmp.Compare(k.Outcome, l.Outcome), strings.Compare(k.Currency, l.Currency),
	)
}
