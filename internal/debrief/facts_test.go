package debrief

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
)

var (
	now  = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	mei  = holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "梅"}
	lin  = holdfast.Actor{Kind: holdfast.Account, ID: "lin", Name: "林"}
	none = holdfast.Hash{}
)

// tell folds drafts as the facts of an actor, at the revisions they expect.
func tell(t *testing.T, b *Book, by holdfast.Actor, at time.Time, drafts ...journal.Draft) {
	t.Helper()
	for _, d := range drafts {
		f := holdfast.Fact{Subject: d.Subject, Revision: d.Expect + 1, Kind: d.Kind, Actor: by, Time: at, Body: d.Body}
		if before := b.Debrief(d.Subject.ID()); before != nil && d.Expect != before.revision || before == nil && d.Expect != 0 {
			t.Fatalf("%s expects revision %d", d.Kind, d.Expect)
		}
		if err := b.Apply(f); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEntriesCorrectEarlierOnes(t *testing.T) {
	t.Parallel()
	b := NewBook()
	d := &Debrief{Incident: "2026-1"}
	tell(t, b, mei, now, d.draft(Written{Summary, "first"}, Written{Summary, "second"},
		CauseSet{"c1", CauseForm{Why: "w", Kind: Contributing}}, CauseSet{"c2", CauseForm{Parent: "c1", Why: "v", Kind: Root}})...)
	before := b.Debrief("2026-1")
	tell(t, b, lin, now, before.draft(CauseSet{"c1", CauseForm{Why: "better", Kind: Contributing}}, CauseWithdrawn{"c2", "not so"},
		ImprovementSet{"i1", ImprovementForm{What: "x"}}, ImprovementWithdrawn{"i1", "done already"})...)
	after := b.Debrief("2026-1")
	if s := after.Texts[Summary]; s.Text != "second" || s.Entries != 2 || s.By != mei {
		t.Errorf("the summary is %+v", s)
	}
	if c := after.Causes[0]; c.Why != "better" || c.Entries != 2 || c.By != lin {
		t.Errorf("the cause is %+v", c)
	}
	if tree := after.Tree(); len(tree) != 1 || !tree[0].Asked {
		t.Errorf("the tree is %+v", tree)
	}
	if len(after.Improvements) != 1 || len(after.Agreed()) != 0 {
		t.Errorf("the improvements are %+v", after.Improvements)
	}
	if before.Causes[0].Why != "w" || before.Causes[1].Withdrawn != nil || len(before.Tree()) != 2 {
		t.Error("what a reader holds has changed")
	}
}

func TestTreeOfWhys(t *testing.T) {
	t.Parallel()
	d := &Debrief{Causes: []Cause{
		{Entry: Entry{ID: "c1"}, CauseForm: CauseForm{Kind: Contributing}},
		{Entry: Entry{ID: "c2"}, CauseForm: CauseForm{Kind: Contributing}},
		{Entry: Entry{ID: "c3"}, CauseForm: CauseForm{Parent: "c1", Kind: Root}},
		{Entry: Entry{ID: "c4"}, CauseForm: CauseForm{Parent: "c3", Kind: Contributing}},
	}}
	var got []string
	for _, b := range d.Tree() {
		line := b.ID
		for range b.Depth {
			line = " " + line
		}
		if b.Asked {
			line += "?"
		}
		got = append(got, line)
	}
	if want := []string{"c1", " c3", "  c4?", "c2?"}; !slices.Equal(got, want) {
		t.Errorf("the tree is %q", got)
	}
}

func TestChangeVoidsWhatWasPresented(t *testing.T) {
	t.Parallel()
	b := NewBook()
	d := &Debrief{Incident: "2026-1"}
	tell(t, b, mei, now, d.draft(Written{Summary, "s"}, PresentedFact{Round: 1, Hash: none, Sign: []string{"a", "b"}}, Signed{1, "a"})...)
	if s := b.Debrief("2026-1").State(); s != Presented {
		t.Fatalf("it is %s", s)
	}
	if r, _ := b.Debrief("2026-1").Round(); !slices.Equal(r.Missing(), []string{"b"}) {
		t.Errorf("missing are %q", r.Missing())
	}
	drafts := b.Debrief("2026-1").draft(Written{Well, "a"}, Written{Badly, "b"})
	if len(drafts) != 3 || drafts[1].Kind != "debrief.voided" {
		t.Fatalf("the facts are %v", drafts)
	}
	tell(t, b, lin, now, drafts...)
	r, _ := b.Debrief("2026-1").Round()
	if b.Debrief("2026-1").State() != Writing || r.Voided == nil || r.Voided.Change != "debrief.written" || r.Voided.By != lin {
		t.Errorf("the round is %+v", r)
	}
	if len(r.Signatures) != 1 {
		t.Error("what was signed is gone")
	}
}

// What was written before there were causes is read on.
func TestOldDebriefs(t *testing.T) {
	t.Parallel()
	b := NewBook()
	for _, body := range []incident.Debrief{
		{Summary: "s", Causes: "old", Improvements: []incident.Improvement{{What: "x", Who: "lin", Due: "2026-12-31"}, {What: "y"}}},
		{Summary: "t", Causes: "new", WentWell: "w", Improvements: []incident.Improvement{{What: "z", Who: "mei", Due: "2027-01-31"}}},
	} {
		raw, err := json.Marshal(incident.DebriefSaved{Debrief: body})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Apply(holdfast.Fact{Subject: "incident/2026-1", Revision: 9, Kind: incident.DebriefKind, Actor: mei, Time: now, Body: raw}); err != nil {
			t.Fatal(err)
		}
	}
	d := b.Debrief("2026-1")
	if d.Text(Summary) != "t" || d.Text(Well) != "w" || len(d.Roots()) != 1 || d.Roots()[0].Why != "new" {
		t.Errorf("it is %+v", d)
	}
	if len(d.Agreed()) != 1 || d.Agreed()[0].Who != "mei" || len(d.Wanting()) != 0 {
		t.Errorf("the improvements are %+v", d.Improvements)
	}
	tell(t, b, mei, now, d.draft(Written{Summary, "u"})...)
	if b.Debrief("2026-1").Text(Summary) != "u" {
		t.Error("it cannot be written on")
	}
}

func TestUnknownFactsAreLeftAlone(t *testing.T) {
	t.Parallel()
	b := NewBook()
	if err := b.Apply(holdfast.Fact{Subject: "debrief/2026-1", Revision: 1, Kind: "debrief.of-tomorrow", Body: []byte(`[]`)}); err != nil {
		t.Fatal(err)
	}
	tell(t, b, mei, now, b.Debrief("2026-1").draft(Written{Summary, "s"})...)
	if err := b.Apply(holdfast.Fact{Subject: "debrief/2026-1", Revision: 3, Kind: "debrief.signed", Body: []byte(`[]`)}); err == nil {
		t.Error("a body that cannot be read is taken")
	}
}
