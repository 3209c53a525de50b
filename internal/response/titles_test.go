package response

import (
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/callout"
	"holdfast/internal/detect"
	"holdfast/internal/locale"
)

func found() detect.Finding {
	at := time.Date(2000, 1, 1, 0, 0, 5, 0, time.UTC)
	return detect.Finding{
		Kind: detect.Failures, Severity: detect.Major, Scope: detect.Scope{Route: "pay", Bank: "icbc"}, Since: at, At: at, Seen: 0.5, Expected: 0.02, Payments: 100, Sure: 30,
	}
}

// What Holdfast itself says it says in every language, and only that.
func TestTitles(t *testing.T) {
	t.Parallel()
	own := func(source, name string, more ...string) alert.Incoming {
		in := alert.Incoming{Source: source, Labels: map[string]string{"alertname": name}, Annotations: map[string]string{"summary": "stored"}}
		for i := 0; i < len(more); i += 2 {
			in.Labels[more[i]] = more[i+1]
		}
		return in
	}
	f := found()
	for what, c := range map[string]struct {
		in   alert.Incoming
		want holdfast.Text
	}{
		"a finding": {f.Alarm(locale.For(holdfast.ZhHant)), holdfast.Text{
			ZhHant: "路由 pay，銀行 icbc：50% 的支付未成（平常 2%）", ZhHans: "路由 pay，银行 icbc：50% 的支付未成（平常 2%）",
			En: "route pay, bank icbc: 50\u00a0% of the payments are not done (usually 2\u00a0%)",
		}},
		"monitoring is silent": {own(ownSource, silentName, watchdogName, "prometheus"), holdfast.Text{ZhHant: "監控信號中斷：prometheus", ZhHans: "监控信号中断：prometheus", En: "Monitoring is silent: prometheus"}},
		"the auditor": {own(callout.Source, callout.Late), holdfast.Text{
			ZhHant: "應送達人員的事項遲到", ZhHans: "应送达人员的事项迟到", En: "Something that was due to people came to pass late",
		}},
		"another of its own":  {own(ownSource, "X"), holdfast.Text{}},
		"another's":           {own("alertmanager", callout.Late), holdfast.Text{}},
		"another's, as found": {own("alertmanager", "PaymentFailures"), holdfast.Text{}},
		"nothing":             {alert.Incoming{}, holdfast.Text{}},
	} {
		if got := Titles(c.in); got != c.want {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

// An incident that Holdfast's own alert opens reads in each reader's language, by
// whomever it is opened; a person's own title stays his.
func TestIncidentReadsInEachLanguage(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		w.publishRules(oneRule)
		f := found()
		for _, severity := range []detect.Severity{detect.Critical, detect.Major, detect.Minor} {
			f.Severity, f.Since = severity, f.Since.Add(time.Second)
			w.must(w.alerts.Deliver(w.Context(), sender, alert.Delivery{Members: []alert.Incoming{f.Alarm(locale.For(holdfast.ZhHant))}}))
		}
		read := func(id, lang string) (title string) {
			w.Desk.State.View(func() { title = w.Incidents.Incident(id).TitleIn(holdfast.Lang(lang)) })
			return title
		}
		var opened, grouped string
		w.Desk.State.View(func() { opened, grouped = w.Incidents.All()[0].ID, w.Incidents.All()[0].Alerts[1] })
		if got := read(opened, "en"); !strings.HasPrefix(got, "route pay, bank icbc: 50") {
			t.Errorf("in English: %s", got)
		}
		if got := read(opened, "zh-Hans"); !strings.HasPrefix(got, "路由 pay，银行 icbc") {
			t.Errorf("in simplified Chinese: %s", got)
		}
		alone, err := w.Regroup(w.Context(), mei, grouped, "", "another cause")
		w.must(err)
		if got := read(alone, "en"); !strings.HasPrefix(got, "route pay, bank icbc: 50") {
			t.Errorf("on its own: %s", got)
		}
		own, err := w.Suspect(w.Context(), mei, "The bank's line is cut", nil)
		w.must(err)
		if got := read(own, "zh-Hant"); got != "The bank's line is cut" {
			t.Errorf("a person's: %s", got)
		}
		w.publishRules(strings.Replace(oneRule, `match: "true"`, `match: name == "none"`, 1))
		f.Scope.Bank, f.Since = "abc", f.Since.Add(time.Minute)
		waiting := f.Alarm(locale.For(holdfast.ZhHant))
		w.must(w.alerts.Deliver(w.Context(), sender, alert.Delivery{Members: []alert.Incoming{waiting}}))
		byHand, err := w.Suspect(w.Context(), mei, waiting.Annotations["summary"], []string{waiting.ID()})
		w.must(err)
		renamed, err := w.Suspect(w.Context(), mei, "abc is down", nil)
		w.must(err)
		if got := read(byHand, "en"); !strings.HasPrefix(got, "route pay, bank abc: 50") || read(renamed, "en") != "abc is down" {
			t.Errorf("opened by a person: %s, %s", got, read(renamed, "en"))
		}
	})
}
