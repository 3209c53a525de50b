package trigger

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
	"holdfast/internal/draft"
	"holdfast/internal/improvement"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

var (
	start = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	by    = holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "梅"}
)

// world is a journal in memory with the nouns that triggers read.
type world struct {
	*Service
	store *journal.Memory
	plan  string
	mu    sync.Mutex
	now   time.Time
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func empty() (*world, func() error) {
	w := &world{store: journal.NewMemory("test"), now: start}
	n := Nouns{Triggers: NewBook(), Drafts: draft.NewBook(), Plans: plan.NewBook(), Roster: roster.NewBook(), Improvements: improvement.NewBook(), Zone: time.UTC}
	state := journal.NewState(w.store, w.store.Genesis(), n.Triggers, n.Drafts, n.Plans, n.Roster, n.Improvements)
	w.Service = &Service{Desk: &journal.Desk{Journal: w.store, State: state, Now: w.clock}, Nouns: n}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- state.Run(ctx) }()
	return w, func() error { cancel(); return <-done }
}

// write appends facts as another package would.
func (w *world) write(t rapid.TB, drafts ...journal.Draft) {
	t.Helper()
	if _, err := w.Desk.Do(context.Background(), by, func(time.Time) ([]journal.Draft, error) { return drafts, nil }); err != nil {
		t.Fatal(err)
	}
}

// small returns the text of a small plan.
func small(t rapid.TB) []byte {
	t.Helper()
	src, err := os.ReadFile("../plan/testdata/small.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// publish makes a text the next revision, in force from a moment.
func (w *world) publish(t rapid.TB, src []byte, how plan.Approved) (number int) {
	t.Helper()
	p, faults := plan.Decode("", src)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	w.plan = p.ID
	_, err := w.Desk.Do(context.Background(), by, func(now time.Time) (drafts []journal.Draft, err error) {
		number, drafts, err = plan.PublishApproved(w.Nouns.Plans, p.ID, src, "", how, now)
		return drafts, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return number
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w, stop := empty()
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the fold ended: %v", err)
		}
	})
	w.publish(t, small(t), plan.Approved{})
	return w
}

func (w *world) begin(t rapid.TB) string {
	t.Helper()
	s := &draft.Service{Desk: w.Desk, Nouns: draft.Nouns{Drafts: w.Nouns.Drafts, Plans: w.Nouns.Plans, Roster: w.Nouns.Roster}, Files: w.Desk.Journal.(journal.Blobs)}
	id, err := s.Begin(context.Background(), by, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (w *world) withdraw(t rapid.TB, id string) {
	t.Helper()
	s := &draft.Service{Desk: w.Desk, Nouns: draft.Nouns{Drafts: w.Nouns.Drafts, Plans: w.Nouns.Plans, Roster: w.Nouns.Roster}, Files: w.Desk.Journal.(journal.Blobs)}
	if err := s.Withdraw(context.Background(), by, id, "no time"); err != nil {
		t.Fatal(err)
	}
}

// finish publishes a draft: the facts that package draft writes at the end.
func (w *world) finish(t rapid.TB, id string, from time.Time) {
	t.Helper()
	number := len(w.Nouns.Plans.Revisions(w.plan)) + 1
	w.publish(t, append(small(t), fmt.Sprintf("\n# revision %d\n", number)...), plan.Approved{Draft: id, From: from})
	facts, err := w.store.Read(context.Background(), 0, 500)
	if err != nil {
		t.Fatal(err)
	}
	var last holdfast.Revision
	for _, f := range facts {
		if f.Subject == holdfast.NewSubject("draft", id) {
			last = f.Revision
		}
	}
	w.write(t, journal.NewDraft(holdfast.NewSubject("draft", id), last, "draft.published", map[string]int{"revision": number}))
}

func (w *world) state(t rapid.TB, id string) State {
	t.Helper()
	tr, found := w.Nouns.Triggers.Trigger(id)
	if !found {
		t.Fatalf("there is no trigger %s", id)
	}
	return w.Nouns.State(tr, w.clock())
}

func (w *world) current() bool { return w.Nouns.Current("", w.clock()) }

func wantCode(t rapid.TB, err error, want holdfast.Code) {
	t.Helper()
	if got := holdfast.CodeOf(err); got != want {
		t.Fatalf("error %v has code %q, not %q", err, got, want)
	}
}

func good() Report {
	return Report{Kind: System, Title: "Core 7.2", Source: "deploy", Role: "officer", Due: start.Add(24 * time.Hour)}
}

func told(edit func(*Report)) Report { r := good(); edit(&r); return r }

func TestOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if !w.current() {
		t.Fatal("a plan without triggers is not current")
	}
	for name, test := range map[string]struct {
		r     Report
		code  holdfast.Code
		field string
	}{
		"good":              {good(), "", ""},
		"kind":              {told(func(r *Report) { r.Kind = "weather" }), holdfast.Invalid, "kind"},
		"no title":          {told(func(r *Report) { r.Title = " " }), holdfast.Invalid, "title"},
		"long title":        {told(func(r *Report) { r.Title = strings.Repeat("核", 201) }), holdfast.TooLarge, "title"},
		"longest title":     {told(func(r *Report) { r.Title = strings.Repeat("核", 200) }), "", ""},
		"two lines":         {told(func(r *Report) { r.Title = "a\nb" }), holdfast.Invalid, "title"},
		"no source":         {told(func(r *Report) { r.Source = "" }), holdfast.Invalid, "source"},
		"long text":         {told(func(r *Report) { r.Text = strings.Repeat("x", 4001) }), holdfast.TooLarge, "text"},
		"due now":           {told(func(r *Report) { r.Due = start }), holdfast.Invalid, "due"},
		"due in a lifetime": {told(func(r *Report) { r.Due = start.AddDate(50, 0, 0) }), holdfast.Invalid, "due"},
		"nobody's":          {told(func(r *Report) { r.Role = "" }), holdfast.Invalid, "role"},
		"two owners":        {told(func(r *Report) { r.Person = "mei" }), holdfast.Invalid, "role"},
		"no such role":      {told(func(r *Report) { r.Role = "wizard" }), holdfast.Invalid, "role"},
		"no such person":    {told(func(r *Report) { r.Role, r.Person = "", "nobody" }), holdfast.Invalid, "person"},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := w.Open(t.Context(), by, test.r)
			wantCode(t, err, test.code)
			if err == nil {
				if w.state(t, id) != Open || w.current() {
					t.Errorf("trigger %s is %s, the plan current: %v", id, w.state(t, id), w.current())
				}
				return
			}
			if id != "" || fieldOf(err) != test.field {
				t.Errorf("id %q, fault at %q, want %q", id, fieldOf(err), test.field)
			}
		})
	}
}

