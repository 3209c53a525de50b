package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// quick is how many times as fast as the clock a Prometheus server runs: it scrapes
// and evaluates each 250 ms in the place of 15 s, and its rules look so much less far
// back. What it takes to scrape and evaluate does not shrink with it: on a busy
// machine it is some scrapes late.
const quick = 60

// tick is a scrape by the clock.
const tick = scrape * time.Second / quick

// server is a Prometheus server that scrapes several runs of traffic at once.
type server struct {
	dir   string
	runs  []*counters
	begun atomic.Int64 // ns since 1970; 0 until it begins
}

// ServeHTTP gives the counters of a run as they are now.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	run, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
	begun := s.begun.Load()
	if err != nil || run < 0 || run >= len(s.runs) || begun == 0 {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	scrapes := s.runs[run].scrapes
	at := int(time.Since(time.Unix(0, begun)) / tick)
	if at >= len(scrapes) {
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	for i, name := range series {
		if exposed(name, scrapes[at][i]) {
			fmt.Fprintf(w, "%s %.0f\n", name, scrapes[at][i])
		}
	}
}

func (s *server) configure(target string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "global: {scrape_interval: %dms, scrape_timeout: %dms, evaluation_interval: %dms}\nrule_files: [rules.yml]\nscrape_configs:\n- job_name: payments\n  static_configs:\n",
		tick.Milliseconds(), tick.Milliseconds(), tick.Milliseconds())
	for i := range s.runs {
		fmt.Fprintf(&b, "  - {targets: [%q], labels: {case: \"%d\", __metrics_path__: /%d}}\n", target, i, i)
	}
	return errors.Join(os.WriteFile(filepath.Join(s.dir, "prometheus.yml"), []byte(b.String()), 0o600),
		os.WriteFile(filepath.Join(s.dir, "rules.yml"), []byte(rules(quick)), 0o600))
}

// firings runs the server and returns for each run when an alert fired first from
// the second since on, in seconds of the traffic, or never.
func (s *server) firings(ctx context.Context, since int64) ([]float64, error) {
	program, err := debian("prometheus")
	if err != nil {
		return nil, err
	}
	exporter, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	serve := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	defer serve.Close()
	go serve.Serve(exporter)
	own, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := own.Addr().String()
	if err := errors.Join(own.Close(), s.configure(exporter.Addr().String())); err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "--config.file="+filepath.Join(s.dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(s.dir, "tsdb"),
		"--web.listen-address="+address, "--query.lookback-delta=5s", "--log.level=error")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}()
	if err := ready(ctx, "http://"+address+"/-/ready"); err != nil {
		return nil, err
	}
	longest := 0
	for _, r := range s.runs {
		longest = max(longest, len(r.scrapes))
	}
	begun := time.Now()
	s.begun.Store(begun.UnixNano())
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(time.Duration(longest) * tick):
	}
	return s.ask(ctx, "http://"+address, begun, since, longest)
}

func ready(ctx context.Context, at string) error {
	for range 300 {
		if err := get(ctx, at, nil); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return errors.New("prometheus did not become ready in 30 s")
}

// get fetches a document, as JSON where into is given.
func get(ctx context.Context, at string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return err
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer w.Body.Close()
	if w.StatusCode != http.StatusOK {
		return fmt.Errorf("prometheus answered with status %d", w.StatusCode)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(w.Body).Decode(into)
}

// ask asks the server when alerts fired.
func (s *server) ask(ctx context.Context, base string, begun time.Time, since int64, longest int) ([]float64, error) {
	first := make([]float64, len(s.runs))
	for i := range first {
		first[i] = never
	}
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string `json:"metric"`
				Values [][2]any          `json:"values"`
			} `json:"result"`
		} `json:"data"`
	}
	seconds := func(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }
	from := begun.Add(time.Duration(since) * time.Second / quick)
	query := url.Values{
		"query": {`ALERTS{alertstate="firing"}`}, "start": {seconds(from)}, "end": {seconds(begun.Add(time.Duration(longest) * tick))},
		"step": {strconv.FormatFloat(tick.Seconds(), 'f', 3, 64)},
	}
	if err := get(ctx, base+"/api/v1/query_range?"+query.Encode(), &answer); err != nil {
		return nil, err
	}
	for _, alert := range answer.Data.Result {
		run, err := strconv.Atoi(alert.Metric["case"])
		if err != nil || run < 0 || run >= len(first) {
			return nil, fmt.Errorf("prometheus knows the case %q", alert.Metric["case"])
		}
		for _, v := range alert.Values {
			if at, ok := v[0].(float64); ok {
				first[run] = min(first[run], (at-float64(from.UnixMilli())/1000)*quick)
			}
		}
	}
	return first, nil
}
