package sqljournal

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// recorder writes down, in order, all that happens to the files of one
// directory and of those right under it: through SQLite (see powerVFS) and through commit.Disk, which it is.
type recorder struct {
	dir   string
	begun directory // what was durable when it began

	mu    sync.Mutex
	names map[string]*inode
	first map[string]*inode // names as they were when it began
	steps []step

	// deaf, if set, names files whose syncs the disk acknowledges and does not
	// carry out.
	deaf func(name string) bool
}

// inode is a file, whatever its names. It has a size, so that no two are one.
type inode struct{ _ byte }

// step is one thing that happened.
type step struct {
	kind stepKind
	file *inode
	at   int64 // of the bytes written, or the size that is left
	data []byte
	// name is the file's, within the directory that is recorded; to the new one of a
	// file renamed. Of names that were synced it is their directory's, empty for all.
	name, to string
	promise  func(*promises)
}

type stepKind int

const (
	wrote stepKind = iota
	cutOff
	synced
	linked
	unlinked
	renamed
	syncedNames
	promised // somebody was told something
)

// newRecorder records a directory that holds what begun says, all of it durable.
// It stops at release.
func newRecorder(dir string, begun directory) *recorder {
	r := &recorder{dir: dir, begun: begun, names: map[string]*inode{}}
	for name := range begun {
		r.names[name] = &inode{}
	}
	r.first = maps.Clone(r.names)
	powerVFS.record(r)
	return r
}

func (r *recorder) release() { powerVFS.forget(r) }

// add needs the lock, held since before the step was taken.
func (r *recorder) add(s step) { r.steps = append(r.steps, s) }

// tell records that a promise was given.
func (r *recorder) tell(f func(*promises)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(step{kind: promised, promise: f})
}

// opened records that a file was opened and was not there before, or was emptied.
func (r *recorder) opened(name string, existed, emptied bool) {
	switch f := r.names[name]; {
	case !existed || f == nil:
		f = &inode{}
		r.names[name] = f
		r.add(step{kind: linked, file: f, name: name})
	case emptied:
		r.add(step{kind: cutOff, file: f, name: name})
	}
}

// in is the name of a file within the directory that is recorded.
func (r *recorder) in(path string) string {
	name, err := filepath.Rel(r.dir, path)
	if err != nil {
		panic(err)
	}
	return name
}

func (r *recorder) synced(name string) {
	if r.deaf == nil || !r.deaf(name) {
		r.add(step{kind: synced, file: r.names[name], name: name})
	}
}

// syncedBeside records that the names were synced that are in one directory with name.
func (r *recorder) syncedBeside(name string) {
	if r.deaf == nil || !r.deaf("") {
		r.add(step{kind: syncedNames, name: filepath.Dir(name)})
	}
}

// Open implements commit.Disk.
func (r *recorder) Open(path string, flag int) (*os.File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err := os.Lstat(path)
	f, failed := os.OpenFile(path, flag, 0o600)
	if failed == nil {
		r.opened(r.in(path), err == nil, flag&os.O_TRUNC != 0)
	}
	return f, failed
}

// Write implements commit.Disk.
func (r *recorder) Write(f *os.File, b []byte, at int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := r.in(f.Name())
	r.add(step{kind: wrote, file: r.names[name], name: name, at: at, data: bytes.Clone(b)})
	_, err := f.WriteAt(b, at)
	return err
}

// Sync implements commit.Disk. Nothing is really synced: power stays on.
func (r *recorder) Sync(f *os.File) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case info.IsDir():
		r.syncedBeside(r.in(filepath.Join(f.Name(), "any")))
	default:
		r.synced(r.in(f.Name()))
	}
	return nil
}

// Rename implements commit.Disk.
func (r *recorder) Rename(from, to string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := os.Rename(from, to); err != nil {
		return err
	}
	from, to = r.in(from), r.in(to)
	f := r.names[from]
	delete(r.names, from)
	r.names[to] = f
	r.add(step{kind: renamed, file: f, name: from, to: to})
	return nil
}

