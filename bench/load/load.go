// Package load sends payments over HTTP/1.1 and answers them, as cheaply as the
// kernel allows: one thread, epoll, no more parsing than to find where a message
// ends. It is meant to cost less than the fastest proxy between its two ends, so
// that the proxy is what is measured.
//
// A [Loop] is both ends at once: the clients, while [Loop.Run] runs, and a
// backend that answers every payment with "succeeded".
package load

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Loop is one thread's sockets.
type Loop struct {
	poll     int
	sockets  []*socket // by file descriptor
	listener int
	timer    int
	events   [256]unix.EpollEvent
	run      *run
	number   uint64
}

// socket is one connection with what has come of the present message.
type socket struct {
	fd     int
	client bool
	buf    []byte
	n      int
	due    time.Time // of the request under way
}

// Plan is one run of load.
type Plan struct {
	Target string // address and port
	// Connections stay open for the whole run.
	Connections int
	// Rate is in requests per second, sent when they are due whether or not those
	// before have been answered; 0 sends the next on each connection at once.
	Rate float64
	// Declines says that a 503 is an answer like any: stops come and go.
	Declines bool
	// Payers is how many pay in turn; 0 is one.
	Payers int
	// Warm is how long to load before anything is counted, Measure how long then.
	Warm, Measure time.Duration
	// CPU, if set, is read at both ends of the measured time.
	CPU func() (time.Duration, error)
}

// Result is what was measured.
type Result struct {
	Requests int
	// Forwarded is how many came to the backend, those of the warming included.
	Forwarded int
	Elapsed   time.Duration
	CPU       time.Duration
	// Took holds the time from when each request was due to its answer.
	Took []time.Duration
}

// run is a plan under way.
type run struct {
	Plan
	request  *Request
	idle     []*socket // clients with nothing to wait for, the longest idle first
	owed     []time.Time
	counting bool
	ending   bool
	under    int // requests under way
	result   Result
}

// New makes a loop whose backend listens at an address of IPv4, with port 0 on a
// free one.
func New(address string) (*Loop, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	l := &Loop{poll: poll, timer: -1}
	if l.listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return nil, err
	}
	if err := errors.Join(
		unix.SetsockoptInt(l.listener, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.Bind(l.listener, &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}),
		unix.Listen(l.listener, 1024),
		l.watch(l.listener),
	); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if l.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return nil, err
	}
	return l, l.watch(l.timer)
}

// Address is where the backend listens.
func (l *Loop) Address() (string, error) {
	at, err := unix.Getsockname(l.listener)
	if err != nil {
		return "", err
	}
	in := at.(*unix.SockaddrInet4)
	return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), uint16(in.Port)).String(), nil
}

func (l *Loop) watch(fd int) error {
	return unix.EpollCtl(l.poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

func (l *Loop) add(fd int, client bool) (*socket, error) {
	s := &socket{fd: fd, client: client, buf: make([]byte, 8<<10)}
	for len(l.sockets) <= fd {
		l.sockets = append(l.sockets, nil)
	}
	l.sockets[fd] = s
	return s, errors.Join(unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1), l.watch(fd))
}

func (l *Loop) drop(s *socket) {
	l.sockets[s.fd] = nil
	unix.Close(s.fd)
}

// Serve is the backend alone, until an error.
func (l *Loop) Serve() error {
	for {
		if err := l.wait(-1); err != nil {
			return err
		}
	}
}

// Run loads a target. Any answer but 201 is an error, as is a connection that
// breaks: what is measured must be payments that pass.
func (l *Loop) Run(p Plan) (Result, error) {
	r := &run{Plan: p, request: NewRequest(p.Target, p.Payers)}
	l.run = r
	defer l.end()
	if err := l.connect(); err != nil {
		return Result{}, fmt.Errorf("load %s: %w", p.Target, err)
	}
	if err := l.load(); err != nil {
		return Result{}, fmt.Errorf("load %s: %w", p.Target, err)
	}
	return r.result, nil
}

func (l *Loop) connect() error {
	at, err := netip.ParseAddrPort(l.run.Target)
	if err != nil {
		return err
	}
	for range l.run.Connections {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}); err != nil {
			return errors.Join(err, unix.Close(fd))
		}
		s, err := l.add(fd, true)
		if err := errors.Join(err, unix.SetNonblock(fd, true)); err != nil {
			return err
		}
		l.run.idle = append(l.run.idle, s)
	}
	return nil
}

// end closes the clients. The backend's connections stay, as the proxy wants.
func (l *Loop) end() {
	for _, s := range l.sockets {
		if s != nil && s.client {
			l.drop(s)
		}
	}
	l.run = nil
}

