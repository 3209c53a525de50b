package draft

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
)

// letters stand for the mail: they keep what was sent.
type letters struct{ sent []string }

func (l *letters) Secret(link string) string { return "secret of " + link }

func (l *letters) Address(link string, _ holdfast.Lang) string { return link }

func (l *letters) Send(_ context.Context, _ holdfast.Actor, link string, _ holdfast.Text, to Outside) error {
	l.sent = append(l.sent, to.Address+" "+link)
	return nil
}

var guest = Guest{Name: "Dr. Wu", Address: "wu@example.com", Lang: holdfast.En}

// outside invites an outside person and returns the link.
func (w *world) outside(t failer, id string, g Guest) (Link, Outside) {
	t.Helper()
	if w.Letters == nil {
		w.Letters = &letters{}
	}
	o, address, err := w.InviteOutside(context.Background(), ann, id, g)
	must(t, err)
	return Link{id, o.ID, w.Letters.Secret(address)}, o
}

func TestOutsideReviewer(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id, ctx := start(t, w), t.Context()
	w.put(t, ann, id, "risks", risks("cut"))
	l, o := w.outside(t, id, guest)
	if o.ID != "o1" || !o.Expires.Equal(w.clock().AddDate(0, 0, 14)) {
		t.Errorf("outside reviewer %+v", o)
	}
	if sent := w.Letters.(*letters).sent; len(sent) != 1 || !strings.HasPrefix(sent[0], "wu@example.com ") {
		t.Errorf("sent %q", sent)
	}
	must(t, w.Review(ctx, ann, id))
	for range 2 { // the second says nothing new
		must(t, w.OutsideComment(ctx, l, Remark{Path: "risks[0]", Lang: holdfast.En, Text: "How likely?"}))
	}
	d := w.draft(t, id)
	c := d.Comments[0]
	if len(d.Comments) != 1 || c.By.Kind != holdfast.Reviewer || c.By.ID != id+".o1" || c.By.Name != "Dr. Wu" || c.Chapter != "risks" || c.Path != "risks[power]" || !strings.Contains(c.Quote, "Power") {
		t.Errorf("comments %+v", c)
	}
	wantCode(t, "submitted while an outside comment is open", w.Submit(ctx, ann, id, ""), holdfast.Conflict)
	must(t, w.Reply(ctx, ann, true, id, 1, "Rarely."))
	must(t, w.OutsideReply(ctx, l, 1, "How do you know?"))
	must(t, w.OutsideFinish(ctx, l))
	if !w.draft(t, id).HasFinished(o.Actor(id)) {
		t.Error("he has not finished")
	}
	w.put(t, ann, id, "risks", risks("seldom"))
	must(t, w.Resolve(ctx, ann, id, 1, ""))
	must(t, w.OutsideReopen(ctx, l, 1))
	wantCode(t, "submitted while it is open again", w.Submit(ctx, ann, id, ""), holdfast.Conflict)
	must(t, w.Resolve(ctx, ann, id, 1, "As measured."))
	must(t, w.Submit(ctx, ann, id, ""))
	must(t, w.Approve(ctx, bob, id, w.hash(t, id)))
}

