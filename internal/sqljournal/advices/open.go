package advices

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"holdfast"
	"holdfast/internal/sqljournal/commit"
	"holdfast/internal/sqljournal/database"
	"holdfast/internal/standin/advice"
)

const (
	fileDB   = "advices.db"
	fileHead = "advices.head"
	fileLock = "advices.lock"
)

// Options say where the source is.
type Options struct {
	// Dir is the directory. It is made if it is not there.
	Dir string
	// Shards is how many shards a source that is made has; 16 if 0. One that is
	// there keeps its own number.
	Shards int
	// Warn is told of what ended all writing: one English sentence. It must not call
	// the source. May be nil.
	Warn func(message string)

	disk            commit.Disk // commit.OS if nil
	checkpointEvery int         // after how many written bytes the -wal is checkpointed
}

// Source is an advice.Source in one directory.
type Source struct {
	dir             string
	disk            commit.Disk
	checkpointEvery int
	warn            func(string)
	id              string
	read            *sql.DB

	// What follows belongs to the writing goroutine; readers of shards hold mu.
	conn    *sql.Conn
	begin   *sql.Stmt
	raise   *sql.Stmt // the beat
	end     *sql.Stmt
	inserts [tables]*sql.Stmt // nil before the first pack
	head    *os.File
	beat    uint64
	names   map[uint64]int // the shard of each name
	mu      sync.Mutex
	shards  []state

	requests chan *request
	closing  chan struct{} // closed when Close begins
	stopped  chan struct{} // closed when the writing goroutine has ended
	once     sync.Once
	closed   error
	broken   atomic.Pointer[holdfast.Error] // why nothing can be written any more
	release  []func() error
}

// state is where a shard stands.
type state struct {
	revision, cut uint64
	chain         holdfast.Hash
}

var _ advice.Source = (*Source)(nil)

const (
	shardBits  = 40
	revisionOf = 1<<shardBits - 1
)

// key is that of a pack or a snapshot; those of a shard lie between key(shard, 0) and key(shard+1, 0).
func key(shard int, revision uint64) int64 { return int64(shard)<<shardBits | int64(revision) }

// ofShard makes a statement for the table that has the packs of a shard.
func ofShard(query string, shard int) string { return fmt.Sprintf(query, shard%tables) }

// Open opens the source in a directory and makes it there if there is none. It
// refuses with code Unavailable while another process uses the directory, and
// with code Damaged if what is stored is not what was acknowledged. Ctx bounds
// the opening only.
func Open(ctx context.Context, o Options) (_ *Source, err error) {
	if o.Shards == 0 {
		o.Shards = 16
	}
	if o.Shards < 0 || o.Shards > advice.MaxShards || o.Dir == "" {
		return nil, holdfast.Errorf(holdfast.Invalid, "an advice source needs a directory and 1 to %d shards", advice.MaxShards)
	}
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	if o.disk == nil {
		o.disk = commit.OS{}
	}
	if o.checkpointEvery == 0 {
		o.checkpointEvery = checkpointEvery
	}
	database.Fdatasync()
	s := &Source{
		disk: o.disk, checkpointEvery: o.checkpointEvery, warn: o.Warn, names: map[uint64]int{}, requests: make(chan *request, maxWaiting),
		closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			err = errors.Join(failure(ctx, "open "+o.Dir, err), s.releaseAll())
		}
	}()
	if s.dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, err
	}
	if err := s.open(ctx, o.Shards); err != nil {
		return nil, err
	}
	go s.write()
	return s, nil
}

func (s *Source) open(ctx context.Context, shards int) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	lock, err := commit.Lock(s.path(fileLock))
	if err != nil {
		return err
	}
	s.release = append(s.release, lock.Close)
	if err := s.createIfFresh(ctx, shards); err != nil {
		return err
	}
	if err := s.sync(); err != nil {
		return err
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	if err := s.load(ctx); err != nil {
		return err
	}
	return s.checkWitness()
}

