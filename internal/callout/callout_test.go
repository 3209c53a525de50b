package callout

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/authority"
	"holdfast/internal/directive"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/notify"
	"holdfast/internal/obligation"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

var mei = holdfast.Actor{Kind: holdfast.Account, ID: "mei"}

// world is one journal with control nodes on it, in a bubble of its own time.
type world struct {
	*testing.T
	*node // the first
	store *journal.Memory
	mu    sync.Mutex
	log   bytes.Buffer
}

type node struct {
	*Service
	desk   *journal.Desk
	people *roster.Service
	// reports and owed run only in stories about what is owed.
	reports *obligation.Service
	owed    *Owed
}

func run(t *testing.T, n int, story func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, store: journal.NewMemory("test")}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for i := range n {
			nd := w.newNode()
			if i == 0 {
				w.node = nd
			}
			for _, loop := range []func(context.Context) error{nd.State.Run, nd.Run} {
				wg.Go(func() {
					if err := loop(ctx); err != nil {
						t.Errorf("a loop ended: %v", err)
					}
				})
			}
		}
		plans := &plan.Service{Desk: w.desk, Book: w.Plans}
		_, err := plans.Publish(ctx, mei, plan.Builtin(), "")
		w.must(err)
		story(w)
		cancel()
		wg.Wait()
		if w.log.Len() > 0 {
			t.Errorf("the log says\n%s", w.log.String())
		}
	})
}

func (w *world) newNode() *node {
	s := &Service{
		Incidents: incident.NewBook(), Plans: plan.NewBook(), Roster: roster.NewBook(), Book: notify.NewBook(), Ledger: NewLedger(),
		Directives: directive.NewBook(w.store.Genesis()), Decide: func(id string) string { return "https://h.example/directives/" + id },
		Link: func(id string) string { return "https://h.example/incidents/" + id }, Zone: time.UTC, Now: time.Now, Log: slog.New(slog.NewTextHandler(w, nil)),
	}
	s.Authority = authority.Nouns{Book: authority.NewBook(), Plans: s.Plans, Roster: s.Roster, Incidents: s.Incidents}
	owes := obligation.Nouns{
		Book: obligation.NewBook(), Incidents: s.Incidents, Alerts: alert.NewBook(), Plans: s.Plans, Roster: s.Roster, Zone: s.Zone,
		Measured: func(*incident.Incident) incident.Figures { return incident.Figures{} },
		Reading:  func(*incident.Incident, plan.Measure, time.Time) incident.Reading { return incident.Reading{} },
	}
	s.State = journal.NewState(w.store, w.store.Genesis(), s.Incidents, s.Plans, s.Roster, s.Book, s.Directives, s.Authority.Book, owes.Book, s.Ledger)
	desk := &journal.Desk{Journal: w.store, State: s.State, Now: time.Now}
	s.Notices = &notify.Service{Desk: desk, Book: s.Book}
	return &node{
		Service: s, desk: desk, people: roster.New(desk, s.Roster), reports: &obligation.Service{Desk: desk, Nouns: owes, Log: s.Log},
		owed: &Owed{State: s.State, Obligations: owes, Book: s.Book, Notices: s.Notices, Link: s.Link, Zone: s.Zone, Now: s.Now, Log: s.Log},
	}
}

// Write takes the log.
func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
	synctest.Wait()
}

func (w *world) do(decide func(now time.Time) ([]journal.Draft, error)) {
	w.Helper()
	_, err := w.desk.Do(w.Context(), mei, decide)
	w.must(err)
}

// record puts people on the roster, each with these roles and contacts.
func (w *world) record(id string, lang holdfast.Lang, roles string, contacts ...roster.Contact) {
	w.Helper()
	w.must(w.people.Record(w.Context(), mei, roster.Person{ID: id, Name: "name of " + id, Lang: lang, Roles: strings.Fields(roles), Contacts: contacts}))
}

func mail(id string) roster.Contact {
	return roster.Contact{Channel: roster.SMTP, Address: id + "@example.com"}
}

