package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/client"
	"holdfast/internal/view"
)

// alertmanager is Debian's package; tools/packages.sh installs it.
const alertmanager = "/usr/bin/prometheus-alertmanager"

// A real Alertmanager fires into Holdfast: a group grows, repeats itself and is
// resolved in part; Holdfast goes down and comes back; at the end there is one
// alert for each identity, and none is lost.
func TestAlertmanager(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := openWorldIn(t, dir)
	api := w.api()
	am := startAlertmanager(t, w.ready.API, monitorToken(t, dir))

	am.fire("CardLatency", "a", "b")
	w.until("the first group is in", func() bool { return len(w.alerts(api, "CardLatency")) == 2 })
	am.fire("CardLatency", "a", "b", "c") // the group grows, and repeats a and b
	w.until("the group has grown", func() bool { return len(w.alerts(api, "CardLatency")) == 3 })
	am.resolve("CardLatency", "b")
	w.until("b is resolved", func() bool { return w.firing(api, "CardLatency", "b") == "false" })
	if got := w.firing(api, "CardLatency", "a"); got != "true" {
		t.Errorf("a is still firing at the sender; here firing is %s", got)
	}

	w.stop()
	am.fire("BankDown", "x", "y") // Alertmanager tries again until somebody listens
	am.waitForAttempt()
	w = openWorldIn(t, dir)
	api = w.api()
	w.until("what fired meanwhile is in", func() bool { return len(w.alerts(api, "BankDown")) == 2 })
	if all := w.alerts(api, "CardLatency"); len(all) != 3 {
		t.Errorf("there are %d alerts CardLatency after the restart, not 3", len(all))
	}
	// x fires, ends and fires again: two identities of one fingerprint.
	am.resolve("BankDown", "x")
	w.until("x is resolved", func() bool { return w.firing(api, "BankDown", "x") == "false" })
	am.fire("BankDown", "x")
	w.until("x is a second alert", func() bool { return len(w.alerts(api, "BankDown")) == 3 })
}

// api is a client with the right to do everything.
func (w *world) api() *client.Client {
	w.t.Helper()
	c, err := client.New(w.ready.API, w.ready.Token, holdfast.En)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// monitorToken is the token with which the demo's own monitor delivers alerts. It
// can do nothing else.
func monitorToken(t *testing.T, dir string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "demo.json"))
	if err != nil {
		t.Fatal(err)
	}
	var kept struct{ Monitor string }
	if err := json.Unmarshal(content, &kept); err != nil || kept.Monitor == "" {
		t.Fatalf("the demo keeps no token of its monitor: %v", err)
	}
	return kept.Monitor
}

// until waits for something to come true, looking whenever the journal advances.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	ctx, cancel := limited(w.t, context.Background())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.ready.API+"/api/v1/events", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.ready.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatalf("until %s: %v", what, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		w.t.Fatalf("until %s: the stream of changes answers %s", what, resp.Status)
	}
	lines := bufio.NewScanner(resp.Body)
	for ended := true; ; ended = lines.Text() == "" { // an event is some lines and an empty one
		if ended && ok() {
			return
		}
		if !lines.Scan() {
			w.t.Fatalf("this did not come true: %s (%v)", what, lines.Err())
		}
	}
}

func (w *world) alerts(c *client.Client, name string) (list []view.Alert) {
	w.t.Helper()
	page, err := client.Get[view.Page[view.Alert]](context.Background(), c, "/alerts?limit=500")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, a := range page.Items {
		if a.Labels["alertname"] == name {
			list = append(list, a)
		}
	}
	return list
}

// firing says of the alerts of an instance whether they fire.
func (w *world) firing(c *client.Client, name, instance string) string {
	w.t.Helper()
	var said []string
	for _, a := range w.alerts(c, name) {
		if a.Labels["instance"] == instance {
			said = append(said, fmt.Sprint(a.Firing))
		}
	}
	return strings.Join(said, ",")
}

// sender is a real Alertmanager.
type sender struct {
	t    *testing.T
	base string
	// since holds when each instance began to fire, as Prometheus would say it.
	since map[string]time.Time
}

func startAlertmanager(t *testing.T, holdfastURL, token string) *sender {
	t.Helper()
	if _, err := os.Stat(alertmanager); err != nil {
		t.Fatalf("%s is missing; tools/packages.sh installs it: %v", alertmanager, err)
	}
	dir := t.TempDir()
	conf := fmt.Sprintf(`
route: {receiver: holdfast, group_by: [alertname], group_wait: 100ms, group_interval: 300ms, repeat_interval: 1s}
receivers:
  - name: holdfast
    webhook_configs:
      - url: %s/api/v1/intake/alertmanager
        http_config: {authorization: {credentials: %s}}
`, holdfastURL, token)
	file := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	var out bytes.Buffer
	command := exec.Command(alertmanager, "--config.file="+file, "--storage.path="+dir, "--web.listen-address="+address, "--cluster.listen-address=")
	command.Stdout, command.Stderr = &out, &out
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := command.Process.Kill(); err != nil {
			t.Errorf("stop Alertmanager: %v", err)
		}
		command.Wait()
		if t.Failed() {
			t.Logf("Alertmanager said:\n%s", &out)
		}
	})
	s := &sender{t, "http://" + address, map[string]time.Time{}}
	s.poll("Alertmanager is ready", func() bool {
		resp, err := http.Get(s.base + "/-/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return s
}

// poll looks again and again at a process that tells us nothing by itself.
func (s *sender) poll(what string, ok func() bool) {
	s.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := limited(s.t, context.Background())
	defer cancel()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.t.Fatalf("this did not come true: %s", what)
		}
	}
}

func (s *sender) fire(name string, instances ...string) {
	s.t.Helper()
	s.post(name, instances, time.Now().Add(time.Hour))
}

func (s *sender) resolve(name string, instances ...string) {
	s.t.Helper()
	s.post(name, instances, time.Now())
	for _, i := range instances {
		delete(s.since, name+i)
	}
}

func (s *sender) post(name string, instances []string, ends time.Time) {
	s.t.Helper()
	var alerts []map[string]any
	for _, i := range instances {
		if _, firing := s.since[name+i]; !firing {
			s.since[name+i] = time.Now()
		}
		alerts = append(alerts, map[string]any{
			"startsAt":    s.since[name+i].UTC(),
			"labels":      map[string]string{"alertname": name, "instance": i, "severity": "info"},
			"annotations": map[string]string{"summary": name + " at " + i},
			"endsAt":      ends.UTC(),
		})
	}
	body, err := json.Marshal(alerts)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.Post(s.base+"/api/v2/alerts", "application/json", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("Alertmanager took the alerts with %s", resp.Status)
	}
}

// waitForAttempt waits until Alertmanager has failed to deliver at least once.
func (s *sender) waitForAttempt() {
	s.t.Helper()
	s.poll("a delivery has failed", func() bool {
		resp, err := http.Get(s.base + "/metrics")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		var lines []string
		for scan := bufio.NewScanner(resp.Body); scan.Scan(); {
			lines = append(lines, scan.Text())
		}
		return slices.ContainsFunc(lines, func(l string) bool {
			return strings.HasPrefix(l, `alertmanager_notification_requests_failed_total{`) && strings.Contains(l, `integration="webhook"`) && !strings.HasSuffix(l, " 0")
		})
	})
}
