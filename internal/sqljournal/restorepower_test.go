package sqljournal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/archive"
	"holdfast/internal/sqljournal/commit"
	"holdfast/internal/sqljournal/power"
)

// restoring is a journal that a backup is restored over while the power may go.
type restoring struct {
	t       *testing.T
	backup  []byte
	cut     holdfast.Position
	begun   directory // what a kill of the old journal's process left
	known   promises  // that it gave
	head    holdfast.Head
	refused int
	old     int
}

func newRestoring(t *testing.T) *restoring {
	t.Helper()
	dir := t.TempDir()
	r := power.NewRecorder(dir, directory{})
	defer r.Release()
	s, err := Open(t.Context(), Options{Dir: dir, disk: r})
	if err != nil {
		t.Fatal(err)
	}
	re := &restoring{t: t}
	err = work(t.Context(), s, r, "before.", 8)
	re.backup, re.head = take(t, s)
	re.cut = re.head.Position
	err = errors.Join(err, work(t.Context(), s, r, "after.", 8))
	re.begun = readDir(t, dir)
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	disk := power.NewPlatter(r, promises{})
	disk.Take(r.Steps...)
	re.known = disk.Promises
	return re
}

func (re *restoring) restore(ctx context.Context, dir string, disk commit.Disk, aside string) (holdfast.Head, error) {
	target, err := openTarget(ctx, dir, disk)
	if err != nil {
		return holdfast.Head{}, err
	}
	r := restoration(re.backup, re.cut, 2)
	r.Aside = aside
	head, err := target.Restore(ctx, r)
	return head, errors.Join(err, target.Close())
}

// finds looks what a start makes of what a loss of power left. Done says that the
// restoration was acknowledged.
func (re *restoring) finds(ctx context.Context, left directory, done bool) error {
	dir := re.t.TempDir()
	left.write(re.t, dir)
	s, err := Open(ctx, Options{Dir: dir})
	switch {
	case err == nil && s.Head().Epoch == 2:
		return errors.Join(re.isRestored(ctx, s), s.Close(), re.isAside(ctx, left))
	case done && err == nil:
		return errors.Join(errors.New("the old journal is there after the restoration was acknowledged"), s.Close())
	case done:
		return fmt.Errorf("the restored journal is refused: %w", err)
	case err == nil:
		re.old++
		return errors.Join(re.known.keeps(ctx, s), s.Close())
	}
	re.refused++
	if err := re.isAside(ctx, left); err != nil {
		return err
	}
	if _, err := re.restore(ctx, dir, commit.OS{}, "replaced-2"); err != nil {
		return fmt.Errorf("restore again: %w", err)
	}
	if s, err = Open(ctx, Options{Dir: dir}); err != nil {
		return fmt.Errorf("after it was restored again: %w", err)
	}
	return errors.Join(re.isRestored(ctx, s), s.Close())
}

// isRestored checks that all of the backup is there.
func (re *restoring) isRestored(ctx context.Context, s *Store) error {
	report, err := archive.Verify(ctx, s, s)
	if err != nil || len(report.Problems) > 0 || s.Head().Position != re.cut+1 {
		return fmt.Errorf("the restored journal ends with %v: %+v, %w", s.Head(), report, err)
	}
	return nil
}

// isAside checks that the old journal is kept, whole.
func (re *restoring) isAside(ctx context.Context, left directory) error {
	kept := directory{}
	for name, content := range left {
		if file, ok := strings.CutPrefix(name, "replaced-1/"); ok {
			kept[file] = content
		}
	}
	dir := re.t.TempDir()
	kept.write(re.t, dir)
	s, err := Open(ctx, Options{Dir: dir})
	if err != nil {
		return fmt.Errorf("the old journal that is kept: %w", err)
	}
	return errors.Join(re.known.keeps(ctx, s), s.Close())
}

// lose restores on a disk and takes the power away after each step, several times, and
// when it was acknowledged. It returns what was found wrong, of a disk that is deaf to
// syncs no more than is needed.
func (re *restoring) lose(times int, deaf func(name string) bool) (losses int, found []error) {
	dir, random := re.t.TempDir(), rand.New(rand.NewPCG(15, 16))
	re.begun.write(re.t, dir)
	r := power.NewRecorder(dir, re.begun)
	r.Deaf = deaf
	_, err := re.restore(re.t.Context(), dir, r, "replaced-1")
	r.Release()
	if err != nil {
		re.t.Fatal(err)
	}
	disk, seen := power.NewPlatter(r, promises{}), map[string]bool{}
	for i := range len(r.Steps) + 1 {
		if deaf != nil && len(found) > 0 {
			break // one is enough
		}
		done := i == len(r.Steps)
		for range times {
			left := directory(disk.Lose(random))
			state := fmt.Sprint(power.Sum(left, slices.Sorted(maps.Keys(left))), done)
			if seen[state] {
				continue
			}
			seen[state] = true
			losses++
			if err := re.finds(re.t.Context(), left, done); err != nil {
				found = append(found, fmt.Errorf("after %d of %d steps: %w", i, len(r.Steps), err))
			}
		}
		if !done {
			disk.Take(r.Steps[i])
		}
	}
	return losses, found
}

// TestPowerLossWhileRestoring takes the power away from a restoration. A start finds
// the old journal with all that it promised, or the new one with all of the backup
// and the old one aside, or refuses the directory; then restoring again helps, and
// the old one is aside. HOLDFAST_SOAK=1 does so many times at each step. Where the disk
// lies about syncs, something is found.
func TestPowerLossWhileRestoring(t *testing.T) {
	t.Parallel()
	re, times := newRestoring(t), 2
	if os.Getenv("HOLDFAST_SOAK") != "" {
		times = 100
	}
	losses, found := re.lose(times, nil)
	for _, err := range found[:min(5, len(found))] {
		t.Error(err)
	}
	t.Logf("%d losses of power, %d findings; the old journal was there %d times, the directory refused %d times", losses, len(found), re.old, re.refused)
	for name, deaf := range map[string]func(string) bool{
		"of the new database": func(name string) bool { return name == fileStage+"/"+fileDB },
		"of names":            func(name string) bool { return name == "" },
	} {
		if _, found := re.lose(2, deaf); len(found) == 0 {
			t.Errorf("nothing was found on a disk that lies about syncs %s", name)
		}
	}
}
