package alert

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/journal/journaltest"
)

var (
	now    = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	sender = holdfast.Actor{Kind: holdfast.Sender, ID: "monitor"}
	mei    = holdfast.Actor{Kind: holdfast.Account, ID: "mei"}
)

func newService(t *testing.T) (*Service, *journal.Memory) {
	t.Helper()
	store, book := journal.NewMemory("test"), NewBook()
	state := journal.NewState(store, store.Genesis(), book)
	journaltest.Follow(t, state)
	return &Service{Desk: &journal.Desk{Journal: store, State: state, Now: func() time.Time { return now }}, Book: book}, store
}

// deliver sends members and returns how many facts they made.
func deliver(t *testing.T, s *Service, store *journal.Memory, cut int, members ...Incoming) int {
	t.Helper()
	before := store.Head().Position
	if err := s.Deliver(t.Context(), sender, Delivery{Group: "g", Members: members, Cut: cut}); err != nil {
		t.Fatal(err)
	}
	return int(store.Head().Position - before)
}

func firing(fingerprint string) Incoming {
	return Incoming{Source: "alertmanager", Fingerprint: fingerprint, StartsAt: now.Add(-time.Minute), Labels: map[string]string{"alertname": "Fail"}}
}

func resolvedAt(in Incoming, at time.Time) Incoming { in.Resolved, in.EndsAt = true, at; return in }

func TestDeliveries(t *testing.T) {
	t.Parallel()
	s, store := newService(t)
	a, b := firing("a"), firing("b")
	for _, tt := range []struct {
		name    string
		members []Incoming
		cut     int
		facts   int
	}{
		{"the first", []Incoming{a}, 0, 1},
		{"a repeat", []Incoming{a}, 0, 0},
		{"the group grows", []Incoming{a, b}, 0, 1},
		{"one identity twice", []Incoming{firing("c"), firing("c")}, 0, 1},
		{"members are cut", []Incoming{a}, 5, 1},
		{"as many", []Incoming{a}, 5, 0},
		{"one resolves while the group fires", []Incoming{resolvedAt(a, now), b}, 5, 1},
		{"it resolves again", []Incoming{resolvedAt(a, now), b}, 5, 0},
		{"it fires again with the same start", []Incoming{a, b}, 5, 1},
		{"all are there again", []Incoming{a, b}, 0, 1},
		{"nothing is cut", []Incoming{a, b}, 0, 0},
		{"an empty group", nil, 0, 0},
	} {
		if got := deliver(t, s, store, tt.cut, tt.members...); got != tt.facts {
			t.Errorf("%s: %d facts, want %d", tt.name, got, tt.facts)
		}
		if got := s.Book.CutMembers(); got != tt.cut {
			t.Errorf("%s: %d members are cut", tt.name, got)
		}
	}
	if all := s.Book.All(); len(all) != 3 || !s.Book.Alert(a.ID()).Firing {
		t.Errorf("%d alerts", len(all))
	}
	if got := s.Book.Alert(a.ID()); !got.Ended.IsZero() || got.Reporter != sender || !got.Received.Equal(now) {
		t.Errorf("the alert is %+v", got)
	}
}

// A sender that tries again because it did not hear the answer, another member
// of its cluster, a doubtful commit: one alert, none lost.
func TestNotStored(t *testing.T) {
	t.Parallel()
	s, store := newService(t)
	down := holdfast.Errorf(holdfast.Unavailable, "the disk is full")
	store.Refuse(down)
	if err := s.Deliver(t.Context(), sender, Delivery{Members: []Incoming{firing("a")}}); !errors.Is(err, down) {
		t.Fatalf("what was not stored was answered with %v", err)
	}
	if len(s.Book.All()) != 0 {
		t.Error("what was not stored is in the book")
	}
	store.Doubt(true)
	if got := deliver(t, s, store, 0, firing("a")); got != 1 {
		t.Errorf("after a doubt there are %d facts", got)
	}
	if got := deliver(t, s, store, 0, firing("a")); got != 0 {
		t.Errorf("the second sender made %d facts", got)
	}
}

// Whatever the order of firing and resolved, and however they are repeated, it
// is one alert that fires exactly if firing was said last.
func TestAnyOrder(t *testing.T) {
	t.Parallel()
	s, store := newService(t)
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		in := firing(fmt.Sprint("alert-", n))
		fires := false
		for _, resolves := range rapid.SliceOfN(rapid.Bool(), 1, 8).Draw(r, "resolved") {
			arrival := in
			if resolves {
				arrival = resolvedAt(in, now)
			}
			deliver(t, s, store, 0, arrival)
			fires = !resolves
		}
		a := s.Book.Alert(in.ID())
		if a == nil || a.Firing != fires || !a.Waiting() || a.Firing != a.Ended.IsZero() {
			r.Fatalf("it is %+v, firing was said last: %t", a, fires)
		}
	})
	if got := len(s.Book.All()); got != n {
		t.Errorf("%d alerts of %d", got, n)
	}
}

