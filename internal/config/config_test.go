package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
)

// env makes a lookup of environment variables.
func env(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := vars[name]
		return value, ok
	}
}

func TestDefaults(t *testing.T) {
	c, err := Load(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Data != "holdfast-data" || c.Listen.Console != "127.0.0.1:8800" || c.Listen.Fleet != "" {
		t.Errorf("data %q, console %q, fleet %q", c.Data, c.Listen.Console, c.Listen.Fleet)
	}
	if c.Fleet.Lease.D() != 30*time.Second || c.Language != holdfast.ZhHant || !c.Notices.SMTP.StartTLS {
		t.Errorf("lease %s, language %s, starttls %t", c.Fleet.Lease, c.Language, c.Notices.SMTP.StartTLS)
	}
	if c.TimeZone.Location() != time.UTC {
		t.Errorf("time zone %s", c.TimeZone)
	}
}

func TestWholeFile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"ca.pem", "cert.pem", "key.pem", "hook"} {
		write(t, filepath.Join(dir, name), "s3cret\n")
	}
	c, err := Load(Options{
		File: "holdfast.yaml",
		Content: []byte(strings.ReplaceAll(`
data: /var/lib/holdfast
operator: 聯合支付
language: en
time_zone: Asia/Taipei
allowed_hosts: [Holdfast.example.org, 10.0.0.7]
listen: {console: ":8443", fleet: "0.0.0.0:8801", metrics: "127.0.0.1:0"}
tls: {certificate: DIR/cert.pem, key: DIR/key.pem}
fleet: {authority: DIR/ca.pem, certificate: DIR/cert.pem, key: DIR/key.pem, lease: 10s}
notices:
  smtp: {host: mail.example.org, port: 25, username: duty, password: env:SMTP_PASSWORD, from: Duty <duty@example.org>}
  webhook: {secret: file:DIR/hook}
sessions: {idle: 15m, lifetime: 8h}
probes: {gate: "http://127.0.0.1:8080"}
log: {level: debug, format: json}
`, "DIR", dir)),
		Env: env(map[string]string{"SMTP_PASSWORD": "pw"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.TimeZone.Location().String(); got != "Asia/Taipei" {
		t.Errorf("time zone %s", got)
	}
	if !slices.Equal(c.AllowedHosts, []Host{"holdfast.example.org", "10.0.0.7"}) {
		t.Errorf("allowed hosts %q", c.AllowedHosts)
	}
	secret, err := c.Notices.Webhook.Secret.Read(nil)
	if err != nil || secret != "s3cret" {
		t.Errorf("webhook secret %q, %v", secret, err)
	}
}

func TestPrecedence(t *testing.T) {
	const path, file = "fleet.lease", "fleet: {lease: 40s}"
	variable := map[string]string{"HOLDFAST_FLEET_LEASE": "50s"}
	flags := map[string]string{path: "1m"}
	tests := []struct {
		name   string
		opt    Options
		value  string
		origin string
	}{
		{"default", Options{}, "30s", "default"},
		{"file", Options{Content: []byte(file)}, "40s", "f.yaml:1:16"},
		{"environment", Options{Content: []byte(file), Env: env(variable)}, "50s", "environment HOLDFAST_FLEET_LEASE"},
		{"flag", Options{Content: []byte(file), Env: env(variable), Flags: flags}, "1m0s", "flag --fleet-lease"},
		{"flag over default", Options{Flags: flags}, "1m0s", "flag --fleet-lease"},
	}
	for _, test := range tests {
		if test.opt.Content != nil {
			test.opt.File = "f.yaml"
		}
		c, err := Load(test.opt)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		i := slices.IndexFunc(c.Explain(), func(s Setting) bool { return s.Path == path })
		got := c.Explain()[i]
		if got.Value != test.value || got.Origin.String() != test.origin || c.Fleet.Lease.String() != test.value {
			t.Errorf("%s: %s from %s, want %s from %s", test.name, got.Value, got.Origin, test.value, test.origin)
		}
	}
}

func TestListsAndSwitchesFromOutsideTheFile(t *testing.T) {
	c, err := Load(Options{
		File: "f.yaml", Content: []byte("allowed_hosts: [a]\nlisten: {metrics: ':9'}"),
		Env: env(map[string]string{
			"HOLDFAST_ALLOWED_HOSTS": "b.example, c.example", "HOLDFAST_LISTEN_METRICS": "",
			"HOLDFAST_NOTICES_SMTP_STARTTLS": "false", "HOLDFAST_NOTICES_SMTP_PORT": "25",
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.AllowedHosts, []Host{"b.example", "c.example"}) || c.Listen.Metrics != "" {
		t.Errorf("allowed hosts %q, metrics %q", c.AllowedHosts, c.Listen.Metrics)
	}
	if c.Notices.SMTP.StartTLS || c.Notices.SMTP.Port != 25 {
		t.Errorf("smtp %+v", c.Notices.SMTP)
	}
	c, err = Load(Options{Flags: map[string]string{"allowed_hosts": ""}})
	if err != nil || len(c.AllowedHosts) != 0 {
		t.Errorf("an empty list: %q, %v", c.AllowedHosts, err)
	}
}

func TestExplainShowsEverySettingAndNoSecret(t *testing.T) {
	c, err := Load(Options{
		Env:   env(map[string]string{"PW": "do-not-show"}),
		Flags: map[string]string{"notices.smtp.username": "duty", "notices.smtp.password": "env:PW"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, s := range c.Explain() {
		text.WriteString(s.Path + "=" + s.Value + "\n")
	}
	if strings.Contains(text.String(), "do-not-show") || !strings.Contains(text.String(), "notices.smtp.password=env:PW\n") {
		t.Errorf("explained:\n%s", text.String())
	}
	for _, path := range paths(t, Config{}) {
		if !strings.Contains(path, "[]") && !strings.Contains(text.String(), path+"=") { // an empty list of sections has no settings
			t.Errorf("%s is not explained", path)
		}
	}
}

func TestFileThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	big := filepath.Join(dir, "big.yaml")
	write(t, big, "# "+strings.Repeat("x", maxFile))
	for _, file := range []string{filepath.Join(dir, "none.yaml"), dir, big} {
		_, err := Load(Options{File: file})
		if holdfast.CodeOf(err) != holdfast.Invalid || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestFaultsHaveACode(t *testing.T) {
	_, err := Load(Options{Flags: map[string]string{"log.level": "loud", "fleet.lease": "1s"}})
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 2 || holdfast.CodeOf(err) != holdfast.Invalid {
		t.Fatalf("%v", err)
	}
	if first, second, ok := strings.Cut(err.Error(), "\n"); !ok || first == second {
		t.Errorf("each fault has its own line: %q", err.Error())
	}
}

func TestVariablesAndFlagsAreUnambiguous(t *testing.T) {
	// Variables that the program and its tests read for other ends.
	taken := map[string]string{"HOLDFAST_URL": "the CLI", "HOLDFAST_TOKEN": "the CLI", "HOLDFAST_SOAK": "the tests", "HOLDFAST_BINARY": "the tests"}
	for _, settings := range [][]string{paths(t, Config{}), paths(t, Gate{})} {
		seen := map[string]string{}
		for _, path := range settings {
			for _, name := range []string{Variable(path), Flag(path)} {
				if other := seen[name] + taken[name]; other != "" {
					t.Errorf("%s stands for %s and %s", name, other, path)
				}
				seen[name] = path
			}
		}
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
