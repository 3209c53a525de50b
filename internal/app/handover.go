package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"holdfast"
	"holdfast/internal/config"
	"holdfast/internal/gate"
	"holdfast/internal/gate/local"
)

// A gate is restarted without a payment lost by handing its listeners over. The
// new process, started with "take over", asks the old one at the socket
// handover.sock in their directory. The old one sends its listeners, stops
// accepting, lets what is under way finish, closes the directory and ends the
// connection by that. Only then the new one opens the directory. Connections that
// come meanwhile wait in the listeners' queue, which both hold. Connections of HTTP/1.1
// that wait for a request stay with the old process, as TLS cannot be handed over; it
// passes on what comes, at passed.sock, and ends with the last of them.
//
// The message is one line of JSON, ["payments 127.0.0.1:8080"]: for each listener
// that is sent, in this order, its name and the address it was configured with.

// handover is the old process's side.
type handover struct {
	listener  *net.UnixListener
	listeners []shared

	mu    sync.Mutex
	taker *net.UnixConn // who waits for the end
}

// shared is a listener that another process may take over.
type shared struct {
	name, address string
	listener      *net.TCPListener
}

// handoverPatience is how long the old process may take to end.
const handoverPatience = gateGrace + 10*time.Second

// listenHandover makes the socket. The caller holds the directory's lock.
func listenHandover(dir string, t *teardown) (*handover, error) {
	l, err := listenSocket(filepath.Join(dir, "handover.sock"), t)
	if err != nil {
		return nil, fmt.Errorf("listen for a hand-over: %w", err)
	}
	return &handover{listener: l}, nil
}

// listenSocket makes a socket in the directory of the gate, over one that was left there.
func listenSocket(path string, t *teardown) (*net.UnixListener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var l *net.UnixListener
	err := local.At(path, func(short string) (err error) {
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, err
	}
	// The short name means nothing later: the path itself is removed.
	l.SetUnlinkOnClose(false)
	t.add(filepath.Base(path), func() error {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return errors.Join(err, l.Close())
		}
		return l.Close()
	})
	return l, os.Chmod(path, 0o600)
}

// passedSocket is where a gate takes what the process before passes on.
func passedSocket(dir string) string { return filepath.Join(dir, "passed.sock") }

// dialPassed connects to the process that took over.
func dialPassed(dir string) (c net.Conn, err error) {
	err = local.At(passedSocket(dir), func(short string) (err error) {
		c, err = net.Dial("unix", short)
		return err
	})
	return c, err
}

// share offers a listener to the process that takes over.
func (h *handover) share(name, address string, l net.Listener) {
	if tcp, ok := l.(*net.TCPListener); ok {
		h.listeners = append(h.listeners, shared{name, address, tcp})
	}
}

// run waits for a process that takes over, until ctx ends. Then it calls leave.
func (h *handover) run(ctx context.Context, leave func()) error {
	stop := context.AfterFunc(ctx, func() { h.listener.Close() })
	defer stop()
	for {
		c, err := h.listener.AcceptUnix()
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			<-ctx.Done()
			return nil
		}
		if err != nil {
			return err
		}
		if err := h.give(c); err != nil {
			c.Close() // whoever asked finds no listeners and gives up; this one goes on
			continue
		}
		h.mu.Lock()
		h.taker = c
		h.mu.Unlock()
		leave()
		<-ctx.Done()
		return nil
	}
}

func (h *handover) give(c *net.UnixConn) error {
	var files []int
	var names []string
	for _, s := range h.listeners {
		f, err := s.listener.File()
		if err != nil {
			return err
		}
		defer f.Close()
		files = append(files, int(f.Fd()))
		names = append(names, s.name+" "+s.address)
	}
	line, err := json.Marshal(names)
	if err != nil {
		return err
	}
	if err := c.SetDeadline(time.Now().Add(grace)); err != nil {
		return err
	}
	_, _, err = c.WriteMsgUnix(append(line, '\n'), syscall.UnixRights(files...), nil)
	return err
}

// done tells the process that takes over that the directory is free.
func (h *handover) done() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.taker == nil {
		return nil
	}
	return h.taker.Close()
}

// inheritance holds listeners that this process got from another, by name.
type inheritance map[string]inherited

type inherited struct {
	address string // as it was configured; empty if that is not known
	net.Listener
}

