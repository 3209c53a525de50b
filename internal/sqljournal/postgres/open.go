package postgres

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sys/unix"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/commit"
)

// Options say where the journal is.
type Options struct {
	// Source is the data source: a URL such as postgres://holdfast@db1,db2/holdfast,
	// or words such as "host=db1,db2 dbname=holdfast user=holdfast". What it does
	// not say is taken from the PG… environment variables, as libpq does it.
	Source string
	// Password, if it is not empty, is used instead of the source's.
	Password string
	// Fenced says that a cluster manager promotes only a standby that has every
	// acknowledged commit, and shuts out the old primary before it does.
	Fenced bool
	// Witness names the file of this machine that keeps the newest head that this
	// machine acknowledged; empty means none.
	Witness string
	// Now is the clock by which documents expire; time.Now if nil.
	Now func() time.Time
	// Warn is told of what may become trouble: one English sentence each. It must
	// not call the store. May be nil.
	Warn func(message string)
	// As, if its journal is named, is the journal that an empty database is to hold
	// a copy of, instead of a new one.
	As holdfast.Head
}

const (
	// lockTimeout bounds the wait for the lock on positions; then nothing was done.
	lockTimeout = "5000" // ms
	// dead is after how long without an answer of its kernel the other machine
	// counts as gone.
	dead = 10 * time.Second
	// dial bounds an attempt to reach one of several hosts.
	dial = time.Second
	// patience is how long a call waits for a session with a server that takes
	// writes.
	patience = 10 * time.Second
	// again is the pause between attempts to get one.
	again = 100 * time.Millisecond
	// stalled is after how long a commit is suspected to have lost its server.
	stalled = 2 * time.Second
	// farewell is how long Close waits for a commit that has begun.
	farewell = 5 * time.Second
)

// Store is a journal.Store in a PostgreSQL database. It is also archive.Journal
// and archive.Storage.
type Store struct {
	*commit.Progress
	opt     Options
	config  *pgx.ConnConfig
	hosts   int
	genesis holdfast.Head
	pool    *pgxpool.Pool // reads, documents, blobs
	writer  writer
	warned  atomic.Bool // the server warned the writer's session
	witness *witnessFile

	closing chan struct{} // closed when Close begins
	stopped chan struct{} // closed when the writing goroutine has ended
	ctx     context.Context
	end     context.CancelFunc
	loops   sync.WaitGroup
	writes  sync.WaitGroup // of documents and blobs
	close   sync.Once
	broken  atomic.Pointer[holdfast.Error] // why nothing can be written any more

	mu         sync.Mutex
	durability journal.Durability
	timeline   string // the newest seen
	// era ends when the database is failed over: reads on the way to the old
	// primary, which may hang, are begun anew.
	era    context.Context
	endEra context.CancelFunc
}

var _ journal.Store = (*Store)(nil)

// Open opens the journal in a database and makes it there if there is none. It
// refuses with code Unavailable if no server that takes writes can be reached,
// and with code Damaged if what is stored is not what was acknowledged. Ctx
// bounds the opening only.
func Open(ctx context.Context, o Options) (_ *Store, err error) {
	s, err := prepare(o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.end()
		}
	}()
	conn, err := s.dial(ctx)
	if err != nil {
		return nil, failure(ctx, "open the journal", err)
	}
	defer conn.Close(context.Background())
	if err := s.found(ctx, conn); err != nil {
		return nil, failure(ctx, "open the journal", err)
	}
	if s.pool, err = s.newPool(); err != nil {
		return nil, failure(ctx, "open the journal", err)
	}
	s.loops.Go(s.watch)
	s.loops.Go(s.keep)
	go s.write()
	return s, nil
}

// prepare checks the options and reaches out to nothing.
func prepare(o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	config, err := Parse(o.Source)
	if err != nil {
		return nil, err
	}
	if o.Password != "" {
		config.Password = o.Password
	}
	s := &Store{
		opt: o, config: config, hosts: hosts(config),
		closing: make(chan struct{}), stopped: make(chan struct{}),
		writer: writer{requests: make(chan *request, maxWaiting)},
	}
	if s.witness, err = openWitness(o.Witness); err != nil {
		return nil, err
	}
	s.ctx, s.end = context.WithCancel(context.Background())
	s.era, s.endEra = context.WithCancel(s.ctx)
	return s, nil
}

// found reads what the database holds, or makes it.
func (s *Store) found(ctx context.Context, conn *pgx.Conn) error {
	if err := s.migrate(ctx, conn); err != nil {
		return err
	}
	m, err := readEnd(ctx, conn)
	if err != nil {
		return err
	}
	s.genesis = genesis(m.Head)
	known := commit.Witness{Head: s.genesis}
	if s.witness != nil && s.witness.known.Head.Journal != "" {
		known = s.witness.known
	}
	s.Progress = commit.NewProgress(known.Head, known.Beat, s.closing)
	if err := s.check(ctx, conn); err != nil {
		return err
	}
	s.Publish(m.Head, m.Beat)
	return nil
}

