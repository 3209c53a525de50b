package obligation

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

var (
	mei   = holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "梅"}
	bo    = holdfast.Actor{Kind: holdfast.Account, ID: "bo", Name: "Bo"}
	watch = holdfast.Actor{Kind: holdfast.System, ID: "response"}
)

// world is a journal in memory with the nouns that obligations read, and a clock
// that the test sets.
type world struct {
	*Service
	store *journal.Memory
	mu    sync.Mutex
	now   time.Time
	// readings are by measure, of those that the plan declares.
	readings map[string]incident.Reading
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) at(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = t
}

// instant reads a time that a test writes as people do.
func instant(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04 -07:00", text)
	if err != nil {
		panic(err)
	}
	return t
}

// measures are some that the plan declares, of which two are figures here.
const measures = `
measures:
  - {id: payers, type: number, title: {zh-Hant: 付款人, zh-Hans: 付款人, en: Payers}, figure: clients}
  - {id: leaked, type: yes-no, title: {zh-Hant: 泄露, zh-Hans: 泄露, en: Leaked}, figure: leak}
  - {id: failed, type: number, from: payments-failed, title: {zh-Hant: 未成, zh-Hans: 未成, en: Failed}}
  - {id: money, type: number, unit: TWD, from: amount-failed, title: {zh-Hant: 未成金額, zh-Hans: 未成金额, en: Amount failed}}
  - {id: open, type: number, from: minutes, title: {zh-Hant: 分鐘, zh-Hans: 分钟, en: Minutes}}
`

// newWorld has a plan in force that names packs.
func newWorld(t rapid.TB, packs string) (*world, func()) {
	t.Helper()
	w := &world{store: journal.NewMemory("test"), now: instant("2026-01-05 09:00 +08:00")}
	n := Nouns{
		Book: NewBook(), Incidents: incident.NewBook(), Alerts: alert.NewBook(), Plans: plan.NewBook(), Roster: roster.NewBook(), Zone: zoneOf(t, "Asia/Shanghai"),
		Measured: func(in *incident.Incident) incident.Figures {
			return incident.Figures{Stopped: in.Confirmed, Recovered: recovered(in), Declined: 1200}
		},
		Reading: func(_ *incident.Incident, m plan.Measure, _ time.Time) incident.Reading { return w.readings[m.ID] },
	}
	state := journal.NewState(w.store, w.store.Genesis(), n.Book, n.Incidents, n.Alerts, n.Plans, n.Roster)
	desk := &journal.Desk{Journal: w.store, State: state, Now: w.clock}
	w.Service = &Service{Desk: desk, Nouns: n, Files: w.store}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- state.Run(ctx) }()
	src, err := os.ReadFile("../plan/testdata/small.yaml")
	if err != nil {
		t.Fatal(err)
	}
	src = append(src, measures...)
	src = fmt.Appendf(src, "\nreporting: {packs: [%s], role: %s}\n", packs, firstRole(t, src))
	if _, err := (&plan.Service{Desk: desk, Book: n.Plans}).Publish(ctx, mei, src, ""); err != nil {
		t.Fatal(err)
	}
	for _, c := range roster.Embedded() {
		if err := roster.New(desk, n.Roster).RecordCalendar(ctx, mei, c); err != nil {
			t.Fatal(err)
		}
	}
	return w, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the fold ended: %v", err)
		}
	}
}

func firstRole(t rapid.TB, src []byte) string {
	t.Helper()
	p, faults := plan.Decode("", src)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return p.Roles[0].ID
}

func zoneOf(t rapid.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// write appends facts at the clock's time.
func (w *world) write(t rapid.TB, by holdfast.Actor, decide func() ([]journal.Draft, error)) {
	t.Helper()
	if _, err := w.Desk.Do(context.Background(), by, func(time.Time) ([]journal.Draft, error) { return decide() }); err != nil {
		t.Fatal(err)
	}
}

// outage opens an incident by monitoring, confirms it at a level, and, if recovered
// is not zero, ends its recovery then.
func (w *world) outage(t rapid.TB, level holdfast.Level, opened, confirmed, over time.Time) string {
	t.Helper()
	id := ""
	w.at(opened)
	w.write(t, watch, func() (drafts []journal.Draft, err error) {
		id, drafts, err = incident.Suspect(w.Nouns.Incidents, incident.SuspectedFact{Title: "支付中斷"}, opened)
		return drafts, err
	})
	w.at(confirmed)
	proc := procedure.Procedure{Level: level, Title: holdfast.Text{En: "flow"}, Stages: []procedure.Stage{{Kind: procedure.Recover}}}
	w.write(t, mei, func() ([]journal.Draft, error) {
		plans := w.Nouns.Plans
		r, _ := plans.Current("", confirmed)
		return incident.Confirm(w.Nouns.Incidents.Incident(id), level, incident.PlanRef{ID: r.ID, Revision: r.Number, Hash: r.Hash}, proc, "")
	})
	if !over.IsZero() {
		w.at(over)
		w.write(t, mei, func() ([]journal.Draft, error) {
			return incident.EndStage(w.Nouns.Incidents.Incident(id), procedure.Recover, "tested")
		})
	}
	return id
}

// sheet works out what an incident owes at the clock's time.
func (w *world) sheet(id string) (s Sheet) {
	w.Desk.State.View(func() { s = w.Nouns.Sheet(w.Nouns.Incidents.Incident(id), w.clock()) })
	return s
}

func (w *world) duty(t rapid.TB, id, clock string) Duty {
	t.Helper()
	d, found := w.sheet(id).Duty(clock)
	if !found {
		t.Fatalf("incident %s has no report %s", id, clock)
	}
	return d
}

// kinds lists the facts on an incident's obligations, in order.
func (w *world) kinds(t testing.TB, id string) []string {
	t.Helper()
	facts, err := w.store.Read(t.Context(), 0, 10000)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, f := range facts {
		if f.Subject == subject(id) {
			var body fact
			_ = f.Decode(&body)
			list = append(list, strings.TrimPrefix(f.Kind, "obligation.")+" "+body.Rule+body.Clock)
		}
	}
	return list
}

func wantCode(t rapid.TB, err error, want holdfast.Code) {
	t.Helper()
	if got := holdfast.CodeOf(err); got != want {
		t.Fatalf("error %v has code %q, not %q", err, got, want)
	}
}

// end says that the recovery of an incident ended.
func (w *world) end(t rapid.TB, id string, over time.Time) {
	t.Helper()
	w.at(over)
	w.write(t, mei, func() ([]journal.Draft, error) {
		return incident.EndStage(w.Nouns.Incidents.Incident(id), procedure.Recover, "tested")
	})
}

func hours(n int) procedure.Duration { return procedure.Duration(time.Duration(n) * time.Hour) }
