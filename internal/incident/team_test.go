package incident

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/procedure"
)

func at(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }

func holderOf(account string) Holder { return Holder{Account: account, Name: account} }

// play appends what an act decides and returns its error's code.
func (s *stage) play(by string, minute int, drafts []journal.Draft, err error) holdfast.Code {
	s.append(person(by), at(minute), drafts)
	return holdfast.CodeOf(err)
}

func TestPosts(t *testing.T) {
	t.Parallel()
	s, in := limited(t)
	if in.Held[Commander].Account != "mei" {
		t.Fatalf("who confirmed does not command: %+v", in.Held)
	}
	for _, step := range []struct {
		post   Post
		who    string
		reason string
		want   holdfast.Code
	}{
		{Scribe, "lin", "", ""},
		{Scribe, "", "", holdfast.Invalid},
		{"cook", "lin", "", holdfast.Invalid},
		{Technology, "lin", "", ""}, // one person may hold two
		{Commander, "lin", " ", holdfast.Invalid},
		{Commander, "lin", "mei cannot be reached", ""},
	} {
		drafts, err := Fill(in, step.post, holderOf(step.who), step.reason)
		if got := s.play("lin", 1, drafts, err); got != step.want {
			t.Errorf("%+v: %q, %v", step, got, err)
		}
	}
	if h := in.Held[Commander]; h.Account != "lin" || !h.Since.Equal(at(1)) {
		t.Errorf("the commander is %+v", h)
	}
}

// A hand-over lists what is open, passes when the other accepts, and takes along the
// tasks that the first had taken.
func TestHandover(t *testing.T) {
	t.Parallel()
	s, in := limited(t)
	drafts, err := Take(in, "repair", person("mei"))
	s.play("mei", 1, drafts, err)
	_, drafts, err = AskDecision(in, "Switch over?", []string{"yes", "no"}, Choice{})
	s.play("mei", 1, drafts, err)

	offer := func(by, to, text string) holdfast.Code {
		_, drafts, err := Offer(in, Commander, holderOf(to), text, person(by))
		return s.play(by, 2, drafts, err)
	}
	answer := func(by string, n int, accept bool, reason string) holdfast.Code {
		drafts, err := AnswerOffer(in, n, accept, reason, person(by))
		return s.play(by, 3, drafts, err)
	}
	for _, step := range []struct {
		what      string
		got, want holdfast.Code
	}{
		{"who does not hold it", offer("lin", "bo", "x"), holdfast.Forbidden},
		{"to oneself", offer("mei", "mei", "x"), holdfast.Invalid},
		{"without a word", offer("mei", "lin", ""), holdfast.Invalid},
		{"to nobody with an account", offer("mei", "", "x"), holdfast.Invalid},
		{"offered", offer("mei", "lin", "all is quiet"), ""},
		{"twice", offer("mei", "bo", "x"), holdfast.Conflict},
		{"accepted by another", answer("bo", 1, true, ""), holdfast.Forbidden},
		{"ended by another", answer("bo", 1, false, "x"), holdfast.Forbidden},
		{"declined without a reason", answer("lin", 1, false, ""), holdfast.Invalid},
		{"declined", answer("lin", 1, false, "not before noon"), ""},
		{"answered again", answer("lin", 1, true, ""), holdfast.Conflict},
		{"no such", answer("lin", 7, true, ""), holdfast.NotFound},
		{"offered again", offer("mei", "lin", "all is quiet"), ""},
		{"accepted", answer("lin", 2, true, ""), ""},
	} {
		if step.got != step.want {
			t.Errorf("%s: %q, want %q", step.what, step.got, step.want)
		}
	}
	h := in.Handovers[1]
	if !slices.Equal(h.Decisions, []string{"D1"}) || !slices.Equal(h.Tasks, []string{"repair", "look"}) || h.From.Account != "mei" {
		t.Errorf("the record is %+v", h)
	}
	if in.Held[Commander].Account != "lin" || in.Tasks["repair"].Owner.ID != "lin" || in.Tasks["look"].Owner.ID != "" {
		t.Errorf("held %+v, tasks %+v", in.Held, in.Tasks)
	}
}

// The one who offered may have lost the post meanwhile; then there is nothing to accept.
func TestHandoverOvertaken(t *testing.T) {
	t.Parallel()
	s, in := limited(t)
	_, drafts, err := Offer(in, Commander, holderOf("lin"), "x", person("mei"))
	s.play("mei", 1, drafts, err)
	drafts, err = Fill(in, Commander, holderOf("bo"), "mei fell ill")
	s.play("bo", 2, drafts, err)
	if _, err := AnswerOffer(in, 1, true, "", person("lin")); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("accepted from who holds it no more: %v", err)
	}
}

