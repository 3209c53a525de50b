package response

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/alert"
)

const dogRule = `  - id: prometheus
    match: name == "Watchdog"
    level: 2
    watchdog: 5m
    why: { zh-Hant: 原因, zh-Hans: 原因, en: a reason }
  - id: rest
    match: "true"
    level: 3
    why: { zh-Hant: 原因, zh-Hans: 原因, en: a reason }
`

// bark delivers the watchdog to a node.
func (w *world) bark(n *node) {
	w.Helper()
	in := alert.Incoming{Source: "alertmanager", Fingerprint: "dog", StartsAt: time.Unix(1, 0), Labels: map[string]string{"alertname": "Watchdog"}}
	w.must(n.Deliver(w.Context(), sender, alert.Delivery{Members: []alert.Incoming{in}}))
}

// silences are the alerts "monitoring silent", by when they started and whether they
// fire.
func (w *world) silences() (list []alert.Alert) {
	w.Desk.State.View(func() {
		for _, a := range w.Alerts.All() {
			if a.Source == "holdfast" {
				list = append(list, *a)
			}
		}
	})
	return list
}

// A watchdog that stops opens an alert at its due instant, once on two nodes, as the
// rule's suspicion; one that comes back ends it. While it comes there is no alert at
// all, and it suspects nothing.
func TestWatchdog(t *testing.T) {
	t.Parallel()
	run(t, 2, func(w *world) {
		w.publishRules(dogRule)
		for range 12 { // an hour of health
			time.Sleep(4*time.Minute + 59*time.Second)
			w.bark(w.nodes[1])
		}
		w.Desk.State.View(func() {
			if all := w.Alerts.All(); len(all) != 0 || len(w.Incidents.All()) != 0 {
				t.Errorf("%d alerts while the watchdog comes", len(all))
			}
		})
		last := time.Now()
		time.Sleep(5*time.Minute + 10*time.Second)
		synctest.Wait()
		silent := w.silences()
		if len(silent) != 1 || !silent[0].Firing || !silent[0].StartsAt.Equal(last.Add(5*time.Minute)) {
			t.Fatalf("silences: %+v", silent)
		}
		w.Desk.State.View(func() {
			if got := w.incidents(); !strings.HasPrefix(got, "1 suspected 2: watchdog/prometheus") {
				t.Errorf("incidents: %s", got)
			}
		})
		time.Sleep(time.Hour)
		synctest.Wait()
		w.bark(w.nodes[0])
		if silent = w.silences(); len(silent) != 1 || silent[0].Firing {
			t.Errorf("after it came back: %+v", silent)
		}
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		if silent = w.silences(); len(silent) != 2 || !silent[0].Firing {
			t.Errorf("when it stops again: %d", len(silent))
		}
		dogs, err := w.Watchdogs(w.Context())
		if err != nil || len(dogs) != 1 || dogs[0].Silent == "" {
			t.Errorf("watchdogs: %+v, %v", dogs, err)
		}
	})
}

// One that never came is missed as well, a resolved one is no sign of life, and what
// the plan no longer asks for is not missed.
func TestWatchdogNeverHeard(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		w.publishRules(dogRule)
		in := alert.Incoming{Source: "alertmanager", Fingerprint: "dog", Labels: map[string]string{"alertname": "Watchdog"}, Resolved: true}
		w.must(w.Deliver(w.Context(), sender, alert.Delivery{Members: []alert.Incoming{in}}))
		time.Sleep(5*time.Minute + 10*time.Second)
		synctest.Wait()
		if silent := w.silences(); len(silent) != 1 || !silent[0].Firing {
			t.Fatalf("silences: %+v", silent)
		}
		w.publishRules(oneRule)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if silent := w.silences(); len(silent) != 1 || silent[0].Firing {
			t.Errorf("the plan has no watchdog any more, and its alert fires: %+v", silent)
		}
	})
}

// The due instant survives a restart: a node that begins late opens the alert at the
// instant at which it was due, once it has listened for a while.
func TestWatchdogOverRestart(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		w.publishRules(dogRule)
		w.bark(w.node)
		heard := time.Now()
		late := w.newNode()
		w.must(late.Desk.State.Load(w.Context()))
		ctx := w.Context()
		time.Sleep(4 * time.Minute)
		next, err := late.watchdogs(ctx, time.Now())
		if err != nil || time.Until(next) > lookAgain {
			t.Errorf("next: %s, %v", next, err)
		}
		dogs, err := late.Watchdogs(ctx)
		if err != nil || len(dogs) != 1 || !dogs[0].Due.Equal(heard.Add(5*time.Minute)) {
			t.Errorf("after a restart: %+v, %v", dogs, err)
		}
		if at := dogs[0].judged(heard.Add(6 * time.Minute)); !at.Equal(heard.Add(6*time.Minute + listening)) {
			t.Errorf("a node that begins when it is overdue judges at %s", at.Sub(heard))
		}
	})
}
