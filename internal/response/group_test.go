package response

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

// raise delivers an alert with labels, written "channel=app bank=x", and returns its
// id.
func (w *world) raise(name, labels string) string {
	w.Helper()
	in := alert.Incoming{Source: "alertmanager", Fingerprint: name, StartsAt: time.Now(), Labels: map[string]string{"alertname": name}}
	for pair := range strings.FieldsSeq("severity=major " + labels) {
		k, v, _ := strings.Cut(pair, "=")
		in.Labels[k] = v
	}
	w.must(w.alerts.Deliver(w.Context(), sender, alert.Delivery{Members: []alert.Incoming{in}}))
	return in.ID()
}

// publishRules puts a plan in force whose alert rules are these, as YAML.
func (w *world) publishRules(rules string) {
	w.Helper()
	text := string(plan.Builtin())
	before, rest, _ := strings.Cut(text, "\nalerts:\n")
	_, after, _ := strings.Cut(rest, "\nprocedures:\n")
	w.must(w.do(w.Context(), mei, func(now time.Time) ([]journal.Draft, error) {
		text := []byte(before + "\nalerts:\n" + rules + "\nprocedures:\n" + after)
		_, drafts, err := plan.PublishApproved(w.Plans, "payment-system", text, "", plan.Approved{}, now)
		return drafts, err
	}))
}

const oneRule = `  - id: all
    match: "true"
    level: 2
    why: { zh-Hant: 原因, zh-Hans: 原因, en: a reason }
`

// Alerts of one cause make one suspected incident, of several causes several, and
// each alert keeps why it is where it is.
func TestGroupsByCause(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		rules string
		tell  func(w *world)
		want  string
	}{
		{"one channel", "", func(w *world) {
			w.raise("Failures", "channel=app")
			w.raise("Latency", "channel=app job=db")
		}, "1 suspected 2: Failures Latency"},
		{"two channels", "", func(w *world) {
			w.raise("A", "channel=app")
			w.raise("B", "channel=card")
			w.raise("C", "channel=app")
		}, "1 suspected 2: A C; 2 suspected 2: B"},
		{"a part is not the whole", "", func(w *world) {
			w.raise("A", "")
			w.raise("B", "channel=card")
		}, "1 suspected 2: A; 2 suspected 2: B"},
		{"the whole at level 1 takes in its parts", "", func(w *world) {
			w.raise("A", "severity=critical")
			w.raise("B", "channel=card")
		}, "1 suspected 1: A B"},
		{"five minutes later, and over: another", "", func(w *world) {
			w.raise("A", "channel=app")
			w.end("A")
			time.Sleep(alert.Window + time.Second)
			w.raise("B", "channel=app")
		}, "1 suspected 2: A; 2 suspected 2: B"},
		{"later, and still firing: the same", "", func(w *world) {
			w.raise("A", "channel=app")
			time.Sleep(time.Hour)
			w.raise("B", "channel=app")
		}, "1 suspected 2: A B"},
		{"later, while it is handled: the same", "", func(w *world) {
			w.raise("A", "channel=app")
			w.end("A")
			w.must(w.Confirm(w.Context(), mei, w.Incidents.All()[0].ID, holdfast.Level2, ""))
			time.Sleep(time.Hour)
			w.raise("B", "channel=app")
			w.raise("C", "channel=card")
		}, "1 active 2: A B; 2 suspected 2: C"},
		{"graver, of the same cause: it joins, and a person decides", "", func(w *world) {
			w.raise("A", "channel=app")
			w.must(w.Confirm(w.Context(), mei, w.Incidents.All()[0].ID, holdfast.Level2, ""))
			w.raise("B", "channel=app severity=critical")
			w.raise("C", "channel=app severity=?")
		}, "1 active 2: A B C"},
		{"graver, of another cause: an incident of its own", "", func(w *world) {
			w.raise("A", "channel=app")
			w.must(w.Confirm(w.Context(), mei, w.Incidents.All()[0].ID, holdfast.Level2, ""))
			w.raise("B", "channel=card severity=critical")
		}, "1 active 2: A; 2 suspected 1: B"},
		{"labels that the plan names", oneRule + "    group_by: [alertname, zone]\n", func(w *world) {
			w.raise("A", "alertname=Down channel=app zone=x")
			w.raise("B", "alertname=Down channel=app zone=y")
			w.raise("C", "alertname=Down channel=card zone=x")
			w.raise("D", "alertname=Up zone=x")
		}, "1 suspected 2: A C; 2 suspected 2: B; 3 suspected 2: D"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, 1, func(w *world) {
				if tt.rules != "" {
					w.publishRules(tt.rules)
				}
				tt.tell(w)
				if got := w.incidents(); got != tt.want {
					t.Errorf("incidents: %s, want %s", got, tt.want)
				}
				for _, a := range w.Alerts.All() {
					if a.Ground == nil || a.Ground.Kind == "" {
						t.Errorf("nothing says why alert %s is in incident %s", a.Fingerprint, a.Incident)
					}
				}
			})
		})
	}
}

