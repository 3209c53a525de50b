package journaltest_test

import (
	"testing"

	"holdfast/internal/journal"
	"holdfast/internal/journal/journaltest"
)

func TestMemory(t *testing.T) {
	journaltest.Run(t, func(t *testing.T) journal.Store {
		m := journal.NewMemory("memory")
		t.Cleanup(func() { m.Close() })
		return m
	})
}
