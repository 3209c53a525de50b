package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ipTool is of Debian's iproute2; tools/packages.sh installs it.
const ipTool = "/usr/sbin/ip"

// inside is set for a test that plays in a network of its own.
const inside = "HOLDFAST_TEST_NETWORK"

// ownNetwork runs the test once more, as a process in network and mount
// namespaces of its own, and returns true in that process. All that it makes there
// is gone when it ends. A machine that does not let us make namespaces skips the
// test.
func ownNetwork(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) != "" {
		return true
	}
	own := &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	trial := exec.Command(ipTool, "link", "add", "one", "type", "veth", "peer", "name", "other")
	trial.SysProcAttr = own
	if out, err := trial.CombinedOutput(); errors.Is(err, os.ErrNotExist) {
		t.Fatalf("ip is missing; tools/packages.sh installs it: %v", err)
	} else if err != nil {
		t.Skipf("this machine does not allow networks of one's own: %v %s", err, out)
	}
	args := []string{"-test.run=^" + t.Name() + "$", "-test.v"}
	if end, ok := t.Deadline(); ok {
		args = append(args, fmt.Sprint("-test.timeout=", time.Until(end)-10*time.Second))
	}
	again := exec.Command(os.Args[0], args...)
	again.Env = append(os.Environ(), inside+"=1")
	again.SysProcAttr = own
	out, err := again.CombinedOutput()
	t.Logf("in a network of its own:\n%s", out)
	if err != nil {
		t.Errorf("it ended with %v", err)
	}
	return false
}

// inNamespace has a command run in a network namespace, and end with us.
func inNamespace(name string, cmd *exec.Cmd) *exec.Cmd {
	there := exec.Command(ipTool, append([]string{"netns", "exec", name}, cmd.Args...)...)
	there.Env = cmd.Env
	there.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return there
}

// links join namespaces by a router in one more. What one part sends to another
// passes the router, which can be made to drop it, in either direction.
type links struct {
	t     *testing.T
	parts int
	drops [][2]string // from, to
}

// Addresses of the test itself, where customers, people and the primary are.
const (
	customersAt = "10.0.0.2"
	primaryAt   = "10.0.0.3"
)

func newLinks(t *testing.T) *links {
	t.Helper()
	// Namespaces get their names in /run/netns; nobody else shall see them.
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	n := &links{t: t}
	n.ip("link set lo up")
	n.ip("netns add router")
	n.ip("netns exec router sh -c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
	n.ip("link add router type veth peer name home netns router")
	n.ip("addr add " + customersAt + "/24 dev router")
	n.ip("addr add " + primaryAt + "/24 dev router")
	n.ip("link set router up")
	n.ip("-n router addr add 10.0.0.1/24 dev home")
	n.ip("-n router link set home up")
	n.ip("route add default via 10.0.0.1")
	return n
}

func (n *links) ip(line string, more ...string) {
	n.t.Helper()
	args := append(strings.Fields(line), more...)
	if out, err := exec.Command(ipTool, args...).CombinedOutput(); err != nil {
		n.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// part makes a namespace on the router and returns its address.
func (n *links) part(name string) string {
	n.t.Helper()
	n.parts++
	net := fmt.Sprintf("10.0.%d.", n.parts)
	n.ip("netns add " + name)
	n.ip("-n " + name + " link set lo up")
	n.ip("-n " + name + " link add router type veth peer name " + name + " netns router")
	n.ip("-n " + name + " addr add " + net + "2/24 dev router")
	n.ip("-n " + name + " link set router up")
	n.ip("-n router addr add " + net + "1/24 dev " + name)
	n.ip("-n router link set " + name + " up")
	n.ip("-n " + name + " route add default via " + net + "1")
	return net + "2"
}

// enter does something in a namespace: processes started there stay in it.
func (n *links) enter(name string, do func()) {
	n.t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		n.t.Fatal(err)
	}
	defer home.Close()
	there, err := os.Open("/run/netns/" + name)
	if err != nil {
		n.t.Fatal(err)
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		n.t.Fatal(err)
	}
	defer func() {
		if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
			panic(err) // this thread must not be used for anything else
		}
	}()
	do()
}

// drop loses what one address sends to another, until mend.
func (n *links) drop(from, to string) {
	n.t.Helper()
	n.ip("-n router rule add from " + from + " to " + to + " blackhole")
	n.drops = append(n.drops, [2]string{from, to})
}

// mend lets everything pass that an address sends or is sent; with none, all.
func (n *links) mend(address string) {
	n.t.Helper()
	var rest [][2]string
	for _, d := range n.drops {
		if address != "" && d[0] != address && d[1] != address {
			rest = append(rest, d)
			continue
		}
		n.ip("-n router rule del from " + d[0] + " to " + d[1] + " blackhole")
	}
	n.drops = rest
}