func TestEnd(t *testing.T) {
	t.Parallel()
	s, store := newService(t)
	before, after := now.Add(-time.Second), now.Add(time.Hour)
	for name, tt := range map[string]struct{ said, want time.Time }{
		"before": {before, before}, "in the future: the sender's clock is ahead": {after, now}, "not said": {time.Time{}, now},
	} {
		first, late := firing(name), firing("never fired, "+name)
		deliver(t, s, store, 0, first)
		deliver(t, s, store, 0, resolvedAt(first, tt.said), resolvedAt(late, tt.said))
		for _, in := range []Incoming{first, late} {
			if a := s.Book.Alert(in.ID()); a.Firing || !a.Ended.Equal(tt.want) || !a.Waiting() {
				t.Errorf("%s: %+v", name, a)
			}
		}
	}
}

func TestNoStart(t *testing.T) {
	t.Parallel()
	s, store := newService(t)
	in := firing("a")
	in.StartsAt = time.Time{}
	deliver(t, s, store, 0, in)
	if got := deliver(t, s, store, 0, in); got != 0 {
		t.Errorf("the repeat made %d facts", got)
	}
	if a := s.Book.Alert(in.ID()); !a.StartsAt.Equal(now) {
		t.Errorf("it counts from %v", a.StartsAt)
	}
}

// A storm of large alerts is taken in parts that each fit one append.
func TestStorm(t *testing.T) {
	t.Parallel()
	s, store := newService(t)
	var members []Incoming
	for i := range 5 * bytesAtOnce / (4 * 3 * maxValue) { // a whole part and some of the next
		in := firing(fmt.Sprint(i))
		in.Annotations = map[string]string{}
		for k := range 3 {
			in.Annotations[fmt.Sprint("text-", k)] = strings.Repeat("\x01", maxValue)
		}
		members = append(members, in)
	}
	if got := deliver(t, s, store, 0, members...); got != len(members) {
		t.Errorf("%d alerts of %d are stored", got, len(members))
	}
	whole, parts := 0, batches(members)
	for _, part := range parts {
		whole += len(part)
	}
	if whole != len(members) || len(parts) != 2 || batches(nil) != nil {
		t.Errorf("%d parts hold %d members", len(parts), whole)
	}
}

func TestDismissAndAttach(t *testing.T) {
	t.Parallel()
	s, store := newService(t)
	in := firing("a")
	deliver(t, s, store, 0, in, firing("b"))
	id := in.ID()
	for reason, want := range map[string]holdfast.Code{"": holdfast.Invalid, " ": holdfast.Invalid, strings.Repeat("x", maxText+1): holdfast.Invalid} {
		if err := s.Dismiss(t.Context(), mei, id, reason); holdfast.CodeOf(err) != want {
			t.Errorf("dismissed for %.5q: %v", reason, err)
		}
	}
	if err := s.Dismiss(t.Context(), mei, "none", "noise"); holdfast.CodeOf(err) != holdfast.NotFound {
		t.Errorf("dismissed what is not there: %v", err)
	}
	if err := s.Dismiss(t.Context(), mei, id, "a test with card 4111111111111111"); err != nil {
		t.Fatal(err)
	}
	a := s.Book.Alert(id)
	if a.Waiting() || strings.Contains(a.Dismissed, "11111111111") || len(s.Book.Waiting()) != 1 {
		t.Errorf("dismissed: %+v", a)
	}
	if err := s.Dismiss(t.Context(), mei, id, "again"); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("dismissed twice: %v", err)
	}
	// It goes on firing: nothing new. It fires anew after an end: somebody has to look.
	deliver(t, s, store, 0, in)
	if a.Waiting() {
		t.Error("a repeat undid the dismissal")
	}
	deliver(t, s, store, 0, resolvedAt(in, now))
	if a.Waiting() {
		t.Error("an end undid the dismissal")
	}
	deliver(t, s, store, 0, in)
	if !a.Waiting() || len(s.Book.Waiting()) != 2 {
		t.Error("it fires again and nobody is asked to look")
	}
	attach(t, s, id, "2026-1")
	if a.Waiting() || a.Incident != "2026-1" {
		t.Errorf("attached: %+v", a)
	}
	if drafts, err := Attach(a, "2026-1", "", nil); err != nil || drafts != nil {
		t.Errorf("attached again: %v, %v", drafts, err)
	}
	if _, err := Attach(a, "2026-2", "", nil); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("attached to another: %v", err)
	}
	if _, err := Attach(nil, "2026-2", "", nil); holdfast.CodeOf(err) != holdfast.NotFound {
		t.Errorf("attached what is not there: %v", err)
	}
	if err := s.Dismiss(t.Context(), mei, id, "after all"); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("dismissed what belongs to an incident: %v", err)
	}
}

