package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/internal/config"
)

// TestMain lets this program be a gate of its own: with GATE_SETTINGS it runs one
// until its standard input ends, and says where it takes payments.
func TestMain(m *testing.M) {
	content := os.Getenv("GATE_SETTINGS")
	if content == "" {
		os.Exit(m.Run())
	}
	if err := runGate(content); err != nil {
		fmt.Fprintln(os.Stderr, "gate:", err)
		os.Exit(1)
	}
}

func runGate(content string) error {
	conf, err := config.LoadGate(config.Options{Content: []byte(content)})
	if err != nil {
		return err
	}
	g, err := OpenGate(GateOptions{Config: conf, TakeOver: true, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Now: time.Now})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	fmt.Println(g.URL())
	return g.Run(ctx)
}

// gateProcess is a gate in a process of its own.
type gateProcess struct {
	url   string
	hold  io.Closer
	ended chan error
}

func startGate(t *testing.T, content string) *gateProcess {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "GATE_SETTINGS="+content)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	p := &gateProcess{hold: in, ended: make(chan error, 1)}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		in.Close()
		t.Fatalf("the gate says %q: %v; %v", line, err, command.Wait())
	}
	p.url = strings.TrimSpace(line)
	go func() { p.ended <- command.Wait() }()
	t.Cleanup(func() { in.Close() })
	return p
}

const handoverSettings = `
name: east-1
data: %s
listen: {payments: "127.0.0.1:%d"}
primary: {url: "%s"}
routes:
  - name: pay
    methods: [POST]
    path: /pay
    kind: payment
    fields: {identity: "header:Idempotency-Key"}
`

// A gate that is restarted under load, several times, loses no payment: each one
// is answered, and done once.
func TestRestartUnderLoad(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	done := map[string]int{}
	primary := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		done[r.Header.Get("Idempotency-Key")]++
		mu.Unlock()
		w.WriteHeader(http.StatusCreated)
	}))
	defer primary.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	// A directory with a name longer than a socket's may be.
	settings := fmt.Sprintf(handoverSettings, filepath.Join(t.TempDir(), strings.Repeat("long", 25)), free.Addr().(*net.TCPAddr).Port, primary.URL)
	now := startGate(t, settings)

	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	var answered atomic.Int64
	paid := make(chan struct{}, 1<<16)
	for c := range 4 {
		clients.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
			defer client.CloseIdleConnections()
			for i := 0; ctx.Err() == nil; i++ {
				if err := payOnce(client, now.url, fmt.Sprintf("c%d-%d", c, i)); err != nil {
					t.Errorf("payment %d of client %d: %v", i, c, err)
					return
				}
				answered.Add(1)
				select {
				case paid <- struct{}{}:
				default: // so many that nobody waits for one more
				}
			}
		})
	}
	// pass waits for some payments more.
	pass := func() {
		for len(paid) > 0 {
			<-paid
		}
		for range 100 {
			select {
			case <-paid:
			case <-time.After(30 * time.Second):
				t.Fatal("payments do not pass")
			}
		}
	}
	for range 3 {
		pass()
		next := startGate(t, settings)
		if err := <-now.ended; err != nil {
			t.Errorf("the gate that was taken over from ended with %v", err)
		}
		if next.url != now.url {
			t.Errorf("it listens at %s, not at %s", next.url, now.url)
		}
		now.ended = next.ended
	}
	pass()
	stop()
	clients.Wait()
	mu.Lock()
	defer mu.Unlock()
	if len(done) != int(answered.Load()) || len(done) < 400 {
		t.Errorf("%d payments were answered, %d reached the primary", answered.Load(), len(done))
	}
	for key, n := range done {
		if n != 1 {
			t.Errorf("payment %s reached the primary %d times", key, n)
		}
	}
}

