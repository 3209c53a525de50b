package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/gate"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
	"holdfast/internal/traffic"
)

func code(err error) holdfast.Code { return holdfast.CodeOf(err) }

// Rule 1: no lease before the fact that makes the process known, none for one
// taken out of service, and none from a node that cannot write.
func TestBeatNeedsEnrolmentAndJournal(t *testing.T) {
	t.Parallel()
	r := newRig(t, "j")
	h := gate.Heartbeat{Gate: "east", Boot: "b1", Nonce: 7}
	if _, err := r.node.Beat(t.Context(), h); code(err) != holdfast.NotFound {
		t.Errorf("before enrolment: %v", err)
	}
	r.enrol("east", "b1", gate.Strict)
	b, err := r.node.Beat(t.Context(), h)
	if err != nil || b.Nonce != 7 || b.Lease != lease || b.Posture != r.head() || b.Journal != r.state.Head() {
		t.Errorf("%+v, %v; the posture is %v", b, err, r.head())
	}
	if l, ok := r.node.Live("east"); !ok || l.Heartbeat.Nonce != 7 || r.node.Silent("east") || !r.node.Silent("west") {
		t.Errorf("live %+v", l)
	}
	r.store.at(func() error { return holdfast.Errorf(holdfast.Unavailable, "the journal is away") })
	if _, err := r.node.Beat(t.Context(), h); code(err) != holdfast.Unavailable {
		t.Errorf("without a journal: %v", err)
	}
	if _, err := r.node.Enrol(t.Context(), gate.Enrolment{Gate: "west", Boot: "b"}); code(err) != holdfast.Unavailable {
		t.Errorf("enrolment without a journal: %v", err)
	}
	r.store.at(nil)
	r.enrol("east", "b2", gate.Strict)
	e := gate.Enrolment{Gate: "east", Boot: "b3", Replaces: "b1", Routes: []gate.Route{route(gate.Strict)}}
	if _, err := r.node.Enrol(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if _, err := r.node.Beat(t.Context(), h); code(err) != holdfast.NotFound {
		t.Errorf("replaced: %v", err)
	}
}

// Hazards a and b: a stop that commits while the heartbeat is under way is in
// the answer, however far behind the node's fold is.
func TestBeatSeesWhatCommitsMeanwhile(t *testing.T) {
	t.Parallel()
	r := newRig(t, "j")
	r.enrol("east", "b1", gate.Strict)
	before := r.head()
	stopped := false
	r.store.at(func() error {
		if !stopped {
			stopped = true
			r.stop()
		}
		return nil
	})
	b, err := r.node.Beat(t.Context(), gate.Heartbeat{Gate: "east", Boot: "b1", Nonce: 1})
	if err != nil || b.Posture.Position <= before.Position || b.Posture != r.head() || b.Journal.Position < b.Posture.Position {
		t.Errorf("%+v, %v; the stop is at %v", b, err, r.head())
	}
}

// Hazard a: a node that has not folded the head of its barrier does not answer.
func TestBeatWaitsForTheFold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := newRig(t, "j")
		first.enrol("east", "b1", gate.Strict)
		first.stop()
		second := over(t, first.store, "j") // another node; it has folded nothing
		answered := make(chan gate.Beat, 1)
		go func() {
			b, err := second.node.Beat(t.Context(), gate.Heartbeat{Gate: "east", Boot: "b1"})
			if err != nil {
				t.Error(err)
			}
			answered <- b
		}()
		synctest.Wait()
		select {
		case b := <-answered:
			t.Fatalf("answered %+v with nothing folded", b)
		default:
		}
		second.folding()
		if b := <-answered; b.Posture != first.head() {
			t.Errorf("posture %v, not %v", b.Posture, first.head())
		}
	})
}

