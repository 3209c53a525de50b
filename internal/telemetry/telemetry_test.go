package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/payment"
)

const card = "6222021234567890123"

type who struct{ Card string }

type lazy struct{}

func (lazy) LogValue() slog.Value {
	return slog.GroupValue(slog.String("card", card), slog.Any("who", who{card}))
}

// Every way to hand a card number to the log.
func logCard(log *slog.Logger) {
	log.Info("card "+card, "card", card, "spaced", "6222 0212 3456 7890 123")
	log.Warn("number", "int", int64(6222021234567890123), "uint", uint64(6222021234567890123))
	log.Error("wrapped", "error", fmt.Errorf("pay: %w", errors.New("card "+card)))
	log.With("bound", card).WithGroup("g").Info("m", slog.Group("h", "card", card))
	log.Info("any", "struct", who{card}, "pointer", &who{card}, "list", []string{card}, "bytes", []byte(card),
		"map", map[string]string{"card": card}, "sensitive", payment.Sensitive(card), "lazy", lazy{}, "raw", json.RawMessage(`"`+card+`"`))
}

func TestCardsNeverReachTheLog(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		log, err := NewLogger(&out, "debug", format)
		if err != nil {
			t.Fatal(err)
		}
		logCard(log)
		digits := strings.NewReplacer(" ", "", "-", "").Replace(out.String())
		if strings.Contains(digits, card) || strings.Contains(digits, card[6:15]) {
			t.Errorf("%s:\n%s", format, out.String())
		}
		if n := strings.Count(out.String(), "\n"); n != 5 {
			t.Errorf("%s: %d lines", format, n)
		}
	}
}

func TestWhatIsNoCardStays(t *testing.T) {
	var out bytes.Buffer
	log, err := NewLogger(&out, "info", "text")
	if err != nil {
		t.Fatal(err)
	}
	hash := holdfast.Hash{0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56}
	log.Info("gate enrolled", "gate", "east-1", "count", 12345678901, "took", 1234567890123*time.Nanosecond,
		"head", holdfast.Head{Journal: "j", Epoch: 1, Position: 7, Hash: hash}, "hash", hash, "error", error(nil), "ok", true)
	for _, want := range []string{
		`level=INFO msg="gate enrolled" gate=east-1 count=12345678901 took=20m34.567890123s`,
		`head=j/1/7/123456789012 hash=1234567890123456`, "error=<nil> ok=true",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("missing %q in %s", want, out.String())
		}
	}
}

func TestLevels(t *testing.T) {
	var out bytes.Buffer
	log, err := NewLogger(&out, "warn", "json")
	if err != nil {
		t.Fatal(err)
	}
	log.Info("quiet")
	log.Warn("loud")
	var line struct{ Level, Msg string }
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Level != "WARN" || line.Msg != "loud" {
		t.Errorf("%v: %s", err, out.String())
	}
	for _, bad := range [][2]string{{"loud", "text"}, {"info", "xml"}, {"", "text"}, {"info", ""}} {
		if _, err := NewLogger(&out, bad[0], bad[1]); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// No message gets more digits of a long run through than Mask lets through.
func TestMaskingIsThatOfPayment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-9 a-]{0,40}`).Draw(t, "text")
		var out bytes.Buffer
		log, err := NewLogger(&out, "info", "json")
		if err != nil {
			t.Fatal(err)
		}
		log.Info(text, "v", text)
		var line struct{ Msg, V string }
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if want := payment.Mask(text); line.Msg != want || line.V != want {
			t.Fatalf("%q: message %q, value %q, want %q", text, line.Msg, line.V, want)
		}
	})
}

func TestRegistry(t *testing.T) {
	families, err := NewRegistry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, f := range families {
		found[f.GetName()] = true
		if f.GetName() == "holdfast_build_info" {
			labels := map[string]string{}
			for _, l := range f.GetMetric()[0].GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["version"] != Version() || !strings.HasPrefix(labels["go"], "go1.") || f.GetMetric()[0].GetGauge().GetValue() != 1 {
				t.Errorf("build info %v", f)
			}
		}
	}
	for _, name := range []string{"holdfast_build_info", "go_goroutines", "process_open_fds"} {
		if !found[name] {
			t.Errorf("no %s", name)
		}
	}
}

func TestVersion(t *testing.T) {
	const revision = "0123456789abcdef0123456789abcdef01234567"
	made := "v0.0.0-20261124043600-0123456789ab"
	for _, test := range []struct {
		main, revision, modified, want string
	}{
		{"", "", "", "devel"},
		{"(devel)", "", "", "devel"},
		{"v0.1.0", revision, "false", "v0.1.0"},
		{"v0.1.0+dirty", revision, "true", "v0.1.0+dirty"},
		{made, revision, "false", "0123456789ab"},
		{made + "+dirty", revision, "true", "0123456789ab-dirty"},
		{"v0.1.1-0.20261124043600-0123456789ab", revision, "false", "0123456789ab"},
		{"(devel)", revision, "true", "0123456789ab-dirty"},
		{made, "", "", made},
		{"(devel)", "abc", "false", "abc"},
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: test.main}}
		if test.revision != "" {
			info.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: test.revision}, {Key: "vcs.modified", Value: test.modified}}
		}
		if got := version(info); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}
