package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"holdfast/internal/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"holdfast": holdfast})
}

// holdfast is what cmd/holdfast does.
func holdfast() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	program, err := os.Executable()
	if err != nil {
		panic(err)
	}
	os.Exit(cli.Run(ctx, cli.Options{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Env: os.LookupEnv, Program: program, Now: time.Now,
	}))
}

// The scripts of testdata read like a terminal. Beside testscript's own commands
// they have:
//
//	exits CODE PROGRAM ARG…   run it; it must end with this exit code
//	ready FILE                wait for a ready file; $HOLDFAST_URL and the like
//	                          point to what it names, and $KEY holds each value
//	value KEY NAME            set $NAME from the JSON object on stdout; a.b leads
//	                          into it, a.0 into a list
//	pay URL KEY STATUS        pay at a gate; STATUS must be the answer's
//	flip FILE OFFSET          change one byte of a file
//	token ACCOUNT FILE SCOPE… sign in as an account of the demo and write a token
//	                          of its own to a file
func TestScripts(t *testing.T) {
	t.Parallel()
	ready := func(ts *testscript.TestScript, _ bool, args []string) { ready(t, ts, args) }
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			// Built with the race detector each command would sleep at its end.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "ready": ready, "value": value, "pay": pay, "flip": flip, "token": token,
		},
	})
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// names are the variables under which commands look for what a ready file names.
var names = map[string]string{
	"api": "HOLDFAST_URL", "token": "HOLDFAST_TOKEN", "sandbox": "HOLDFAST_SANDBOX_URL", "sandbox_token": "HOLDFAST_SANDBOX_TOKEN",
}

// ready has as long as the test, but for what it takes to say that in vain.
func ready(t *testing.T, ts *testscript.TestScript, args []string) {
	file := ts.MkAbs(args[0])
	var content []byte
	end, limited := t.Deadline()
	// The file comes whole; that it never comes is the only failure.
	for end = end.Add(-30 * time.Second); ; {
		var err error
		if content, err = os.ReadFile(file); err == nil {
			break
		}
		if limited && time.Now().After(end) {
			ts.Fatalf("there is no ready file: %v", err)
		}
		<-time.After(10 * time.Millisecond)
	}
	var values map[string]any
	ts.Check(json.Unmarshal(content, &values))
	for key, v := range values {
		ts.Setenv(strings.ToUpper(key), fmt.Sprint(v))
		if name, ok := names[key]; ok {
			ts.Setenv(name, fmt.Sprint(v))
		}
	}
}

func token(ts *testscript.TestScript, _ bool, args []string) {
	jar, err := cookiejar.New(nil)
	ts.Check(err)
	c, node := &http.Client{Jar: jar}, ts.Getenv("HOLDFAST_URL")
	post := func(path string, form url.Values) string {
		resp, err := c.PostForm(node+path, form)
		ts.Check(err)
		defer resp.Body.Close()
		page, err := io.ReadAll(resp.Body)
		ts.Check(err)
		return string(page)
	}
	post("/sign-in", url.Values{"name": {args[0]}, "password": {ts.Getenv("PASSWORD")}})
	page := post("/account/tokens", url.Values{"name": {"test"}, "action": args[2:]})
	issued := regexp.MustCompile(`hf_[a-z0-9]+_[a-z0-9]+`).FindString(page)
	if issued == "" {
		ts.Fatalf("no token for %s: %s", args[0], page)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(issued+"\n"), 0o600))
}

func value(ts *testscript.TestScript, _ bool, args []string) {
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &v))
	for key := range strings.SplitSeq(args[0], ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(at) {
				ts.Fatalf("there is no %s in %s", key, args[0])
			}
			v = at[i]
		}
	}
	if v == nil {
		ts.Fatalf("there is no %s", args[0])
	}
	ts.Setenv(args[1], fmt.Sprint(v))
}

func pay(ts *testscript.TestScript, _ bool, args []string) {
	body := `{"amount":1299,"currency":"CNY","payer":"acct_000123","payee":"m_001","channel":"app","method":"card","reference":"` + args[1] + `"}`
	req, err := http.NewRequest(http.MethodPost, args[0]+"/v1/payments", bytes.NewReader([]byte(body)))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", args[1])
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	resp.Body.Close()
	if got := strconv.Itoa(resp.StatusCode); got != args[2] {
		ts.Fatalf("the payment was answered with status %s, want %s", got, args[2])
	}
}

func flip(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	defer f.Close()
	at, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	var b [1]byte
	_, err = f.ReadAt(b[:], at)
	ts.Check(err)
	b[0] ^= 0xff
	_, err = f.WriteAt(b[:], at)
	ts.Check(err)
}