// The command's limit runs from when it was taken, anew for each commander.
func TestShift(t *testing.T) {
	t.Parallel()
	s, in := limited(t)
	in.Procedure.Shift = procedure.Duration(8 * time.Hour)
	for _, stage := range in.Procedure.Stages { // only the command has a limit
		for i := range stage.Tasks {
			stage.Tasks[i].Limit, stage.Tasks[i].TakeWithin = 0, 0
		}
	}
	in.Procedure.Stages[1].Limit, in.Procedure.Stages[2].Limit = 0, 0
	for _, step := range []struct {
		minute float64
		want   []string
	}{{380, nil}, {385, []string{"limit-at-risk commander +60"}}, {481, []string{"limit-breached commander +60"}}, {490, nil}} {
		if got := s.tell(in, step.minute); !slices.Equal(got, step.want) {
			t.Errorf("minute %v: told %q", step.minute, got)
		}
	}
	drafts, err := Fill(in, Commander, holderOf("lin"), "mei has gone home")
	s.play("lin", 500, drafts, err)
	if l, ok := in.ShiftLimit(); !ok || !l.Breached.IsZero() || !l.Due.Equal(at(980)) {
		t.Errorf("the limit is %+v", l)
	}
	if met, missed := in.LimitCount(); met != 0 || missed != 0 {
		t.Errorf("a command counts as %d met, %d missed", met, missed)
	}
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	s, in := limited(t)
	ask := func(question string, options []string, c Choice) holdfast.Code {
		_, drafts, err := AskDecision(in, question, options, c)
		return s.play("mei", 1, drafts, err)
	}
	decide := func(id string, c Choice) holdfast.Code {
		drafts, err := MakeDecision(in, id, c)
		return s.play("lin", 2, drafts, err)
	}
	yes := Choice{Chosen: "yes", Why: "it is faster; card 4111 1111 1111 1111", Reversible: true, DecidedBy: "superior"}
	for _, step := range []struct {
		what      string
		got, want holdfast.Code
	}{
		{"no question", ask(" ", []string{"a", "b"}, Choice{}), holdfast.Invalid},
		{"one option", ask("q", []string{"a", " a ", ""}, Choice{}), holdfast.Invalid},
		{"asked", ask("Switch over?", []string{"yes", "no"}, Choice{}), ""},
		{"decided at once", ask("Tell the press?", []string{"now", "later"}, Choice{Chosen: "later", Why: "facts first"}), ""},
		{"none of the options", decide("D1", Choice{Chosen: "maybe", Why: "x"}), holdfast.Invalid},
		{"without a reason", decide("D1", Choice{Chosen: "yes"}), holdfast.Invalid},
		{"no such", decide("D9", yes), holdfast.NotFound},
		{"decided", decide("D1", yes), ""},
		{"twice", decide("D1", yes), holdfast.Conflict},
	} {
		if step.got != step.want {
			t.Errorf("%s: %q, want %q", step.what, step.got, step.want)
		}
	}
	d := in.Decisions[0]
	if d.Chosen != "yes" || !d.Reversible || d.MadeBy.ID != "lin" || d.AskedBy.ID != "mei" || d.Why != "it is faster; card 4111 11** **** 1111" {
		t.Errorf("decided %+v", d)
	}
	if d := in.Decisions[1]; d.Chosen != "later" || !d.Made.Equal(d.Asked) || in.openDecisions() != nil {
		t.Errorf("decided %+v", d)
	}
}

// A correction stands beside what it corrects, also when all is over.
func TestCorrect(t *testing.T) {
	t.Parallel()
	s, in := limited(t)
	before := in.clone()
	on := func(p holdfast.Position) bool { return p == 2 }
	drafts, err := Correct(in, Corrected{2, "it began at five; card 4111 1111 1111 1111"}, on)
	facts := s.append(person("mei"), at(1), drafts)
	if err != nil || len(facts) != 1 || string(facts[0].Body) != `{"position":2,"text":"it began at five; card 4111 11** **** 1111"}` {
		t.Errorf("corrected: %v, %v", facts, err)
	}
	before.Revision = in.Revision
	if !reflect.DeepEqual(before, in) {
		t.Error("a correction changed the incident")
	}
	in.State = Closed
	if _, err := Correct(in, Corrected{2, "x"}, on); err != nil {
		t.Errorf("an incident that is over cannot be corrected: %v", err)
	}
	for _, e := range []Corrected{{3, "x"}, {2, " "}} {
		if _, err := Correct(in, e, on); err == nil {
			t.Errorf("%+v was recorded", e)
		}
	}
}