// load warms up, measures, and waits for what is under way.
func (l *Loop) load() error {
	r := l.run
	begin := time.Now()
	var err error
	if r.Rate > 0 {
		err = l.tick(time.Duration(float64(time.Second) / r.Rate))
	} else {
		for len(r.idle) > 0 && err == nil {
			err = l.send(begin)
		}
	}
	if err == nil {
		err = l.until(begin.Add(r.Warm))
	}
	if err != nil {
		return err
	}
	start, before, err := r.mark()
	if err != nil {
		return err
	}
	r.counting = true
	if err := l.until(start.Add(r.Measure)); err != nil {
		return err
	}
	r.counting, r.ending = false, true
	stop, after, err := r.mark()
	if err != nil {
		return err
	}
	r.result.Elapsed, r.result.CPU = stop.Sub(start), after-before
	return l.drain()
}

func (r *run) mark() (time.Time, time.Duration, error) {
	now := time.Now()
	if r.CPU == nil {
		return now, 0, nil
	}
	used, err := r.CPU()
	return now, used, err
}

func (l *Loop) until(end time.Time) error {
	for left := time.Until(end); left > 0; left = time.Until(end) {
		if err := l.wait(int(left.Milliseconds()) + 1); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long the last answers may take.
const patience = 5 * time.Second

func (l *Loop) drain() error {
	if err := l.tick(0); err != nil {
		return err
	}
	for end := time.Now().Add(patience); l.run.under > 0; {
		if time.Now().After(end) {
			return fmt.Errorf("%d requests have no answer after %v", l.run.under, patience)
		}
		if err := l.wait(100); err != nil {
			return err
		}
	}
	return nil
}

// tick sets the timer; 0 ends it.
func (l *Loop) tick(every time.Duration) error {
	t := unix.NsecToTimespec(every.Nanoseconds())
	return unix.TimerfdSettime(l.timer, 0, &unix.ItimerSpec{Interval: t, Value: t}, nil)
}

// wait takes what has come, or returns after some milliseconds.
func (l *Loop) wait(milliseconds int) error {
	n, err := unix.EpollWait(l.poll, l.events[:], milliseconds)
	if errors.Is(err, unix.EINTR) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range l.events[:n] {
		switch fd := int(e.Fd); {
		case fd == l.listener:
			err = l.accept()
		case fd == l.timer:
			err = l.due()
		case l.sockets[fd] != nil:
			err = l.read(l.sockets[fd])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *Loop) accept() error {
	fd, _, err := unix.Accept4(l.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ECONNABORTED) {
		return nil
	}
	if err == nil {
		_, err = l.add(fd, false)
	}
	return err
}

// due sends the requests whose time has come.
func (l *Loop) due() error {
	var count [8]byte
	if _, err := unix.Read(l.timer, count[:]); err != nil {
		if errors.Is(err, unix.EAGAIN) {
			return nil
		}
		return err
	}
	now := time.Now()
	for n := int(count[0]) | int(count[1])<<8; n > 0 && l.run != nil && !l.run.ending; n-- {
		if len(l.run.idle) == 0 {
			l.run.owed = append(l.run.owed, now)
			continue
		}
		if err := l.send(now); err != nil {
			return err
		}
	}
	return nil
}

func (l *Loop) send(due time.Time) error {
	s := l.run.idle[0]
	l.run.idle = l.run.idle[1:]
	s.due = due
	l.number++
	l.run.under++
	return write(s.fd, l.run.request.stamp(l.number))
}

func write(fd int, b []byte) error {
	n, err := unix.Write(fd, b)
	if err == nil && n < len(b) {
		err = errors.New("a message did not fit into the socket")
	}
	return err
}

func (l *Loop) read(s *socket) error {
	n, err := unix.Read(s.fd, s.buf[s.n:])
	if errors.Is(err, unix.EAGAIN) {
		return nil
	}
	if n <= 0 {
		if l.drop(s); s.client {
			return fmt.Errorf("a connection broke: %w", errors.Join(errors.New("end of stream"), err))
		}
		return nil
	}
	s.n += n
	want, err := size(s.buf[:s.n])
	switch {
	case err != nil:
		return fmt.Errorf("read %q: %w", s.buf[:s.n], err)
	case want == 0 || s.n < want:
		return nil
	case s.n > want:
		return errors.New("more came than was asked for")
	}
	s.n = 0
	if !s.client {
		if l.run != nil {
			l.run.result.Forwarded++
		}
		return write(s.fd, answer)
	}
	return l.answered(s, s.buf[:want])
}

func (l *Loop) answered(s *socket, message []byte) error {
	if !bytes.HasPrefix(message, created) && !(l.run.Declines && bytes.HasPrefix(message, declined)) {
		return fmt.Errorf("answered %q", message)
	}
	r := l.run
	r.under--
	now := time.Now()
	if r.counting {
		r.result.Requests++
		r.result.Took = append(r.result.Took, now.Sub(s.due))
	}
	r.idle = append(r.idle, s)
	switch {
	case r.ending:
		return nil
	case len(r.owed) > 0:
		due := r.owed[0]
		r.owed = r.owed[1:]
		return l.send(due)
	case r.Rate == 0:
		return l.send(now)
	}
	return nil
}
