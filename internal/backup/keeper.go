package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"holdfast"
)

// KeeperOptions say how a node's backups are made and kept.
type KeeperOptions struct {
	Maker Maker
	// Journal is the id of the journal.
	Journal string
	// Size is about how many bytes the journal has now.
	Size func() (int64, error)
	// Dir holds the backups.
	Dir string
	// Every is the time between scheduled backups, whole seconds; 0 means that none
	// is scheduled.
	Every time.Duration
	// Keep is how many backups stay; older ones are removed after each new one.
	Keep int
	Now  func() time.Time
	Log  *slog.Logger
	// Free is how many bytes are free in a directory; nil asks the system.
	Free func(dir string) (int64, error)
}

// Keeper makes a node's backups, when they are due and when somebody asks.
type Keeper struct {
	opt KeeperOptions

	making sync.Mutex // held while one is made

	mu     sync.Mutex
	failed error
	since  time.Time // of failed
	last   Manifest  // made by this process
	late   time.Duration
}

// Status says how the node's backups stand.
type Status struct {
	Dir       string `json:"dir"`
	Scheduled bool   `json:"scheduled"`
	// EverySeconds is the time between scheduled ones.
	EverySeconds int64 `json:"every_seconds,omitempty"`
	Keep         int   `json:"keep"`
	// Last is the newest one that was read back whole; nil if there is none.
	Last *Entry `json:"last,omitempty"`
	// Late is by how many seconds the last scheduled one missed its due instant.
	LateSeconds int64 `json:"late_seconds,omitempty"`
	// Due is when the next one is due, and Overdue whether that has passed.
	Due     time.Time `json:"due,omitzero"`
	Overdue bool      `json:"overdue,omitempty"`
	// Failed is why the last attempt failed, and Since when attempts began to fail.
	Failed string    `json:"failed,omitempty"`
	Since  time.Time `json:"since,omitzero"`

	// Err is the error behind Failed, to be put in the reader's language.
	Err error `json:"-"`
}

// Alarm reports whether somebody has to look.
func (s Status) Alarm() bool { return s.Failed != "" || s.Overdue }

// overdueAfter is how long after its due instant a backup that is not there is an
// alarm: making one may take long.
const overdueAfter = time.Hour

// retryAfter is how long after a failure the next attempt is made.
const retryAfter = 5 * time.Minute

// NewKeeper makes a keeper. It starts nothing.
func NewKeeper(opt KeeperOptions) (*Keeper, error) {
	if opt.Maker.Source == nil || opt.Maker.Open == nil || opt.Size == nil || opt.Now == nil || opt.Log == nil || opt.Dir == "" || opt.Keep < 1 {
		return nil, errors.New("backup: a keeper needs a source, an opener, a size, a clock, a log, a directory and a number to keep")
	}
	if opt.Every%time.Second != 0 || opt.Every < 0 {
		return nil, errors.New("backup: the interval is not whole seconds")
	}
	if opt.Free == nil {
		opt.Free = freeIn
	}
	return &Keeper{opt: opt}, nil
}

