package filing

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/journal/journaltest"
	"holdfast/internal/plan"
)

var (
	published = time.Date(2026, 11, 1, 3, 0, 0, 0, time.UTC)
	now       = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	by        = holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "梅"}
)

func newService(t *testing.T) *Service {
	t.Helper()
	store, book, plans := journal.NewMemory("test"), NewBook(), plan.NewBook()
	state := journal.NewState(store, store.Genesis(), book, plans)
	journaltest.Follow(t, state)
	src, err := os.ReadFile("../plan/testdata/small.yaml")
	if err != nil {
		t.Fatal(err)
	}
	desk := &journal.Desk{Journal: store, State: state, Now: func() time.Time { return published }}
	if _, err := (&plan.Service{Desk: desk, Book: plans}).Publish(t.Context(), by, src, ""); err != nil {
		t.Fatal(err)
	}
	return &Service{Desk: &journal.Desk{Journal: store, State: state, Now: func() time.Time { return now }}, Book: book, Plans: plans, Files: store}
}

func wantCode(t *testing.T, err error, want holdfast.Code) {
	t.Helper()
	if got := holdfast.CodeOf(err); got != want {
		t.Fatalf("error %v has code %q, not %q", err, got, want)
	}
}

func good() Form {
	return Form{Kind: Plan, Revision: 1, Title: "應急預案 2026", Recipient: "金管會", Filed: now.Add(-time.Hour), Again: now.AddDate(1, 0, 0)}
}

func TestRecord(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for name, test := range map[string]struct {
		edit func(*Form)
		code holdfast.Code
	}{
		"good":               {func(*Form) {}, ""},
		"of a drill":         {func(f *Form) { f.Kind = Drill }, ""},
		"never again":        {func(f *Form) { f.Again = time.Time{} }, ""},
		"kind":               {func(f *Form) { f.Kind = "letter" }, holdfast.Invalid},
		"no such plan":       {func(f *Form) { f.Plan = "other" }, holdfast.NotFound},
		"no such revision":   {func(f *Form) { f.Revision = 2 }, holdfast.NotFound},
		"no revision":        {func(f *Form) { f.Revision = 0 }, holdfast.NotFound},
		"no title":           {func(f *Form) { f.Title = "" }, holdfast.Invalid},
		"two lines":          {func(f *Form) { f.Recipient = "a\nb" }, holdfast.Invalid},
		"long recipient":     {func(f *Form) { f.Recipient = strings.Repeat("會", 201) }, holdfast.TooLarge},
		"no time":            {func(f *Form) { f.Filed = time.Time{} }, holdfast.Invalid},
		"not yet":            {func(f *Form) { f.Filed = now.Add(time.Second) }, holdfast.Invalid},
		"before publication": {func(f *Form) { f.Filed = published.Add(-time.Second) }, holdfast.Invalid},
		"again before":       {func(f *Form) { f.Again = f.Filed }, holdfast.Invalid},
		"again in an age":    {func(f *Form) { f.Again = now.AddDate(50, 0, 0) }, holdfast.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			f := good()
			test.edit(&f)
			before := len(s.Book.All())
			id, err := s.Record(t.Context(), by, f)
			wantCode(t, err, test.code)
			if err != nil {
				if id != "" || len(s.Book.All()) != before {
					t.Error("a refused filing was recorded")
				}
				return
			}
			got := s.Book.All()[0]
			r, _ := s.Plans.Revision(got.Plan, 1)
			if got.ID != id || got.Hash != r.Hash || got.Title != f.Title || !got.Again.Equal(f.Again) || !got.By.SameParty(by) {
				t.Errorf("%+v", got)
			}
		})
	}
}

// A receipt is recorded once, whoever else tries.
func TestReceive(t *testing.T) {
	t.Parallel()
	s := newService(t)
	id, err := s.Record(t.Context(), by, good())
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		id   string
		r    Receipt
		code holdfast.Code
	}{
		"no such filing":   {"f9", Receipt{"R-1", now}, holdfast.NotFound},
		"no number":        {id, Receipt{"", now}, holdfast.Invalid},
		"before it filed":  {id, Receipt{"R-1", now.Add(-2 * time.Hour)}, holdfast.Invalid},
		"not yet":          {id, Receipt{"R-1", now.Add(time.Hour)}, holdfast.Invalid},
		"number too large": {id, Receipt{strings.Repeat("1", 201), now}, holdfast.TooLarge},
	} {
		t.Run(name, func(t *testing.T) { wantCode(t, s.Receive(t.Context(), by, test.id, test.r), test.code) })
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for i := range 10 {
		all.Go(func() {
			err := s.Receive(t.Context(), by, id, Receipt{string(rune('A' + i)), now})
			mu.Lock()
			defer mu.Unlock()
			switch holdfast.CodeOf(err) {
			case "":
				won++
			case holdfast.Conflict:
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won != 1 {
		t.Errorf("%d receipts were recorded", won)
	}
	wantCode(t, s.Receive(t.Context(), by, id, *s.Book.All()[0].Receipt), "")
}

// A filing is overdue until the same is filed again with the same regulator.
func TestOverdue(t *testing.T) {
	t.Parallel()
	s := newService(t)
	file := func(edit func(*Form)) *Filing {
		t.Helper()
		f := good()
		edit(&f)
		if _, err := s.Record(t.Context(), by, f); err != nil {
			t.Fatal(err)
		}
		return s.Book.All()[0]
	}
	first := file(func(*Form) {})
	late := first.Again.Add(time.Second)
	if s.Book.Overdue(first, first.Again) || !s.Book.Overdue(first, late) {
		t.Fatal("it is overdue right after it is due again, and not before")
	}
	file(func(f *Form) { f.Kind = Drill })
	file(func(f *Form) { f.Recipient = "another" })
	if !s.Book.Overdue(first, late) {
		t.Fatal("a drill's report and another regulator's copy took the plan's place")
	}
	again := file(func(f *Form) { f.Again = time.Time{} })
	if s.Book.Overdue(first, late) || s.Book.Overdue(again, late) {
		t.Error("it was filed again, for good")
	}
}
