package draft

import (
	"context"
	"strings"
	"testing"
	"time"

	"holdfast"
)

// What may be done with a draft in which state: "." is done, "c" is refused
// because of the state.
func TestLifeCycle(t *testing.T) {
	t.Parallel()
	acts := []struct {
		name string
		do   func(t *testing.T, w *world, id string) error
	}{
		{"save", func(t *testing.T, w *world, id string) error {
			_, base := w.draft(t, id).Chapter("risks")
			return w.Save(t.Context(), ann, id, "risks", base, risks("new"))
		}},
		{"invite", func(t *testing.T, w *world, id string) error { return w.Invite(t.Context(), ann, id, "eve") }},
		{"dismiss", func(t *testing.T, w *world, id string) error { return w.Dismiss(t.Context(), ann, id, "rob") }},
		{"review", func(t *testing.T, w *world, id string) error { return w.Review(t.Context(), ann, id) }},
		{"comment", func(t *testing.T, w *world, id string) error {
			return w.Comment(t.Context(), someone("rob"), false, id, Remark{Chapter: "risks", Text: "Why?"})
		}},
		{"reply", func(t *testing.T, w *world, id string) error { return w.Reply(t.Context(), ann, true, id, 1, "So.") }},
		{"reopen", func(t *testing.T, w *world, id string) error { return w.Reopen(t.Context(), ann, true, id, 1) }},
		{"submit", func(t *testing.T, w *world, id string) error { return w.Submit(t.Context(), ann, id, "No. 7") }},
		{"approve", func(t *testing.T, w *world, id string) error { return w.Approve(t.Context(), bob, id, w.hash(t, id)) }},
		{"return", func(t *testing.T, w *world, id string) error { return w.Return(t.Context(), bob, id, "Not so.") }},
		{"publish", func(t *testing.T, w *world, id string) error {
			_, err := w.Publish(t.Context(), dee, id, time.Time{})
			return err
		}},
		{"withdraw", func(t *testing.T, w *world, id string) error { return w.Withdraw(t.Context(), ann, id, "Enough.") }},
	}
	for _, row := range []struct{ state, allowed string }{
		{"draft", ". . . . . . . . c . c ."},
		{"in-review", ". . . . . . . . c . c ."},
		{"in-approval", "c . . c . . c c . . c ."},
		{"approved", "c . . c . . c c c . . ."},
		{"published", "c c c c c c c c c c c c"},
		{"withdrawn", "c c c c c c c c c c c c"},
	} {
		for i, allowed := range strings.Fields(row.allowed) {
			act := acts[i]
			t.Run(row.state+" "+act.name, func(t *testing.T) {
				t.Parallel()
				w := memory(t)
				id := reach(t, w, row.state)
				code := holdfast.Code("")
				if allowed == "c" {
					code = holdfast.Conflict
				}
				wantCode(t, act.name, act.do(t, w, id), code)
			})
		}
	}
}

// reach brings a draft into a state. It has a reviewer and an answered comment.
func reach(t *testing.T, w *world, state string) (id string) {
	id = start(t, w)
	ctx := t.Context()
	w.put(t, ann, id, "general", general("first"))
	must(t, w.Invite(ctx, ann, id, "rob"))
	must(t, w.Comment(ctx, someone("rob"), false, id, Remark{Chapter: "general", Path: "purpose", Quote: "first", Text: "What?"}))
	must(t, w.Resolve(ctx, ann, id, 1, "That."))
	steps := []struct {
		state string
		do    func() error
	}{
		{"draft", func() error { return nil }},
		{"in-review", func() error { return w.Review(ctx, ann, id) }},
		{"in-approval", func() error { return w.Submit(ctx, ann, id, "No. 7") }},
		{"approved", func() error { return w.Approve(ctx, bob, id, w.hash(t, id)) }},
		{"published", func() error { _, err := w.Publish(ctx, dee, id, time.Time{}); return err }},
	}
	if state == "withdrawn" {
		must(t, w.Withdraw(ctx, ann, id, "Enough."))
		return id
	}
	for _, s := range steps {
		must(t, s.do())
		if s.state == state {
			return id
		}
	}
	t.Fatal("no state ", state)
	return ""
}

// What is published is the text that was approved, with who approved it; the
// draft keeps what was said on the way.
func TestPublished(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id := reach(t, w, "published")
	d := w.draft(t, id)
	if d.Revision != 2 || d.State != Published {
		t.Fatalf("draft %+v", d)
	}
	w.Desk.State.View(func() {
		r, _ := w.Nouns.Plans.Current("small", w.clock())
		if r.Number != 2 || r.Text != string(d.Text()) || r.Draft != id || r.Document != "No. 7" || len(r.Approvals) != 1 || r.Approvals[0].By.ID != "bob" {
			t.Errorf("revision %+v", r.Published)
		}
	})
	next, err := w.Begin(t.Context(), bob, "", nil)
	must(t, err)
	if d := w.draft(t, next); next == id || d.From != 2 || string(d.Text()) != string(w.draft(t, id).Text()) {
		t.Errorf("the next draft %s begins with revision %d", next, d.From)
	}
}

