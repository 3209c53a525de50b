package directive

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/posture"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, field string
		p           Proposal
	}{
		{"stop", "", stopAll},
		{"stop of a part", "", with(stopAll, func(p *Proposal) { p.Scope = `channel == "qr"` })},
		{"limit", "", limit},
		{"whole share with a cap", "", with(limit, func(p *Proposal) { p.Share, p.Rate = 1, 1e6 })},
		{"no reason", "reason", with(stopAll, func(p *Proposal) { p.Reason = " \n" })},
		{"long reason", "reason", with(stopAll, func(p *Proposal) { p.Reason = strings.Repeat("a", 2001) })},
		{"no scope", "scope", with(stopAll, func(p *Proposal) { p.Scope = "" })},
		{"scope that is none", "scope", with(stopAll, func(p *Proposal) { p.Scope = "chanel == 1" })},
		{"negative drain", "drain", with(stopAll, func(p *Proposal) { p.Drain = -1 })},
		{"long drain", "drain", with(stopAll, func(p *Proposal) { p.Drain = 10*time.Minute + 1 })},
		{"stop with a share", "kind", with(stopAll, func(p *Proposal) { p.Share = 0.1 })},
		{"stop with a rate", "kind", with(stopAll, func(p *Proposal) { p.Rate = 1 })},
		{"no share", "share", with(limit, func(p *Proposal) { p.Share = 0 })},
		{"share above one", "share", with(limit, func(p *Proposal) { p.Share = 1.01 })},
		{"share that is no number", "share", with(limit, func(p *Proposal) { p.Share = math.NaN() })},
		{"negative rate", "rate", with(limit, func(p *Proposal) { p.Rate = -1 })},
		{"rate that is no number", "rate", with(limit, func(p *Proposal) { p.Rate = math.NaN() })},
		{"rate above the limit", "rate", with(limit, func(p *Proposal) { p.Rate = math.Inf(1) })},
		{"kind of a later release", "kind", with(stopAll, func(p *Proposal) { p.Kind = "mask" })},
		{"reroute by no solution", "reroute", with(stopAll, func(p *Proposal) { p.Kind = posture.Reroute })},
		{"stop by a solution", "reroute", with(stopAll, func(p *Proposal) { p.Reroute = &Reroute{Temporary: "second"} })},
	} {
		err := tt.p.Check()
		if tt.field == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		var e *holdfast.Error
		if !errors.As(err, &e) || e.Code != holdfast.Invalid || e.Field != tt.field {
			t.Errorf("%s: %v, want one at %s", tt.name, err, tt.field)
		}
	}
}

func TestSecondPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.propose(stopAll, false)
	if d := w.book.Directive(id); d.State != Proposed || len(w.book.Set().Directives) != 0 || d.Position != 0 {
		t.Fatalf("proposed: %+v", d)
	}
	for name, by := range map[string]holdfast.Actor{
		"the proposer":                 mei,
		"the proposer through a token": {Kind: holdfast.Account, ID: "mei", Name: "someone else", Via: "script"},
	} {
		if _, err := Approve(w.book, id, by, nil); holdfast.CodeOf(err) != holdfast.Forbidden {
			t.Errorf("approval by %s: %v", name, err)
		}
	}
	drafts, err := Approve(w.book, id, lin, nil)
	if got := w.do(lin, drafts, err); got != "directive.approved directive.issued" {
		t.Errorf("the approval wrote %q", got)
	}
	d := w.book.Directive(id)
	if d.State != InForce || d.ApprovedBy != lin || d.ProposedBy != mei || d.PreAuthorised || d.Position != w.head || w.book.Head().Position != d.Position {
		t.Errorf("approved: %+v", d)
	}
	_, err = Approve(w.book, id, lin, nil)
	wantCode(t, err, holdfast.Conflict)
	_, err = Refuse(d, "too late")
	wantCode(t, err, holdfast.Conflict)
	_, err = Approve(w.book, "d9", lin, nil)
	wantCode(t, err, holdfast.NotFound)
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.propose(stopAll, false)
	_, err := Refuse(w.book.Directive(id), "")
	wantCode(t, err, holdfast.Invalid)
	drafts, err := Refuse(w.book.Directive(id), "card 6222021234567890123 is not the cause")
	w.do(mei, drafts, err) // who proposed it may take it back
	d := w.book.Directive(id)
	if d.State != Refused || strings.Contains(d.EndReason, "1234567") {
		t.Errorf("refused: %+v", d)
	}
	for _, err := range []error{
		second(Approve(w.book, id, lin, nil)), second(Refuse(d, "again")), second(Lift(d, 0, "why")), second(Refuse(nil, "why")), second(Lift(nil, 0, "why")),
	} {
		if code := holdfast.CodeOf(err); code != holdfast.Conflict && code != holdfast.NotFound {
			t.Errorf("after the refusal: %v", err)
		}
	}
	if rows := Progress(d, w.gates); rows != nil {
		t.Errorf("a refused directive has rows: %+v", rows)
	}
}