// The link of a reviewer does what it is for and nothing else.
func TestForgedLinks(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id, ctx := start(t, w), t.Context()
	l, _ := w.outside(t, id, guest)
	second, _ := w.outside(t, id, Guest{Name: "Ms. Xu", Lang: holdfast.ZhHans})
	other, err := w.Begin(ctx, ann, "", []byte(strings.Replace(string(small(t)), "id: small", "id: other", 1)))
	must(t, err)
	elsewhere, _ := w.outside(t, other, guest)
	must(t, w.Invite(ctx, ann, id, "rob"))
	must(t, w.OutsideComment(ctx, l, Remark{Chapter: "risks", Text: "Mine."}))
	must(t, w.Comment(ctx, ann, true, id, Remark{Chapter: "risks", Text: "The author's."}))

	// Each act by a link, with the code of its refusal.
	acts := func(l Link) map[string]error {
		_, _, read := w.Admit(l)
		return map[string]error{
			"read": read, "comment": w.OutsideComment(ctx, l, Remark{Chapter: "risks", Text: "Forged."}),
			"reply": w.OutsideReply(ctx, l, 1, "Forged."), "reopen": w.OutsideReopen(ctx, l, 1), "finish": w.OutsideFinish(ctx, l),
		}
	}
	refused := func(what string, l Link, read, act holdfast.Code) {
		t.Helper()
		before := w.draft(t, id)
		for name, err := range acts(l) {
			want := act
			if name == "read" {
				want = read
			}
			wantCode(t, what+": "+name, err, want)
		}
		if after := w.draft(t, id); after != before {
			t.Errorf("%s: something was written: %+v", what, after)
		}
	}
	const no = holdfast.NotFound
	refused("without a secret", Link{id, "o1", ""}, no, no)
	refused("guessed", Link{id, "o1", "secret"}, no, no)
	refused("of another reviewer", Link{id, "o1", second.Secret}, no, no)
	refused("of another draft", Link{id, "o1", elsewhere.Secret}, no, no)
	refused("on another draft", Link{other, "o1", l.Secret}, no, no)
	refused("on no draft", Link{"d9", "o1", l.Secret}, no, no)
	refused("of nobody", Link{id, "o9", l.Secret}, no, no)
	refused("of an account", Link{id, "rob", l.Secret}, no, no)
	hash := sha256.Sum256([]byte(l.Secret))
	refused("with what the journal holds", Link{id, "o1", holdfast.Hash(hash).String()}, no, no)

	// His own threads only.
	wantCode(t, "a reply to another's comment", w.OutsideReply(ctx, l, 2, "Hm."), no)
	wantCode(t, "reopening another's comment", w.OutsideReopen(ctx, l, 2), no)
	wantCode(t, "a reply to the other's", w.OutsideReply(ctx, second, 1, "Hm."), no)
	// An account of his actor's name is not he, nor he an account.
	wantCode(t, "as an account", w.Comment(ctx, someone(id+".o1"), false, id, Remark{Chapter: "risks", Text: "Hm."}), holdfast.Forbidden)

	// A new link ends the former.
	_, address, err := w.NewLink(ctx, ann, id, "o1", 30)
	must(t, err)
	refused("replaced", l, no, no)
	l.Secret = w.Letters.Secret(address)
	if _, r, err := w.Admit(l); err != nil || !r.Outside.Expires.Equal(w.clock().AddDate(0, 0, 30)) {
		t.Errorf("the new link: %+v, %v", r.Outside, err)
	}
	must(t, w.OutsideReply(ctx, l, 1, "By the new link."))

	must(t, w.DismissOutside(ctx, ann, id, "o2"))
	refused("dismissed", second, no, no)
	third, o := w.outside(t, id, Guest{Name: "Ms. Xu", Lang: holdfast.ZhHans})
	if o.ID != "o3" {
		t.Errorf("the id %s was used before", o.ID)
	}
	refused("dismissed, as the next", Link{id, o.ID, second.Secret}, no, no)
	w.pass(14*24*time.Hour - time.Second)
	must(t, w.OutsideComment(ctx, third, Remark{Chapter: "risks", Text: "Just in time."}))
	w.pass(time.Second)
	refused("run out", third, holdfast.Conflict, holdfast.Conflict)

	// Once the text is submitted, it can be read and no more; so when it is published.
	for n := range w.draft(t, id).Comments {
		must(t, w.Resolve(ctx, ann, id, n+1, "So be it."))
	}
	w.put(t, ann, id, "general", general("it"))
	must(t, w.Submit(ctx, ann, id, ""))
	refused("submitted", l, "", holdfast.Conflict)
	must(t, w.Approve(ctx, bob, id, w.hash(t, id)))
	refused("approved", l, "", holdfast.Conflict)
	_, err = w.Publish(ctx, dee, id, time.Time{})
	must(t, err)
	refused("published", l, "", holdfast.Conflict)
	must(t, w.DismissOutside(ctx, ann, id, "o1"))
	refused("dismissed after publication", l, no, no)
}