func TestReturnedAndWithdrawnSayWhy(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id := reach(t, w, "approved")
	wantCode(t, "without a reason", w.Return(t.Context(), cat, id, " "), holdfast.Invalid)
	must(t, w.Return(t.Context(), cat, id, "Not so."))
	must(t, w.Withdraw(t.Context(), ann, id, "Enough."))
	d := w.draft(t, id)
	if len(d.Decisions) != 0 || len(d.Returned) != 2 || d.Returned[0].Reason != "Not so." || d.Returned[0].From != InApproval || d.Returned[1].Reason != "Enough." {
		t.Errorf("decisions %v, returned %+v", d.Decisions, d.Returned)
	}
}

// One draft is open per plan at a time.
func TestOneOpenDraft(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id := start(t, w)
	_, err := w.Begin(t.Context(), bob, "", nil)
	wantCode(t, "a second draft", err, holdfast.Conflict)
	other := strings.Replace(string(small(t)), "id: small", "id: other", 1)
	_, err = w.Begin(t.Context(), bob, "", []byte(other))
	must(t, err)
	must(t, w.Withdraw(t.Context(), bob, id, "Enough."))
	_, err = w.Begin(t.Context(), bob, "", nil)
	must(t, err)
	_, err = w.Begin(t.Context(), bob, "", []byte("format: holdfast-plan/1\n"))
	wantCode(t, "a text without a plan", err, holdfast.Invalid)
}

// Two authors on one chapter: the second is shown what the first wrote, and
// nothing is overwritten.
func TestTwoAuthors(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id := start(t, w)
	must(t, w.Save(t.Context(), ann, id, "general", 0, general("A")))
	err := w.Save(t.Context(), bob, id, "general", 0, general("B"))
	wantCode(t, "the second", err, holdfast.Conflict)
	if n := newer(t, err); n.By.ID != "ann" || n.Number != 1 || !strings.Contains(n.Text, "To test A.") {
		t.Errorf("newer %+v", n.Save)
	}
	if text, last := w.draft(t, id).Chapter("general"); last != 1 || !strings.Contains(text, "To test A.") {
		t.Errorf("save %d: %s", last, text)
	}
	must(t, w.Save(t.Context(), bob, id, "risks", 0, risks("B"))) // another chapter is no conflict
	must(t, w.Save(t.Context(), bob, id, "general", 1, general("A and B")))
	must(t, w.Save(t.Context(), ann, id, "general", 0, general("A and B"))) // it says so already
	if n := len(w.draft(t, id).Saves); n != 3 {
		t.Errorf("%d saves", n)
	}
	wantCode(t, "over a save that never was", w.Save(t.Context(), ann, id, "general", 9, general("C")), holdfast.NotFound)
	wantCode(t, "over nothing", w.Save(t.Context(), ann, id, "general", -1, general("C")), holdfast.NotFound)
	wantCode(t, "a stale restore", w.Restore(t.Context(), ann, id, "general", 1, 1), holdfast.Conflict)
	must(t, w.Restore(t.Context(), ann, id, "general", 3, 1))
	if text, last := w.draft(t, id).Chapter("general"); last != 4 || !strings.Contains(text, "To test A.") {
		t.Errorf("restored save %d: %s", last, text)
	}
	must(t, w.Restore(t.Context(), ann, id, "general", 4, 0))
	if text, _ := w.draft(t, id).Chapter("general"); strings.Contains(text, "To test A") {
		t.Errorf("the text that the draft began with: %s", text)
	}
	wantCode(t, "a save that cannot be", w.Restore(t.Context(), ann, id, "general", 5, -1), holdfast.NotFound)
	wantCode(t, "a save of another chapter", w.Restore(t.Context(), ann, id, "risks", 2, 1), holdfast.NotFound)
}

// A draft that was read stays as it was read.
func TestReadersKeepWhatTheyRead(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id := reach(t, w, "draft")
	before := w.draft(t, id)
	text, comment := string(before.Text()), *before.Comments[0]
	w.put(t, bob, id, "general", general("later"))
	must(t, w.Reply(t.Context(), bob, true, id, 1, "Oh."))
	must(t, w.Reopen(t.Context(), bob, true, id, 1))
	must(t, w.Dismiss(t.Context(), bob, id, "rob"))
	if string(before.Text()) != text || len(before.Saves) != 1 || len(before.Reviewers) != 1 || before.Comments[0].Resolved != comment.Resolved || len(before.Comments[0].Replies) != 0 {
		t.Errorf("it changed under its reader: %+v", before)
	}
}

