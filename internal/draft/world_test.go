package draft

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

// world is the service over a journal, with a clock that tests move.
type world struct {
	*Service
	plans  *plan.Service
	people *roster.Service

	lock sync.Mutex
	now  time.Time
	// barred are accounts without the right to approve.
	barred map[string]bool
}

// store is a journal that says where it begins.
type store interface {
	journal.Journal
	journal.Blobs
	Genesis() holdfast.Head
}

// failer is what a test and a property can both fail by.
type failer interface {
	Helper()
	Fatal(args ...any)
	Errorf(format string, args ...any)
	Cleanup(f func())
}

func newWorld(t failer, s store) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 11, 2, 1, 0, 0, 0, time.UTC), barred: map[string]bool{}}
	nouns := Nouns{Drafts: NewBook(), Plans: plan.NewBook(), Roster: roster.NewBook(), MayApprove: func(by holdfast.Actor) bool {
		w.lock.Lock()
		defer w.lock.Unlock()
		return !w.barred[by.ID]
	}}
	state := journal.NewState(s, s.Genesis(), nouns.Drafts, nouns.Plans, nouns.Roster)
	ctx, stop := context.WithCancel(context.Background())
	if err := state.Load(ctx); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- state.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil && holdfast.CodeOf(err) != holdfast.Unavailable { // the journal may be closed
			t.Errorf("the fold ended: %v", err)
		}
	})
	desk := &journal.Desk{Journal: s, State: state, Now: w.clock}
	w.Service = &Service{Desk: desk, Nouns: nouns, Files: s}
	w.plans, w.people = &plan.Service{Desk: desk, Book: nouns.Plans}, roster.New(desk, nouns.Roster)
	return w
}

func (w *world) clock() time.Time {
	w.lock.Lock()
	defer w.lock.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) bar(account string, barred bool) {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.barred[account] = barred
}

func someone(id string) holdfast.Actor {
	return holdfast.Actor{Kind: holdfast.Account, ID: id, Name: strings.ToUpper(id)}
}

var ann, bob, cat, dee = someone("ann"), someone("bob"), someone("cat"), someone("dee")

// hold records who fills which roles from now on.
func (w *world) hold(t failer, account string, roles ...string) {
	t.Helper()
	must(t, w.people.Record(context.Background(), bob, roster.Person{ID: "p-" + account, Name: account, Account: account, Roles: roles}))
}

// countersigned is a ladder of two roles, in the words of a plan.
const countersigned = `governance:
  approval:
    - { id: sign, title: { en: Sign }, mode: all, roles: [officer, engineer] }
  valid_for: 240h
  distribution: [engineer]
`

// looser is a ladder that one officer climbs.
const looser = `governance:
  approval:
    - { id: sign, title: { en: Sign }, mode: one, roles: [officer] }
`

// small is the small plan with whatever follows it.
func small(t failer, more ...string) []byte {
	t.Helper()
	src, err := os.ReadFile("../plan/testdata/small.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return append(src, strings.Join(more, "")...)
}

// general is the first chapter of the small plan with another purpose.
func general(purpose any) []byte {
	return fmt.Appendf(nil, "format: holdfast-plan/1\nid: small\nlanguage: en\ntitle: { en: A small plan }\npurpose: { en: To test %v. }\n", purpose)
}

func risks(title any) []byte {
	return fmt.Appendf(nil, "risks:\n  - { id: power, title: { en: Power %v }, likelihood: 2, impact: 5 }\n", title)
}

func must(t failer, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t failer, what string, err error, code holdfast.Code) {
	t.Helper()
	if holdfast.CodeOf(err) != code {
		t.Errorf("%s: %v; want code %q", what, err, code)
	}
}

func memory(t failer) *world { return newWorld(t, journal.NewMemory("test")) }

// start publishes a first revision and begins a draft of it.
func start(t failer, w *world, more ...string) (id string) {
	t.Helper()
	_, err := w.plans.Publish(context.Background(), dee, small(t, more...), "first")
	must(t, err)
	id, err = w.Begin(context.Background(), ann, "second", nil)
	must(t, err)
	return id
}

func (w *world) draft(t failer, id string) *Draft {
	t.Helper()
	d, err := w.Draft(id)
	must(t, err)
	return d
}

// put saves a chapter over its latest text.
func (w *world) put(t failer, by holdfast.Actor, id, chapter string, text []byte) {
	t.Helper()
	_, base := w.draft(t, id).Chapter(chapter)
	must(t, w.Save(context.Background(), by, id, chapter, base, text))
}

func (w *world) hash(t failer, id string) holdfast.Hash { return plan.Hash(w.draft(t, id).Text()) }

func newer(t failer, err error) Newer {
	t.Helper()
	var n Newer
	if !errors.As(err, &n) {
		t.Fatal("no newer save in ", err)
	}
	return n
}

var _ failer = (*testing.T)(nil)
