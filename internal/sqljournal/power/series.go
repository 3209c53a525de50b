package power

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Promises are what somebody was told, and what therefore outlasts any loss of
// power.
type Promises[P any] interface {
	// Clone returns promises that change by themselves. The zero value has none.
	Clone() P
	// Size tells promises with more in them from those with less.
	Size() int
}

// Series is a series of losses of power.
type Series[P Promises[P]] struct {
	Random *rand.Rand
	// Run goes on from the files that are left, holds what it finds there to the
	// promises, and records what it does. The name differs from those of other runs.
	Run func(left Files, name string, known P) (*Recorder, error)
	// Read are the names of the files that a start reads.
	Read []string
	// Losses counts them.
	Losses int
	seen   map[string]bool
}

// Lose takes the power away after the steps that chosen picks, as often as it
// says, goes on from what is left, and, if again is set, loses the power again
// while it does so. It returns what was found wrong, by step.
func (s *Series[P]) Lose(r *Recorder, known P, again bool, chosen func(step int) int) (found []error) {
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	disk := NewPlatter(r, known)
	for i, step := range r.Steps {
		disk.Take(step)
		for range chosen(i) {
			left := disk.Lose(s.Random)
			if state := fmt.Sprint(Sum(left, s.Read), disk.Promises.Size()); s.seen[state] {
				continue
			} else {
				s.seen[state] = true
			}
			s.Losses++
			next, err := s.Run(left, fmt.Sprint("after", s.Losses, "."), disk.Promises)
			if err == nil && again {
				err = errors.Join(s.Lose(next, disk.Promises, false, Sample(s.Random, len(next.Steps), 0, 1))...)
			}
			if err != nil {
				found = append(found, fmt.Errorf("step %d: %w", i, err))
			}
		}
	}
	return found
}

// Sum is one hash over the files with these names.
func Sum(d Files, names []string) [sha256.Size]byte {
	h := sha256.New()
	for _, name := range names {
		content, there := d[name]
		fmt.Fprintf(h, "%s %v %d\n%s", name, there, len(content), content)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Sample picks count of n steps, and each of the first ones many times: few
// states follow from a store's making, and most of them look the same.
func Sample(random *rand.Rand, n, first, count int) func(step int) int {
	chosen := make([]int, n)
	for i := range first {
		chosen[i] = 25
	}
	for range count {
		chosen[random.IntN(n)]++
	}
	return func(step int) int { return chosen[step] }
}

// Write makes a directory hold these files and nothing else.
func Write(dir string, files Files) error {
	old, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range old {
		if err := os.RemoveAll(filepath.Join(dir, f.Name())); err != nil {
			return err
		}
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