var (
	hook  = roster.Contact{Channel: roster.Webhook, Address: "https://im.example.com/hook/7"}
	phone = roster.Contact{Channel: roster.Phone, Address: "+886 2 5550 0101"}
)

// confirm opens an incident of level 1, with the built-in plan's procedure.
func (w *world) confirm(title string, drill bool) *incident.Incident {
	w.Helper()
	var id string
	w.do(func(now time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = incident.Suspect(w.Incidents, incident.SuspectedFact{Title: title, Drill: drill}, now)
		return drafts, err
	})
	if got := w.asked(); len(got) != 0 && !drill {
		w.Errorf("before the level is confirmed %d notices are asked for", len(got))
	}
	w.do(func(now time.Time) ([]journal.Draft, error) {
		rev, _ := w.Plans.Current("", now)
		p, _ := rev.Plan().Procedure(holdfast.Level1)
		return incident.Confirm(w.Incidents.Incident(id), holdfast.Level1, incident.PlanRef{ID: rev.ID, Revision: rev.Number, Hash: rev.Hash}, p, "")
	})
	return w.Incidents.Incident(id)
}

// asked reads from the journal the notices asked for, by id, and fails if one
// was asked for twice.
func (w *world) asked() map[string]notify.Notice {
	w.Helper()
	facts, err := w.store.Read(w.Context(), 0, 10_000)
	w.must(err)
	all := map[string]notify.Notice{}
	for _, f := range facts {
		if f.Kind != "notice.asked" {
			continue
		}
		var n notify.Notice
		if err := json.Unmarshal(f.Body, &n); err != nil {
			w.Fatal(err)
		}
		if _, twice := all[f.Subject.ID()]; twice {
			w.Errorf("%s was asked for twice", f.Subject)
		}
		all[f.Subject.ID()] = n
	}
	return all
}

