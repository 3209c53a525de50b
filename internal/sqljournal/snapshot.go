package sqljournal

import (
	"context"
	"errors"
	"io"

	"holdfast"
	"holdfast/internal/archive"
	"holdfast/internal/sqljournal/commit"
)

// Snapshot writes the journal to w as one SQLite database without a -wal: all
// that was acknowledged before the call and perhaps some that came during it.
// Pages and commits are checked before they are copied. Nothing waits for it:
// commits go on, and checkpoints are put off, so the -wal grows meanwhile.
// Closing the store ends it.
func (s *Store) Snapshot(ctx context.Context, w io.Writer) (holdfast.Head, error) {
	s.checking.Lock()
	defer s.checking.Unlock()
	if commit.IsClosing(s.closing) {
		return holdfast.Head{}, commit.Closed()
	}
	problems, err := s.writer.checkFiles()
	if err != nil {
		return holdfast.Head{}, failure(ctx, "check files", err)
	}
	if len(problems) > 0 {
		return holdfast.Head{}, refusal(s.dir, problems)
	}
	m, err := s.present()
	if err != nil {
		return holdfast.Head{}, failure(ctx, "read the journal's files", err)
	}
	// A commit that stands in the -wal may not be synced, or not be acknowledged
	// yet. Commits are made one after the other, so this one proves those before.
	if _, err := s.Barrier(ctx); err != nil {
		return holdfast.Head{}, err
	}
	return m.write(ctx, w, s.closing)
}

// Size is how many bytes the journal's files have, about what a snapshot takes.
func (s *Store) Size() (int64, error) {
	db, err := fileSize(s.writer.file)
	if err != nil {
		return 0, err
	}
	wal, err := fileSize(s.writer.wal)
	return db + wal, err
}

// present is the image of what is committed now. It stands as long as the
// caller holds the checking lock: without a checkpoint journal.db does not
// change, and the -wal only grows but for one thing: the next commit overwrites
// what was checkpointed already. So that is not read from the -wal.
func (s *Store) present() (_ *image, err error) {
	e := evidence{db: s.writer.file, wal: s.writer.wal}
	if e.scan, err = s.writer.scanLive(); err != nil {
		return nil, err
	}
	if sums := &s.writer.sums; e.scan.salts == sums.salts && e.scan.commits <= sums.commits {
		e.scan = walScan{}
	}
	if e.size, err = fileSize(e.db); err != nil {
		return nil, err
	}
	return e.image(), nil
}

// Snapshot is that of a [Store], for a directory that no process uses. It
// refuses a damaged one.
func (in *Inspection) Snapshot(ctx context.Context, w io.Writer) (holdfast.Head, error) {
	if len(in.evidence.problems) > 0 || in.view == nil {
		return holdfast.Head{}, refusal(in.dir, in.evidence.problems)
	}
	return in.evidence.image().write(ctx, w, nil)
}

// write copies the image and returns the head it holds. It ends early when stop
// is closed.
func (m *image) write(ctx context.Context, w io.Writer, stop <-chan struct{}) (holdfast.Head, error) {
	db, end, err := m.open(ctx)
	if err != nil {
		return holdfast.Head{}, failure(ctx, "read the journal's files", err)
	}
	state, err := reader{db: db}.readMeta(ctx)
	end()
	if err != nil {
		return holdfast.Head{}, err
	}
	buffer := make([]byte, 64*pageSize)
	for offset := int64(0); offset < m.size; {
		select {
		case <-stop:
			return holdfast.Head{}, commit.Closed()
		default:
		}
		if err := ctx.Err(); err != nil {
			return holdfast.Head{}, failure(ctx, "copy the journal", err)
		}
		n, err := m.ReadAt(buffer, offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return holdfast.Head{}, failure(ctx, "copy the journal", err)
		}
		if _, err := w.Write(buffer[:n]); err != nil {
			return holdfast.Head{}, err
		}
		offset += int64(n)
	}
	return state.head, nil
}

// Snapshot is a database that a Snapshot method wrote, open for verification: it
// is archive.Journal and archive.Storage. It is read where it lies and never
// changed.
type Snapshot struct{ view }

// OpenSnapshot opens a snapshot of size bytes. Code Damaged means that it is not
// one.
func OpenSnapshot(ctx context.Context, r io.ReaderAt, size int64) (*Snapshot, error) {
	e := &evidence{}
	s := &Snapshot{}
	db, end, err := (&image{db: r, size: size}).open(ctx)
	if err == nil {
		s.view = view{reader: reader{db: db}, end: end}
		if err = checkFormat(ctx, db); err == nil {
			s.meta, err = s.readMeta(ctx)
		}
		if err != nil {
			end()
		}
	}
	if err == nil {
		return s, nil
	}
	if err = e.unreadable(err); err == nil {
		err = holdfast.Errorf(holdfast.Damaged, "this is not a whole copy of a journal: %s", e.problems[0].What)
	}
	return nil, err
}

// Check implements archive.Storage.
func (s *Snapshot) Check(ctx context.Context) (archive.Findings, error) {
	return s.findings(ctx, true)
}

// Close ends the reading.
func (s *Snapshot) Close() error {
	s.end()
	return nil
}
