package gate

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// Entry is one line of the gate's account of unknown outcomes: a payment became
// unknown, or an unknown one was settled. Seq counts the gate's entries, so the
// control plane records each once however often it is told.
type Entry struct {
	Seq     uint64          `json:"seq"`
	Record  payment.Record  `json:"record"`
	Outcome payment.Outcome `json:"outcome"`
	// Why says what was seen: a time-out, an inquiry's answer.
	Why string    `json:"why"`
	At  time.Time `json:"at"`
}

// outcomes is the durable account: a file of JSON lines, each an Entry or the
// mark {"reported": seq, "account": id}. The account's id is made with the file,
// so that the entries of a gate whose directory was lost are not taken for
// those of its next life. Lines are written at once (they survive kill -9) and
// synced by Run each second.
type outcomes struct {
	mu       sync.Mutex
	path     string
	account  string
	file     *os.File
	size     int64
	torn     bool // the file may hold a part of a line at its end
	dirty    bool
	closed   bool
	seq      uint64
	reported uint64
	open     map[string]Entry // by identity
	// several has the open identities of which more than one attempt is unknown. An
	// attempt of an earlier process gets no answer any more, so this need not be
	// kept on disk.
	several map[string]bool
	pending []Entry // not reported yet, in order
}

type mark struct {
	Reported uint64 `json:"reported"`
	Account  string `json:"account"`
}

// openOutcomes reads the account and rewrites it without what is settled and
// reported.
func openOutcomes(path string) (*outcomes, error) {
	o := &outcomes{path: path, open: map[string]Entry{}, several: map[string]bool{}}
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := o.read(content); err != nil {
		return nil, holdfast.Errorf(holdfast.Damaged, "%s is damaged; keep a copy as evidence, mend or remove the line named, and start again", path).Because(err)
	}
	if o.account == "" {
		o.account = holdfast.NewID()
	}
	return o, o.compact()
}

func (o *outcomes) read(content []byte) error {
	lines := bufio.NewReader(bytes.NewReader(content))
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil // a last line without an end was torn by a crash: it was never synced
		}
		if err := o.readLine(line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
}

func (o *outcomes) readLine(line []byte) error {
	if bytes.HasPrefix(line, []byte(`{"reported"`)) {
		var m mark
		if err := json.Unmarshal(line, &m); err != nil {
			return err
		}
		o.account = m.Account
		o.seq = max(o.seq, m.Reported) // their entries may be gone from the file
		o.markReported(m.Reported)
		return nil
	}
	var e Entry
	if err := json.Unmarshal(line, &e); err != nil {
		return err
	}
	switch {
	case e.Seq > o.seq:
		o.seq = e.Seq
		o.pending = append(o.pending, e)
	case o.seq > o.reported || e.Outcome.Settled():
		// What was reported stands in front of the rest, and only as long as it is open.
		return fmt.Errorf("entry %d comes after entry %d", e.Seq, o.seq)
	}
	if e.Outcome.Settled() {
		delete(o.open, e.Record.Identity)
	} else {
		o.open[e.Record.Identity] = e
	}
	return nil
}

// compact writes the file anew with what still matters.
func (o *outcomes) compact() error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	unreported := map[uint64]bool{}
	for _, e := range o.pending {
		unreported[e.Seq] = true
	}
	if err := enc.Encode(mark{o.reported, o.account}); err != nil {
		return err
	}
	for _, e := range o.open {
		if !unreported[e.Seq] {
			if err := enc.Encode(e); err != nil {
				return err
			}
		}
	}
	for _, e := range o.pending {
		if err := enc.Encode(e); err != nil {
			return err
		}
	}
	if err := posture.WriteFile(o.path, b.Bytes()); err != nil {
		return err
	}
	// From here on the old file is no longer the account.
	if o.file != nil {
		o.file.Close()
		o.file = nil
	}
	o.size, o.torn, o.dirty = int64(b.Len()), false, false
	return o.reopen()
}

func (o *outcomes) reopen() (err error) {
	if o.file == nil && !o.closed {
		o.file, err = os.OpenFile(o.path, os.O_WRONLY|os.O_APPEND, 0o600)
	}
	return err
}

// write adds a line, or nothing: a line that could be written in part only is
// taken back, so that the next one does not end it.
func (o *outcomes) write(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := o.reopen(); err != nil {
		return err
	}
	if o.file == nil {
		return os.ErrClosed
	}
	if o.torn {
		if err := o.file.Truncate(o.size); err != nil {
			return err
		}
		o.torn = false
	}
	o.dirty = true
	if _, err := o.file.Write(append(line, '\n')); err != nil {
		o.torn = o.file.Truncate(o.size) != nil
		return err
	}
	o.size += int64(len(line)) + 1
	return nil
}

func (o *outcomes) add(r payment.Record, out payment.Outcome, why string, at time.Time) error {
	e := Entry{Seq: o.seq + 1, Record: r, Outcome: out, Why: why, At: at.UTC()}
	if err := o.write(e); err != nil {
		return err
	}
	o.seq++
	o.pending = append(o.pending, e)
	if out.Settled() {
		delete(o.open, r.Identity)
		delete(o.several, r.Identity)
	} else {
		o.open[r.Identity] = e
	}
	return nil
}