// to lists the notices of a task as "person channel".
func (w *world) to(task string) string {
	w.Helper()
	var list []string
	for _, n := range w.asked() {
		if n.Task == task {
			list = append(list, n.Person+" "+n.Channel)
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// Each holder is told once over each way to reach him, though he holds two of
// the roles, three nodes ask, and the loops look again and again.
func TestEachOnce(t *testing.T) {
	t.Parallel()
	run(t, 3, func(w *world) {
		w.record("ana", holdfast.En, "superior technology-head", mail("ana"), hook, phone)
		w.record("bo", holdfast.ZhHans, "risk-head", mail("bo"))
		w.record("cy", holdfast.En, "recorder", mail("cy"))
		in := w.confirm("payments fail", false)
		want := "ana smtp, ana webhook, bo smtp"
		if got := w.to("tell-superiors"); got != want {
			t.Errorf("asked for are %s, want %s", got, want)
		}
		if got := w.to("convene-team"); got != "" {
			t.Errorf("the stage is not open, and %s are called", got)
		}
		time.Sleep(50 * time.Second) // before they are told again
		w.do(func(time.Time) ([]journal.Draft, error) { return incident.Note(in, "", "something else happens", nil) })
		if got := w.to("tell-superiors"); got != want {
			t.Errorf("later: %s", got)
		}
		// Who takes over a role while the task is open is told too.
		w.record("di", holdfast.En, "superior", mail("di"))
		if got := w.to("tell-superiors"); got != want+", di smtp" {
			t.Errorf("after a change of the roster: %s", got)
		}
		w.do(func(time.Time) ([]journal.Draft, error) { return incident.Succeed(in, "tell-superiors", "told"), nil })
		w.record("ed", holdfast.En, "superior", mail("ed"))
		if got := w.to("tell-superiors"); strings.Contains(got, "ed") {
			t.Errorf("the task is done, and told are %s", got)
		}
	})
}

func TestText(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		w.record("ana", holdfast.En, "superior", mail("ana"))
		w.record("mei", holdfast.ZhHant, "superior", mail("mei"))
		w.record("li", holdfast.ZhHans, "superior", mail("li"))
		w.record("any", "", "superior", mail("any")) // in the plan's language
		in := w.confirm("60 % of {level} fail", false)
		byPerson := map[string]notify.Notice{}
		for _, n := range w.asked() {
			byPerson[n.Person] = n
			if !n.Urgent || n.Drill || !n.WantAck || n.Incident != in.ID || n.PersonName != "name of "+n.Person {
				t.Errorf("the notice is %+v", n)
			}
			if !strings.Contains(n.Body, "https://h.example/incidents/"+in.ID) || strings.Contains(n.Body, "{time}") || strings.Contains(n.Body, "{plan}") {
				t.Errorf("the notice to %s says\n%s", n.Person, n.Body)
			}
		}
		// What a title holds is text, not a placeholder.
		for person, want := range map[string]string{
			"ana": "URGENT: level 1 incident: 60 % of {level} fail", "mei": "【緊急通知】1 級事件：60 % of {level} fail", "li": "【紧急通知】1 级事件：60 % of {level} fail",
		} {
			if got := byPerson[person].Subject; got != want {
				t.Errorf("the subject to %s is %q, want %q", person, got, want)
			}
		}
		rev, _ := w.Plans.Current("", time.Now())
		if got := byPerson["any"].Lang; got != rev.Plan().Language {
			t.Errorf("without a language it is written in %q", got)
		}
	})
}

// A drill is unmistakable, and its notices are apart from the real ones.
func TestDrill(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		w.record("ana", holdfast.En, "superior", mail("ana"))
		w.record("mei", holdfast.ZhHant, "superior", mail("mei"))
		w.confirm("payments fail", false)
		w.confirm("payments fail", true)
		drills := 0
		for _, n := range w.asked() {
			mark := map[holdfast.Lang]string{holdfast.En: "[DRILL] ", holdfast.ZhHant: "【演練】 "}[n.Lang]
			if n.Drill != strings.HasPrefix(n.Subject, mark) {
				t.Errorf("drill %t: %s", n.Drill, n.Subject)
			}
			if n.Drill {
				drills++
			}
		}
		if drills != 2 || len(w.asked()) != 4 {
			t.Errorf("%d notices of %d are a drill's", drills, len(w.asked()))
		}
	})
}

// One notice that cannot be asked for does not keep the others back, and is
// tried again.
func TestOneFails(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		for i := range 5 {
			w.record(fmt.Sprint("p", i), holdfast.En, "superior", mail(fmt.Sprint("p", i)))
		}
		w.desk.Journal = &refuseOnce{Memory: w.store}
		w.confirm("payments fail", false)
		if got := len(w.asked()); got != 4 {
			t.Errorf("%d notices are asked for", got)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if got := len(w.asked()); got != 5 {
			t.Errorf("later %d notices are asked for", got)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if !strings.Contains(w.log.String(), "a notice cannot be asked for now") {
			t.Errorf("the log says %q", w.log.String())
		}
		w.log.Reset()
	})
}

// refuseOnce refuses the first notice; the state's own wake-ups are held back
// until the five seconds after a failure by refusing it as often as it is tried.
type refuseOnce struct {
	*journal.Memory
	first string
	since time.Time
}

func (r *refuseOnce) Append(ctx context.Context, a journal.Append) (journal.Receipt, error) {
	if a.Facts[0].Kind == "notice.asked" {
		if r.first == "" {
			r.first, r.since = string(a.Facts[0].Subject), time.Now()
		}
		if string(a.Facts[0].Subject) == r.first && time.Since(r.since) < 4*time.Second {
			return journal.Receipt{}, holdfast.Errorf(holdfast.Unavailable, "the disk is full")
		}
	}
	return r.Memory.Append(ctx, a)
}

