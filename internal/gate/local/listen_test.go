package local

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast"
)

// abandon leaves a socket as a killed process does.
func abandon(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestListenReplacesWhatAKilledProcessLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	abandon(t, SocketIn(dir))
	c := start(t, dir, &server{gate: &fakeGate{}, uid: me()})
	if status, err := c.Status(t.Context()); err != nil || status.Gate != "g" || len(status.Directives) != 1 {
		t.Errorf("got %+v, %v", status, err)
	}
}

func TestListenLeavesWhatIsInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := start(t, dir, &server{gate: &fakeGate{}, uid: me()})
	_, err := Listen(SocketIn(dir))
	wantCode(t, err, holdfast.Conflict)
	if _, err := c.Status(t.Context()); err != nil {
		t.Errorf("the first no longer answers: %v", err)
	}
}

func TestListenLeavesWhatIsNoSocket(t *testing.T) {
	t.Parallel()
	path := SocketIn(t.TempDir())
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Listen(path)
	wantCode(t, err, holdfast.Conflict)
	if content, err := os.ReadFile(path); err != nil || string(content) != "mine" {
		t.Errorf("the file is now %q, %v", content, err)
	}
}

func TestOnlyTheOwnerMayOpenTheSocket(t *testing.T) {
	t.Parallel()
	s, err := Listen(SocketIn(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(s.path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if _, err := os.Lstat(s.path); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

func TestALongPathWorks(t *testing.T) {
	t.Parallel()
	dir := longDir(t)
	c := start(t, dir, &server{gate: &fakeGate{}, uid: me()})
	if _, err := c.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := Listen(SocketIn(dir))
	wantCode(t, err, holdfast.Conflict)
}

func TestALongNameIsRefused(t *testing.T) {
	t.Parallel()
	_, err := Listen(filepath.Join(t.TempDir(), strings.Repeat("n", maxPath)))
	wantCode(t, err, holdfast.Invalid)
}

func TestListenInADirectoryThatIsMissing(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"no", strings.Repeat("no", 60)} {
		if s, err := Listen(SocketIn(filepath.Join(t.TempDir(), dir))); err == nil {
			t.Errorf("listens in %s", s.path)
		}
	}
}

func TestNoGateRuns(t *testing.T) {
	t.Parallel()
	left := SocketIn(t.TempDir())
	abandon(t, left)
	for _, path := range []string{left, SocketIn(t.TempDir()), SocketIn(filepath.Join(t.TempDir(), strings.Repeat("no", 60)))} {
		_, _, err := NewClient(path).Stop(t.Context(), "all", 0)
		wantCode(t, err, holdfast.Unavailable)
		if !strings.Contains(err.Error(), "no gate runs on "+path) {
			t.Errorf("the error says %q", err)
		}
	}
}
