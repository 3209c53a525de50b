package response

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/authority"
	"holdfast/internal/callout"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/notify"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
	"holdfast/internal/traffic"
)

var (
	mei    = holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "梅"}
	lin    = holdfast.Actor{Kind: holdfast.Account, ID: "lin", Name: "林"}
	sender = holdfast.Actor{Kind: holdfast.Sender, ID: "monitor"}
)

// world is one journal with control nodes on it, in a bubble of its own time.
type world struct {
	*testing.T
	*node // the first
	store *journal.Memory
	nodes []*node

	mu   sync.Mutex
	log  bytes.Buffer
	pass bool // whether probes pass
	sent []string
	down atomic.Bool // whether the response can write

	automation  fakeAutomation
	undebriefed bool // whether a debrief wants something
	// accepted are the incidents whose debriefs are.
	accepted map[string]bool
	// ended is called when the nodes have ended.
	ended func()
}

// journalOf is the store as the nodes see it.
type journalOf struct {
	*journal.Memory
	w *world
}

func (j journalOf) Append(ctx context.Context, a journal.Append) (journal.Receipt, error) {
	if j.w.down.Load() && a.Actor == holdfast.Self("response") {
		return journal.Receipt{}, holdfast.Errorf(holdfast.Unavailable, "the disk is full")
	}
	return j.Memory.Append(ctx, a)
}

// node is a control node's state and services.
type node struct {
	*Service
	alerts   *alert.Service
	dirs     *directive.Service
	glass    *authority.Service
	timeline *Timeline
	plans    *plan.Service
	people   *roster.Service
	callout  *callout.Service
}

// run plays a story on n nodes. A line in the log fails it unless wanted.
func run(t *testing.T, n int, story func(w *world)) {
	t.Helper()
	runPlan(t, n, plan.Builtin(), story)
}

// runPlan plays a story under a plan of its own.
func runPlan(t *testing.T, n int, text []byte, story func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, store: journal.NewMemory("test"), pass: true}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range n {
			nd := w.newNode()
			w.nodes = append(w.nodes, nd)
			courier, err := notify.NewCourier(notify.CourierOptions{Desk: nd.Desk, Book: nd.Notices, Log: nd.Log, Senders: map[string]notify.Sender{"smtp": w}})
			if err != nil {
				t.Fatal(err)
			}
			for _, loop := range []func(context.Context) error{nd.Desk.State.Run, nd.Run, nd.callout.Run, courier.Run, nd.RunWatchdogs, nd.RunWebhooks} {
				wg.Go(func() {
					if err := loop(ctx); err != nil {
						t.Errorf("a loop ended: %v", err)
					}
				})
			}
		}
		w.node = w.nodes[0]
		w.furnish(text)
		story(w)
		synctest.Wait()
		cancel()
		wg.Wait()
		if w.ended != nil {
			w.ended()
		}
		if w.log.Len() > 0 {
			t.Errorf("the log says\n%s", w.log.String())
		}
	})
}

// Ready implements [Debriefs].
func (w *world) Ready(*incident.Incident) error {
	if w.undebriefed {
		return holdfast.Errorf(holdfast.Conflict, "the debrief wants something")
	}
	return nil
}

// Void implements [Debriefs].
func (w *world) Void(incident, change string) []journal.Draft {
	if !w.accepted[incident] {
		return nil
	}
	return []journal.Draft{journal.NewDraft(holdfast.NewSubject("voided", holdfast.NewID()), 0, change, incident)}
}

func (w *world) newNode() *node {
	genesis := w.store.Genesis()
	s := &Service{
		Incidents: incident.NewBook(), Alerts: alert.NewBook(), Plans: plan.NewBook(), Directives: directive.NewBook(genesis), Gates: enrolment.NewBook(),
		Notices: notify.NewBook(), Roster: roster.NewBook(), Series: traffic.NewSeries(), Timeline: NewTimeline(), Prober: w, Automation: &w.automation, Documents: w.store, Log: slog.New(slog.NewTextHandler(w, nil)),
	}
	s.Debriefs = w
	n := &node{Service: s, timeline: s.Timeline}
	s.Authority = authority.Nouns{Book: authority.NewBook(), Plans: s.Plans, Roster: s.Roster, Incidents: s.Incidents}
	n.glass = &authority.Service{Nouns: s.Authority, Log: s.Log}
	state := journal.NewState(w.store, genesis, s.Incidents, s.Alerts, s.Plans, s.Directives, s.Gates, s.Notices, s.Roster, s.Authority.Book, n.timeline)
	s.Desk = &journal.Desk{Journal: journalOf{w.store, w}, State: state, Now: time.Now}
	s.Sender = &notify.Service{Desk: s.Desk, Book: s.Notices}
	n.glass.Desk = s.Desk
	n.alerts = &alert.Service{Desk: s.Desk, Book: s.Alerts}
	n.dirs = &directive.Service{Desk: s.Desk, Book: s.Directives, Gates: s.Gates}
	n.plans = &plan.Service{Desk: s.Desk, Book: s.Plans}
	n.people = roster.New(s.Desk, s.Roster)
	n.callout = &callout.Service{
		State: state, Incidents: s.Incidents, Plans: s.Plans, Roster: s.Roster, Book: s.Notices, Notices: s.Sender,
		Link: func(id string) string { return "https://holdfast.example/incidents/" + id }, Zone: time.UTC, Now: time.Now, Log: s.Log,
	}
	return n
}

