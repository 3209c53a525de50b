package gate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/traffic"
)

// What was judged before a connection was had counts for as long as the posture
// stays, and no longer.
func TestAdmitJudged(t *testing.T) {
	t.Parallel()
	g, _ := openGate(t)
	judge := func(p *payment.Payment, want posture.Action) Judgement {
		t.Helper()
		v, j := g.Judge(p, Static)
		if v.Action != want {
			t.Fatalf("judged %+v; want %v", v, want)
		}
		return j
	}
	admits := func(p *payment.Payment, j Judgement, want posture.Action, at uint64) {
		t.Helper()
		a, v := g.AdmitJudged(p, Static, j)
		if v.Action != want || want == posture.Forward && a.Posture != at {
			t.Errorf("admitted by %d: %+v; want %v by %d", a.Posture, v, want, at)
		}
		a.Finish(payment.Done, "")
	}
	p := pay("k1")
	j := judge(p, posture.Forward)
	admits(p, j, posture.Forward, 10)
	enforce(t, g, set(11, stopOf("d1", "all")))
	admits(p, j, posture.Decline, 0)
	j = judge(p, posture.Decline)
	admits(p, j, posture.Decline, 0)
	enforce(t, g, set(12))
	admits(p, j, posture.Forward, 12)
	nobody := pay("")
	admits(nobody, judge(nobody, posture.Forward), posture.Forward, 12)
	if nobody.Identity == "" {
		t.Error("a payment without a name was admitted and has none")
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	type want struct{ static, strict, observe posture.Reason }
	for _, test := range []struct {
		name  string
		set   *posture.Set // nil for no posture
		lease bool
		want  want // of Admit; None for admitted
	}{
		{"no posture", nil, false, want{posture.NoPosture, posture.NoPosture, posture.None}},
		{"open, no lease", ptr(set(10)), false, want{posture.None, posture.NoLease, posture.None}},
		{"open, lease", ptr(set(10)), true, want{posture.None, posture.None, posture.None}},
		{"stopped, no lease", ptr(set(10, stopOf("d", "all"))), false, want{posture.Stopped, posture.Stopped, posture.None}},
		{"stopped, lease", ptr(set(10, stopOf("d", "all"))), true, want{posture.Stopped, posture.Stopped, posture.None}},
		{"limited, lease", ptr(set(10, posture.Directive{ID: "d", Kind: posture.Limit, Scope: "all"})), true, want{posture.OutOfShare, posture.OutOfShare, posture.None}},
	} {
		g := start(t, options(t.TempDir()))
		if test.set != nil {
			enforce(t, g, *test.set)
		}
		if test.lease {
			beat(t, g, 10, time.Minute)
		}
		for mode, reason := range map[Mode]posture.Reason{Static: test.want.static, Strict: test.want.strict, Observe: test.want.observe} {
			a, v := g.Admit(pay("p"), mode)
			if v.Reason != reason || (v.Action == posture.Forward) != (reason == posture.None) {
				t.Errorf("%s: %s: %+v, want %q", test.name, mode, v, reason)
			}
			if mode != Observe && g.Decide(pay("p"), mode).Reason != reason {
				t.Errorf("%s: %s: judged otherwise before the connection: %+v", test.name, mode, g.Decide(pay("p"), mode))
			}
			if v.Action == posture.Forward {
				if a.Judged().Reason == posture.None && test.want.static != posture.None {
					t.Errorf("%s: %s: what the posture says was not counted", test.name, mode)
				}
				a.Finish(payment.Done, "")
			}
		}
		for _, k := range []payment.Kind{payment.Inquiry, payment.Other} {
			p := pay("p")
			p.Kind = k
			if v := g.Decide(p, Strict); v.Action != posture.Forward {
				t.Errorf("%s: %s does not pass: %+v", test.name, k, v)
			}
		}
		if s := g.Status(); s.InFlight != 0 || s.Unresolved != 0 {
			t.Errorf("%s: left in flight %d, unresolved %d", test.name, s.InFlight, s.Unresolved)
		}
	}
}

func ptr[T any](v T) *T { return &v }

// Each attempt is an admission of its own: what was judged before the
// connection was taken counts for nothing.
func TestHazardL_AdmissionJudgesAnew(t *testing.T) {
	t.Parallel()
	g, c := openGate(t)
	beat(t, g, 10, time.Minute)
	if v := g.Decide(pay("p"), Strict); v.Action != posture.Forward {
		t.Fatalf("%+v", v)
	}
	c.move(time.Minute) // while the connection was waited for
	if _, v := g.Admit(pay("p"), Strict); v.Reason != posture.NoLease {
		t.Errorf("%+v", v)
	}
	enforce(t, g, set(11, stopOf("d", "all")))
	if _, v := g.Admit(pay("p"), Static); v.Reason != posture.Stopped {
		t.Errorf("%+v", v)
	}
	if s := g.Status(); s.InFlight != 0 {
		t.Errorf("%d are listed as in flight", s.InFlight)
	}
}

func TestAFullListDeclines(t *testing.T) {
	t.Parallel()
	g, _ := openGate(t)
	var all []*Admission
	for i := range 8 {
		all = append(all, admit(t, g, fmt.Sprint("p", i)))
	}
	for _, mode := range []Mode{Static, Observe} {
		if _, v := g.Admit(pay("one more"), mode); v.Action != posture.Decline || v.Reason != posture.Full {
			t.Errorf("%s: %+v", mode, v)
		}
	}
	all[3].Finish(payment.Done, "")
	admit(t, g, "one more").Finish(payment.NotDone, "")
	for _, a := range all {
		a.Finish(payment.Done, "") // all[3] for the second time
	}
	if s := g.Status(); s.InFlight != 0 {
		t.Errorf("%d in flight", s.InFlight)
	}
}

// A second Finish must not free a slot that is another payment's by now.
func TestFinishCountsOnce(t *testing.T) {
	t.Parallel()
	g, _ := openGate(t)
	first := admit(t, g, "first")
	first.Finish(payment.Done, "")
	for i := range 8 {
		admit(t, g, fmt.Sprint("p", i))
	}
	first.Finish(payment.Done, "")
	if s := g.Status(); s.InFlight != 8 {
		t.Errorf("%d in flight, want 8", s.InFlight)
	}
	if _, v := g.Admit(pay("one more"), Static); v.Reason != posture.Full {
		t.Errorf("%+v", v)
	}
}

func TestWhatHasNoNameIsListedAllTheSame(t *testing.T) {
	t.Parallel()
	g, _ := openGate(t)
	for _, identity := range []string{"", strings.Repeat("x", payment.MaxIdentity+1)} {
		admit(t, g, identity)
	}
	longest := strings.Repeat("y", payment.MaxIdentity)
	admit(t, g, longest)
	ack := enforce(t, g, set(11, stopOf("d", "all")))
	named := 0
	for _, r := range ack.InFlight {
		if r.Identity == longest {
			named++
		} else if !strings.HasPrefix(r.Identity, unnamed) || r.Amount != 1299 || r.Currency != "CNY" || r.Route != "pay" || r.Kind != "payment" || r.Posture != 10 || !r.At.Equal(wall) {
			t.Errorf("listed %+v", r)
		}
	}
	if len(ack.InFlight) != 3 || named != 1 || ack.InFlight[0].Identity == ack.InFlight[1].Identity {
		t.Errorf("listed %q", identities(ack.InFlight))
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	g, _ := openGate(t)
	probe := pay("probe")
	probe.Probe = "i1"
	late := pay("late")
	late.Advice = true
	for _, p := range []*payment.Payment{pay("a"), probe, late} {
		a, _ := g.Admit(p, Static)
		a.Finish(payment.Done, "")
	}
	g.Declined(pay("b"), posture.Verdict{Action: posture.Decline, Reason: posture.Stopped})
	inquiry := pay("")
	inquiry.Kind = payment.Inquiry
	g.Passed(inquiry, payment.Done, time.Millisecond)
	snap := g.counter.Take(1)
	got := map[string]int64{}
	for _, r := range snap.Rows {
		got[fmt.Sprint(r.Key.Kind, " ", r.Key.Verdict, " ", r.Key.Reason, " ", r.Key.Outcome)] += r.Count
	}
	want := map[string]int64{"payment forward  done": 1, "payment probe  done": 1, "payment advice  done": 1, "payment decline stopped not-done": 1, "inquiry forward  done": 1}
	for k, n := range want {
		if got[k] != n {
			t.Errorf("%q counted %d times; all: %v", k, got[k], got)
		}
	}
	if len(got) != len(want) {
		t.Errorf("counted %v", got)
	}
	series := traffic.NewSeries()
	if err := series.Add(1, "east", snap); err != nil {
		t.Fatal(err)
	}
	if payers, err := series.Payers(1, 2); err != nil || payers.By[traffic.PayerDeclined] != 1 || payers.All != 1 || payers.AtLeast {
		t.Errorf("payers that were not served: %+v, %v", payers, err)
	}
}

func TestAClosedGateAdmitsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g, err := New(options(dir))
	if err != nil {
		t.Fatal(err)
	}
	enforce(t, g, set(10))
	late := admit(t, g, "late")
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	// What was in flight may still finish: the list is on disk for the next start.
	late.Finish(payment.Unknown, "no answer")
	if _, v := g.Admit(pay("next"), Static); v.Reason != posture.Full {
		t.Errorf("%+v", v)
	}
	if _, err := g.Enforce(set(11)); holdfast.CodeOf(err) != holdfast.Unavailable {
		t.Errorf("%v", err)
	}
	if _, _, err := g.StopLocally("all", 0); holdfast.CodeOf(err) != holdfast.Unavailable {
		t.Errorf("%v", err)
	}
	g = start(t, options(dir))
	if got := identities(g.Unresolved()); got != "late" || !g.Pending("late") {
		t.Errorf("unresolved %q", got)
	}
}

func BenchmarkAdmit(b *testing.B) {
	g, err := New(Options{Name: "east", Dir: b.TempDir(), Clock: &handClock{}, Alone: true})
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	p := pay("p")
	b.ReportAllocs()
	for b.Loop() {
		a, _ := g.Admit(p, Static)
		a.Finish(payment.Done, "")
	}
}
