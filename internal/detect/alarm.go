package detect

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/alert"
	"holdfast/internal/locale"
)

// Source is the source of the alerts that findings become.
const Source = "gates"

// names are the alerts' names by kind.
var names = map[Kind]string{
	Failures: "PaymentFailures", Unknowns: "PaymentOutcomesUnknown", Slow: "PaymentsSlow", Amounts: "PaymentAmountsDiffer",
	Value: "PaymentMeanAmount", Codes: "PaymentErrorCode", Drop: "PaymentVolumeDrop", Surge: "PaymentVolumeSurge", Silent: "GateSilent",
}

// Alarm returns the alert of a finding. Its summary is for those who read alerts
// elsewhere; whoever has the finding says it in the reader's language.
func (f *Finding) Alarm(p *locale.Printer) alert.Incoming {
	in := alert.Incoming{
		Source: Source, StartsAt: f.Since, Labels: map[string]string{"alertname": names[f.Kind], "severity": string(f.Severity)},
		Annotations: map[string]string{
			"summary": f.Title(p), "expected": number(f.Expected), "seen": number(f.Seen), "since": f.Since.UTC().Format(time.RFC3339),
			"found": f.At.UTC().Format(time.RFC3339), "payments": strconv.FormatInt(f.Payments, 10), "sure": number(f.Sure),
		},
	}
	set := func(m map[string]string, name, value string) {
		if value != "" {
			m[name] = value
		}
	}
	set(in.Labels, "route", f.Scope.Route)
	set(in.Labels, "channel", f.Scope.Channel)
	set(in.Labels, "method", f.Scope.Method)
	set(in.Labels, "bank", f.Scope.Bank)
	set(in.Labels, "merchant", f.Scope.Merchant)
	set(in.Labels, "code", f.Scope.Code)
	set(in.Labels, "gate", f.Gate)
	set(in.Annotations, "currency", f.Currency)
	if f.SlowerThan > 0 {
		in.Annotations["slower_than_ms"] = strconv.FormatInt(f.SlowerThan, 10)
	}
	in.Fingerprint = strings.Join([]string{string(f.Kind), string(f.Severity), f.Scope.Route, f.Scope.Channel, f.Scope.Method, f.Gate}, "|")
	if f.Scope.part() { // a fingerprint that was given before stays as it was
		in.Fingerprint += "|" + strings.Join([]string{f.Scope.Bank, f.Scope.Merchant, f.Scope.Code}, "|")
	}
	return in
}

// number writes a figure with six digits: what is longer could be taken for a
// card number, and says no more.
func number(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }

// Read returns the finding that an alert was made of; ok is false if it was made
// of none.
func Read(in alert.Incoming) (f Finding, ok bool) {
	if in.Source != Source {
		return Finding{}, false
	}
	for kind, name := range names {
		if in.Labels["alertname"] == name {
			f.Kind = kind
		}
	}
	f.Severity = Severity(in.Labels["severity"])
	f.Scope = Scope{in.Labels["route"], in.Labels["channel"], in.Labels["method"], in.Labels["bank"], in.Labels["merchant"], in.Labels["code"]}
	f.Gate, f.Currency, f.Since = in.Labels["gate"], in.Annotations["currency"], in.StartsAt.UTC()
	ok = f.Kind != "" && slices.Contains([]Severity{Critical, Major, Minor}, f.Severity) && (f.Kind == Silent) == (f.Gate != "") && (f.Kind == Codes) == (f.Scope.Code != "")
	figure := func(name string) float64 {
		x, err := strconv.ParseFloat(in.Annotations[name], 64)
		ok = ok && err == nil && x >= 0 && x <= math.MaxInt64
		return x
	}
	f.Expected, f.Seen, f.Sure = figure("expected"), figure("seen"), figure("sure")
	f.Payments = int64(min(figure("payments"), 1<<53))
	if in.Annotations["slower_than_ms"] != "" {
		f.SlowerThan = int64(min(figure("slower_than_ms"), 1<<53))
	}
	at, err := time.Parse(time.RFC3339, in.Annotations["found"])
	if err != nil || !ok {
		return Finding{}, false
	}
	f.At = at.UTC()
	return f, true
}
