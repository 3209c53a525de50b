package traffic

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"math/bits"

	"holdfast/internal/payment"
)

// Fate is what befell a payer's payment that was not done.
type Fate uint8

// The fates: a directive declined it, it failed in another way, or its outcome is
// not known.
const (
	PayerDeclined Fate = iota
	PayerFailed
	PayerUnknown
	fates // how many there are
)

// PayersError is the standard error of the number of distinct payers, as a share:
// 1.04/√2048 (P. Flajolet et al., HyperLogLog, 2007). Of few payers the count is
// nearly exact: registers that are empty say how many there are.
const PayersError = 0.023

// registers is how many a sketch has, indexBits how many bits name one.
const (
	indexBits = 11
	registers = 1 << indexBits
	// maxRank is the highest value of a register: it has five bits where it is kept.
	maxRank = 31
)

// sketch counts distinct payers without keeping who they are: each falls into one of
// 2048 registers, which keeps the most zeros that a hash of its payers began with.
// The sketch of two groups together is the greater of each register. Nobody can list
// payers from it. Who has a sketch and guesses a payer can tell that he is not in
// it, and of a sketch of few payers that he likely is.
type sketch [registers]uint8

// payerHash is the same at every gate, so that their sketches can be put together:
// FNV-1a, mixed with the finalizer of MurmurHash3 since its high bits are poor.
func payerHash(payer string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(payer) {
		h = (h ^ uint64(payer[i])) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

func (s *sketch) add(hash uint64) {
	rank := uint8(min(bits.LeadingZeros64(hash<<indexBits|1<<(indexBits-1))+1, maxRank))
	if r := &s[hash>>(64-indexBits)]; *r < rank {
		*r = rank
	}
}

func (s *sketch) merge(o *sketch) {
	for i, rank := range o {
		s[i] = max(s[i], rank)
	}
}

// estimate is about how many payers were added.
func (s *sketch) estimate() int64 {
	sum, empty := 0.0, 0
	for _, rank := range s {
		sum += math.Ldexp(1, -int(rank))
		if rank == 0 {
			empty++
		}
	}
	const m = registers
	e := 0.7213 / (1 + 1.079/m) * m * m / sum
	if e <= 2.5*m && empty > 0 {
		e = m * math.Log(m/float64(empty))
	}
	return int64(math.Round(e))
}

// packed is a sketch as it is kept and sent: two bytes, big-endian, for each register
// that is not empty, in order: its index in the upper 11 bits, its value below.
type packed []byte

func (s *sketch) pack() packed {
	var p packed
	for i, rank := range s {
		if rank > 0 {
			p = binary.BigEndian.AppendUint16(p, uint16(i)<<5|uint16(rank))
		}
	}
	return p
}

// unpack puts what was packed in.
func (s *sketch) unpack(p packed) {
	for ; len(p) >= 2; p = p[2:] {
		v := binary.BigEndian.Uint16(p)
		s[v>>5] = max(s[v>>5], uint8(v&maxRank))
	}
}

func (p packed) fault() string {
	last := -1
	for rest := p; len(rest) > 0; rest = rest[2:] {
		if len(rest) < 2 {
			return "payers end in the middle"
		}
		v := binary.BigEndian.Uint16(rest)
		if int(v>>5) <= last || v&maxRank == 0 {
			return "payers are out of order, or a register of them is empty"
		}
		last = int(v >> 5)
	}
	return ""
}

// Payers are the distinct payers of a second whose payments were not done, by fate.
type Payers struct {
	// Counted says that who sent this counts payers, Unread that the payer of some
	// payment could not be read.
	Counted, Unread bool
	by              [fates]packed
}

type payersJSON struct {
	Declined packed `json:"declined,omitempty"`
	Failed   packed `json:"failed,omitempty"`
	Unknown  packed `json:"unknown,omitempty"`
	Unread   bool   `json:"unread,omitempty"`
}

// MarshalJSON writes the payers; see the package comment.
func (p Payers) MarshalJSON() ([]byte, error) {
	return json.Marshal(payersJSON{p.by[PayerDeclined], p.by[PayerFailed], p.by[PayerUnknown], p.Unread})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Payers) UnmarshalJSON(b []byte) error {
	var r payersJSON
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	*p = Payers{Counted: true, Unread: r.Unread, by: [fates]packed{PayerDeclined: r.Declined, PayerFailed: r.Failed, PayerUnknown: r.Unknown}}
	for f := range p.by {
		if len(p.by[f]) == 0 {
			p.by[f] = nil
		}
	}
	return nil
}

func (p *Payers) fault() string {
	for _, sketch := range p.by {
		if what := sketch.fault(); what != "" {
			return what
		}
	}
	return ""
}

// AddPayer counts the payer of a payment that was not done; empty if he could not be
// read. It does not allocate.
func (c *Counter) AddPayer(f Fate, payer string) {
	if f >= fates {
		return
	}
	hash := payerHash(payer)
	c.payersMu.Lock()
	defer c.payersMu.Unlock()
	if payer == "" {
		c.unread = true
		return
	}
	c.payers[f].add(hash)
	c.payersAdded[f] = true
}

// takePayers returns whom AddPayer counted since it was last called.
func (c *Counter) takePayers() Payers {
	c.payersMu.Lock()
	defer c.payersMu.Unlock()
	p := Payers{Counted: true, Unread: c.unread}
	c.unread = false
	for f := range c.payers {
		if c.payersAdded[f] {
			p.by[f] = c.payers[f].pack()
			c.payers[f], c.payersAdded[f] = sketch{}, false
		}
	}
	return p
}

// payersPoint holds the payers of a minute.
type payersPoint struct {
	at int64
	by [fates]packed
	// missing says that some payer of a payment that was not done is not among them.
	missing bool
}

// recordPayers takes the payers of a snapshot into their minute.
func (s *Series) recordPayers(snap Snapshot) {
	at := snap.Second - snap.Second%60
	p := &s.payers[at/60%keptMinutes]
	if p.at != at {
		*p = payersPoint{at: at}
	}
	if !snap.Payers.Counted {
		for i := range snap.Rows {
			k := snap.Rows[i].Key
			p.missing = p.missing || k.Kind.MovesMoney() && (k.Outcome == payment.NotDone || k.Outcome == payment.Unknown)
		}
		return
	}
	p.missing = p.missing || snap.Payers.Unread
	for f, more := range snap.Payers.by {
		if len(more) == 0 {
			continue
		}
		var both sketch
		both.unpack(p.by[f])
		both.unpack(more)
		p.by[f] = both.pack()
	}
}

// PayerCount is about how many distinct payers had payments that were not done; see
// [PayersError].
type PayerCount struct {
	// By is by fate: who met several counts in each. All counts everybody once.
	By  [fates]int64
	All int64
	// AtLeast means that some could not be counted.
	AtLeast bool
	Coverage
}

// Payers counts payers in the minutes that [from, to) touches, in seconds since 1970.
func (s *Series) Payers(from, to int64) (PayerCount, error) {
	if err := (Query{From: from, To: to}).check(); err != nil {
		return PayerCount{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var c PayerCount
	var by [fates]sketch
	c.Coverage = s.sum(Query{From: from, To: to}, func(Key, *Cell) {}).Coverage
	for at := from - from%60; at < to; at += 60 {
		p := &s.payers[at/60%keptMinutes]
		if p.at != at {
			continue
		}
		c.AtLeast = c.AtLeast || p.missing
		for f := range by {
			by[f].unpack(p.by[f])
		}
	}
	var all sketch
	for f := range by {
		c.By[f] = by[f].estimate()
		all.merge(&by[f])
	}
	c.All = all.estimate()
	return c, nil
}
