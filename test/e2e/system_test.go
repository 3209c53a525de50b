package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/app"
	"holdfast/internal/client"
	"holdfast/internal/config"
	"holdfast/internal/gate"
	"holdfast/internal/gate/local"
	"holdfast/internal/view"
)

// system is Holdfast as an operator runs it: a control node and two gates, each a
// process of its own that can be killed, joined by certificates of the node's
// authority.
type system struct {
	*world
	dir     string
	control *process
	// serves is closed while a control node can be asked.
	serves func() <-chan struct{}
	gates  []*process
	facts  []holdfast.Fact // what was read of the journal, whole from position 1
}

// lease is short, so that a strict gate comes back soon.
const lease = "3s"

// openSystem starts the three in front of a primary. The journal has the demo's
// people, plan and accounts.
func openSystem(t *testing.T, primary string, modes ...gate.Mode) *system {
	t.Helper()
	return openSystemWith(t, primary, nil, modes...)
}

// openSystemWith gives the gates more settings.
func openSystemWith(t *testing.T, primary string, settings []string, modes ...gate.Mode) *system {
	t.Helper()
	s := newSystem(t)
	at, fleet := freeAddress(t), freeAddress(t)
	s.ready.API = "http://" + at
	s.control = s.newProcess("control", "gates connect to",
		"serve", "--data", s.path("control"), "--listen-console", at, "--listen-fleet", fleet, "--fleet-lease", lease)
	s.control.start()
	s.serves = s.control.serves
	for n, mode := range modes {
		settings := append([]string{"--primary-url", primary, "--control-urls", "https://" + fleet}, settings...)
		s.addGate(fmt.Sprint("gate-", n+1), mode, freeAddress(t), settings...).start()
	}
	return s
}

