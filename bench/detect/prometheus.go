package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// rules are what is usual: shares over a minute, mean amounts over five, each for
// a minute. The counters hold what a payment system itself exports.
const rules = `groups:
- name: payments
  rules:
  - alert: Failures
    expr: sum by (channel) (rate(payments_total{outcome="not-done"}[1m])) / sum by (channel) (rate(payments_total[1m])) > 0.05
    for: 1m
  - alert: Amounts
    expr: (sum by (channel) (rate(amount_total[5m])) / sum by (channel) (rate(payments_total{outcome="done"}[5m]))) < 0.8 * (sum by (channel) (rate(amount_total[30m] offset 5m)) / sum by (channel) (rate(payments_total{outcome="done"}[30m] offset 5m)))
    for: 1m
`

// scrape is how often Prometheus scrapes and evaluates, in seconds.
const scrape = 15

// counters are what Prometheus would scrape of the traffic.
type counters struct {
	sum  [len(channels)]made
	text [3 * len(channels)]strings.Builder
	n    int64
}

// take counts a second, and a scrape where one is due.
func (c *counters) take(all [len(channels)]made) {
	for i, m := range all {
		c.sum[i].done, c.sum[i].bad, c.sum[i].amount = c.sum[i].done+m.done, c.sum[i].bad+m.bad, c.sum[i].amount+m.amount
	}
	if c.n++; (c.n-1)%scrape > 0 {
		return
	}
	for i, m := range c.sum {
		fmt.Fprintf(&c.text[3*i], " %d", m.done)
		fmt.Fprintf(&c.text[3*i+1], " %d", m.bad)
		fmt.Fprintf(&c.text[3*i+2], " %.0f", m.amount)
	}
}

// promtool is the program of the Debian package prometheus.
func promtool() (string, error) {
	path, err := exec.LookPath("promtool")
	if err != nil {
		return "", errors.New("promtool is missing: tools/packages.sh bench installs it")
	}
	return path, nil
}

var fired = regexp.MustCompile(`alertname: (\w+), time: (\w+),`)

// fires lets the rule engine of Prometheus evaluate the rules over what was
// scraped, and returns the seconds from since to until at which an alert fires.
// Every evaluation is said to be without alerts, so promtool tells those that are
// not.
func (c *counters) fires(dir string, since, until int64) (seconds []int64, err error) {
	path, err := promtool()
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "rule_files: [rules.yml]\nevaluation_interval: %ds\ntests:\n- interval: %ds\n  input_series:\n", scrape, scrape)
	for i, name := range channels {
		for k, series := range []string{`payments_total{channel=%q,outcome="done"}`, `payments_total{channel=%q,outcome="not-done"}`, `amount_total{channel=%q}`} {
			fmt.Fprintf(&b, "  - series: '%s'\n    values: '%s'\n", fmt.Sprintf(series, name), strings.TrimSpace(c.text[3*i+k].String()))
		}
	}
	b.WriteString("  alert_rule_test:\n")
	for at := since - since%scrape; at <= until; at += scrape {
		for _, name := range []string{"Failures", "Amounts"} {
			fmt.Fprintf(&b, "  - {eval_time: %ds, alertname: %s, exp_alerts: []}\n", at, name)
		}
	}
	test := filepath.Join(dir, "test.yml")
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(rules), 0o600), os.WriteFile(test, []byte(b.String()), 0o600)); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	cmd := exec.Command(path, "test", "rules", test)
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	found := fired.FindAllStringSubmatch(out.String(), -1)
	if err != nil && len(found) == 0 {
		return nil, fmt.Errorf("promtool: %w\n%.2000s", err, out.String())
	}
	for _, f := range found {
		at, err := time.ParseDuration(f[2])
		if err != nil {
			return nil, fmt.Errorf("promtool says at %q: %w", f[2], err)
		}
		seconds = append(seconds, int64(at.Seconds()))
	}
	return seconds, nil
}
