package draft

import (
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/approval"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

// approvable is a world with a submitted draft of a plan that an officer, cat,
// and an engineer, dee, countersign.
func approvable(t *testing.T) (w *world, id string) {
	t.Helper()
	w = memory(t)
	w.hold(t, "cat", "officer")
	w.hold(t, "dee", "engineer")
	id = start(t, w, countersigned)
	w.put(t, ann, id, "general", general("it"))
	must(t, w.Submit(t.Context(), ann, id, ""))
	return w, id
}

func (w *world) publish(t *testing.T, id string) error {
	t.Helper()
	_, err := w.Publish(t.Context(), bob, id, time.Time{})
	return err
}

func TestCountersigned(t *testing.T) {
	t.Parallel()
	w, id := approvable(t)
	must(t, w.Approve(t.Context(), dee, id, w.hash(t, id)))
	wantCode(t, "half approved", w.publish(t, id), holdfast.Conflict)
	wantCode(t, "twice", w.Approve(t.Context(), dee, id, w.hash(t, id)), holdfast.Conflict)
	wantCode(t, "by a stranger", w.Approve(t.Context(), bob, id, w.hash(t, id)), holdfast.Forbidden)
	must(t, w.Approve(t.Context(), cat, id, w.hash(t, id)))
	must(t, w.publish(t, id))
}

// Not one byte changes after approval: neither by a save, nor by taking the draft
// back and submitting it again.
func TestOneByteChanged(t *testing.T) {
	t.Parallel()
	w, id := approvable(t)
	seen := w.hash(t, id)
	must(t, w.Approve(t.Context(), cat, id, seen))
	must(t, w.Approve(t.Context(), dee, id, seen))
	wantCode(t, "a save", w.Save(t.Context(), ann, id, "general", 1, general("iT")), holdfast.Conflict)
	must(t, w.Return(t.Context(), ann, id, "A slip."))
	must(t, w.Save(t.Context(), ann, id, "general", 1, general("iT")))
	wantCode(t, "not submitted", w.publish(t, id), holdfast.Conflict)
	must(t, w.Submit(t.Context(), ann, id, ""))
	wantCode(t, "not approved", w.publish(t, id), holdfast.Conflict)
	wantCode(t, "on what was seen before", w.Approve(t.Context(), cat, id, seen), holdfast.Conflict)

	// Nor does the old text bring the old decisions back.
	must(t, w.Return(t.Context(), ann, id, "A slip."))
	must(t, w.Save(t.Context(), ann, id, "general", 2, general("it")))
	must(t, w.Submit(t.Context(), ann, id, ""))
	if w.hash(t, id) != seen {
		t.Fatal("the text is another")
	}
	wantCode(t, "with decisions of before", w.publish(t, id), holdfast.Conflict)
}

// A book whose text was changed under the approval, as by a damaged journal, does
// not publish.
func TestTextChangedUnderneath(t *testing.T) {
	t.Parallel()
	w, id := approvable(t)
	must(t, w.Approve(t.Context(), cat, id, w.hash(t, id)))
	must(t, w.Approve(t.Context(), dee, id, w.hash(t, id)))
	for _, chapter := range []string{"general", "levels"} {
		d := *w.draft(t, id)
		d.chapters = map[string]string{}
		for key, text := range w.draft(t, id).chapters {
			if key == chapter {
				text = strings.Replace(text, "{", "{ ", 1) + "#"
			}
			d.chapters[key] = text
		}
		forged := w.Nouns
		forged.Drafts = &Book{drafts: map[string]*Draft{id: &d}}
		_, _, err := forged.publish(id, time.Time{}, w.clock())
		wantCode(t, "publish "+chapter, err, holdfast.Conflict)
		_, err = forged.approve(id, plan.Hash(d.Text()), "", cat)
		wantCode(t, "approve "+chapter, err, holdfast.Conflict)
	}
}

func TestOwnText(t *testing.T) {
	t.Parallel()
	w := memory(t)
	w.hold(t, "ann", "officer")
	w.hold(t, "cat", "officer")
	w.hold(t, "dee", "engineer")
	id := start(t, w, countersigned)
	w.put(t, ann, id, "general", general("mine"))
	// Somebody else writes over it; ann has written of the draft all the same.
	w.put(t, bob, id, "general", general("ours"))
	must(t, w.Submit(t.Context(), bob, id, ""))
	for name, by := range map[string]holdfast.Actor{
		"by its author": ann,
		"with a token":  {Kind: holdfast.Account, ID: "ann", Name: "Other", Via: "robot"},
	} {
		wantCode(t, name, w.Approve(t.Context(), by, id, w.hash(t, id)), holdfast.Forbidden)
	}
	wantCode(t, "by who is no account", w.Approve(t.Context(), holdfast.Actor{Kind: holdfast.Sender, ID: "cat"}, id, w.hash(t, id)), holdfast.Forbidden)
	// Who began the draft of a revision has written nothing and may approve.
	must(t, w.Approve(t.Context(), cat, id, w.hash(t, id)))

	// Who has approved and then writes is an author when it is submitted again.
	must(t, w.Return(t.Context(), bob, id, "Something is missing."))
	w.put(t, cat, id, "risks", risks("new"))
	must(t, w.Submit(t.Context(), bob, id, ""))
	wantCode(t, "by the new author", w.Approve(t.Context(), cat, id, w.hash(t, id)), holdfast.Forbidden)

	// So is who brought the text in, and who restored a chapter.
	must(t, w.Withdraw(t.Context(), bob, id, "Anew."))
	id, err := w.Begin(t.Context(), cat, "", small(t, countersigned, string(risks("brought"))))
	must(t, err)
	w.put(t, bob, id, "general", general("a"))
	w.put(t, bob, id, "general", general("b"))
	must(t, w.Restore(t.Context(), dee, id, "general", 2, 1))
	must(t, w.Submit(t.Context(), bob, id, ""))
	wantCode(t, "by who brought it", w.Approve(t.Context(), cat, id, w.hash(t, id)), holdfast.Forbidden)
	wantCode(t, "by who restored", w.Approve(t.Context(), dee, id, w.hash(t, id)), holdfast.Forbidden)
}

func TestDecisionOnAnotherText(t *testing.T) {
	t.Parallel()
	w, id := approvable(t)
	for name, hash := range map[string]holdfast.Hash{
		"none": {}, "the revision in force": plan.Hash(small(t, countersigned)), "one bit off": flip(w.hash(t, id)),
	} {
		wantCode(t, name, w.Approve(t.Context(), cat, id, hash), holdfast.Conflict)
	}
	if n := len(w.draft(t, id).Decisions); n != 0 {
		t.Errorf("%d decisions", n)
	}
}

func flip(h holdfast.Hash) holdfast.Hash { h[31] ^= 1; return h }

// A decision holds for the draft it was given on, even where another says the
// same, word for word.
func TestReplayOnAnotherDraft(t *testing.T) {
	t.Parallel()
	w, id := approvable(t)
	seen := w.hash(t, id)
	must(t, w.Approve(t.Context(), cat, id, seen))
	must(t, w.Approve(t.Context(), dee, id, seen))
	must(t, w.Withdraw(t.Context(), ann, id, "Not this one."))
	wantCode(t, "publishing what was withdrawn", w.publish(t, id), holdfast.Conflict)

	next, err := w.Begin(t.Context(), ann, "", nil)
	must(t, err)
	w.put(t, ann, next, "general", general("it"))
	must(t, w.Submit(t.Context(), ann, next, ""))
	if w.hash(t, next) != seen {
		t.Fatal("the text is another")
	}
	wantCode(t, "with the decisions of the other", w.publish(t, next), holdfast.Conflict)
	must(t, w.Return(t.Context(), ann, next, "Another word."))
	w.put(t, ann, next, "general", general("another"))
	must(t, w.Submit(t.Context(), ann, next, ""))
	wantCode(t, "the other's hash", w.Approve(t.Context(), cat, next, seen), holdfast.Conflict)
}

// Who has lost his role, left, or lost the right to approve before publication
// has not approved.
func TestRoleLost(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(t *testing.T, w *world){
		"another role":  func(t *testing.T, w *world) { w.hold(t, "cat", "other") },
		"left":          func(t *testing.T, w *world) { must(t, w.people.Leave(t.Context(), bob, "p-cat", "Retired.")) },
		"without right": func(_ *testing.T, w *world) { w.bar("cat", true) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, id := approvable(t)
			must(t, w.Approve(t.Context(), cat, id, w.hash(t, id)))
			lose(t, w)
			must(t, w.Approve(t.Context(), dee, id, w.hash(t, id)))
			wantCode(t, "published", w.publish(t, id), holdfast.Conflict)
			wantCode(t, "approved again", w.Approve(t.Context(), cat, id, w.hash(t, id)), holdfast.Forbidden)
			if _, complete, _ := w.Place(w.draft(t, id), bob); complete {
				t.Error("it is shown as approved")
			}
			// Another holder completes it; only what counts is recorded.
			w.hold(t, "eve", "officer")
			must(t, w.Approve(t.Context(), someone("eve"), id, w.hash(t, id)))
			must(t, w.publish(t, id))
			w.Desk.State.View(func() {
				r, _ := w.Nouns.Plans.Current("small", w.clock())
				for _, a := range r.Approvals {
					if a.By.ID == "cat" {
						t.Errorf("approvals %+v", r.Approvals)
					}
				}
			})
		})
	}
}

