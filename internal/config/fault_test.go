package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each file in testdata/broken holds settings, then a line
// "---- faults", then the exact faults. Files named gate-… are a gate's.
func TestBrokenFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text, want, ok := strings.Cut(string(content), "---- faults\n")
			if !ok {
				t.Fatal("no faults are given")
			}
			opt := Options{File: "f.yaml", Content: []byte(text)}
			if strings.HasPrefix(name, "gate-") {
				_, err = LoadGate(opt)
			} else {
				_, err = Load(opt)
			}
			var faults Faults
			if !errors.As(err, &faults) {
				t.Fatalf("want faults, got %v", err)
			}
			if got := faults.Error() + "\n"; got != want {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
		})
	}
}

func TestFaultsOutsideTheFile(t *testing.T) {
	_, err := Load(Options{
		File:    "f.yaml",
		Content: []byte("notices: {smtp: {starttls: maybe}}"),
		Env:     env(map[string]string{"HOLDFAST_NOTICES_SMTP_PORT": "many", "HOLDFAST_TIME_ZONE": "Mars/Olympus"}),
		Flags:   map[string]string{"listen.console": "8800", "listen.consol": ":1", "operator": strings.Repeat("名", 101), "data": strings.Repeat("x", maxText+1)},
	})
	for _, want := range []string{
		`f.yaml:1:28: notices.smtp.starttls: "maybe": write true or false`,
		`environment HOLDFAST_NOTICES_SMTP_PORT: notices.smtp.port: "many" is not a whole number`,
		`environment HOLDFAST_TIME_ZONE: time_zone: "Mars/Olympus" is not a time zone: write a name such as Asia/Taipei or UTC`,
		`flag --listen-console: listen.console: "8800" is not an address: write host:port, such as 127.0.0.1:8800 or :8800`,
		`flag --listen-consol: listen.consol: there is no setting of this name; did you mean listen.console?`,
		`flag --operator: operator: the name has more than 100 characters`,
		`flag --data: data: the value has 4097 bytes; 4096 is the limit`,
	} {
		if err == nil || !strings.Contains(err.Error()+"\n", want+"\n") {
			t.Errorf("missing %q in:\n%v", want, err)
		}
	}
	if n := len(strings.Split(err.Error(), "\n")); n != 7 {
		t.Errorf("%d faults:\n%v", n, err)
	}
}

func TestFaultsNeverShowASecret(t *testing.T) {
	_, err := Load(Options{
		File:    "f.yaml",
		Content: []byte("notices: {smtp: {password: hunter2, username: duty}, webhook: {secret: 'whsec_hunter2'}}"),
		Env:     env(map[string]string{"HOLDFAST_NOTICES_WEBHOOK_SECRET": "hunter2"}),
		Flags:   map[string]string{"notices.smtp.password": "plain:hunter2"},
	})
	if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Count(err.Error(), "a secret does not stand here") != 4 {
		t.Errorf("%v", err)
	}
	_, err = LoadGate(Options{Flags: map[string]string{"primary.url": "https://user:hunter2@host"}})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}

func TestLimits(t *testing.T) {
	long := "operator: " + strings.Repeat("x", maxText+1)
	list := "allowed_hosts: [" + strings.Repeat("a,", maxList+1) + "]"
	for text, want := range map[string]string{
		long: "the value has 4097 bytes", list: "the list has 501 entries",
		"# " + strings.Repeat("x", maxFile): "1048576 is the limit",
	} {
		if _, err := Load(Options{File: "f.yaml", Content: []byte(text)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20s…: %v", text, err)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"console", "fleet", "metrics"}
	for text, want := range map[string]string{
		"consol": "console", "Fleet": "fleet", "metric": "metrics", "matrices": "metrics", "database": "", "": "", "x": "",
	} {
		if got := nearest(text, known); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
