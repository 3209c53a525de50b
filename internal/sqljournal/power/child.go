package power

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// childDir is set for a test binary that is its own child.
const childDir = "HOLDFAST_TEST_CHILD"

// Main is a TestMain by which the test binary can be its own child: a process that
// writes to a directory, with a line for each acknowledgement, until it is killed.
func Main(m *testing.M, write func(dir string) error) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Println("error", write(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// Child is such a process.
type Child struct {
	Process *os.Process
	Lines   *bufio.Scanner
	cmd     *exec.Cmd
}

// StartChild starts a child that writes to a directory.
func StartChild(t testing.TB, dir string) *Child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &Child{cmd.Process, bufio.NewScanner(out), cmd}
}

// Kill kills the process after n more lines and returns all of them, with those
// that were on their way.
func (c *Child) Kill(t testing.TB, n int) []string {
	t.Helper()
	var lines []string
	for c.Lines.Scan() {
		lines = append(lines, c.Lines.Text())
		if len(lines) == n {
			c.Process.Kill()
		}
	}
	c.cmd.Wait()
	if len(lines) < n || strings.HasPrefix(lines[0], "error") {
		t.Fatalf("the child ended by itself: %q", lines)
	}
	return lines
}