// takeOver asks the gate process that uses the directory for its listeners and
// waits until it has ended. Without such a process it returns nothing.
func takeOver(dir string) (inheritance, error) {
	path := filepath.Join(dir, "handover.sock")
	var c *net.UnixConn
	err := local.At(path, func(short string) (err error) {
		c, err = net.DialUnix("unix", nil, &net.UnixAddr{Name: short, Net: "unix"})
		return err
	})
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("take over: %w", err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(handoverPatience)); err != nil {
		return nil, err
	}
	given, err := receive(c)
	if err != nil {
		return nil, holdfast.Errorf(holdfast.Unavailable, "the gate that uses %s did not hand its listeners over; it goes on", dir).Because(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		given.close()
		return nil, holdfast.Errorf(holdfast.Unavailable, "the gate that uses %s has handed its listeners over and did not end within %v", dir, handoverPatience).Because(err)
	}
	return given, nil
}

// receive reads the message with the listeners.
func receive(c *net.UnixConn) (inheritance, error) {
	buf, rights := make([]byte, 4096), make([]byte, syscall.CmsgSpace(4*8))
	n, m, _, _, err := c.ReadMsgUnix(buf, rights)
	if err != nil {
		return nil, err
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:m])
	if err != nil {
		return nil, err
	}
	var files []int
	for _, message := range messages {
		fds, err := syscall.ParseUnixRights(&message)
		if err != nil {
			return nil, err
		}
		files = append(files, fds...)
	}
	var names []string
	if err := json.Unmarshal(buf[:n], &names); err != nil || len(names) != len(files) || len(files) == 0 {
		for _, fd := range files {
			syscall.Close(fd)
		}
		return nil, errors.Join(errors.New("the message cannot be read"), err)
	}
	given := inheritance{}
	for i, fd := range files {
		name, address, _ := strings.Cut(names[i], " ")
		l, err := fileListener(fd, name)
		if err != nil {
			return nil, err
		}
		given[name] = inherited{address, l}
	}
	return given, nil
}

func fileListener(fd int, name string) (net.Listener, error) {
	syscall.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("the listener of %s: %w", name, err)
	}
	return l, nil
}

// close closes what was not used.
func (in inheritance) close() {
	for _, l := range in {
		l.Close()
	}
}

// FromSystemd returns the listeners that systemd has opened for this process
// (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES), by name. The names of a gate's are
// "payments" and "metrics"; a socket without one of these names is "payments".
func FromSystemd(env func(string) (string, bool)) (map[string]net.Listener, error) {
	const first = 3
	return fromSystemd(env, os.Getpid(), first)
}

func fromSystemd(env func(string) (string, bool), pid, first int) (map[string]net.Listener, error) {
	get := func(name string) string {
		if env == nil {
			return ""
		}
		value, _ := env(name)
		return value
	}
	if get("LISTEN_PID") != strconv.Itoa(pid) {
		return nil, nil
	}
	n, err := strconv.Atoi(get("LISTEN_FDS"))
	if err != nil || n < 1 || n > 8 {
		return nil, holdfast.Errorf(holdfast.Invalid, "LISTEN_FDS is %q: a gate takes the sockets payments and metrics", get("LISTEN_FDS"))
	}
	names := strings.Split(get("LISTEN_FDNAMES"), ":")
	given := map[string]net.Listener{}
	for i := range n {
		name := "payments"
		if i < len(names) && names[i] == "metrics" {
			name = "metrics"
		}
		if given[name] != nil {
			return nil, holdfast.Errorf(holdfast.Invalid, "systemd has opened two sockets for %s; name them with FileDescriptorName=payments and FileDescriptorName=metrics", name)
		}
		if given[name], err = fileListener(first+i, name); err != nil {
			return nil, err
		}
	}
	return given, nil
}

// openGateDir opens the gate once the process before has let go of the directory:
// its end and its lock's need not come at the same moment.
func openGateDir(opt gate.Options, took bool) (*gate.Gate, error) {
	for end := time.Now().Add(grace); ; {
		g, err := gate.New(opt)
		if err == nil || !took || holdfast.CodeOf(err) != holdfast.Conflict || time.Now().After(end) {
			return g, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// readyPatience is how long a gate that took over waits for a lease before it
// accepts: the one before had it, and customers need not see the change.
const readyPatience = 3 * time.Second

// ready waits until the gate can admit payments on all its routes, within reason.
func (a *Gate) ready(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	if a.Enforcing(ctx) != nil || !strict(a.opt.Config) {
		return
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for a.gate.Status().LeaseLeft == 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func strict(c config.Gate) bool {
	for _, r := range c.Routes {
		if r.MovesMoney() && (r.Mode == string(gate.Strict) || r.Mode == "" && c.Mode == string(gate.Strict)) {
			return true
		}
	}
	return false
}
