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

// rules are what is usual: shares over a minute, mean amounts and codes over five,
// each for a minute. The counters hold what a payment system itself exports. Times
// are in seconds, so that a server can run them faster than the clock.
func rules(scale int) string {
	text := `groups:
- name: payments
  rules:
  - alert: Failures
    expr: sum by (case, channel) (rate(payments_total{outcome="not-done"}[60S])) / sum by (case, channel) (rate(payments_total[60S])) > 0.05
    for: 60S
  - alert: BankFailures
    expr: sum by (case, bank) (rate(bank_payments_total{outcome="not-done"}[60S])) / sum by (case, bank) (rate(bank_payments_total[60S])) > 0.05
    for: 60S
  - alert: Codes
    expr: sum by (case, channel, code) (rate(errors_total[300S])) > 3 * sum by (case, channel, code) (rate(errors_total[1800S] offset 300S)) and sum by (case, channel, code) (rate(errors_total[300S])) > on (case, channel) group_left 0.01 * sum by (case, channel) (rate(payments_total[300S]))
    for: 60S
  - alert: Amounts
    expr: (sum by (case, channel) (rate(amount_total[300S])) / sum by (case, channel) (rate(payments_total{outcome="done"}[300S]))) < 0.8 * (sum by (case, channel) (rate(amount_total[1800S] offset 300S)) / sum by (case, channel) (rate(payments_total{outcome="done"}[1800S] offset 300S)))
    for: 60S
`
	return seconds.ReplaceAllStringFunc(text, func(s string) string {
		n, err := time.ParseDuration(strings.ToLower(s))
		if err != nil {
			panic("bench/detect: " + s + " is no time: " + err.Error()) // they stand above
		}
		return fmt.Sprint(n.Milliseconds()/int64(scale)) + "ms"
	})
}

var (
	seconds    = regexp.MustCompile(`\d+S`)
	alertNames = []string{"Failures", "BankFailures", "Codes", "Amounts"}
)

// scrape is how often Prometheus scrapes and evaluates, in seconds.
const scrape = 15

// series are the names of what is scraped.
var series = func() (names []string) {
	for _, c := range channels {
		names = append(names, fmt.Sprintf(`payments_total{channel=%q,outcome="done"}`, c), fmt.Sprintf(`payments_total{channel=%q,outcome="not-done"}`, c),
			fmt.Sprintf(`amount_total{channel=%q}`, c), fmt.Sprintf(`errors_total{channel=%q,code=%q}`, c, usualCode), fmt.Sprintf(`errors_total{channel=%q,code=%q}`, c, newCode))
	}
	for _, b := range banks {
		names = append(names, fmt.Sprintf(`bank_payments_total{bank=%q,outcome="done"}`, b), fmt.Sprintf(`bank_payments_total{bank=%q,outcome="not-done"}`, b))
	}
	return names
}()

// counters are what Prometheus scrapes of the traffic, by series.
type counters struct {
	sum     []float64
	scrapes [][]float64
	n       int64
}

// take counts a second, and a scrape where one is due.
func (c *counters) take(all [len(channels)]made) {
	if c.sum == nil {
		c.sum = make([]float64, len(series))
	}
	i := 0
	add := func(values ...float64) {
		for _, v := range values {
			c.sum[i] += v
			i++
		}
	}
	for _, m := range all {
		add(float64(m.done), float64(m.bad), m.amount, float64(m.bad-m.recoded), float64(m.recoded))
	}
	for b := range banks {
		var done, bad int64
		for _, m := range all {
			done, bad = done+m.bankDone[b], bad+m.bankBad[b]
		}
		add(float64(done), float64(bad))
	}
	if c.n++; (c.n-1)%scrape == 0 {
		c.scrapes = append(c.scrapes, append([]float64(nil), c.sum...))
	}
}

// exposed reports whether a series is there: a code is counted once it was met.
func exposed(name string, value float64) bool {
	return value > 0 || !strings.HasPrefix(name, "errors_total")
}

// debian finds a program of the Debian package prometheus.
func debian(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return "", errors.New(program + " is missing: tools/packages.sh bench installs it")
	}
	return path, nil
}

var fired = regexp.MustCompile(`alertname: (\w+), time: (\w+),`)

// fires lets the rule engine of Prometheus evaluate the rules over what was
// scraped, and returns the seconds from since to until at which an alert fires.
// Every evaluation is said to be without alerts, so promtool tells those that are
// not.
func (c *counters) fires(dir string, since, until int64) (seconds []int64, err error) {
	path, err := debian("promtool")
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "rule_files: [rules.yml]\nevaluation_interval: %ds\ntests:\n- interval: %ds\n  input_series:\n", scrape, scrape)
	for i, name := range series {
		fmt.Fprintf(&b, "  - series: '%s'\n    values: '", name)
		for k, values := range c.scrapes {
			if k > 0 {
				b.WriteByte(' ')
			}
			if exposed(name, values[i]) {
				fmt.Fprintf(&b, "%.0f", values[i])
			} else {
				b.WriteByte('_')
			}
		}
		b.WriteString("'\n")
	}
	b.WriteString("  alert_rule_test:\n")
	for at := since - since%scrape; at <= until; at += scrape {
		for _, name := range alertNames {
			fmt.Fprintf(&b, "  - {eval_time: %ds, alertname: %s, exp_alerts: []}\n", at, name)
		}
	}
	test := filepath.Join(dir, "test.yml")
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(rules(1)), 0o600), os.WriteFile(test, []byte(b.String()), 0o600)); err != nil {
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
