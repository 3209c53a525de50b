package directive

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/enrolment"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

var (
	now = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	mei = holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "梅"}
	lin = holdfast.Actor{Kind: holdfast.Account, ID: "lin", Name: "林"}
)

// world is a journal with the books folded from it.
type world struct {
	t     testing.TB
	store *journal.Memory
	book  *Book
	gates *enrolment.Book
	head  holdfast.Position
	n     int
	// each is called after every fact, within an append too.
	each func(holdfast.Fact)
}

func newWorld(t testing.TB) *world {
	store := journal.NewMemory("test")
	return &world{t: t, store: store, book: NewBook(store.Genesis()), gates: enrolment.NewBook(), each: func(holdfast.Fact) {}}
}

// do appends what was decided and folds it; it returns the kinds of the facts.
func (w *world) do(by holdfast.Actor, drafts []journal.Draft, err error) string {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	if len(drafts) == 0 {
		return ""
	}
	w.n++
	if _, err := w.store.Append(w.t.Context(), journal.Append{ID: fmt.Sprint(w.n), Actor: by, Time: now.Add(time.Duration(w.n) * time.Second), Facts: drafts}); err != nil {
		w.t.Fatal(err)
	}
	facts, err := w.store.Read(w.t.Context(), w.head, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	var kinds []string
	for _, f := range facts {
		for _, p := range []journal.Projection{w.book, w.gates} {
			if err := p.Apply(f); err != nil {
				w.t.Fatal(err)
			}
		}
		w.each(f)
		kinds, w.head = append(kinds, f.Kind), f.Position
	}
	return strings.Join(kinds, " ")
}

func (w *world) enrol(name, boot, replaces, mode string) {
	w.t.Helper()
	e := enrolment.Enrolled{Boot: boot, Replaces: replaces, Routes: []enrolment.Route{{Name: "pay", Kind: "payment", Mode: mode}}}
	drafts, err := enrolment.Enrol(w.gates.Gate(name), name, e)
	w.do(holdfast.Self("test"), drafts, err)
}

// ack acknowledges the present posture, with a list of n payments in flight, or
// none given if n is negative.
func (w *world) ack(name, boot string, n int) {
	w.t.Helper()
	a := enrolment.Acknowledged{Boot: boot, Posture: w.book.Head(), Listed: n >= 0, At: now, Drain: time.Minute}
	for i := range n {
		a.InFlight = append(a.InFlight, payment.Record{Identity: fmt.Sprint(boot, i)})
	}
	drafts, err := enrolment.Acknowledge(w.gates.Gate(name), a, w.book.Had)
	w.do(holdfast.Self("test"), drafts, err)
}

func (w *world) retire(name string) {
	w.t.Helper()
	drafts, err := enrolment.Retire(w.gates.Gate(name), "gone for good")
	w.do(mei, drafts, err)
}

// propose returns the directive's id.
func (w *world) propose(p Proposal, preAuthorised bool) string {
	w.t.Helper()
	id, drafts, err := Propose(w.book, p, preAuthorised, w.processes())
	w.do(mei, drafts, err)
	return id
}

func (w *world) processes() []string { return (&Service{Gates: w.gates}).GateProcesses() }

// stop puts a stop of everything in force and returns its id.
func (w *world) stop() string { w.t.Helper(); return w.propose(stopAll, true) }

func (w *world) confirm(id string, waited bool) string {
	w.t.Helper()
	d := w.book.Directive(id)
	return w.do(holdfast.Self("fleet"), Confirm(d, w.gates.Concerned(d.Position), waited, now), nil)
}

func (w *world) lift(id string) {
	w.t.Helper()
	drafts, err := Lift(w.book.Directive(id), 0, "mended")
	w.do(mei, drafts, err)
}

// standings shows where each gate stands, as "east/a=missing".
func standings(rows []Row) string {
	var list []string
	for _, r := range rows {
		s := fmt.Sprintf("%s/%s=%s", r.Gate, r.Boot, r.Standing)
		if r.Known {
			s += fmt.Sprintf("(%d)", r.InFlight)
		}
		list = append(list, s)
	}
	return strings.Join(list, " ")
}

var (
	stopAll = Proposal{Kind: posture.Stop, Scope: "all", Reason: "the primary does not answer"}
	limit   = Proposal{Kind: posture.Limit, Scope: "all", Reason: "slowly", Share: 0.5}
)

func with(p Proposal, edit func(*Proposal)) Proposal { edit(&p); return p }

func wantCode(t testing.TB, err error, want holdfast.Code) {
	t.Helper()
	if got := holdfast.CodeOf(err); got != want {
		t.Errorf("error %v has code %q, not %q", err, got, want)
	}
}
