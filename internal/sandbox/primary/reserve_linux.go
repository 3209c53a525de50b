package primary

import (
	"net"
	"strconv"
	"syscall"
)

// reservation keeps a port number: a socket that is bound and never listens, so
// dialling is refused and nobody else is given the number.
type reservation struct{ socket int }

var unreserved = reservation{socket: -1}

// reserve takes an IPv4 address, choosing a free port for port 0, and returns it
// with the port it has now. Where that is not possible it reserves nothing: then
// listening reports what is wrong.
func reserve(address string) (reservation, string) {
	a, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil || a.IP.To4() == nil {
		return unreserved, address
	}
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return unreserved, address
	}
	kept := reservation{socket: socket}
	to := &syscall.SockaddrInet4{Port: a.Port, Addr: [4]byte(a.IP.To4())}
	if syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1) != nil || syscall.Bind(socket, to) != nil {
		kept.release()
		return unreserved, address
	}
	bound, err := syscall.Getsockname(socket)
	if err != nil {
		kept.release()
		return unreserved, address
	}
	return kept, net.JoinHostPort(a.IP.String(), strconv.Itoa(bound.(*syscall.SockaddrInet4).Port))
}

func (r reservation) release() error {
	if r.socket < 0 {
		return nil
	}
	return syscall.Close(r.socket)
}