// Rule 2: a posture is pushed at once and at each change, and the push counts
// for nothing.
func TestFollow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "j")
		if err := r.node.Follow(t.Context(), "east", "b1", nil); code(err) != holdfast.NotFound {
			t.Errorf("before enrolment: %v", err)
		}
		r.enrol("east", "b1", gate.Static)
		ctx, cancel := context.WithCancel(t.Context())
		var got []posture.Set
		ended := make(chan error, 2)
		follow := func(ctx context.Context) {
			ended <- r.node.Follow(ctx, "east", "b1", func(s posture.Set) error { got = append(got, s); return nil })
		}
		go follow(ctx)
		synctest.Wait()
		r.enrol("west", "b1", gate.Static) // a fact that changes no posture
		id := r.stop()
		synctest.Wait()
		if len(got) != 2 || len(got[0].Directives) != 0 || len(got[1].Directives) != 1 || got[1].Head != r.head() || got[1].Lease != lease {
			t.Errorf("pushed %+v", got)
		}
		if l, _ := r.node.Live("east"); !l.Following || r.gates.Gate("east").Present().Posture.Position != 0 || r.confirmation(id) != nil {
			t.Errorf("following %v, acknowledged %v", l.Following, r.gates.Gate("east").Present().Posture)
		}
		// The gate comes back before its old stream has ended.
		second, stop := context.WithCancel(t.Context())
		go follow(second)
		synctest.Wait()
		hold := func() time.Duration {
			b, err := r.node.Beat(t.Context(), gate.Heartbeat{Gate: "east", Boot: "b1"})
			if err != nil {
				t.Fatal(err)
			}
			return b.Hold
		}
		if got := hold(); got != 2*tellsOne {
			t.Errorf("with two streams to tell, the gate is to hold its word for %v", got)
		}
		cancel()
		<-ended
		if l, _ := r.node.Live("east"); !l.Following {
			t.Error("the end of the old stream hides the new one")
		}
		stop()
		<-ended
		if got := hold(); got != 0 {
			t.Errorf("with nobody to tell, the gate is to hold its word for %v", got)
		}
		if l, _ := r.node.Live("east"); l.Following {
			t.Error("nobody follows any more")
		}
	})
}

func TestFollowEndsWithTheGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "j")
		r.enrol("east", "b1", gate.Static)
		ended := make(chan error, 1)
		go func() {
			ended <- r.node.Follow(t.Context(), "east", "b1", func(posture.Set) error { return nil })
		}()
		synctest.Wait()
		e := gate.Enrolment{Gate: "east", Boot: "b2", Replaces: "b1", Routes: []gate.Route{route(gate.Static)}}
		if _, err := r.node.Enrol(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; code(err) != holdfast.NotFound {
			t.Errorf("ended with %v", err)
		}
		broken := errors.New("the stream broke")
		if err := r.node.Follow(t.Context(), "east", "b2", func(posture.Set) error { return broken }); !errors.Is(err, broken) {
			t.Errorf("ended with %v", err)
		}
	})
}

