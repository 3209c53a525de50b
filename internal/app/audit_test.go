package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/callout"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/notify"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

// watched is a control node's call-out under its auditor, by a clock that only the
// test moves, and the outside switch that it calls.
type watched struct {
	*testing.T
	clock   time.Time
	store   *brokenBarrier
	desk    *journal.Desk
	told    *callout.Service
	alerts  *alert.Book
	auditor *callout.Auditor
	calls   atomic.Int64
	answer  atomic.Int64
}

// brokenBarrier is a journal that can be read and not written.
type brokenBarrier struct {
	*journal.Memory
	broken atomic.Bool
}

func (b *brokenBarrier) Barrier(ctx context.Context) (holdfast.Head, error) {
	if b.broken.Load() {
		return holdfast.Head{}, errors.New("the disk is full")
	}
	return b.Memory.Barrier(ctx)
}

func watch(t *testing.T) *watched {
	w := &watched{T: t, clock: time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC), store: &brokenBarrier{Memory: journal.NewMemory("test")}, alerts: alert.NewBook()}
	w.answer.Store(http.StatusNoContent)
	sink := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.calls.Add(1)
		if r.Method != http.MethodHead {
			t.Errorf("%s", r.Method)
		}
		rw.WriteHeader(int(w.answer.Load()))
	}))
	t.Cleanup(sink.Close)
	now := func() time.Time { return w.clock }
	s := &callout.Service{
		Incidents: incident.NewBook(), Plans: plan.NewBook(), Roster: roster.NewBook(), Book: notify.NewBook(), Ledger: callout.NewLedger(),
		Link: func(string) string { return "https://h.example" }, Zone: time.UTC, Now: now, Log: slog.New(slog.DiscardHandler),
	}
	s.State = journal.NewState(w.store, w.store.Genesis(), s.Incidents, s.Plans, s.Roster, s.Book, s.Ledger, w.alerts)
	w.desk = &journal.Desk{Journal: w.store, State: s.State, Now: now}
	s.Notices = &notify.Service{Desk: w.desk, Book: s.Book}
	w.told = s
	w.auditor = &callout.Auditor{
		Callout: s, Journal: w.store, Alerts: &alert.Service{Desk: w.desk, Book: w.alerts}, Beat: deadMan(sink.URL, http.MethodHead), Every: time.Minute,
		Log: slog.New(slog.DiscardHandler), Now: now,
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.State.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	return w
}

func (w *watched) do(decide func(now time.Time) ([]journal.Draft, error)) {
	w.Helper()
	if _, err := w.desk.Do(w.Context(), holdfast.Actor{Kind: holdfast.Account, ID: "mei"}, decide); err != nil {
		w.Fatal(err)
	}
}

// page opens an incident of level 1 of which one person has to be told.
func (w *watched) page() {
	w.Helper()
	by := holdfast.Actor{Kind: holdfast.Account, ID: "mei"}
	if _, err := (&plan.Service{Desk: w.desk, Book: w.told.Plans}).Publish(w.Context(), by, plan.Builtin(), ""); err != nil {
		w.Fatal(err)
	}
	p := roster.Person{ID: "ana", Name: "Ana", Roles: []string{"superior", "technology-head", "operations-head", "risk-head"}, Contacts: []roster.Contact{{Channel: roster.SMTP, Address: "ana@example.com"}}}
	if err := roster.New(w.desk, w.told.Roster).Record(w.Context(), by, p); err != nil {
		w.Fatal(err)
	}
	var id string
	w.do(func(now time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = incident.Suspect(w.told.Incidents, incident.SuspectedFact{Title: "payments fail"}, now)
		return drafts, err
	})
	w.do(func(now time.Time) ([]journal.Draft, error) {
		rev, _ := w.told.Plans.Current("", now)
		p, _ := rev.Plan().Procedure(holdfast.Level1)
		return incident.Confirm(w.told.Incidents.Incident(id), holdfast.Level1, incident.PlanRef{ID: rev.ID, Revision: rev.Number, Hash: rev.Hash}, p, "")
	})
	w.told.Step(w.Context())
	// A courier of somebody else's delivers what there is.
	for _, n := range w.sent() {
		w.do(func(time.Time) ([]journal.Draft, error) { return n, nil })
	}
}

