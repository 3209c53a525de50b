package sqljournal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"holdfast/internal/archive"
	"holdfast/internal/sqljournal/commit"
)

const (
	fileDB   = "journal.db"
	fileWAL  = "journal.db-wal"
	fileSums = "journal.sums"
	fileHead = "journal.head"
	fileLock = "journal.lock"
	// fileRollback would make SQLite undo pages of journal.db. Holdfast never
	// makes it.
	fileRollback = "journal.db-journal"
)

// evidence is what the files of a data directory say before SQLite sees them.
// Gathering it changes nothing.
type evidence struct {
	db, wal  *os.File // wal is nil if there is none
	size     int64    // of db
	scan     walScan
	sums     *sums           // nil if the file is missing or damaged
	witness  *commit.Witness // the same
	missing  []string        // of journal.sums and journal.head
	problems []archive.Problem
}

// isFresh reports whether no journal was ever in dir.
func isFresh(dir string) (bool, error) {
	for _, name := range []string{fileDB, fileWAL, fileSums, fileHead} {
		_, err := os.Lstat(filepath.Join(dir, name))
		if !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	return true, nil
}

// examine gathers the evidence in dir. An error means that a file could not be
// read; what is wrong with their content stands in problems.
func examine(dir string) (_ *evidence, err error) {
	e := &evidence{}
	defer func() {
		if err != nil {
			e.close()
		}
	}()
	e.db, err = os.Open(filepath.Join(dir, fileDB))
	if errors.Is(err, fs.ErrNotExist) {
		e.problem(fileDB, "the file is missing, though other files of a journal are here")
		return e, nil
	}
	if err != nil {
		return nil, err
	}
	if e.size, err = fileSize(e.db); err != nil {
		return nil, err
	}
	if err := e.openWAL(dir); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(dir, fileRollback)); err == nil {
		e.problem(fileRollback, "the file is not one of Holdfast's: another SQLite program wrote here, and SQLite would undo pages of journal.db by it")
	}
	damagedSums, err := e.readSums(dir)
	if err != nil {
		return nil, err
	}
	if err := e.readWitness(dir); err != nil {
		return nil, err
	}
	e.checkCommits()
	return e, e.checkPages(damagedSums)
}

func (e *evidence) close() {
	if e.db != nil {
		e.db.Close()
	}
	if e.wal != nil {
		e.wal.Close()
	}
}

// problem lists one, once: the same loss shows in the files and in the database.
func (e *evidence) problem(where, format string, args ...any) {
	p := archive.Problem{Where: where, What: fmt.Sprintf(format, args...)}
	if !slices.Contains(e.problems, p) {
		e.problems = append(e.problems, p)
	}
}

func fileSize(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (e *evidence) openWAL(dir string) error {
	wal, err := os.Open(filepath.Join(dir, fileWAL))
	if errors.Is(err, fs.ErrNotExist) {
		e.scan, err = scanWAL(nil, 0)
		return err
	}
	if err != nil {
		return err
	}
	e.wal = wal
	size, err := fileSize(wal)
	if err != nil {
		return err
	}
	e.scan, err = scanWAL(wal, size)
	return err
}

// readSums returns the sums that do not match their own checksum, if so.
func (e *evidence) readSums(dir string) (*sums, error) {
	content, err := e.readSmall(dir, fileSums, maxSums)
	if content == nil {
		return nil, err
	}
	s, err := decodeSums(content)
	if err != nil {
		e.problem(fileSums, "%v", err)
		return &s, nil
	}
	e.sums = &s
	return nil, nil
}

func (e *evidence) readWitness(dir string) error {
	content, err := e.readSmall(dir, fileHead, maxWitness)
	if content == nil {
		return err
	}
	w, err := commit.DecodeWitness(content)
	if err != nil {
		e.problem(fileHead, "%v", err)
		return nil
	}
	e.witness = &w
	return nil
}

// The sums of 256 GiB, and many times a witness, in bytes.
const (
	maxSums    = 256 << 20
	maxWitness = 4096
)

// readSmall reads a file of at most limit bytes. It returns nil if the file is
// missing or too large.
func (e *evidence) readSmall(dir, name string, limit int64) ([]byte, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		e.missing = append(e.missing, name)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(content)) > limit {
		e.problem(name, "the file has more than %d bytes, far too many", limit)
		return nil, nil
	}
	if err == nil && content == nil {
		content = []byte{}
	}
	return content, err
}

// checkPages compares every page of journal.db with its checksum. Damaged is the
// content of a journal.sums that does not match its own checksum: the pages tell
// where it is damaged.
func (e *evidence) checkPages(damaged *sums) error {
	crcs, err := sumPages(e.db, e.size)
	if err != nil {
		return err
	}
	if damaged != nil {
		e.locateInSums(*damaged, crcs)
	}
	if e.sums == nil {
		return nil
	}
	if want := int64(len(e.sums.pages)) * pageSize; e.size < want {
		e.problem(fmt.Sprintf("%s, page %d at byte %d", fileDB, e.size/pageSize+1, e.size), "the file ends here, but it had %d bytes at the last checkpoint", want)
	}
	differ := 0
	for i, crc := range crcs {
		page := uint32(i + 1)
		if e.pageIsSound(page, crc) {
			continue
		}
		if differ++; differ > maxPageProblems {
			continue
		}
		e.problem(fmt.Sprintf("%s, page %d at byte %d", fileDB, page, int64(i)*pageSize), "%s", e.pageFault(page))
	}
	if differ > maxPageProblems {
		e.problem(fileDB, "%d pages differ in all", differ)
	}
	return nil
}

