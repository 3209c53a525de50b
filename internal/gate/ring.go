package gate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"holdfast"
	"holdfast/internal/payment"
)

// ring is the list of payments in flight: slots of fixed size in a file mapped
// into memory. What a slot says survives kill -9, since the page cache belongs
// to the kernel; it does not survive the loss of power.
//
// Layout: a header of one slot ("holdfast-inflight/1", number of slots), then
// the slots. A slot:
//
//	 0 word     generation × 4 + state; the last thing written, the first read
//	 8 install  the gate's count of posture changes when it was judged
//	16 posture  journal position of that posture
//	24 at       µs since 1970, UTC
//	32 amount   minor units
//	40 currency 3 bytes, kind 1 byte (its high bit: to the second primary), length of
//	   route 2, of identity 2
//	48 route    up to 48 bytes
//	96 identity up to 160 bytes
//
// Integers are little-endian.
type ring struct {
	file *os.File
	mem  []byte
	n    int
	free chan int32
	// taken has a bit for each slot that may be in use, so that who looks for those
	// need not read the whole file.
	taken []atomic.Uint64
	// closed keeps a slot that comes back late from being used again.
	closed atomic.Bool
	// yield lets others run while the fence waits.
	yield func()
}

// errDamaged says that a file is not the list it should be.
func errDamaged(path string) error {
	return holdfast.Errorf(holdfast.Damaged, "%s is not a list of payments in flight; keep a copy as evidence, then remove it", path)
}

const (
	slotSize  = 256
	ringMagic = "holdfast-inflight/1"
	maxRoute  = 48
)

// The fence yields so often before it sleeps.
const (
	mostSpins = 1000
	spinPause = 100 * time.Microsecond
)

// The state of a slot, in the low bits of its word.
const (
	slotFree       = 0
	slotRegistered = 1 // judged; nothing written
	slotSent       = 2 // the first byte may have been written
	slotWaiting    = 3 // admitted; nothing written until it is sent again
	stateMask      = 3
)

// toSecond is the bit of a slot's kind that says to which primary it went.
const toSecond = 0x80

// openRing maps the file and returns the payments that an earlier process left
// in it. The caller records them, then calls clear.
func openRing(path string, n int) (*ring, []payment.Record, error) {
	left, err := readRing(path)
	if err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	if err := extend(f, int64((n+1)*slotSize)); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	mem, err := syscall.Mmap(int(f.Fd()), 0, (n+1)*slotSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("map %s: %w", path, err), f.Close())
	}
	r := &ring{file: f, mem: mem, n: n, free: make(chan int32, n), taken: make([]atomic.Uint64, (n+63)/64), yield: runtime.Gosched}
	for i := range n {
		r.free <- int32(i)
	}
	return r, left, nil
}

// readRing lists the payments that a ring file says were sent.
func readRing(path string) ([]payment.Record, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || len(content) == 0 && err == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	left, ok := parseRing(content)
	if !ok {
		return nil, errDamaged(path)
	}
	return left, nil
}

func parseRing(content []byte) (left []payment.Record, ok bool) {
	if len(bytes.Trim(content, "\x00")) == 0 {
		return nil, true // its first process was killed before it had written the header
	}
	if len(content) < slotSize || string(content[:len(ringMagic)]) != ringMagic {
		return nil, false
	}
	for off := slotSize; off+slotSize <= len(content); off += slotSize {
		slot := content[off : off+slotSize]
		switch binary.LittleEndian.Uint64(slot) & stateMask {
		case slotFree, slotRegistered, slotWaiting:
		case slotSent:
			rec, ok := decodeSlot(slot)
			if !ok {
				return nil, false
			}
			left = append(left, rec)
		}
	}
	return left, true
}

// extend makes the file at least size bytes long. It writes them: a hole that
// cannot be filled when the disk is full would kill the process at its first use.
func extend(f *os.File, size int64) error {
	info, err := f.Stat()
	if err != nil || info.Size() >= size {
		return err
	}
	_, err = f.WriteAt(make([]byte, size-info.Size()), info.Size())
	return err
}

// clear empties the ring for a new process.
func (r *ring) clear() error {
	clear(r.mem)
	copy(r.mem, ringMagic)
	if err := r.file.Truncate(int64(len(r.mem))); err != nil {
		return err
	}
	return r.file.Sync()
}

// close ends the ring. No slot can be had from then on. While any is in use the
// memory stays mapped, since its payment will touch it.
func (r *ring) close() error {
	r.closed.Store(true)
	taken := 0
	for more := true; more; {
		select {
		case <-r.free:
			taken++
		default:
			more = false
		}
	}
	err := r.file.Close()
	if taken == r.n {
		err = errors.Join(syscall.Munmap(r.mem), err)
	}
	return err
}

