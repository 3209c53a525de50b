package accesslog

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// run runs the log until all that is queued is written.
func run(t *testing.T, l *Log) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access")
	for _, line := range []string{"a\n", "b\n"} {
		l, err := Open(path, 1000, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		l.Write([]byte(line))
		run(t, l)
	}
	if got := read(t, path); got != "a\nb\n" {
		t.Errorf("%q", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// The log and its predecessor have a bound, and so has what waits: one line too
// many is dropped and counted, and nobody waits.
func TestBounds(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access")
	l, err := Open(path, 100, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for i := range queue + 7 {
		l.Write(fmt.Appendf(nil, "%09d\n", i))
	}
	if l.Lost() != 7 {
		t.Errorf("%d lines are lost", l.Lost())
	}
	run(t, l)
	last, before := read(t, path), read(t, path+".1")
	if len(last) > 100 || len(before) != 100 || !strings.HasSuffix(last, fmt.Sprintf("%09d\n", queue-1)) {
		t.Errorf("%q, before it %q", last, before)
	}
}

func TestReopen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access")
	l, err := Open(path, 1000, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- l.Run(ctx) }()
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	l.Reopen()
	for { // until the new file is there
		if _, err := os.Stat(path); err == nil {
			break
		}
	}
	l.Write([]byte("new\n"))
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if read(t, path) != "new\n" || read(t, path+".moved") != "" {
		t.Errorf("%q, moved %q", read(t, path), read(t, path+".moved"))
	}
}

// A log that cannot be written is said once, and holds up nobody; when it can be
// written again, it is.
func TestBroken(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	l, err := Open(filepath.Join(dir, "access"), 10, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	put := func(line string) { l.note(l.put([]byte(line))) }
	put("123456789\n")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	put("a\n")
	put("b\n")
	put("c\n")
	if n := strings.Count(said.String(), "cannot be written"); n != 1 || l.Lost() == 0 {
		t.Errorf("said %d times:\n%s", n, said.String())
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	put("d\n")
	put("e\n")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(dir, "access")); !strings.HasSuffix(got, "e\n") {
		t.Errorf("%q", got)
	}
	if _, err := Open(filepath.Join(dir, "no", "such"), 1, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a log in no directory is opened")
	}
}
