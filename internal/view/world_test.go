package view

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/alert"
	"holdfast/internal/authority"
	"holdfast/internal/callout"
	"holdfast/internal/debrief"
	"holdfast/internal/directive"
	"holdfast/internal/draft"
	"holdfast/internal/enrolment"
	"holdfast/internal/fleet"
	"holdfast/internal/gate"
	"holdfast/internal/improvement"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/notify"
	"holdfast/internal/obligation"
	"holdfast/internal/payment"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
	"holdfast/internal/reconciliation"
	"holdfast/internal/response"
	"holdfast/internal/roster"
	"holdfast/internal/settlement"
	"holdfast/internal/status"
	"holdfast/internal/traffic"
	"holdfast/internal/trigger"
	"holdfast/internal/waiver"
)

// world is a control node in a bubble of its own time, and what it shows.
type world struct {
	*testing.T
	*Source
	desk   *journal.Desk
	dirs   *directive.Service
	alerts *alert.Service
	people *roster.Service
	plans  *plan.Service
}

func run(t *testing.T, story func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		told := &callout.Service{
			State: w.State, Incidents: w.Incidents, Plans: w.Plans, Roster: w.Roster, Book: w.Notices, Notices: w.Response.Sender,
			Link: func(id string) string { return "/" + id }, Zone: time.UTC, Now: time.Now, Log: w.Response.Log,
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for _, loop := range []func(context.Context) error{w.State.Run, w.Response.Run, told.Run} {
			wg.Go(func() {
				if err := loop(ctx); err != nil {
					t.Errorf("a loop ended: %v", err)
				}
			})
		}
		story(w)
		cancel()
		wg.Wait()
	})
}

func newWorld(t *testing.T) *world {
	store := journal.NewMemory("test")
	s := &Source{
		Now: time.Now, Access: access.NewBook(), Alerts: alert.NewBook(), Directives: directive.NewBook(store.Genesis()), Gates: enrolment.NewBook(),
		Incidents: incident.NewBook(), Notices: notify.NewBook(), Plans: plan.NewBook(), Roster: roster.NewBook(), Waivers: waiver.NewBook(), Timeline: response.NewTimeline(),
		Series: traffic.NewSeries(), Version: "1", Operator: "Bank",
	}
	triggers := trigger.NewBook()
	s.Triggers = trigger.Nouns{Triggers: triggers, Drafts: draft.NewBook(), Plans: s.Plans, Roster: s.Roster, Improvements: improvement.NewBook(), Zone: time.UTC}
	s.Improvements = improvement.Nouns{Book: s.Triggers.Improvements, Incidents: s.Incidents, Plans: s.Plans, Roster: s.Roster, Zone: time.UTC, Runs: func(by holdfast.Actor) bool { return by == mei }}
	owed, debriefs := obligation.NewBook(), debrief.NewBook()
	s.Authority = authority.Nouns{Book: authority.NewBook(), Plans: s.Plans, Roster: s.Roster, Incidents: s.Incidents}
	public, reconciled, settled := status.NewBook(), reconciliation.NewBook(), settlement.NewBook()
	s.Status = status.Nouns{Book: public, Plans: s.Plans, Incidents: s.Incidents, Directives: s.Directives, Gates: s.Gates, Alerts: s.Alerts}
	s.Public, s.Written = status.Rhythm{Every: time.Minute, Stale: 3 * time.Minute}, func() status.Report { return status.Report{} }
	s.State = journal.NewState(store, store.Genesis(), s.Authority.Book, triggers, s.Access, s.Alerts, s.Directives, s.Gates, s.Incidents, s.Notices, s.Plans, s.Roster, s.Timeline, owed, public, debriefs, s.Improvements.Book, reconciled, settled)
	desk := &journal.Desk{Journal: store, State: s.State, Now: time.Now}
	s.Reconciliation = &reconciliation.Service{Desk: desk, Board: reconciliation.NewBoard(), Nouns: reconciliation.Nouns{Book: reconciled, Directive: s.Directives.Directive, Gates: s.Gates, Named: func() map[string]string { return s.Node.Sources() }, Owner: func(string) string { return "" }, Fills: s.Authority.Fills, Above: func(string) (int64, bool) { return 0, true }}}
	s.Settlement = &settlement.Service{Desk: desk, Blobs: store, Nouns: settlement.Nouns{Book: settled, Gates: func() []string { return []string{"east"} }, Above: func() int64 { return 0 }}}
	log := slog.New(slog.DiscardHandler)
	dirs := &directive.Service{Desk: desk, Book: s.Directives, Gates: s.Gates}
	s.Node = fleet.NewNode(desk, dirs, s.Gates, s.Series, log)
	s.Response = &response.Service{
		Desk: desk, Incidents: s.Incidents, Alerts: s.Alerts, Plans: s.Plans, Directives: s.Directives, Gates: s.Gates, Notices: s.Notices,
		Sender: &notify.Service{Desk: desk, Book: s.Notices}, Roster: s.Roster, Authority: s.Authority, Series: s.Series, Timeline: s.Timeline, Obligations: owed, Prober: prober{}, Log: log,
	}
	s.Obligations = obligation.Nouns{
		Book: owed, Incidents: s.Incidents, Alerts: s.Alerts, Plans: s.Plans, Roster: s.Roster, Measured: s.Response.Figures, Reading: s.Response.Reading, Zone: time.UTC,
	}
	s.Debriefs = debrief.Nouns{
		Book: debriefs, Incidents: s.Incidents, Plans: s.Plans, Roster: s.Roster, Obligations: s.Obligations, Facts: s.Timeline, Kept: debrief.NewKept(), Count: s.Response.Count,
	}
	s.Response.Debriefs, s.Response.Stage = s.Debriefs, s.Stage
	return &world{
		T: t, Source: s, desk: desk, dirs: dirs, alerts: &alert.Service{Desk: desk, Book: s.Alerts}, people: roster.New(desk, s.Roster),
		plans: &plan.Service{Desk: desk, Book: s.Plans},
	}
}