func (r *ring) slot(i int32) []byte {
	off := (int(i) + 1) * slotSize
	return r.mem[off : off+slotSize : off+slotSize]
}

func word(slot []byte) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&slot[0]))
}

// install is read by the fence while a payment may write it.
func install(slot []byte) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&slot[8]))
}

// register enters a payment as judged under an install. It returns false if the
// ring is full.
func (r *ring) register(p *payment.Payment, number, position uint64, at time.Time) (int32, bool) {
	var i int32
	select {
	case i = <-r.free:
	default:
		return 0, false
	}
	if r.closed.Load() {
		r.free <- i
		return 0, false
	}
	r.taken[i/64].Or(1 << (i % 64)) // before the slot says anything
	s := r.slot(i)
	encodeSlot(s, p, number, position, at)
	w := word(s)
	w.Store(w.Load()&^stateMask + 4 | slotRegistered)
	return i, true
}

// sent marks that the first byte may be written from now on.
func (r *ring) sent(i int32) {
	w := word(r.slot(i))
	w.Store(w.Load()&^stateMask | slotSent)
}

// waits marks that nothing is written, and will not be before sent marks it anew: a process
// that is killed meanwhile has sent nothing.
func (r *ring) waits(i int32) {
	w := word(r.slot(i))
	w.Store(w.Load() | slotWaiting)
}

// release frees a slot, whatever its state.
func (r *ring) release(i int32) {
	w := word(r.slot(i))
	w.Store(w.Load() &^ stateMask)
	r.taken[i/64].And(^uint64(1 << (i % 64)))
	r.free <- i
}

// used yields every slot that was in use when the call began and still is, and
// may yield others.
func (r *ring) used(yield func(int32) bool) {
	for at := range r.taken {
		for left := r.taken[at].Load(); left != 0; left &= left - 1 {
			if !yield(int32(64*at + bits.TrailingZeros64(left))) {
				return
			}
		}
	}
}

func (r *ring) inUse() int { return r.n - len(r.free) }

// fence returns once no slot judged before an install is only registered: each is
// written or undone. Between registering and writing a worker does not block,
// so this takes microseconds; what stand-in decides on takes as long as that.
func (r *ring) fence(number uint64) {
	spins := 0
	for i := range r.used {
		s := r.slot(i)
		w := word(s)
		for v := w.Load(); v&stateMask == slotRegistered && install(s).Load() < number; v = w.Load() {
			if spins++; spins > mostSpins {
				time.Sleep(spinPause)
			} else {
				r.yield()
			}
		}
	}
}

// sentBefore lists what was sent, or waits to be, under an install before the given one
// and has no outcome yet, by slot. The caller holds the lock of the drains, without which
// no slot that was sent is released.
func (r *ring) sentBefore(number uint64) map[int32]payment.Record {
	found := map[int32]payment.Record{}
	for i := range r.used {
		s := r.slot(i)
		if word(s).Load()&stateMask < slotSent || install(s).Load() >= number {
			continue
		}
		if rec, ok := decodeSlot(s); ok {
			found[i] = rec
		}
	}
	return found
}

func encodeSlot(s []byte, p *payment.Payment, number, position uint64, at time.Time) {
	le := binary.LittleEndian
	route := p.Route[:min(len(p.Route), maxRoute)]
	install(s).Store(number)
	le.PutUint64(s[16:], position)
	le.PutUint64(s[24:], uint64(at.UnixMicro()))
	le.PutUint64(s[32:], uint64(p.Amount))
	s[40], s[41], s[42] = 0, 0, 0
	copy(s[40:43], p.Currency)
	s[43] = byte(p.Kind)
	if p.Second {
		s[43] |= toSecond
	}
	le.PutUint16(s[44:], uint16(len(route)))
	le.PutUint16(s[46:], uint16(len(p.Identity)))
	copy(s[48:96], route)
	copy(s[96:], p.Identity)
}

func decodeSlot(s []byte) (payment.Record, bool) {
	le := binary.LittleEndian
	nr, ni := int(le.Uint16(s[44:])), int(le.Uint16(s[46:]))
	kind := payment.Kind(s[43] &^ toSecond)
	if nr > maxRoute || ni > payment.MaxIdentity || kind > payment.Inquiry {
		return payment.Record{}, false
	}
	currency := ""
	if s[40] != 0 {
		currency = string(s[40:43])
	}
	return payment.Record{
		Identity: string(s[96 : 96+ni]),
		Route:    string(s[48 : 48+nr]),
		Kind:     kind.String(),
		Amount:   int64(le.Uint64(s[32:])),
		Currency: currency,
		Posture:  le.Uint64(s[16:]),
		At:       time.UnixMicro(int64(le.Uint64(s[24:]))).UTC(),
		Second:   s[43]&toSecond != 0,
	}, true
}
