package sqljournal

import (
	"testing"

	"holdfast/internal/journal"
	"holdfast/internal/journal/journaltest"
)

func mustOpen(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{Dir: dir, Warn: func(m string) { t.Logf("warning: %s", m) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestContract(t *testing.T) {
	journaltest.Run(t, func(t *testing.T) journal.Store { return mustOpen(t, t.TempDir()) })
}
