package statuspage

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/posture"
	"holdfast/internal/status"
)

// Journal tells its end; it answers only while it can be reached.
type Journal interface {
	Barrier(ctx context.Context) (holdfast.Head, error)
}

// WriterOptions make a writer.
type WriterOptions struct {
	State *journal.State
	// Journal is what the state follows; nil where nobody has to ask it.
	Journal Journal
	Nouns   status.Nouns
	// Operator is the operator's name.
	Operator string
	Rhythm   status.Rhythm
	Look     Look
	// Dir is where the files go; empty for nowhere: the node has them all the same.
	Dir string
	Log *slog.Logger
	Now func() time.Time
}

// Writer keeps the pages as they are now.
type Writer struct {
	WriterOptions
	made   atomic.Pointer[made]
	report atomic.Pointer[status.Report]
	// sure is when the state was last known to be all that the journal has.
	sure atomic.Pointer[time.Time]

	asking sync.Mutex
	lately answered
}

// answered is what those who ask over HTTP were given last.
type answered struct {
	made *made
	at   time.Time
	head holdfast.Position
}

// Whoever asks over HTTP may get a page that is so old: as long as no fact came, and
// whatever comes. A crowd of readers in an outage costs no more than a few.
const (
	quietFor = time.Second
	stormFor = 100 * time.Millisecond
)

// made is one page with its files.
type made struct {
	page  status.Page
	files map[string][]byte
}

// NewWriter makes a writer; Run writes.
func NewWriter(o WriterOptions) (*Writer, error) {
	if o.State == nil || o.Log == nil || o.Now == nil || o.Rhythm.Every <= 0 || o.Rhythm.Stale < o.Rhythm.Every {
		return nil, errors.New("statuspage: a writer needs state, log, clock and a rhythm")
	}
	o.Look.Zone = cmp.Or(o.Look.Zone, time.UTC)
	o.Look.URL, o.Look.Subscribe = strings.TrimSuffix(o.Look.URL, "/"), strings.TrimSuffix(o.Look.Subscribe, "/")
	w := &Writer{WriterOptions: o}
	w.report.Store(&status.Report{})
	return w, nil
}

// Report tells how writing went last.
func (w *Writer) Report() status.Report {
	r := *w.report.Load()
	r.Dir, r.URL, r.Subscribe = w.Dir, w.Look.URL, w.Look.Subscribe
	return r
}

// Files are all files as they are now.
func (w *Writer) Files() (map[string][]byte, error) {
	m, err := w.make()
	if err != nil {
		return nil, err
	}
	return m.files, nil
}

// Page is what the public sees now.
func (w *Writer) Page() (p status.Page) {
	now := w.instant()
	w.State.View(func() { p = w.Nouns.Page(w.Operator, w.Rhythm, now) })
	return p
}

// instant is the time that a page is of. A node that cannot reach the journal does not
// know what others have published or stopped since: its page is of when it knew, and
// grows old as a file does that nobody writes.
func (w *Writer) instant() time.Time {
	now := w.Now()
	if sure := w.sure.Load(); sure != nil && now.Sub(*sure) > sureFor {
		return *sure
	}
	return now
}

// catchUp makes sure that the state is all that the journal has.
func (w *Writer) catchUp(ctx context.Context) error {
	if w.Journal == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	now := w.Now()
	head, err := w.Journal.Barrier(ctx)
	if err == nil {
		err = w.State.Reach(ctx, head.Position)
	}
	if err != nil {
		return fmt.Errorf("ask the journal whether the page is true: %w", err)
	}
	w.sure.Store(&now)
	return nil
}

// make returns the files of the page as it is now: those made before, if it is the
// same.
func (w *Writer) make() (*made, error) {
	page := w.Page()
	if old := w.made.Load(); old != nil && reflect.DeepEqual(old.page, page) {
		return old, nil
	}
	files, err := Files(page, w.Look)
	if err != nil {
		return nil, err
	}
	m := &made{page, files}
	w.made.Store(m)
	return m, nil
}

