// Package local lets a person who can log in to a gate's machine act on the gate
// itself, with the control plane gone: stop, lift, accept, status.
//
// # Socket
//
// The gate's process listens on a unix socket, control.sock, in the gate's
// directory ([SocketIn]). The socket has mode 0600, and only a process of the
// same user may speak on it, root included: the kernel says who connected. A
// socket that a killed process left behind is replaced; one that somebody answers
// on is not. A path longer than a unix socket allows (107 bytes) works too.
//
// # Client
//
//	c := local.NewClient(local.SocketIn(dir))
//	status, err := c.Status(ctx)
//	id, ack, err := c.Stop(ctx, "all", 30*time.Second) // drain 0: the gate's own
//	err = c.Lift(ctx, id)                              // id "": every local stop
//	err = c.Accept(ctx)
//
// Errors are *holdfast.Error with the gate's code and text. Unavailable means that
// no gate runs on the directory and nothing was done; Forbidden, that the command
// must run as the gate's user; Doubtful, that the gate did not answer what was
// sent: Status shows whether it was done. An error of Stop beside an id means that
// the stop is in force and not on disk: it would be lost at the gate's next start.
//
// # Wire
//
// HTTP/1.1 over the socket, so that curl serves where holdfast does not:
//
//	curl --unix-socket DIR/control.sock -d '{"scope":"all","drain":"30s"}' http://gate/stop
//	curl --unix-socket DIR/control.sock -d '{"id":"local-06b1f0"}' http://gate/lift
//	curl --unix-socket DIR/control.sock -d '{}' http://gate/accept
//	curl --unix-socket DIR/control.sock http://gate/status
//
// Every answer is one JSON object with what there is to say:
//
//	{"id":"local-06b1f0","acknowledgement":{"posture":{…},"in_flight":[…],"drain":30000000000,…}}
//	{"status":{"gate":"gate-1","posture":{…},"local":[…],"in_flight":3,…}}
//	{"error":{"code":"not-found","text":"there is no local stop \"x\" at this gate; …"}}
//
// A request has at most 8 KiB and 5 seconds.
package local

import (
	"path/filepath"
	"time"

	"holdfast"
	"holdfast/internal/gate"
)

// SocketName is the socket's name in a gate's directory.
const SocketName = "control.sock"

// SocketIn returns the path of the socket in a gate's directory.
func SocketIn(dir string) string { return filepath.Join(dir, SocketName) }

// Gate is what local commands act on; *gate.Gate is one.
type Gate interface {
	Status() gate.Status
	// StopLocally stops a scope at once; an error beside an id means that the stop
	// is in force and not on disk.
	StopLocally(scope string, drain time.Duration) (id string, ack gate.Acknowledgement, err error)
	// LiftLocally lifts a local stop, all of them for "".
	LiftLocally(id string) error
	// Accept follows the control plane's present history.
	Accept() error
}

const (
	maxRequest = 8 << 10  // bytes
	maxAnswer  = 64 << 20 // bytes; a stop lists up to all payments in flight
	// maxDrain is that of a directive.
	maxDrain = 10 * time.Minute
	// patience bounds a call whose caller sets no end, a sync of the disk included.
	patience    = 30 * time.Second
	readTimeout = 5 * time.Second
)

// stopRequest asks for a stop. Drain is a span as Go writes it, "30s"; "" leaves
// it to the gate.
type stopRequest struct {
	Scope string `json:"scope"`
	Drain string `json:"drain,omitempty"`
}

// liftRequest names a local stop; "" means all of them. The key must be there: a
// slip must not lift everything.
type liftRequest struct {
	ID *string `json:"id"`
}

// answer is the body of every answer.
type answer struct {
	Status          *gate.Status          `json:"status,omitempty"`
	ID              string                `json:"id,omitempty"`
	Acknowledgement *gate.Acknowledgement `json:"acknowledgement,omitempty"`
	Error           *fault                `json:"error,omitempty"`
}

// fault is an error on the wire. The text is whole, cause included: who may
// connect may read the gate's log, and has nobody to ask.
type fault struct {
	Code  holdfast.Code `json:"code"`
	Text  string        `json:"text"`
	Field string        `json:"field,omitempty"`
}