func TestWhoMayBeInvited(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id := start(t, w)
	w.outside(t, id, guest)
	for name, test := range map[string]struct {
		guest Guest
		code  holdfast.Code
	}{
		"no name":             {Guest{Lang: holdfast.En}, holdfast.Invalid},
		"two lines":           {Guest{Name: "A\nB", Lang: holdfast.En}, holdfast.Invalid},
		"a long name":         {Guest{Name: strings.Repeat("x", 101), Lang: holdfast.En}, holdfast.TooLarge},
		"no address":          {Guest{Name: "A", Address: "somewhere", Lang: holdfast.En}, holdfast.Invalid},
		"a name and address":  {Guest{Name: "A", Address: "A <a@example.com>", Lang: holdfast.En}, holdfast.Invalid},
		"two addresses":       {Guest{Name: "A", Address: "a@example.com\r\nBcc: b@example.com", Lang: holdfast.En}, holdfast.Invalid},
		"no language":         {Guest{Name: "A"}, holdfast.Invalid},
		"for ever":            {Guest{Name: "A", Lang: holdfast.En, Days: 91}, holdfast.Invalid},
		"before now":          {Guest{Name: "A", Lang: holdfast.En, Days: -1}, holdfast.Invalid},
		"a name twice":        {Guest{Name: "dr. wu", Lang: holdfast.En}, holdfast.Conflict},
		"an address twice":    {Guest{Name: "A", Address: "WU@example.com", Lang: holdfast.En}, holdfast.Conflict},
		"by link":             {Guest{Name: "A", Lang: holdfast.En, Days: 90}, ""},
		"the address trimmed": {Guest{Name: "B", Address: " b@example.com ", Lang: holdfast.ZhHant}, ""},
	} {
		_, _, err := w.InviteOutside(t.Context(), ann, id, test.guest)
		wantCode(t, name, err, test.code)
	}
	_, _, err := w.NewLink(t.Context(), ann, id, "o9", 0)
	wantCode(t, "a link for nobody", err, holdfast.NotFound)
	_, _, err = w.NewLink(t.Context(), ann, id, "o1", 1000)
	wantCode(t, "a link for ever", err, holdfast.Invalid)
	must(t, w.DismissOutside(t.Context(), ann, id, "o9"))
	wantCode(t, "dismissed from no draft", w.DismissOutside(t.Context(), ann, "d9", "o1"), holdfast.NotFound)
	must(t, w.Withdraw(t.Context(), ann, id, "Enough."))
	_, _, err = w.InviteOutside(t.Context(), ann, id, Guest{Name: "C", Lang: holdfast.En})
	wantCode(t, "to a withdrawn draft", err, holdfast.Conflict)
}

// One outside reviewer cannot use up the room that all have.
func TestOutsideReviewersAreBounded(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id := start(t, w)
	l, o := w.outside(t, id, guest)
	by := o.Actor(id)
	d := *w.draft(t, id)
	for range MaxOutside - 1 {
		d.Comments = append(d.Comments, &Comment{ID: len(d.Comments) + 1, Chapter: "risks", By: by})
	}
	d.Comments = append(d.Comments, &Comment{ID: MaxOutside, Chapter: "risks", By: ann})
	b := &Book{drafts: map[string]*Draft{id: &d}}
	if _, _, err := b.speak(l, w.clock()); err != nil {
		t.Fatal(err)
	}
	d.Comments = slices.Clone(d.Comments)
	d.Comments[0] = &Comment{ID: 1, Chapter: "risks", By: by, Replies: []Reply{{By: by}}}
	_, _, err := b.speak(l, w.clock())
	wantCode(t, "one too many", err, holdfast.TooLarge)
}