// newSystem has what the demo begins with in its directory, and runs nothing.
func newSystem(t *testing.T) *system {
	t.Helper()
	s := &system{dir: t.TempDir()}
	s.world = &world{t: t, ready: furnish(t, s.dir)}
	// Nothing on loopback is on its way for longer.
	content := strings.ReplaceAll(config.DefaultGateYAML, "settled_after: 30s", "settled_after: 5s")
	content = strings.ReplaceAll(content, "\n    inquiry:", "\n    timeout: 5s\n    inquiry:")
	if err := os.WriteFile(s.path("gate.yaml"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// addGate prepares a gate with a certificate of the first node's authority.
func (s *system) addGate(name string, mode gate.Mode, at string, settings ...string) *process {
	s.t.Helper()
	var cert struct{ Certificate, Key, Authority string }
	out, _, code := run(s.t, "gate", "certificate", name, "--data", s.path("control"), "--json")
	if err := json.Unmarshal([]byte(out), &cert); code != 0 || err != nil {
		s.t.Fatalf("gate certificate: code %d, %v: %s", code, err, out)
	}
	g := s.newProcess(name, "gate "+name+" takes payments at", append([]string{
		"gate", "run", "--config", s.path("gate.yaml"), "--name", name, "--mode", string(mode), "--data", s.path(name), "--listen-payments", at,
		"--control-certificate", cert.Certificate, "--control-key", cert.Key, "--control-authority", cert.Authority}, settings...)...)
	s.gates = append(s.gates, g)
	return g
}

// furnish makes a control node's directory, dir/control, with all that the demo
// begins with, and returns the way in.
func furnish(t *testing.T, dir string) app.Ready {
	t.Helper()
	demo, err := app.OpenDemo(context.Background(), app.DemoOptions{
		Dir: dir, Zone: "Asia/Taipei", Language: holdfast.ZhHant, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := demo.Close(); err != nil {
		t.Fatal(err)
	}
	// The gates of the test begin with nothing.
	if err := os.RemoveAll(filepath.Join(dir, "gate-1")); err != nil {
		t.Fatal(err)
	}
	return demo.Ready
}

func (s *system) path(name string) string { return filepath.Join(s.dir, name) }

// approver is the second person of acts that need two.
func (s *system) approver() *client.Client {
	s.t.Helper()
	return s.as(s.ready.Second, access.Approve, access.LiftDirective, access.Read)
}

// superior is the one whose consent a lift needs besides the approver's.
func (s *system) superior() *client.Client {
	s.t.Helper()
	return s.as("superior", access.Approve, access.Read)
}

func (s *system) as(account string, scopes ...access.Action) *client.Client {
	s.t.Helper()
	c, err := client.New(s.ready.API, s.token(account, scopes...), holdfast.En)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// status asks a gate about itself.
func (s *system) status(g *process) gate.Status {
	s.t.Helper()
	status, err := local.NewClient(local.SocketIn(s.path(g.name))).Status(context.Background())
	if err != nil {
		s.t.Fatalf("ask %s: %v", g.name, err)
	}
	return status
}

// readJournal reads what is new in the journal, and that what was read before
// still stands: a fact's hash covers all facts before it.
func (s *system) readJournal() {
	s.t.Helper()
	api := s.api()
	for {
		known := len(s.facts)
		page, err := client.Get[view.Page[holdfast.Fact]](context.Background(), api, fmt.Sprintf("/journal?limit=500&after=%d", max(known-1, 0)))
		if err != nil {
			s.t.Fatalf("read the journal: %v", err)
		}
		if known > 0 {
			if len(page.Items) == 0 || page.Items[0].Hash != s.facts[known-1].Hash {
				s.t.Fatalf("the fact at position %d is not the one that was read before", known)
			}
			page.Items = page.Items[1:]
		}
		for _, f := range page.Items {
			if s.facts = append(s.facts, f); f.Position != holdfast.Position(len(s.facts)) {
				s.t.Fatalf("position %d follows %d", f.Position, len(s.facts)-1)
			}
		}
		if page.Next == 0 {
			return
		}
	}
}

// signal sends a signal to the process, which goes on.
func (p *process) signal(signal syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.t.Fatalf("signal %s: %v", p.name, err)
	}
}

// end stops the processes in an orderly way, and then checks the archive offline
// against what was read over the API.
func (s *system) end() {
	s.t.Helper()
	for _, g := range s.gates {
		g.stop()
	}
	s.readJournal()
	s.control.stop()
	out, complaint, code := run(s.t, "archive", "verify", "--data", s.path("control"), "--json")
	var report struct{ Head holdfast.Head }
	if err := json.Unmarshal([]byte(out), &report); code != 0 || err != nil {
		s.t.Fatalf("archive verify ends with %d, %v: %s%s", code, err, out, complaint)
	}
	// An orderly end writes nothing that the API did not show.
	last := s.facts[len(s.facts)-1]
	if report.Head.Position != last.Position || report.Head.Hash != last.Hash {
		s.t.Errorf("the archive ends with %s; over the API it was position %d, %s", report.Head, last.Position, last.Hash)
	}
}

// process is a process of Holdfast's that is started again and again with the
// same arguments.
type process struct {
	t     *testing.T
	name  string
	ready string // what the line begins with that says that it serves
	args  []string
	// within is the network namespace it runs in, if that is another.
	within string
	log    complaints
	cmd    *exec.Cmd
	read   chan struct{} // closed when its output has ended

	mu sync.Mutex
	up chan struct{} // closed while it serves
}

func (s *system) newProcess(name, ready string, args ...string) *process {
	p := &process{t: s.t, name: name, ready: ready, args: args, up: make(chan struct{})}
	s.t.Cleanup(func() {
		if p.cmd != nil {
			p.kill()
		}
		for _, line := range p.log.lines() {
			p.t.Errorf("the log of %s complains: %s", name, line)
		}
		if p.t.Failed() {
			p.t.Logf("%s said last:\n%s", name, p.log.tail(8<<10))
		}
	})
	return p
}

// command prepares the program, with none of the test's own settings.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = []string{"HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}
	return cmd
}

// run runs a command to its end.
func run(t *testing.T, args ...string) (out, complaint string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := command(t, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("holdfast %s: %v", strings.Join(args, " "), err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// start returns once the process serves.
func (p *process) start() {
	p.t.Helper()
	p.launch(p.args...)
	p.serving()
}

// launch starts a process of these arguments and returns once it says that it
// serves.
func (p *process) launch(args ...string) {
	p.t.Helper()
	p.cmd, p.read = command(p.t, args...), make(chan struct{})
	if p.within != "" {
		p.cmd = inNamespace(p.within, p.cmd)
	}
	p.cmd.Stderr = &p.log
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		p.t.Fatalf("start %s: %v", p.name, err)
	}
	lines := bufio.NewScanner(out)
	for serves := false; !serves; {
		if !lines.Scan() {
			err := p.cmd.Wait()
			p.cmd = nil
			p.t.Fatalf("%s ended instead of serving: %v", p.name, err)
		}
		serves = strings.HasPrefix(lines.Text(), p.ready)
	}
	go func(read chan struct{}) {
		for lines.Scan() { // so that the pipe is never full
		}
		close(read)
	}(p.read)
}

// serving says that the process can be asked.
func (p *process) serving() {
	p.mu.Lock()
	close(p.up)
	p.mu.Unlock()
}

// down says that the process is about to end: whoever finds it silent waits until
// it serves again.
func (p *process) down() {
	p.mu.Lock()
	p.up = make(chan struct{})
	p.mu.Unlock()
}

func (p *process) serves() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.up
}

// kill ends the process as kill -9 does, and returns when it is gone.
func (p *process) kill() {
	p.t.Helper()
	p.end(syscall.SIGKILL)
}

// stop ends the process as a service manager does.
func (p *process) stop() {
	p.t.Helper()
	if err := p.end(syscall.SIGTERM); err != nil {
		p.t.Errorf("%s did not end well: %v", p.name, err)
	}
}

func (p *process) end(signal syscall.Signal) error {
	p.t.Helper()
	p.down()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.t.Errorf("end %s: %v", p.name, err)
	}
	<-p.read
	err := p.cmd.Wait()
	p.cmd = nil
	return err
}

// tail is the end of what was said.
func (c *complaints) tail(n int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.text.Bytes()
	return string(all[max(0, len(all)-n):])
}

// given holds the ports that this process has given away.
var given sync.Map

// freeAddress finds a port below those that the system gives to outgoing
// connections: so it is still free after the process that listens there was killed.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		at := fmt.Sprint("127.0.0.1:", 20_000+rand.IntN(12_000))
		if _, taken := given.LoadOrStore(at, true); taken {
			continue
		}
		if l, err := net.Listen("tcp", at); err == nil {
			l.Close()
			return at
		}
	}
	t.Fatal("there is no free port")
	return ""
}
