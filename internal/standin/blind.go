package standin

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"

	"holdfast/internal/payment"
)

// Blinder says what stands for payers and payees in records, under the key of a
// source. It is safe for concurrent use. The key belongs to the source as long as it
// holds anything: with another one payers would move to other shards and their limits
// would begin anew.
type Blinder struct{ macs sync.Pool }

// mac is made ready for a key once: that costs more than a value does.
type mac struct {
	hash.Hash
	value []byte
}

// NewBlinder returns the blinder of a key.
func NewBlinder(key []byte) *Blinder {
	return &Blinder{sync.Pool{New: func() any { return &mac{Hash: hmac.New(sha256.New, key)} }}}
}

// Blind returns what stands for a value.
func (b *Blinder) Blind(value payment.Sensitive) Digest {
	m := b.macs.Get().(*mac)
	m.value = append(m.value[:0], value.Reveal()...)
	m.Write(m.value)
	clear(m.value) // it may be a card number
	m.value = m.Sum(m.value[:0])
	d := Digest(m.value)
	m.Reset()
	b.macs.Put(m)
	return d
}

// Blind returns what stands for one value under a key.
func Blind(key []byte, value payment.Sensitive) Digest { return NewBlinder(key).Blind(value) }