func second[T any](_ T, err error) error { return err }

func TestPreAuthorised(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.propose(with(stopAll, func(p *Proposal) { p.Drain = time.Minute; p.Incident = "2026-1" }), true)
	d := w.book.Directive(id)
	if d.State != InForce || !d.PreAuthorised || d.ApprovedBy.ID != "" {
		t.Errorf("pre-authorised: %+v", d)
	}
	want := posture.Directive{ID: id, Kind: posture.Stop, Scope: "all", Incident: "2026-1", Position: d.Position, Drain: time.Minute}
	if got := w.book.Set().Directives[0]; got.ID != want.ID || got.Position != want.Position || got.Drain != want.Drain || got.Incident != want.Incident || got.Salt != "" {
		t.Errorf("in force is %+v, want %+v", got, want)
	}
}

// Hazard q: a lift names what its author saw.
func TestLift(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("east", "a", "", "static")
	first := w.stop()
	seen := w.book.Directive(first).Revision
	other := w.stop() // comes in while the author of the lift writes his reason
	_, err := Lift(w.book.Directive(first), seen, " ")
	wantCode(t, err, holdfast.Invalid)
	drafts, err := Lift(w.book.Directive(first), seen, "mended")
	w.do(lin, drafts, err)
	if force := w.book.InForce(""); len(force) != 1 || force[0].ID != other {
		t.Errorf("in force: %v", force)
	}
	if d := w.book.Directive(first); d.State != Lifted || d.LiftedBy != lin || d.EndReason != "mended" || w.book.Head().Position != w.head {
		t.Errorf("lifted: %+v", d)
	}
	// The directive itself moved on since it was looked at.
	seen = w.book.Directive(other).Revision
	w.ack("east", "a", 0)
	w.confirm(other, false)
	_, err = Lift(w.book.Directive(other), seen, "mended")
	wantCode(t, err, holdfast.Conflict)
	w.lift(other)
	_, err = Lift(w.book.Directive(other), 0, "again")
	wantCode(t, err, holdfast.Conflict)
}