func (s *Source) path(name string) string { return filepath.Join(s.dir, name) }

// createIfFresh makes an empty source where there is none: whole beside its place,
// then renamed. The witness comes first, so that a source without one is damaged.
func (s *Source) createIfFresh(ctx context.Context, shards int) error {
	if _, err := os.Stat(s.path(fileDB)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if content, err := os.ReadFile(s.path(fileHead)); err == nil {
		if w, err := commit.DecodeWitness(content); err != nil || w.Beat > 0 {
			return holdfast.Errorf(holdfast.Damaged, "the advice source in %s is gone, but its witness %s is there; restore the directory from a backup", s.dir, fileHead)
		}
	}
	tmp := s.path(fileDB + ".new")
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(tmp + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	id := holdfast.NewID()
	if err := create(ctx, tmp, id, shards); err != nil {
		return err
	}
	w := commit.Witness{Head: holdfast.Head{Journal: id, Epoch: 1, Hash: sum(fresh(id, shards))}}
	if err := commit.ReplaceFile(s.disk, s.path(fileHead), w.Encode()); err != nil {
		return err
	}
	return errors.Join(s.disk.Rename(tmp, s.path(fileDB)), commit.SyncDir(s.disk, s.dir))
}

func create(ctx context.Context, path, id string, shards int) error {
	return database.Create(ctx, path, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, sqlTables+fmt.Sprintf("PRAGMA user_version = %d;", format)); err != nil {
			return err
		}
		for table := range tables {
			if _, err := tx.ExecContext(ctx, ofShard(sqlCreatePacks, table)); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, sqlCreate, id, shards)
		return err
	})
}

// sync makes durable what a killed process may have left in memory only: what is
// read from now on, deciders answer by. It comes before SQLite has the files open:
// closing one drops the locks that it holds on it for this process.
func (s *Source) sync() error {
	for _, name := range []string{fileDB, fileDB + "-wal"} {
		f, err := s.disk.Open(s.path(name), os.O_RDWR)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := errors.Join(s.disk.Sync(f), f.Close()); err != nil {
			return err
		}
	}
	return commit.SyncDir(s.disk, s.dir)
}

func (s *Source) connect(ctx context.Context) error {
	writer, err := sql.Open("sqlite", database.DSN(s.path(fileDB), "rw", "busy_timeout(5000)", "cache_size(-32768)", "secure_delete(1)"))
	if err != nil {
		return err
	}
	s.release = append(s.release, writer.Close)
	if s.conn, err = writer.Conn(ctx); err != nil {
		return err
	}
	s.release = append(s.release, s.conn.Close)
	s.release = append(s.release, s.closeInserts) // the connection lives on until its statements are closed
	for stmt, query := range map[**sql.Stmt]string{&s.begin: sqlBegin, &s.raise: sqlBeat, &s.end: sqlCommit} {
		if *stmt, err = s.conn.PrepareContext(ctx, query); err != nil {
			return err
		}
		s.release = append(s.release, (*stmt).Close)
	}
	if s.read, err = sql.Open("sqlite", database.DSN(s.path(fileDB), "rw", "busy_timeout(5000)", "query_only(1)")); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(4)
	s.release = append(s.release, s.read.Close)
	return nil
}

// insert returns the statement that appends a pack of a shard.
func (s *Source) insert(ctx context.Context, shard int) (_ *sql.Stmt, err error) {
	insert := &s.inserts[shard%tables]
	if *insert == nil {
		*insert, err = s.conn.PrepareContext(ctx, ofShard(sqlPack, shard))
	}
	return *insert, err
}

func (s *Source) closeInserts() error {
	var errs []error
	for _, insert := range s.inserts {
		if insert != nil {
			errs = append(errs, insert.Close())
		}
	}
	return errors.Join(errs...)
}