// Who keeps connections open loses nothing either: what is sent on one after two
// restarts is answered by the gate that is there now, which knows from whom it comes. The
// processes before end with the last of their connections.
func TestRestartKeepsConnections(t *testing.T) {
	t.Parallel()
	from := make(chan string, 10)
	primary := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from <- r.Header.Get("X-Forwarded-For")
		w.WriteHeader(http.StatusCreated)
	}))
	defer primary.Close()
	settings := fmt.Sprintf(handoverSettings, filepath.Join(t.TempDir(), "gate"), 0, primary.URL)
	first := startGate(t, settings)
	kept := func(address string) *keptConnection {
		t.Helper()
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
		c, err := dialer.Dial("tcp", strings.TrimPrefix(first.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return &keptConnection{t, c, bufio.NewReader(c)}
	}
	used, unused, given := kept("127.0.0.2"), kept("127.0.0.3"), kept("127.0.0.4")
	used.pays("k1", false)
	given.pays("k2", false)
	second := startGate(t, settings)
	third := startGate(t, settings)
	if err := <-second.ended; err != nil {
		t.Errorf("the gate that had no connection ended with %v", err)
	}
	unused.pays("k3", true)
	used.pays("k4", true)
	select {
	case err := <-first.ended:
		t.Errorf("a gate with a connection ended with %v", err)
	default:
	}
	given.Close()
	if err := <-first.ended; err != nil {
		t.Errorf("the first gate ended with %v", err)
	}
	for _, want := range []string{"127.0.0.2", "127.0.0.4", "127.0.0.3", "127.0.0.2"} {
		if got := <-from; got != want {
			t.Errorf("a payment came from %s, not from %s", got, want)
		}
	}
	third.hold.Close()
	if err := <-third.ended; err != nil {
		t.Error(err)
	}
}

type keptConnection struct {
	t *testing.T
	net.Conn
	answers *bufio.Reader
}

// pays makes a payment, with whose answer the connection ends if it is the last.
func (k *keptConnection) pays(key string, last bool) {
	k.t.Helper()
	if _, err := fmt.Fprintf(k, "POST /pay HTTP/1.1\r\nHost: gate\r\nIdempotency-Key: %s\r\nContent-Length: 2\r\n\r\n{}", key); err != nil {
		k.t.Fatal(err)
	}
	resp, err := http.ReadResponse(k.answers, nil)
	if err != nil {
		k.t.Fatalf("payment %s is not answered: %v", key, err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusCreated || resp.Close != last {
		k.t.Errorf("payment %s: status %d, the last: %v, %v", key, resp.StatusCode, resp.Close, err)
	}
	if !last {
		return
	}
	if _, err := k.answers.ReadByte(); err != io.EOF {
		k.t.Errorf("the connection goes on after its last answer: %v", err)
	}
}

func payOnce(client *http.Client, url, key string) error {
	req, err := http.NewRequest(http.MethodPost, url+"/pay", strings.NewReader("{}"))
	if err != nil {
		return err
	}
	req.Header.Set("Idempotency-Key", key)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("status %d, %q, %v", resp.StatusCode, body, err)
	}
	return nil
}

// Without the flag the directory of a running gate is refused, and the gate that
// runs goes on.
func TestNoTakeOverUnasked(t *testing.T) {
	t.Parallel()
	primary := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201) }))
	defer primary.Close()
	content := fmt.Sprintf(handoverSettings, filepath.Join(t.TempDir(), "gate"), 0, primary.URL)
	first := startGate(t, content)
	conf, err := config.LoadGate(config.Options{Content: []byte(content)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenGate(GateOptions{Config: conf, Log: slog.New(slog.DiscardHandler), Now: time.Now}); err == nil || !strings.Contains(err.Error(), "in use by another gate process") {
		t.Errorf("opened: %v", err)
	}
	if err := payOnce(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, first.url, "k"); err != nil {
		t.Error(err)
	}
	first.hold.Close()
	if err := <-first.ended; err != nil {
		t.Error(err)
	}
}

// What is no message of listeners is refused.
func TestReceive(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "{}", `["payments :1"]`, "null", strings.Repeat("[", 5000)} {
		path := filepath.Join(t.TempDir(), "s")
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if c, err := l.Accept(); err == nil {
				io.WriteString(c, text)
				c.Close()
			}
		}()
		c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := receive(c); err == nil {
			t.Errorf("%q gives %v", text, got)
		}
		c.Close()
		l.Close()
	}
}

func TestFromSystemd(t *testing.T) {
	t.Parallel()
	open := func() (first int) {
		t.Helper()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return int(f.Fd())
	}
	ask := func(first int, vars map[string]string) (map[string]net.Listener, error) {
		return fromSystemd(func(name string) (string, bool) { v, ok := vars[name]; return v, ok }, 42, first)
	}
	pid := strconv.Itoa(42)
	got, err := ask(open(), map[string]string{"LISTEN_PID": pid, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "holdfast-gate.socket"})
	if err != nil || len(got) != 1 || got["payments"] == nil {
		t.Errorf("%v, %v", got, err)
	} else {
		got["payments"].Close()
	}
	if got, err = ask(open(), map[string]string{"LISTEN_PID": pid, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "metrics"}); err != nil || got["metrics"] == nil {
		t.Errorf("%v, %v", got, err)
	} else {
		got["metrics"].Close()
	}
	if got, err := ask(0, map[string]string{"LISTEN_PID": "41", "LISTEN_FDS": "1"}); err != nil || got != nil {
		t.Errorf("sockets of another process are taken: %v, %v", got, err)
	}
	for _, n := range []string{"", "0", "-1", "x", "9"} {
		if _, err := ask(0, map[string]string{"LISTEN_PID": pid, "LISTEN_FDS": n}); err == nil {
			t.Errorf("LISTEN_FDS %q is taken", n)
		}
	}
}
