package sqljournal

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/commit"
	"holdfast/internal/sqljournal/database"
)

// Options says where the journal is.
type Options struct {
	// Dir is the data directory. It is made if it is not there.
	Dir string
	// Now is the clock by which documents expire; time.Now if nil.
	Now func() time.Time
	// Warn is told of what was mended without loss and of what may become trouble:
	// one English sentence each. It must not call the store. May be nil.
	Warn func(message string)
	// As, if its journal is named, is the journal that a fresh directory is to hold
	// a copy of, instead of a new one.
	As holdfast.Head

	disk commit.Disk // commit.OS if nil
}

// checkpointSize is how many bytes the -wal may reach before it is checkpointed,
// and checkpointShare how many times the size of journal.sums, which every
// checkpoint writes anew. walLimit is what a larger -wal is cut to after that.
const (
	checkpointSize  = 16 << 20
	checkpointShare = 4
	walLimit        = 2 * checkpointSize
)

// Store is a journal.Store in one data directory. It is also archive.Journal
// and archive.Storage.
type Store struct {
	now     func() time.Time
	warn    func(string)
	dir     string
	disk    commit.Disk
	genesis holdfast.Head
	*commit.Progress
	reader  // of committed state
	writer  *writer
	closing chan struct{} // closed when Close begins
	stopped chan struct{} // closed when the writing goroutine has ended
	close   sync.Once
	closed  error
	broken  atomic.Pointer[holdfast.Error] // why nothing can be written any more

	// reading is held by readers, and wholly by a checkpoint, which no reader may
	// hold back. checking is held by a verification, which takes long, and by a
	// checkpoint, which is put off meanwhile.
	reading  sync.RWMutex
	checking sync.Mutex
}

var _ journal.Store = (*Store)(nil)

// Open opens the journal in a data directory and makes it there if there is
// none. It refuses with code Unavailable while another process uses the
// directory, and with code Damaged if what is stored is not what was written;
// it then changes nothing. Ctx bounds the opening only.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	if o.disk == nil {
		o.disk = commit.OS{}
	}
	database.Fdatasync()
	dir, err := filepath.Abs(o.Dir)
	if err != nil || o.Dir == "" {
		return nil, holdfast.Errorf(holdfast.Invalid, "the journal needs a data directory").At("dir").Because(err)
	}
	o.Dir = dir
	s, err := open(ctx, o)
	if err != nil && holdfast.CodeOf(err) == holdfast.Internal {
		err = holdfast.Errorf(holdfast.Unavailable, "the journal in %s cannot be opened", dir).Because(err)
	}
	return s, err
}

func open(ctx context.Context, o Options) (_ *Store, err error) {
	var undo cleanups
	defer func() {
		if err != nil {
			undo.run()
		}
	}()
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := commit.Lock(filepath.Join(o.Dir, fileLock))
	if err != nil {
		return nil, err
	}
	undo.add(lock.Close)
	if err := createIfFresh(ctx, o); err != nil {
		return nil, err
	}
	e, err := examine(o.Dir)
	if err != nil {
		return nil, err
	}
	// Closing any descriptor of journal.db drops the locks SQLite holds on it for
	// this process, so this one stays open until SQLite is done.
	undo.add(func() error { e.close(); return nil })
	m, err := e.check(ctx)
	if err != nil {
		return nil, err
	}
	if len(e.problems) > 0 {
		return nil, refusal(o.Dir, e.problems)
	}
	s := &Store{
		now: o.Now, warn: o.Warn, dir: o.Dir, disk: o.disk, genesis: m.Genesis(),
		closing: make(chan struct{}),
		stopped: make(chan struct{}),
	}
	s.Progress = commit.NewProgress(m.head, m.beat, s.closing)
	if err := s.connect(ctx, e, &undo); err != nil {
		return nil, err
	}
	if err := s.writer.start(ctx, m, e, &undo); err != nil {
		return nil, err
	}
	for _, name := range e.missing {
		o.Warn(fmt.Sprintf("%s was missing in %s; the whole journal was checked, found sound, and the file was made anew", name, o.Dir))
	}
	s.writer.release = undo
	go s.write()
	return s, nil
}

// cleanups are functions that undo an opening, last first.
type cleanups []func() error

func (c *cleanups) add(f func() error) { *c = append(*c, f) }

func (c cleanups) run() error {
	var errs []error
	for i := len(c) - 1; i >= 0; i-- {
		errs = append(errs, c[i]())
	}
	return errors.Join(errs...)
}

// connect opens the connections. SQLite checkpoints by itself when the last
// connection to a database closes, which must not happen behind journal.sums:
// so the last one to close is a reader, which cannot write.
func (s *Store) connect(ctx context.Context, e *evidence, undo *cleanups) error {
	path := filepath.Join(s.dir, fileDB)
	readers, err := sql.Open("sqlite", database.DSN(path, "ro", "busy_timeout(5000)", "cache_size(-16384)"))
	if err != nil {
		return err
	}
	undo.add(readers.Close)
	readers.SetMaxOpenConns(5)
	readers.SetMaxIdleConns(5)
	s.reader = reader{db: readers}
	guard, err := readers.Conn(ctx)
	if err != nil {
		return err
	}
	undo.add(guard.Close)
	s.writer = &writer{store: s, file: e.db, guard: guard, requests: make(chan *request, maxWaiting), checkpoints: make(chan chan error)}
	return s.writer.connect(ctx, path, undo)
}

// createIfFresh makes an empty journal where there is none. The database gets
// its name when it is whole; a crash before the other two files stand leaves
// what the next start mends.
func createIfFresh(ctx context.Context, o Options) error {
	if fresh, err := isFresh(o.Dir); err != nil || !fresh {
		return err
	}
	path := filepath.Join(o.Dir, fileDB)
	tmp := path + ".new"
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(tmp + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	id, epoch := holdfast.NewID(), uint32(1)
	if o.As.Journal != "" {
		id, epoch = o.As.Journal, o.As.Epoch
	}
	if err := createDatabase(ctx, tmp, id, epoch, o.Now()); err != nil {
		return fmt.Errorf("make %s: %w", tmp, err)
	}
	content, err := os.ReadFile(tmp)
	if err != nil {
		return err
	}
	pages, err := sumPages(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return err
	}
	// Names may outlast a loss of power in any order, and without journal.db the
	// others would look like what is left of a journal.
	if err := errors.Join(o.disk.Rename(tmp, path), commit.SyncDir(o.disk, o.Dir)); err != nil {
		return err
	}
	if err := (sums{journal: id, pages: pages}).write(o.disk, o.Dir); err != nil {
		return err
	}
	genesis := holdfast.Head{Journal: id, Epoch: epoch, Hash: journal.Genesis(id)}
	return commit.ReplaceFile(o.disk, filepath.Join(o.Dir, fileHead), commit.Witness{Head: genesis}.Encode())
}

func createDatabase(ctx context.Context, path, id string, epoch uint32, now time.Time) error {
	return database.Create(ctx, path, func(tx *sql.Tx) error {
		if err := migrate(ctx, tx, 0, now); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, sqlCreate, id, epoch)
		return err
	})
}

// execer runs statements in the transaction it is part of.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// migrate brings a database from one format to the newest.
func migrate(ctx context.Context, tx execer, format int, now time.Time) error {
	for i, statements := range migrations[format:] {
		if _, err := tx.ExecContext(ctx, statements); err != nil {
			return fmt.Errorf("make format %d: %w", format+i+1, err)
		}
		if _, err := tx.ExecContext(ctx, sqlMigrated, format+i+1, now.UnixMicro()); err != nil {
			return err
		}
	}
	return nil
}
