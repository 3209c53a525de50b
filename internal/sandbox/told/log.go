package told

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"holdfast"
	"holdfast/internal/sandbox/recordfile"
)

// Options say where the log is kept. The zero value keeps the newest 500,000
// entries in memory only.
type Options struct {
	// File is the path of the append-only file; "" means none.
	File string
	// Keep is how many entries stay in memory, about 500 bytes each; default
	// 500,000. Open entries are never forgotten: whoever begins intentions bounds
	// how many are open.
	Keep int
}

// Log is the customers' log. Its methods may be called concurrently.
type Log struct {
	keep int
	file *recordfile.File // nil without a file

	mu        sync.Mutex
	entries   map[string]Entry
	order     []string // identities, oldest first; those before next are gone
	next      int
	forgotten Forgotten
}

// Forgotten counts entries that left memory to keep it bounded.
type Forgotten struct {
	// Settled were told done or declined; Unknown had given up.
	Settled int `json:"settled"`
	Unknown int `json:"unknown"`
}

// Open makes a log and reads what its file holds.
func Open(o Options) (*Log, error) {
	if o.Keep == 0 {
		o.Keep = 500_000
	}
	if o.Keep < 1 {
		return nil, holdfast.Errorf(holdfast.Invalid, "sandbox: the customer log must keep at least 1 entry, not %d", o.Keep)
	}
	l := &Log{keep: o.Keep, entries: map[string]Entry{}}
	if o.File == "" {
		return l, nil
	}
	file, err := recordfile.Open(o.File, l.applyRecord)
	if err != nil {
		return nil, fmt.Errorf("customer log: %w", err)
	}
	l.file = file
	return l, nil
}

// ReadFile returns all entries of a customer log file in the order they were
// begun. The file may be growing.
func ReadFile(path string) ([]Entry, error) {
	l := &Log{keep: int(^uint(0) >> 1), entries: map[string]Entry{}}
	if err := recordfile.ReadFile(path, l.applyRecord); err != nil {
		return nil, fmt.Errorf("customer log: %w", err)
	}
	entries, _ := l.Entries()
	return slices.Collect(entries), nil
}

func (l *Log) applyRecord(record []byte) error {
	e, err := Decode(record)
	if err != nil {
		return err
	}
	return l.apply(e)
}

// Write adds an event. With a file, a begun intention is durable when Write
// returns; a later event only stands in line, since losing it with the process
// makes an intention unknown again and never wrong.
func (l *Log) Write(e Event) error {
	wait, err := l.enter(e)
	if err != nil || e.Event != Begun {
		return err
	}
	if err := wait(); err != nil {
		return fmt.Errorf("customer log: %w", err)
	}
	return nil
}

func (l *Log) enter(e Event) (wait func() error, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.apply(e); err != nil {
		return nil, err
	}
	if l.file == nil {
		return func() error { return nil }, nil
	}
	record, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode customer log event: %w", err)
	}
	return l.file.Append(record), nil
}

// apply folds the event. The caller holds mu, or is alone.
func (l *Log) apply(e Event) error {
	entry, known := l.entries[e.Identity]
	var err error
	switch {
	case e.Event == Begun && known:
		return holdfast.Errorf(holdfast.Conflict, "customer log: %s was begun already", e.Identity)
	case e.Event == Begun:
		entry, err = Begin(e)
	case !known:
		return holdfast.Errorf(holdfast.Conflict, "customer log: %s was never begun, or is forgotten", e.Identity)
	default:
		entry, err = entry.Next(e)
	}
	if err != nil {
		return err
	}
	l.entries[e.Identity] = entry
	if e.Event == Begun {
		l.order = append(l.order, e.Identity)
		l.forget()
	}
	return nil
}

// forget drops the oldest final entries while there are too many. An open entry
// goes to the end of the line instead; looking at each once is enough, since one
// was added.
func (l *Log) forget() {
	for looks := len(l.order) - l.next; len(l.entries) > l.keep && looks > 0; looks-- {
		id := l.order[l.next]
		l.order[l.next] = ""
		l.next++
		switch state := l.entries[id].State; {
		case !state.Final():
			l.order = append(l.order, id)
			continue
		case state.Settled():
			l.forgotten.Settled++
		default:
			l.forgotten.Unknown++
		}
		delete(l.entries, id)
	}
	if l.next > len(l.order)/2 {
		l.order = slices.Clone(l.order[l.next:])
		l.next = 0
	}
}

// Entries returns the entries in memory as they are now, by the time they were
// begun, and how many were forgotten.
func (l *Log) Entries() (iter.Seq[Entry], Forgotten) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.AppendSeq(make([]Entry, 0, len(l.entries)), maps.Values(l.entries))
	slices.SortFunc(all, func(a, b Entry) int {
		if c := a.Intention.Begun.Compare(b.Intention.Begun); c != 0 {
			return c
		}
		return strings.Compare(a.Intention.Identity, b.Intention.Identity)
	})
	return slices.Values(all), l.forgotten
}

// Open returns the intentions that are not final, by the time they were begun.
func (l *Log) Open() []Entry {
	var open []Entry
	entries, _ := l.Entries()
	for e := range entries {
		if !e.State.Final() {
			open = append(open, e)
		}
	}
	return open
}

// Close waits for the events in line and closes the file, if there is one.
func (l *Log) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