// The right to approve is all that a step without roles asks for; it has to last.
func TestRightLost(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id := start(t, w)
	w.put(t, ann, id, "general", general("it"))
	must(t, w.Submit(t.Context(), ann, id, ""))
	must(t, w.Approve(t.Context(), bob, id, w.hash(t, id)))
	w.bar("bob", true)
	wantCode(t, "published", w.publish(t, id), holdfast.Conflict)
	w.bar("bob", false)
	must(t, w.publish(t, id))
}

// A draft that names an easier ladder, or another plan, is judged by the revision
// in force.
func TestLadderLoosenedByTheDraft(t *testing.T) {
	t.Parallel()
	w := memory(t)
	w.hold(t, "cat", "officer")
	w.hold(t, "dee", "engineer")
	id := start(t, w, countersigned)
	w.put(t, ann, id, "governance", []byte(looser))
	must(t, w.Submit(t.Context(), ann, id, ""))
	if l := w.draft(t, id).Submitted.Ladder; len(l) != 1 || l[0].Mode != approval.All || !slices.Equal(l[0].Roles, []string{"officer", "engineer"}) {
		t.Fatalf("ladder %+v", l)
	}
	must(t, w.Approve(t.Context(), cat, id, w.hash(t, id)))
	wantCode(t, "by its own ladder", w.publish(t, id), holdfast.Conflict)
	must(t, w.Approve(t.Context(), dee, id, w.hash(t, id)))
	must(t, w.publish(t, id))

	// Its successor is approved by what is in force now.
	id, err := w.Begin(t.Context(), ann, "", nil)
	must(t, err)
	w.put(t, ann, id, "general", general("next"))
	must(t, w.Submit(t.Context(), ann, id, ""))
	must(t, w.Approve(t.Context(), cat, id, w.hash(t, id)))
	must(t, w.publish(t, id))

	id, err = w.Begin(t.Context(), ann, "", nil)
	must(t, err)
	w.put(t, ann, id, "general", []byte(strings.Replace(string(general("x")), "id: small", "id: other", 1)))
	wantCode(t, "another plan's id", w.Submit(t.Context(), ann, id, ""), holdfast.Invalid)
}

