package standin

import (
	"bytes"
	"encoding/binary"
	"time"

	"holdfast"
)

// RecordVersion is the first byte of a pack's body. A reader refuses another one:
// a fold that leaves out what it does not know would approve too much.
const RecordVersion = 2

const (
	maxText   = 4 << 10
	maxSealed = 64 << 10
	maxList   = 1 << 26
)

// Encode makes the body of a pack of records.
func Encode(records []Record) []byte {
	size := 256*len(records) + 1
	for _, r := range records {
		if d, ok := r.(*Decision); ok {
			size += len(d.Sealed.Data)
		}
	}
	c := &codec{writing: true, b: append(make([]byte, 0, size), RecordVersion)}
	for _, r := range records {
		c.b = append(c.b, r.tag())
		r.fields(c)
	}
	return c.b
}

// VersionOf returns the version of what [Encode] made, this build or another.
func VersionOf(body []byte) int {
	if len(body) == 0 {
		return 0
	}
	return int(body[0])
}

// Decode reads what [Encode] made. What is encoded in another way than Encode
// does is refused: a body has one meaning and a meaning one body.
func Decode(body []byte) ([]Record, error) {
	c := &codec{b: body}
	if version := c.readByte(); version != RecordVersion {
		return nil, holdfast.Errorf(holdfast.Damaged, "the stand-in records are of version %d; this build reads version %d", version, RecordVersion)
	}
	var records []Record
	for len(c.b) > 0 {
		r := newRecord(c.readByte())
		if r == nil {
			return nil, unreadable()
		}
		r.fields(c)
		if c.failed {
			return nil, unreadable()
		}
		records = append(records, r)
	}
	if len(records) == 0 {
		return nil, unreadable()
	}
	return records, nil
}

func unreadable() error {
	return holdfast.Errorf(holdfast.Damaged, "stand-in records cannot be read: they were written by a newer build, or are damaged")
}

// codec writes values to b or reads them from it, so that both are said once.
type codec struct {
	b       []byte
	writing bool
	failed  bool
}

// take returns the next n bytes, or nil and fails.
func (c *codec) take(n uint64) []byte {
	if c.failed || uint64(len(c.b)) < n {
		c.failed = true
		return nil
	}
	part := c.b[:n:n]
	c.b = c.b[n:]
	return part
}

func (c *codec) readByte() byte {
	if part := c.take(1); part != nil {
		return part[0]
	}
	return 0
}

// uint is a number of seven bits a byte, the lowest first, in as few as it takes.
func (c *codec) uint(v *uint64) {
	if c.writing {
		c.b = binary.AppendUvarint(c.b, *v)
		return
	}
	n, size := binary.Uvarint(c.b)
	if size <= 0 || size > 1 && c.b[size-1] == 0 {
		c.failed = true
		return
	}
	c.take(uint64(size))
	*v = n
}

// int is a number with its sign in the lowest bit.
func (c *codec) int(v *int64) {
	u := uint64(*v)<<1 ^ uint64(*v>>63)
	c.uint(&u)
	if !c.writing { // what is written may be shared
		*v = int64(u>>1) ^ -int64(u&1)
	}
}

func (c *codec) count(v *int) {
	u := uint64(*v)
	c.uint(&u)
	if u > maxList {
		c.failed = true
		return
	}
	if !c.writing {
		*v = int(u)
	}
}

func (c *codec) instant(v *Instant)        { c.int((*int64)(v)) }
func (c *codec) duration(v *time.Duration) { c.int((*int64)(v)) }

// window is the window of a limit: nothing else can be divided into periods.
func (c *codec) window(v *time.Duration) {
	c.duration(v)
	c.failed = c.failed || !validWindow(*v)
}

func (c *codec) text(v *string) {
	n := len(*v)
	c.count(&n)
	if c.writing {
		c.b = append(c.b, *v...)
		return
	}
	if n > maxText {
		c.failed = true
		return
	}
	*v = string(c.take(uint64(n)))
}

func (c *codec) bytes(v *[]byte) {
	n := len(*v)
	c.count(&n)
	if c.writing {
		c.b = append(c.b, *v...)
		return
	}
	if n > maxSealed {
		c.failed = true
		return
	}
	*v = nil
	if n > 0 {
		*v = bytes.Clone(c.take(uint64(n)))
	}
}

func (c *codec) digest(v *Digest) {
	if c.writing {
		c.b = append(c.b, v[:]...)
		return
	}
	copy(v[:], c.take(uint64(len(v))))
}

func (c *codec) bool(v *bool) {
	var n uint8
	if *v {
		n = 1
	}
	c.enum(&n, 1)
	if !c.writing {
		*v = n == 1
	}
}

// enum is a number of at most top.
func (c *codec) enum(v *uint8, top int) {
	if c.writing {
		c.b = append(c.b, *v)
		return
	}
	*v = c.readByte()
	if int(*v) > top {
		c.failed = true
	}
}

