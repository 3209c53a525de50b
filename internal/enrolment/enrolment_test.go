package enrolment

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
)

var now = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

// world is a journal and the book folded from it.
type world struct {
	t     testing.TB
	store *journal.Memory
	book  *Book
	head  holdfast.Position
	n     int
}

func newWorld(t testing.TB) *world {
	return &world{t: t, store: journal.NewMemory("test"), book: NewBook()}
}

// do appends what was decided and folds it; it returns the kinds of the facts.
func (w *world) do(drafts []journal.Draft, err error) []string {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	if len(drafts) == 0 {
		return nil
	}
	w.n++
	if _, err := w.store.Append(w.t.Context(), journal.Append{ID: fmt.Sprint(w.n), Actor: holdfast.Self("test"), Time: now, Facts: drafts}); err != nil {
		w.t.Fatal(err)
	}
	facts, err := w.store.Read(w.t.Context(), w.head, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	var kinds []string
	for _, f := range facts {
		if err := w.book.Apply(f); err != nil {
			w.t.Fatal(err)
		}
		kinds, w.head = append(kinds, f.Kind), f.Position
	}
	return kinds
}

func (w *world) enrol(name, boot, replaces string) []string {
	w.t.Helper()
	return w.do(Enrol(w.book.Gate(name), name, Enrolled{Boot: boot, Replaces: replaces, Routes: routes("static")}))
}

func (w *world) ack(name, boot string, at holdfast.Position, listed bool, records ...payment.Record) []string {
	w.t.Helper()
	a := Acknowledged{Boot: boot, Posture: holdfast.Head{Journal: "test", Epoch: 1, Position: at}, InFlight: records, Listed: listed, At: now.Add(time.Duration(at) * time.Second), Drain: time.Minute}
	return w.do(Acknowledge(w.book.Gate(name), a, anyHead))
}

func anyHead(holdfast.Head) bool { return true }

func routes(modes ...string) []Route {
	var list []Route
	for _, m := range modes {
		list = append(list, Route{Name: "pay-" + m, Kind: "payment", Mode: m})
	}
	return append(list, Route{Name: "ask", Kind: "inquiry", Mode: "static"})
}

func records(n int) []payment.Record {
	list := make([]payment.Record, n)
	for i := range list {
		list[i] = payment.Record{Identity: fmt.Sprint("key-", i), Route: "pay", Kind: "payment", Amount: 100, Currency: "CNY", At: now}
	}
	return list
}

// boots names the live incarnations.
func (w *world) boots(of []*Incarnation) string {
	var list []string
	for _, i := range of {
		list = append(list, i.Gate+"/"+i.Boot)
	}
	return strings.Join(list, " ")
}

func wantCode(t testing.TB, err error, want holdfast.Code) {
	t.Helper()
	if got := holdfast.CodeOf(err); got != want {
		t.Errorf("error %v has code %q, not %q", err, got, want)
	}
}

// Hazard c: every process start is in the set from its own fact on, until it is
// known to be gone.
func TestSetOfIncarnations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("west", "w1", "")
	w.enrol("east", "a", "")
	if kinds := w.enrol("east", "a", ""); kinds != nil {
		t.Errorf("enrolling again wrote %s", kinds)
	}
	// A second process under the same name, in another directory.
	w.enrol("east", "b", "")
	if got := w.boots(w.book.Live()); got != "east/a east/b west/w1" {
		t.Errorf("live: %s", got)
	}
	// A restart in the first directory: only what it replaces is gone.
	w.enrol("east", "c", "a")
	if got := w.boots(w.book.Live()); got != "east/b east/c west/w1" {
		t.Errorf("live after a restart: %s", got)
	}
	if i := w.book.Gate("east").Incarnation("a"); !i.Gone || i.GoneAt != w.book.Gate("east").Incarnation("c").Enrolled {
		t.Errorf("a is gone at %d", i.GoneAt)
	}
	if got := w.book.Gate("east").Present().Boot; got != "c" {
		t.Errorf("the present run is %s", got)
	}
	_, err := Enrol(w.book.Gate("east"), "east", Enrolled{Boot: "a"})
	wantCode(t, err, holdfast.Forbidden)

	w.do(Retire(w.book.Gate("east"), "the machine burnt"))
	if got := w.boots(w.book.Live()); got != "west/w1" {
		t.Errorf("live after the retirement: %s", got)
	}
	_, err = Retire(w.book.Gate("east"), "again")
	wantCode(t, err, holdfast.NotFound)
	_, err = Retire(w.book.Gate("west"), " ")
	wantCode(t, err, holdfast.Invalid)
	_, err = Retire(w.book.Gate("nowhere"), "why")
	wantCode(t, err, holdfast.NotFound)
	// The name can be used anew.
	w.enrol("east", "d", "")
	if got := w.boots(w.book.Live()); got != "east/d west/w1" {
		t.Errorf("live after a new start: %s", got)
	}
}

func TestEnrolRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		gate string
		e    Enrolled
		want holdfast.Code
	}{
		"no boot":       {"east", Enrolled{}, holdfast.Invalid},
		"long boot":     {"east", Enrolled{Boot: strings.Repeat("b", 65)}, holdfast.Invalid},
		"bad name":      {"East", Enrolled{Boot: "a"}, holdfast.Invalid},
		"itself":        {"east", Enrolled{Boot: "a", Replaces: "a"}, holdfast.Invalid},
		"itself before": {"east", Enrolled{Boot: "a", Before: []string{"b", "a"}}, holdfast.Invalid},
		"long before":   {"east", Enrolled{Boot: "a", Before: []string{strings.Repeat("b", 65)}}, holdfast.Invalid},
		"many before":   {"east", Enrolled{Boot: "a", Before: make([]string, 1001)}, holdfast.Invalid},
		"many routes":   {"east", Enrolled{Boot: "a", Routes: make([]Route, 1001)}, holdfast.TooLarge},
		"version":       {"east", Enrolled{Boot: "a", Version: strings.Repeat("v", 201)}, holdfast.TooLarge},
	} {
		if _, err := Enrol(nil, tt.gate, tt.e); holdfast.CodeOf(err) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A run that never came to enrol does not hide the one before it: that one is
// gone, too.
func TestARunReplacesAllBeforeIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("east", "a", "")
	w.enrol("east", "x", "") // on another directory
	w.do(Enrol(w.book.Gate("east"), "east", Enrolled{Boot: "c", Replaces: "b", Before: []string{"a"}, Routes: routes("static")}))
	var live []string
	for _, i := range w.book.Live() {
		live = append(live, i.Boot)
	}
	if got := strings.Join(live, " "); got != "x c" {
		t.Errorf("in service: %s", got)
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name             string
		routes           []Route
		strict, observes bool
	}{
		{"strict", routes("strict", "strict"), true, false},
		{"one is static", routes("strict", "static"), false, false},
		{"one observes", routes("strict", "observe"), false, true},
		{"only inquiries", routes(), false, false},
		{"nothing said", nil, false, false},
		{"unknown kind counts as money", []Route{{Kind: "payment", Mode: "strict"}, {Kind: "payout", Mode: "static"}}, false, false},
		{"unknown mode is not strict", routes("strict", "lenient"), false, false},
	} {
		i := &Incarnation{Routes: tt.routes}
		if i.Strict() != tt.strict || i.Observes() != tt.observes {
			t.Errorf("%s: strict %t, observes %t", tt.name, i.Strict(), i.Observes())
		}
	}
}