func fieldOf(err error) string {
	for err != nil {
		if e, ok := err.(*holdfast.Error); ok {
			return e.Field
		}
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return ""
		}
		err = u.Unwrap()
	}
	return ""
}

func TestNothingToUpdate(t *testing.T) {
	t.Parallel()
	w, stop := empty()
	_, err := w.Open(t.Context(), by, good())
	wantCode(t, err, holdfast.NotFound)
	if w.current() {
		t.Error("no plan is current")
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// A deployment tool that repeats itself, from many machines at once, opens one
// trigger; once that is settled, the same change demands a look again.
func TestToldAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := told(func(r *Report) { r.Reference = "CHG-1042" })
	var all sync.WaitGroup
	ids := make([]string, 20)
	for i := range ids {
		all.Go(func() {
			var err error
			if ids[i], err = w.Open(t.Context(), by, r); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("ids %v", ids)
		}
	}
	if n := len(w.Nouns.Triggers.All()); n != 1 {
		t.Fatalf("%d triggers", n)
	}
	other := r
	other.Source = "another"
	if id, err := w.Open(t.Context(), by, other); err != nil || id == ids[0] {
		t.Errorf("another source's change %q: %v", id, err)
	}
	if err := w.Dispose(t.Context(), by, ids[0], Disposal{Reason: "nothing the plan says"}); err != nil {
		t.Fatal(err)
	}
	if id, err := w.Open(t.Context(), by, r); err != nil || id == ids[0] {
		t.Errorf("told after it was settled: %q, %v", id, err)
	}
}

func TestDispose(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, err := w.Open(t.Context(), by, good())
	if err != nil {
		t.Fatal(err)
	}
	withdrawn := w.begin(t)
	w.withdraw(t, withdrawn)
	early := w.begin(t)
	w.finish(t, early, time.Time{})
	other := w.begin(t)
	for name, test := range map[string]struct {
		id   string
		d    Disposal
		code holdfast.Code
	}{
		"no such trigger": {"t9", Disposal{Reason: "x"}, holdfast.NotFound},
		"neither":         {id, Disposal{}, holdfast.Invalid},
		"blank reason":    {id, Disposal{Reason: " \n"}, holdfast.Invalid},
		"both":            {id, Disposal{Draft: other, Reason: "x"}, holdfast.Invalid},
		"long reason":     {id, Disposal{Reason: strings.Repeat("x", 4001)}, holdfast.TooLarge},
		"no such draft":   {id, Disposal{Draft: "d9"}, holdfast.NotFound},
		"withdrawn":       {id, Disposal{Draft: withdrawn}, holdfast.Conflict},
		"published":       {id, Disposal{Draft: early}, holdfast.Conflict},
	} {
		t.Run(name, func(t *testing.T) { wantCode(t, w.Dispose(t.Context(), by, test.id, test.d), test.code) })
	}
	if w.state(t, id) != Open || w.current() {
		t.Fatal("a refused disposal changed something")
	}
}

// The draft's whole way, and back: the plan is current only when the revision
// that answers is in force.
func TestRevised(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, err := w.Open(t.Context(), by, good())
	if err != nil {
		t.Fatal(err)
	}
	want := func(state State, current bool) {
		t.Helper()
		if w.state(t, id) != state || w.current() != current {
			t.Fatalf("the trigger is %s and the plan current: %v; want %s and %v", w.state(t, id), w.current(), state, current)
		}
	}
	first := w.begin(t)
	if err := w.Dispose(t.Context(), by, id, Disposal{Draft: first}); err != nil {
		t.Fatal(err)
	}
	want(Revising, false)
	if err := w.Dispose(t.Context(), by, id, Disposal{Draft: first}); err != nil {
		t.Errorf("the same again: %v", err)
	}
	wantCode(t, w.Dispose(t.Context(), by, id, Disposal{Reason: "never mind"}), holdfast.Conflict)
	w.withdraw(t, first)
	want(Open, false)
	second := w.begin(t)
	if err := w.Dispose(t.Context(), by, id, Disposal{Draft: second}); err != nil {
		t.Fatal(err)
	}
	w.finish(t, second, start.Add(time.Hour))
	want(Revising, false)
	w.pass(time.Hour)
	want(Revised, true)
	wantCode(t, w.Dispose(t.Context(), by, id, Disposal{Reason: "never mind"}), holdfast.Conflict)
}

func TestTooManyWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var drafts []journal.Draft
	for i := range MaxUnsettled {
		drafts = append(drafts, journal.NewDraft(subject(fmt.Sprintf("t%d", i+1)), 0, kindOpened, opened{Plan: w.plan, Report: good()}))
	}
	for len(drafts) > 0 {
		n := min(len(drafts), 100)
		w.write(t, drafts[:n]...)
		drafts = drafts[n:]
	}
	_, err := w.Open(t.Context(), by, good())
	wantCode(t, err, holdfast.TooMany)
	if err := w.Dispose(t.Context(), by, "t1", Disposal{Reason: "x"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Open(t.Context(), by, good()); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// Random histories against a model that knows only what was done: the plan is
// current exactly while nothing told is left unanswered.
func TestHistories(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, stop := empty()
		defer func() {
			if err := stop(); err != nil {
				t.Errorf("the fold ended: %v", err)
			}
		}()
		w.publish(t, small(t), plan.Approved{})
		type answer struct {
			why   bool
			draft string
		}
		answers := map[string]answer{} // of each trigger
		fate := map[string]State{}     // of each draft
		var order []string
		draftID := ""
		unanswered := func(id string) bool {
			a := answers[id]
			return !a.why && (a.draft == "" || fate[a.draft] == Open)
		}
		t.Repeat(map[string]func(*rapid.T){
			"open": func(t *rapid.T) {
				id, err := w.Open(context.Background(), by, good())
				if err != nil {
					t.Fatal(err)
				}
				if _, known := answers[id]; known {
					t.Fatalf("%s was there already", id)
				}
				answers[id], order = answer{}, append(order, id)
			},
			"dispose": func(t *rapid.T) {
				if len(order) == 0 {
					t.Skip("none is open")
				}
				id := rapid.SampledFrom(order).Draw(t, "trigger")
				d, a := Disposal{Reason: "it says so already"}, answer{why: true}
				if draftID != "" && rapid.Bool().Draw(t, "revise") {
					d, a = Disposal{Draft: draftID}, answer{draft: draftID}
				}
				err := w.Dispose(context.Background(), by, id, d)
				switch {
				case unanswered(id):
					wantCode(t, err, "")
					answers[id] = a
				case answers[id] == a:
					wantCode(t, err, "")
				default:
					wantCode(t, err, holdfast.Conflict)
				}
			},
			"begin": func(t *rapid.T) {
				if draftID != "" {
					t.Skip("one is open")
				}
				draftID = w.begin(t)
				fate[draftID] = Revising
			},
			"withdraw": func(t *rapid.T) {
				if draftID == "" {
					t.Skip("none is open")
				}
				w.withdraw(t, draftID)
				fate[draftID], draftID = Open, ""
			},
			"publish": func(t *rapid.T) {
				if draftID == "" {
					t.Skip("none is open")
				}
				w.finish(t, draftID, time.Time{})
				fate[draftID], draftID = Revised, ""
			},
			"": func(t *rapid.T) {
				current := true
				for id, a := range answers {
					want := Unchanged
					if !a.why {
						want = Open
						if a.draft != "" {
							want = fate[a.draft]
						}
					}
					if got := w.state(t, id); got != want {
						t.Fatalf("%s is %s, want %s", id, got, want)
					}
					current = current && (want == Unchanged || want == Revised)
				}
				if w.current() != current {
					t.Fatalf("current %v, want %v", w.current(), current)
				}
			},
		})
	})
}

// What was read before a disposal stays as it was.
func TestReadersKeepWhatTheyHave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, err := w.Open(t.Context(), by, good())
	if err != nil {
		t.Fatal(err)
	}
	before, _ := w.Nouns.Triggers.Trigger(id)
	if err := w.Dispose(t.Context(), by, id, Disposal{Reason: "x"}); err != nil {
		t.Fatal(err)
	}
	if before.Disposed != nil {
		t.Error("a reader's trigger changed under him")
	}
}
