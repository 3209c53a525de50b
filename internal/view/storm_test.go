package view

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"holdfast/internal/alert"
	"holdfast/internal/response"
)

// A storm of one cause makes one incident. Whatever is shown of it is bounded, one alert
// of it is found, and it can be merged with another incident and let go again. What took
// a time that grows with the square of the storm would not end here.
func TestStormOfOneIncident(t *testing.T) {
	t.Parallel()
	storm := 12_000
	if os.Getenv("HOLDFAST_SOAK") != "" {
		storm = 100_000
	}
	run(t, func(w *world) {
		ctx := w.Context()
		w.publish()
		deliver := func(name, channel string, n int) {
			var members []alert.Incoming
			for i := range n {
				members = append(members, alert.Incoming{
					Source: "alertmanager", Fingerprint: fmt.Sprint(name, i), StartsAt: time.Now(),
					Labels: map[string]string{"alertname": "Storm", "severity": "major", "channel": channel, "instance": fmt.Sprintf("host-%06d", i)},
				})
			}
			w.must(w.alerts.Deliver(ctx, mei, alert.Delivery{Members: members}))
		}
		deliver("other", "card", 1)
		w.sleep(time.Second)
		other := w.AllIncidents(true, "", 0, 10).Items[0].ID
		deliver("storm", "app", storm)
		w.sleep(time.Second)
		id := w.AllIncidents(true, "", 0, 10).Items[0].ID
		if id == other {
			id = w.AllIncidents(true, "", 0, 10).Items[1].ID
		}
		if n := w.AllIncidents(false, "", 0, 10).Total; n != 2 {
			t.Fatalf("%d incidents of two causes", n)
		}

		bounded := func(id string, total int) {
			t.Helper()
			in, err := w.Incident(id)
			w.must(err)
			text, err := json.Marshal(in)
			w.must(err)
			if in.AlertsTotal != total || len(in.Alerts) != AlertsShown || len(in.Timeline) > 2*response.StormKept+20 || in.TimelineLeft < storm || len(text) > 300<<10 {
				t.Errorf("of %d alerts (%d wanted) it shows %d, %d entries without %d, in %d bytes", in.AlertsTotal, total, len(in.Alerts), len(in.Timeline), in.TimelineLeft, len(text))
			}
			for i := 1; i < len(in.Timeline); i++ {
				if in.Timeline[i].Position <= in.Timeline[i-1].Position {
					t.Fatalf("entry %d stands before the one after which it came", i)
				}
			}
			page := w.AllAlerts(AlertFilter{Incident: id}, total-3, PageSize)
			if page.Total != total || len(page.Items) != 3 || page.Next != 0 {
				t.Errorf("the last page of %d alerts has %d of %d", total, len(page.Items), page.Total)
			}
		}
		bounded(id, storm)
		if p := w.AllAlerts(AlertFilter{}, 5, PageSize); p.Total != storm+1 || len(p.Items) != PageSize || p.Next != 5+PageSize {
			t.Errorf("a page of all has %d of %d", len(p.Items), p.Total)
		}
		found := w.AllAlerts(AlertFilter{Query: fmt.Sprintf("HOST-%06d app", storm/2)}, 0, PageSize)
		if found.Total != 1 || found.Items[0].Incident != id {
			t.Fatalf("a search finds %d alerts", found.Total)
		}

		w.must(w.Response.Merge(ctx, mei, other, id, "one cause"))
		bounded(id, storm+1)
		w.must(w.Response.Unmerge(ctx, mei, other, "two causes"))
		w.must(w.Response.Merge(ctx, mei, id, other, "the other way round"))
		if a, _ := w.Alert(found.Items[0].ID); a.Incident != other {
			t.Errorf("after the merger an alert belongs to %q", a.Incident)
		}
		w.must(w.Response.Unmerge(ctx, mei, id, "two causes after all"))
		bounded(id, storm)
		firing := 0
		w.State.View(func() { firing = w.Alerts.FiringOf(id) })
		if firing != storm {
			t.Errorf("%d alerts of the incident fire", firing)
		}
	})
}

// What waits is counted and paged without holding the state for long, whatever is
// dealt with meanwhile.
func TestWaitingAlertsArePaged(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		const waiting = 2*alertsAtOnce + 1
		var members []alert.Incoming
		for i := range waiting {
			members = append(members, alert.Incoming{Source: "alertmanager", Fingerprint: fmt.Sprint(i), StartsAt: time.Now(), Labels: map[string]string{"severity": "info"}})
		}
		w.must(w.alerts.Deliver(w.Context(), mei, alert.Delivery{Members: members}))
		for _, f := range []AlertFilter{{Waiting: true}, {Source: "alertmanager"}} {
			first, last := w.AllAlerts(f, 0, 1), w.AllAlerts(f, waiting-1, 10)
			if first.Total != waiting || last.Total != waiting || len(last.Items) != 1 || first.Items[0].Waiting != last.Items[0].Waiting {
				t.Errorf("%+v: %d and %d of %d", f, first.Total, last.Total, waiting)
			}
			oldest, newest := first.Items[0].Fingerprint, last.Items[0].Fingerprint
			if !f.Waiting {
				oldest, newest = newest, oldest
			}
			if oldest != "0" || newest != fmt.Sprint(waiting-1) {
				t.Errorf("%+v: the oldest is %s, the newest %s", f, oldest, newest)
			}
		}
	})
}
