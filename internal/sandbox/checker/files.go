package checker

import (
	"slices"
	"time"

	"holdfast/internal/sandbox/told"
	"holdfast/internal/sandbox/truth"
)

// CheckFiles checks a customer log file against the truth files of all primaries. All may be
// growing, and may come from a process that was killed.
func CheckFiles(customers string, ledgers []string, now time.Time) (Report, error) {
	entries, err := told.ReadFile(customers)
	if err != nil {
		return Report{}, err
	}
	var effects []truth.Effect
	for _, ledger := range ledgers {
		if err := truth.ReadFile(ledger, func(e truth.Effect) error {
			effects = append(effects, e)
			return nil
		}); err != nil {
			return Report{}, err
		}
	}
	return Check(Input{Entries: slices.Values(entries), Effects: slices.Values(effects), Now: now}), nil
}