// A dismissal was a mistake: the alert can still be attached.
func TestAttachDismissed(t *testing.T) {
	t.Parallel()
	s, store := newService(t)
	in := firing("a")
	deliver(t, s, store, 0, in)
	if err := s.Dismiss(t.Context(), mei, in.ID(), "noise"); err != nil {
		t.Fatal(err)
	}
	attach(t, s, in.ID(), "2026-1")
	if a := s.Book.Alert(in.ID()); a.Incident != "2026-1" || a.Dismissed != "" {
		t.Errorf("attached: %+v", a)
	}
}

func attach(t *testing.T, s *Service, id, incident string) {
	t.Helper()
	if err := s.do(t.Context(), mei, func(time.Time) ([]journal.Draft, error) { return Attach(s.Book.Alert(id), incident, "rule", nil) }); err != nil {
		t.Fatal(err)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	s, _ := newService(t)
	seen := now.Add(-17 * time.Minute)
	id, err := s.Report(t.Context(), mei, Report{Summary: " my card 4111111111111111 does not work ", Detail: "twice", Caller: "Ms. Chen, +886 2 5550-0101", Seen: seen})
	if err != nil {
		t.Fatal(err)
	}
	a := s.Book.Alert(id)
	if !a.StartsAt.Equal(seen) || !a.Received.Equal(now) || a.Reporter != mei || !a.Firing || a.Source != "report" {
		t.Errorf("the report is %+v", a)
	}
	want := map[string]string{"summary": "my card 411111******1111 does not work", "description": "twice", "caller": "Ms. Chen, +886 2 5550-0101"}
	if !maps.Equal(a.Annotations, want) {
		t.Errorf("it says %v", a.Annotations)
	}
	// The same words again are a report of their own: two customers say the same.
	again, err := s.Report(t.Context(), mei, Report{Summary: "my card does not work", Seen: seen})
	if err != nil || again == id || len(s.Book.All()) != 2 {
		t.Errorf("the second report is %s, %v", again, err)
	}
	now2, err := s.Report(t.Context(), mei, Report{Summary: "x"})
	if err != nil || !s.Book.Alert(now2).StartsAt.Equal(now) {
		t.Errorf("a report without a time: %v", err)
	}
}

func TestReportRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		r     Report
		field string
	}{
		{Report{}, "summary"},
		{Report{Summary: " \n "}, "summary"},
		{Report{Summary: "two\nlines"}, "summary"},
		{Report{Summary: strings.Repeat("長", 67)}, "summary"},
		{Report{Summary: "x", Detail: strings.Repeat("x", maxText+1)}, "detail"},
		{Report{Summary: "x", Caller: strings.Repeat("x", maxSummary+1)}, "caller"},
		{Report{Summary: "x", Seen: now.Add(time.Hour)}, "seen"},
	} {
		_, err := tt.r.Incoming("id", now)
		var e *holdfast.Error
		if !errors.As(err, &e) || e.Field != tt.field {
			t.Errorf("%.40v: %v, want one at %s", tt.r, err, tt.field)
		}
	}
	if _, err := (Report{Summary: "x", Seen: now.Add(30 * time.Second)}).Incoming("id", now); err != nil {
		t.Errorf("a clock half a minute ahead: %v", err)
	}
}

func TestMaskCaller(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Chen +886 2 5550-0101":                  "Chen +886 2 5550-0101",
		"+862155500101 and +886 912 345 678":     "+862155500101 and +886 912 345 678",
		"4111 1111 1111 1111":                    "4111 11** **** 1111",
		"+4111 1111 1111 1111":                   "+4111 11** **** 1111",
		"4111111111111111, call +886 2 55500101": "411111******1111, call +886 2 55500101",
		"nobody":                                 "nobody",
	} {
		if got := maskCaller(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestTitle(t *testing.T) {
	t.Parallel()
	for want, a := range map[string]Incoming{
		"payments fail at A": {Annotations: map[string]string{"summary": " payments\r\nfail\tat A", "description": "d"}},
		"d":                  {Annotations: map[string]string{"summary": " ", "description": "d"}, Labels: map[string]string{"alertname": "n"}},
		"n":                  {Labels: map[string]string{"alertname": "n"}},
		"f":                  {Fingerprint: "f"},
	} {
		if got := (&Alert{Incoming: a}).Title(); got != want {
			t.Errorf("the title is %q, want %q", got, want)
		}
	}
}
