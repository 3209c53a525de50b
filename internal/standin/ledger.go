package standin

import (
	"maps"
	"slices"

	"holdfast"
	"holdfast/internal/standin/advice"
)

// Ledger is what each shard has drawn of one limit. It only grows, so a draw that
// is in doubt is settled by reading: what the ledger says for a shard is its.
type Ledger map[int]Slice

const ledgerVersion = 1

// Draw draws for a need of a shard from a ledger, of which body is the value, nil
// for one that is new. It returns the ledger's next value, nil if it stays as it
// is, and the record to apply once that is written; the record is nil if there is
// not enough. What was drawn for the shard and never recorded (by a decider that
// died) is found again.
func (n Need) Draw(body []byte, shard, shards int) (next []byte, record *Drawn, err error) {
	ledger, err := DecodeLedger(body)
	if err != nil {
		return nil, nil, err
	}
	had, registered := ledger[shard]
	has := had
	if n.outstanding() && !registered {
		has = Slice{max(had.Amount, n.Used.Amount), max(had.Count, n.Used.Count)}
		ledger[shard] = has
	}
	if !n.outstanding() || len(ledger) >= shards {
		has = n.grow(ledger, has)
		ledger[shard] = has
	}
	if has != had || !registered && n.outstanding() {
		next = ledger.Encode()
	}
	if has == (Slice{}) && !n.outstanding() {
		return nil, nil, nil
	}
	return next, &Drawn{Key: n.Key, UpTo: has, Until: n.Until, Directive: n.Directive}, nil
}

// parts is into how many draws a limit is cut at least.
const parts = 64

// grow returns the slice after a draw, which is has if the rest is not enough.
func (n Need) grow(ledger Ledger, has Slice) Slice {
	var all Slice
	for _, s := range ledger {
		all.Amount += s.Amount
		all.Count += s.Count
	}
	amount, enough := grant(n.Limit.Amount, all.Amount, has.Amount, n.Want.Amount)
	count, enough2 := grant(n.Limit.Count, all.Count, has.Count, n.Want.Count)
	if !enough || !enough2 {
		return has
	}
	return Slice{amount, count}
}

// grant returns what has becomes if a limit, of which all is drawn, is drawn from
// until want, and whether that is enough.
func grant(limit, all, has, want int64) (int64, bool) {
	if limit == 0 || want <= has {
		return has, true
	}
	free := limit - all
	if want-has > free {
		return has, false
	}
	return has + min(max(want-has, limit/parts), free), true
}

// Encode writes a ledger as bytes.
func (l Ledger) Encode() []byte {
	c := &codec{writing: true, b: []byte{ledgerVersion}}
	n := len(l)
	c.count(&n)
	for _, shard := range slices.Sorted(maps.Keys(l)) {
		s := l[shard]
		c.count(&shard)
		c.slice(&s)
	}
	return c.b
}

// DecodeLedger reads what [Ledger.Encode] wrote, and nothing as an empty ledger.
func DecodeLedger(body []byte) (Ledger, error) {
	l := Ledger{}
	if len(body) == 0 {
		return l, nil
	}
	c := &codec{b: body}
	if version := c.readByte(); version != ledgerVersion {
		return nil, holdfast.Errorf(holdfast.Damaged, "the ledger of a stand-in limit is of version %d, and this version of Holdfast reads version %d", version, ledgerVersion)
	}
	var n int
	c.count(&n)
	last := -1
	for range n {
		var shard int
		var s Slice
		c.count(&shard)
		c.slice(&s)
		if c.failed || shard <= last || shard >= advice.MaxShards || s.Amount < 0 || s.Count < 0 {
			c.failed = true
			break
		}
		l[shard], last = s, shard
	}
	if c.failed || len(c.b) > 0 {
		return nil, holdfast.Errorf(holdfast.Damaged, "the ledger of a stand-in limit cannot be read: it is damaged")
	}
	return l, nil
}
