// Package machine is what the benches under bench/ need to know of the machine
// they run on: which core a process runs on, how much processor time it has
// used, and what to write over a table so that its figures can be judged.
package machine

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Pin keeps this process, all its threads of now and later, on one core.
func Pin(core int) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("pin to core %d: %w", core, err)
	}
	var set unix.CPUSet
	set.Set(core)
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err == nil {
			err = unix.SchedSetaffinity(id, &set)
		}
		if err != nil {
			return fmt.Errorf("pin to core %d: %w", core, err)
		}
	}
	return nil
}

// Start starts a command that stays on one core and is killed when this process
// ends, however it ends. The caller must be on the main goroutine, locked to its
// thread: the kernel kills the child when that thread ends.
func Start(command *exec.Cmd, core int) error {
	var before, set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("start %s: %w", command.Path, err)
	}
	set.Set(core)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("start %s on core %d: %w", command.Path, core, err)
	}
	command.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	err := command.Start()
	if undo := unix.SchedSetaffinity(0, &before); err == nil {
		err = undo
	}
	if err != nil {
		return fmt.Errorf("start %s: %w", command.Path, err)
	}
	return nil
}

// CPU returns the processor time that a process has used, its own and the
// kernel's on its behalf, to the nanosecond.
func CPU(pid int) (time.Duration, error) {
	const scheduler = 2 // CPUCLOCK_SCHED of the process, see clock_getcpuclockid(3)
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduler), &t); err != nil {
		return 0, fmt.Errorf("processor time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// TreeCPU returns the processor time that a process and all below it have used,
// those included that have ended and were waited for, to a hundredth of a second each.
func TreeCPU(root int) (time.Duration, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	parents, used := map[int]int{}, map[int]time.Duration{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		// A process that has ended meanwhile has nothing to read.
		if text, err := os.ReadFile("/proc/" + e.Name() + "/stat"); err == nil {
			if parents[pid], used[pid], err = stat(string(text)); err != nil {
				return 0, fmt.Errorf("processor time of process %d: %w", pid, err)
			}
		}
	}
	var sum time.Duration
	for pid, t := range used {
		at := pid
		for at != root && at > 1 {
			at = parents[at]
		}
		if at == root {
			sum += t
		}
	}
	return sum, nil
}

// stat reads the parent of a process and what it has used from a line of
// /proc/PID/stat, see proc_pid_stat(5).
func stat(line string) (parent int, used time.Duration, err error) {
	const tick = 10 * time.Millisecond                                  // USER_HZ is 100 everywhere
	fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:]) // the name may have blanks
	if len(fields) < 15 {
		return 0, 0, fmt.Errorf("the kernel says %q", line)
	}
	if parent, err = strconv.Atoi(fields[1]); err != nil {
		return 0, 0, err
	}
	for _, text := range fields[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.Atoi(text)
		if err != nil {
			return 0, 0, err
		}
		used += time.Duration(n) * tick
	}
	return parent, used, nil
}

// ThreadCPU returns the processor time that the calling thread has used.
func ThreadCPU() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic("machine: CLOCK_THREAD_CPUTIME_ID cannot be read: " + err.Error()) // every Linux has it
	}
	return time.Duration(t.Nano())
}

// Describe says in one line where and when figures were taken, and of what.
func Describe(now time.Time) string {
	return fmt.Sprintf("%s, %d cores, Linux %s, load %s, %s, %s, commit %s",
		processor(), runtime.NumCPU(), kernel(), load(), runtime.Version(), now.UTC().Format("2006-01-02 15:04 UTC"), commit())
}

func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "of unknown release"
	}
	return string(bytes.TrimRight(u.Release[:], "\x00"))
}

func load() string {
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(content), " ")
	return first
}

func commit() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty", "--abbrev=12").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// Quantile returns the value below which a share q of the values lies: 0.5 gives
// the median. The values need no order; of none it is zero.
func Quantile[T ~int64 | ~float64](values []T, q float64) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	at := int(q * float64(len(sorted)))
	return sorted[max(0, min(at, len(sorted)-1))]
}