// Messages may be late, repeated or out of order; what they say is kept once.
func TestAcknowledge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("east", "a", "")
	w.ack("east", "a", 10, true, records(2)...)
	for name, again := range map[string][]string{
		"with the list":    w.ack("east", "a", 10, true, records(2)...),
		"without the list": w.ack("east", "a", 10, false),
		"an older one":     w.ack("east", "a", 8, false),
	} {
		if again != nil {
			t.Errorf("the repetition %s wrote %s", name, again)
		}
	}
	w.ack("east", "a", 30, true, records(1)...)
	w.ack("east", "a", 20, true) // late, but its list is news
	i := w.book.Gate("east").Incarnation("a")
	if i.Posture.Position != 30 || !i.Acked.Equal(now.Add(30*time.Second)) {
		t.Errorf("the newest posture is %d, acknowledged at %v", i.Posture.Position, i.Acked)
	}
	for at, want := range map[holdfast.Position]int{5: 2, 10: 2, 11: 0, 20: 0, 21: 1} {
		if s := i.StopAt(at); s == nil || len(s.InFlight) != want {
			t.Errorf("the stop at %d: %+v, want %d in flight", at, s, want)
		}
	}
	if s := i.StopAt(31); s != nil {
		t.Errorf("of a stop to come it has said %+v", s)
	}
	if a, ok := i.AckOf(11, 20); ok {
		t.Errorf("between 11 and 20 it acknowledged %+v", a)
	}
	_, err := Acknowledge(w.book.Gate("east"), Acknowledged{Boot: "b"}, anyHead)
	wantCode(t, err, holdfast.NotFound)
	_, err = Acknowledge(w.book.Gate("north"), Acknowledged{Boot: "b"}, anyHead)
	wantCode(t, err, holdfast.NotFound)
}

// A gate that had the stop on its disk when it started lists nothing with it;
// the list it gives for a later stop is not the first one's.
func TestListBelongsToItsStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("east", "a", "")
	w.ack("east", "a", 10, false)
	w.ack("east", "a", 20, true, records(3)...)
	i := w.book.Gate("east").Incarnation("a")
	if s := i.StopAt(10); s != nil {
		t.Errorf("what was in flight at the first stop is not known, not %d", len(s.InFlight))
	}
	if s := i.StopAt(20); s == nil || len(s.InFlight) != 3 {
		t.Errorf("the second stop: %+v", s)
	}
}

// Hazard d: a number without the history it belongs to proves nothing.
func TestAcknowledgeOfAnotherHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("east", "a", "")
	ours := func(h holdfast.Head) bool { return h.Journal == "test" }
	_, err := Acknowledge(w.book.Gate("east"), Acknowledged{Boot: "a", Posture: holdfast.Head{Journal: "other", Position: 5000}}, ours)
	wantCode(t, err, holdfast.Conflict)
}

func TestDrain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("east", "a", "")
	d := Drained{Boot: "a", Position: 10, Done: 1, NotDone: 1, Unknown: records(1), At: now}
	if kinds := w.do(Drain(w.book.Gate("east"), d)); kinds != nil {
		t.Errorf("a drain without a list wrote %s", kinds)
	}
	w.ack("east", "a", 10, true, records(3)...)
	w.do(Drain(w.book.Gate("east"), d))
	if kinds := w.do(Drain(w.book.Gate("east"), d)); kinds != nil {
		t.Errorf("the repetition wrote %s", kinds)
	}
	s := w.book.Gate("east").Incarnation("a").StopAt(10)
	if s.Drained == nil || s.Drained.Done != 1 || len(s.Drained.Unknown) != 1 || !s.Deadline.Equal(now.Add(70*time.Second)) {
		t.Errorf("after the drain: %+v", s)
	}
	_, err := Drain(w.book.Gate("east"), Drained{Boot: "b"})
	wantCode(t, err, holdfast.NotFound)
}

// A full ring of payments in flight, with names that grow when written as JSON,
// must not keep a gate from acknowledging.
func TestLongestList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("east", "a", "")
	full := records(4096)
	for i := range full {
		full[i].Identity = strings.Repeat("\x01", payment.MaxIdentity-4) + fmt.Sprintf("%04d", i)
	}
	kinds := w.ack("east", "a", 10, true, full...)
	if len(kinds) != 9 || kinds[0] != KindAcknowledged || kinds[8] != KindListed {
		t.Errorf("it wrote %s", kinds)
	}
	w.do(Drain(w.book.Gate("east"), Drained{Boot: "a", Position: 10, Unknown: full}))
	s := w.book.Gate("east").Incarnation("a").StopAt(10)
	if !slices.Equal(s.InFlight, full) || !slices.Equal(s.Drained.Unknown, full) {
		t.Errorf("%d of %d in flight are listed, %d unknown", len(s.InFlight), len(full), len(s.Drained.Unknown))
	}
}