func (c *codec) slice(v *Slice) {
	c.int(&v.Amount)
	c.int(&v.Count)
}

func (r *Opened) fields(c *codec) {
	c.text(&r.Directive)
	c.text(&r.Profile)
	c.digest(&r.Version)
	c.bool(&r.Planned)
	c.bool(&r.OneByOne)
	c.duration(&r.Zone)
	list(c, &r.Limits, maxLimits, func(l *Limit) {
		c.text((*string)(&l.Over))
		c.text(&l.Currency)
		c.int(&l.Amount)
		c.int(&l.Count)
		c.window(&l.Window)
	})
	c.instant(&r.At)
}

// list is the length of a list and its parts.
func list[T any](c *codec, v *[]T, most int, part func(*T)) {
	n := len(*v)
	c.count(&n)
	if !c.writing {
		// Each part takes a byte at least.
		if c.failed || n > most || n > len(c.b) {
			c.failed = true
			return
		}
		*v = nil
		if n > 0 {
			*v = make([]T, n)
		}
	}
	for i := range *v {
		part(&(*v)[i])
	}
}

func (r *TakenOver) fields(c *codec) {
	c.text(&r.Gate)
	c.text(&r.Boot)
	c.instant(&r.At)
}

func (r *Excluded) fields(c *codec) {
	c.text(&r.Identity)
	c.instant(&r.At)
}

func (r *Decision) fields(c *codec) {
	c.text(&r.Identity)
	c.digest(&r.Fingerprint)
	c.enum((*uint8)(&r.Kind), len(kindNames)-1)
	c.text(&r.Original)
	c.int(&r.Amount)
	c.text(&r.Currency)
	c.digest(&r.Payer)
	c.digest(&r.Payee)
	c.text(&r.Channel)
	c.text(&r.Route)
	c.enum((*uint8)(&r.Verdict), len(verdictNames)-1)
	c.enum((*uint8)(&r.Reason), len(reasonNames)-1)
	c.enum((*uint8)(&r.Cause), len(causeNames)-1)
	c.text(&r.Directive)
	c.digest(&r.Version)
	c.instant(&r.At)
	c.instant(&r.Until)
	c.text(&r.Sealed.Key)
	c.bytes(&r.Sealed.Data)
}

func (r *Drawn) fields(c *codec) {
	c.text(&r.Key)
	c.slice(&r.UpTo)
	c.instant(&r.Until)
	c.text(&r.Directive)
}

func (r *Attempt) fields(c *codec) {
	c.text(&r.Identity)
	c.count(&r.N)
	c.bool(&r.Inquiry)
	c.instant(&r.At)
}

func (r *Delivered) fields(c *codec) {
	c.text(&r.Identity)
	c.reply(&r.Reply)
	c.instant(&r.At)
}

func (r *Absent) fields(c *codec) {
	c.text(&r.Identity)
	c.reply(&r.Reply)
	c.instant(&r.At)
}

func (r *Excepted) fields(c *codec) {
	c.text(&r.Identity)
	c.enum((*uint8)(&r.Why), len(whyNames)-1)
	c.reply(&r.Reply)
	c.filed(&r.Filed)
	c.instant(&r.At)
}

func (r *Resolved) fields(c *codec) {
	c.text(&r.Identity)
	c.enum((*uint8)(&r.How), len(resolutionNames)-1)
	c.text(&r.By)
	c.text(&r.Second)
	c.text(&r.Note)
	c.instant(&r.At)
}

func (r *Withdrew) fields(c *codec) {
	c.text(&r.Identity)
	c.instant(&r.At)
}

func (r *LateAnswer) fields(c *codec) {
	c.text(&r.Identity)
	c.bool(&r.Done)
	c.reply(&r.Reply)
	c.filed(&r.Filed)
	c.instant(&r.At)
}

func (r *Ended) fields(c *codec) {
	c.text(&r.Directive)
	c.instant(&r.At)
}

func (r *Closed) fields(c *codec) {
	c.text(&r.Directive)
	c.text(&r.By)
	c.instant(&r.At)
}

func (r *Forgot) fields(c *codec) {
	c.instant(&r.Before)
	c.instant(&r.At)
}

func (r *TurnedDown) fields(c *codec) {
	c.text(&r.Identity)
	c.reply(&r.Reply)
	c.instant(&r.At)
}

func (r *Lapsed) fields(c *codec) {
	c.text(&r.Identity)
	c.instant(&r.At)
}

func (r *Unanswered) fields(c *codec) {
	c.text(&r.Identity)
	c.reply(&r.Reply)
	c.instant(&r.At)
}

func (r *LookedAfter) fields(c *codec) {
	c.text(&r.Identity)
	c.enum((*uint8)(&r.Care), len(careNames)-1)
	c.text(&r.By)
	c.text(&r.Note)
	c.instant(&r.At)
}
