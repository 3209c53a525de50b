// Package cluster starts PostgreSQL servers of Debian's package for tests and
// benches: each in a temporary directory, on a Unix socket of its own, with
// fsync on. Nothing else may use it; Holdfast starts no databases.
//
// PostgreSQL refuses to run as root, so root starts it as the user postgres.
package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is one PostgreSQL server.
type Server struct {
	// Socket is the directory of its socket.
	Socket string
	dir    string
	bin    string
	cred   *syscall.Credential
	cmd    *exec.Cmd
	ended  chan struct{}
}

// Binaries returns the directory of Debian's newest PostgreSQL.
func Binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("PostgreSQL is not installed: run tools/packages.sh")
	}
	slices.SortFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(found[len(found)-1]), nil
}

func version(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4])
	return n
}

// newServer makes the directory of a server.
func newServer() (*Server, error) {
	s := &Server{}
	var err error
	if s.bin, err = Binaries(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "holdfast-pg"); err != nil {
		return nil, err
	}
	s.Socket = s.dir
	if os.Getuid() != 0 {
		return s, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	s.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return s, os.Chown(s.dir, int(uid), int(gid))
}

// Start makes an empty server and waits until it answers. Settings are those of
// postgresql.conf.
func Start(ctx context.Context, settings map[string]string) (_ *Server, err error) {
	s, err := newServer()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if err := s.run(ctx, "initdb", "-D", s.data(), "-U", "holdfast", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"); err != nil {
		return nil, err
	}
	var conf strings.Builder
	fmt.Fprintf(&conf, "listen_addresses = ''\nunix_socket_directories = '%s'\nshared_buffers = 32MB\nmax_connections = 200\nmax_wal_size = 2GB\nwal_receiver_status_interval = 1s\n", s.Socket)
	for name, value := range settings {
		fmt.Fprintf(&conf, "%s = '%s'\n", name, value)
	}
	if err := s.append("postgresql.conf", conf.String()); err != nil {
		return nil, err
	}
	// It listens nowhere, unless a test's settings say so in a network of its own.
	if err := s.append("pg_hba.conf", "host all all all trust\n"); err != nil {
		return nil, err
	}
	return s, s.Up(ctx)
}

// Standby makes a standby of s under a name and waits until it answers.
func (s *Server) Standby(ctx context.Context, name string) (_ *Server, err error) {
	b, err := newServer()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			b.Close()
		}
	}()
	return b, b.Follow(ctx, s, name)
}

// Follow makes a server that does not run a standby of another, under a name, and
// waits until it answers. What it held is gone.
func (s *Server) Follow(ctx context.Context, primary *Server, name string) error {
	if err := os.RemoveAll(s.data()); err != nil {
		return err
	}
	source := fmt.Sprintf("host=%s user=holdfast application_name=%s", primary.Socket, name)
	if err := s.run(ctx, "pg_basebackup", "-D", s.data(), "-d", source, "-R", "-c", "fast", "-N"); err != nil {
		return err
	}
	if err := s.append("postgresql.conf", fmt.Sprintf("unix_socket_directories = '%s'\n", s.Socket)); err != nil {
		return err
	}
	return s.Up(ctx)
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) append(name, text string) error {
	f, err := os.OpenFile(filepath.Join(s.data(), name), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func (s *Server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	return cmd
}

func (s *Server) run(ctx context.Context, name string, args ...string) error {
	if out, err := s.command(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

// Up starts the server, as after Kill, and waits until it answers.
func (s *Server) Up(ctx context.Context) error {
	s.cmd = s.command(context.Background(), "postgres", "-D", s.data())
	// Whatever becomes of us, no server stays behind.
	s.cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT
	var log bytes.Buffer
	s.cmd.Stdout, s.cmd.Stderr = &log, &log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.ended = make(chan struct{})
	go func() {
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	for {
		err := s.Exec(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("the server ended: %s", log.String())
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Source is the data source of the server's database.
func (s *Server) Source() string { return Source(s) }

// Source is the data source of several servers, of which one takes writes.
func Source(servers ...*Server) string {
	var hosts []string
	for _, s := range servers {
		hosts = append(hosts, s.Socket)
	}
	return fmt.Sprintf("host=%s user=holdfast dbname=postgres", strings.Join(hosts, ","))
}

// Connect opens a plain session.
func (s *Server) Connect(ctx context.Context) (*pgx.Conn, error) { return pgx.Connect(ctx, s.Source()) }

// Exec carries out statements in a session of their own.
func (s *Server) Exec(ctx context.Context, statements ...string) error {
	conn, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// Set changes a setting of the running server, for sessions that there are, too.
func (s *Server) Set(ctx context.Context, name, value string) error {
	return s.Exec(ctx, fmt.Sprintf("ALTER SYSTEM SET %s = '%s'", name, value), "SELECT pg_reload_conf()")
}

// Promote makes a standby take writes.
func (s *Server) Promote(ctx context.Context) error {
	return s.Exec(ctx, "SELECT pg_promote()")
}

// Kill ends all processes of the server at once, as a loss of its machine would,
// but for the page cache.
func (s *Server) Kill() {
	pid := s.cmd.Process.Pid
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	_ = s.cmd.Process.Kill()
	for _, child := range strings.Fields(string(children)) {
		if n, err := strconv.Atoi(child); err == nil {
			_ = syscall.Kill(n, syscall.SIGKILL)
		}
	}
	<-s.ended
}

// Signal sends a signal to all processes of the server: SIGSTOP and SIGCONT let it
// hang and go on.
func (s *Server) Signal(sig syscall.Signal) {
	pid := s.cmd.Process.Pid
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, child := range append(strings.Fields(string(children)), strconv.Itoa(pid)) {
		if n, err := strconv.Atoi(child); err == nil {
			_ = syscall.Kill(n, sig)
		}
	}
}

// Close stops the server and removes its directory.
func (s *Server) Close() error {
	if s.ended != nil {
		s.Signal(syscall.SIGCONT)
		_ = s.cmd.Process.Signal(syscall.SIGQUIT)
		<-s.ended
	}
	return os.RemoveAll(s.dir)
}
