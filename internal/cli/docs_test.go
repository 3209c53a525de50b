package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"holdfast/internal/api"
	"holdfast/internal/cli"
)

// What the API can do, the command line can.
func TestEveryRouteHasACommand(t *testing.T) {
	t.Parallel()
	covered := map[string]string{}
	for words, c := range cli.Commands() {
		for route := range strings.SplitSeq(c.Annotations[cli.RoutesOf], ",") {
			covered[route] = words
		}
	}
	delete(covered, "")
	paths, ok := api.Document("test")["paths"].(map[string]map[string]any)
	if !ok {
		t.Fatalf("the document's paths are %T", api.Document("test")["paths"])
	}
	for path, methods := range paths {
		for method := range methods {
			if method == "options" {
				continue // senders ask by themselves whether they are welcome
			}
			route := strings.ToUpper(method) + " " + path
			if covered[route] == "" {
				t.Errorf("no command stands for %s", route)
			}
			delete(covered, route)
		}
	}
	for route, words := range covered {
		t.Errorf("%s stands for %s, which the API does not have", words, route)
	}
}

// docs/cli.md has a line for each command, for none that is not there, and the
// exit codes as they are.
func TestCommandsAreDocumented(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for line := range strings.Lines(string(content)) {
		if row, ok := strings.CutPrefix(line, "| `holdfast "); ok {
			words, _, _ := strings.Cut(row, "`")
			documented["holdfast "+words] = true
		}
	}
	for words, c := range cli.Commands() {
		if strings.HasPrefix(words, "holdfast completion") {
			continue
		}
		if !documented[words] {
			t.Errorf("docs/cli.md does not name %s: %s", words, c.Short)
		}
		delete(documented, words)
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: its short text is %q; write one line without a full stop", words, c.Short)
		}
	}
	for words := range documented {
		t.Errorf("docs/cli.md names %s, which is no command", words)
	}
	for _, e := range cli.ExitCodes {
		if row := fmt.Sprintf("| %d | %s |", e.Code, e.Means); !strings.Contains(string(content), row) {
			t.Errorf("docs/cli.md lacks the line %s", row)
		}
	}
}

// Nothing a person may not see on a list of processes can be given as a flag.
func TestNoSecretIsAFlag(t *testing.T) {
	t.Parallel()
	for words, c := range cli.Commands() {
		for _, name := range []string{"token", "password", "secret"} {
			if c.Flags().Lookup(name) != nil {
				t.Errorf("%s takes --%s on the command line", words, name)
			}
		}
	}
}

// With a context that has ended a process ends at once, with code 0 where it had
// begun: a signal is how they end.
func TestServeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var stdout, stderr bytes.Buffer
	ready := t.TempDir() + "/ready.json"
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Run(ctx, cli.Options{
			Args:   []string{"sandbox", "run", "--ready-file", ready},
			Stdout: &stdout, Stderr: &stderr, Env: func(string) (string, bool) { return "", false }, Now: time.Now,
		})
	}()
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("code %d: %s", code, stderr.String())
	}
}
