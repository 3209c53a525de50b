package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/source"
)

// start is what a process says of its start.
type start struct {
	what    string
	Seconds float64 `json:"seconds"`
	RSS     float64 `json:"rss_mb"`
	// Page is how long a page of 50 facts takes to read, in seconds, in the mean.
	Page float64 `json:"page_s"`
}

// perSubject is how many facts concern one subject.
const perSubject = 10

// body has 300 bytes.
var body = json.RawMessage(`"` + strings.Repeat("x", 298) + `"`)

// fill writes the facts that a process is to start on.
func (b *bench) fill(ctx context.Context, name string) error {
	o, err := source.Named(name)
	if err != nil {
		return err
	}
	s, err := source.Open(ctx, o)
	if err != nil {
		return err
	}
	const perAppend, perBatch = 10, 500
	for n := 0; n < b.facts; {
		var list []journal.Append
		for ; len(list) < perBatch && n < b.facts; n += perAppend {
			a := journal.Append{ID: holdfast.NewID(), Actor: holdfast.Self("bench"), Time: time.Unix(int64(n), 0)}
			for i := n; i < min(n+perAppend, b.facts); i++ {
				subject := holdfast.NewSubject("payment", fmt.Sprint(i/perSubject))
				a.Facts = append(a.Facts, journal.Draft{Subject: subject, Expect: holdfast.Revision(i % perSubject), Kind: "payment.approved", Body: body})
			}
			list = append(list, a)
		}
		if _, err := s.AppendAll(ctx, list); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	return s.Close()
}

func (b *bench) measureStarts(ctx context.Context) (starts []start, err error) {
	for _, place := range []struct{ what, name string }{
		{"SQLite", filepath.Join(b.tmp, "start")},
		{"PostgreSQL, its cache warm", b.server.Source() + " search_path=start"},
	} {
		if err := b.fill(ctx, place.name); err != nil {
			return nil, err
		}
		if err := uncache(filepath.Join(b.tmp, "start")); err != nil {
			return nil, err
		}
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		var out bytes.Buffer
		process := exec.CommandContext(ctx, self, "start", place.name)
		process.Stdout, process.Stderr = &out, os.Stderr
		if err := process.Run(); err != nil {
			return nil, fmt.Errorf("start on %s: %w", place.what, err)
		}
		s := start{what: place.what}
		if err := json.Unmarshal(out.Bytes(), &s); err != nil {
			return nil, err
		}
		starts = append(starts, s)
	}
	return starts, nil
}

// uncache drops files from the page cache.
func uncache(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := f.Sync(); err != nil {
			return err
		}
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
}

// newest is a projection as a control node's: what is known of each subject.
type newest map[holdfast.Subject]known

type known struct {
	revision holdfast.Revision
	at       time.Time
	by       string
}

func (n newest) Apply(f holdfast.Fact) error {
	n[f.Subject] = known{f.Revision, f.Time, f.Actor.ID}
	return nil
}

// started is a process that starts on a journal and says how that went.
func started(ctx context.Context, name string) error {
	o, err := source.Named(name)
	if err != nil {
		return err
	}
	begun := time.Now()
	s, err := source.Open(ctx, o)
	if err != nil {
		return err
	}
	state := journal.NewState(s, s.Genesis(), newest{})
	if err := state.Load(ctx); err != nil {
		return err
	}
	said := start{Seconds: time.Since(begun).Seconds()}
	if state.Head() != s.Head() {
		return fmt.Errorf("the state is folded to %v, and the journal ends at %v", state.Head(), s.Head())
	}
	if said.RSS, err = peak(); err != nil {
		return err
	}
	const pages = 200
	begun = time.Now()
	for range pages {
		if _, err := s.Read(ctx, holdfast.Position(rand.Uint64N(uint64(s.Head().Position))), 50); err != nil {
			return err
		}
	}
	said.Page = time.Since(begun).Seconds() / pages
	if err := s.Close(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(said)
}

// peak is the most memory that this process has had, in MB.
func peak() (float64, error) {
	var u unix.Rusage
	err := unix.Getrusage(unix.RUSAGE_SELF, &u)
	return float64(u.Maxrss) * 1024 / 1e6, err
}