// At no position of the append that replaces restrictions is the posture more
// open than before and after.
func TestReplace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := []string{w.stop(), w.propose(with(stopAll, func(p *Proposal) { p.Scope = `channel == "qr"` }), true)}
	begin := w.head
	w.each = func(f holdfast.Fact) {
		if f.Position > begin && len(w.book.Set().Directives) < 2 {
			t.Errorf("after fact %d (%s) %d directives are in force", f.Position, f.Kind, len(w.book.Set().Directives))
		}
	}
	ps := []Proposal{limit, with(limit, func(p *Proposal) { p.Scope = `channel == "qr"`; p.Salt = "own" })}
	ids, drafts, err := Replace(w.book, ps, nil, old, "step 1")
	w.do(mei, drafts, err)
	if !slices.Equal(ids, []string{"d3", "d4"}) {
		t.Errorf("ids %s", ids)
	}
	set := w.book.Set().Directives
	if len(set) != 2 || set[0].ID != "d3" || set[0].Salt != "d3" || set[1].Salt != "own" {
		t.Errorf("in force: %+v", set)
	}
	for _, o := range old {
		if d := w.book.Directive(o); d.State != Lifted || d.EndReason != "step 1" {
			t.Errorf("replaced: %+v", d)
		}
	}
	_, _, err = Replace(w.book, nil, nil, []string{old[0]}, "again")
	wantCode(t, err, holdfast.Conflict)
	_, _, err = Replace(w.book, []Proposal{{}}, nil, nil, "nothing")
	wantCode(t, err, holdfast.Invalid)
}

// Hazard s: the parts of a cap never sum to more than the cap, two processes
// under one name included, and a gate that came later has no part.
func TestRateParts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		n := rapid.IntRange(0, 6).Draw(r, "processes")
		for i := range n {
			w.enrol(rapid.SampledFrom([]string{"east", "west", "north"}).Draw(r, "gate"), fmt.Sprint("boot", i), "", "static")
		}
		rate := float64(rapid.IntRange(1, 1000).Draw(r, "rate"))
		w.propose(with(limit, func(p *Proposal) { p.Rate = rate }), true)
		// As it comes to the gates.
		var set posture.Set
		content, _ := json.Marshal(w.book.Set())
		if err := json.Unmarshal(content, &set); err != nil {
			r.Fatal(err)
		}
		if set.Directives[0].Rates == nil {
			r.Fatal("the cap got lost on its way")
		}
		w.enrol("south", "late", "", "static")
		sum := 0.0
		for _, i := range w.gates.Live() {
			p, err := posture.Compile(set, nil, i.Gate)
			if err != nil {
				r.Fatal(err)
			}
			_, rates := p.Limits()
			if i.Gate == "south" && rates[0] != 0 {
				r.Fatalf("the gate that came later admits %v per second", rates[0])
			}
			sum += rates[0]
		}
		if sum > rate*(1+1e-9) || n > 0 && sum < rate*(1-1e-9) {
			r.Fatalf("the parts sum to %v, the cap is %v", sum, rate)
		}
	})
}

// One limit more than a gate takes would close every gate.
func TestRoomForLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	waiting := w.propose(limit, false)
	for range posture.MaxLimits {
		w.propose(limit, true)
	}
	if _, err := posture.Compile(w.book.Set(), nil, "east"); err != nil {
		t.Fatal(err)
	}
	_, _, err := Propose(w.book, limit, true, nil)
	wantCode(t, err, holdfast.Conflict)
	_, err = Approve(w.book, waiting, lin, nil)
	wantCode(t, err, holdfast.Conflict)
	_, _, err = Replace(w.book, []Proposal{limit}, nil, []string{"d2"}, "step")
	wantCode(t, err, holdfast.Conflict)
	w.stop() // a stop always has room
	w.lift("d2")
	_, _, err = Replace(w.book, []Proposal{limit, limit}, nil, nil, "step")
	wantCode(t, err, holdfast.Conflict)
	drafts, err := Approve(w.book, waiting, lin, nil)
	w.do(lin, drafts, err)
}

func TestPostureFacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	genesis := w.book.Head()
	if genesis != w.store.Genesis() || !w.book.Had(genesis) {
		t.Errorf("the posture begins at %v", genesis)
	}
	for _, lease := range []time.Duration{30 * time.Second, 30 * time.Second, time.Minute, 10 * time.Second} {
		w.do(mei, SetLease(w.book, lease), nil)
	}
	// Hazard n: a confirmer goes by the longest that any gate can hold.
	if w.head != 3 || w.book.Set().Lease != 10*time.Second || w.book.LongestLease() != time.Minute {
		t.Errorf("after %d facts the lease is %v, the longest %v", w.head, w.book.Set().Lease, w.book.LongestLease())
	}
	one, two := key(1), key(2)
	for _, k := range []ed25519.PublicKey{one, two, one} {
		w.do(mei, AddKey(w.book, k), nil)
	}
	if set := w.book.Set(); w.head != 5 || len(set.ProbeKeys) != 2 || set.Head.Position != 5 {
		t.Errorf("after %d facts the posture is %+v", w.head, set)
	}
	// Facts that leave the posture as it is leave its head as it is.
	w.propose(stopAll, false)
	head := w.book.Head()
	if head.Position != 5 {
		t.Errorf("a proposal moved the posture to %d", head.Position)
	}
	for name, h := range map[string]holdfast.Head{
		"a number of the posture's past":  {Journal: "test", Epoch: 1, Position: 4, Hash: head.Hash},
		"a position that is no posture's": {Journal: "test", Epoch: 1, Position: 6, Hash: head.Hash},
		"a position to come":              {Journal: "test", Epoch: 1, Position: 5000, Hash: head.Hash},
		"another epoch":                   {Journal: "test", Epoch: 2, Position: 5, Hash: head.Hash},
		"another journal":                 {Journal: "other", Epoch: 1, Position: 5, Hash: head.Hash},
		"nothing":                         {},
	} {
		if w.book.Had(h) {
			t.Errorf("the posture had %s", name)
		}
	}
	if !w.book.Had(head) {
		t.Error("the posture did not have its own head")
	}
}

func key(seed byte) ed25519.PublicKey {
	s := make([]byte, ed25519.SeedSize)
	s[0] = seed
	return ed25519.NewKeyFromSeed(s).Public().(ed25519.PublicKey)
}

// A set that was handed out never changes, whatever happens afterwards.
func TestSetIsImmutable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.stop()
	w.propose(limit, true)
	set := w.book.Set()
	before, _ := json.Marshal(set)
	w.lift(id)
	w.propose(limit, true)
	if after, _ := json.Marshal(set); string(after) != string(before) {
		t.Errorf("it became %s", after)
	}
}

func TestService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("east", "a", "", "static")
	s, end := newService(t, w.store)
	defer end()
	ctx := t.Context()
	if err := s.Prepare(ctx, 30*time.Second, key(1)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		wg.Go(func() {
			id, err := s.Propose(ctx, mei, stopAll, i%2 == 0)
			if err != nil {
				t.Error(err)
			}
			ids[i] = id
		})
	}
	wg.Wait()
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 8 {
		t.Errorf("proposers share ids: %s", ids)
	}
	id, err := s.Propose(ctx, mei, stopAll, false)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.Approve(ctx, mei, id), holdfast.Forbidden)
	for name, err := range map[string]error{
		"approve":                    s.Approve(ctx, lin, id),
		"confirm too early":          s.Confirm(ctx, mei, id, true),
		"confirm what is not there":  s.Confirm(ctx, mei, "d99", true),
		"lift":                       s.Lift(ctx, lin, id, 0, "mended"),
		"propose and refuse another": refuseOne(ctx, s),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Lift(ctx, lin, id, 0, "mended"); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("the second lift: %v", err)
	}
}

func refuseOne(ctx context.Context, s *Service) error {
	id, err := s.Propose(ctx, mei, stopAll, false)
	return errors.Join(err, s.Refuse(ctx, lin, id, "no"))
}

func newService(t *testing.T, store *journal.Memory) (*Service, func()) {
	s := &Service{Book: NewBook(store.Genesis())}
	w := newWorld(t)
	s.Gates = w.gates
	state := journal.NewState(store, store.Genesis(), s.Book, s.Gates)
	s.Desk = &journal.Desk{Journal: store, State: state, Now: func() time.Time { return now }}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- state.Run(ctx) }()
	return s, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
