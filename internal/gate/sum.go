package gate

import (
	"sync"
	"time"
)

// sum is what a cap of amounts still admits, in minor units. It grows by the cap each
// second, up to a tenth of a second's. Whoever comes while anything is left is admitted
// whole, and what he takes beyond it is owed: so no payment is too large to pass, and
// over any time no more is admitted than the cap and one payment.
type sum struct {
	perSecond float64

	mu   sync.Mutex
	left float64
	at   time.Duration // by CLOCK_BOOTTIME
}

func newSum(perSecond float64) *sum { return &sum{perSecond: perSecond, left: perSecond / 10} }

// keptSum returns the sum of a limit, keeping the one in use if the limit stays.
func keptSum(old *installed, id string, perSecond float64) *sum {
	if perSecond < 0 {
		return nil
	}
	if old != nil {
		ids, _ := old.posture.Limits()
		for i := range ids {
			if s := old.sums[i]; ids[i] == id && s != nil && s.perSecond == perSecond {
				return s
			}
		}
	}
	return newSum(perSecond)
}

func (s *sum) take(amount int64, boot time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == 0 {
		s.at = boot
	}
	if boot > s.at {
		s.left = min(s.perSecond/10, s.left+s.perSecond*(boot-s.at).Seconds())
		s.at = boot
	}
	if s.left <= 0 {
		return false
	}
	s.left -= float64(amount)
	return true
}

// giveBack undoes take.
func (s *sum) giveBack(amount int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = min(s.perSecond/10, s.left+float64(amount))
}
