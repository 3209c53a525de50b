package callout

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/draft"
	"holdfast/internal/journal"
	"holdfast/internal/notify"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

const day = 24 * time.Hour

// library is a journal with control nodes that tell the readers of a plan.
type library struct {
	*testing.T
	store  *journal.Memory
	began  time.Time
	log    bytes.Buffer
	nodes  []*desk
	people *roster.Service
	plans  *plan.Service
	drafts *draft.Service
}

// desk is one control node.
type desk struct {
	*Readers
	stop func()
}

func readers(t *testing.T, nodes int, story func(l *library)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &library{T: t, store: journal.NewMemory("test"), began: time.Now()}
		for range nodes {
			l.start()
		}
		story(l)
		for _, n := range l.nodes {
			n.stop()
		}
		if l.log.Len() > 0 {
			t.Errorf("the log says\n%s", l.log.String())
		}
	})
}

// start adds a control node, which folds the journal from its beginning.
func (l *library) start() {
	plans, people, drafts, notices := plan.NewBook(), roster.NewBook(), draft.NewBook(), notify.NewBook()
	state := journal.NewState(l.store, l.store.Genesis(), plans, people, drafts, notices)
	d := &journal.Desk{Journal: l.store, State: state, Now: time.Now}
	service := &draft.Service{Desk: d, Nouns: draft.Nouns{Drafts: drafts, Plans: plans, Roster: people, Notices: notices}}
	n := &desk{Readers: &Readers{
		State: state, Drafts: service, Notices: &notify.Service{Desk: d, Book: notices}, Key: []byte("key"), Operator: "Bank",
		Plan: func(revision int) string { return fmt.Sprint("https://h.example/plan/", revision) },
		Page: func(id string, revision int, person string) string {
			return fmt.Sprintf("https://h.example/read/%s/%d/%s", id, revision, person)
		},
		Zone: time.UTC, Log: slog.New(slog.NewTextHandler(&l.log, nil)), Now: time.Now,
	}}
	if err := state.Load(l.Context()); err != nil {
		l.Fatal(err)
	}
	ctx, cancel := context.WithCancel(l.Context())
	var wg sync.WaitGroup
	for _, loop := range []func(context.Context) error{state.Run, n.Run} {
		wg.Go(func() {
			if err := loop(ctx); err != nil {
				l.Errorf("a loop ended: %v", err)
			}
		})
	}
	n.stop = func() { cancel(); wg.Wait() }
	l.nodes = append(l.nodes, n)
	l.people, l.plans, l.drafts = roster.New(d, people), &plan.Service{Desk: d, Book: plans}, service
	synctest.Wait()
}

// restart ends all nodes, lets time pass, and starts one.
func (l *library) restart(after time.Duration) {
	for _, n := range l.nodes {
		n.stop()
	}
	l.nodes = nil
	time.Sleep(after)
	l.start()
}

func (l *library) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
	synctest.Wait()
}

func (l *library) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (l *library) person(id, account string, lang holdfast.Lang, roles string, contacts ...roster.Contact) {
	l.Helper()
	l.must(l.people.Record(l.Context(), mei, roster.Person{ID: id, Name: "name of " + id, Account: account, Lang: lang, Roles: strings.Fields(roles), Contacts: contacts}))
}

// publish publishes the small plan, which engineers read and the officer owns.
func (l *library) publish(replace ...string) {
	l.Helper()
	src, err := os.ReadFile("../plan/testdata/small.yaml")
	l.must(err)
	text := strings.NewReplacer(replace...).Replace(string(src)) + "governance: { distribution: [engineer], owner: officer }\n"
	_, err = l.plans.Publish(l.Context(), mei, []byte(text), "")
	l.must(err)
}

// asked lists the notices asked for as "day person task", in the order of time, and
// fails if one stands there twice.
func (l *library) asked() (list []string, last map[string]notify.Notice) {
	l.Helper()
	facts, err := l.store.Read(l.Context(), 0, 10_000)
	l.must(err)
	seen, last := map[holdfast.Subject]bool{}, map[string]notify.Notice{}
	for _, f := range facts {
		if f.Kind != "notice.asked" {
			continue
		}
		if seen[f.Subject] {
			l.Errorf("%s was asked for twice", f.Subject)
		}
		seen[f.Subject] = true
		var n notify.Notice
		l.must(f.Decode(&n))
		last[n.Person] = n
		list = append(list, fmt.Sprintf("%d %s %s", f.Time.Sub(l.began)/day, n.Person, n.Task))
	}
	return list, last
}

func (l *library) want(when string, want ...string) {
	l.Helper()
	if got, _ := l.asked(); !slices.Equal(got, want) {
		l.Errorf("%s:\n got %q\nwant %q", when, got, want)
	}
}