func TestConcerned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("east", "a", "")  // 1
	w.enrol("east", "b", "a") // 2: a is gone before the stop
	w.enrol("west", "w", "")  // 3, the stop comes with 4
	w.enrol("north", "n", "") // 4
	w.enrol("east", "c", "b") // 5: b is gone after it
	w.enrol("east", "d", "c") // 6: c came and went after it
	if got := w.boots(w.book.Concerned(4)); got != "east/b east/d north/n west/w" {
		t.Errorf("concerned: %s", got)
	}
}

func entry(seq uint64, identity string, o payment.Outcome) Entry {
	return Entry{Seq: seq, Record: payment.Record{Identity: identity}, Outcome: o, Why: fmt.Sprint("entry ", seq), At: now.Add(time.Duration(seq) * time.Second)}
}

func TestTell(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("east", "a", "")
	gate := func() *Gate { return w.book.Gate("east") }
	w.do(Tell(gate(), "acc", []Entry{entry(7, "p", payment.Unknown), entry(8, "q", payment.Unknown)}))
	w.do(Tell(gate(), "acc", []Entry{entry(8, "q", payment.Unknown), entry(9, "p", payment.Unknown)}))
	if kinds := w.do(Tell(gate(), "acc", []Entry{entry(7, "p", payment.Unknown), entry(9, "p", payment.Unknown)})); kinds != nil {
		t.Errorf("the repetition wrote %s", kinds)
	}
	if list := w.book.Unresolved(); len(list) != 2 || list[0].Record.Identity != "p" || !list[0].Since.Equal(now.Add(7*time.Second)) || list[0].Why != "entry 9" {
		t.Errorf("unresolved: %+v", list)
	}
	_, err := Tell(gate(), "acc", []Entry{entry(11, "r", payment.Unknown)})
	wantCode(t, err, holdfast.Conflict)

	w.do(Tell(gate(), "acc", []Entry{entry(10, "p", payment.Done)}))
	settled, count := w.book.Settled()
	if w.book.UnresolvedCount() != 1 || count != 1 || settled[0].Outcome != payment.Done || !settled[0].Since.Equal(now.Add(7*time.Second)) || settled[0].How != "entry 10" {
		t.Errorf("%d unresolved, settled %+v", w.book.UnresolvedCount(), settled)
	}
	// A gate that lost its directory begins a new account.
	w.do(Tell(gate(), "new", []Entry{entry(1, "s", payment.Unknown)}))
	if w.book.UnresolvedCount() != 2 || gate().Reported["acc"] != 10 || gate().Reported["new"] != 1 {
		t.Errorf("%d unresolved, reported %v", w.book.UnresolvedCount(), gate().Reported)
	}
	_, err = Tell(nil, "acc", nil)
	wantCode(t, err, holdfast.NotFound)
}

// However the entries of one account are cut into reports, and however often
// each is sent again, the book is the same.
func TestTellOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		var all []Entry
		for i := range rapid.IntRange(1, 30).Draw(r, "entries") {
			outcome := rapid.SampledFrom([]payment.Outcome{payment.Unknown, payment.Done, payment.NotDone}).Draw(r, "outcome")
			all = append(all, entry(uint64(i+1), rapid.SampledFrom([]string{"p", "q", "r"}).Draw(r, "identity"), outcome))
		}
		whole, parts := newWorld(t), newWorld(t)
		whole.enrol("east", "a", "")
		parts.enrol("east", "a", "")
		whole.do(Tell(whole.book.Gate("east"), "acc", all))
		for told := 0; told < len(all); {
			from := rapid.IntRange(0, told).Draw(r, "from")
			to := rapid.IntRange(told, len(all)).Draw(r, "to")
			parts.do(Tell(parts.book.Gate("east"), "acc", all[from:to]))
			told = to
		}
		a, n := whole.book.Settled()
		b, m := parts.book.Settled()
		if got, want := text(parts.book.Unresolved(), b, m), text(whole.book.Unresolved(), a, n); got != want {
			r.Fatalf("in parts %s, at once %s", got, want)
		}
	})
}

func text(v ...any) string {
	b, _ := json.Marshal(v)
	return string(b)
}
