package decider

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"holdfast"
	"holdfast/internal/standin"
)

// PayersFile is the payer snapshot in a file of JSON lines. The first says when it was true,
// each other one what is known of a payer:
//
//	{"at":"2026-11-26T02:00:00Z"}
//	{"payer":"acct_1","class":"good","seen":"2026-11-20T08:00:00Z"}
//	{"payer":"acct_2","class":"new","blocked":true}
//
// Whoever writes it puts a whole new file in its place, or sends it: see
// [PayersFile.Replace] and [PayersFile.Change]. One that cannot be read
// leaves the one before in use, which grows old. In memory payers stand blinded.
type PayersFile struct {
	path string
	key  []byte
	now  func() time.Time
	log  *slog.Logger

	known atomic.Pointer[payers]

	// sending is held while a snapshot or changes of it are taken from a sender.
	sending sync.Mutex

	mu    sync.Mutex
	info  os.FileInfo // of the file that was read last
	fault error
}

type payers struct {
	at   time.Time
	list map[standin.Digest]payerLine
}

type payerLine struct {
	class   string
	blocked bool
	seen    time.Time
}

// payersEvery is how often the file is looked at.
const payersEvery = 2 * time.Second

// NewPayersFile makes the snapshot of a file, which need not be there yet.
func NewPayersFile(path string, key []byte, now func() time.Time, log *slog.Logger) *PayersFile {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	p := &PayersFile{path: path, key: key, now: now, log: log}
	p.look()
	return p
}

// Find implements [Payers].
func (p *PayersFile) Find(payer standin.Digest) standin.Payer {
	known := p.known.Load()
	if known == nil {
		return standin.Payer{}
	}
	line, there := known.list[payer]
	if !there {
		return standin.Payer{}
	}
	return standin.Payer{At: known.at, Class: line.class, Blocked: line.blocked, Seen: line.seen}
}

// At implements [Payers].
func (p *PayersFile) At() time.Time {
	if known := p.known.Load(); known != nil {
		return known.at
	}
	return time.Time{}
}

// Fault says why the file that is there cannot be read; nil if it can.
func (p *PayersFile) Fault() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault
}

// Run reads the file anew when it changes, until ctx ends.
func (p *PayersFile) Run(ctx context.Context) error {
	tick := time.NewTicker(payersEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			p.look()
		}
	}
}

// sameFile reports whether nothing was written between two looks at a file.
func sameFile(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// look reads the file if it is another one than before.
func (p *PayersFile) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	info, err := os.Stat(p.path)
	if err == nil && sameFile(info, p.info) {
		return
	}
	var next *payers
	if err == nil {
		next, err = p.read()
	}
	if err == nil {
		err = notAhead(next.at, p.now())
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = holdfast.Errorf(holdfast.NotFound, "there is no payer snapshot %s", p.path)
	case holdfast.CodeOf(err) == holdfast.Internal: // the disk's or the system's, not the gate's
		err = holdfast.Errorf(holdfast.Unavailable, "the payer snapshot %s cannot be read now", p.path).Because(err)
	}
	p.info = info
	if err != nil {
		if p.fault == nil || p.fault.Error() != err.Error() {
			p.log.Warn("the payer snapshot cannot be read: the one before stays in use", "path", p.path, "error", err)
		}
		p.fault = err
		return
	}
	p.fault = nil
	p.known.Store(next)
	p.log.Info("the payer snapshot was read", "payers", len(next.list), "at", next.at)
}

func (p *PayersFile) read() (*payers, error) {
	f, err := os.Open(p.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readPayers(f, p.key)
}