// sent are the facts by which every open notice is delivered.
func (w *watched) sent() (list [][]journal.Draft) {
	w.told.State.View(func() {
		for _, in := range w.told.Incidents.Open() {
			for _, stage := range in.Procedure.Stages {
				for _, t := range stage.Tasks {
					for _, p := range w.told.Book.ByTask(in.ID, t.ID) {
						for _, d := range p.Deliveries {
							if d.State == notify.Asked {
								list = append(list, []journal.Draft{journal.NewDraft(holdfast.NewSubject("notice", d.ID), d.Revision, "notice.delivered", map[string]any{"attempt": 1})})
							}
						}
					}
				}
			}
		}
	})
	return list
}

// look lets time pass and the auditor look, and says how often the switch was called.
func (w *watched) look(pass time.Duration) int64 {
	before := w.calls.Load()
	w.clock = w.clock.Add(pass)
	w.auditor.Look(w.Context())
	return w.calls.Load() - before
}

func (w *watched) firing() (names []string) {
	w.told.State.View(func() {
		for _, a := range w.alerts.All() {
			if a.Firing {
				names = append(names, a.Labels["alertname"]+" "+a.Labels["kind"])
			}
		}
	})
	slices.Sort(names)
	return names
}

// The switch outside is called while all is well and at no other time; what was due to
// people and did not happen is an alarm until it has, and then known to have come late.
func TestAuditorAlarm(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.page()
	if n := w.look(time.Second); n != 1 || len(w.firing()) != 0 {
		t.Fatalf("all is well, and it is called %d times, alerts %v, %+v", n, w.firing(), w.auditor.Report())
	}
	w.told.Step(t.Context())
	if n := w.look(10 * time.Second); n != 0 {
		t.Errorf("called %d times before its time", n)
	}
	// The engine stands still: nobody is told again.
	if n := w.look(5 * time.Minute); n != 0 {
		t.Error("called although the engine stands still")
	}
	calls := int64(0)
	for range 20 {
		calls += w.look(5 * time.Second)
	}
	if calls != 0 || !slices.Contains(w.firing(), "HoldfastMissing escalation") || !slices.Contains(w.firing(), "HoldfastMissing loop") {
		t.Errorf("called %d times; alerts %v", calls, w.firing())
	}
	if r := w.auditor.Report(); r.Missing() < 2 || !r.DeadMan {
		t.Errorf("%+v", r)
	}
	alarms := len(w.alerts.All())
	if alarms > 5 {
		t.Errorf("%d alerts of one stall", alarms)
	}
	// It goes on.
	w.told.Step(t.Context())
	for _, n := range w.sent() {
		w.do(func(time.Time) ([]journal.Draft, error) { return n, nil })
	}
	w.told.State.View(func() {
		for _, in := range w.told.Incidents.Open() {
			if rounds := in.Escalation("tell-superiors").Rounds; len(rounds) == 0 || rounds[0].Late < 60 {
				t.Errorf("after a stall: %+v", rounds)
			}
		}
	})
	if n := w.look(time.Second); n != 1 || len(w.firing()) != 0 {
		t.Errorf("all is well again, and it is called %d times, alerts %v, %+v", n, w.firing(), w.auditor.Report())
	}
	late := 0
	for _, a := range w.alerts.All() {
		if a.Labels["alertname"] == "HoldfastLate" {
			late++
		}
	}
	if late == 0 {
		t.Error("nothing says that it came late")
	}
}

// Without a journal that can be written all is not well, and an answer other than 2xx
// is none.
func TestDeadManFails(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.store.broken.Store(true)
	if n := w.look(time.Minute); n != 0 || !strings.Contains(w.auditor.Report().BeatFailed, "disk is full") {
		t.Errorf("called %d times: %+v", n, w.auditor.Report())
	}
	w.store.broken.Store(false)
	w.answer.Store(http.StatusInternalServerError)
	if n := w.look(time.Minute); n != 1 || !strings.Contains(w.auditor.Report().BeatFailed, "500") || !w.auditor.Report().Beat.IsZero() {
		t.Errorf("called %d times: %+v", n, w.auditor.Report())
	}
	w.answer.Store(http.StatusFound)
	if w.look(time.Minute); w.auditor.Report().BeatFailed == "" {
		t.Error("a redirect is taken for an answer")
	}
	w.answer.Store(http.StatusOK)
	if w.look(time.Minute); w.auditor.Report().BeatFailed != "" || !w.auditor.Report().Beat.Equal(w.clock) {
		t.Errorf("%+v", w.auditor.Report())
	}
	if n := w.look(-24 * time.Hour); n != 1 {
		t.Error("a clock that is set back silences it")
	}
	err := deadMan("http://127.0.0.1:1/secret", http.MethodGet)(t.Context())
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}