// Parse reads a data source and adds what a journal's sessions need.
func Parse(source string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(source)
	if err != nil {
		// pgconn's text leaves passwords out.
		return nil, holdfast.Errorf(holdfast.Invalid, "the data source of the journal cannot be read; write postgres://user@host/database").Because(err)
	}
	for name, value := range map[string]string{
		"application_name":                    "holdfast",
		"synchronous_commit":                  "on",
		"default_transaction_isolation":       "read committed",
		"lock_timeout":                        lockTimeout,
		"statement_timeout":                   "0",
		"idle_in_transaction_session_timeout": "10000",
		"tcp_keepalives_idle":                 "3",
		"tcp_keepalives_interval":             "2",
		"tcp_keepalives_count":                "3",
		"tcp_user_timeout":                    "10000",
		"jit":                                 "off",
		// A plan made while tables were small must not outlive that.
		"enable_seqscan": "off",
	} {
		if own := name == "application_name" || name == "lock_timeout"; !own || config.RuntimeParams[name] == "" {
			config.RuntimeParams[name] = value
		}
	}
	config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	if config.ConnectTimeout == 0 || len(config.Fallbacks) > 0 {
		config.ConnectTimeout = dial
		if len(config.Fallbacks) == 0 {
			config.ConnectTimeout = 5 * dial
		}
	}
	dialer := &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 3 * time.Second, Interval: 2 * time.Second, Count: 3},
		Control: func(_, _ string, c syscall.RawConn) error {
			// Unix sockets know no such option, and need none.
			return c.Control(func(fd uintptr) {
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(dead.Milliseconds()))
			})
		},
	}
	config.DialFunc = dialer.DialContext
	return config, nil
}

// hosts counts the different hosts of a data source. Each may stand there
// several times, with TLS and without.
func hosts(config *pgx.ConnConfig) int {
	type host struct {
		name string
		port uint16
	}
	seen := map[host]bool{{config.Host, config.Port}: true}
	for _, f := range config.Fallbacks {
		seen[host{f.Host, f.Port}] = true
	}
	return len(seen)
}

func (s *Store) newPool() (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(s.opt.Source)
	if err != nil {
		return nil, err
	}
	config.ConnConfig = s.config.Copy()
	config.MaxConns = 8
	config.MaxConnIdleTime = time.Minute
	config.HealthCheckPeriod = 15 * time.Second
	return pgxpool.NewWithConfig(s.ctx, config)
}

// Close implements journal.Store: it waits for the commit that has begun, for up
// to 5 s, and refuses the calls behind it.
func (s *Store) Close() error {
	s.close.Do(func() {
		s.mu.Lock()
		close(s.closing)
		s.mu.Unlock()
		late := time.AfterFunc(farewell, s.writer.giveUp)
		<-s.stopped
		late.Stop()
		s.writes.Wait()
		s.end()
		s.loops.Wait()
		s.writer.drop()
		s.pool.Close()
		s.witness.close()
	})
	return nil
}

// Genesis returns the head before the first fact: where a journal.State begins.
func (s *Store) Genesis() holdfast.Head { return s.genesis }

// Durability says what facts survive, as found at the newest barrier or session.
func (s *Store) Durability() journal.Durability {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.durability
}

// witnessFile keeps the newest head that this process knows to be durable.
type witnessFile struct {
	file  *os.File
	mu    sync.Mutex
	known commit.Witness
	dirty bool
}

func openWitness(path string) (*witnessFile, error) {
	if path == "" {
		return nil, nil
	}
	known, err := readWitness(path)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, holdfast.Errorf(holdfast.Unavailable, "the file %s, which keeps the newest head, cannot be opened", path).Because(err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(holdfast.Errorf(holdfast.Unavailable, "the file %s, which keeps the newest head, is in use by another process; give each node a directory of its own", path), f.Close())
	}
	return &witnessFile{file: f, known: known}, nil
}

// readWitness reads the newest head of a file; none if it is not there, or is
// empty or zeros, as a loss of power may leave a file that was just made.
func readWitness(path string) (w commit.Witness, err error) {
	content, err := os.ReadFile(path)
	switch {
	case path == "" || errors.Is(err, fs.ErrNotExist) || err == nil && len(bytes.Trim(content, "\x00")) == 0:
		return w, nil
	case err != nil:
		return w, holdfast.Errorf(holdfast.Unavailable, "the file %s, which keeps the newest head, cannot be opened", path).Because(err)
	}
	if w, err = commit.DecodeWitness(content); err != nil {
		return w, holdfast.Errorf(holdfast.Damaged, "the file %s, which keeps the newest head, is damaged; compare its position with the journal's, then remove it", path).Because(err)
	}
	return w, nil
}

// note takes a head to be written soon.
func (w *witnessFile) note(head holdfast.Head, beat uint64) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known, w.dirty = commit.Witness{Head: head, Beat: beat}, true
}

// save writes and syncs what was noted.
func (w *witnessFile) save() error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	known, dirty := w.known, w.dirty
	w.dirty = false
	w.mu.Unlock()
	if !dirty {
		return nil
	}
	if _, err := w.file.WriteAt(known.Encode(), 0); err != nil {
		return err
	}
	return w.file.Sync()
}

func (w *witnessFile) close() {
	if w != nil {
		_ = w.save()
		w.file.Close()
	}
}