// unknown enters a payment. Of an identity that is open already, only a later
// attempt is entered: how long ago the last one was sent says when the primary
// can no longer come to know it.
func (o *outcomes) unknown(r payment.Record, why string, at time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e, open := o.open[r.Identity]; open {
		if !r.At.Equal(e.Record.At) {
			o.several[r.Identity] = true
		}
		if !r.At.After(e.Record.At) {
			return nil
		}
	}
	return o.add(r, payment.Unknown, why, at)
}

// answered closes r's identity by the answer to that attempt, if it is open and
// the answer settles it. Done does, whichever attempt it was; not done only if
// no other attempt is unknown, since it says nothing about others.
func (o *outcomes) answered(r payment.Record, out payment.Outcome, why string, at time.Time) error {
	o.mu.Lock()
	several := o.several[r.Identity]
	o.mu.Unlock()
	if several && out != payment.Done {
		return nil
	}
	_, err := o.settle(r, out, why, at)
	return err
}

// settle closes r's identity by an inquiry's answer, if it is open and the answer
// settles it, and reports whether it did. Done does; not done only if r is the
// last attempt that became unknown: the answer may be older than another.
func (o *outcomes) settle(r payment.Record, out payment.Outcome, why string, at time.Time) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e, open := o.open[r.Identity]
	if !open || out != payment.Done && !e.Record.At.Equal(r.At) {
		return false, nil
	}
	return true, o.add(e.Record, out, why, at)
}

func (o *outcomes) isOpen(identity string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, open := o.open[identity]
	return open
}

// lists reports whether an identity is open, or stands in an entry that the control plane
// has not confirmed.
func (o *outcomes) lists(identity string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, open := o.open[identity]
	return open || slices.ContainsFunc(o.pending, func(e Entry) bool { return e.Record.Identity == identity })
}

// record returns the last attempt of an identity that is open.
func (o *outcomes) record(identity string) (payment.Record, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e, open := o.open[identity]
	return e.Record, open
}

func (o *outcomes) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.open)
}

func (o *outcomes) unresolved() []payment.Record {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := make([]payment.Record, 0, len(o.open))
	for _, e := range o.open {
		list = append(list, e.Record)
	}
	byTime(list)
	return list
}

// id returns the account's id.
func (o *outcomes) id() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.account
}

// unreported returns up to n entries that the control plane has not confirmed,
// and the account they are of.
func (o *outcomes) unreported(n int) (account string, entries []Entry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.account, append(entries, o.pending[:min(n, len(o.pending))]...)
}

// confirm notes that the control plane has recorded entries up to seq.
func (o *outcomes) confirm(seq uint64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if seq <= o.reported {
		return nil
	}
	if seq > o.seq {
		return o.renew()
	}
	o.markReported(seq)
	return o.write(mark{seq, o.account})
}

// beyond reports whether the control plane has less of this account than it once
// confirmed: its journal was put back to an older state.
func (o *outcomes) beyond(seq uint64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return seq < o.reported
}

// anew begins a new account, which a control plane takes from its beginning.
func (o *outcomes) anew() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.renew()
}

// renew begins a new account with what is open and what was not reported. The
// control plane has entries that this file lacks: an older copy was put back, and
// new entries would be taken for those that have their numbers.
func (o *outcomes) renew() error {
	waiting := map[uint64]bool{}
	for _, e := range o.pending {
		waiting[e.Seq] = true
	}
	var all []Entry
	for _, e := range o.open {
		if !waiting[e.Seq] {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	o.account, o.reported, o.pending = holdfast.NewID(), 0, append(all, o.pending...)
	for i := range o.pending {
		e := &o.pending[i]
		o.seq++
		if open, ok := o.open[e.Record.Identity]; ok && open.Seq == e.Seq {
			open.Seq = o.seq
			o.open[e.Record.Identity] = open
		}
		e.Seq = o.seq
	}
	return o.compact()
}

func (o *outcomes) markReported(seq uint64) {
	o.reported = max(o.reported, seq)
	i := 0
	for i < len(o.pending) && o.pending[i].Seq <= o.reported {
		i++
	}
	o.pending = append([]Entry(nil), o.pending[i:]...)
}

// compactAbove is the size in bytes from which sync rewrites the file.
const compactAbove = 8 << 20

// sync makes the lines written so far survive the loss of power.
func (o *outcomes) sync() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.dirty {
		return nil
	}
	if o.size > compactAbove && len(o.open)+len(o.pending) < 1000 {
		if err := o.compact(); err == nil || o.file == nil {
			return err
		}
	}
	if o.file == nil {
		return os.ErrClosed
	}
	if err := o.file.Sync(); err != nil {
		return err
	}
	o.dirty = false
	return nil
}

// close syncs and closes the file. What comes after it is not written.
func (o *outcomes) close() error {
	err := o.sync()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	if o.file == nil {
		return err
	}
	err = errors.Join(err, o.file.Close())
	o.file = nil
	return err
}