// end resolves an alert.
func (w *world) end(name string) {
	w.Helper()
	for _, a := range w.Alerts.All() {
		if a.Fingerprint == name && a.Firing {
			in := a.Incoming
			in.Resolved = true
			w.must(w.alerts.Deliver(w.Context(), sender, alert.Delivery{Members: []alert.Incoming{in}}))
		}
	}
}

func TestGroundsAreKept(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		a, b := w.raise("A", "channel=app"), w.raise("B", "channel=app")
		for id, want := range map[string]alert.Ground{
			a: {Kind: alert.First, Cause: "channel=app"},
			b: {Kind: alert.SameCause, Cause: "channel=app", Near: alert.Minutes},
		} {
			if got := *w.Alerts.Alert(id).Ground; got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		}
	})
}

// A person takes an alert out of an incident; both incidents and the alert keep the
// record, and what comes later finds its own cause.
func TestRegroup(t *testing.T) {
	t.Parallel()
	run(t, 2, func(w *world) {
		ctx := w.Context()
		a, b := w.raise("A", "channel=app"), w.raise("B", "channel=app")
		first := w.Incidents.All()[0].ID
		own, err := w.Regroup(ctx, mei, b, "", "another bank's fault; 4111 1111 1111 1111")
		w.must(err)
		if got := w.incidents(); got != "1 suspected 2: A; 2 suspected 2: B" || w.Alerts.Alert(b).Incident != own {
			t.Fatalf("incidents: %s; B is in %s", got, w.Alerts.Alert(b).Incident)
		}
		m := w.Alerts.Alert(b).Moves
		if len(m) != 1 || m[0].From != first || m[0].To != own || m[0].By != mei || strings.Contains(m[0].Reason, "4111 1111") {
			t.Errorf("the move is %+v", m)
		}
		_, err = w.Regroup(ctx, mei, b, first, "it was the same after all")
		w.must(err)
		if got := w.incidents(); got != "1 suspected 2: A B; 2 suspected 2: " {
			t.Errorf("incidents: %s", got)
		}
		w.end("B")
		facts, _ := w.timeline.Of(first)
		if last := facts[len(facts)-1]; last.Kind != alert.KindResolved {
			t.Errorf("the end of an alert that came back stands elsewhere; the last fact here is %s", last.Kind)
		}
		for _, refused := range []struct {
			alert, to, reason string
			code              holdfast.Code
		}{
			{a, "", "", holdfast.Invalid}, {a, first, "x", holdfast.Conflict}, {a, "2000-9", "x", holdfast.NotFound}, {"none", "", "x", holdfast.NotFound},
		} {
			if _, err := w.Regroup(ctx, mei, refused.alert, refused.to, refused.reason); holdfast.CodeOf(err) != refused.code {
				t.Errorf("%+v: %v", refused, err)
			}
		}
		w.must(w.Dismiss(ctx, mei, own, "empty"))
		if _, err := w.Regroup(ctx, mei, a, own, "x"); holdfast.CodeOf(err) != holdfast.Conflict {
			t.Errorf("into an incident that is over: %v", err)
		}
		_, err = w.Regroup(ctx, mei, b, "", "x")
		w.must(err)
		if _, err := w.Regroup(ctx, mei, a, "", "x"); holdfast.CodeOf(err) != holdfast.Conflict {
			t.Errorf("the only alert of an incident: %v", err)
		}
	})
}

// A storm of alerts that no rule concerns is looked at once, and one of a few causes
// is grouped in few appends; nothing is left over.
func TestStormIsGrouped(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		const alerts, causes = 3000, 5
		var members []alert.Incoming
		for i := range alerts {
			members = append(members, alert.Incoming{
				Source: "alertmanager", Fingerprint: fmt.Sprint(i), StartsAt: time.Now(),
				Labels: map[string]string{"alertname": "Storm", "severity": "major", "channel": fmt.Sprint("c", i%causes)},
			})
		}
		for i := range 5000 {
			members = append(members, alert.Incoming{Source: "alertmanager", Fingerprint: fmt.Sprint("quiet", i), StartsAt: time.Now(), Labels: map[string]string{"severity": "info"}})
		}
		w.must(w.alerts.Deliver(w.Context(), sender, alert.Delivery{Members: members}))
		synctest.Wait()
		total := 0
		for _, in := range w.Incidents.All() {
			total += len(in.Alerts)
		}
		if len(w.Incidents.All()) != causes || total != alerts || w.Alerts.WaitingCount() != 5000 {
			t.Errorf("%d incidents with %d alerts; %d wait", len(w.Incidents.All()), total, w.Alerts.WaitingCount())
		}
		joins := map[string]bool{}
		for _, f := range w.facts() {
			if f.Kind == incident.KindJoined {
				joins[f.Append] = true
			}
		}
		if len(joins) > alerts/100 {
			t.Errorf("%d appends for %d alerts", len(joins), alerts)
		}
	})
}