// Run makes scheduled backups until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	if k.opt.Every == 0 {
		<-ctx.Done()
		return nil
	}
	for {
		wait := k.round(ctx)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// longestWait bounds one wait: the clock may be set meanwhile.
const longestWait = time.Minute

// round makes a backup if one is due, and returns how long to wait.
func (k *Keeper) round(ctx context.Context) time.Duration {
	due, err := k.due()
	if err != nil {
		k.fail(err)
		return retryAfter
	}
	now := k.opt.Now()
	if now.Before(due) {
		return min(due.Sub(now), longestWait)
	}
	if _, err := k.Make(ctx); err != nil {
		return retryAfter
	}
	if late := now.Sub(due); !due.IsZero() && late > longestWait {
		k.mu.Lock()
		k.late = late
		k.mu.Unlock()
		k.opt.Log.Warn("a scheduled backup was made late", "due", due, "late", late.Round(time.Second))
	}
	return 0
}

func (k *Keeper) due() (time.Time, error) {
	list, err := k.List()
	if err != nil || len(list) == 0 {
		return time.Time{}, err
	}
	return Due(list[0].Made, k.opt.Every), nil
}

// List returns the backups that are there, newest first.
func (k *Keeper) List() ([]Entry, error) { return List(k.opt.Dir, k.opt.Journal) }

// Make makes one now, and removes those that are too many then. A failure is
// logged, counted as the state of the backups, and returned.
func (k *Keeper) Make(ctx context.Context) (Manifest, error) {
	if !k.making.TryLock() {
		return Manifest{}, holdfast.Errorf(holdfast.Unavailable, "another backup is being made; wait for it")
	}
	defer k.making.Unlock()
	made, err := k.make(ctx)
	if err != nil {
		if ctx.Err() == nil {
			k.fail(err)
		}
		return Manifest{}, err
	}
	k.mu.Lock()
	k.failed, k.since, k.last, k.late = nil, time.Time{}, made, 0
	k.mu.Unlock()
	k.opt.Log.Info("a backup was made and read back", "file", made.Name(), "position", made.Head.Position)
	return made, nil
}

func (k *Keeper) make(ctx context.Context) (Manifest, error) {
	if err := os.MkdirAll(k.opt.Dir, 0o700); err != nil {
		return Manifest{}, err
	}
	if err := clearPartial(k.opt.Dir); err != nil {
		return Manifest{}, err
	}
	need, err := k.opt.Size()
	if err != nil {
		return Manifest{}, err
	}
	free, err := k.opt.Free(k.opt.Dir)
	if err != nil {
		return Manifest{}, fmt.Errorf("look how much room there is: %w", err)
	}
	if err := roomFor(free, need, k.opt.Dir); err != nil {
		return Manifest{}, err
	}
	_, made, err := k.opt.Maker.Make(ctx, k.opt.Dir, k.opt.Now())
	if err != nil {
		return Manifest{}, err
	}
	list, err := k.List()
	if err != nil {
		return Manifest{}, err
	}
	for _, old := range surplus(list, k.opt.Keep) {
		if err := os.Remove(filepath.Join(k.opt.Dir, old.Name)); err != nil {
			return Manifest{}, fmt.Errorf("remove the oldest backup: %w", err)
		}
	}
	return made, nil
}

func (k *Keeper) fail(err error) {
	k.mu.Lock()
	k.failed = err
	if k.since.IsZero() {
		k.since = k.opt.Now().UTC()
	}
	k.mu.Unlock()
	k.opt.Log.Error("a backup could not be made", "error", err)
}

// Status says how the backups stand.
func (k *Keeper) Status() Status {
	k.mu.Lock()
	s := Status{
		Dir: k.opt.Dir, Scheduled: k.opt.Every > 0, EverySeconds: int64(k.opt.Every / time.Second), Keep: k.opt.Keep,
		LateSeconds: int64(k.late / time.Second), Since: k.since, Err: k.failed,
	}
	k.mu.Unlock()
	list, err := k.List()
	if err != nil && s.Err == nil {
		s.Err = err
	}
	if s.Err != nil {
		s.Failed = s.Err.Error()
	}
	if len(list) > 0 {
		s.Last = &list[0]
	}
	if s.Scheduled && s.Last != nil {
		s.Due = Due(s.Last.Made, k.opt.Every)
		s.Overdue = k.opt.Now().Sub(s.Due) > overdueAfter
	}
	return s
}

// Copy writes a backup that is there to w.
func (k *Keeper) Copy(name string, w io.Writer) error {
	if _, _, _, ok := parseName(name); !ok {
		return NoBackup(name)
	}
	f, err := os.Open(filepath.Join(k.opt.Dir, name))
	if err != nil {
		return NoBackup(name)
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// NoBackup is the error of a backup that is not there.
func NoBackup(name string) error {
	return holdfast.Errorf(holdfast.NotFound, "there is no backup %q", name)
}