// load reads where each shard stands, and whose the names are.
func (s *Source) load(ctx context.Context) error {
	var found, shards int
	if err := s.read.QueryRowContext(ctx, sqlFormat).Scan(&found); err != nil {
		return err
	}
	if found != format {
		return advice.OtherFormat(s.dir, found, format)
	}
	if err := s.read.QueryRowContext(ctx, sqlMeta).Scan(&s.id, &shards, &s.beat); err != nil {
		return err
	}
	s.shards = fresh(s.id, shards)
	err := s.rows(ctx, sqlCuts, func(scan func(...any) error) error {
		var shard int
		var revision uint64
		var hash []byte
		if err := scan(&shard, &revision, &hash); err != nil {
			return err
		}
		if shard >= len(s.shards) || len(hash) != len(holdfast.Hash{}) {
			return advice.IsDamaged(s.dir, shard, revision)
		}
		s.shards[shard] = state{revision, revision, holdfast.Hash(hash)}
		return nil
	})
	if err != nil {
		return err
	}
	for table := range tables {
		err := s.rows(ctx, ofShard(sqlAll, table), func(scan func(...any) error) error {
			var k int64
			var hash, names []byte
			if err := scan(&k, &hash, &names); err != nil {
				return err
			}
			return s.found(int(k>>shardBits), uint64(k&revisionOf), hash, names)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// found takes a stored pack into the state of its shard.
func (s *Source) found(shard int, revision uint64, hash, names []byte) error {
	if shard >= len(s.shards) || len(hash) != len(holdfast.Hash{}) || len(names)%8 != 0 || revision != s.shards[shard].revision+1 {
		return advice.IsDamaged(s.dir, shard, revision)
	}
	s.shards[shard].revision, s.shards[shard].chain = revision, holdfast.Hash(hash)
	for ; len(names) > 0; names = names[8:] {
		s.names[binary.BigEndian.Uint64(names)] = shard
	}
	return nil
}

// rows gives each row of a query to scan.
func (s *Source) rows(ctx context.Context, query string, take func(scan func(...any) error) error, args ...any) error {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := take(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// checkWitness compares what is stored with what was acknowledged.
func (s *Source) checkWitness() error {
	content, err := os.ReadFile(s.path(fileHead))
	if err != nil {
		return holdfast.Errorf(holdfast.Damaged, "the witness %s cannot be read; restore the directory %s from a backup", fileHead, s.dir).Because(err)
	}
	w, err := commit.DecodeWitness(content)
	if err != nil || w.Head.Journal != s.id {
		return holdfast.Errorf(holdfast.Damaged, "the witness %s in %s is damaged or another source's; restore the directory from a backup", fileHead, s.dir).Because(err)
	}
	if w.Beat > s.beat || w.Beat == s.beat && w.Head.Hash != sum(s.shards) {
		return holdfast.Errorf(holdfast.Damaged, "the advice source in %s stands at commit %d, but commit %d was acknowledged: it has lost decisions; restore it from a backup", s.dir, s.beat, w.Beat)
	}
	if s.head, err = s.disk.Open(s.path(fileHead), os.O_RDWR); err != nil {
		return err
	}
	s.release = append(s.release, s.head.Close)
	return nil
}

// fresh returns the shards of an empty source.
func fresh(id string, shards int) []state {
	list := make([]state, shards)
	for i := range list {
		list[i].chain = advice.Genesis(id, i)
	}
	return list
}

// sum is one hash over where all shards stand.
func sum(shards []state) holdfast.Hash {
	h := sha256.New()
	for _, sh := range shards {
		h.Write(sh.chain[:])
	}
	return holdfast.Hash(h.Sum(nil))
}

// releaseAll undoes the opening, last first.
func (s *Source) releaseAll() error {
	var errs []error
	for i := len(s.release) - 1; i >= 0; i-- {
		errs = append(errs, s.release[i]())
	}
	s.release = nil
	return errors.Join(errs...)
}
