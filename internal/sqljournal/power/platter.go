// Package power is a disk that forgets, for tests: it records all that a store does
// to its files, whether through SQLite or commit.Disk ([Recorder]), and says what a
// loss of power after any step could leave ([Platter]): what was synced, and of the
// rest what chance picks. [Series] takes the power away again and again and holds
// the store to what it promised.
//
// Nothing is really synced while it records.
package power

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Files are those of a directory, by their names within it.
type Files = map[string][]byte

// Recorder writes down, in order, all that happens to the files of one directory
// and of those right under it: through SQLite (see recordingVFS) and through
// commit.Disk, which it is.
type Recorder struct {
	dir   string
	begun Files // what was durable when it began

	mu    sync.Mutex
	names map[string]*inode
	first map[string]*inode // names as they were when it began
	// Steps are read once nothing is recorded any more.
	Steps []Step

	// Deaf, if set, names files whose syncs the disk acknowledges and does not
	// carry out.
	Deaf func(name string) bool
	// refused names those whose syncs by SQLite fail.
	refused func(name string) bool
}

// inode is a file, whatever its names. It has a size, so that no two are one.
type inode struct{ _ byte }

// Step is one thing that happened.
type Step struct {
	kind stepKind
	file *inode
	at   int64 // of the bytes written, or the size that is left
	data []byte
	// name is the file's, within the directory that is recorded; to the new one of a
	// file renamed. Of names that were synced it is their directory's, empty for all.
	name, to string
	told     any // what changes the promises: a func(*P)
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

// NewRecorder records a directory that holds what begun says, all of it durable.
// It stops at [Recorder.Release].
func NewRecorder(dir string, begun Files) *Recorder {
	r := &Recorder{dir: dir, begun: begun, names: map[string]*inode{}}
	for name := range begun {
		r.names[name] = &inode{}
	}
	r.first = maps.Clone(r.names)
	recorded.record(r)
	return r
}

func (r *Recorder) Release() { recorded.forget(r) }

// add needs the lock, held since before the step was taken.
func (r *Recorder) add(s Step) { r.Steps = append(r.Steps, s) }

// Tell records that somebody was promised something. Change, a func(*P), adds it to
// the promises of a [Platter] of P.
func (r *Recorder) Tell(change any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(Step{kind: promised, told: change})
}

// Refuse lets SQLite's syncs of the files that are named so fail, from now on.
func (r *Recorder) Refuse(names func(name string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refused = names
}

// Killed returns a recorder of another directory, which goes on from what a kill of
// the process would leave now: all files as they are, synced or not. What r records
// from now on is not in it.
func (r *Recorder) Killed(dir string) (*Recorder, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	files := Files{}
	for name := range r.names {
		content, err := os.ReadFile(filepath.Join(r.dir, name))
		if err != nil {
			return nil, err
		}
		files[name] = content
	}
	next := &Recorder{dir: dir, begun: r.begun, names: maps.Clone(r.names), first: r.first, Steps: slices.Clone(r.Steps), Deaf: r.Deaf}
	recorded.record(next)
	return next, Write(dir, files)
}

// FirstPromise is after how many steps somebody was promised something.
func (r *Recorder) FirstPromise() int {
	return slices.IndexFunc(r.Steps, func(s Step) bool { return s.kind == promised })
}

// opened records that a file was opened and was not there before, or was emptied.
func (r *Recorder) opened(name string, existed, emptied bool) {
	switch f := r.names[name]; {
	case !existed || f == nil:
		f = &inode{}
		r.names[name] = f
		r.add(Step{kind: linked, file: f, name: name})
	case emptied:
		r.add(Step{kind: cutOff, file: f, name: name})
	}
}

// in is the name of a file within the directory that is recorded.
func (r *Recorder) in(path string) string {
	name, err := filepath.Rel(r.dir, path)
	if err != nil {
		panic(err)
	}
	return name
}

func (r *Recorder) synced(name string) {
	if r.Deaf == nil || !r.Deaf(name) {
		r.add(Step{kind: synced, file: r.names[name], name: name})
	}
}

// syncedBeside records that the names were synced that are in one directory with name.
func (r *Recorder) syncedBeside(name string) {
	if r.Deaf == nil || !r.Deaf("") {
		r.add(Step{kind: syncedNames, name: filepath.Dir(name)})
	}
}

// Open implements commit.Disk.
func (r *Recorder) Open(path string, flag int) (*os.File, error) {
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
func (r *Recorder) Write(f *os.File, b []byte, at int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := r.in(f.Name())
	r.add(Step{kind: wrote, file: r.names[name], name: name, at: at, data: bytes.Clone(b)})
	_, err := f.WriteAt(b, at)
	return err
}

// Sync implements commit.Disk. Nothing is really synced: power stays on.
func (r *Recorder) Sync(f *os.File) error {
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
func (r *Recorder) Rename(from, to string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := os.Rename(from, to); err != nil {
		return err
	}
	from, to = r.in(from), r.in(to)
	f := r.names[from]
	delete(r.names, from)
	r.names[to] = f
	r.add(Step{kind: renamed, file: f, name: from, to: to})
	return nil
}

// Remove implements commit.Disk.
func (r *Recorder) Remove(path string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := os.Remove(path); err != nil {
		return err
	}
	delete(r.names, r.in(path))
	r.add(Step{kind: unlinked, name: r.in(path)})
	return nil
}

// Link implements commit.Disk.
func (r *Recorder) Link(path, second string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := os.Link(path, second); err != nil {
		return err
	}
	f := r.names[r.in(path)]
	r.names[r.in(second)] = f
	r.add(Step{kind: linked, file: f, name: r.in(second)})
	return nil
}

// Platter is what a disk holds after some steps: what is durable, and what may
// or may not be.
type Platter[P Promises[P]] struct {
	// Promises are those given so far.
	Promises P
	names    map[string]*inode
	content  map[*inode][]byte
	renames  []Step            // of names, since they were synced
	writes   map[*inode][]Step // of each file, since it was synced
}

// NewPlatter returns the disk as it was when recording began, with what had been
// promised before.
func NewPlatter[P Promises[P]](r *Recorder, known P) *Platter[P] {
	p := &Platter[P]{names: maps.Clone(r.first), content: map[*inode][]byte{}, writes: map[*inode][]Step{}, Promises: known.Clone()}
	for name, f := range p.names {
		p.content[f] = bytes.Clone(r.begun[name])
	}
	return p
}

// Take carries out steps.
func (p *Platter[P]) Take(steps ...Step) {
	for _, s := range steps {
		p.take(s)
	}
}

func (p *Platter[P]) take(s Step) {
	switch s.kind {
	case wrote, cutOff:
		p.writes[s.file] = append(p.writes[s.file], s)
	case linked, unlinked, renamed:
		p.renames = append(p.renames, s)
	case synced:
		p.sync(s.file)
	case syncedNames:
		p.renames = slices.DeleteFunc(p.renames, func(n Step) bool {
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
		s.told.(func(*P))(&p.Promises)
	}
}

func (p *Platter[P]) sync(f *inode) {
	for _, w := range p.writes[f] {
		p.content[f] = w.change(p.content[f])
	}
	delete(p.writes, f)
}

// All returns the files as they stand while the power is on.
func (p *Platter[P]) All() Files {
	p.take(Step{kind: syncedNames})
	d := Files{}
	for name, f := range p.names {
		p.sync(f)
		d[name] = p.content[f]
	}
	return d
}

func (s Step) change(b []byte) []byte {
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

func (s Step) rename(names map[string]*inode) {
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

// Lose returns what a loss of power leaves: all that is durable, and of the rest
// what chance picks. Each name stands or does not; each write is there whole, in
// some of its sectors, as zeros of the right length, or not at all, whatever
// became of those before it.
func (p *Platter[P]) Lose(random *rand.Rand) Files {
	names := maps.Clone(p.names)
	keep := share(random)
	for _, n := range p.renames {
		if random.Float64() < keep {
			n.rename(names)
		}
	}
	d := Files{}
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
func (s Step) chance(random *rand.Rand, keep float64, b []byte) []byte {
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
				b = Step{at: at, data: s.data[at-s.at : next-s.at]}.change(b)
			}
			at = next
		}
	}
	return b
}
