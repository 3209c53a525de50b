package local

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"holdfast"
)

// maxPath is the longest path a unix socket takes, in bytes.
const maxPath = 107

// Socket is a listening socket in a gate's directory.
type Socket struct {
	path     string
	listener *net.UnixListener
	close    func() error
}

// Listen makes the socket and replaces one that nobody answers on any more: the
// caller holds the directory's lock, so no other gate is about to. Code Conflict
// if somebody answers, or if path is something else than a socket.
func Listen(path string) (*Socket, error) {
	if err := clear(path); err != nil {
		return nil, err
	}
	var l *net.UnixListener
	err := At(path, func(short string) (err error) {
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen for local commands on %s: %w", path, err)
	}
	// The short name means nothing later; close removes the path itself.
	l.SetUnlinkOnClose(false)
	s := &Socket{path: path, listener: l}
	s.close = sync.OnceValue(func() error {
		var errs []error
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		if err := l.Close(); !errors.Is(err, net.ErrClosed) { // the server closes it too
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
	// Until then the kernel's word on who connects is the guard.
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("listen for local commands: %w", err), s.Close())
	}
	return s, nil
}

// Close stops listening and removes the socket. Closing again changes nothing.
func (s *Socket) Close() error { return s.close() }

// clear removes a socket that nobody answers on.
func clear(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("listen for local commands: %w", err)
	case info.Mode().Type() != fs.ModeSocket:
		return holdfast.Errorf(holdfast.Conflict, "%s is not a socket: move it away, the gate listens there for local commands", path)
	}
	var c net.Conn
	err = At(path, func(short string) (err error) {
		c, err = net.Dial("unix", short)
		return err
	})
	switch {
	case err == nil:
		return errors.Join(holdfast.Errorf(holdfast.Conflict, "another process answers local commands on %s", path), c.Close())
	case !errors.Is(err, syscall.ECONNREFUSED):
		return holdfast.Errorf(holdfast.Conflict, "another process may answer local commands on %s", path).Because(err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove the socket of a process that is gone: %w", err)
	}
	return nil
}

// At calls do with a name of path that a unix socket takes. A long path is reached
// through its directory, opened: /proc/self/fd/7/control.sock.
func At(path string, do func(short string) error) error {
	if len(path) <= maxPath {
		return do(path)
	}
	dir, err := os.OpenFile(filepath.Dir(path), unix.O_PATH|syscall.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	short := filepath.Join("/proc/self/fd", strconv.Itoa(int(dir.Fd())), filepath.Base(path))
	if len(short) > maxPath {
		return errors.Join(holdfast.Errorf(holdfast.Invalid, "the name of the socket %s is too long", path), dir.Close())
	}
	return errors.Join(do(short), dir.Close())
}

// peer is the process at the other end, as the kernel noted it when it connected.
func peer(c *net.UnixConn) (*unix.Ucred, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return nil, err
	}
	return cred, credErr
}