// A head older than any gate's witness, or beside it, is an alarm.
func TestWitness(t *testing.T) {
	t.Parallel()
	r := newRig(t, "j")
	r.enrol("east", "b1", gate.Static)
	r.stop()
	facts, err := r.store.Read(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	at := func(i int) holdfast.Head {
		return holdfast.Head{Journal: "j", Epoch: 1, Position: facts[i].Position, Hash: facts[i].Hash}
	}
	last := at(len(facts) - 1)
	other := func(change func(*holdfast.Head)) holdfast.Head {
		h := last
		change(&h)
		return h
	}
	tests := []struct {
		name    string
		witness holdfast.Head
		alarm   bool
	}{
		{"nothing seen yet", holdfast.Head{}, false},
		{"the head", last, false},
		{"an older fact", at(1), false},
		{"the first fact, from memory", at(1), false},
		{"newer than the journal", other(func(h *holdfast.Head) { h.Position++ }), true},
		{"another fact at the place", other(func(h *holdfast.Head) { h.Hash[3]++ }), true},
		{"another fact further back", holdfast.Head{Journal: "j", Epoch: 1, Position: 1, Hash: holdfast.Hash{1}}, true},
		{"another journal", other(func(h *holdfast.Head) { h.Journal = "k" }), true},
		{"an older epoch here", other(func(h *holdfast.Head) { h.Epoch = 2 }), true},
	}
	for _, test := range tests {
		_, err := r.node.Beat(t.Context(), gate.Heartbeat{Gate: "east", Boot: "b1", Witness: test.witness})
		if got := code(err) == holdfast.Damaged; got != test.alarm || err != nil && !got {
			t.Errorf("%s: %v", test.name, err)
		}
		if got, told := r.node.Ahead()["east"]; told != test.alarm || told && got != test.witness {
			t.Errorf("%s: the node says that the gate has seen %v", test.name, got)
		}
	}
}

// A gate that has seen another history is in the set all the same: a stop is not
// confirmed without it. It gets no lease.
func TestAGateOfAnotherHistoryIsEnrolledWithoutALease(t *testing.T) {
	t.Parallel()
	r := newRig(t, "j")
	witness := holdfast.Head{Journal: "j", Epoch: 2, Position: 99, Hash: holdfast.Hash{7}}
	e := gate.Enrolment{Gate: "east", Boot: "b1", Account: "a-east", Witness: witness, Routes: []gate.Route{route(gate.Static)}}
	if _, err := r.node.Enrol(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	id := r.stop()
	if r.confirmation(id) != nil {
		t.Error("confirmed without the gate")
	}
	if _, err := r.node.Beat(t.Context(), gate.Heartbeat{Gate: "east", Boot: "b1", Witness: witness}); code(err) != holdfast.Damaged {
		t.Errorf("the gate got a lease: %v", err)
	}
	var live int
	r.state.View(func() { live = len(r.gates.Live()) })
	if live != 1 {
		t.Errorf("%d gates are waited for", live)
	}
}

// Rule 6 of the formats: a repeated report changes nothing, and what was recorded
// is named so that the gate can forget it.
func TestReportTwice(t *testing.T) {
	t.Parallel()
	r := newRig(t, "j")
	r.enrol("east", "b1", gate.Static)
	r.stop()
	rec := payment.Record{Identity: "k1", Route: "pay", Kind: "payment", Amount: 1299, Currency: "CNY", At: time.Now()}
	counter := traffic.NewCounter(0)
	counter.Add(traffic.Key{Route: "pay", Kind: payment.Pay, Verdict: "forward", Outcome: payment.Done, Currency: "CNY"}, 1299, time.Millisecond)
	second := time.Now().Unix() - 1
	report := gate.Report{
		Gate: "east", Boot: "b1", Account: "a-east",
		Acks:    []gate.Acknowledgement{{Posture: r.head(), Listed: true, InFlight: []payment.Record{rec}, Drain: time.Second, At: time.Now()}},
		Drained: []gate.Drained{{Position: r.head().Position, Unknown: []payment.Record{rec}, At: time.Now()}},
		Entries: []gate.Entry{{Seq: 1, Record: rec, Outcome: payment.Unknown, Why: "no answer", At: time.Now()}},
		Counts:  []traffic.Snapshot{counter.Take(second)},
	}
	for range 2 {
		done, err := r.node.Report(t.Context(), report)
		if err != nil || done.Entries != 1 {
			t.Fatalf("%+v, %v", done, err)
		}
	}
	stop := r.gates.Gate("east").Present().StopAt(r.head().Position)
	if stop == nil || len(stop.InFlight) != 1 || stop.Drained == nil || len(stop.Drained.Unknown) != 1 || r.gates.UnresolvedCount() != 1 {
		t.Errorf("stop %+v, %d unresolved", stop, r.gates.UnresolvedCount())
	}
	var kinds []string
	facts, err := r.store.Read(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range facts {
		if f.Subject == "gate/east" {
			kinds = append(kinds, f.Kind)
		}
	}
	if want := []string{"gate.enrolled", "gate.acknowledged", "gate.drained", "gate.outcomes"}; !slices.Equal(kinds, want) {
		t.Errorf("facts %v, want %v", kinds, want)
	}
	total, err := r.series.Totals(traffic.Query{From: second, To: second + 1}, traffic.ByRoute)
	if err != nil || len(total.Groups) != 1 || total.Groups[0].Count != 1 {
		t.Errorf("counted %+v, %v", total, err)
	}
	if _, err := r.node.Report(t.Context(), gate.Report{Gate: "nobody", Boot: "b", Account: "a"}); code(err) != holdfast.NotFound {
		t.Errorf("a gate nobody knows: %v", err)
	}
	if _, err := r.node.Report(t.Context(), gate.Report{Gate: "east", Boot: "b9", Acks: report.Acks, Account: "a"}); code(err) != holdfast.NotFound {
		t.Errorf("a run nobody knows: %v", err)
	}
}

// An enrolment whose fact is not folded in time is no panic.
func TestEnrolBeforeTheFold(t *testing.T) {
	t.Parallel()
	r := over(t, &store{Memory: journal.NewMemory("j")}, "j")
	ctx, cancel := context.WithCancel(t.Context())
	r.store.at(func() error { cancel(); return nil })
	_, err := r.node.Enrol(ctx, gate.Enrolment{Gate: "east", Boot: "b1", Routes: []gate.Route{route(gate.Static)}})
	if err == nil {
		t.Error("enrolled, with nothing folded")
	}
}

// standIns is where a test reads what gates say of stand-in.
type standIns struct {
	told   []string
	refuse error
}

func (d *standIns) Told(_ context.Context, gate string, s standin.Summary) ([]standin.Order, error) {
	d.told = append(d.told, gate+" "+s.Source)
	return []standin.Order{{ID: "x1", Shard: s.Of[0].Shard}}, d.refuse
}

func unknownEntry(identity string, seq uint64) gate.Entry {
	return gate.Entry{Seq: seq, Record: payment.Record{Identity: identity, Route: "pay"}, Outcome: payment.Unknown, Why: "no answer", At: time.Now()}
}

// What a gate says of stand-in is handed on and answered with its orders; what is
// not taken holds the rest of the report up in no case.
// trials says what is tried, and notes who found how much.
type trials struct{ put []string }

func (*trials) Trials() []standin.Trial { return []standin.Trial{{Scope: "all", Share: 0.01}} }

func (s *trials) Put(gate string, figures []standin.TrialFigures, _ time.Time) {
	s.put = append(s.put, fmt.Sprintf("%s %d", gate, len(figures)))
}

// A gate that tells of stand-in is told what to try; what it found is handed on, unless its
// summary cannot be read.
func TestShadowIsHandedOn(t *testing.T) {
	t.Parallel()
	r := newRig(t, "n1")
	shadow := &trials{}
	r.node.Shadow = shadow
	r.enrol("east", "b1", gate.Static)
	found := standin.TrialFigures{Profile: "small", Version: "v1", Share: 0.01, Since: time.Now()}
	report := func(s *standin.Summary) []standin.Trial {
		t.Helper()
		answer, err := r.node.Report(t.Context(), gate.Report{Gate: "east", Boot: "b1", Account: "a-east", StandIn: s})
		if err != nil {
			t.Fatal(err)
		}
		return answer.Trials
	}
	sum := standin.Summary{Source: "src1", At: time.Now(), Shards: 1, Trials: []standin.TrialFigures{found}}
	if got := report(&sum); len(got) != 1 || got[0].Share != 0.01 {
		t.Errorf("it is told to try %+v", got)
	}
	sum.Trials[0].Share = 2
	if got := report(&sum); len(got) != 1 {
		t.Errorf("since its figures cannot be read, it is told to try %+v", got)
	}
	if got := report(nil); got != nil {
		t.Errorf("a gate without stand-in is told to try %+v", got)
	}
	if len(shadow.put) != 1 || shadow.put[0] != "east 1" {
		t.Errorf("handed on %v", shadow.put)
	}
}

func TestStandInIsHandedOn(t *testing.T) {
	t.Parallel()
	r := newRig(t, "j")
	r.enrol("east", "b1", gate.Static)
	desk := &standIns{}
	r.node.StandIn = desk
	summary := standin.Summary{Source: "src1", At: time.Now(), Shards: 4, Of: []standin.ShardSummary{{Shard: 3}}}
	report := gate.Report{Gate: "east", Boot: "b1", Account: "a-east", StandIn: &summary, Entries: []gate.Entry{unknownEntry("k1", 1)}}
	answer, err := r.node.Report(t.Context(), report)
	if err != nil || len(answer.StandIn) != 1 || answer.StandIn[0].Shard != 3 || len(desk.told) != 1 || desk.told[0] != "east src1" {
		t.Fatalf("answered %+v, %v; told %v", answer, err, desk.told)
	}
	for n, spoil := range []func(){func() { desk.refuse = errors.New("no") }, func() { summary.Shards = 0 }} {
		spoil()
		report.Entries = []gate.Entry{unknownEntry("k1", uint64(n+2))}
		if answer, err = r.node.Report(t.Context(), report); err != nil || len(answer.StandIn) != 0 || answer.Entries != uint64(n+2) {
			t.Errorf("answered %+v, %v", answer, err)
		}
	}
	if len(desk.told) != 2 {
		t.Errorf("told %v", desk.told)
	}
}
