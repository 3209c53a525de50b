package httpgate

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestCrowd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd()
		c.close = elbow // of one processor
		for _, step := range []struct {
			after time.Duration
			many  bool
		}{{time.Second, false}, {0, true}, {elbow - 1, true}, {elbow, false}, {time.Hour, false}, {20 * time.Microsecond, true}} {
			time.Sleep(step.after)
			if got := c.enter(time.Now()); got != step.many {
				t.Errorf("%v after the one before: %v; want %v", step.after, got, step.many)
			}
		}
	})
}
