package decider

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

// PayersFile is the payer snapshot in a file of JSON lines. The first says when it was true,
// each other one what is known of a payer:
//
//	{"at":"2026-11-26T02:00:00Z"}
//	{"payer":"acct_1","class":"good","seen":"2026-11-20T08:00:00Z"}
//	{"payer":"acct_2","class":"new","blocked":true}
//
// Whoever writes it puts a whole new file in its place. One that cannot be read
// leaves the one before in use, which grows old. In memory payers stand blinded.
type PayersFile struct {
	path string
	key  []byte
	log  *slog.Logger

	known atomic.Pointer[payers]

	mu    sync.Mutex
	info  os.FileInfo // of the file that was read last
	fault string
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

const (
	// maxPayerLine is the longest line in bytes, maxPayers the most payers.
	maxPayerLine = 4096
	maxPayers    = 50_000_000
	// payersEvery is how often the file is looked at.
	payersEvery = 2 * time.Second
)

// NewPayersFile makes the snapshot of a file, which need not be there yet.
func NewPayersFile(path string, key []byte, log *slog.Logger) *PayersFile {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	p := &PayersFile{path: path, key: key, log: log}
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

// Fault says why the file that is there cannot be read; empty if it can.
func (p *PayersFile) Fault() string {
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

// look reads the file if it is another one than before.
func (p *PayersFile) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	info, err := os.Stat(p.path)
	if err == nil && p.info != nil && os.SameFile(info, p.info) && info.Size() == p.info.Size() && info.ModTime().Equal(p.info.ModTime()) {
		return
	}
	var next *payers
	if err == nil {
		next, err = p.read()
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = holdfast.Errorf(holdfast.NotFound, "there is no payer snapshot %s", p.path)
	}
	p.info = info
	if err != nil {
		if text := err.Error(); text != p.fault {
			p.fault = text
			p.log.Warn("the payer snapshot cannot be read: the one before stays in use", "path", p.path, "error", err)
		}
		return
	}
	p.fault = ""
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

func readPayers(r io.Reader, key []byte) (*payers, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, maxPayerLine), maxPayerLine)
	var first struct {
		At time.Time `json:"at"`
	}
	if !lines.Scan() || strictly(lines.Bytes(), &first) != nil || first.At.IsZero() {
		return nil, badPayers(1)
	}
	known := &payers{at: first.At, list: map[standin.Digest]payerLine{}}
	classes := map[string]string{} // the same text once
	for n := 2; lines.Scan(); n++ {
		var line struct {
			Payer   payment.Sensitive `json:"payer"`
			Class   string            `json:"class"`
			Blocked bool              `json:"blocked"`
			Seen    time.Time         `json:"seen"`
		}
		if err := strictly(lines.Bytes(), &line); err != nil || line.Payer == "" || len(known.list) >= maxPayers {
			return nil, badPayers(n)
		}
		class, there := classes[line.Class]
		if !there {
			class = line.Class
			classes[class] = class
		}
		known.list[standin.Blind(key, line.Payer)] = payerLine{class, line.Blocked, line.Seen}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the payer snapshot: %w", err)
	}
	return known, nil
}

// strictly reads one JSON object. A key that is spelt wrongly is no key that is absent:
// a payer whom it was to block would not be.
func strictly(line []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one object in a line")
	}
	return nil
}

func badPayers(line int) error {
	return holdfast.Errorf(holdfast.Invalid, "line %d of the payer snapshot cannot be read: the first has \"at\", each other one \"payer\" and at most \"class\", \"blocked\" and \"seen\"", line)
}