type prober struct{}

func (prober) Probe(_ context.Context, p plan.Probe, _ string) incident.ProbeRan {
	return incident.ProbeRan{Probe: p.ID, Passed: true, Detail: "status 200", Millis: 5}
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
	synctest.Wait()
}

func (w *world) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) publish() {
	w.Helper()
	_, err := w.plans.Publish(w.Context(), mei, plan.Builtin(), "")
	w.must(err)
}

func (w *world) record(p ...roster.Person) {
	w.Helper()
	w.must(w.people.Record(w.Context(), mei, p...))
}

// enrol and the acts after it are a static gate's.
func (w *world) enrol(name string) {
	w.Helper()
	_, err := w.Node.Enrol(w.Context(), gate.Enrolment{Gate: name, Boot: name + "-1", Account: "acc", Version: "1", Routes: []gate.Route{{Name: "pay", Kind: "payment", Mode: gate.Static}}})
	w.must(err)
}

func (w *world) beat(name, alarm string) {
	w.Helper()
	_, err := w.Node.Beat(w.Context(), gate.Heartbeat{Gate: name, Boot: name + "-1", Nonce: 1, Alarm: alarm, InFlight: 4})
	w.must(err)
}

// enforce acknowledges the present posture with n payments in flight and confirms.
func (w *world) enforce(name string, n int) {
	w.Helper()
	ack := gate.Acknowledgement{Posture: w.Directives.Head(), Listed: true, At: time.Now(), Drain: time.Minute}
	for i := range n {
		ack.InFlight = append(ack.InFlight, payment.Record{Identity: fmt.Sprint(name, i), At: time.Now()})
	}
	_, err := w.Node.Report(w.Context(), gate.Report{Gate: name, Boot: name + "-1", Account: "acc", Acks: []gate.Acknowledgement{ack}})
	w.must(err)
	for _, d := range w.Directives.InForce("") {
		w.must(w.dirs.Confirm(w.Context(), holdfast.Self("fleet"), d.ID, false))
	}
}

