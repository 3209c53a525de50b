package machine

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{nil, 0.5, 0},
		{[]float64{7}, 0.99, 7},
		{[]float64{3, 1, 2}, 0.5, 2},
		{[]float64{4, 1, 3, 2}, 0, 1},
		{[]float64{4, 1, 3, 2}, 1, 4},
	} {
		if got := Quantile(test.values, test.q); got != test.want {
			t.Errorf("Quantile(%v, %v) = %v, want %v", test.values, test.q, got, test.want)
		}
	}
}

// The clock of a process goes on with the work it does.
func TestCPU(t *testing.T) {
	t.Parallel()
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	thread := ThreadCPU()
	for sum, n := 0, 0; ThreadCPU()-thread < 5*time.Millisecond && n < 1e9; n++ {
		sum += n
	}
	after, err := CPU(os.Getpid())
	if err != nil || after-before < 4*time.Millisecond {
		t.Errorf("5 ms of work took %v of processor time, %v", after-before, err)
	}
	if _, err := CPU(1<<22 + 1); err == nil {
		t.Error("a process that does not exist has used processor time")
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 25, 20, 9, 0, 0, time.UTC)
	if got := Describe(at); !strings.Contains(got, "2026-11-25 20:09 UTC") || !strings.Contains(got, "cores") {
		t.Errorf("Describe = %s", got)
	}
}

func TestStat(t *testing.T) {
	t.Parallel()
	const after = " S 42 1 1 0 -1 4194560 1 1 0 0 7 5 2 1 20 0 1 0 100 1 1"
	for name, c := range map[string]struct {
		line string
		bad  bool
	}{
		"usual":    {"17 (gate)" + after, false},
		"brackets": {"17 (a (b) c)" + after, false},
		"short":    {"17 (gate) S 42", true},
		"words":    {"17 (gate) S x 1 1 0 -1 1 1 1 0 0 7 5 2 1 20", true},
	} {
		parent, used, err := stat(c.line)
		if (err != nil) != c.bad || err == nil && (parent != 42 || used != 150*time.Millisecond) {
			t.Errorf("%s: %d, %v, %v", name, parent, used, err)
		}
	}
}

// What a child uses counts, while it runs and after.
func TestTreeCPU(t *testing.T) {
	t.Parallel()
	command := exec.Command("sh", "-c", "read line")
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	whole, err := TreeCPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	part, err := TreeCPU(command.Process.Pid)
	if err != nil || part > whole {
		t.Errorf("the child used %v, all %v, %v", part, whole, err)
	}
	if err := errors.Join(in.Close(), command.Wait()); err == nil {
		t.Error("there was a line to read")
	}
	if after, err := TreeCPU(os.Getpid()); err != nil || after < whole {
		t.Errorf("%v after %v, %v", after, whole, err)
	}
}