// checkCommits compares the commits in the -wal with those that must be there:
// all that were acknowledged and, unless it counts as empty, all that were
// checkpointed, for SQLite would put what is left of them over newer pages.
func (e *evidence) checkCommits() {
	if e.sums == nil {
		return
	}
	stands := e.sums.beatWith(e.scan)
	switch {
	case e.witness != nil && e.witness.Head.Journal != e.sums.journal:
		e.problem(fileHead, "the file belongs to journal %s, but %s to journal %s", e.witness.Head.Journal, fileSums, e.sums.journal)
	case e.witness != nil && stands < e.witness.Beat:
		e.lost(stands, e.witness.Beat, fmt.Sprintf("was acknowledged with position %d", e.witness.Head.Position))
	case stands < e.sums.beat:
		e.lost(stands, e.sums.beat, "was checkpointed")
	}
}

// lost adds the problem that the commits after the given one are not there.
func (e *evidence) lost(stands, want uint64, how string) {
	e.problem(e.scan.stopped(), "the journal ends here with commit %d, but commit %d %s: what came between is lost, or was moved by another program, or the files are of different times", stands, want, how)
}

// maxPageProblems bounds the list: an old journal.db put back differs in most
// pages.
const maxPageProblems = 20

func (e *evidence) pageIsSound(page uint32, crc uint32) bool {
	if int(page) <= len(e.sums.pages) && crc == e.sums.pages[page-1] {
		return true
	}
	if _, replaced := e.scan.pages[page]; replaced {
		return page != 1 || e.headerIsSound()
	}
	// A page that a checkpoint cut short passed over on its way to a later one.
	return int(page) > len(e.sums.pages) && page <= e.scan.size && crc == zeroPage
}

func (e *evidence) pageFault(page uint32) string {
	if int(page) > len(e.sums.pages) {
		return fmt.Sprintf("journal.sums knows %d pages only, and no commit in %s holds this one", len(e.sums.pages), fileWAL)
	}
	fault := fmt.Sprintf("the page does not match its checksum in journal.sums, and no commit in %s replaces it", fileWAL)
	if e.wal != nil {
		fault += "; its commits end before " + e.scan.stopped()
	}
	return fault
}

// headerIsSound checks the bytes of page 1 that SQLite reads from the file
// itself even where the -wal replaces the page.
func (e *evidence) headerIsSound() bool {
	var h [100]byte
	if _, err := e.db.ReadAt(h[:], 0); err != nil {
		return false
	}
	fixed := []byte("SQLite format 3\x00\x10\x00\x02\x02\x00\x40\x20\x20")
	zero := make([]byte, 4)
	return slices.Equal(h[:24], fixed) && slices.Equal(h[52:56], zero) && slices.Equal(h[64:68], zero)
}

// sumPages returns the checksum of each page of journal.db. A page that is cut
// short counts as if zeros followed.
func sumPages(r io.ReaderAt, size int64) ([]uint32, error) {
	crcs := make([]uint32, 0, size/pageSize+1)
	buffer := make([]byte, min(256, size/pageSize+1)*pageSize)
	for offset := int64(0); offset < size; offset += int64(len(buffer)) {
		n, err := r.ReadAt(buffer, offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read %s at byte %d: %w", fileDB, offset, err)
		}
		for part := buffer[:n]; len(part) > 0; part = part[min(pageSize, len(part)):] {
			if len(part) < pageSize {
				padded := make([]byte, pageSize)
				copy(padded, part)
				crcs = append(crcs, checksum(padded))
				break
			}
			crcs = append(crcs, checksum(part[:pageSize]))
		}
		if n < len(buffer) {
			break
		}
	}
	return crcs, nil
}

// locateInSums names the entries of a damaged journal.sums that differ from the
// pages they stand for.
func (e *evidence) locateInSums(damaged sums, crcs []uint32) {
	var at []int
	for i := range min(len(damaged.pages), len(crcs)) {
		_, replaced := e.scan.pages[uint32(i+1)]
		if damaged.pages[i] != crcs[i] && !replaced {
			at = append(at, sumsHeader+4*i)
		}
	}
	switch {
	case len(at) == 1:
		e.problem(fmt.Sprintf("%s, byte %d", fileSums, at[0]), "only this entry, of page %d, differs from journal.db: the damage is here or there", (at[0]-sumsHeader)/4+1)
	case len(at) == 0:
		e.problem(fileSums, "every page entry agrees with %s: the damage is in the first %d or the last 4 bytes", fileDB, sumsHeader)
	default:
		e.problem(fileSums, "%d page entries differ from %s, first that at byte %d", len(at), fileDB, at[0])
	}
}
