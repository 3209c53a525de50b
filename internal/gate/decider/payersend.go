package decider

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"holdfast"
	"holdfast/internal/posture"
)

// A snapshot that is sent takes the place of the file, so that a restart finds it there.
// Until the whole of it has been read, synced and renamed, the one before stays in use.

const (
	// maxChanges is the most payers that one set of changes names. All are kept in memory
	// while the file is written.
	maxChanges = 1_000_000
	// aheadPayers is how far ahead of the gate's clock a snapshot that is sent may be: one
	// from the future would never grow old.
	aheadPayers = time.Minute
	// leftAfter is the age at which a file that nobody finished is removed; senders have
	// less time.
	leftAfter = time.Hour
)

// PayersKnown is what a gate knows of payers.
type PayersKnown struct {
	// At is when the snapshot in use was true; zero if there is none.
	At time.Time `json:"at,omitzero"`
	// Payers is how many stand in it.
	Payers int `json:"payers"`
	// Fault says why the file that is there cannot be read; empty if it can.
	Fault string `json:"fault,omitempty"`
}

// Known returns what the snapshot in use holds.
func (p *PayersFile) Known() PayersKnown {
	var k PayersKnown
	if fault := p.Fault(); fault != nil {
		k.Fault = fault.Error()
	}
	if known := p.known.Load(); known != nil {
		k.At, k.Payers = known.at.UTC(), len(known.list)
	}
	return k
}

// Replace takes a whole snapshot in the form of the file, puts it into the file's place and
// into use. Code Conflict if it is older than the one in use, TooMany while another is
// taken; on any error the one before stays.
func (p *PayersFile) Replace(r io.Reader, now time.Time) (PayersKnown, error) {
	return p.take(now, func(aside *os.File) (*payers, func(*payers) error, error) {
		out := bufio.NewWriterSize(aside, 1<<16)
		next, err := readPayers(io.TeeReader(r, out), p.key)
		if err == nil {
			err = out.Flush()
		}
		if err == nil {
			err = notAhead(next.at, now)
		}
		return next, func(known *payers) error {
			if known != nil && next.at.Before(known.at) {
				return holdfast.Errorf(holdfast.Conflict, "the payer snapshot is of %s, and the one in use of %s is newer", stamp(next.at), stamp(known.at))
			}
			return nil
		}, err
	})
}

// changes are payers of whom something else is known, in the order they came in.
type changes struct {
	firstLine
	order []string
	lines map[string][]byte // nil for one that is gone
}

// Change takes what has changed since the snapshot in use, and puts that with the changes
// into its place:
//
//	{"since":"2026-11-26T02:00:00Z","at":"2026-11-26T02:00:10Z"}
//	{"payer":"acct_1","class":"low","seen":"2026-11-26T02:00:05Z"}
//	{"payer":"acct_2","gone":true}
//
// A line replaces all that was known of its payer; the last one of a payer holds. Code
// Conflict if since is not the time of the snapshot in use: something is missing between
// them, or the changes were taken already.
func (p *PayersFile) Change(r io.Reader, now time.Time) (PayersKnown, error) {
	return p.take(now, func(aside *os.File) (*payers, func(*payers) error, error) {
		c, err := readChanges(r)
		if err == nil {
			err = notAhead(c.At, now)
		}
		if err == nil {
			err = c.follow(p.known.Load())
		}
		if err != nil {
			return nil, nil, err
		}
		before, err := p.merge(aside, c)
		if err != nil {
			return nil, nil, err
		}
		next, err := readPayers(aside, p.key)
		return next, func(known *payers) error {
			if there, err := os.Stat(p.path); err != nil || !sameFile(there, before) {
				return errPayersChanged()
			}
			return c.follow(known)
		}, err
	})
}

func readChanges(r io.Reader) (*changes, error) {
	c := &changes{lines: map[string][]byte{}}
	err := readPayerLines(r, func(first firstLine) error {
		if c.firstLine = first; !first.At.After(first.Since) || first.Since.IsZero() {
			return holdfast.Errorf(holdfast.Invalid, "line 1 of the changes says \"since\" and, later than that, \"at\": the time of the snapshot that they change, and their own")
		}
		return nil
	}, func(n int, line wirePayer, text []byte) error {
		payer := string(line.Payer)
		if _, there := c.lines[payer]; !there {
			c.order = append(c.order, payer)
		}
		if len(c.order) > maxChanges {
			return holdfast.Errorf(holdfast.TooLarge, "line %d of the changes is one too many: send at most %d at once, or the whole snapshot", n, maxChanges)
		}
		if c.lines[payer] = nil; !line.Gone {
			c.lines[payer] = bytes.Clone(text)
		}
		return nil
	})
	return c, err
}

