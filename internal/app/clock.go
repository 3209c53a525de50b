package app

import (
	"time"

	"golang.org/x/sys/unix"
)

// systemClock is the machine's clock. CLOCK_BOOTTIME goes on while the machine
// sleeps and is never set.
type systemClock struct{ now func() time.Time }

func (c systemClock) Now() time.Time { return c.now() }

func (systemClock) Boot() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic("app: CLOCK_BOOTTIME cannot be read: " + err.Error()) // Linux 2.6.39 and later have it
	}
	return time.Duration(t.Nano())
}