// A task that tells people ends by itself when the plan's number has
// acknowledged or, where there is none, when everyone was reached; whom no
// notice can reach was not.
func TestSucceeded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		acknowledge int
		to          []string
		reached     []string // by mail
		acked       []string
		note        string
		want        bool
	}{
		{"nobody yet", 0, []string{"superior"}, nil, nil, "", false},
		{"some", 0, []string{"superior"}, []string{"ana"}, nil, "", false},
		{"all", 0, []string{"superior"}, []string{"ana", "bo"}, nil, "2 of 2 reached", true},
		{"one by hand", 0, []string{"superior"}, []string{"ana"}, []string{"bo"}, "2 of 2 reached", true},
		{"a holder with a phone only", 0, []string{"superior", "risk-head"}, []string{"ana", "bo"}, nil, "", false},
		{"a role that nobody holds", 0, []string{"superior", "legal-lead"}, []string{"ana", "bo"}, nil, "", false},
		{"too few acknowledged", 2, []string{"superior"}, []string{"ana", "bo"}, []string{"ana"}, "", false},
		{"enough acknowledged", 2, []string{"superior", "risk-head"}, nil, []string{"ana", "bo"}, "2 of 2 acknowledged", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			people, notices := roster.NewBook(), notify.NewBook()
			w := &folder{t: t, projections: []journal.Projection{people, notices}}
			for _, id := range []string{"ana", "bo", "cy"} {
				p := roster.Person{ID: id, Name: id, Roles: []string{"superior"}, Contacts: []roster.Contact{mail(id)}}
				if id == "cy" {
					p.Roles, p.Contacts = []string{"risk-head"}, []roster.Contact{phone}
				}
				w.fold("person/"+id, "person.recorded", p)
			}
			for _, id := range []string{"ana", "bo"} {
				w.fold("notice/"+id, "notice.asked", notify.Notice{Incident: "2026-1", Task: "tell", Person: id, PersonName: id, Channel: "smtp", Address: "a"})
			}
			for _, id := range tt.reached {
				w.fold("notice/"+id, "notice.delivered", map[string]any{"attempt": 1})
			}
			for _, id := range tt.acked {
				w.fold("notice/"+id, "notice.acknowledged", map[string]any{"person": id, "how": "phone"})
			}
			task := procedure.Task{ID: "tell", Notice: &procedure.Notice{To: tt.to, Acknowledge: tt.acknowledge}}
			note, ok := Succeeded(notices, people, &incident.Incident{ID: "2026-1"}, procedure.Notify, task, time.Unix(2e9, 0))
			if ok != tt.want || tt.want && note != tt.note {
				t.Errorf("%q, %t; want %q, %t", note, ok, tt.note, tt.want)
			}
		})
	}
}

// folder feeds facts to projections without a journal.
type folder struct {
	t           *testing.T
	projections []journal.Projection
	revisions   map[holdfast.Subject]holdfast.Revision
	position    holdfast.Position
}

func (w *folder) fold(about, kind string, body any) {
	subject := holdfast.Subject(about)
	w.t.Helper()
	if w.revisions == nil {
		w.revisions = map[holdfast.Subject]holdfast.Revision{}
	}
	w.revisions[subject]++
	w.position++
	b, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	f := holdfast.Fact{Position: w.position, Subject: subject, Revision: w.revisions[subject], Kind: kind, Body: b, Time: time.Unix(1e9, 0), Actor: mei}
	for _, p := range w.projections {
		if err := p.Apply(f); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestReachable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		contacts []roster.Contact
		channels []string
		want     bool
	}{
		{nil, nil, false},
		{[]roster.Contact{phone}, nil, false},
		{[]roster.Contact{phone}, []string{"phone"}, false}, // Holdfast does not dial
		{[]roster.Contact{phone, hook}, nil, true},
		{[]roster.Contact{hook}, []string{"smtp"}, false},
		{[]roster.Contact{hook, mail("a")}, []string{"smtp"}, true},
	} {
		if got := Reachable(roster.Person{Contacts: tt.contacts}, procedure.Notice{Channels: tt.channels}); got != tt.want {
			t.Errorf("%v over %v: %t", tt.contacts, tt.channels, got)
		}
	}
}
