package app

import (
	"context"
	"log/slog"
	"os/exec"
	"testing"
)

// A gate of the demo that is killed comes back; one that cannot be started at
// all is an error; and the end of the demo is none.
func TestKeepRunning(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	starts := 0
	command := func() *exec.Cmd {
		if starts++; starts == 3 {
			cancel()
			return exec.Command("/bin/cat") // ends when its input does
		}
		return exec.Command("/bin/sh", "-c", "kill -9 $$")
	}
	if err := keepRunning(ctx, command, 0, slog.New(slog.DiscardHandler)); err != nil || starts != 3 {
		t.Errorf("it was started %d times and ended with %v", starts, err)
	}
	missing := func() *exec.Cmd { return exec.Command("/nowhere/holdfast") }
	if err := keepRunning(t.Context(), missing, 0, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a program that is not there was not reported")
	}
}