// follow asks that the changes begin where the snapshot in use ends.
func (c *changes) follow(known *payers) error {
	switch {
	case known == nil:
		return holdfast.Errorf(holdfast.Conflict, "there is no payer snapshot to change: send a whole one")
	case !c.Since.Equal(known.at):
		return holdfast.Errorf(holdfast.Conflict, "the changes are of the payer snapshot of %s, and the one in use is of %s: send what has changed since that, or a whole one", stamp(c.Since), stamp(known.at))
	}
	return nil
}

// merge writes the file with the changes, goes back to the beginning of what it wrote, and
// returns which file it read.
func (p *PayersFile) merge(aside *os.File, c *changes) (os.FileInfo, error) {
	f, err := os.Open(p.path)
	if err != nil {
		return nil, errPayersChanged().Because(err)
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	inUse := sameFile(before, p.info) && p.fault == nil
	p.mu.Unlock()
	if !inUse {
		return nil, errPayersChanged()
	}
	out := bufio.NewWriterSize(aside, 1<<16)
	line := func(text []byte) {
		out.Write(text)
		out.WriteByte('\n') // the first error comes again with Flush
	}
	line(fmt.Appendf(nil, `{"at":%q}`, stamp(c.At)))
	err = readPayerLines(f, func(firstLine) error { return nil }, func(_ int, old wirePayer, text []byte) error {
		if _, changed := c.lines[string(old.Payer)]; !changed {
			line(text)
		}
		return nil
	})
	if err != nil {
		return nil, errPayersChanged().Because(err)
	}
	for _, payer := range c.order {
		if text := c.lines[payer]; text != nil {
			line(text)
		}
	}
	if err := out.Flush(); err != nil {
		return nil, err
	}
	_, err = aside.Seek(0, io.SeekStart)
	return before, err
}

// take lets prepare write a file aside and put it into place, if allowed still says so then.
func (p *PayersFile) take(now time.Time, prepare func(aside *os.File) (next *payers, allowed func(known *payers) error, err error)) (PayersKnown, error) {
	if !p.sending.TryLock() {
		return PayersKnown{}, holdfast.Errorf(holdfast.TooMany, "another payer snapshot is being taken: send this one again in a moment")
	}
	defer p.sending.Unlock()
	p.sweep(now)
	aside, err := os.CreateTemp(filepath.Dir(p.path), p.asideName())
	if err != nil {
		return PayersKnown{}, fmt.Errorf("write the payer snapshot: %w", err)
	}
	defer os.Remove(aside.Name()) // nothing is there once it has the file's own name
	next, allowed, err := prepare(aside)
	if err == nil {
		err = aside.Sync()
	}
	if err = errors.Join(err, aside.Close()); err != nil {
		return PayersKnown{}, err
	}
	return p.place(aside.Name(), next, allowed)
}

func (p *PayersFile) place(aside string, next *payers, allowed func(*payers) error) (PayersKnown, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := allowed(p.known.Load()); err != nil {
		return PayersKnown{}, err
	}
	info, err := os.Stat(aside)
	if err == nil {
		err = os.Rename(aside, p.path)
	}
	if err != nil {
		return PayersKnown{}, fmt.Errorf("put the payer snapshot into place: %w", err)
	}
	p.info, p.fault = info, nil
	p.known.Store(next)
	p.log.Info("a payer snapshot was sent", "payers", len(next.list), "at", next.at)
	if err := posture.SyncDir(filepath.Dir(p.path)); err != nil {
		return PayersKnown{}, fmt.Errorf("the payer snapshot is in use; a loss of power may lose it: %w", err)
	}
	return PayersKnown{At: next.at.UTC(), Payers: len(next.list)}, nil
}

func (p *PayersFile) asideName() string { return "." + filepath.Base(p.path) + ".*.sent" }

// sweep removes what a process that was killed had not finished.
func (p *PayersFile) sweep(now time.Time) {
	dir := filepath.Dir(p.path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // CreateTemp says what is wrong
	}
	for _, e := range entries {
		if ours, err := filepath.Match(p.asideName(), e.Name()); err != nil || !ours {
			continue
		}
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > leftAfter {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

func notAhead(at, now time.Time) error {
	if at.After(now.Add(aheadPayers)) {
		return holdfast.Errorf(holdfast.Invalid, "line 1 of the payer snapshot is of %s, which is ahead of the gate's clock, %s: it would never grow old", stamp(at), stamp(now))
	}
	return nil
}

func errPayersChanged() *holdfast.Error {
	return holdfast.Errorf(holdfast.Conflict, "the file of the payer snapshot is not the one in use: send a whole one")
}

// stamp writes a time as files have it, to the last digit: changes name it again.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