// A reader is told at once, reminded after three days and then weekly until he
// acknowledges; with the third reminder comes a letter to the owner. Two nodes do it
// as one.
func TestReadersAreRemindedUntilTheyAcknowledge(t *testing.T) {
	t.Parallel()
	for nodes := 1; nodes <= 2; nodes++ {
		readers(t, nodes, func(l *library) {
			l.person("ana", "ana", holdfast.En, "engineer", mail("ana"), phone)
			l.person("bo", "bo", holdfast.En, "officer", mail("bo"))
			l.person("cy", "cy", holdfast.En, "engineer", mail("cy"))
			l.publish()
			l.want("published", "0 ana small.1", "0 cy small.1")
			l.pass(2 * day)
			l.must(l.drafts.Acknowledge(l.Context(), mei, "small", 1, "cy"))
			l.pass(30 * day)
			l.want("later", "0 ana small.1", "0 cy small.1", "3 ana small.1", "10 ana small.1", "17 ana small.1", "17 bo small.1.late", "24 ana small.1", "24 bo small.1.late", "31 ana small.1", "31 bo small.1.late")
			l.must(l.drafts.Acknowledge(l.Context(), mei, "small", 1, "ana"))
			before, _ := l.asked()
			l.pass(30 * day)
			l.want("acknowledged by all", before...)
		})
	}
}

// What fell due while no node ran goes out once, and the next follows it after its
// whole interval.
func TestReadersAfterARestart(t *testing.T) {
	t.Parallel()
	readers(t, 2, func(l *library) {
		l.person("ana", "ana", holdfast.En, "engineer", mail("ana"), hook)
		l.publish()
		l.restart(20 * day)
		l.want("started", "0 ana small.1", "0 ana small.1", "20 ana small.1", "20 ana small.1")
		l.restart(time.Hour)
		l.pass(6 * day)
		l.want("not before its time", "0 ana small.1", "0 ana small.1", "20 ana small.1", "20 ana small.1")
		l.pass(day)
		l.want("in its time", "0 ana small.1", "0 ana small.1", "20 ana small.1", "20 ana small.1", "27 ana small.1", "27 ana small.1")
	})
}

// Who leaves, or gives up the role, is no longer reminded; who comes is told; and a
// later revision takes the place of the one before.
func TestReadersComeAndGo(t *testing.T) {
	t.Parallel()
	readers(t, 1, func(l *library) {
		l.person("ana", "ana", holdfast.En, "engineer", mail("ana"))
		l.person("cy", "cy", holdfast.En, "engineer", mail("cy"))
		l.publish()
		l.pass(day)
		l.must(l.people.Leave(l.Context(), mei, "ana", "moved on"))
		l.person("cy", "cy", holdfast.En, "officer", mail("cy"))
		l.pass(day)
		l.person("di", "di", holdfast.En, "engineer", mail("di"))
		l.want("one came", "0 ana small.1", "0 cy small.1", "2 di small.1")
		l.pass(day)
		l.publish("Repairs.", "Repairs all.")
		l.want("a later one", "0 ana small.1", "0 cy small.1", "2 di small.1", "3 di small.2")
		l.pass(3 * day)
		l.want("its reminder", "0 ana small.1", "0 cy small.1", "2 di small.1", "3 di small.2", "6 di small.2")
	})
}

// The interval is the plan's where it has one.
func TestReadersAtThePlansInterval(t *testing.T) {
	t.Parallel()
	readers(t, 1, func(l *library) {
		l.person("ana", "ana", holdfast.En, "engineer", mail("ana"))
		src, err := os.ReadFile("../plan/testdata/small.yaml")
		l.must(err)
		_, err = l.plans.Publish(l.Context(), mei, append(src, "governance: { distribution: [engineer], remind_every: 48h }\n"...), "")
		l.must(err)
		l.pass(5 * day)
		l.want("every two days", "0 ana small.1", "2 ana small.1", "4 ana small.1")
	})
}

// Somebody who asks has a reader reminded at once, and the next reminder is counted
// from then.
func TestRemindNow(t *testing.T) {
	t.Parallel()
	readers(t, 2, func(l *library) {
		l.person("ana", "ana", holdfast.En, "engineer", mail("ana"))
		l.person("cy", "cy", holdfast.En, "engineer", mail("cy"))
		l.person("di", "di", holdfast.En, "engineer", phone)
		l.publish()
		remind := func(person string, want holdfast.Code, people ...string) {
			l.Helper()
			got, err := l.drafts.Remind(l.Context(), mei, "small", 1, person)
			if synctest.Wait(); holdfast.CodeOf(err) != want || !slices.Equal(got, people) {
				l.Errorf("remind %q: %v, %v; want %v, %q", person, got, err, people, want)
			}
		}
		remind("ana", holdfast.TooMany)
		remind("di", holdfast.Conflict)
		remind("bo", holdfast.NotFound)
		l.pass(day)
		l.must(l.drafts.Acknowledge(l.Context(), mei, "small", 1, "cy"))
		remind("cy", holdfast.Conflict)
		remind("", "", "ana")
		remind("", "")
		l.want("asked for", "0 ana small.1", "0 cy small.1", "1 ana small.1")
		l.pass(3 * day)
		l.want("no sooner than a week later", "0 ana small.1", "0 cy small.1", "1 ana small.1")
		l.pass(4 * day)
		l.want("a week later", "0 ana small.1", "0 cy small.1", "1 ana small.1", "8 ana small.1")
		l.publish("Repairs.", "Repairs all.")
		remind("ana", holdfast.Conflict)
	})
}