// furnish publishes a plan with the roles of the built-in one and records who fills
// them.
func (w *world) furnish(text []byte) {
	w.Helper()
	_, err := w.plans.Publish(w.Context(), mei, text, "")
	w.must(err)
	person := func(id, account string, lang holdfast.Lang, roles ...string) roster.Person {
		return roster.Person{ID: id, Name: id, Account: account, Lang: lang, Roles: roles, Contacts: []roster.Contact{{Channel: roster.SMTP, Address: id + "@example.com"}, {Channel: roster.Phone, Address: "+886 2 5550 0101"}}}
	}
	w.must(w.people.Record(w.Context(), mei,
		person("mei", "mei", holdfast.ZhHant, "duty-officer", "commander", "recorder"),
		person("lin", "lin", holdfast.ZhHans, "operations-head", "operations-lead", "superior"),
		person("ana", "", holdfast.En, "technology-head", "technology-lead", "service-lead"),
		person("bo", "", holdfast.En, "risk-head", "risk-lead", "legal-lead", "communications-lead"),
	))
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
	synctest.Wait()
}

// sleep lets time pass, and what follows from that come to rest.
func (w *world) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) wantCode(err error, want holdfast.Code) {
	w.Helper()
	if got := holdfast.CodeOf(err); got != want {
		w.Errorf("error %v has code %q, not %q", err, got, want)
	}
}

// Write takes the log.
func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

// Send is the mail server.
func (w *world) Send(_ context.Context, m notify.Message) notify.Outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, m.Person+" "+m.Task)
	return notify.Outcome{Result: notify.Sent, Detail: "250 ok"}
}

// Probe is the prober.
func (w *world) Probe(_ context.Context, p plan.Probe, _ string) incident.ProbeRan {
	return incident.ProbeRan{Probe: p.ID, Passed: w.pass, Detail: "status 200", Millis: 5}
}

// alarm delivers an alert of this severity and returns its id.
func (w *world) alarm(name, severity string) string {
	w.Helper()
	in := alert.Incoming{
		Source: "alertmanager", Fingerprint: name, StartsAt: time.Now().Add(-time.Minute),
		Labels: map[string]string{"alertname": name, "severity": severity}, Annotations: map[string]string{"summary": name + " is failing"},
	}
	w.must(w.alerts.Deliver(w.Context(), sender, alert.Delivery{Group: "g", Members: []alert.Incoming{in}}))
	return in.ID()
}

// gate enrols a static gate.
func (w *world) gate(name string) {
	w.gateBy(name, enrolment.Route{Name: "pay", Kind: "payment", Mode: "static"})
}

func (w *world) gateBy(name string, route enrolment.Route) {
	w.Helper()
	e := enrolment.Enrolled{Boot: name + "-1", Routes: []enrolment.Route{route}}
	w.must(w.do(w.Context(), mei, func(time.Time) ([]journal.Draft, error) { return enrolment.Enrol(w.Gates.Gate(name), name, e) }))
}

// enforce makes a gate acknowledge the present posture, with nothing in flight,
// and confirms what can be confirmed.
func (w *world) enforce(name string) {
	w.Helper()
	w.must(w.do(w.Context(), mei, func(now time.Time) ([]journal.Draft, error) {
		a := enrolment.Acknowledged{Boot: name + "-1", Posture: w.Directives.Head(), Listed: true, At: now}
		return enrolment.Acknowledge(w.Gates.Gate(name), a, w.Directives.Had)
	}))
	for _, d := range w.Directives.InForce("") {
		w.must(w.dirs.Confirm(w.Context(), holdfast.Self("fleet"), d.ID, false))
	}
}

// incidents shows the incidents, oldest first, as "1 suspected 2: a b".
func (w *world) incidents() string {
	var list []string
	all := w.Incidents.All()
	for i := range all {
		in := all[len(all)-1-i]
		level := in.Level
		if in.State == incident.Suspected {
			level = in.Suggested
		}
		var names []string
		for _, id := range in.Alerts {
			names = append(names, w.Alerts.Alert(id).Fingerprint)
		}
		list = append(list, fmt.Sprintf("%s %s %s: %s", in.ID[len("2000-"):], in.State, level, strings.Join(names, " ")))
	}
	return strings.Join(list, "; ")
}

// story is the timeline of an incident, nothing left out.
func (n *node) story(id string) []holdfast.Fact {
	facts, left := n.timeline.Of(id)
	if left > 0 {
		panic("a timeline that was not to be cut is")
	}
	return facts
}

// facts reads the whole journal.
func (w *world) facts() []holdfast.Fact {
	w.Helper()
	facts, err := w.store.Read(w.Context(), 0, 100_000)
	w.must(err)
	return facts
}

// belongs says by itself, from the bodies alone, which facts tell of an incident.
func belongs(facts []holdfast.Fact, id string) (list []holdfast.Fact) {
	of := map[holdfast.Subject]bool{holdfast.NewSubject("incident", id): true}
	for _, f := range facts {
		var body struct {
			Incident string `json:"incident"`
		}
		if noun, _ := f.Subject.Split(); noun != "gate" && json.Unmarshal(f.Body, &body) == nil && body.Incident == id {
			of[f.Subject] = true
		}
	}
	for _, f := range facts {
		if of[f.Subject] {
			list = append(list, f)
		}
	}
	return list
}