func (w *world) count(verdict string, o payment.Outcome, n int) {
	w.Helper()
	c := traffic.NewCounter(0)
	for range n {
		c.Add(traffic.Key{Route: "pay", Kind: payment.Pay, Verdict: verdict, Outcome: o, Currency: "CNY"}, 100, 0)
	}
	w.must(w.Series.Add(time.Now().Unix(), "east", c.Take(time.Now().Unix())))
}

func (w *world) alarm(name, severity string) string {
	w.Helper()
	in := alert.Incoming{Source: "alertmanager", Fingerprint: name, StartsAt: time.Now(), Labels: map[string]string{"severity": severity, "alertname": name}}
	w.must(w.alerts.Deliver(w.Context(), mei, alert.Delivery{Members: []alert.Incoming{in}}))
	return in.ID()
}

// standIn has a stand-in by the plan's terms proposed and issued.
func (w *world) standIn() (by *directive.StandIn, id string) {
	w.Helper()
	w.State.View(func() { by = response.StandInBy(w.Response.StandIns("", time.Now())[0], false) })
	id, err := w.dirs.Propose(w.Context(), mei, directive.Proposal{Kind: posture.StandIn, Scope: "all", Reason: "down", StandIn: by}, true)
	w.must(err)
	return by, id
}

func (w *world) stop() string {
	w.Helper()
	id, err := w.dirs.Propose(w.Context(), mei, directive.Proposal{Kind: posture.Stop, Scope: "all", Reason: "now"}, true)
	w.must(err)
	return id
}

// nulls lists where JSON holds null: a list that is nil, a body that is missing.
func nulls(t *testing.T, v any) []string {
	t.Helper()
	content, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var any any
	if err := json.Unmarshal(content, &any); err != nil {
		t.Fatal(err)
	}
	return walk("", any)
}

func walk(at string, v any) (found []string) {
	switch v := v.(type) {
	case nil:
		return []string{at}
	case map[string]any:
		for k, each := range v {
			found = append(found, walk(at+"."+k, each)...)
		}
	case []any:
		for i, each := range v {
			found = append(found, walk(fmt.Sprintf("%s[%d]", at, i), each)...)
		}
	}
	slices.Sort(found)
	return found
}

// everything assembles all that the API answers.
func (w *world) everything() map[string]any {
	w.Helper()
	all := map[string]any{
		"posture": w.Posture(), "band": w.Band(), "gates": w.AllGates(), "people": w.People(), "vacant": w.VacantRoles(),
		"incidents": w.AllIncidents(false, "", 0, 0), "open": w.AllIncidents(true, "", 0, 0), "alerts": w.AllAlerts(AlertFilter{}, 0, 0), "waiting": w.AllAlerts(AlertFilter{Waiting: true}, 0, 0),
		"directives": w.AllDirectives(0, 0), "unknowns": w.Unknowns(UnknownQuery{}, 0, 0), "settled": w.Unknowns(UnknownQuery{Settled: true}, 0, 0), "resolutions": w.Resolutions(0, 0), "revisions": w.PlanRevisions("", 0, 0), "preview": w.Preview("all"),
		"obligations": w.AllObligations(false, 0, 0), "packs": w.Packs(), "counters": w.Counters(), "public status": w.PublicStatus(), "bulletins": w.Bulletins(0, 0),
	}
	add := func(name string, v any, err error) {
		if err != nil && holdfast.CodeOf(err) != holdfast.NotFound {
			w.Fatalf("%s: %v", name, err)
		}
		all[name] = v
	}
	for _, in := range w.AllIncidents(false, "", 0, 0).Items {
		v, err := w.Source.Incident(in.ID)
		add("incident "+in.ID, v, err)
		owed, err := w.IncidentObligations(in.ID)
		add("obligations of "+in.ID, owed, err)
		c, err := w.IncidentChart(v)
		add("chart of "+in.ID, c, errors.Join(err))
	}
	for _, a := range w.AllAlerts(AlertFilter{}, 0, 0).Items {
		v, err := w.Alert(a.ID)
		add("alert "+a.ID, v, err)
	}
	p, err := w.Plan(0)
	if err == nil {
		add("plan", p, nil)
	}
	c, err := w.Chart(0)
	add("chart", c, err)
	return all
}
