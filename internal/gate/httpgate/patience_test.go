package httpgate

import (
	"testing"
	"testing/synctest"
	"time"
)

// Whoever waits does so for two seconds, and hardly longer.
func TestPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p patience
		for _, pause := range []time.Duration{0, together / 2, together/2 - 1, 1, together, standInTimeout, time.Hour} {
			time.Sleep(pause)
			begun := time.Now()
			go func() {
				<-p.from(begun).Done()
				if waited := time.Since(begun); waited < standInTimeout || waited > standInTimeout+together {
					t.Errorf("after a pause of %v it waited for %v", pause, waited)
				}
			}()
		}
		time.Sleep(standInTimeout + together)
	})
}