// recent returns the files for somebody who asks over HTTP.
func (w *Writer) recent() (*made, error) {
	w.asking.Lock()
	defer w.asking.Unlock()
	now, head := w.Now(), w.State.Head().Position
	if last := w.lately; last.made != nil {
		age := now.Sub(last.at)
		if age >= 0 && (age < stormFor || age < quietFor && head == last.head) {
			return last.made, nil
		}
	}
	m, err := w.make()
	if err == nil {
		w.lately = answered{m, now, head}
	}
	return m, err
}

const (
	// breather keeps a storm of facts from making the loop work at each.
	breather = time.Second
	// longest bounds how long a step of the clock goes unnoticed.
	longest = time.Minute
	// answerLimit is how long the journal may take to answer, sureFor how long its answer
	// counts.
	answerLimit = 10 * time.Second
	sureFor     = 2 * longest
)

// Run writes the files whenever the page changes and with each beat of the rhythm,
// until ctx ends. What cannot be written is tried again and shows in the report.
func (w *Writer) Run(ctx context.Context) error {
	watch, end := w.State.Watch()
	defer end()
	for {
		next := w.once(ctx)
		wait := min(max(next.Sub(w.Now()), breather), longest)
		if !journal.Pause(ctx, breather, nil) || !journal.Pause(ctx, wait-breather, watch) {
			return nil
		}
	}
}

// once writes what has changed and returns when the next page is due. While the journal
// does not answer it writes nothing.
func (w *Writer) once(ctx context.Context) time.Time {
	err := w.catchUp(ctx)
	var m *made
	if err == nil {
		m, err = w.make()
	}
	if err == nil && w.Dir != "" {
		err = Write(w.Dir, m.files)
	}
	r := w.Report()
	if err != nil {
		if r.Failing != err.Error() {
			w.Log.Warn("the public status page cannot be written", "error", err)
		}
		r.Failing = err.Error()
		w.report.Store(&r)
		return w.Now()
	}
	r.Failing = ""
	if w.Dir != "" {
		r.Written = w.Now()
	}
	w.report.Store(&r)
	return m.page.Next
}

// order puts the files so that what a page leads to is there before it.
func order(a, b string) int {
	rank := func(name string) int {
		switch base := path.Base(name); {
		case strings.HasSuffix(name, ".css"):
			return 0
		case strings.HasPrefix(base, "history-"):
			return 1
		case path.Dir(name) == ".":
			return 4
		case base == "index.html":
			return 3
		}
		return 2
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
}

// leftover is how old a file of ours must be that a killed process left half
// written.
const leftover = time.Hour

// Write makes the files of a directory be these. Each is replaced whole, unless it
// is the same already; files that are not among them stay. Several nodes may write
// into one directory.
func Write(dir string, files map[string][]byte) error {
	for _, name := range slices.SortedFunc(maps.Keys(files), order) {
		if !fs.ValidPath(name) {
			return holdfast.Errorf(holdfast.Invalid, "%q is not the name of a file of the status page", name)
		}
		if err := replace(filepath.Join(dir, filepath.FromSlash(name)), files[name]); err != nil {
			return fmt.Errorf("write the status page: %w", err)
		}
	}
	return nil
}

const temporary = ".holdfast-"

// replace is [posture.WriteFile] for files that a web server reads.
func replace(name string, content []byte) (err error) {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, content) {
		return nil
	}
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	sweep(dir)
	f, err := os.CreateTemp(dir, temporary+"*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // it may be there or not
		}
	}()
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), name); err != nil {
		return err
	}
	return posture.SyncDir(dir)
}

// sweep removes what killed processes left half written.
func sweep(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, temporary+"*")) // the pattern is right
	for _, name := range left {
		if info, err := os.Stat(name); err == nil && time.Since(info.ModTime()) > leftover {
			_ = os.Remove(name) // next time, if not now
		}
	}
}