func TestComments(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id := start(t, w)
	ctx, rob := t.Context(), someone("rob")
	w.put(t, ann, id, "general", general("early"))
	wantCode(t, "by a stranger", w.Comment(ctx, rob, false, id, Remark{Chapter: "general", Text: "Hm."}), holdfast.Forbidden)
	must(t, w.Invite(ctx, ann, id, "rob"))
	wantCode(t, "of no chapter", w.Comment(ctx, rob, false, id, Remark{Chapter: "nothing", Text: "Hm."}), holdfast.Invalid)
	wantCode(t, "without words", w.Comment(ctx, rob, false, id, Remark{Chapter: "general", Text: " "}), holdfast.Invalid)
	for range 2 { // the second says nothing new
		must(t, w.Comment(ctx, rob, false, id, Remark{Chapter: "general", Path: "purpose", Quote: "early", Text: "Hm."}))
	}
	if n := len(w.draft(t, id).Comments); n != 1 {
		t.Fatalf("%d comments", n)
	}

	wantCode(t, "resolved by nothing", w.Resolve(ctx, ann, id, 1, " "), holdfast.Invalid)
	w.put(t, ann, id, "risks", risks("other"))
	wantCode(t, "resolved by another chapter", w.Resolve(ctx, ann, id, 1, ""), holdfast.Invalid)
	wantCode(t, "submitted while it is open", w.Submit(ctx, ann, id, ""), holdfast.Conflict)
	w.put(t, ann, id, "general", general("later"))
	must(t, w.Resolve(ctx, ann, id, 1, ""))
	if r := w.draft(t, id).Comments[0].Resolved; r == nil || len(r.Saves) != 1 || r.Saves[0] != 3 {
		t.Errorf("resolved %+v", r)
	}

	must(t, w.Reopen(ctx, rob, false, id, 1))
	wantCode(t, "resolved by what was there", w.Resolve(ctx, ann, id, 1, ""), holdfast.Invalid)
	must(t, w.Dismiss(ctx, ann, id, "rob"))
	wantCode(t, "by who was dismissed", w.Reply(ctx, rob, false, id, 1, "But."), holdfast.Forbidden)
	must(t, w.Resolve(ctx, ann, id, 1, "It stays."))
	must(t, w.Submit(ctx, ann, id, ""))

	// A remark in approval holds it up, too.
	must(t, w.Comment(ctx, bob, true, id, Remark{Chapter: "risks", Text: "And this?"}))
	wantCode(t, "approved while it is open", w.Approve(ctx, cat, id, w.hash(t, id)), holdfast.Conflict)
	must(t, w.Resolve(ctx, ann, id, 2, "It is known."))
	must(t, w.Approve(ctx, cat, id, w.hash(t, id)))
	must(t, w.Comment(ctx, bob, true, id, Remark{Chapter: "risks", Text: "Still."}))
	_, err := w.Publish(ctx, dee, id, time.Time{})
	wantCode(t, "published while it is open", err, holdfast.Conflict)
}

func TestReview(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id := start(t, w)
	wantCode(t, "without reviewers", w.Review(t.Context(), ann, id), holdfast.Invalid)
	wantCode(t, "no account", w.Invite(t.Context(), ann, id, "No One"), holdfast.Invalid)
	must(t, w.Invite(t.Context(), ann, id, "rob"))
	must(t, w.Review(t.Context(), ann, id))
	if s := w.draft(t, id).State; s != InReview {
		t.Errorf("state %s", s)
	}
	must(t, w.Return(t.Context(), ann, id, "Enough was said."))
	if s := w.draft(t, id).State; s != Drafting {
		t.Errorf("state %s", s)
	}
}

// Who has a chapter open is shown to others, for a while.
func TestPresence(t *testing.T) {
	t.Parallel()
	w := memory(t)
	if others := w.Opened("d1", "risks", ann); len(others) != 0 {
		t.Errorf("others %v", others)
	}
	w.pass(time.Minute)
	if others := w.Opened("d1", "risks", bob); len(others) != 1 || others[0] != "ANN" {
		t.Errorf("others %v", others)
	}
	w.pass(90 * time.Second)
	if others := w.Opened("d1", "risks", cat); len(others) != 1 || others[0] != "BOB" {
		t.Errorf("others %v", others)
	}
}

func TestReadings(t *testing.T) {
	t.Parallel()
	w := memory(t)
	w.hold(t, "cat", "engineer")
	w.hold(t, "dee", "officer")
	_, err := w.plans.Publish(t.Context(), dee, small(t, countersigned), "first")
	must(t, err)
	owed, err := w.Readings("small", 1)
	must(t, err)
	if len(owed) != 1 || owed[0].Person != "p-cat" || !owed[0].At.IsZero() || !owed[0].Due.Equal(w.clock().Add(DefaultAcknowledgeWithin)) {
		t.Fatalf("owed %+v", owed)
	}
	wantCode(t, "nobody", w.Acknowledge(context.Background(), bob, "small", 1, ""), holdfast.Forbidden)
	wantCode(t, "no revision", w.Acknowledge(context.Background(), cat, "small", 2, "p-cat"), holdfast.NotFound)
	at := w.clock()
	must(t, w.Acknowledge(t.Context(), cat, "small", 1, "")) // the roster knows him by his account
	w.pass(time.Hour)
	must(t, w.Acknowledge(t.Context(), cat, "small", 1, "p-cat"))
	must(t, w.Acknowledge(t.Context(), dee, "small", 1, "p-dee")) // whoever wants may
	if owed, _ = w.Readings("small", 1); len(owed) != 1 || !owed[0].At.Equal(at) {
		t.Errorf("owed %+v", owed)
	}
}