// Whom no notice can reach comes to the owner, by name.
func TestReaderWithoutAnAddress(t *testing.T) {
	t.Parallel()
	readers(t, 1, func(l *library) {
		l.person("bo", "bo", holdfast.En, "officer", mail("bo"))
		l.person("di", "di", holdfast.En, "engineer", phone)
		l.publish()
		l.pass(4 * day)
		l.want("nobody else can tell him", "3 bo small.1.late")
		if _, last := l.asked(); !strings.Contains(last["bo"].Body, "name of di") || !strings.Contains(last["bo"].Body, "https://h.example/plan/1#readings") {
			l.Errorf("the owner is told\n%s", last["bo"].Body)
		}
	})
}

// The letter is in the reader's language, says how much is new for him, and leads
// him to where he can acknowledge: with a link of his own, used once, if he has no
// account.
func TestLetterToAReader(t *testing.T) {
	t.Parallel()
	readers(t, 1, func(l *library) {
		l.person("ana", "ana", holdfast.ZhHant, "engineer", mail("ana"))
		l.person("bo", "", holdfast.En, "engineer", mail("bo"))
		l.person("cy", "cy", holdfast.ZhHans, "engineer officer", mail("cy"))
		l.publish()
		l.publish("Repairs.", "Repairs all.", "To test with.", "To live with.")
		_, last := l.asked()
		for person, want := range map[string][]string{
			"ana": {"name of ana，您好", "有 1 處修改與您擔任的角色有關，另有 1 處", "https://h.example/plan/2"},
			"cy":  {"有 1 处修改与您担任的角色有关，另有 1 处", "https://h.example/plan/2"},
			"bo":  {"concern the roles that you hold: 1; all others: 1", "You need no account", linkPlace},
		} {
			for _, part := range want {
				if !strings.Contains(last[person].Body, part) {
					t.Errorf("%s gets\n%s\nwithout %q", person, last[person].Body, part)
				}
			}
		}
		r := l.nodes[0].Readers
		body := r.Fill(notify.Message{Notice: last["bo"]}).Body
		_, link, found := strings.Cut(body, "https://h.example/read/small/2/bo")
		at, err := url.Parse(strings.TrimSpace(link))
		if l.must(err); !found || strings.Contains(body, linkPlace) {
			t.Fatalf("what leaves is\n%s", body)
		}
		secret := at.Query().Get("key")
		for what, err := range map[string]error{
			"another's secret": r.Acknowledge(l.Context(), "small", 2, "ana", secret), "another revision": r.Acknowledge(l.Context(), "small", 1, "bo", secret),
			"no secret": r.Acknowledge(l.Context(), "small", 2, "bo", ""), "nobody": r.Acknowledge(l.Context(), "small", 2, "nobody", r.secret("small.2", "nobody")),
		} {
			if holdfast.CodeOf(err) != holdfast.NotFound {
				t.Errorf("%s: %v", what, err)
			}
		}
		a, err := r.Admit("small", 2, "bo", secret)
		if l.must(err); a.Before != 1 || len(a.Own) != 1 || len(a.Others) != 1 || !a.Reader.At.IsZero() {
			t.Errorf("the link leads to %+v", a)
		}
		l.must(r.Acknowledge(l.Context(), "small", 2, "bo", secret))
		if a, err := r.Admit("small", 2, "bo", secret); err != nil || a.Reader.At.IsZero() {
			t.Errorf("after it was used: %+v, %v", a.Reader, err)
		}
		if err := r.Acknowledge(l.Context(), "small", 2, "bo", secret); holdfast.CodeOf(err) != holdfast.Conflict {
			t.Errorf("used twice: %v", err)
		}
		l.publish()
		if _, err := r.Admit("small", 2, "bo", secret); holdfast.CodeOf(err) != holdfast.NotFound {
			t.Errorf("after a later revision: %v", err)
		}
		facts, err := l.store.Read(l.Context(), 0, 10_000)
		l.must(err)
		for _, f := range facts {
			if strings.Contains(string(f.Body), secret) {
				t.Errorf("the secret stands in the fact %s", f.Kind)
			}
		}
		other := notify.Message{Notice: notify.Notice{Incident: "2026-1", Body: "a {link}"}}
		if got := r.Fill(other); got.Body != other.Body {
			t.Errorf("another message became %q", got.Body)
		}
	})
}