// Remove implements commit.Disk.
func (r *recorder) Remove(path string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := os.Remove(path); err != nil {
		return err
	}
	delete(r.names, r.in(path))
	r.add(step{kind: unlinked, name: r.in(path)})
	return nil
}

// Link implements commit.Disk.
func (r *recorder) Link(path, second string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := os.Link(path, second); err != nil {
		return err
	}
	f := r.names[r.in(path)]
	r.names[r.in(second)] = f
	r.add(step{kind: linked, file: f, name: r.in(second)})
	return nil
}

// platter is what a disk holds after some steps: what is durable, and what may
// or may not be.
type platter struct {
	names   map[string]*inode
	content map[*inode][]byte
	renames []step            // of names, since they were synced
	writes  map[*inode][]step // of each file, since it was synced
	promises
}

// platter returns the disk as it was when recording began.
func (r *recorder) platter(known promises) *platter {
	p := &platter{names: maps.Clone(r.first), content: map[*inode][]byte{}, writes: map[*inode][]step{}, promises: known.clone()}
	for name, f := range p.names {
		p.content[f] = bytes.Clone(r.begun[name])
	}
	return p
}

func (p *platter) take(s step) {
	switch s.kind {
	case wrote, cutOff:
		p.writes[s.file] = append(p.writes[s.file], s)
	case linked, unlinked, renamed:
		p.renames = append(p.renames, s)
	case synced:
		for _, w := range p.writes[s.file] {
			p.content[s.file] = w.change(p.content[s.file])
		}
		delete(p.writes, s.file)
	case syncedNames:
		p.renames = slices.DeleteFunc(p.renames, func(n step) bool {
			at := filepath.Dir(n.name)
			if n.kind == renamed {
				at = filepath.Dir(n.to)
			}
			if s.name != "" && at != s.name {
				return false
			}
			n.rename(p.names)
			return true
		})
	case promised:
		s.promise(&p.promises)
	}
}

func (s step) change(b []byte) []byte {
	if s.kind == cutOff {
		return grow(b, s.at)[:s.at]
	}
	b = grow(b, s.at+int64(len(s.data)))
	copy(b[s.at:], s.data)
	return b
}

func grow(b []byte, size int64) []byte {
	if missing := size - int64(len(b)); missing > 0 {
		return append(b, make([]byte, missing)...)
	}
	return b
}

func (s step) rename(names map[string]*inode) {
	switch s.kind {
	case linked:
		names[s.name] = s.file
	case unlinked:
		delete(names, s.name)
	case renamed:
		if names[s.name] == s.file {
			delete(names, s.name)
		}
		names[s.to] = s.file
	}
}

// sector is what a disk writes whole or not at all, in bytes.
const sector = 512

// lose returns what a loss of power leaves: all that is durable, and of the rest
// what chance picks. Each name stands or does not; each write is there whole, in
// some of its sectors, as zeros of the right length, or not at all, whatever
// became of those before it.
func (p *platter) lose(random *rand.Rand) directory {
	names := maps.Clone(p.names)
	keep := share(random)
	for _, n := range p.renames {
		if random.Float64() < keep {
			n.rename(names)
		}
	}
	d := directory{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		keep, b := share(random), bytes.Clone(p.content[names[name]])
		for _, w := range p.writes[names[name]] {
			b = w.chance(random, keep, b)
		}
		d[name] = b
	}
	return d
}

// share is of how much there is to lose what is kept: for each file and for the
// names another one.
func share(random *rand.Rand) float64 { return []float64{0, 0.1, 0.5, 0.5, 0.9, 1}[random.IntN(6)] }

// chance returns what became of a write to a file with content b.
func (s step) chance(random *rand.Rand, keep float64, b []byte) []byte {
	if random.Float64() < keep {
		return s.change(b)
	}
	end := s.at + int64(len(s.data))
	switch fate := random.IntN(4); {
	case s.kind == cutOff || keep == 0 || fate < 2:
	case fate == 2:
		b = grow(b, end)
	default:
		for at := s.at; at < end; {
			next := min(end, at/sector*sector+sector)
			if random.IntN(2) == 0 {
				b = step{at: at, data: s.data[at-s.at : next-s.at]}.change(b)
			}
			at = next
		}
	}
	return b
}