// A reviewer has finished until he comments again, or the draft goes to review
// again.
func TestFinished(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id, ctx, rob := start(t, w), t.Context(), someone("rob")
	wantCode(t, "a stranger", w.Finish(ctx, rob, id), holdfast.Forbidden)
	must(t, w.Invite(ctx, ann, id, "rob"))
	must(t, w.Review(ctx, ann, id))
	finished := func(want bool) {
		t.Helper()
		if got := w.draft(t, id).HasFinished(rob); got != want {
			t.Errorf("finished %v, want %v", got, want)
		}
	}
	finished(false)
	must(t, w.Finish(ctx, rob, id))
	head := w.draft(t, id)
	must(t, w.Finish(ctx, rob, id))
	if w.draft(t, id) != head {
		t.Error("it is written twice")
	}
	finished(true)
	must(t, w.Comment(ctx, ann, true, id, Remark{Chapter: "risks", Text: "Another's."}))
	finished(true)
	must(t, w.Comment(ctx, rob, false, id, Remark{Chapter: "risks", Text: "One more."}))
	finished(false)
	must(t, w.Finish(ctx, rob, id))
	must(t, w.Return(ctx, ann, id, "Revised."))
	finished(true)
	must(t, w.Review(ctx, ann, id))
	finished(false)
	w.put(t, ann, id, "general", general("it"))
	for n := range 2 {
		must(t, w.Resolve(ctx, ann, id, n+1, "So."))
	}
	must(t, w.Submit(ctx, ann, id, ""))
	wantCode(t, "in approval", w.Finish(ctx, rob, id), holdfast.Conflict)
}

// A comment stays at its place, whatever moves around it, and is answered by the
// change of exactly its chapter.
func TestPlaces(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id, ctx := start(t, w), t.Context()
	w.put(t, ann, id, "risks", risks("early"))
	must(t, w.Comment(ctx, ann, true, id, Remark{Path: "risks[0].title", Lang: holdfast.En, Text: "Which?"}))
	c := w.draft(t, id).Comments[0]
	if c.Chapter != "risks" || c.Path != "risks[power].title" || c.Quote != "Power early" || c.On != 1 {
		t.Errorf("comment %+v", c)
	}
	for _, m := range []Remark{{Path: "risks[9]", Text: "x"}, {Path: "nowhere", Text: "x"}} {
		wantCode(t, m.Path, w.Comment(ctx, ann, true, id, m), holdfast.Conflict)
	}
	wantCode(t, "another chapter's place", w.Comment(ctx, ann, true, id, Remark{Chapter: "general", Path: "risks[0]", Text: "x"}), holdfast.Invalid)

	w.put(t, ann, id, "general", general("between"))
	w.put(t, ann, id, "risks", risks("midway"))
	must(t, w.Resolve(ctx, ann, id, 1, ""))
	w.put(t, ann, id, "risks", risks("later"))
	d := w.draft(t, id)
	before, after, changed := d.Answer(d.Comments[0])
	if !changed || !strings.Contains(before, "Power early") || !strings.Contains(after, "Power midway") || strings.Contains(after, "purpose") {
		t.Errorf("answered by %q → %q, %v", before, after, changed)
	}
	// Reopened and answered again, it is still told from what the comment was on.
	must(t, w.Reopen(ctx, ann, true, id, 1))
	w.put(t, ann, id, "risks", risks("last"))
	must(t, w.Resolve(ctx, ann, id, 1, ""))
	d = w.draft(t, id)
	if before, after, _ = d.Answer(d.Comments[0]); !strings.Contains(before, "Power early") || !strings.Contains(after, "Power last") {
		t.Errorf("answered by %q → %q", before, after)
	}
	must(t, w.Comment(ctx, ann, true, id, Remark{Path: "levels[0]", Lang: holdfast.En, Text: "And this?"}))
	must(t, w.Resolve(ctx, ann, id, 2, "It stays."))
	d = w.draft(t, id)
	if _, _, changed := d.Answer(d.Comments[1]); changed {
		t.Error("a reason is shown as a change")
	}
	if got, begun := d.TextAt("levels", 0), d.TextAt("levels", 99); got == "" || got != begun {
		t.Errorf("levels began as %q and are %q", got, begun)
	}
}