// A ladder that comes into force while the draft is in approval counts.
func TestLadderTightenedMeanwhile(t *testing.T) {
	t.Parallel()
	w := memory(t)
	w.hold(t, "cat", "officer")
	w.hold(t, "dee", "engineer")
	id := start(t, w, looser)
	w.put(t, ann, id, "governance", []byte(countersigned))
	must(t, w.Submit(t.Context(), ann, id, ""))
	must(t, w.Approve(t.Context(), cat, id, w.hash(t, id)))
	_, err := w.Publish(t.Context(), bob, id, w.clock().Add(time.Hour))
	must(t, err)

	id, err = w.Begin(t.Context(), ann, "", nil) // of the latest, not yet in force
	must(t, err)
	if from := w.draft(t, id).From; from != 2 {
		t.Fatalf("it begins with revision %d", from)
	}
	w.put(t, ann, id, "general", general("next"))
	must(t, w.Submit(t.Context(), ann, id, ""))
	must(t, w.Approve(t.Context(), cat, id, w.hash(t, id)))
	w.pass(2 * time.Hour)
	wantCode(t, "by the ladder of before", w.publish(t, id), holdfast.Conflict)
	must(t, w.Return(t.Context(), ann, id, "The ladder is another."))
	must(t, w.Submit(t.Context(), ann, id, ""))
	must(t, w.Approve(t.Context(), cat, id, w.hash(t, id)))
	must(t, w.Approve(t.Context(), dee, id, w.hash(t, id)))
	must(t, w.publish(t, id))
}

func TestApprovalRunsOut(t *testing.T) {
	t.Parallel()
	w, id := approvable(t)
	must(t, w.Approve(t.Context(), cat, id, w.hash(t, id)))
	must(t, w.Approve(t.Context(), dee, id, w.hash(t, id)))
	w.pass(240*time.Hour + time.Second)
	wantCode(t, "too late", w.publish(t, id), holdfast.Conflict)
	w.pass(-2 * time.Second)
	must(t, w.publish(t, id))
}

// A draft that does not know of a revision published since it began would undo
// it.
func TestRevisionPublishedMeanwhile(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id := start(t, w)
	w.put(t, ann, id, "general", general("it"))
	must(t, w.Submit(t.Context(), ann, id, ""))
	must(t, w.Approve(t.Context(), cat, id, w.hash(t, id)))
	_, err := w.plans.Publish(t.Context(), dee, small(t, string(risks("meanwhile"))), "")
	must(t, err)
	wantCode(t, "published", w.publish(t, id), holdfast.Conflict)
	must(t, w.Return(t.Context(), ann, id, "It is behind."))
	wantCode(t, "submitted", w.Submit(t.Context(), ann, id, ""), holdfast.Conflict)
}

