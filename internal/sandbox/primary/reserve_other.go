//go:build !linux

package primary

// reservation keeps nothing here: after an outage the port may be taken, and is
// tried again until it is free.
type reservation struct{}

var unreserved reservation

func reserve(address string) (reservation, string) { return reservation{}, address }

func (reservation) release() error { return nil }
