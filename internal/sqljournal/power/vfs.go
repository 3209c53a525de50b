package power

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// recorded stands between SQLite and its own VFS for every database of the
// process. It tells the recorder of a Files what SQLite does there, and
// otherwise passes calls on.
var recorded = &recordingVFS{recorders: map[string]*Recorder{}, open: map[uintptr]*openFile{}, methods: map[uintptr]uintptr{}}

type recordingVFS struct {
	once     sync.Once
	original *sqlite3.Tsqlite3_vfs

	mu        sync.Mutex
	recorders map[string]*Recorder // by Files
	open      map[uintptr]*openFile
	methods   map[uintptr]uintptr // ours by the original ones
}

// openFile is a file that SQLite has open in a recorded directory.
type openFile struct {
	recorder *Recorder
	name     string
	original *sqlite3.Tsqlite3_io_methods
	// namesToo means that the first sync makes the file's name durable as well:
	// SQLite syncs the Files of a log or rollback journal that it opened to be
	// made.
	namesToo bool
}

func (v *recordingVFS) record(r *Recorder) {
	v.once.Do(v.register)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.recorders[r.dir] = r
}

func (v *recordingVFS) forget(r *Recorder) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.recorders, r.dir)
}

func (v *recordingVFS) recorder(path string) *Recorder {
	v.mu.Lock()
	defer v.mu.Unlock()
	dir := filepath.Dir(path)
	if r := v.recorders[dir]; r != nil {
		return r
	}
	return v.recorders[filepath.Dir(dir)]
}

func (v *recordingVFS) file(p uintptr) *openFile {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.open[p]
}

// at is the C object at an address.
func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// function is the Go function behind a C function pointer, and pointer the
// reverse: in the translated SQLite such a pointer is a Go function value.
func function[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&p)) }

func pointer[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }

type (
	openFunc   = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, out uintptr) int32
	deleteFunc = func(tls *libc.TLS, vfs, name uintptr, syncDir int32) int32
	closeFunc  = func(tls *libc.TLS, file uintptr) int32
	writeFunc  = func(tls *libc.TLS, file, data uintptr, n int32, at int64) int32
	cutFunc    = func(tls *libc.TLS, file uintptr, size int64) int32
	syncFunc   = func(tls *libc.TLS, file uintptr, flags int32) int32
)

// These stay referenced: what C memory refers to the collector does not see.
var (
	vfsOpen   openFunc   = recorded.xOpen
	vfsDelete deleteFunc = recorded.xDelete
	vfsClose  closeFunc  = recorded.xClose
	vfsWrite  writeFunc  = recorded.xWrite
	vfsCut    cutFunc    = recorded.xTruncate
	vfsSync   syncFunc   = recorded.xSync
)

func (v *recordingVFS) register() {
	tls := libc.NewTLS()
	v.original = at[sqlite3.Tsqlite3_vfs](sqlite3.Xsqlite3_vfs_find(tls, 0))
	p := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(*v.original)))
	ours := at[sqlite3.Tsqlite3_vfs](p)
	*ours = *v.original
	name, err := libc.CString("power")
	if err != nil {
		panic(err)
	}
	ours.FzName, ours.FxOpen, ours.FxDelete = name, pointer(vfsOpen), pointer(vfsDelete)
	if code := sqlite3.Xsqlite3_vfs_register(tls, p, 1); code != sqlite3.SQLITE_OK {
		panic(code)
	}
}

// ours returns the methods of an open file with our own in between.
func (v *recordingVFS) ours(tls *libc.TLS, original uintptr) uintptr {
	if p, known := v.methods[original]; known {
		return p
	}
	p := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(sqlite3.Tsqlite3_io_methods{})))
	m := at[sqlite3.Tsqlite3_io_methods](p)
	*m = *at[sqlite3.Tsqlite3_io_methods](original)
	m.FxClose, m.FxWrite, m.FxTruncate, m.FxSync = pointer(vfsClose), pointer(vfsWrite), pointer(vfsCut), pointer(vfsSync)
	v.methods[original] = p
	return p
}

func (v *recordingVFS) xOpen(tls *libc.TLS, vfs, name, file uintptr, flags int32, out uintptr) int32 {
	open := function[openFunc](v.original.FxOpen)
	path := ""
	if name != 0 {
		path = libc.GoString(name)
	}
	r := v.recorder(path)
	if r == nil {
		return open(tls, vfs, name, file, flags, out)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, missing := os.Lstat(path)
	code := open(tls, vfs, name, file, flags, out)
	if code != sqlite3.SQLITE_OK {
		return code
	}
	named := r.in(path)
	r.opened(named, missing == nil, false)
	const logs = sqlite3.SQLITE_OPEN_WAL | sqlite3.SQLITE_OPEN_MAIN_JOURNAL
	v.mu.Lock()
	defer v.mu.Unlock()
	f := at[sqlite3.Tsqlite3_file](file)
	v.open[file] = &openFile{
		recorder: r, name: named, original: at[sqlite3.Tsqlite3_io_methods](f.FpMethods),
		namesToo: flags&sqlite3.SQLITE_OPEN_CREATE != 0 && flags&logs != 0,
	}
	f.FpMethods = v.ours(tls, f.FpMethods)
	return code
}

func (v *recordingVFS) xDelete(tls *libc.TLS, vfs, name uintptr, syncDir int32) int32 {
	remove := function[deleteFunc](v.original.FxDelete)
	path := libc.GoString(name)
	r := v.recorder(path)
	if r == nil {
		return remove(tls, vfs, name, syncDir)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	code := remove(tls, vfs, name, 0)
	if code == sqlite3.SQLITE_OK {
		named := r.in(path)
		delete(r.names, named)
		r.add(Step{kind: unlinked, name: named})
		if syncDir != 0 {
			r.syncedBeside(named)
		}
	}
	return code
}

func (v *recordingVFS) xClose(tls *libc.TLS, file uintptr) int32 {
	v.mu.Lock()
	f := v.open[file]
	delete(v.open, file)
	v.mu.Unlock()
	return function[closeFunc](f.original.FxClose)(tls, file)
}

func (v *recordingVFS) xWrite(tls *libc.TLS, file, data uintptr, n int32, offset int64) int32 {
	f := v.file(file)
	r := f.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	b := bytes.Clone(unsafe.Slice(at[byte](data), n))
	r.add(Step{kind: wrote, file: r.names[f.name], name: f.name, at: offset, data: b})
	return function[writeFunc](f.original.FxWrite)(tls, file, data, n, offset)
}

func (v *recordingVFS) xTruncate(tls *libc.TLS, file uintptr, size int64) int32 {
	f := v.file(file)
	r := f.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(Step{kind: cutOff, file: r.names[f.name], name: f.name, at: size})
	return function[cutFunc](f.original.FxTruncate)(tls, file, size)
}

// xSync syncs nothing: power stays on.
func (v *recordingVFS) xSync(_ *libc.TLS, file uintptr, _ int32) int32 {
	f := v.file(file)
	r := f.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused != nil && r.refused(f.name) {
		return sqlite3.SQLITE_IOERR_FSYNC
	}
	r.synced(f.name)
	if f.namesToo {
		f.namesToo = false
		r.syncedBeside(f.name)
	}
	return sqlite3.SQLITE_OK
}