// Once a plan says who approves, nothing is published past them: not directly,
// and not by the text that is in force where a later one is to come.
func TestNoWayRoundTheLadder(t *testing.T) {
	t.Parallel()
	w, id := approvable(t)
	_, err := w.plans.Publish(t.Context(), ann, small(t, looser), "")
	wantCode(t, "published directly", err, holdfast.Forbidden)
	must(t, w.Approve(t.Context(), cat, id, w.hash(t, id)))
	must(t, w.Approve(t.Context(), dee, id, w.hash(t, id)))
	_, err = w.Publish(t.Context(), bob, id, w.clock().Add(time.Hour))
	must(t, err)
	_, err = w.plans.Publish(t.Context(), ann, small(t, countersigned), "")
	wantCode(t, "the text in force over the one to come", err, holdfast.Forbidden)
}

// A text that says what the latest revision says needs no approval, and one that
// the judge refuses gets none.
func TestNothingToApprove(t *testing.T) {
	t.Parallel()
	w := memory(t)
	id := start(t, w)
	wantCode(t, "unchanged", w.Submit(t.Context(), ann, id, ""), holdfast.Conflict)
	w.put(t, ann, id, "general", general("it"))
	w.Nouns.Judge = func(*Draft, *plan.Plan, time.Time) error { return holdfast.Errorf(holdfast.Invalid, "L101") }
	wantCode(t, "with findings", w.Submit(t.Context(), ann, id, ""), holdfast.Invalid)
	w.Nouns.Judge = nil
	wantCode(t, "a long number", w.Submit(t.Context(), ann, id, strings.Repeat("7", maxDocument+1)), holdfast.TooLarge)
	must(t, w.Save(t.Context(), ann, id, "levels", 0, nil))
	wantCode(t, "without levels", w.Submit(t.Context(), ann, id, ""), holdfast.Invalid)
}

// The answer to an append was lost: the facts are written, the author saw an
// error. Repeating the act writes nothing twice.
func TestAnswerLost(t *testing.T) {
	t.Parallel()
	store := journal.NewMemory("test")
	w := newWorld(t, &deaf{Journal: store, genesis: store.Genesis()})
	id := start(t, w)
	lose := func() { w.Desk.Journal.(*deaf).lose = true }
	for name, act := range map[string]func() error{
		"save":    func() error { return w.Save(t.Context(), ann, id, "general", 0, general("it")) },
		"comment": func() error { return w.Comment(t.Context(), ann, true, id, Remark{Chapter: "general", Text: "Hm."}) },
		"invite":  func() error { return w.Invite(t.Context(), ann, id, "rob") },
	} {
		lose()
		wantCode(t, name, act(), holdfast.Unavailable)
		must(t, w.Desk.State.Reach(t.Context(), store.Head().Position))
		head := store.Head()
		must(t, act())
		if store.Head() != head {
			t.Errorf("%s is written twice", name)
		}
	}
	d := w.draft(t, id)
	if len(d.Saves) != 1 || len(d.Comments) != 1 || len(d.Reviewers) != 1 {
		t.Errorf("%d saves, %d comments, %d reviewers", len(d.Saves), len(d.Comments), len(d.Reviewers))
	}
}

// A ladder binds from its publication on, though the revision that has it comes into
// force later: neither a right nor a draft with a ladder of its own gets past it.
func TestLadderOfARevisionToCome(t *testing.T) {
	t.Parallel()
	w := memory(t)
	w.hold(t, "cat", "officer")
	w.hold(t, "dee", "engineer")
	id, err := w.Begin(t.Context(), ann, "", small(t, countersigned))
	must(t, err)
	must(t, w.Submit(t.Context(), ann, id, ""))
	must(t, w.Approve(t.Context(), cat, id, w.hash(t, id)))
	must(t, w.Approve(t.Context(), dee, id, w.hash(t, id)))
	_, err = w.Publish(t.Context(), bob, id, w.clock().Add(24*time.Hour))
	must(t, err)

	_, err = w.plans.Publish(t.Context(), bob, small(t), "")
	wantCode(t, "by a right alone", err, holdfast.Forbidden)
	id, err = w.Begin(t.Context(), ann, "", small(t, looser))
	must(t, err)
	must(t, w.Submit(t.Context(), ann, id, ""))
	must(t, w.Approve(t.Context(), cat, id, w.hash(t, id)))
	wantCode(t, "by a ladder of its own", w.publish(t, id), holdfast.Conflict)
}
