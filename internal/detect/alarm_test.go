package detect

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/locale"
)

func samples() []Finding {
	since := time.Date(2026, 11, 26, 3, 0, 5, 0, time.UTC)
	base := Finding{Severity: Major, Scope: Scope{Route: "pay", Channel: "qr"}, Since: since, At: since.Add(3 * time.Second), Payments: 1234, Sure: 23.5}
	as := func(k Kind, expected, seen float64, change func(*Finding)) Finding {
		f := base
		f.Kind, f.Expected, f.Seen = k, expected, seen
		if change != nil {
			change(&f)
		}
		return f
	}
	return []Finding{
		as(Failures, 0.0212, 0.125, nil),
		as(Unknowns, 0.001, 1, func(f *Finding) { f.Scope, f.Severity = Scope{}, Critical }),
		as(Slow, 0.05, 0.9, func(f *Finding) { f.SlowerThan = 250; f.Scope.Channel, f.Scope.Method = "", "card" }),
		as(Amounts, 0, 0.1, nil),
		as(Value, 823457, 411111, func(f *Finding) { f.Currency = "CNY" }),
		as(Value, 411111, 823457, func(f *Finding) { f.Currency = "CNY" }),
		as(Drop, 120.5, 3, nil),
		as(Surge, 120.5, 900, func(f *Finding) { f.Severity = Minor }),
		as(Failures, 0.02, 0.5, func(f *Finding) { f.Scope = Scope{Route: "pay", Bank: "icbc"} }),
		as(Unknowns, 0.001, 0.5, func(f *Finding) { f.Scope = Scope{Route: "pay", Merchant: "travel"} }),
		as(Codes, 0.0001, 0.04, func(f *Finding) { f.Scope.Code, f.Severity = "91", Minor }),
		as(Silent, 0, 15, func(f *Finding) { f.Scope, f.Gate, f.Payments, f.Sure = Scope{}, "east-1", 0, 0 }),
	}
}

// A finding that became an alert is read from it as it was, also through the
// journal, which hides what looks like a card number.
func TestAlarm(t *testing.T) {
	t.Parallel()
	fingerprints := map[string]bool{}
	for _, f := range samples() {
		in := f.Alarm(locale.For(holdfast.En))
		draft := alert.Receive(nil, in)[0]
		var stored alert.Incoming
		if err := json.Unmarshal(draft.Body, &stored); err != nil {
			t.Fatal(err)
		}
		got, ok := Read(stored)
		if !ok || !reflect.DeepEqual(got, f) {
			t.Errorf("%+v was read as %+v, %v", f, got, ok)
		}
		fingerprints[in.Fingerprint] = true
		if strings.ContainsAny(in.Annotations["summary"], "{}") || in.Annotations["summary"] == "" {
			t.Errorf("summary %q", in.Annotations["summary"])
		}
	}
	if len(fingerprints) != len(samples())-1 { // two are of one kind
		t.Errorf("fingerprints: %v", fingerprints)
	}
}

func TestTitles(t *testing.T) {
	t.Parallel()
	f := samples()[0]
	for lang, want := range map[holdfast.Lang]string{
		holdfast.ZhHant: "路由 pay，渠道 qr：12.5% 的支付未成（平常 2.12%）",
		holdfast.ZhHans: "路由 pay，渠道 qr：12.5% 的支付未成（平常 2.12%）",
		holdfast.En:     "route pay, channel qr: 12.5\u00a0% of the payments are not done (usually 2.12\u00a0%)",
	} {
		if got := f.Title(locale.For(lang)); got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
	if got := f.SureText(locale.For(holdfast.En)); !strings.Contains(got, "1,000,000,000") {
		t.Errorf("sure: %s", got)
	}
	if got := samples()[10].Title(locale.For(holdfast.ZhHant)); got != "路由 pay，渠道 qr，錯誤碼 91：4% 的支付回此錯誤碼（平常 0.01%）" {
		t.Errorf("code: %s", got)
	}
	if got := samples()[4].Title(locale.For(holdfast.En)); !strings.Contains(got, "CNY\u00a04,111.11") || !strings.Contains(got, "low") {
		t.Errorf("value: %s", got)
	}
}

func TestNoAlarm(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(*alert.Incoming){
		"another sender": func(in *alert.Incoming) { in.Source = "alertmanager" },
		"no such kind":   func(in *alert.Incoming) { in.Labels["alertname"] = "X" },
		"no severity":    func(in *alert.Incoming) { delete(in.Labels, "severity") },
		"no figure":      func(in *alert.Incoming) { delete(in.Annotations, "seen") },
		"no number":      func(in *alert.Incoming) { in.Annotations["seen"] = "NaN" },
		"below zero":     func(in *alert.Incoming) { in.Annotations["payments"] = "-1" },
		"no time":        func(in *alert.Incoming) { in.Annotations["found"] = "today" },
		"no code":        func(in *alert.Incoming) { in.Labels["alertname"] = "PaymentErrorCode" },
		"a code":         func(in *alert.Incoming) { in.Labels["code"] = "91" },
		"a gate":         func(in *alert.Incoming) { in.Labels["gate"] = "east-1" },
	} {
		f := samples()[0]
		in := f.Alarm(locale.For(holdfast.En))
		change(&in)
		if got, ok := Read(in); ok {
			t.Errorf("%s: read as %+v", what, got)
		}
	}
}

// Whatever an alert says, what is read of it can be shown in every language and
// becomes the same alert again.
func FuzzRead(f *testing.F) {
	for _, s := range samples() {
		in := s.Alarm(locale.For(holdfast.En))
		in.Resolved = false
		b, _ := json.Marshal(in)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var in alert.Incoming
		if json.Unmarshal(b, &in) != nil {
			return
		}
		got, ok := Read(in)
		if !ok {
			return
		}
		for _, lang := range []holdfast.Lang{holdfast.ZhHant, holdfast.ZhHans, holdfast.En} {
			p := locale.For(lang)
			if got.Title(p) == "" || got.SureText(p) == "" || got.Where(p) == "" {
				t.Fatalf("%+v cannot be told in %s", got, lang)
			}
		}
		again := got.Alarm(locale.For(holdfast.En))
		if back, ok := Read(again); !ok || back.Kind != got.Kind || back.Scope != got.Scope || !back.Since.Equal(got.Since) {
			t.Fatalf("%+v became %+v, %v", got, back, ok)
		}
	})
}
